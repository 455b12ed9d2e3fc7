package config

import (
	"os"
	"reflect"
	"strings"

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
	known := map[string]bool{}
	for _, key := range k.Keys() {
		known[key] = true
	}
	if err := loadFile(k, known); err != nil {
		return Config{}, err
	}
	if err := loadEnvironment(k, known); err != nil {
		return Config{}, err
	}
	var c Config
	if err := decode(k, &c); err != nil {
		return Config{}, err
	}
	return c, c.check()
}

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
		return errorf("CONFIG_FILE: %s is not YAML: %v", path, err)
	}
	for _, key := range file.Keys() {
		if !known[key] {
			return errorf("CONFIG_FILE: %s has the unknown key %q; configs/default.yaml lists those there are", path, key)
		}
	}
	return k.Merge(file)
}

// loadEnvironment takes NAME, or the content of the file that NAME_FILE names. An empty variable counts as unset.
func loadEnvironment(k *koanf.Koanf, known map[string]bool) error {
	var failed error
	take := func(name, value string) (string, any) {
		key := strings.ToLower(name)
		if file, ok := strings.CutSuffix(key, "_file"); ok && known[file] && value != "" {
			content, err := readable(name, value)
			if err != nil {
				failed = err
			}
			return file, strings.TrimSpace(string(content))
		}
		if !known[key] || value == "" {
			return "", nil
		}
		return key, value
	}
	if err := k.Load(env.Provider(".", env.Opt{TransformFunc: take}), nil); err != nil {
		return errorf("environment: %v", err)
	}
	return failed
}

func decode(k *koanf.Koanf, c *Config) error {
	err := k.UnmarshalWithConf("", c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result:           c,
		WeaklyTypedInput: true, // the environment knows only text
		ErrorUnused:      true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(),
			commaList,
		),
	}})
	if err != nil {
		return errorf("%s", strings.Join(strings.Fields(err.Error()), " ")) // mapstructure names the key, over several lines
	}
	return nil
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

// Describe is every key and its value for the log, secrets redacted.
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
