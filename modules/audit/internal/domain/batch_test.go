package domain_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"healthcare/modules/audit/internal/domain"
)

func numberedID(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("0193525f-0000-7000-8000-0000000000%02x", n))
}

// knownBatch returns a batch whose first entry has a value in every field.
func knownBatch() domain.Batch {
	return domain.Batch{
		Writer: domain.WriterID{1, 2, 3, 4, 5, 6, 7, 8}, Number: 9, Acknowledged: newNumbers(1, 2, 3, 5, 7, 8),
		Time: time.Date(2025, time.November, 25, 0, 0, 0, 0, time.UTC), KeyID: "entries",
		Entries: []domain.Entry{{
			ID: numberedID(1), RequestID: numberedID(2).String(), ClientRequestID: "client-7", ActorID: numberedID(3),
			Role: "staff", SessionID: numberedID(4), Address: "192.0.2.7", Action: "update", ResourceType: "Patient",
			ResourceID: numberedID(5), PatientID: numberedID(6), Outcome: "success", Status: 200,
			IDs: []uuid.UUID{numberedID(7), numberedID(8)}, Count: 3, Fields: []string{"name", "birth_date"},
			Basis: "owner", GrantID: numberedID(9), ForID: numberedID(10), Purpose: "TREAT",
		}, {
			ID: numberedID(11), RequestID: "request-1", Action: "login_failed", ResourceType: "Session",
			Outcome: "refused",
		}},
	}
}

// The bytes and MACs were computed independently in Python. If they change, existing trails no longer verify.
func TestBytesOfAKnownBatch(t *testing.T) {
	batch := knownBatch()
	sealed := batch.Seal(keys)
	body, mac := sealed[:len(sealed)-32], sealed[len(sealed)-32:]
	require.Equal(t, "67583f62b8aaa4c7debca1d76b3be80bdd3ee8a6d2c446197a97a5a4d3b25404", hex.EncodeToString(mac))
	require.Equal(t, ""+
		"02010203040506070809030101020002028080fbdffe97a20607656e747269657302fdff070193525f000070008000000000"+
		"000001067570646174650750617469656e7407737563636573730193525f00007000800000000000000208636c69656e742d"+
		"370193525f0000700080000000000000030573746166660193525f000070008000000000000004093139322e302e322e3701"+
		"93525f0000700080000000000000050193525f0000700080000000000000069003020193525f000070008000000000000007"+
		"0193525f0000700080000000000000080602046e616d650a62697274685f64617465056f776e65720193525f000070008000"+
		"0000000000090193525f00007000800000000000000a055452454154020193525f00007000800000000000000b0c6c6f6769"+
		"6e5f6661696c65640753657373696f6e077265667573656409726571756573742d31",
		hex.EncodeToString(body))
}

// drawBatch returns any batch, whose entries have any combination of members.
func drawBatch(r *rapid.T) domain.Batch {
	number := rapid.Uint64Range(1, 1<<40).Draw(r, "number")
	b := domain.Batch{
		Number: number, KeyID: "entries", Entries: []domain.Entry{},
		Time: time.UnixMicro(rapid.Int64Range(-1e15, 1e17).Draw(r, "time")).UTC(),
	}
	copy(b.Writer[:], rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(r, "writer"))
	for range rapid.IntRange(0, 5).Draw(r, "acknowledged") {
		if number > 1 {
			b.Acknowledged.Add(number - rapid.Uint64Range(1, min(20, number-1)).Draw(r, "distance"))
		}
	}
	id := rapid.Custom(func(r *rapid.T) uuid.UUID {
		return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, "id"))
	})
	text := rapid.OneOf(rapid.Just(""), rapid.StringN(0, 20, 128))
	optionalID := rapid.OneOf(rapid.Just(uuid.Nil), id)
	for range rapid.IntRange(0, 4).Draw(r, "entries") {
		e := domain.Entry{
			Time:            b.Time,
			ID:              id.Draw(r, "id"),
			RequestID:       text.Draw(r, "request"),
			ClientRequestID: text.Draw(r, "client"),
			ActorID:         optionalID.Draw(r, "actor"),
			Role:            text.Draw(r, "role"),
			SessionID:       optionalID.Draw(r, "session"),
			Address:         text.Draw(r, "address"),
			Action:          text.Draw(r, "action"),
			ResourceType:    text.Draw(r, "type"),
			ResourceID:      optionalID.Draw(r, "resource"),
			PatientID:       optionalID.Draw(r, "patient"),
			Outcome:         text.Draw(r, "outcome"),
			Status:          rapid.IntRange(0, 599).Draw(r, "status"),
			Count:           rapid.Int64Range(0, 300).Draw(r, "count"),
			Basis:           text.Draw(r, "basis"),
			GrantID:         optionalID.Draw(r, "grant"),
			ForID:           optionalID.Draw(r, "for"),
			Purpose:         text.Draw(r, "purpose"),
		}
		if rapid.Bool().Draw(r, "request id is a UUID") {
			e.RequestID = id.Draw(r, "request id").String()
		}
		if ids := rapid.SliceOfN(id, 0, 3).Draw(r, "ids"); len(ids) > 0 {
			e.IDs = ids
		}
		if fields := rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,5}`), 0, 3).Draw(r, "fields"); len(fields) > 0 {
			e.Fields = fields
		}
		b.Entries = append(b.Entries, e)
	}
	return b
}

func TestBatchesAreDecodedUnchanged(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		batch := drawBatch(r)
		sealed := batch.Seal(keys)
		opened, body, err := keys.Open(sealed)
		if err != nil || !reflect.DeepEqual(batch, opened) {
			r.Fatalf("%v\n%+v\n%+v", err, batch, opened)
		}
		if !slices.Equal(body, sealed[:len(sealed)-32]) || !slices.Equal(opened.Seal(keys), sealed) {
			r.Fatal("an opened batch should have the same bytes")
		}
	})
}

// An id that moves to a neighbouring empty field changes the bytes, and so does every other change of a field.
func TestDifferentBatchesHaveDifferentBytes(t *testing.T) {
	seen := map[string]string{}
	add := func(name string, b domain.Batch) {
		bytes := string(b.Seal(keys))
		require.NotContains(t, seen, bytes, "%s equals %s", name, seen[bytes])
		seen[bytes] = name
	}
	id := numberedID(1)
	for name, e := range map[string]domain.Entry{
		"actor": {ActorID: id}, "session": {SessionID: id}, "resource": {ResourceID: id}, "patient": {PatientID: id},
		"grant": {GrantID: id}, "for": {ForID: id}, "ids": {IDs: []uuid.UUID{id}}, "request": {RequestID: id.String()},
		"upper case request": {RequestID: strings.ToUpper(id.String())}, "id": {ID: id}, "none": {},
		"client request": {ClientRequestID: "x"}, "role": {Role: "x"}, "address": {Address: "x"},
		"action": {Action: "x"},
		"type":   {ResourceType: "x"}, "outcome": {Outcome: "x"}, "basis": {Basis: "x"}, "purpose": {Purpose: "x"},
		"text request": {RequestID: "x"}, "status": {Status: 1}, "count": {Count: 1}, "fields": {Fields: []string{"x"}},
		"two fields": {Fields: []string{"x", "y"}}, "one field": {Fields: []string{"xy"}},
	} {
		add(name, domain.Batch{Number: 1, Entries: []domain.Entry{e}})
	}
	add("two entries", domain.Batch{Number: 1, Entries: []domain.Entry{{}, {}}})
	add("another number", domain.Batch{Number: 2, Entries: []domain.Entry{{}}})
	add("another time", domain.Batch{Number: 1, Time: time.UnixMicro(1), Entries: []domain.Entry{{}}})
	add("another writer", domain.Batch{Writer: domain.WriterID{1}, Number: 1, Entries: []domain.Entry{{}}})
	add("acknowledged", domain.Batch{Number: 3, Acknowledged: newNumbers(1), Entries: []domain.Entry{{}}})
	add("acknowledged 2", domain.Batch{Number: 3, Acknowledged: newNumbers(2), Entries: []domain.Entry{{}}})
	add("both", domain.Batch{Number: 3, Acknowledged: newNumbers(1, 2), Entries: []domain.Entry{{}}})
}

func TestChangedBatchesAreRejected(t *testing.T) {
	batch := knownBatch()
	sealed := batch.Seal(keys)
	t.Run("with any byte changed", func(t *testing.T) {
		r := rand.New(rand.NewPCG(41, 2026))
		for i := range sealed {
			changed := slices.Clone(sealed)
			changed[i] ^= byte(1 + r.IntN(255))
			_, _, err := keys.Open(changed)
			require.Error(t, err, i)
		}
	})
	t.Run("with any length", func(t *testing.T) {
		for i := range sealed {
			_, _, err := keys.Open(sealed[:i])
			require.Error(t, err, i)
			_, err = domain.DecodeUnverified(sealed[:i])
			require.Error(t, err, i)
		}
		_, _, err := keys.Open(append(slices.Clone(sealed), 0))
		require.ErrorIs(t, err, domain.ErrForged)
	})
	t.Run("with a key that is not known", func(t *testing.T) {
		other := domain.NewKeys([]domain.Secret{secret("other")}, []domain.Secret{secret("checkpoints")})
		_, _, err := other.Open(sealed)
		unknown := new(domain.UnknownKeyError)
		require.ErrorAs(t, err, &unknown)
		require.Equal(t, "entries", unknown.KeyID)
	})
	t.Run("with a MAC of another key of the same id", func(t *testing.T) {
		forger := domain.NewKeys(
			[]domain.Secret{{ID: "entries", Bytes: secret("forged").Bytes}}, []domain.Secret{secret("checkpoints")})
		forged := knownBatch()
		_, _, err := keys.Open(forged.Seal(forger))
		require.ErrorIs(t, err, domain.ErrForged)
	})
}

// batchOf returns the bytes of a batch with one entry, whose mask and optional members are given, and a MAC of zeros.
func batchOf(mask uint64, members ...byte) []byte {
	header := []byte{2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1} // version 2, number 1, one entry
	idAndTexts := make([]byte, 16+3)
	return slices.Concat(header, binary.AppendUvarint(nil, mask), idAndTexts, members, make([]byte, 32))
}

// Otherwise an entry would have several forms, and export and verification might read different ones.
func TestOnlyTheShortestFormOfAnEntryIsDecoded(t *testing.T) {
	text, zeros, id := []byte("\x01x"), make([]byte, 16), slices.Repeat([]byte{7}, 16)
	for bit, one := range []struct {
		name             string
		member, rejected []byte // the latter encodes that there is no member, although its bit is set
	}{
		{"request", id, id[:15]},
		{"text request", text, []byte{0}},
		{"client request", text, []byte{0}},
		{"actor", id, zeros},
		{"role", text, []byte{0}},
		{"session", id, zeros},
		{"address", text, []byte{0}},
		{"resource", id, zeros},
		{"patient", id, zeros},
		{"status", []byte{2}, []byte{0}},
		{"ids", append([]byte{1}, id...), []byte{0}},
		{"count", []byte{2}, []byte{0}},
		{"fields", []byte("\x01\x01x"), []byte{0}},
		{"basis", text, []byte{0}},
		{"grant", id, zeros},
		{"for", id, zeros},
		{"purpose", text, []byte{0}},
	} {
		decoded, err := domain.DecodeUnverified(batchOf(1<<bit, one.member...))
		require.NoError(t, err, one.name)
		require.NotEqual(t, domain.Entry{Time: time.UnixMicro(0).UTC()}, decoded.Entries[0], one.name)
		_, err = domain.DecodeUnverified(batchOf(1<<bit, one.rejected...))
		require.Error(t, err, "without a value: %s", one.name)
		_, err = domain.DecodeUnverified(batchOf(0, one.member...))
		require.Error(t, err, "without a bit: %s", one.name)
	}
	for name, sealed := range map[string][]byte{
		"a bit without a meaning":         batchOf(1 << 17),
		"two request ids":                 batchOf(1|2, slices.Concat(id, text)...),
		"a UUID as the text of a request": batchOf(2, append([]byte{36}, numberedID(1).String()...)...),
		"a length in a longer form":       batchOf(1<<4, 0x81, 0, 'x'),
		"more ids than bytes":             batchOf(1<<10, append([]byte{2}, id...)...),
	} {
		_, err := domain.DecodeUnverified(sealed)
		require.Error(t, err, name)
	}
}

// FuzzOpen verifies that only the bytes of an encoder are decoded, with bounded memory.
func FuzzDecode(f *testing.F) {
	batch := knownBatch()
	f.Add(batch.Seal(keys))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		decoded, err := domain.DecodeUnverified(sealed)
		if err != nil {
			return
		}
		if decoded.KeyID != "entries" {
			return // Seal sets the key
		}
		again := decoded.Seal(keys)
		if !slices.Equal(again[:len(again)-32], sealed[:len(sealed)-32]) {
			t.Fatalf("%x is decoded, but encoded as %x", sealed, again)
		}
	})
}

func TestAnEntryFitsIntoItsMaxSize(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := drawBatch(r)
		size := 0
		for _, e := range b.Entries {
			size += e.MaxSize()
		}
		if len(b.Seal(keys)) > size+200 {
			r.Fatal(len(b.Seal(keys)), size)
		}
	})
}

func TestMaxSizeCountsEveryTextAndID(t *testing.T) {
	text := strings.Repeat("x", 128)
	ids, fields := make([]uuid.UUID, 250), slices.Repeat([]string{strings.Repeat("x", 64)}, 100)
	empty := domain.Entry{}.MaxSize()
	for name, one := range map[string]struct {
		e    domain.Entry
		more int
	}{
		"request": {domain.Entry{RequestID: text}, 128}, "client request": {domain.Entry{ClientRequestID: text}, 128},
		"role": {domain.Entry{Role: text}, 128}, "address": {domain.Entry{Address: text}, 128},
		"action": {domain.Entry{Action: text}, 128}, "type": {domain.Entry{ResourceType: text}, 128},
		"outcome": {domain.Entry{Outcome: text}, 128}, "basis": {domain.Entry{Basis: text}, 128},
		"purpose": {domain.Entry{Purpose: text}, 128}, "ids": {domain.Entry{IDs: ids}, 16 * 250},
		"fields": {domain.Entry{Fields: fields}, 65 * 100},
	} {
		require.Equal(t, empty+one.more, one.e.MaxSize(), name)
	}
	id := numberedID(1)
	largest := domain.Entry{
		ID: id, RequestID: text, ClientRequestID: text, ActorID: id, Role: text, SessionID: id, Address: text,
		Action: text, ResourceType: text, ResourceID: id, PatientID: id, Outcome: text, Status: 599, IDs: ids,
		Count: math.MaxInt64, Fields: fields, Basis: text, GrantID: id, ForID: id, Purpose: text,
	}
	require.NoError(t, largest.Check())
	without, with := domain.Batch{Number: 1}, domain.Batch{Number: 1, Entries: []domain.Entry{largest}}
	size := len(with.Seal(keys)) - len(without.Seal(keys))
	require.LessOrEqual(t, size, largest.MaxSize())
	require.Greater(t, size, largest.MaxSize()-256, "the bound is not much more")
}
