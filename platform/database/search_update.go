package database

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"healthcare/platform/telemetry"
)

const (
	// recomputeBatch bounds the rows of a transaction, to a few milliseconds of SQLite's one writer.
	recomputeBatch = 100
	// recomputeInterval bounds the delay until rows that an instance of an earlier release wrote are recomputed.
	// Without such rows, the partial index that each run reads is empty.
	recomputeInterval = time.Minute
)

// SearchTexts is a table whose stored search texts can be recomputed.
type SearchTexts struct {
	table string
	count func(ctx context.Context) (int64, error)
	batch func(ctx context.Context, after any) (last any, rows int, err error)
}

// NewSearchTexts returns the search texts of R's table. The columns, including the id, are those that compute reads.
func NewSearchTexts[R any](
	db *DB, table string, columns []string, compute func(R) (id any, text string),
) *SearchTexts {
	stale := StaleSearchTextCondition(db.engine)
	return &SearchTexts{
		table: table,
		count: func(ctx context.Context) (n int64, err error) {
			return n, db.Read(ctx).Model(new(R)).Where(stale).Count(&n).Error
		},
		batch: func(ctx context.Context, after any) (last any, rows int, err error) {
			err = db.Do(ctx, func(ctx context.Context) error {
				write := func() *gorm.DB { return db.Write(ctx).Model(new(R)) }
				last, rows, err = recomputeRows(write, stale, columns, compute, after)
				return err
			})
			return last, rows, err
		},
	}
}

// recomputeRows recomputes the search texts of the first stale rows after an id. It skips locked rows: the change or
// the instance that holds the lock recomputes them. The version and the time of the last change stay, because the
// visible fields do not change.
func recomputeRows[R any](
	write func() *gorm.DB, stale string, columns []string, compute func(R) (any, string), after any,
) (last any, done int, err error) {
	var rows []R
	err = write().Clauses(clause.Locking{Strength: "NO KEY UPDATE", Options: "SKIP LOCKED"}).Select(columns).
		Where(stale).Where("id > ?", after).Order("id").Limit(recomputeBatch).Find(&rows).Error
	for i := 0; err == nil && i < len(rows); i++ {
		var text string
		last, text = compute(rows[i])
		err = write().Where("id = ?", last).UpdateColumn("search_text", text).Error
	}
	return last, len(rows), err
}

// SearchTextUpdater recomputes search texts that an earlier release stored, while the program serves.
type SearchTextUpdater struct {
	tables     []*SearchTexts
	log        *zap.Logger
	recomputed *prometheus.CounterVec
	waiting    *prometheus.GaugeVec
}

// NewSearchTextUpdater returns an updater of the tables.
func NewSearchTextUpdater(tables []*SearchTexts, log *zap.Logger) *SearchTextUpdater {
	var names []string
	for _, texts := range tables {
		names = append(names, texts.table)
	}
	u := &SearchTextUpdater{
		tables: tables, log: log,
		recomputed: telemetry.Counters("healthcare_search_texts_recomputed_total",
			"Search texts of an earlier release that were recomputed.", "table", names...),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "healthcare_search_texts_waiting",
			Help: "Search texts of an earlier release that are still to be recomputed.",
		}, []string{"table"}),
	}
	for _, name := range names {
		u.waiting.WithLabelValues(name)
	}
	return u
}

// Run recomputes stale search texts every recomputeInterval until ctx ends.
func (u *SearchTextUpdater) Run(ctx context.Context) {
	for {
		for _, texts := range u.tables {
			if err := u.recompute(ctx, texts); err != nil && ctx.Err() == nil {
				u.log.Warn("search texts could not be recomputed, trying again in a minute",
					zap.String("table", texts.table), zap.Error(err))
			}
		}
		if !sleep(ctx, recomputeInterval) {
			return
		}
	}
}

// recompute recomputes the stale search texts of a table, in batches with pauses of four times their duration. Each
// batch is a transaction, so an interrupted run loses at most one. Errors: the store's; that of ctx.
func (u *SearchTextUpdater) recompute(ctx context.Context, texts *SearchTexts) error {
	count, err := texts.count(ctx)
	waiting := u.waiting.WithLabelValues(texts.table)
	waiting.Set(float64(count))
	if err != nil || count == 0 {
		return err
	}
	log := u.log.With(zap.String("table", texts.table))
	log.Info("recomputing search texts of an earlier release", zap.Int64("rows", count))
	var after any = uuid.Nil.String()
	done, logged := 0, time.Now()
	for {
		start := time.Now()
		last, rows, err := texts.batch(ctx, after)
		if err != nil {
			return err
		}
		after, done = last, done+rows
		u.recomputed.WithLabelValues(texts.table).Add(float64(rows))
		waiting.Set(max(0, float64(count)-float64(done)))
		if rows < recomputeBatch {
			log.Info("recomputed search texts of an earlier release", zap.Int("rows", done))
			return nil
		}
		if time.Since(logged) >= 10*time.Second {
			logged = time.Now()
			log.Info("recomputing search texts of an earlier release", zap.Int("done", done), zap.Int64("of", count))
		}
		if !sleep(ctx, max(20*time.Millisecond, 4*time.Since(start))) {
			return ctx.Err()
		}
	}
}

// sleep pauses for d and reports whether ctx is still open.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
