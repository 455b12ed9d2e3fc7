package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"

	"healthcare/configs"
)

// Default returns the default configuration, without the environment.
func Default() (c Config, err error) {
	k, err := defaults()
	if err != nil {
		return Config{}, err
	}
	return c, decode(k, &c)
}

func defaults() (*koanf.Koanf, error) {
	k := koanf.New(".")
	if err := k.Load(rawbytes.Provider(configs.Default), yaml.Parser()); err != nil {
		return nil, errorf("defaults: %v", err)
	}
	return k, nil
}

// Load reads the defaults, the file that CONFIG_FILE names and the environment. Later ones override earlier ones.
// Errors: *Error.
func Load() (Config, error) {
	k, err := defaults()
	if err != nil {
		return Config{}, err
	}
	names := variableNames(k)
	c, err := load(k)
	if invalid, ok := errors.AsType[*Error](err); ok {
		return Config{}, errorf("%s", strings.Join(append([]string{invalid.text}, misspeltHints(names)...), "; "))
	}
	return c, err
}

func load(k *koanf.Koanf) (Config, error) {
	known := map[string]bool{}
	for _, key := range k.Keys() {
		known[key] = true
	}
	address := k.String("http_address")
	k.Delete("http_address")
	if err := loadFile(k, known); err != nil {
		return Config{}, err
	}
	if err := loadEnvironment(k, known); err != nil {
		return Config{}, err
	}
	if err := addressFromPort(k, address); err != nil {
		return Config{}, err
	}
	var c Config
	if err := decode(k, &c); err != nil {
		return Config{}, err
	}
	return c, c.check()
}

// errorLine matches the line number in an error of the YAML parser.
var errorLine = regexp.MustCompile(` line \d+`)

func loadFile(k *koanf.Koanf, known map[string]bool) error {
	path := os.Getenv("CONFIG_FILE")
	if path == "" {
		return nil
	}
	content, err := readFile("CONFIG_FILE", path)
	if err != nil {
		return err
	}
	file := koanf.New(".")
	if err := file.Load(rawbytes.Provider(content), yaml.Parser()); err != nil {
		// The rest of the error may quote a secret.
		return errorf("CONFIG_FILE: %s is not YAML that maps keys to values%s", path, errorLine.FindString(err.Error()))
	}
	for _, key := range file.Keys() {
		if !known[key] {
			return errorf(
				"CONFIG_FILE: %s has the unknown key %q; configs/default.yaml lists the known keys", path, key,
			)
		}
	}
	return k.Merge(file)
}

// readFile reads a file that a variable names. Errors: *Error, which names the variable and the path.
func readFile(variable, path string) ([]byte, error) {
	content, err := os.ReadFile(path) // #nosec G304 -- the operator's own configuration
	if err != nil {
		return nil, errorf("%s: %v", variable, err)
	}
	return content, nil
}

// loadEnvironment reads NAME, or the content of the file that NAME_FILE names. An empty variable counts as unset. An
// empty file is rejected, and so are two sources of one key: otherwise one could silently replace the intended value.
func loadEnvironment(k *koanf.Koanf, known map[string]bool) error {
	var failed error
	source := map[string]string{}
	transform := func(name, value string) (string, any) {
		key := strings.ToLower(name)
		file, isFile := strings.CutSuffix(key, "_file")
		if isFile = isFile && known[file]; isFile {
			key = file
		}
		if !known[key] || value == "" {
			return "", nil
		}
		if other, taken := source[key]; taken {
			failed = errorf("%s: both %s and %s are set", key, min(name, other), max(name, other))
		}
		source[key] = name
		if isFile {
			content, err := readFile(name, value)
			if value = strings.TrimSpace(string(content)); err == nil && value == "" {
				err = errorf("%s: the file is empty", name)
			}
			if err != nil {
				failed = err
			}
		}
		return key, value
	}
	if err := k.Load(env.Provider(".", env.Opt{TransformFunc: transform}), nil); err != nil {
		return errorf("environment: %v", err)
	}
	return failed
}

// decode sets every field from its key. It replaces the errors of the decoder, which do not name the variable.
func decode(k *koanf.Koanf, c *Config) error {
	var invalid []string
	fields := reflect.ValueOf(c).Elem()
	for i := range fields.NumField() {
		key, field := fields.Type().Field(i).Tag.Get("koanf"), fields.Field(i)
		conf := koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
			WeaklyTypedInput: true, // environment variables are texts
			DecodeHook: mapstructure.ComposeDecodeHookFunc(
				scalarToText, mapstructure.StringToTimeDurationHookFunc(), splitCommas),
		}}
		if err := k.UnmarshalWithConf(key, field.Addr().Interface(), conf); err != nil {
			invalid = append(invalid, keyError(key, "must be "+typeDescription(field.Interface())))
		}
	}
	return joinErrors(invalid)
}

func typeDescription(value any) string {
	switch value.(type) {
	case bool:
		return "true or false"
	case int:
		return "a whole number"
	case time.Duration:
		return "a duration such as 500ms, 3s or 24h"
	case []string:
		return "a list"
	}
	return "text"
}

// scalarToText converts a value of a file to text, so that the rules of the environment apply: a duration needs its
// unit, and 2 is not a boolean.
func scalarToText(from, _ reflect.Type, value any) (any, error) {
	switch from.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64:
		return fmt.Sprint(value), nil
	}
	return value, nil
}

// splitCommas splits text into a list. Unlike mapstructure's own hook, it trims the parts and drops empty ones.
func splitCommas(from, to reflect.Type, value any) (any, error) {
	if from.Kind() != reflect.String || to.Kind() != reflect.Slice {
		return value, nil
	}
	list := []string{}
	for part := range strings.SplitSeq(value.(string), ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list, nil
}

// Describe returns the value of every key, for the log. Secrets are redacted.
func (c Config) Describe() map[string]any {
	all := map[string]any{}
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		value := v.Field(i).Interface()
		if s, ok := value.(interface{ String() string }); ok {
			value = s.String() // durations and secrets
		}
		all[v.Type().Field(i).Tag.Get("koanf")] = value
	}
	return all
}

// Changed returns the entries of Describe that differ from the defaults. Errors: *Error.
func (c Config) Changed() (map[string]any, error) {
	standard, err := Default()
	if err != nil {
		return nil, err
	}
	defaults := standard.Describe()
	changed := c.Describe()
	maps.DeleteFunc(changed, func(key string, value any) bool { return reflect.DeepEqual(value, defaults[key]) })
	return changed, nil
}
