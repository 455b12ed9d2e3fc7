package store

const newest = "patients.created_at DESC, patients.id DESC"

func (s *store) List(ctx context.Context, scope Scope, name string) ([]row, error) {
	const like = "name LIKE ?"
	q := s.db.Read(ctx).Scopes(owned(scope)).Order(newest)
	if name != "" {
		q = q.Where(like+" ESCAPE ?", name, `\`)
	}
	var rows []row
	if err := q.Limit(50).Find(&rows).Error; err != nil {
		return nil, err
	}
	return rows, s.other.Find(ctx, name)
}

func (s *store) Change(ctx context.Context, r row) error {
	db := s.db.Write(ctx)
	db.Clauses(clause.Locking{Strength: "UPDATE"}).Take(&r)
	db.Model(&r).Where("id = ?", r.ID).Updates(map[string]any{"name": r.Name, "age": r.Age})
	db.Model(&r).Updates(map[string]any{"version": gorm.Expr("version + 1")})
	db.Order(clause.OrderByColumn{Column: clause.Column{Name: "id"}}).First(&r)
	db.Where(("id = ?"), r.ID).Delete(&row{})
	s.cache.Save(r)
	s.cache.Where(r)
	return s.Find(ctx, r.ID)
}

func owned(scope Scope) func(*gorm.DB) *gorm.DB {
	return func(q *gorm.DB) *gorm.DB { return q.Where("owner_id = ?", scope.Owner) }
}
