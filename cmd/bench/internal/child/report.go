package child

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime/metrics"
	"time"
)

// Stats are what a process has used since it began.
type Stats struct {
	Objects  uint64        // allocated on the heap
	Bytes    uint64        // allocated on the heap
	CPU      time.Duration // of user and system
	Resident int64         // bytes of memory now; 0 where that cannot be told
}

// Sub is what was used since earlier; Resident stays that of now.
func (s Stats) Sub(earlier Stats) Stats {
	return Stats{Objects: s.Objects - earlier.Objects, Bytes: s.Bytes - earlier.Bytes, CPU: s.CPU - earlier.CPU, Resident: s.Resident}
}

// Orphaned is a context that ends when the parent lets go of this process's standard input, as it does by dying.
func Orphaned(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx
}

// Report tells the parent where this process serves, and answers what it asks about it on a listener of its own, on loopback.
func Report(address string) error {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/stats", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(used()) })
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	go func() { _ = (&http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}).Serve(listener) }()
	line, _ := json.Marshal(said{Address: address, Debug: listener.Addr().String()}) // texts: it cannot fail
	_, err = fmt.Println(string(line))
	return err
}

func used() Stats {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples)
	return Stats{Objects: samples[0].Value.Uint64(), Bytes: samples[1].Value.Uint64(), CPU: processorTime()}
}
