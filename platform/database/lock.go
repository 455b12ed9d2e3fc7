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

// Lock acquires the named locks until the transaction in ctx ends. It waits for each of them, until the deadline of ctx
// or the store's LockTimeout. Callers with overlapping sets do not deadlock, unless they call Lock again in the same
// transaction. On SQLite it does nothing, because writing transactions run one after the other. Errors: the store's.
func (db *DB) Lock(ctx context.Context, names ...string) error {
	if db.engine == SQLite {
		return nil
	}
	// The array is complete and sorted before its first key is locked, and unnest returns its elements in their order.
	return db.Write(ctx).Exec(`SELECT pg_advisory_xact_lock(key) FROM unnest(ARRAY(
		SELECT DISTINCT hashtextextended(name, 0) FROM unnest(?::text[]) AS name ORDER BY 1)) AS key`,
		arrayLiteral(names)).Error
}
