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

// Stats has the resources that a process has used since its start.
type Stats struct {
	Objects  uint64        // allocated on the heap
	Bytes    uint64        // allocated on the heap
	CPU      time.Duration // user and system time
	Resident int64         // bytes of memory now; 0 if unknown
}

// Sub returns the difference to earlier. Resident is the current value.
func (s Stats) Sub(earlier Stats) Stats {
	return Stats{
		Objects: s.Objects - earlier.Objects, Bytes: s.Bytes - earlier.Bytes, CPU: s.CPU - earlier.CPU,
		Resident: s.Resident,
	}
}

// WithParent returns a context that ends when the parent closes this process's standard input or ends.
func WithParent(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return ctx
}

// Report writes the address of this process for its parent, and serves statistics and profiles on another loopback
// port.
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
	line, _ := json.Marshal(addresses{Address: address, Debug: listener.Addr().String()}) // texts cannot fail
	_, err = fmt.Println(string(line))
	return err
}

func used() Stats {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples)
	return Stats{Objects: samples[0].Value.Uint64(), Bytes: samples[1].Value.Uint64(), CPU: processorTime()}
}
