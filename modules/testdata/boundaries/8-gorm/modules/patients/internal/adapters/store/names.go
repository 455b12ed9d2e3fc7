package store

const byID = "id = ?"

const (
	byOwner = byID + " AND owner_id = ?"
	newest  = "created_at DESC"
)

var byName = "name = ?"

type store struct {
	db     database.DB
	legacy *gorm.DB
}

func (s store) owned(ctx context.Context) *gorm.DB {
	return s.db.Read(ctx).Where(byOwner)
}

func fresh() *gorm.DB { return nil }

func page(q *gorm.DB, size int) (*gorm.DB, error) {
	return q.Limit(size), nil
}
