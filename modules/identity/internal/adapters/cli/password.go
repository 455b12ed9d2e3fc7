package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// terminal returns in if it is a terminal, else nil.
func terminal(in io.Reader) *os.File {
	if file, ok := in.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file
	}
	return nil
}

// readPassword prompts twice on a terminal, without echo. From anything else it reads the first line.
func readPassword(in io.Reader, out io.Writer) (string, error) {
	tty := terminal(in)
	if tty == nil {
		return firstLine(in)
	}
	first, err := prompt(tty, out, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := prompt(tty, out, "Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ")
	}
	return first, nil
}

func prompt(terminal *os.File, out io.Writer, text string) (string, error) {
	fmt.Fprint(out, text)
	typed, err := term.ReadPassword(int(terminal.Fd()))
	fmt.Fprintln(out)
	return string(typed), err
}

// maxLine is more bytes than any password has, so that a wrong file is not read whole.
const maxLine = 4096

func firstLine(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, maxLine)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	line = strings.TrimPrefix(line, "\ufeff") // PowerShell writes a byte order mark into a pipe
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("no password on the first line of standard input")
	}
	return line, nil
}
