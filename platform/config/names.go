package config

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/v2"

	"healthcare/platform/spelling"
)

// Misspelt returns the names of environment variables that resemble a variable of this program, each with the name that
// was probably intended. Errors: *Error.
func Misspelt() (map[string]string, error) {
	k, err := defaults()
	if err != nil {
		return nil, err
	}
	return misspeltAmong(variableNames(k), os.Environ()), nil
}

// variableNames returns every variable that configures this program, in alphabetical order.
func variableNames(k *koanf.Koanf) []string {
	names := []string{"CONFIG_FILE"}
	for _, key := range k.Keys() {
		names = append(names, strings.ToUpper(key), strings.ToUpper(key)+"_FILE")
	}
	slices.Sort(names)
	return names
}

func misspeltAmong(ours, environment []string) map[string]string {
	intended := map[string]string{}
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		if near := spelling.Nearest(strings.ToUpper(name), ours); near != "" && value != "" {
			intended[name] = near
		}
	}
	return intended
}

// misspeltHints returns a hint for each misspelt variable, which may be the cause of a configuration error.
func misspeltHints(names []string) (hints []string) {
	for name, intended := range misspeltAmong(names, os.Environ()) {
		hints = append(hints, name+" is set but unknown: did you mean "+intended+"?")
	}
	slices.Sort(hints)
	return hints
}

// required returns the error for a missing key. Errors: *Error.
func required(key string) error {
	k, err := defaults()
	if err != nil {
		return err
	}
	text := keyError(key, "is required with PostgreSQL and in production; generate one with: openssl rand -base64 48")
	return errorf("%s", strings.Join(append([]string{text}, misspeltHints(variableNames(k))...), "; "))
}

// addressFromPort sets a missing http_address from PORT, which hosting platforms set to the port that they route to.
// Errors: *Error.
func addressFromPort(k *koanf.Koanf, standard string) error {
	name, port := "PORT", os.Getenv("PORT")
	if k.Exists("http_address") {
		return nil
	}
	if file := os.Getenv("PORT_FILE"); file != "" {
		if port != "" {
			return errorf("PORT: both PORT and PORT_FILE are set")
		}
		content, err := readFile("PORT_FILE", file)
		if err != nil {
			return err
		}
		if name, port = "PORT_FILE", strings.TrimSpace(string(content)); port == "" {
			return errorf("PORT_FILE: the file is empty")
		}
	}
	if port == "" {
		return k.Set("http_address", standard)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errorf("%s: must be a port number, such as 8000 (it is used because HTTP_ADDRESS is not set)", name)
	}
	return k.Set("http_address", ":"+port)
}

// Color reports whether output to a terminal may be coloured (no-color.org).
func Color() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }
