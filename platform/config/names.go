package config

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/v2"

	"healthcare/platform/spelling"
)

// Misspelt returns the variables of the environment that are nearly one of ours, each with the one that was probably meant. It shows no value.
// Errors: *Error.
func Misspelt() (map[string]string, error) {
	k, err := defaults()
	if err != nil {
		return nil, err
	}
	return misspelt(variableNames(k), os.Environ()), nil
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

func misspelt(ours, environment []string) map[string]string {
	meant := map[string]string{}
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		if near := spelling.Nearest(strings.ToUpper(name), ours); near != "" && value != "" {
			meant[name] = near
		}
	}
	return meant
}

// remarks returns a clause for each misspelt variable, for the line that refuses a configuration: the key that it names may have been meant.
func remarks(names []string) (said []string) {
	for name, meant := range misspelt(names, os.Environ()) {
		said = append(said, name+" is set, which has no meaning: "+meant+" may be meant")
	}
	slices.Sort(said)
	return said
}

// required refuses a configuration without a key. Errors: *Error.
func required(key string) error {
	k, err := defaults()
	if err != nil {
		return err
	}
	said := refusal(key, "is required with PostgreSQL and in production; make one with: openssl rand -base64 48")
	return errorf("%s", strings.Join(append([]string{said}, remarks(variableNames(k))...), "; "))
}

// addressFromPort completes a configuration without http_address from PORT, which platforms set to the port that they route to. Errors: *Error.
func addressFromPort(k *koanf.Koanf, usual string) error {
	name, port := "PORT", os.Getenv("PORT")
	if k.Exists("http_address") {
		return nil
	}
	if file := os.Getenv("PORT_FILE"); file != "" {
		if port != "" {
			return errorf("PORT: both PORT and PORT_FILE are set")
		}
		content, err := readable("PORT_FILE", file)
		if err != nil {
			return err
		}
		if name, port = "PORT_FILE", strings.TrimSpace(string(content)); port == "" {
			return errorf("PORT_FILE: the file is empty")
		}
	}
	if port == "" {
		return k.Set("http_address", usual)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errorf("%s: must be the number of a port, such as 8000 (it counts because HTTP_ADDRESS is not set)", name)
	}
	return k.Set("http_address", ":"+port)
}

// Color reports whether output to a terminal may be coloured (no-color.org).
func Color() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }
