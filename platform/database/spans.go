package database

import (
	"context"
	"errors"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"

	"healthcare/platform/telemetry"
)

// Spans follow OpenTelemetry's semantic conventions for database clients. The text of a statement has placeholders for
// all values.

// maxQueryText bounds the text of a statement in a span, in bytes. A list of values has a placeholder for each.
const maxQueryText = 2048

const spanSetting = "healthcare:span"

// Trace creates a span for each statement and each transaction of a traced request. It must be called at most once,
// before the store is used. If tracing is off, it does not change the store.
func (db *DB) Trace(tracing *telemetry.Tracing) error {
	if !tracing.Enabled() {
		return nil
	}
	db.tracing = tracing
	handles := []*gorm.DB{db.writer}
	if db.reader != db.writer {
		handles = append(handles, db.reader)
	}
	handles = append(handles, db.replicas.Handles()...)
	const begin, end = "healthcare:begin", "healthcare:end"
	var failed []error
	for _, handle := range handles {
		do := handle.Callback()
		failed = append(failed,
			do.Create().Before("gorm:create").Register(begin, db.beginSpan),
			do.Create().After("gorm:create").Register(end, endSpan),
			do.Query().Before("gorm:query").Register(begin, db.beginSpan),
			do.Query().After("gorm:query").Register(end, endSpan),
			do.Update().Before("gorm:update").Register(begin, db.beginSpan),
			do.Update().After("gorm:update").Register(end, endSpan),
			do.Delete().Before("gorm:delete").Register(begin, db.beginSpan),
			do.Delete().After("gorm:delete").Register(end, endSpan),
			do.Row().Before("gorm:row").Register(begin, db.beginSpan),
			do.Row().After("gorm:row").Register(end, endSpan),
			do.Raw().Before("gorm:raw").Register(begin, db.beginSpan),
			do.Raw().After("gorm:raw").Register(end, endSpan),
		)
	}
	return errors.Join(failed...)
}

func (db *DB) beginSpan(statement *gorm.DB) {
	_, span := db.tracing.StartChild(statement.Statement.Context, trace.SpanKindClient, "statement", db.system())
	if span != nil {
		statement.Statement.Settings.Store(spanSetting, span)
	}
}

// endSpan names and ends the span. The text of the statement is known only now.
func endSpan(statement *gorm.DB) {
	setting, ok := statement.Statement.Settings.LoadAndDelete(spanSetting)
	if !ok {
		return
	}
	span, text, table := setting.(trace.Span), statement.Statement.SQL.String(), statement.Statement.Table
	operation, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	name := operation
	if table != "" {
		name += " " + table
		span.SetAttributes(attribute.String("db.collection.name", table))
	}
	span.SetName(name)
	span.SetAttributes(
		attribute.String("db.operation.name", operation),
		attribute.String("db.query.text", text[:min(maxQueryText, len(text))]),
	)
	if err := statement.Error; err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		telemetry.RecordError(span, err)
	}
	span.End()
}

// system returns the attribute of the engine.
func (db *DB) system() attribute.KeyValue {
	if db.engine == Postgres {
		return attribute.String("db.system.name", "postgresql")
	}
	return attribute.String("db.system.name", "sqlite")
}

// traced runs one attempt of a transaction in a span. Only this span includes the wait for a connection and the commit.
func (db *DB) traced(ctx context.Context, attempt func(context.Context) error) error {
	if !db.tracing.Enabled() {
		return attempt(ctx)
	}
	ctx, span := db.tracing.StartChild(ctx, trace.SpanKindClient, "transaction", db.system())
	if span == nil {
		return attempt(ctx)
	}
	defer span.End()
	err := attempt(ctx)
	if err != nil {
		telemetry.RecordError(span, err)
	}
	return err
}
