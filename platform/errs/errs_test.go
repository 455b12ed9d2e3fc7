package errs_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"healthcare/platform/errs"
)

var errTaken = errs.New(errs.Conflict, "taken", "Somebody has it already.")

func TestError(t *testing.T) {
	t.Run("is the value it was declared as, whatever its cause and however it is wrapped", func(t *testing.T) {
		err := fmt.Errorf("add: %w", errTaken.Because(io.EOF))
		require.ErrorIs(t, err, errTaken)
		require.ErrorIs(t, err, io.EOF)
	})
	t.Run("is no other value, though kind and code be the same", func(t *testing.T) {
		require.NotErrorIs(t, errTaken, errs.New(errs.Conflict, "taken", "It is reserved."))
		require.NotErrorIs(t, errTaken, errs.New(errs.Conflict, "gone", errTaken.Detail))
		require.NotErrorIs(t, errTaken, errs.New(errs.NotFound, "taken", errTaken.Detail))
		require.NotErrorIs(t, errTaken, io.EOF)
	})
	t.Run("keeps its cause for the log, and out of what is shown", func(t *testing.T) {
		err := errTaken.Because(errors.New("users_mailbox_key"))
		require.Equal(t, "taken: users_mailbox_key", err.Error())
		require.NotContains(t, err.Detail, "users_mailbox_key")
		require.Equal(t, "taken: Somebody has it already.", errTaken.Error())
	})
	t.Run("that got a cause left the declared value without one", func(t *testing.T) {
		_ = errTaken.Because(io.EOF)
		require.NoError(t, errTaken.Unwrap())
		require.NotErrorIs(t, errTaken, io.EOF)
	})
	t.Run("keeps everything else when it gets a cause", func(t *testing.T) {
		err := &errs.Error{
			Kind: errs.Throttled, Code: "slow", Detail: "Later.", Fields: map[string][]string{"a": {"b"}},
			RetryAfter: 7,
		}
		because := err.Because(io.EOF)
		require.Equal(t, err.Fields, because.Fields)
		require.Equal(t, err.RetryAfter, because.RetryAfter)
	})
}

func TestKindOf(t *testing.T) {
	for what, c := range map[string]struct {
		err  error
		want errs.Kind
	}{
		"a declared error":             {errTaken, errs.Conflict},
		"a wrapped one":                {fmt.Errorf("add: %w", errTaken), errs.Conflict},
		"one among several":            {errors.Join(io.EOF, errTaken), errs.Conflict},
		"the outermost of two":         {errTaken.Because(errs.Invalidf("name", "No.")), errs.Conflict},
		"what nobody classified":       {io.EOF, errs.Internal},
		"no error, which nobody asked": {nil, errs.Internal},
		"an error without a kind":      {&errs.Error{}, errs.Internal},
	} {
		t.Run("of "+what, func(t *testing.T) { require.Equal(t, c.want, errs.KindOf(c.err)) })
	}
}

func TestFields(t *testing.T) {
	t.Run("without a refusal is no error, and not a nil one in disguise", func(t *testing.T) {
		require.NoError(t, errs.Fields(nil))
		require.NoError(t, errs.Fields(map[string]error{"name": nil, "age": nil}))
	})
	t.Run("names every refused field at once, and no other", func(t *testing.T) {
		err := errs.Fields(map[string]error{"name": errors.New("Blank."), "age": errors.New("Negative."), "notes": nil})
		var invalid *errs.Error
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, errs.Invalid, invalid.Kind)
		require.Equal(t, "validation_failed", invalid.Code)
		require.Equal(t, map[string][]string{"name": {"Blank."}, "age": {"Negative."}}, invalid.Fields)
	})
	t.Run("of one field are the same with Invalidf", func(t *testing.T) {
		require.Equal(
			t, errs.Fields(map[string]error{"age": errors.New("At most 150.")}),
			error(errs.Invalidf("age", "At most %d.", 150)),
		)
	})
}
