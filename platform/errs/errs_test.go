package errs_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/errs"
)

var errTaken = errs.New(errs.Conflict, "taken", "The name is taken.")

func TestError(t *testing.T) {
	t.Run("equals its declared value with any cause and wrapping", func(t *testing.T) {
		err := fmt.Errorf("add: %w", errTaken.Because(io.EOF))
		require.ErrorIs(t, err, errTaken)
		require.ErrorIs(t, err, io.EOF)
	})
	t.Run("differs from other values of the same kind and code", func(t *testing.T) {
		require.NotErrorIs(t, errTaken, errs.New(errs.Conflict, "taken", "It is reserved."))
		require.NotErrorIs(t, errTaken, errs.New(errs.Conflict, "gone", errTaken.Detail))
		require.NotErrorIs(t, errTaken, errs.New(errs.NotFound, "taken", errTaken.Detail))
		require.NotErrorIs(t, errTaken, io.EOF)
	})
	t.Run("has its cause in the log text only", func(t *testing.T) {
		err := errTaken.Because(errors.New("users_mailbox_key"))
		require.Equal(t, "taken: users_mailbox_key", err.Error())
		require.NotContains(t, err.Detail, "users_mailbox_key")
		require.Equal(t, "taken: The name is taken.", errTaken.Error())
	})
	t.Run("does not change when Because adds a cause", func(t *testing.T) {
		_ = errTaken.Because(io.EOF)
		require.NoError(t, errTaken.Unwrap())
		require.NotErrorIs(t, errTaken, io.EOF)
	})
	t.Run("With returns a copy with members, which its text does not contain", func(t *testing.T) {
		err := errTaken.Because(io.EOF).With(map[string]any{"free": "anna"})
		require.Equal(t, map[string]any{"free": "anna"}, err.Members)
		require.Equal(t, "taken: EOF", err.Error())
		require.ErrorIs(t, err, errTaken)
		require.ErrorIs(t, err, io.EOF)
		require.Nil(t, errTaken.Members)
	})
	t.Run("Because copies the other fields", func(t *testing.T) {
		err := &errs.Error{
			Kind: errs.Throttled, Code: "slow", Detail: "Later.", Fields: map[string][]string{"a": {"b"}},
			RetryAfter: 7, Members: map[string]any{"c": 1},
		}
		because := err.Because(io.EOF)
		require.Equal(t, err.Fields, because.Fields)
		require.Equal(t, err.Members, because.Members)
		require.Equal(t, err.RetryAfter, because.RetryAfter)
	})
}

func TestKindOf(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want errs.Kind
	}{
		"a declared error":                      {errTaken, errs.Conflict},
		"a wrapped error":                       {fmt.Errorf("add: %w", errTaken), errs.Conflict},
		"a joined error":                        {errors.Join(io.EOF, errTaken), errs.Conflict},
		"an error with a cause of another kind": {errTaken.Because(errs.Invalidf("name", "No.")), errs.Conflict},
		"an unclassified error":                 {io.EOF, errs.Internal},
		"no error":                              {nil, errs.Internal},
		"an error without a kind":               {&errs.Error{}, errs.Internal},
	} {
		t.Run("of "+name, func(t *testing.T) { require.Equal(t, c.want, errs.KindOf(c.err)) })
	}
}

func TestFields(t *testing.T) {
	t.Run("returns an untyped nil if all fields are valid", func(t *testing.T) {
		require.NoError(t, errs.Fields(nil))
		require.NoError(t, errs.Fields(map[string]error{"name": nil, "age": nil}))
	})
	t.Run("names every rejected field, and no other", func(t *testing.T) {
		err := errs.Fields(map[string]error{"name": errors.New("Blank."), "age": errors.New("Negative."), "notes": nil})
		var invalid *errs.Error
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, errs.Invalid, invalid.Kind)
		require.Equal(t, "validation_failed", invalid.Code)
		require.Equal(t, map[string][]string{"name": {"Blank."}, "age": {"Negative."}}, invalid.Fields)
	})
	t.Run("equals Invalidf for one field", func(t *testing.T) {
		require.Equal(
			t, errs.Fields(map[string]error{"age": errors.New("At most 150.")}),
			error(errs.Invalidf("age", "At most %d.", 150)),
		)
	})
}
