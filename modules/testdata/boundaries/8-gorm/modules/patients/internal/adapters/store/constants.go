package store

func (s store) constants(ctx context.Context, input string, columns []string) {
	q := s.db.Read(ctx)
	q.Where(input)
	q.Where(byName, input)
	q.Where(&row{Name: input})
	q.Where(map[string]any{"name": input})
	q.Where(fmt.Sprintf("name = %s", input))
	q.Where("name = '" + input + "'")
	q.Where(42)
	q.Or(input)
	q.Not(input)
	q.Order(input)
	q.Group(input)
	q.Having(input)
	q.Select(input)
	q.Select("name", input)
	q.Distinct(columns)
	q.Omit("name", input)
	q.Joins(input)
	q.InnerJoins(input)
	q.Table(input)
	q.Pluck(input, &columns)
	q.Update(input, 1)
	q.UpdateColumn(input, 1)
	q.Raw(input)
	q.Exec(input)
	q.Order(clause.OrderByColumn{Column: clause.Column{Name: input}})
	q.Order(clause.OrderBy{Expression: clause.Expr{SQL: input}})
	q.Order(clause.OrderByColumn{Column: clause.Column{Name: input, Raw: true}})
	q.Update("age", gorm.Expr(input))
	q.Update("age", gorm.Expr("age + ?", input))
	q.Where(byOwner, input).Where("("+byID+")", input).Order(newest).Select("name", "age").Distinct().Find(&columns)
	const local = "name"
	q.Group(local)
	q.Clauses(clause.Expr{SQL: byID})
}

func (s store) hidden(ctx context.Context, byID string, columns []string) {
	s.db.Read(ctx).Where(byID)
	newest := byID
	s.db.Read(ctx).Order(newest)
	for _, byOwner := range columns {
		s.db.Read(ctx).Where(byOwner)
	}
	var local = byID
	s.db.Read(ctx).Where(local)
}
