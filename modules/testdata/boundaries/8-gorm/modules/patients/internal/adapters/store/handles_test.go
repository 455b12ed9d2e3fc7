package store_test

func clean(q *gorm.DB, table string) { q.Exec("DELETE FROM " + table) }
