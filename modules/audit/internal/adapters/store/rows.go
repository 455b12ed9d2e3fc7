package store

import (
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"healthcare/modules/audit/internal/domain"
	"healthcare/platform/database"
)

type row struct {
	Chain        int
	Sequence     int64
	CreatedAt    database.Time `gorm:"autoCreateTime:false"` // set by the domain
	ID           uuid.UUID
	RequestID    string
	ActorID      *uuid.UUID
	Role         string
	SessionID    *uuid.UUID
	Address      string
	Action       string
	ResourceType string
	ResourceID   *uuid.UUID
	PatientID    *uuid.UUID
	Outcome      string
	Status       int
	IDs          ids `gorm:"column:ids"`
	IDCount      int64
	Fields       names
	KeyID        string
	MAC          []byte `gorm:"column:mac"`
}

func (row) TableName() string { return "audit_entries" }

func (r row) entry() domain.Entry {
	e := domain.Entry{
		Chain: r.Chain, Sequence: r.Sequence, Time: r.CreatedAt.Time, ID: r.ID, RequestID: r.RequestID,
		ActorID: orZero(r.ActorID), Role: r.Role, SessionID: orZero(r.SessionID), Address: r.Address, Action: r.Action,
		ResourceType: r.ResourceType, ResourceID: orZero(r.ResourceID), PatientID: orZero(r.PatientID),
		Outcome: r.Outcome, Status: r.Status, IDs: r.IDs, Count: r.IDCount, Fields: r.Fields, KeyID: r.KeyID,
	}
	copy(e.MAC[:], r.MAC) // a MAC of another length fails verification
	return e
}

func entriesOf(rows []row) []domain.Entry {
	all := make([]domain.Entry, len(rows))
	for i, r := range rows {
		all[i] = r.entry()
	}
	return all
}

func orZero(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}

type headRow struct {
	Chain          int `gorm:"primaryKey;autoIncrement:false"`
	Sequence       int64
	MAC            []byte `gorm:"column:mac"`
	LastAt         database.Time
	AnchorSequence int64
	AnchorMAC      []byte `gorm:"column:anchor_mac"`
}

func (headRow) TableName() string { return "audit_heads" }

func link(sequence int64, mac []byte) domain.Link {
	l := domain.Link{Sequence: sequence}
	copy(l.MAC[:], mac)
	return l
}

func (r headRow) span() domain.Span {
	return domain.Span{Chain: r.Chain, From: link(r.AnchorSequence, r.AnchorMAC), To: link(r.Sequence, r.MAC)}
}

// names is stored as one text, separated by commas, which no name contains.
type names []string

// Value implements driver.Valuer.
func (n names) Value() (driver.Value, error) { return strings.Join(n, ","), nil }

// Scan implements sql.Scanner.
func (n *names) Scan(src any) error {
	text, err := textOf(src)
	*n = nil
	if text != "" {
		*n = strings.Split(text, ",")
	}
	return err
}

// ids is stored as one text, separated by commas. An invalid id is read as the zero id, which no entry has: the row was
// tampered with, and verification detects it.
type ids []uuid.UUID

// Value implements driver.Valuer.
func (l ids) Value() (driver.Value, error) {
	texts := make([]string, len(l))
	for i, id := range l {
		texts[i] = id.String()
	}
	return strings.Join(texts, ","), nil
}

// Scan implements sql.Scanner.
func (l *ids) Scan(src any) error {
	text, err := textOf(src)
	*l = nil
	for part := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		id, err := uuid.Parse(part)
		if err != nil || id.String() != part {
			id = uuid.Nil
		}
		*l = append(*l, id)
	}
	return err
}

func textOf(src any) (string, error) {
	switch v := src.(type) {
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	}
	return "", fmt.Errorf("cannot scan a list from %T", src)
}
