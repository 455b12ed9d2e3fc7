package store

func (s store) conditions(ctx context.Context, id string) {
	var r row
	s.db.Read(ctx).First(&r, "id = "+id)
	s.db.Read(ctx).Take(&r, byID, id)
	s.db.Read(ctx).Last(&r, id)
	s.db.Read(ctx).Find(&r, []string{id})
	s.db.Write(ctx).Delete(&r, id)
	s.db.Write(ctx).FirstOrInit(&r, id)
	s.db.Write(ctx).FirstOrCreate(&r, id)
	s.db.Write(ctx).Save(&r)
	s.db.Write(ctx).Updates(r)
	s.db.Write(ctx).Model(&r).UpdateColumns(&r)
	s.db.Write(ctx).Select("name").Where(byID, id).Updates(r)
	s.db.Write(ctx).Model(&r).Updates(map[string]any{"name": ""})
	s.db.Write(ctx).Where(byID, id).Delete(&r)
}
