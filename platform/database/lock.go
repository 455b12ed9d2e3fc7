package database

import "context"

// TryLock takes the lock of that name until the transaction in ctx ends, and reports false when another transaction has it. SQLite's
// writing transactions run one after the other, so there it is always free. Errors: the store's.
func (db *DB) TryLock(ctx context.Context, name string) (taken bool, err error) {
	if db.engine == SQLite {
		return true, nil
	}
	err = db.Write(ctx).Raw("SELECT pg_try_advisory_xact_lock(hashtextextended(?, 0))", name).Scan(&taken).Error
	return taken, err
}
