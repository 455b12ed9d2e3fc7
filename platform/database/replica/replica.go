// Package replica sends plain reads to streaming replicas of the primary, if they have replayed the writes of the
// session. Replicas are optional: if a replica is down, behind or not a replica of this primary, the primary serves its
// reads.
package replica

import (
	"context"
	"database/sql"
	"errors"
	"hash/crc32"
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

// slots is the number of rows of last_writes. Sessions with the same slot share their last write, so that a session may
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

// Wrote records that a session has written, successfully or not. It must be called after the write and before the
// response is sent. Later reads of the session, on every instance, are served only by replicas that have replayed
// everything up to now. Errors: those of the store.
func (s *Set) Wrote(ctx context.Context, session uuid.UUID) error {
	return s.writer.WithContext(ctx).Exec(recordWrite, slot(session)).Error
}

// recordWrite stores the position of the primary's log, which is beyond every earlier commit.
const recordWrite = `INSERT INTO last_writes (slot, position)
	VALUES (?, (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint)
	ON CONFLICT (slot) DO UPDATE SET position = greatest(last_writes.position, excluded.position) RETURNING position`

// lastWrite returns the position that a replica must have replayed for this session. Rows are lost in a crash or a
// fail-over: for a missing row it records a write of the session now. Errors: those of the store.
func (s *Set) lastWrite(ctx context.Context, session uuid.UUID) (position int64, err error) {
	find := s.writer.WithContext(ctx).
		Raw(`SELECT position FROM last_writes WHERE slot = ?`, slot(session)).Scan(&position)
	if find.Error != nil || find.RowsAffected > 0 {
		return position, find.Error
	}
	return position, s.writer.WithContext(ctx).Raw(recordWrite, slot(session)).Scan(&position).Error
}

func slot(session uuid.UUID) int { return int(crc32.ChecksumIEEE(session[:]) % slots) }

type readingKey struct{ set *Set }

// reading is a request whose reads a replica may serve.
type reading struct {
	from  *member
	state *state
	used  atomic.Bool
}

// Reading returns a context for the plain reads of a session's request. A replica serves them if it is in use and has
// replayed the session's last write. The primary serves transactions and writes. The session must be valid.
func (s *Set) Reading(ctx context.Context, session uuid.UUID) context.Context {
	for i := range s.members {
		// The same replica if possible, so that later reads do not return older data.
		m := s.members[(slot(session)+i)%len(s.members)]
		current := m.inUse()
		if current == nil {
			continue
		}
		position, err := s.lastWrite(ctx, session)
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
