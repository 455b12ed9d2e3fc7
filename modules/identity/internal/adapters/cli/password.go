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

// terminal returns in as a terminal that a person types on, or nil.
func terminal(in io.Reader) *os.File {
	if file, ok := in.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file
	}
	return nil
}

// readPassword asks twice on a terminal, without showing what is typed; anything else is read to the end of its first
// line.
func readPassword(in io.Reader, out io.Writer) (string, error) {
	typist := terminal(in)
	if typist == nil {
		return firstLine(in)
	}
	first, err := ask(typist, out, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := ask(typist, out, "Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords are not the same")
	}
	return first, nil
}

func ask(terminal *os.File, out io.Writer, prompt string) (string, error) {
	fmt.Fprint(out, prompt)
	typed, err := term.ReadPassword(int(terminal.Fd()))
	fmt.Fprintln(out)
	return string(typed), err
}

// longest is more than any password may have, so that a wrong file is not read whole.
const longest = 4096

func firstLine(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, longest)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	line = strings.TrimPrefix(line, "\ufeff") // PowerShell writes a byte order mark into a pipe
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", errors.New("standard input holds no password; its first line is taken")
	}
	return line, nil
}
