// Package fields compares, trims, patches and copies the fields of structs, so that only the types of a record list its
// fields. Fields correspond by name. A field without a counterpart is a defect: the constructors of this package panic.
// As they initialize package variables, they panic in the tests that import those, and at the start of the program.
package fields

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/oapi-codegen/nullable"
)

// Comparer returns a function that returns the names of the fields in which two values differ, in the order of the
// fields. The names have the form of the contract and the audit trail, such as medical_record_number for
// MedicalRecordNumber.
func Comparer[T any]() func(a, b T) []string {
	var names []string
	for field := range exported(reflect.TypeFor[T]()) {
		names = append(names, snakeCase(field.Name))
	}
	return func(a, b T) (differing []string) {
		before, after := reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem()
		for i, name := range names {
			if !equal(before.Field(i), after.Field(i)) {
				differing = append(differing, name)
			}
		}
		return differing
	}
}

func equal(a, b reflect.Value) bool {
	if a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil() {
		return a.Elem().Equal(b.Elem())
	}
	return a.Equal(b)
}

// Trim removes leading and trailing white space from every string field of *value.
func Trim[T any](value *T) {
	for _, field := range reflect.ValueOf(value).Elem().Fields() {
		if field.Kind() == reflect.String {
			field.SetString(strings.TrimSpace(field.String()))
		}
	}
}

// Patcher returns a function that sets the fields of a T for which the changes are not nil. Every field of Changes must
// be a pointer to the type of the field of T, or named in except.
func Patcher[T, Changes any](except ...string) func(*T, Changes) {
	type step struct{ to, from int }
	var steps []step
	target := reflect.TypeFor[T]()
	exceptions := newExceptions(except)
	for field := range exported(reflect.TypeFor[Changes]()) {
		if exceptions.has(field.Name) {
			continue
		}
		to, ok := target.FieldByName(field.Name)
		if !ok || field.Type.Kind() != reflect.Pointer {
			panic(fmt.Sprintf("fields: %s.%s changes no field of %s", reflect.TypeFor[Changes](), field.Name, target))
		}
		if to.Type != field.Type && to.Type != field.Type.Elem() {
			panic(fmt.Sprintf("fields: %s.%s is not a %s", target, field.Name, field.Type))
		}
		steps = append(steps, step{to.Index[0], field.Index[0]})
	}
	exceptions.requireUsed()
	return func(value *T, changes Changes) {
		to, from := reflect.ValueOf(value).Elem(), reflect.ValueOf(&changes).Elem()
		for _, s := range steps {
			change, field := from.Field(s.from), to.Field(s.to)
			switch {
			case change.IsNil():
			case field.Type() == change.Type():
				field.Set(change)
			default:
				field.Set(change.Elem())
			}
		}
	}
}

// Mapper returns a function that converts a From to a To. Each field of both types must have a counterpart of the same
// name, or be named in except, for fields that the caller sets. Counterparts must have the same type, or these types:
//
//   - From has a T, and To a pointer to a T.
//   - From has a fmt.Stringer, and To a text.
//   - From has a nullable text, as JSON is read. To has a text, where null and absent are "", or a pointer to a text,
//     where absent is nil and null points to "".
//
// A call takes about 32 ns a field (BenchmarkMapper, 2026-11-28), so requests are read with it; rows and lists are
// converted in code.
func Mapper[From, To any](except ...string) func(From) To {
	source, target := reflect.TypeFor[From](), reflect.TypeFor[To]()
	exceptions := newExceptions(except)
	var steps []step
	for field := range exported(target) {
		if exceptions.has(field.Name) {
			continue
		}
		from, ok := source.FieldByName(field.Name)
		if !ok {
			panic(fmt.Sprintf("fields: %s.%s is not in %s", target, field.Name, source))
		}
		steps = append(steps, step{field.Index[0], from.Index[0], conversionOf(from, field, source, target)})
	}
	for field := range exported(source) {
		if _, ok := target.FieldByName(field.Name); !ok && !exceptions.has(field.Name) {
			panic(fmt.Sprintf("fields: %s.%s is not in %s", source, field.Name, target))
		}
	}
	exceptions.requireUsed()
	return func(from From) (to To) {
		source, target := reflect.ValueOf(&from).Elem(), reflect.ValueOf(&to).Elem()
		for _, s := range steps {
			s.convert(target.Field(s.to), source.Field(s.from))
		}
		return to
	}
}

// step sets one field of the result of a Mapper.
type step struct {
	to, from int
	convert  conversion
}

// conversion sets a field to the value of its counterpart.
type conversion func(to, from reflect.Value)

var (
	nullableText = reflect.TypeFor[nullable.Nullable[string]]()
	optionalText = reflect.TypeFor[*string]()
	stringer     = reflect.TypeFor[fmt.Stringer]()
)

func conversionOf(from, to reflect.StructField, source, target reflect.Type) conversion {
	text := to.Type.Kind() == reflect.String
	switch {
	case from.Type == to.Type:
		return reflect.Value.Set
	case from.Type == nullableText && text:
		return func(to, from reflect.Value) { to.SetString(textOf(from)) }
	case from.Type == nullableText && to.Type == optionalText:
		return func(to, from reflect.Value) {
			if from.Len() > 0 {
				text := textOf(from)
				to.Set(reflect.ValueOf(&text))
			}
		}
	case from.Type.Implements(stringer) && text:
		return func(to, from reflect.Value) { to.SetString(from.Interface().(fmt.Stringer).String()) }
	case to.Type.Kind() == reflect.Pointer && to.Type.Elem() == from.Type:
		return func(to, from reflect.Value) {
			to.Set(reflect.New(from.Type()))
			to.Elem().Set(from)
		}
	}
	panic(fmt.Sprintf("fields: %s.%s (%s) does not fit %s.%s (%s)",
		source, from.Name, from.Type, target, to.Name, to.Type))
}

func textOf(nullableText reflect.Value) string {
	text, _ := nullableText.Addr().Interface().(*nullable.Nullable[string]).Get()
	return text
}

// exported returns the fields of a struct. Embedded and unexported fields are a defect.
func exported(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for field := range t.Fields() {
			if field.Anonymous || !field.IsExported() {
				panic(fmt.Sprintf("fields: %s.%s is embedded or unexported", t, field.Name))
			}
			if !yield(field) {
				return
			}
		}
	}
}

// exceptions maps the names of the fields that the caller sets to whether a struct has such a field.
type exceptions map[string]bool

func newExceptions(names []string) exceptions {
	e := exceptions{}
	for _, name := range names {
		e[name] = false
	}
	return e
}

func (e exceptions) has(name string) bool {
	if _, listed := e[name]; !listed {
		return false
	}
	e[name] = true
	return true
}

func (e exceptions) requireUsed() {
	var unused []string
	for name, used := range e {
		if !used {
			unused = append(unused, name)
		}
	}
	if len(unused) > 0 {
		slices.Sort(unused)
		panic(fmt.Sprintf("fields: neither struct has %s", strings.Join(unused, ", ")))
	}
}

func snakeCase(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
