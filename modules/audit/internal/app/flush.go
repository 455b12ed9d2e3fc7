package app

import (
	"context"
	"time"

	"healthcare/platform/audit"
)

// flush is a Flush that several readers wait for.
type flush struct {
	done chan struct{} // closed when err is set
	err  error
}

// FlushForReader is Flush for a reader of the chain. Readers share it: it is limited to four times a second after a
// burst. Errors: those of Flush; ctx ended.
func (s *Sealing) FlushForReader(ctx context.Context) error {
	ctx = audit.WithRequest(ctx, audit.Request{}) // the batches are those of all requests
	backlog, err := s.segments.Backlog(ctx, 0)
	if err != nil || backlog.Batches == 0 {
		return err
	}
	s.flushMu.Lock()
	f := s.nextFlush
	if f == nil {
		f = &flush{done: make(chan struct{})}
		s.nextFlush = f
		go s.flushNext(f) //nolint:gosec // not with ctx, because other readers wait as well
	}
	s.flushMu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flushNext runs f when the limit allows it. Readers that come after its start wait for the next one, because their
// entries may be missing in it.
func (s *Sealing) flushNext(f *flush) {
	s.flushes <- struct{}{}
	s.flushMu.Lock()
	if !s.draining {
		s.draining = true
		time.AfterFunc(flushEvery, s.drain)
	}
	s.flushMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushMu.Lock()
	s.nextFlush = nil
	s.flushMu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	f.err = s.flush(ctx)
	close(f.done)
}

// drain removes an element of flushes each flushEvery, so a flush waits for at most that time.
func (s *Sealing) drain() {
	<-s.flushes
	s.flushMu.Lock()
	defer s.flushMu.Unlock()
	if s.draining = len(s.flushes) > 0; s.draining {
		time.AfterFunc(flushEvery, s.drain)
	}
}
