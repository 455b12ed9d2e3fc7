package database

import "context"

// TryLock acquires the named lock until the transaction in ctx ends, and reports false if another transaction holds it.
// On SQLite it always succeeds, because writing transactions run one after the other. Errors: the store's.
func (db *DB) TryLock(ctx context.Context, name string) (acquired bool, err error) {
	if db.engine == SQLite {
		return true, nil
	}
	err = db.Write(ctx).Raw("SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))", name).Scan(&acquired).Error
	return acquired, err
}
