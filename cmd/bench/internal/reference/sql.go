package reference

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// Store runs the SQL of the handlers. Each method sends the same statements as the service.
type Store interface {
	standing(ctx context.Context, session uuid.UUID) (standing, error)
	find(ctx context.Context, owner, id uuid.UUID) (patient, error)
	list(ctx context.Context, owner uuid.UUID, limit int) ([]patient, error)
	assignments(ctx context.Context, owner uuid.UUID, limit int) ([]assignment, error)
	patients(ctx context.Context, owner uuid.UUID, ids []uuid.UUID) ([]patient, error)
	doctors(ctx context.Context, ids []uuid.UUID) ([]doctor, error)
	add(ctx context.Context, p patient) error
	amend(ctx context.Context, owner, id uuid.UUID, rule func(*patient) error) (patient, error)
	account(ctx context.Context, mailbox string) (account, error)
	begin(ctx context.Context, s session) error
}

// rows is implemented by pgx and database/sql.
type rows interface {
	Next() bool
	Scan(into ...any) error
	Err() error
}

// conn is a pool or a transaction of either.
type conn interface {
	// query calls each for every row and closes the rows.
	query(ctx context.Context, each func(rows) error, statement string, values ...any) error
	exec(ctx context.Context, statement string, values ...any) error
	inTransaction(ctx context.Context, do func(conn) error) error
	forUpdate() string
}

// plain implements Store on a connection.
type plain struct{ reader, writer conn }

// one reads one row. Errors: errMissing.
func one(ctx context.Context, c conn, into []any, statement string, values ...any) error {
	found := false
	err := c.query(ctx, func(r rows) error { found = true; return r.Scan(into...) }, statement, values...)
	if err == nil && !found {
		return errMissing
	}
	return err
}

const (
	patientColumns = "id, owner_id, name, gender, age, birth_date, email, phone, address, " +
		"medical_record_number, notes, search_text, version, created_at, updated_at"
	doctorColumns = "id, name, specialization, experience, email, phone, license_number, " +
		"search_text, version, created_at, updated_at"
)

func (p *patient) fields() []any {
	return []any{
		&p.ID,
		&p.OwnerID,
		&p.Name,
		&p.Gender,
		&p.Age,
		&p.BirthDate,
		&p.Email,
		&p.Phone,
		&p.Address,
		&p.MedicalRecordNumber,
		&p.Notes,
		&p.SearchText,
		&p.Version,
		&p.CreatedAt,
		&p.UpdatedAt,
	}
}

func (s plain) standing(ctx context.Context, id uuid.UUID) (of standing, err error) {
	err = one(
		ctx, s.reader, []any{&of.UserID, &of.Active, &of.TokenVersion, &of.Role},
		"SELECT s.user_id, u.active, u.token_version, u.role "+
			"FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1",
		id,
	)
	return of, err
}

func (s plain) find(ctx context.Context, owner, id uuid.UUID) (p patient, err error) {
	err = one(
		ctx, s.reader, p.fields(), "SELECT "+patientColumns+" FROM patients WHERE owner_id = $1 AND id = $2 LIMIT $3",
		owner, id, 1,
	)
	return p, err
}

func (s plain) list(ctx context.Context, owner uuid.UUID, limit int) (all []patient, err error) {
	return s.several(
		ctx, "SELECT "+patientColumns+" FROM patients WHERE owner_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2",
		owner, limit,
	)
}

func (s plain) several(ctx context.Context, statement string, values ...any) (all []patient, err error) {
	err = s.reader.query(ctx, func(r rows) error {
		var p patient
		err := r.Scan(p.fields()...)
		all = append(all, p)
		return err
	}, statement, values...)
	return all, err
}

func (s plain) assignments(ctx context.Context, owner uuid.UUID, limit int) (all []assignment, err error) {
	err = s.reader.query(ctx, func(r rows) error {
		var a assignment
		err := r.Scan(&a.ID, &a.OwnerID, &a.PatientID, &a.DoctorID, &a.AssignedAt, &a.Access)
		all = append(all, a)
		return err
	}, "SELECT id, owner_id, patient_id, doctor_id, assigned_at, access FROM assignments WHERE owner_id = $1 "+
		"ORDER BY assigned_at DESC, id DESC LIMIT $2", owner, limit)
	return all, err
}

// marks returns placeholders from the n-th on.
func marks(n, count int) string {
	var b strings.Builder
	for i := range count {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "$%d", n+i)
	}
	return b.String()
}

func (s plain) patients(ctx context.Context, owner uuid.UUID, ids []uuid.UUID) ([]patient, error) {
	values := []any{owner}
	for _, id := range ids {
		values = append(values, id)
	}
	return s.several(
		ctx,
		"SELECT "+patientColumns+" FROM patients WHERE coalesce(owner_id, owner_id) = $1 AND id IN ("+marks(
			2, len(ids),
		)+")",
		values...)
}

func (s plain) doctors(ctx context.Context, ids []uuid.UUID) (all []doctor, err error) {
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = id
	}
	err = s.reader.query(ctx, func(r rows) error {
		var d doctor
		err := r.Scan(
			&d.ID, &d.Name, &d.Specialization, &d.Experience, &d.Email, &d.Phone, &d.LicenseNumber, &d.SearchText,
			&d.Version, &d.CreatedAt, &d.UpdatedAt,
		)
		all = append(all, d)
		return err
	}, "SELECT "+doctorColumns+" FROM doctors WHERE id IN ("+marks(1, len(ids))+")", values...)
	return all, err
}

func (s plain) add(ctx context.Context, p patient) error {
	return s.writer.inTransaction(ctx, func(c conn) error {
		return c.exec(
			ctx, "INSERT INTO patients ("+patientColumns+") VALUES ("+marks(1, 15)+")", p.ID, p.OwnerID, p.Name,
			p.Gender, p.Age, p.BirthDate, p.Email, p.Phone, p.Address, p.MedicalRecordNumber, p.Notes, p.SearchText,
			p.Version, p.CreatedAt, p.UpdatedAt,
		)
	})
}

func (s plain) amend(ctx context.Context, owner, id uuid.UUID, rule func(*patient) error) (p patient, err error) {
	err = s.writer.inTransaction(ctx, func(c conn) error {
		err := one(
			ctx, c, p.fields(),
			"SELECT "+patientColumns+" FROM patients WHERE owner_id = $1 AND id = $2 LIMIT $3"+c.forUpdate(), owner, id,
			1,
		)
		if err != nil {
			return err
		}
		if err := rule(&p); err != nil {
			return err
		}
		return c.exec(
			ctx,
			`UPDATE patients SET name = $1, gender = $2, age = $3, birth_date = $4, email = $5, phone = $6,
			address = $7, medical_record_number = $8, notes = $9, search_text = $10, version = $11, updated_at = $12
			WHERE owner_id = $13 AND id = $14`,
			p.Name, p.Gender, p.Age, p.BirthDate, p.Email, p.Phone, p.Address, p.MedicalRecordNumber, p.Notes,
			p.SearchText, p.Version, p.UpdatedAt, owner, id,
		)
	})
	return p, err
}

func (s plain) account(ctx context.Context, mailbox string) (a account, err error) {
	err = one(
		ctx, s.reader, []any{&a.ID, &a.PasswordHash}, "SELECT id, password_hash FROM users WHERE mailbox = $1", mailbox,
	)
	return a, err
}

func (s plain) begin(ctx context.Context, n session) error {
	return s.writer.exec(ctx, "INSERT INTO sessions (id, user_id, generation, client, address, created_at, "+
		"last_used_at, expires_at) VALUES ("+marks(1, 8)+")",
		n.ID, n.UserID, n.Generation, n.Client, n.Address, n.CreatedAt, n.LastUsedAt, n.ExpiresAt)
}
