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
	name    string // database and servers, as logged
	log     *zap.Logger
	maxLag  time.Duration
	pool    *sql.DB // serves requests
	reader  *gorm.DB
	probe   *sql.DB // a separate connection, so that checks do not wait for requests
	primary *sql.DB // a separate connection to the primary

	current  atomic.Pointer[state] // nil: the replica is out of use
	requests atomic.Int64          // number of requests that read from the replica
	target   *position             // the primary's position at an earlier check, until the replica reaches it
	logged   string                // the last message that was logged about the replica
}

// state is the result of the last check of a replica.
type state struct {
	replayed int64           // the position up to which the replica has replayed the log
	asOf     time.Time       // the replica has every commit of the primary before this time
	inUse    context.Context // done when the replica goes out of use
	end      context.CancelFunc
}

// position is the position of a server in its write-ahead log.
type position struct {
	log     string // the cluster and its timeline; only positions in the same log are comparable
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

// inUse returns the state of a replica that may serve reads now, otherwise nil. It compares the time of the last check
// with the clock, so that a replica that is no longer checked goes out of use, too.
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

// check compares the position of the replica with that of the primary. The target does not change until the replica has
// reached it, even if the primary has advanced. So the result is never too new, and a replica under load does not chase
// a moving target.
func (m *member) check(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if m.target == nil {
		target, err := positionOf(ctx, m.primary)
		if err != nil {
			return // the last result expires
		}
		m.target = &target
	}
	own, err := positionOf(ctx, m.probe)
	switch {
	case err != nil:
		m.takeOut("it does not respond", zap.Error(fault.Explain(err)))
	case !own.replica:
		m.takeOut("it is not a replica")
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

// publish stores the result of a check, and puts the replica into use.
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

// logOnce logs that the replica went out of use for the reason why, or that it is in use if why is empty. It does not
// log the same message twice in a row.
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

// selectPosition returns the flush position of a primary: every commit is flushed before it is acknowledged. After a
// switch of segments the insert position is one page header further, and no replica reaches it before the next write.
// The timeline of a primary is that of the log file to which it writes, because its control file has the former
// timeline until the first checkpoint after a promotion. The timeline of a replica is the newest in its control file,
// which may be updated late, but never early.
const selectPosition = `SELECT system_identifier || '/' || CASE WHEN pg_is_in_recovery()
	THEN greatest(timeline_id, min_recovery_end_timeline)
	ELSE ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))::bit(32)::int END, pg_is_in_recovery(),
	(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END
		- '0/0'::pg_lsn)::bigint
	FROM pg_control_system(), pg_control_checkpoint(), pg_control_recovery()`

func positionOf(ctx context.Context, pool *sql.DB) (position, error) {
	p := position{at: time.Now()} // before the query, so that the position is never older than this time
	err := pool.QueryRowContext(ctx, selectPosition).Scan(&p.log, &p.replica, &p.bytes)
	return p, err
}

// rejectBehind rejects a new connection to a replica that is behind its position at the last check: after a crash a
// standby accepts connections before it has replayed its log again. On an open connection the position only grows.
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
