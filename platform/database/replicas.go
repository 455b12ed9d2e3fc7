package database

import (
	"context"
	"database/sql"
	"errors"
	"hash/crc32"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// Replicas are streaming copies of the primary that plain reads may go to, for the sessions whose own writes they have replayed. Nothing
// depends on them: where one is down, behind or not a copy of this primary, reads go to the primary.
type Replicas struct {
	db      *DB
	all     []*replica
	primary *sql.DB // one connection for looks
	cancel  context.CancelFunc
	ended   sync.WaitGroup
}

// slots is how many rows of last_writes there are: sessions that share one share their last write, which costs a read of the primary.
const slots = 4096

// openReplicas prepares what cfg.ReplicaURLs name; nil where it names none. Errors: an address that cannot be right.
func openReplicas(db *DB) (*Replicas, error) {
	if len(db.cfg.ReplicaURLs) == 0 {
		return nil, nil //nolint:nilnil // no replicas is the usual case
	}
	primary, err := postgresPool(db.cfg, nil)
	if err != nil {
		return nil, err
	}
	primary.SetMaxOpenConns(1)
	replicas := &Replicas{db: db, primary: primary}
	for _, url := range db.cfg.ReplicaURLs {
		r, err := openReplica(db, url, primary)
		if err != nil {
			return nil, errors.Join(err, replicas.close())
		}
		replicas.all = append(replicas.all, r)
	}
	return replicas, nil
}

// Replicas are those of the configuration; nil when it names none.
func (db *DB) Replicas() *Replicas { return db.replicas }

// Wrote remembers that a session has written, whatever became of it. It must be asked after the write and before the session is answered:
// from then on the session reads, at every instance, from a replica only what has been replayed up to now. Errors: the store's.
func (rs *Replicas) Wrote(ctx context.Context, session uuid.UUID) error {
	return rs.db.writer.WithContext(ctx).Exec(markWrite, slot(session)).Error
}

// markWrite notes how far the primary's log has come: whatever committed before lies below it.
const markWrite = `INSERT INTO last_writes (slot, position) VALUES (?, (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint)
	ON CONFLICT (slot) DO UPDATE SET position = greatest(last_writes.position, excluded.position) RETURNING position`

// lastWrite is the position that a replica must have replayed for this session. A row that is not there says nothing, as rows are lost in a
// crash or a fail-over: it is made, as if the session had written now. Errors: the store's.
func (rs *Replicas) lastWrite(ctx context.Context, session uuid.UUID) (position int64, err error) {
	find := rs.db.writer.WithContext(ctx).Raw(`SELECT position FROM last_writes WHERE slot = ?`, slot(session)).Scan(&position)
	if find.Error != nil || find.RowsAffected > 0 {
		return position, find.Error
	}
	return position, rs.db.writer.WithContext(ctx).Raw(markWrite, slot(session)).Scan(&position).Error
}

func slot(session uuid.UUID) int { return int(crc32.ChecksumIEEE(session[:]) % slots) }

type readingKey struct{ db *DB }

// reading is a request whose reads a replica may answer.
type reading struct {
	from *replica
	now  *proof
	used atomic.Bool
}

// Reading is ctx for the plain reads of a session's request, which a replica then answers if one is in use that has replayed the session's
// last write. Read hands it out; transactions and Write stay with the primary. Call it when the session is known to stand.
func (rs *Replicas) Reading(ctx context.Context, session uuid.UUID) context.Context {
	for i := range rs.all {
		r := rs.all[(slot(session)+i)%len(rs.all)] // a session keeps to one while it can, so that it does not see time go back
		now := r.inUse()
		if now == nil {
			continue
		}
		position, err := rs.lastWrite(ctx, session)
		if err != nil || position > now.replayed {
			return ctx // the next replica's time may be an earlier one
		}
		return context.WithValue(ctx, readingKey{rs.db}, &reading{from: r, now: now})
	}
	return ctx
}

// WasAsked reports whether a replica was asked with a ctx of Reading.
func (rs *Replicas) WasAsked(ctx context.Context) bool {
	r, _ := ctx.Value(readingKey{rs.db}).(*reading)
	return r != nil && r.used.Load()
}

// handle is a connection to the replica that ctx may read from; nil where that is none.
func (rs *Replicas) handle(ctx context.Context) *gorm.DB {
	r, _ := ctx.Value(readingKey{rs.db}).(*reading)
	if r == nil {
		return nil
	}
	if !r.used.Swap(true) {
		r.from.requests.Add(1)
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(r.now.use, cancel) // a statement does not wait for a replica that is gone
	context.AfterFunc(ctx, func() { stop() })    // ctx ends with the request
	return r.from.reader.WithContext(ctx)
}

// Watch keeps looking at the replicas until Stop. Until it has, none is in use.
func (rs *Replicas) Watch() {
	ctx, cancel := context.WithCancel(context.Background())
	rs.cancel = cancel
	for _, r := range rs.all {
		rs.ended.Go(func() { r.watch(ctx) })
	}
}

// Stop ends Watch.
func (rs *Replicas) Stop() {
	if rs.cancel != nil {
		rs.cancel()
		rs.ended.Wait()
	}
}

func (rs *Replicas) close() error {
	if rs == nil {
		return nil
	}
	rs.Stop()
	failed := []error{rs.primary.Close()}
	for _, r := range rs.all {
		failed = append(failed, r.pool.Close(), r.probe.Close())
	}
	return errors.Join(failed...)
}

// lookEvery is how often a replica is looked at, and so about how long a session that wrote reads from the primary.
const lookEvery = 250 * time.Millisecond

// lookTimeout is how long a look may take; a replica that does not answer is out of use after it.
const lookTimeout = time.Second
