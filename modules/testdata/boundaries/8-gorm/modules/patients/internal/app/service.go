package app

func (s service) other(ctx context.Context, id string) { s.rows.Read(ctx).Find(ctx, id) }
