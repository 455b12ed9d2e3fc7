package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"healthcare/platform/telemetry"
)

const (
	// time after which a job of another instance, or of one that crashed, is found
	pollInterval  = 2 * time.Second
	sweepInterval = time.Minute
	logInterval   = 10 * time.Second
	batchTimeout  = 30 * time.Second

	// After a batch that takes longer than batchTarget the next one is smaller, because requests wait for SQLite's only
	// writer.
	batchTarget   = 100 * time.Millisecond
	firstBatch    = 50
	smallestBatch = 10 // for successful batches: on a loaded machine even one row may take long
	minPause      = 10 * time.Millisecond
)

// Runner processes the jobs of a Queue, one batch at a time. Each instance has one.
type Runner struct {
	queue    *Queue
	handlers map[string]Handler
	kinds    []string
	log      *zap.Logger

	limit    int // rows of the next batch
	logged   time.Time
	rows     *prometheus.CounterVec
	failures *prometheus.CounterVec
	waiting  prometheus.Gauge
}

// NewRunner returns a Runner with one handler for each kind. Errors: two handlers for one kind.
func NewRunner(handlers []Handler, queue *Queue, log *zap.Logger) (*Runner, error) {
	r := &Runner{queue: queue, handlers: map[string]Handler{}, log: log, limit: firstBatch}
	for _, h := range handlers {
		if _, taken := r.handlers[h.Kind]; taken {
			return nil, fmt.Errorf("two handlers for jobs of kind %s", h.Kind)
		}
		r.handlers[h.Kind] = h
		r.kinds = append(r.kinds, h.Kind)
	}
	r.rows = telemetry.Counters(
		"healthcare_job_rows_total",
		"Rows that jobs have processed, by the job's kind.",
		"kind",
		r.kinds...,
	)
	r.failures = telemetry.Counters(
		"healthcare_job_failures_total",
		"Batches of jobs that failed, by the job's kind.",
		"kind",
		r.kinds...,
	)
	r.waiting = prometheus.NewGauge(
		prometheus.GaugeOpts{Name: "healthcare_jobs_unfinished", Help: "Jobs that have not ended."},
	)
	return r, nil
}

// Run processes jobs until stop is done. It completes the running batch, unless work is done, too.
func (r *Runner) Run(stop, work context.Context) {
	if len(r.kinds) == 0 {
		return
	}
	var swept time.Time
	for stop.Err() == nil {
		if time.Since(swept) >= sweepInterval {
			swept = time.Now()
			if err := r.sweep(work); err != nil && work.Err() == nil {
				r.log.Warn("expired jobs were not removed; the next attempt is in a minute", zap.Error(err))
			}
		}
		start := time.Now()
		worked, err := r.Step(work)
		if err != nil && work.Err() == nil {
			r.log.Error("jobs could not be processed; trying again", zap.Error(err))
		}
		wait, added := pollInterval, r.queue.added
		if worked { // leaves the writer and the processors to requests for twice the duration of the batch
			wait, added = max(minPause, 2*time.Since(start)), nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-stop.Done():
		case <-added:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (r *Runner) sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	unfinished, err := r.queue.unfinished(ctx)
	if err != nil {
		return err
	}
	r.waiting.Set(float64(unfinished))
	return r.queue.removeExpired(ctx)
}

// Step processes one batch of a due job, and reports whether there was one. A failed batch is logged and postponed.
// Errors: those of the store.
func (r *Runner) Step(ctx context.Context) (worked bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, batchTimeout)
	defer cancel()
	if due, err := r.queue.due(ctx, r.kinds); err != nil || !due {
		return false, err
	}
	var job row
	var progress Progress
	var start time.Time
	held := false
	err = r.queue.db.Do(ctx, func(ctx context.Context) error {
		start = time.Now() // after waiting for the writer
		if job, held, err = r.queue.lock(ctx, r.kinds); err != nil || !held {
			return err
		}
		progress, err = r.handlers[job.Kind].Batch(
			ctx,
			Job{ID: job.ID, Kind: job.Kind, Parameters: []byte(job.Parameters), Done: job.Done},
			r.limit,
		)
		if err != nil {
			return err
		}
		return r.queue.advance(ctx, job.ID, progress)
	})
	if !held {
		return false, err
	}
	r.adapt(time.Since(start), err)
	if err != nil {
		return true, r.failed(ctx, job, err)
	}
	r.report(job, progress)
	return true, nil
}

// adapt adjusts the size of the next batch to the duration of this one.
func (r *Runner) adapt(elapsed time.Duration, err error) {
	switch {
	case err != nil:
		r.limit = max(1, r.limit/2)
	case elapsed > batchTarget:
		r.limit = max(min(r.limit, smallestBatch), r.limit/2)
	case elapsed < batchTarget/2:
		r.limit = min(MaxBatch, 2*r.limit)
	}
}

func (r *Runner) failed(ctx context.Context, job row, failure error) error {
	// the program is stopping; another instance, or the next start, continues the job
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return nil
	}
	r.failures.WithLabelValues(job.Kind).Inc()
	r.log.Error(
		"a batch of a job failed",
		zap.String("kind", job.Kind),
		zap.Stringer("job", job.ID),
		zap.Int("failures", job.Failures+1),
		zap.Error(failure),
	)
	// The batch may have reached its timeout.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchTimeout)
	defer cancel()
	return r.queue.postpone(ctx, job, failure)
}

func (r *Runner) report(job row, p Progress) {
	r.rows.WithLabelValues(job.Kind).Add(float64(p.Rows))
	if first := job.State == Pending; p.More && !first && time.Since(r.logged) < logInterval {
		return
	}
	r.logged = time.Now()
	message := "a job is running"
	if !p.More {
		message = "a job is done"
	}
	r.log.Info(
		message,
		zap.String("kind", job.Kind),
		zap.Stringer("job", job.ID),
		zap.Int64("done", job.Done+p.Rows),
		zap.Int64("of", job.Total),
	)
}
