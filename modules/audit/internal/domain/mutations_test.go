package domain_test

import (
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/audit/internal/domain"
)

// mutation tampers with a trail without its key. It returns the sequence of the first bad entry, and false if the
// trail is unchanged.
type mutation func(t *trail, r *rand.Rand) (firstBad int64, changed bool)

// mutations are changes that a writer of the database can make, including a matching head and anchor.
var mutations = map[string]mutation{
	"change a column": func(t *trail, r *rand.Rand) (int64, bool) {
		at := r.IntN(len(t.entries))
		e := t.entries[at]
		column := r.IntN(reflect.TypeFor[domain.Entry]().NumField())
		if slices.Contains(onlyInSegments, reflect.TypeFor[domain.Entry]().Field(column).Name) {
			return 0, false
		}
		field := reflect.ValueOf(&e).Elem().Field(column)
		field.Set(mutated(field, r))
		changed := !reflect.DeepEqual(e, t.entries[at])
		bad := min(t.entries[at].Sequence, e.Sequence)
		t.entries[at] = e
		return bad, changed
	},
	"delete": func(t *trail, r *rand.Rand) (int64, bool) {
		at := r.IntN(len(t.entries) - 1)
		bad := t.entries[at].Sequence
		t.entries = slices.Delete(t.entries, at, at+1)
		return bad, true
	},
	"delete and close the gap": func(t *trail, r *rand.Rand) (int64, bool) {
		at := r.IntN(len(t.entries) - 1)
		bad := t.entries[at].Sequence
		t.entries = slices.Delete(t.entries, at, at+1)
		for i := at; i < len(t.entries); i++ {
			t.entries[i].Sequence--
		}
		t.span.To.Sequence--
		return bad, true
	},
	"swap": func(t *trail, r *rand.Rand) (int64, bool) {
		a, b := r.IntN(len(t.entries)), r.IntN(len(t.entries))
		t.entries[a], t.entries[b] = t.entries[b], t.entries[a]
		return int64(min(a, b) + 1), a != b
	},
	"swap the contents of two entries": func(t *trail, r *rand.Rand) (int64, bool) {
		a, b := r.IntN(len(t.entries)), r.IntN(len(t.entries))
		x, y := &t.entries[a], &t.entries[b]
		x.Sequence, y.Sequence = y.Sequence, x.Sequence
		*x, *y = *y, *x
		return int64(min(a, b) + 1), a != b
	},
	"insert": func(t *trail, r *rand.Rand) (int64, bool) {
		at := r.IntN(len(t.entries))
		forged := t.entries[r.IntN(len(t.entries))]
		forged.Sequence = int64(at + 1)
		forged.ID = uuid.New()
		t.entries = slices.Insert(t.entries, at, forged)
		for i := at + 1; i < len(t.entries); i++ {
			t.entries[i].Sequence++
		}
		t.span.To.Sequence++
		return int64(at + 1), true
	},
	"append with another key": func(t *trail, _ *rand.Rand) (int64, bool) {
		forged := domain.Secret{ID: "entries", Bytes: []byte("a key chosen by an attacker")}
		own := domain.NewKeys([]domain.Secret{forged}, []domain.Secret{secret("x")})
		return t.append(fullEntry(1000), own).Sequence, true
	},
	"cut the tail": func(t *trail, r *rand.Rand) (int64, bool) {
		left := r.IntN(len(t.entries))
		t.entries = t.entries[:left]
		t.span.To = linkAt(t, left)
		return int64(left + 1), true
	},
	"cut the head": func(t *trail, r *rand.Rand) (int64, bool) {
		deleted := 1 + r.IntN(len(t.entries)-1)
		t.span.From = linkAt(t, deleted)
		t.entries = t.entries[deleted:]
		return int64(deleted), true
	},
	"roll back and continue": func(t *trail, r *rand.Rand) (int64, bool) {
		whole := len(t.entries)
		left := r.IntN(whole)
		t.entries, t.span.To = t.entries[:left], linkAt(t, left)
		checkpoints := slices.Clone(t.checkpoints)
		for range r.IntN(2 * whole) { // with the real key, because the server continues
			t.append(fullEntry(1000+len(t.entries)), keys)
		}
		bad := int64(len(t.entries) + 1) // or that of the first checkpoint that no longer matches
		for _, c := range checkpoints {
			if c.Sequence > int64(left) {
				bad = min(bad, c.Sequence)
				break
			}
		}
		return bad, true
	},
}

// linkAt returns the link after n entries.
func linkAt(t *trail, n int) domain.Link {
	if n == 0 {
		return domain.Genesis(1)
	}
	e := t.entries[:n][n-1]
	return domain.Link{Sequence: e.Sequence, MAC: e.MAC}
}

// mutated returns another value of the field's type, mostly a similar one.
func mutated(field reflect.Value, r *rand.Rand) reflect.Value {
	switch v := field.Interface().(type) {
	case string:
		if r.IntN(2) == 0 || v == "" {
			return reflect.ValueOf(v + "x")
		}
		return reflect.ValueOf(v[:len(v)-1])
	case int:
		return reflect.ValueOf(v + 1 - 2*r.IntN(2))
	case int64:
		return reflect.ValueOf(v + 1 - 2*r.Int64N(2))
	case uuid.UUID:
		v[r.IntN(len(v))] ^= 1 << r.IntN(8)
		return reflect.ValueOf(v)
	case domain.MAC:
		v[r.IntN(len(v))] ^= 1 << r.IntN(8)
		return reflect.ValueOf(v)
	case []uuid.UUID:
		return reflect.ValueOf(slices.Concat(v[1:], []uuid.UUID{uuid.New()}[:r.IntN(2)]))
	case []string:
		return reflect.ValueOf([]string{v[0] + v[1]})
	}
	return reflect.ValueOf(now.AddDate(0, 0, r.IntN(100)+1)) // the time
}

func TestR41_EveryMutationIsDetected(t *testing.T) {
	t.Parallel()
	sound := newTrail(47)
	require.NoError(t, sound.verify(keys))
	r := rand.New(rand.NewPCG(41, 2026))
	names := slices.Sorted(maps.Keys(mutations))
	found := map[string]int{}
	for done := 0; done < 10_000; {
		name := names[done%len(names)]
		tampered := sound.clone()
		firstBad, changed := mutations[name](&tampered, r)
		if !changed {
			continue
		}
		done++
		var flaw *domain.Flaw
		require.ErrorAs(t, tampered.verify(keys), &flaw, name)
		require.Equal(t, firstBad, flaw.Sequence, "%s: %v", name, flaw)
		found[name]++
	}
	require.Len(t, found, len(mutations))

	t.Run("a cut tail and a rollback are not detected without checkpoints", func(t *testing.T) {
		for _, name := range []string{"cut the tail", "roll back and continue"} {
			tampered := sound.clone()
			_, _ = mutations[name](&tampered, r)
			tampered.checkpoints = nil
			require.NoError(t, tampered.verify(keys), name)
		}
	})
}

// onlyInSegments are the fields that entries of the chains lack.
var onlyInSegments = []string{"ClientRequestID", "Basis", "GrantID", "ForID", "Purpose"}
