// Package replica lets streaming replicas of the primary answer plain reads, for the sessions whose own writes they
// have replayed. Nothing depends on them: if one is down, behind or not a replica of this primary, the primary answers.
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
	MaxLag         time.Duration     // maximal age of an answer
	Settings       map[string]string // of each session that serves requests
	PoolSize       int               // connections to each replica
	AcquireTimeout time.Duration
	SlowQuery      time.Duration
}

// Set is the replicas of a primary. A nil Set has none.
type Set struct {
	writer  *gorm.DB // the primary
	members []*member
	primary *sql.DB // one connection for checks
	cancel  context.CancelFunc
	ended   sync.WaitGroup
}

// slots is the number of rows of last_writes: sessions that share one share their last write, which costs a read of the
// primary.
const slots = 4096

// Open prepares the replicas of the primary at primaryURL; nil if cfg has none. Errors: an address is not valid.
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

// Wrote stores that a session has written, whatever the result. It must be called after the write and before the
// session gets its answer: from then on, at every instance, only a replica that has replayed everything up to now
// answers the session. Errors: the store's.
func (s *Set) Wrote(ctx context.Context, session uuid.UUID) error {
	return s.writer.WithContext(ctx).Exec(recordWrite, slot(session)).Error
}

// recordWrite stores the position of the primary's log: everything that committed before lies below it.
const recordWrite = `INSERT INTO last_writes (slot, position)
	VALUES (?, (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint)
	ON CONFLICT (slot) DO UPDATE SET position = greatest(last_writes.position, excluded.position) RETURNING position`

// lastWrite returns the position that a replica must have replayed for this session. Rows are lost in a crash or a
// fail-over: a missing one is written as if the session had written now. Errors: the store's.
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

// reading is a request whose reads a replica may answer.
type reading struct {
	from  *member
	state *state
	used  atomic.Bool
}

// Reading returns a context for the plain reads of a session's request. A replica answers them if one is in use that
// has replayed the session's last write. Transactions and writes stay with the primary. The session must be valid.
func (s *Set) Reading(ctx context.Context, session uuid.UUID) context.Context {
	for i := range s.members {
		m := s.members[(slot(session)+i)%len(s.members)] // the same one while possible, so that time does not go back
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

// Reader returns the handle of the replica that ctx may read from; nil without one.
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
	stop := context.AfterFunc(r.state.inUse, cancel) // a statement does not wait for a replica that has gone
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

// Watch checks the replicas regularly until Stop. Before the first check none is in use.
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

// checkInterval is about how long a session that wrote reads from the primary.
const checkInterval = 250 * time.Millisecond

// checkTimeout bounds a check; a replica that does not respond is out of use after it.
const checkTimeout = time.Second
