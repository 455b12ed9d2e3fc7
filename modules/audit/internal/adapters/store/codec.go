package store

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

// maxRawSize is the maximum size of the records of a segment. A record with a batch that was set aside is as large as
// its row.
const maxRawSize = 64 << 20

// The encoder and the decoder are created once. Both are safe for concurrent use. Their limits keep their buffers
// small.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(1<<20))
		if err != nil {
			panic(err) // only for invalid options
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(maxRawSize))
		if err != nil {
			panic(err) // only for invalid options
		}
		return d
	})
)

// pack compresses the records of a segment (Zstandard, RFC 8878).
func pack(raw []byte) []byte { return encoder().EncodeAll(raw, nil) }

// unpack returns the records of a segment, nil if the bytes were changed.
func unpack(packed []byte, size int) []byte {
	if size < 1 || size > maxRawSize {
		return nil
	}
	raw, err := decoder().DecodeAll(packed, make([]byte, 0, min(size, 1<<20)))
	if err != nil {
		return nil
	}
	return raw
}
