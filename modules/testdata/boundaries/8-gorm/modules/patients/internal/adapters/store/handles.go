package store

func (s store) handles(ctx context.Context, input string) {
	q := s.db.Read(ctx).Model(&row{})
	if input != "" {
		q = q.Where(byID, input)
	}
	q.Order(input)
	(q).Order(input)
	var declared, same = q, q
	declared.Order(input)
	same.Order(input)
	var typed *gorm.DB
	typed.Order(input)
	s.legacy.Order(input)
	s.owned(ctx).Order(input)
	fresh().Order(input)
	paged, err := page(q, 10)
	paged.Order(input)
	database.Page(s.db.Write(ctx), 10).Order(input)
	gorm.G[row](q).Order(input)
	s.db.Write(ctx).Transaction(func(tx *gorm.DB) error {
		return tx.Order(input).Error
	})
	s.Find(ctx, input)
	s.Order(input)
	input.Where(input)
	strings.Select(err)
}
