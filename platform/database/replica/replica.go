// Package replica sends plain reads to streaming replicas of the primary, if they have replayed the writes of the
// session, and those that changed what its user may see. Replicas are optional: if a replica is down, behind or not a
// replica of this primary, the primary serves its reads.
package replica

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"
	"gorm.io/gorm"

	"healthcare/platform/database/internal/postgres"
)

// Config describes the replicas and their pools.
type Config struct {
	URLs           []string
	MaxLag         time.Duration     // maximum age of the data
	Settings       map[string]string // of each session that serves requests
	PoolSize       int               // connections to each replica
	AcquireTimeout time.Duration
	SlowQuery      time.Duration
}

// Set is the set of the replicas of a primary. A nil Set is empty.
type Set struct {
	writer  *gorm.DB // the primary
	members []*member
	primary *sql.DB // one connection for checks
	cancel  context.CancelFunc
	ended   sync.WaitGroup
}

// slots is the number of rows of last_writes. Readers with the same slot share their last write, so that a reader may
// read from the primary without need.
const slots = 4096

// Open returns the Set of the replicas of the primary at primaryURL, or nil if cfg has no replicas. Errors: an invalid
// address.
func Open(cfg Config, primaryURL string, writer *gorm.DB, log *zap.Logger) (*Set, error) {
	if len(cfg.URLs) == 0 {
		return nil, nil //nolint:nilnil // the usual case
	}
	primary, err := postgres.OpenPool(postgres.Config{URL: primaryURL})
	if err != nil {
		return nil, err
	}
	primary.SetMaxOpenConns(1)
	set := &Set{writer: writer, primary: primary}
	for _, url := range cfg.URLs {
		m, err := openMember(cfg, url, primary, log)
		if err != nil {
			return nil, errors.Join(err, set.Close())
		}
		set.members = append(set.members, m)
	}
	return set, nil
}

// Writing returns a context for a request that may write, in which Affect collects whom the writes affect.
func (*Set) Writing(ctx context.Context) context.Context {
	return context.WithValue(ctx, writingKey{}, &writing{slots: map[int]struct{}{}})
}

// Affect records in a context of Writing that the request changes which records the reader may see: a user, or a party
// for whom users act. With another context it has no effect, and the reader may see the change later, by at most
// Config.MaxLag.
func Affect(ctx context.Context, readers ...uuid.UUID) {
	w, _ := ctx.Value(writingKey{}).(*writing)
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, reader := range readers {
		w.slots[slot(reader)] = struct{}{}
	}
}

type writingKey struct{}

type writing struct {
	mu    sync.Mutex
	slots map[int]struct{}
}

func (w *writing) affected() []int {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.slots))
}

// Wrote records that a session has written, successfully or not, and so affected those whom Affect recorded in ctx. It
// must be called after the write and before the response is sent. Later reads of the session and of those affected, on
// every instance, are served only by replicas that have replayed everything up to now. Errors: those of the store.
func (s *Set) Wrote(ctx context.Context, session uuid.UUID) error {
	w, _ := ctx.Value(writingKey{}).(*writing)
	_, err := s.record(ctx, append(w.affected(), slot(session)))
	return err
}

// record stores the position of the primary's log for the slots, and returns it. It is beyond every earlier commit. The
// slots are stored once each, because the position may change within the statement, and in order, so that concurrent
// calls do not deadlock.
func (s *Set) record(ctx context.Context, of []int) (position int64, err error) {
	slices.Sort(of)
	of = slices.Compact(of)
	return position, s.writer.WithContext(ctx).Raw(`WITH stored AS (
		INSERT INTO last_writes (slot, position)
		SELECT slot, (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint
		FROM unnest(?::int[]) AS slot ORDER BY slot
		ON CONFLICT (slot) DO UPDATE SET position = greatest(last_writes.position, excluded.position)
		RETURNING position) SELECT max(position) FROM stored`, arrayOf(of)).Scan(&position).Error
}

// arrayOf returns an array literal, with which the statement has one text for any number of values.
func arrayOf(values []int) string {
	return "{" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(values)), ","), "[]") + "}"
}

// lastWrite returns the position that a replica must have replayed for these slots. Rows are lost in a crash or a
// fail-over: for a missing row it records a write now. Errors: those of the store.
func (s *Set) lastWrite(ctx context.Context, of []int) (position int64, err error) {
	var stored []struct {
		Slot     int
		Position int64
	}
	find := s.writer.WithContext(ctx).
		Raw(`SELECT slot, position FROM last_writes WHERE slot = ANY (?::int[])`, arrayOf(of)).Scan(&stored)
	if find.Error != nil {
		return 0, find.Error
	}
	for _, row := range stored {
		position = max(position, row.Position)
		of = slices.DeleteFunc(of, func(slot int) bool { return slot == row.Slot })
	}
	if len(of) == 0 {
		return position, nil
	}
	return s.record(ctx, of) // beyond position
}

func slot(reader uuid.UUID) int { return int(crc32.ChecksumIEEE(reader[:]) % slots) }

type readingKey struct{ set *Set }

// reading is a request whose reads a replica may serve.
type reading struct {
	from  *member
	state *state
	used  atomic.Bool
}

// Reading returns a context for the plain reads of a session's request, whose user acts for the parties. A replica
// serves them if it is in use and has replayed the session's last write and the last that affected one of the parties,
// which include the user. The primary serves transactions and writes. The session must be valid.
func (s *Set) Reading(ctx context.Context, session uuid.UUID, parties ...uuid.UUID) context.Context {
	for i := range s.members {
		// The same replica if possible, so that later reads do not return older data.
		m := s.members[(slot(session)+i)%len(s.members)]
		current := m.inUse()
		if current == nil {
			continue
		}
		of := []int{slot(session)}
		for _, party := range parties {
			of = append(of, slot(party))
		}
		position, err := s.lastWrite(ctx, of)
		if err != nil || position > current.replayed {
			return ctx // the next replica may be further behind
		}
		return context.WithValue(ctx, readingKey{s}, &reading{from: m, state: current})
	}
	return ctx
}

// UsedReplica reports whether a statement with a context of Reading was sent to a replica.
func (s *Set) UsedReplica(ctx context.Context) bool {
	r, _ := ctx.Value(readingKey{s}).(*reading)
	return r != nil && r.used.Load()
}

// Reader returns the handle of the replica that serves ctx, or nil if the primary does.
func (s *Set) Reader(ctx context.Context) *gorm.DB {
	if s == nil {
		return nil
	}
	r, _ := ctx.Value(readingKey{s}).(*reading)
	if r == nil {
		return nil
	}
	if !r.used.Swap(true) {
		r.from.requests.Add(1)
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(r.state.inUse, cancel) // cancels statements when the replica goes out of use
	context.AfterFunc(ctx, func() { stop() })        // ctx ends with the request
	return r.from.reader.WithContext(ctx)
}

// Handles returns the handle of each replica.
func (s *Set) Handles() (all []*gorm.DB) {
	if s == nil {
		return nil
	}
	for _, m := range s.members {
		all = append(all, m.reader)
	}
	return all
}

// Watch starts regular checks of the replicas, until Stop. Before the first check no replica is in use.
func (s *Set) Watch() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	for _, m := range s.members {
		s.ended.Go(func() { m.watch(ctx) })
	}
}

// Stop ends Watch.
func (s *Set) Stop() {
	if s.cancel != nil {
		s.cancel()
		s.ended.Wait()
	}
}

// Close ends Watch and closes every connection.
func (s *Set) Close() error {
	if s == nil {
		return nil
	}
	s.Stop()
	failed := []error{s.primary.Close()}
	for _, m := range s.members {
		failed = append(failed, m.pool.Close(), m.probe.Close())
	}
	return errors.Join(failed...)
}

// checkInterval is the interval between checks. A session reads from the primary for about as long after a write.
const checkInterval = 250 * time.Millisecond

// checkTimeout limits a check. A replica that does not respond within it goes out of use.
const checkTimeout = time.Second
