package mail

import (
	"bufio"
	"bytes"
	"errors"
	"net/textproto"
)

// acceptBareReplies makes the client of a connection accept replies without a text, such as "250" and the end of the
// line (RFC 5321, section 4.2). net/textproto rejects those, so that a message would be sent again that the server has
// accepted.
func acceptBareReplies(text *textproto.Conn) { text.R = bufio.NewReader(&replyReader{lines: text.R}) }

// replyReader adds the space that separates a code from its text to replies that have no text.
type replyReader struct {
	lines  *bufio.Reader
	rest   []byte // of the line that was read last
	inside bool   // the next bytes continue a line
}

// Read implements io.Reader.
func (r *replyReader) Read(into []byte) (int, error) {
	if len(r.rest) == 0 {
		line, err := r.lines.ReadSlice('\n')
		if len(line) == 0 {
			return 0, err
		}
		if r.rest = line; !r.inside && isBareReply(line) {
			r.rest = append(line[:codeLength:codeLength], " \r\n"...)
		}
		r.inside = errors.Is(err, bufio.ErrBufferFull)
	}
	n := copy(into, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

const codeLength = len("250")

func isBareReply(line []byte) bool {
	line = bytes.TrimRight(line, "\r\n")
	return len(line) == codeLength && bytes.Trim(line, "0123456789") == nil
}
