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
	// refoldBatch bounds the rows of a transaction: a few milliseconds of SQLite's one writer.
	refoldBatch = 100
	// refoldEvery is how soon rows are found that an instance of an earlier release wrote. Without any, the index that is read is empty.
	refoldEvery = time.Minute
)

// SearchTexts is a table whose stored search texts can be recomputed.
type SearchTexts struct {
	table string
	count func(ctx context.Context) (int64, error)
	batch func(ctx context.Context, after any) (last any, rows int, err error)
}

// NewSearchTexts returns those of the table of R. The columns are what of reads, the id included.
func NewSearchTexts[R any](db *DB, table string, columns []string, of func(R) (id any, text string)) *SearchTexts {
	stale := StaleSearchTextCondition(db.engine)
	return &SearchTexts{
		table: table,
		count: func(ctx context.Context) (n int64, err error) {
			return n, db.Read(ctx).Model(new(R)).Where(stale).Count(&n).Error
		},
		batch: func(ctx context.Context, after any) (last any, rows int, err error) {
			err = db.Do(ctx, func(ctx context.Context) error {
				last, rows, err = refoldSome(func() *gorm.DB { return db.Write(ctx).Model(new(R)) }, stale, columns, of, after)
				return err
			})
			return last, rows, err
		},
	}
}

// refoldSome recomputes the first rows behind an id. Rows that somebody else holds are skipped: a change folds them itself, and so does
// another instance that recomputes. Neither version nor time of change changes, for nothing that is shown does.
func refoldSome[R any](
	write func() *gorm.DB, stale string, columns []string, of func(R) (any, string), after any,
) (last any, done int, err error) {
	var rows []R
	err = write().Clauses(clause.Locking{Strength: "NO KEY UPDATE", Options: "SKIP LOCKED"}).Select(columns).
		Where(stale).Where("id > ?", after).Order("id").Limit(refoldBatch).Find(&rows).Error
	for i := 0; err == nil && i < len(rows); i++ {
		var text string
		last, text = of(rows[i])
		err = write().Where("id = ?", last).UpdateColumn("search_text", text).Error
	}
	return last, len(rows), err
}

// SearchTextUpdater recomputes, while the program serves, the search texts that an earlier release stored.
type SearchTextUpdater struct {
	tables     []*SearchTexts
	log        *zap.Logger
	recomputed *prometheus.CounterVec
	waiting    *prometheus.GaugeVec
}

// NewSearchTextUpdater returns one over the tables.
func NewSearchTextUpdater(tables []*SearchTexts, log *zap.Logger) *SearchTextUpdater {
	var names []string
	for _, one := range tables {
		names = append(names, one.table)
	}
	r := &SearchTextUpdater{
		tables: tables, log: log,
		recomputed: telemetry.Counters("healthcare_search_texts_recomputed_total",
			"Search texts of an earlier release that were recomputed.", "table", names...),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "healthcare_search_texts_waiting", Help: "Search texts of an earlier release that are still to be recomputed.",
		}, []string{"table"}),
	}
	for _, name := range names {
		r.waiting.WithLabelValues(name)
	}
	return r
}

// Run recomputes until ctx ends.
func (r *SearchTextUpdater) Run(ctx context.Context) {
	for {
		for _, one := range r.tables {
			if err := r.Sweep(ctx, one); err != nil && ctx.Err() == nil {
				r.log.Warn("search texts could not be recomputed, trying again in a minute", zap.String("table", one.table), zap.Error(err))
			}
		}
		if !pause(ctx, refoldEvery) {
			return
		}
	}
}

// Sweep recomputes the stale search texts of a table, in batches with pauses of four times their length. Each batch is a transaction, so
// one that is interrupted goes on where it was. Errors: those of the store.
func (r *SearchTextUpdater) Sweep(ctx context.Context, texts *SearchTexts) error {
	count, err := texts.count(ctx)
	left := r.waiting.WithLabelValues(texts.table)
	left.Set(float64(count))
	if err != nil || count == 0 {
		return err
	}
	log := r.log.With(zap.String("table", texts.table))
	log.Info("recomputing search texts of an earlier release", zap.Int64("rows", count))
	var after any = uuid.Nil.String()
	done, logged := 0, time.Now()
	for {
		began := time.Now()
		last, rows, err := texts.batch(ctx, after)
		if err != nil {
			return err
		}
		after, done = last, done+rows
		r.recomputed.WithLabelValues(texts.table).Add(float64(rows))
		left.Set(max(0, float64(count)-float64(done)))
		if rows < refoldBatch {
			log.Info("recomputed search texts of an earlier release", zap.Int("rows", done))
			return nil
		}
		if time.Since(logged) >= 10*time.Second {
			logged = time.Now()
			log.Info("recomputing search texts of an earlier release", zap.Int("done", done), zap.Int64("of", count))
		}
		if !pause(ctx, max(20*time.Millisecond, 4*time.Since(began))) {
			return ctx.Err()
		}
	}
}

// pause reports whether ctx lasted for d.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
