package contract

import (
	"strconv"
	"strings"
)

// WholeNumber returns the digits of a decimal number such as " 31 ", 31.0 or 3.1e1, if it is an integer of 64 bits. It
// computes with text, so that no digit is lost and a large exponent costs nothing.
func WholeNumber(text string) (string, bool) {
	text = strings.TrimSpace(text)
	sign := ""
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "+") {
		sign, text = strings.TrimPrefix(text[:1], "+"), text[1:]
	}
	mantissa, power, scientific := strings.Cut(strings.ToLower(text), "e")
	integer, fraction, decimal := strings.Cut(mantissa, ".")
	if !allDigits(integer) || decimal && !allDigits(fraction) {
		return "", false
	}
	exponent := 0
	if scientific {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil {
			return "", false
		}
	}
	all := strings.TrimLeft(integer+fraction, "0")
	digits := strings.TrimRight(all, "0")
	if digits == "" {
		return "0", true
	}
	point := exponent + len(all) - len(fraction) // the number is 0.<digits> times ten to this power
	if point < len(digits) || point > len("9223372036854775807") {
		return "", false
	}
	n, err := strconv.ParseInt(sign+digits+strings.Repeat("0", point-len(digits)), 10, 64)
	return strconv.FormatInt(n, 10), err == nil
}

func allDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}
