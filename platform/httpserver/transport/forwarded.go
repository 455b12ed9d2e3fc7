package transport

import (
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// elements yields the elements of a list header from the last to the first, across all its lines. The element of the
// nearest proxy comes first, and the client's text to its left does not affect it. Commas in quoted strings do not
// separate elements.
func elements(lines [][]byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, bytes := range slices.Backward(lines) {
			line := string(bytes)
			for more := true; more; {
				var element string
				line, element, more = cutLast(line)
				if element = strings.Trim(element, " \t"); element != "" && !yield(element) {
					return
				}
			}
		}
	}
}

// cutLast splits a line at its last comma outside of a quoted string. In a quoted string, a backslash escapes a
// quotation mark.
func cutLast(line string) (before, element string, found bool) {
	quoted := false
	for i := len(line) - 1; i >= 0; i-- {
		switch {
		case line[i] == '"' && (!quoted || !escaped(line[:i])):
			quoted = !quoted
		case line[i] == ',' && !quoted:
			return line[:i], line[i+1:], true
		}
	}
	return "", line, false
}

// escaped reports whether before ends in an odd number of backslashes.
func escaped(before string) bool {
	return (len(before)-len(strings.TrimRight(before, `\`)))%2 == 1
}

// parseHop parses an element of X-Forwarded-For.
func parseHop(element string) (netip.Addr, bool) {
	if text, quoted := unquote(element); quoted {
		element = strings.Trim(text, " \t")
	}
	return parseNode(element)
}

// parseForwarded parses the parameter "for" of an element of Forwarded (RFC 7239, section 4). It returns false if the
// parameter is missing, repeated or not an address (unknown, _hidden).
func parseForwarded(element string) (address netip.Addr, ok bool) {
	found := false
	for rest := element; rest != ""; {
		var pair string
		pair, rest = cutPair(rest)
		name, value, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(strings.Trim(name, " \t"), "for") {
			continue
		}
		if found {
			return netip.Addr{}, false
		}
		found = true
		value = strings.Trim(value, " \t")
		if text, quoted := unquote(value); quoted {
			value = text
		}
		address, ok = parseNode(value)
	}
	return address, ok
}

// cutPair splits an element at its first semicolon outside of a quoted string.
func cutPair(element string) (pair, rest string) {
	quoted := false
	for i := 0; i < len(element); i++ {
		switch {
		case element[i] == '\\' && quoted:
			i++
		case element[i] == '"':
			quoted = !quoted
		case element[i] == ';' && !quoted:
			return element[:i], element[i+1:]
		}
	}
	return element, ""
}

// unquote returns the text of a quoted string (RFC 9110, section 5.6.4).
func unquote(s string) (text string, quoted bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", false
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i < len(s)-2 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}

// parseNode parses an address in the forms that proxies write: alone, in brackets, and with a port.
func parseNode(node string) (netip.Addr, bool) {
	if address, ok := parseHost(node); ok {
		return address, true
	}
	colon := strings.LastIndexByte(node, ':')
	if colon < 0 || !isPort(node[colon+1:]) {
		return netip.Addr{}, false
	}
	return parseHost(node[:colon])
}

func parseHost(host string) (netip.Addr, bool) {
	if inner, opened := strings.CutPrefix(host, "["); opened {
		if inner, opened = strings.CutSuffix(inner, "]"); !opened {
			return netip.Addr{}, false
		}
		host = inner
	}
	address, err := netip.ParseAddr(host)
	return address, err == nil
}

// isPort reports whether port is a port number or an obfuscated port (RFC 7239, section 6.3).
func isPort(port string) bool {
	if hidden, obfuscated := strings.CutPrefix(port, "_"); obfuscated {
		const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
		return hidden != "" && strings.Trim(hidden, allowed) == ""
	}
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil
}
