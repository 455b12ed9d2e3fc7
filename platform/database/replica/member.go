package replica

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
	"gorm.io/gorm"

	"healthcare/platform/database/internal/fault"
	"healthcare/platform/database/internal/orm"
	"healthcare/platform/database/internal/postgres"
)

// member is one replica and its state.
type member struct {
	name    string // database and servers, for the log
	log     *zap.Logger
	maxLag  time.Duration
	pool    *sql.DB // serves requests
	reader  *gorm.DB
	probe   *sql.DB // one connection beside the pool, so that a check does not wait behind requests
	primary *sql.DB // likewise

	current  atomic.Pointer[state] // nil: it is out of use
	requests atomic.Int64          // number of requests that it was asked for
	target   *position             // the primary's position at an earlier check, until the replica reaches it
	logged   string                // the last line of the log about it
}

// state is the result of a check of a replica.
type state struct {
	replayed int64           // its position
	asOf     time.Time       // it has everything that the primary had committed by then
	inUse    context.Context // ends with the use of the replica
	end      context.CancelFunc
}

// position is how far a server has come in its log.
type position struct {
	log     string // the cluster and its timeline: positions in another log cannot be compared
	replica bool
	bytes   int64
	at      time.Time
}

func openMember(cfg Config, url string, primary *sql.DB, log *zap.Logger) (m *member, err error) {
	m = &member{log: log, maxLag: cfg.MaxLag, primary: primary}
	if m.name, err = postgres.Describe(url); err != nil {
		// The cause may quote the password.
		return nil, errors.New("database_replica_urls: not valid PostgreSQL addresses")
	}
	requests := postgres.Config{URL: url, Standby: true, Settings: cfg.Settings, OnConnect: m.rejectBehind}
	if m.pool, err = postgres.OpenPool(requests); err != nil {
		return nil, err
	}
	if m.probe, err = postgres.OpenPool(postgres.Config{URL: url, Standby: true}); err != nil {
		return nil, err
	}
	m.probe.SetMaxOpenConns(1)
	m.reader, err = orm.Open(postgres.NewDialector(m.pool, cfg.PoolSize, cfg.AcquireTimeout), cfg.SlowQuery, log)
	return m, err
}

// inUse returns the state of a replica that may be asked now; nil if it may not. It compares with the clock itself, so
// that a replica that is no longer checked goes out of use, too.
func (m *member) inUse() *state {
	if current := m.current.Load(); current != nil && time.Since(current.asOf) <= m.maxLag {
		return current
	}
	return nil
}

func (m *member) watch(ctx context.Context) {
	for ctx.Err() == nil {
		m.check(ctx)
		select {
		case <-time.After(checkInterval):
		case <-ctx.Done():
		}
	}
	m.withdraw()
}

// check compares the replica with the primary. The target stays until the replica has reached it, however far the
// primary is by then: the result is thus never newer than the truth, and under load a replica need not reach a moving
// target.
func (m *member) check(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if m.target == nil {
		target, err := positionOf(ctx, m.primary)
		if err != nil {
			return // the last result grows old
		}
		m.target = &target
	}
	own, err := positionOf(ctx, m.probe)
	switch {
	case err != nil:
		m.takeOut("it does not answer", zap.Error(fault.Explain(err)))
	case !own.replica:
		m.takeOut("it is no replica")
	case own.log != m.target.log:
		m.takeOut("it is not a replica of this primary, or of its timeline")
	case own.bytes >= m.target.bytes:
		m.publish(own.bytes, m.target.at)
		m.target = nil
	default:
		if current := m.current.Load(); current != nil {
			m.publish(own.bytes, current.asOf)
		}
	}
	if m.target != nil && time.Since(m.target.at) > m.maxLag {
		m.logOnce("it is too far behind")
	}
}

// publish stores the result of a check, and takes the replica into use.
func (m *member) publish(replayed int64, asOf time.Time) {
	next := state{replayed: replayed, asOf: asOf}
	if current := m.current.Load(); current != nil {
		next.inUse, next.end = current.inUse, current.end
	} else {
		next.inUse, next.end = context.WithCancel(context.Background())
	}
	m.current.Store(&next)
	if time.Since(asOf) <= m.maxLag {
		m.logOnce("")
	}
}

// takeOut takes the replica out of use.
func (m *member) takeOut(why string, more ...zap.Field) {
	m.target = nil // the primary may have changed
	m.withdraw()
	m.logOnce(why, more...)
}

func (m *member) withdraw() {
	if current := m.current.Swap(nil); current != nil {
		current.end()
	}
}

// logOnce logs, without repeating itself, that the replica went out of use, or into it if why is empty.
func (m *member) logOnce(why string, more ...zap.Field) {
	line := "a replica is in use: plain reads may go there"
	if why != "" {
		line = "a replica is out of use, plain reads go to the primary: " + why
	}
	if line == m.logged {
		return
	}
	m.logged = line
	level := zap.InfoLevel
	if why != "" {
		level = zap.WarnLevel
	}
	m.log.Log(level, line, append(more, zap.String("replica", m.name))...)
}

// selectPosition returns what a primary has flushed, as every commit is before it is acknowledged. Its insert position
// would be one page header further after a switch of segments, and no replica reaches that before the next write. A
// primary's timeline is that of the log file to which it writes: its control file has the former one until the first
// checkpoint after a promotion. A replica's is the newest in its control file, as the timeline that it has replayed; it
// may appear there late, and never early.
const selectPosition = `SELECT system_identifier || '/' || CASE WHEN pg_is_in_recovery()
	THEN greatest(timeline_id, min_recovery_end_timeline)
	ELSE ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::int END, pg_is_in_recovery(),
	(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END
		- '0/0'::pg_lsn)::bigint
	FROM pg_control_system(), pg_control_checkpoint(), pg_control_recovery()`

func positionOf(ctx context.Context, pool *sql.DB) (position, error) {
	p := position{at: time.Now()} // before the query, so that it is never later than the truth
	err := pool.QueryRowContext(ctx, selectPosition).Scan(&p.log, &p.replica, &p.bytes)
	return p, err
}

// rejectBehind rejects a new connection to a replica that is behind the last check: a standby that crashed accepts
// connections before it has replayed everything that it had. On an open connection the position only grows.
func (m *member) rejectBehind(ctx context.Context, conn *pgx.Conn) error {
	current := m.current.Load()
	if current == nil {
		return errBehind
	}
	var replayed int64
	err := conn.QueryRow(ctx, `SELECT (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint`).Scan(&replayed)
	if err == nil && replayed < current.replayed {
		return errBehind
	}
	return err
}

var errBehind = fault.Unavailable(errors.New("a replica that is out of use, or behind its earlier position"))
