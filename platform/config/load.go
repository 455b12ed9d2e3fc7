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

// Default is the configuration when nobody says anything.
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

// Load reads the defaults, the file that CONFIG_FILE names and the environment, in rising order. Errors: *Error.
func Load() (Config, error) {
	k, err := defaults()
	if err != nil {
		return Config{}, err
	}
	names := variableNames(k)
	c, err := load(k)
	if refused, ok := errors.AsType[*Error](err); ok {
		return Config{}, errorf("%s", strings.Join(append([]string{refused.text}, remarks(names)...), "; "))
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

// line is where a YAML parser says it failed.
var line = regexp.MustCompile(` line \d+`)

func loadFile(k *koanf.Koanf, known map[string]bool) error {
	path := os.Getenv("CONFIG_FILE")
	if path == "" {
		return nil
	}
	content, err := readable("CONFIG_FILE", path)
	if err != nil {
		return err
	}
	file := koanf.New(".")
	if err := file.Load(rawbytes.Provider(content), yaml.Parser()); err != nil {
		return errorf("CONFIG_FILE: %s is not YAML that maps keys to values%s", path, line.FindString(err.Error())) // the rest may quote a secret
	}
	for _, key := range file.Keys() {
		if !known[key] {
			return errorf("CONFIG_FILE: %s has the unknown key %q; configs/default.yaml lists those there are", path, key)
		}
	}
	return k.Merge(file)
}

// loadEnvironment takes NAME, or the content of the file that NAME_FILE names. An empty variable counts as unset; an empty file or two
// sources of one key are refused, because either would silently put something else in the place of what was meant.
func loadEnvironment(k *koanf.Koanf, known map[string]bool) error {
	var failed error
	source := map[string]string{}
	take := func(name, value string) (string, any) {
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
			content, err := readable(name, value)
			if value = strings.TrimSpace(string(content)); err == nil && value == "" {
				err = errorf("%s: the file is empty", name)
			}
			if err != nil {
				failed = err
			}
		}
		return key, value
	}
	if err := k.Load(env.Provider(".", env.Opt{TransformFunc: take}), nil); err != nil {
		return errorf("environment: %v", err)
	}
	return failed
}

// decode fills every field from the key of its tag. What cannot be read is refused in words of ours: the decoder's name no variable.
func decode(k *koanf.Koanf, c *Config) error {
	var wrong []string
	fields := reflect.ValueOf(c).Elem()
	for i := range fields.NumField() {
		key, field := fields.Type().Field(i).Tag.Get("koanf"), fields.Field(i)
		err := k.UnmarshalWithConf(key, field.Addr().Interface(), koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
			WeaklyTypedInput: true, // the environment knows only text
			DecodeHook:       mapstructure.ComposeDecodeHookFunc(scalarText, mapstructure.StringToTimeDurationHookFunc(), commaList),
		}})
		if err != nil {
			wrong = append(wrong, refusal(key, "must be "+expected(field.Interface())))
		}
	}
	return refuse(wrong)
}

func expected(value any) string {
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

// scalarText has a file's values read by the rules of the environment's: a duration needs its unit there too, and 2 is no boolean.
func scalarText(from, _ reflect.Type, value any) (any, error) {
	switch from.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint64, reflect.Float64:
		return fmt.Sprint(value), nil
	}
	return value, nil
}

// commaList splits text into a list, as mapstructure's own hook does, but trims and drops empty parts.
func commaList(from, to reflect.Type, value any) (any, error) {
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

// Describe returns every key and its value for the log, secrets redacted.
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

// Changed returns what Describe does of the keys that differ from their defaults. Errors: *Error.
func (c Config) Changed() (map[string]any, error) {
	usual, err := Default()
	if err != nil {
		return nil, err
	}
	defaults := usual.Describe()
	changed := c.Describe()
	maps.DeleteFunc(changed, func(key string, value any) bool { return reflect.DeepEqual(value, defaults[key]) })
	return changed, nil
}
