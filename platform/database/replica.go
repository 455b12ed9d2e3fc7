package database

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
	"gorm.io/gorm"
)

// replica is one copy, and what is known of it.
type replica struct {
	name    string // database and servers, for the log
	log     *zap.Logger
	maxLag  time.Duration
	pool    *sql.DB // serves requests
	reader  *gorm.DB
	probe   *sql.DB // one connection beside the pool: a look does not wait behind requests
	primary *sql.DB // likewise

	proven   atomic.Pointer[proof] // nil: it is out of use
	requests atomic.Int64          // that it was asked for
	goal     *place                // what the primary had written at a look, and the replica has not shown to have replayed yet
	said     string                // the last line of the log about it
}

// proof is what a look at a replica has shown.
type proof struct {
	replayed int64     // its position
	asOf     time.Time // what the primary had committed by then is in it
	use      context.Context
	end      context.CancelFunc // ends the statements that wait for it, when it goes out of use
}

// place is how far a server has come, and in which log.
type place struct {
	log      string // the cluster and its timeline: another one's positions mean nothing here
	replica  bool
	position int64 // bytes
	asked    time.Time
}

func openReplica(db *DB, url string, primary *sql.DB) (*replica, error) {
	cfg := db.cfg
	cfg.URL, cfg.standby = url, true
	conn, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("database_replica_urls: not valid PostgreSQL addresses") // the cause may quote the password
	}
	r := &replica{name: describe(conn), log: db.log, maxLag: cfg.ReplicaMaxLag, primary: primary}
	if r.pool, err = postgresPool(cfg, cfg.limits(), r.notBehind); err != nil {
		return nil, err
	}
	if r.probe, err = postgresPool(cfg, nil); err != nil {
		return nil, err
	}
	r.probe.SetMaxOpenConns(1)
	r.reader, err = gormOver(postgresOver(r.pool, cfg), cfg, db.log)
	return r, err
}

// inUse is what is proven of a replica that may be asked now; nil when none is. It looks at the clock itself, so that a replica that nobody
// gets to look at goes out of use too.
func (r *replica) inUse() *proof {
	if now := r.proven.Load(); now != nil && time.Since(now.asOf) <= r.maxLag {
		return now
	}
	return nil
}

func (r *replica) watch(ctx context.Context) {
	for ctx.Err() == nil {
		r.look(ctx)
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
		}
	}
	r.withdraw()
}

// look compares the replica with what the primary has written. The goal stays until the replica has come to it, however far the primary is by
// then: so what is proven is never newer than true, and under load a replica need not catch a moving mark.
func (r *replica) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	if r.goal == nil {
		goal, err := whereIs(ctx, r.primary)
		if err != nil {
			return // what is proven grows old
		}
		r.goal = &goal
	}
	here, err := whereIs(ctx, r.probe)
	switch {
	case err != nil:
		r.out("it does not answer", zap.Error(explain(err)))
	case !here.replica:
		r.out("it is no replica")
	case here.log != r.goal.log:
		r.out("it is not a replica of this primary, or of its timeline")
	case here.position >= r.goal.position:
		r.prove(here.position, r.goal.asked)
		r.goal = nil
	default:
		if now := r.proven.Load(); now != nil {
			r.prove(here.position, now.asOf)
		}
	}
	if r.goal != nil && time.Since(r.goal.asked) > r.maxLag {
		r.tell("it is too far behind")
	}
}

// prove publishes what was seen, and takes the replica into use.
func (r *replica) prove(replayed int64, asOf time.Time) {
	next := proof{replayed: replayed, asOf: asOf}
	if now := r.proven.Load(); now != nil {
		next.use, next.end = now.use, now.end
	} else {
		next.use, next.end = context.WithCancel(context.Background())
	}
	r.proven.Store(&next)
	if time.Since(asOf) <= r.maxLag {
		r.tell("")
	}
}

// out takes the replica out of use.
func (r *replica) out(why string, more ...zap.Field) {
	r.goal = nil // the primary may be another by now
	r.withdraw()
	r.tell(why, more...)
}

func (r *replica) withdraw() {
	if now := r.proven.Swap(nil); now != nil {
		now.end()
	}
}

// tell logs that the replica goes out of use, or into it, once.
func (r *replica) tell(why string, more ...zap.Field) {
	line := "a replica is in use: plain reads may go there"
	if why != "" {
		line = "a replica is out of use, plain reads go to the primary: " + why
	}
	if line == r.said {
		return
	}
	r.said = line
	level := zap.InfoLevel
	if why != "" {
		level = zap.WarnLevel
	}
	r.log.Log(level, line, append(more, zap.String("replica", r.name))...)
}

// whereabouts of a primary are what it has flushed, as every commit is before it is answered. Its insert position would lie one page header further
// after a switch of segments, and no replica comes to that before something else is written. A primary's timeline is that of the log file which it
// writes: its control file names the former one until the first checkpoint after a promotion. A replica's is the newest that its control file names,
// as the timeline which it has replayed; it may name that late, and never early.
const whereabouts = `SELECT system_identifier || '/' || CASE WHEN pg_is_in_recovery() THEN greatest(timeline_id, min_recovery_end_timeline)
	ELSE ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::int END, pg_is_in_recovery(),
	(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END - '0/0'::pg_lsn)::bigint
	FROM pg_control_system(), pg_control_checkpoint(), pg_control_recovery()`

func whereIs(ctx context.Context, pool *sql.DB) (place, error) {
	p := place{asked: time.Now()} // before it is answered, so that it is never later than true
	err := pool.QueryRowContext(ctx, whereabouts).Scan(&p.log, &p.replica, &p.position)
	return p, err
}

// notBehind refuses a new connection to a replica that has come less far than was proven: a standby that crashed answers again before it has replayed
// all that it had. A connection that stands only goes forward.
func (r *replica) notBehind(ctx context.Context, conn *pgx.Conn) error {
	now := r.proven.Load()
	if now == nil {
		return errBehind
	}
	var position int64
	err := conn.QueryRow(ctx, `SELECT (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint`).Scan(&position)
	if err == nil && position < now.replayed {
		return errBehind
	}
	return err
}

var errBehind = unavailable(errors.New("a replica that is out of use, or behind what it had replayed"))
