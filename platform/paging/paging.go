// Package paging defines how lists are requested and returned: by key, never by offset, so that every page costs the
// same and no item is repeated or skipped.
package paging

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// Order is one column by which a list is ordered.
type Order struct {
	Column     string
	Descending bool
}

// MaxBytes is the maximum size of a page, in bytes of JSON. A page ends before the item that would exceed it, but has
// at least one item.
const MaxBytes = 1 << 20

// CountLimit is the number up to which the items of a list are counted: larger exact counts are rarely worth reading
// all items.
const CountLimit = 10_000

// Request is a client's request for a page of a list.
type Request struct {
	Limit int     // items on a page, at least 1
	Order []Order // a total order: the last column is unique
	// the key of the last item before the page, a text for each column of Order or for the first of them; nil: the
	// first page
	After []string
	Count bool // whether Total is wanted

	// Shortened is set if texts of After are only prefixes of the item's.
	Shortened *Shortened

	Bytes int // the maximum size of the page unless More is called; 0 means MaxBytes
	// reserves memory for a larger page and returns its maximum size; nil: not possible
	More func() (int, error)
}

// Shortened describes a key that was too long to be stored whole. First is the index of the first shortened text,
// Digest that of the whole key.
type Shortened struct {
	First  int
	Digest string
}

// KeyText is the maximum number of bytes of a text in a shortened key.
const KeyText = 64

// Shorten returns the key with at most KeyText bytes of each text, cut between characters.
func Shorten(key []string) ([]string, *Shortened) {
	shortened := Shortened{First: -1, Digest: Digest(key)}
	short := slices.Clone(key)
	for i, text := range short {
		if len(text) <= KeyText {
			continue
		}
		end := KeyText
		for !utf8.RuneStart(text[end]) {
			end--
		}
		short[i] = text[:end]
		if shortened.First < 0 {
			shortened.First = i
		}
	}
	return short, &shortened
}

// Digest returns a digest of a whole key.
func Digest(key []string) string {
	hash := sha256.New()
	for _, text := range key {
		_ = binary.Write(hash, binary.BigEndian, uint64(len(text)))
		_, _ = hash.Write([]byte(text)) // a hash never returns an error
	}
	return string(hash.Sum(nil)[:16])
}

// Begin returns the start of the page if the item of a shortened key was deleted or changed: a key of the first columns
// that precedes every later item. nil means the first page.
func (r Request) Begin() []string {
	i := r.Shortened.First
	bound := r.After[i]
	if r.Order[i].Descending {
		if bound = successor(bound); bound == "" {
			return nil
		}
	}
	return append(slices.Clone(r.After[:i]), bound)
}

// successor returns the least text that is greater, by code points, than all texts that begin with prefix, or "" if
// none is greater.
func successor(prefix string) string {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		if last == 0xD7FF {
			return prefix + "\uE000" // skips the surrogates, which are not characters
		}
		if last < utf8.MaxRune {
			return prefix + string(last+1)
		}
	}
	return ""
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Next  []string           // the key of the next page; nil: this is the last page
	Total *int64             // of all pages, CountLimit+1 for any number above CountLimit; nil: not requested
	Key   func(int) []string // the key of an item, by its index
}

// Cut returns the page with its first count items. The next page begins after them.
func (p Page[T]) Cut(count int) Page[T] {
	if count < len(p.Items) {
		p.Items, p.Next = p.Items[:count], p.Key(count-1)
	}
	return p
}

// Map returns the page with its items converted.
func Map[T, U any](p Page[T], convert func(T) U) Page[U] {
	items := make([]U, len(p.Items))
	for i, item := range p.Items {
		items[i] = convert(item)
	}
	return Page[U]{Items: items, Next: p.Next, Total: p.Total, Key: p.Key}
}

// Size returns the maximum size of an item with these texts in JSON, in bytes, for items of up to about 20 members.
func Size(texts ...string) int {
	size := itemSize
	for _, text := range texts {
		size += TextSize(text)
	}
	return size
}

const (
	itemSize = 768 // names of members, ids, numbers and times
	IDSize   = 40  // IDSize is the size of an id in a JSON array, in bytes.
)

// TextSize returns the size of a text in JSON (RFC 8259, section 7) without quotation marks, in bytes.
func TextSize(text string) int {
	size := 0
	for i := range len(text) {
		size += int(escaped[text[i]])
	}
	return size
}

// escaped has the size of each byte in JSON.
var escaped = func() (sizes [256]uint8) {
	for b := range sizes {
		switch {
		case b == '"', b == '\\':
			sizes[b] = 2
		case b < ' ':
			sizes[b] = 6
		default:
			sizes[b] = 1
		}
	}
	return sizes
}()
