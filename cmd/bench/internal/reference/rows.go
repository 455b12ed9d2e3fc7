package reference

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// layout is the format of times in responses and in SQLite.
const layout = "2006-01-02T15:04:05.000000Z"

// instant is a time in a row of either engine and in responses.
type instant struct{ time.Time }

func (i *instant) ScanTimestamptz(v pgtype.Timestamptz) error { i.Time = v.Time.UTC(); return nil }
func (i instant) TimestamptzValue() (pgtype.Timestamptz, error) {
	return pgtype.Timestamptz{Time: i.Time, Valid: true}, nil
}
func (i instant) Value() (driver.Value, error) { return i.UTC().Format(layout), nil }
func (i instant) MarshalJSON() ([]byte, error) { return i.UTC().AppendFormat(nil, `"`+layout+`"`), nil }

// Scan implements sql.Scanner.
func (i *instant) Scan(v any) (err error) {
	switch v := v.(type) {
	case string:
		i.Time, err = time.Parse(layout, v)
	case time.Time:
		i.Time = v.UTC()
	default:
		err = errors.New("not a time")
	}
	return err
}

// day is a date in a row of either engine and in responses. Zero is NULL and null.
type day struct{ time.Time }

func (d *day) ScanDate(v pgtype.Date) error { d.Time = v.Time; return nil }
func (d day) DateValue() (pgtype.Date, error) {
	return pgtype.Date{Time: d.Time, Valid: !d.IsZero()}, nil
}

func (d day) Value() (driver.Value, error) {
	if d.IsZero() {
		return nil, nil
	}
	return d.Format(time.DateOnly), nil
}

func (d day) MarshalJSON() ([]byte, error) {
	if d.IsZero() {
		return []byte("null"), nil
	}
	return d.AppendFormat(nil, `"`+time.DateOnly+`"`), nil
}

// Scan implements sql.Scanner.
func (d *day) Scan(v any) (err error) {
	switch v := v.(type) {
	case nil:
		d.Time = time.Time{}
	case string:
		d.Time, err = time.Parse(time.DateOnly, v)
	case time.Time:
		d.Time = v
	default:
		err = errors.New("not a date")
	}
	return err
}

// patient is a row.
type patient struct {
	ID                  uuid.UUID
	OwnerID             uuid.UUID
	Name                string
	Gender              string
	Age                 *int
	BirthDate           day
	Email               string
	Phone               string
	Address             string
	MedicalRecordNumber *string
	Notes               string
	SearchText          string
	Version             int
	CreatedAt           instant `gorm:"autoCreateTime:false"`
	UpdatedAt           instant `gorm:"autoUpdateTime:false"`
}

func (patient) TableName() string { return "patients" }

// age returns the stored age, or the one computed from the birth date.
func (p patient) age() int {
	if p.Age != nil {
		return *p.Age
	}
	now := time.Now().UTC()
	years := now.Year() - p.BirthDate.Year()
	if now.Month() < p.BirthDate.Month() || now.Month() == p.BirthDate.Month() && now.Day() < p.BirthDate.Day() {
		years--
	}
	return years
}

// MarshalJSON writes a patient as the service does.
func (p patient) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID                  uuid.UUID `json:"id"`
		Name                string    `json:"name"`
		Age                 int       `json:"age"`
		Gender              string    `json:"gender"`
		CreatedBy           uuid.UUID `json:"created_by"`
		CreatedAt           instant   `json:"created_at"`
		UpdatedAt           instant   `json:"updated_at"`
		BirthDate           day       `json:"birth_date"`
		Email               string    `json:"email"`
		Phone               string    `json:"phone"`
		Address             string    `json:"address"`
		MedicalRecordNumber *string   `json:"medical_record_number"`
		Notes               string    `json:"notes"`
	}{
		p.ID,
		p.Name,
		p.age(),
		p.Gender,
		p.OwnerID,
		p.CreatedAt,
		p.UpdatedAt,
		p.BirthDate,
		p.Email,
		p.Phone,
		p.Address,
		p.MedicalRecordNumber,
		p.Notes,
	})
}

// doctor is a row.
type doctor struct {
	ID             uuid.UUID
	Name           string
	Specialization string
	Experience     int
	Email          string
	Phone          string
	LicenseNumber  *string
	SearchText     string
	Version        int
	CreatedAt      instant
	UpdatedAt      instant
}

func (doctor) TableName() string { return "doctors" }

// assignment is a row.
type assignment struct {
	ID         uuid.UUID
	OwnerID    uuid.UUID
	PatientID  uuid.UUID
	DoctorID   uuid.UUID
	AssignedAt instant
	Access     string
}

func (assignment) TableName() string { return "assignments" }

// standing has the columns that every request reads about its session.
type standing struct {
	UserID       uuid.UUID
	Active       bool
	TokenVersion int
	Role         string
}

// account has the columns that a sign-in reads about a user.
type account struct {
	ID           uuid.UUID
	PasswordHash string
}

func (account) TableName() string { return "users" }

// session is a row.
type session struct {
	ID         uuid.UUID
	UserID     uuid.UUID
	Generation int
	Client     string
	Address    string
	CreatedAt  instant `gorm:"autoCreateTime:false"`
	LastUsedAt instant
	ExpiresAt  instant
}

func (session) TableName() string { return "sessions" }
