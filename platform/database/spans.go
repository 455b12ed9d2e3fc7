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

// Spans follow OpenTelemetry's semantic conventions for database clients. A statement's text has placeholders for all values.

// spanText bounds a statement's text in a span, in bytes: a list of ids has a placeholder for each.
const spanText = 2048

const spanSetting = "healthcare:span"

// Trace gives each statement, and each transaction, a span inside that of its request. To be called once, before the store is used; where
// tracing is off, statements are as they were.
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
	var failed []error
	for _, handle := range handles {
		do := handle.Callback()
		failed = append(failed,
			do.Create().Before("gorm:create").Register("healthcare:begin", db.beginSpan), do.Create().After("gorm:create").Register("healthcare:end", endSpan),
			do.Query().Before("gorm:query").Register("healthcare:begin", db.beginSpan), do.Query().After("gorm:query").Register("healthcare:end", endSpan),
			do.Update().Before("gorm:update").Register("healthcare:begin", db.beginSpan), do.Update().After("gorm:update").Register("healthcare:end", endSpan),
			do.Delete().Before("gorm:delete").Register("healthcare:begin", db.beginSpan), do.Delete().After("gorm:delete").Register("healthcare:end", endSpan),
			do.Row().Before("gorm:row").Register("healthcare:begin", db.beginSpan), do.Row().After("gorm:row").Register("healthcare:end", endSpan),
			do.Raw().Before("gorm:raw").Register("healthcare:begin", db.beginSpan), do.Raw().After("gorm:raw").Register("healthcare:end", endSpan),
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

// endSpan names the span, for what is sent is known only now.
func endSpan(statement *gorm.DB) {
	kept, began := statement.Statement.Settings.LoadAndDelete(spanSetting)
	if !began {
		return
	}
	span, text, table := kept.(trace.Span), statement.Statement.SQL.String(), statement.Statement.Table
	operation, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	name := operation
	if table != "" {
		name += " " + table
		span.SetAttributes(attribute.String("db.collection.name", table))
	}
	span.SetName(name)
	span.SetAttributes(attribute.String("db.operation.name", operation), attribute.String("db.query.text", text[:min(spanText, len(text))]))
	if err := statement.Error; err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		telemetry.RecordError(span, err)
	}
	span.End()
}

// system is the engine as the conventions call it.
func (db *DB) system() attribute.KeyValue {
	if db.engine == Postgres {
		return attribute.String("db.system.name", "postgresql")
	}
	return attribute.String("db.system.name", "sqlite")
}

// traced runs one try of a transaction in a span of its own: what it waited for, and how long it took to commit, is seen nowhere else.
func (db *DB) traced(ctx context.Context, try func(context.Context) error) error {
	if !db.tracing.Enabled() {
		return try(ctx)
	}
	ctx, span := db.tracing.StartChild(ctx, trace.SpanKindClient, "transaction", db.system())
	if span == nil {
		return try(ctx)
	}
	defer span.End()
	err := try(ctx)
	if err != nil {
		telemetry.RecordError(span, err)
	}
	return err
}
