// Package jobs runs work that is too long for one request. A job is a row; each of its batches is one transaction,
// which also contains the batch's events, audit entries and progress. A crash therefore loses at most the batch that
// was running.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/errs"
)

const (
	// MaxBatch is the largest number of rows that one batch may process.
	MaxBatch = 500
	// Retention is how long the state of a job can be read after its end.
	Retention = 7 * 24 * time.Hour

	// maxDelay is more than the longest time until the next attempt, by the clock of any instance. A job that is due
	// later was postponed before the clock went back, and is due.
	maxDelay   = 2 * maxBackoff
	maxBackoff = time.Minute
)

// State is the state of a job.
type State string

// The states of a job. A batch that fails is retried, so a job fails only with a Permanent error.
const (
	Pending State = "pending" // no batch has succeeded yet
	Running State = "running"
	Done    State = "done"
	Failed  State = "failed"
)

// Status is the public view of a job.
type Status struct {
	State State `json:"state"`
	Done  int64 `json:"done"`
	Total int64 `json:"total"` // an estimate: rows may be added and removed while the job runs
}

// Job is a job as a Handler receives it.
type Job struct {
	ID         uuid.UUID
	Kind       string
	Parameters json.RawMessage
	Done       int64 // rows processed by earlier batches
}

// Decode decodes the parameters. Errors: a Permanent error.
func (j Job) Decode(into any) error {
	if err := json.Unmarshal(j.Parameters, into); err != nil {
		return Permanent(err)
	}
	return nil
}

// Progress is the result of one batch.
type Progress struct {
	Rows int64
	More bool // another batch is needed
}

// Handler processes the jobs of one kind.
type Handler struct {
	Kind string

	// Batch processes at most limit rows in the transaction of ctx. It may run again for the same rows after a
	// rollback, and successively on several instances. After a Permanent error the job has failed; after any other
	// error the batch is retried.
	Batch func(ctx context.Context, job Job, limit int) (Progress, error)
}

// Permanent marks an error that a retry cannot resolve.
func Permanent(err error) error { return permanent{err} }

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// ErrNotFound is the error for an unknown or expired job.
var ErrNotFound = errs.New(errs.NotFound, "not_found", "No such job.")

// Queue stores jobs. It is safe for concurrent use, also by several instances on one database.
type Queue struct {
	db    *database.DB
	clock clock.Clock
	added chan struct{} // signals this instance's Runner
}

// NewQueue returns the queue in db.
func NewQueue(db *database.DB, clk clock.Clock) *Queue {
	return &Queue{db: db, clock: clk, added: make(chan struct{}, 1)}
}

// Add adds a job in the transaction of ctx. The job starts after the commit. The parameters must contain only ids,
// because other data would outlive the deletion of the patient. total is the estimated number of rows. Errors: those of
// the store.
func (q *Queue) Add(ctx context.Context, kind string, parameters any, total int64) (uuid.UUID, error) {
	encoded, err := json.Marshal(parameters)
	if err != nil {
		return uuid.Nil, err
	}
	id, now := uuid.New(), database.At(q.clock.Now())
	err = q.db.Write(ctx).Exec(`INSERT INTO jobs
		(id, kind, parameters, state, done, total, failures, due_at, created_at)
		VALUES (?, ?, ?, ?, 0, ?, 0, ?, ?)`, id, kind, string(encoded), Pending, total, now, now).Error
	if err != nil {
		return uuid.Nil, err
	}
	return id, q.db.AfterTransaction(ctx, func(context.Context) error { q.wake(); return nil })
}

func (q *Queue) wake() {
	select {
	case q.added <- struct{}{}:
	default:
	}
}

// Find returns a job's status. Errors: ErrNotFound.
func (q *Queue) Find(ctx context.Context, id string) (Status, error) {
	parsed, err := uuid.Parse(id)
	if err != nil || len(id) != 36 {
		return Status{}, ErrNotFound
	}
	var found []Status
	err = q.db.Read(ctx).Raw(`SELECT state, done, total FROM jobs
		WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)`,
		parsed, database.At(q.clock.Now())).Scan(&found).Error
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Status{}, err
	}
	found[0].Total = max(found[0].Total, found[0].Done)
	return found[0], nil
}

// row is the row of a locked job.
type row struct {
	ID         uuid.UUID
	Kind       string
	Parameters string
	State      State
	Done       int64
	Total      int64
	Failures   int
}

// due reports whether a job of one of the kinds is due.
func (q *Queue) due(ctx context.Context, kinds []string) (due bool, err error) {
	now := q.clock.Now()
	err = q.db.Read(ctx).Raw(
		`SELECT EXISTS (SELECT 1 FROM jobs WHERE expires_at IS NULL AND (due_at <= ? OR due_at > ?) AND kind IN ?)`,
		database.At(now), database.At(now.Add(maxDelay)), kinds).Scan(&due).Error
	return due, err
}

// lock locks a due job that no other instance processes, until the transaction ends. The lock serves as a lease: it
// ends with the connection, so that another instance continues the job after a crash.
func (q *Queue) lock(ctx context.Context, kinds []string) (row, bool, error) {
	skip := " FOR UPDATE SKIP LOCKED"
	if q.db.Engine() == database.SQLite { // SQLite has one writing transaction at a time
		skip = ""
	}
	var locked []row
	now := q.clock.Now()
	err := q.db.Write(ctx).Raw(`SELECT id, kind, parameters, state, done, total, failures FROM jobs
		WHERE expires_at IS NULL AND (due_at <= ? OR due_at > ?) AND kind IN ? ORDER BY due_at, id LIMIT 1`+skip,
		database.At(now), database.At(now.Add(maxDelay)), kinds).Scan(&locked).Error
	if err != nil || len(locked) == 0 {
		return row{}, false, err
	}
	return locked[0], true, nil
}

// advance records the progress of a batch. It sets due_at to the current time, so that other due jobs run first.
func (q *Queue) advance(ctx context.Context, id uuid.UUID, p Progress) error {
	now := q.clock.Now()
	if p.More {
		return q.db.Write(ctx).Exec(`UPDATE jobs SET state = ?, done = done + ?, failures = 0, due_at = ? WHERE id = ?`,
			Running, p.Rows, database.At(now), id).Error
	}
	return q.db.Write(ctx).Exec(`UPDATE jobs SET state = ?, done = done + ?, failures = 0, expires_at = ? WHERE id = ?`,
		Done, p.Rows, database.At(now.Add(Retention)), id).Error
}

// postpone records a failure and sets the time of the next attempt, unless another instance has changed the job since.
func (q *Queue) postpone(ctx context.Context, r row, failure error) error {
	now := q.clock.Now()
	if errors.As(failure, new(permanent)) {
		return q.db.Write(ctx).Exec(
			`UPDATE jobs SET state = ?, failures = failures + 1, expires_at = ? WHERE id = ? AND expires_at IS NULL`,
			Failed, database.At(now.Add(Retention)), r.ID,
		).Error
	}
	return q.db.Write(ctx).Exec(
		`UPDATE jobs SET failures = failures + 1, due_at = ? WHERE id = ? AND failures = ? AND expires_at IS NULL`,
		database.At(now.Add(backoff(r.Failures))), r.ID, r.Failures,
	).Error
}

// backoff returns the time until the next attempt. It doubles from one second to one minute.
func backoff(failures int) time.Duration { return min(time.Second<<min(failures, 6), maxBackoff) }

// removeExpired deletes the jobs whose retention has passed. The retention of those that ended in the future, before
// the clock went back, begins now.
func (q *Queue) removeExpired(ctx context.Context) error {
	longest := database.At(q.clock.Now().Add(Retention))
	err := q.db.Write(ctx).Exec(`UPDATE jobs SET expires_at = ? WHERE expires_at > ?`, longest, longest).Error
	if err != nil {
		return err
	}
	return q.db.Write(ctx).Exec(`DELETE FROM jobs WHERE expires_at <= ?`, database.At(q.clock.Steady())).Error
}

// unfinished returns the number of jobs that have not ended.
func (q *Queue) unfinished(ctx context.Context) (n int64, err error) {
	return n, q.db.Read(ctx).Raw(`SELECT count(*) FROM jobs WHERE expires_at IS NULL`).Scan(&n).Error
}
