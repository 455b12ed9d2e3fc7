package store

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"healthcare/modules/identity"
	"healthcare/modules/identity/internal/domain"
	"healthcare/modules/identity/internal/ports"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/paging"
)

// NewPractices returns the repository of practices in db.
func NewPractices(db *database.DB) ports.Practices { return &practices{db} }

type practices struct{ db *database.DB }

type practiceRow struct {
	ID        identity.PracticeID
	Name      string
	CreatedAt database.Time `gorm:"autoCreateTime:false"`
}

func (practiceRow) TableName() string { return "practices" }

func (r practiceRow) practice() domain.Practice {
	return domain.Practice{ID: r.ID, Name: r.Name, CreatedAt: r.CreatedAt.Time}
}

func (p *practices) Add(ctx context.Context, practice domain.Practice) error {
	return p.db.Write(ctx).Create(&practiceRow{
		ID: practice.ID, Name: practice.Name, CreatedAt: database.At(practice.CreatedAt),
	}).Error
}

func (p *practices) Find(ctx context.Context, id identity.PracticeID) (domain.Practice, error) {
	return takePractice(p.db.Read(ctx), id)
}

func (p *practices) Lock(ctx context.Context, id identity.PracticeID) (domain.Practice, error) {
	return takePractice(p.db.Write(ctx).Clauses(forChange), id)
}

func takePractice(q *gorm.DB, id identity.PracticeID) (domain.Practice, error) {
	var r practiceRow
	err := q.Where("id = ?", id).Take(&r).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = identity.ErrPracticeNotFound
	}
	return r.practice(), err
}

// practiceColumns lists the columns by which practices can be ordered.
var practiceColumns = database.Columns[practiceRow]{
	"created_at": func(r practiceRow) any { return r.CreatedAt },
	"name":       func(r practiceRow) any { return r.Name },
	"id":         func(r practiceRow) any { return r.ID },
}

func (p *practices) List(
	ctx context.Context, ids []identity.PracticeID, request paging.Request,
) (paging.Page[domain.Practice], error) {
	page, err := database.Page(database.WhereIn(p.db.Read(ctx), "id", ids), request, practiceColumns)
	return paging.Map(page, practiceRow.practice), err
}

func (p *practices) ListAll(ctx context.Context, request paging.Request) (paging.Page[domain.Practice], error) {
	page, err := database.Page(p.db.Read(ctx), request, practiceColumns)
	return paging.Map(page, practiceRow.practice), err
}

func (p *practices) Rename(ctx context.Context, practice domain.Practice) error {
	named := p.db.Write(ctx).Model(&practiceRow{}).Where("id = ?", practice.ID)
	return named.Updates(map[string]any{"name": practice.Name}).Error
}

// memberRow is a user who acts for a practice. The columns are those of the query members.
type memberRow struct {
	ID         identity.UserID
	PracticeID identity.PracticeID
	Name       string
	Level      auth.Level
	Since      database.Time
	Active     bool
}

func (r memberRow) member() domain.Member {
	return domain.Member{User: r.ID, Name: r.Name, Level: r.Level, Since: r.Since.Time, Active: r.Active}
}

// members selects the members of practices. It excludes closed accounts.
func members(q *gorm.DB) *gorm.DB {
	return q.Table("acting a").Joins("JOIN users u ON u.id = a.user_id").
		Select("u.id", "a.principal_id AS practice_id", "u.name", "a.level", "a.since", "u.active").
		Where("a.kind = ? AND a.level <> ? AND u.id NOT IN (SELECT user_id FROM closed_accounts)", auth.AsPractice, "")
}

func (p *practices) Members(ctx context.Context, id identity.PracticeID) (domain.Members, error) {
	all, err := membersByPractice(members(p.db.Write(ctx)).Where("a.principal_id = ?", id))
	return all[id], err
}

func membersByPractice(q *gorm.DB) (map[identity.PracticeID]domain.Members, error) {
	var rows []memberRow
	err := q.Order("a.since, u.id").Find(&rows).Error
	all := map[identity.PracticeID]domain.Members{}
	for _, r := range rows {
		all[r.PracticeID] = append(all[r.PracticeID], r.member())
	}
	return all, err
}

func (p *practices) LockManaged(
	ctx context.Context, user identity.UserID,
) (map[identity.PracticeID]domain.Members, error) {
	var locked []identity.PracticeID
	managed := p.db.Write(ctx).Model(&practiceRow{}).Clauses(forChange).Where("id IN (SELECT principal_id FROM acting "+
		"WHERE user_id = ? AND kind = ? AND level = ?)", user, auth.AsPractice, auth.Keep)
	// A fixed order prevents deadlocks.
	if err := managed.Order("id").Pluck("id", &locked).Error; err != nil || len(locked) == 0 {
		return nil, err
	}
	return membersByPractice(database.WhereIn(members(p.db.Write(ctx)), "a.principal_id", locked))
}

// memberColumns lists the columns by which members can be ordered.
var memberColumns = database.Columns[memberRow]{
	"since": func(r memberRow) any { return r.Since },
	"name":  func(r memberRow) any { return r.Name },
	"id":    func(r memberRow) any { return r.ID },
}

func (p *practices) ListMembers(
	ctx context.Context, id identity.PracticeID, request paging.Request,
) (paging.Page[domain.Member], error) {
	of := members(p.db.Read(ctx)).Where("a.principal_id = ?", id)
	page, err := database.Page(p.db.Read(ctx).Table("(?) AS members", of), request, memberColumns)
	return paging.Map(page, memberRow.member), err
}
