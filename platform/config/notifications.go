package config

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// checkPublicURL validates the address at which people reach the service.
func checkPublicURL(address string) error {
	const form = "must be an address such as https://clinic.example, without a slash at the end"
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" || parsed.User != nil ||
		parsed.RawQuery != "" || parsed.Fragment != "" || strings.HasSuffix(address, "/") ||
		strings.ContainsFunc(address, func(r rune) bool { return r > unicode.MaxASCII || r <= ' ' || r == '>' }) {
		return errors.New(form)
	}
	return nil
}

// checkPracticeName validates the name that messages contain.
func checkPracticeName(name string) error {
	const longest = 100
	if name == "" || utf8.RuneCountInString(name) > longest || strings.ContainsFunc(name, unicode.IsControl) {
		return errors.New("must have 1 to 100 characters and no line break")
	}
	return nil
}

// quietHours matches two times of a day; the module notifications reads them.
var quietHours = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$`)

func checkQuietHours(hours string) error {
	if hours == "none" {
		return nil
	}
	from, to, _ := strings.Cut(hours, "-")
	if !quietHours.MatchString(hours) || from == to {
		return errors.New("must be two times, such as 21:00-08:00, or none")
	}
	const layout, longest = "15:04", 20 * time.Hour
	begin, _ := time.Parse(layout, from) // quietHours has matched both
	end, _ := time.Parse(layout, to)
	if (end.Sub(begin)+24*time.Hour)%(24*time.Hour) > longest {
		return errors.New("must be at most 20 hours a day")
	}
	return nil
}
