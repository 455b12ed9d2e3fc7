// Package rows generates the rows of the bench, which are the same for every server and engine. Their ids follow from
// their numbers. It inserts them in bulk, without the service.
package rows

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/google/uuid"

	"healthcare/platform/database"
)

// Fewest is the lowest number of patients with a page for the reader and separate patients to patch for five servers.
const Fewest = 1000

// Plan has the numbers of rows. Half of the patients belong to the reader, so that a statement without the owner's
// condition is noticed.
type Plan struct {
	Patients    int // at least Fewest
	PerPatient  int // assignments of each patient, to different doctors
	Owners      int // in addition to the reader and the writer
	LoginUsers  int // users who sign in, enough that none reaches a limit
	PasswordPHC string
}

// Of returns the plan for a number of patients.
func Of(patients, perPatient int, phc string) Plan {
	return Plan{Patients: patients, PerPatient: perPatient, Owners: 100, LoginUsers: 200, PasswordPHC: phc}
}

// Readers returns the number of the reader's patients.
func (p Plan) Readers() int { return p.Patients / 2 }

func (p Plan) doctors() int { return max(200, 2*p.PerPatient) }

// kinds of rows, for their ids.
const (
	userKind = 1 + iota
	doctorKind
	patientKind
	assignmentKind
)

// epoch is the creation time of the first row.
var epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// id returns a UUID of version 7, as the service generates them, whose time grows with n.
func id(kind byte, n int) (u uuid.UUID) {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, kind, n)                                             // a hash never fails
	binary.BigEndian.PutUint64(u[:8], uint64(epoch.UnixMilli()+int64(n))<<16) //nolint:gosec // after 1970
	binary.BigEndian.PutUint64(u[8:], h.Sum64())
	u[6], u[8] = 0x70|kind, 0x80|u[8]&0x3f
	return u
}

// Patient returns the id of the n-th patient.
func Patient(n int) uuid.UUID { return id(patientKind, n) }

// The users of the bench, before those who sign in and those who own the other patients.
const (
	Reader = iota
	Writer
	firstLogin
)

// Email returns the address of the n-th user.
func Email(n int) string { return fmt.Sprintf("user%d@bench.example", n) }

// Login returns the addresses of the users who sign in, in turn.
func (p Plan) Login(n int) string { return Email(firstLogin + n%p.LoginUsers) }

func (p Plan) users() int { return firstLogin + p.LoginUsers + p.Owners }

func (p Plan) owner(patient int) int {
	if patient < p.Readers() {
		return Reader
	}
	return firstLogin + p.LoginUsers + patient%p.Owners
}

// Time returns the creation time of the n-th row of a table.
func Time(n int) time.Time { return epoch.Add(time.Duration(n) * time.Millisecond) }

func at(n int) database.Time { return database.At(Time(n)) }

func (p Plan) user(n int) []any {
	name, email := fmt.Sprintf("User %d", n), Email(n)
	return []any{
		id(userKind, n), name, email, email, fmt.Sprintf("user%d", n), p.PasswordPHC, true, 0, "staff", 1,
		database.SearchText(name, email), at(n), at(n),
	}
}

func doctor(n int) []any {
	name, specialization := fmt.Sprintf(
		"Dr. Vikram Khanna %d", n,
	), [...]string{"Dermatology", "Cardiology", "Neurology"}[n%3]
	email, license := fmt.Sprintf("doctor%d@clinic.example", n), fmt.Sprintf("LIC-%06d", n)
	return []any{
		id(doctorKind, n),
		name,
		specialization,
		n % 40,
		email,
		"+91 80 5550 0188",
		license,
		database.SearchText(name, specialization, email, license),
		1,
		at(n),
		at(n),
	}
}

// patient returns a row with a birth date for every fourth patient, and with an age for the others.
func (p Plan) patient(n int) []any {
	name, email, phone, record := fmt.Sprintf("Ananya Verma %d", n), fmt.Sprintf(
		"p%d@mail.example", n,
	), "+91 80 5550 0199", fmt.Sprintf("MRN-%d", n)
	var age, born any = 20 + n%60, nil
	if n%4 == 0 {
		age, born = nil, fmt.Sprintf("%d-04-18", 1940+n%60)
	}
	return []any{
		Patient(
			n,
		),
		id(userKind, p.owner(n)),
		name,
		[...]string{"Female", "Male", "Other"}[n%3],
		age,
		born,
		email,
		phone,
		"14 Lake Road, Bengaluru",
		record,
		"Allergic to penicillin.",
		database.SearchText(name, email, phone, record),
		1,
		at(n),
		at(n),
	}
}

func (p Plan) assignment(n int) []any {
	patient := n / p.PerPatient
	doctor := (patient*7 + n%p.PerPatient) % p.doctors()
	return []any{id(assignmentKind, n), id(userKind, p.owner(patient)), Patient(patient), id(doctorKind, doctor), at(n)}
}

// table is one of the tables to fill.
type table struct {
	name    string
	columns []string
	rows    int
	row     func(n int) []any
}

func (p Plan) tables() []table {
	return []table{
		{
			"users",
			[]string{
				"id", "name", "email", "mailbox", "username", "password_hash", "active", "token_version", "role",
				"version", "search_text", "created_at", "updated_at",
			},
			p.users(),
			p.user,
		},
		{
			"doctors",
			[]string{
				"id", "name", "specialization", "experience", "email", "phone", "license_number", "search_text",
				"version", "created_at", "updated_at",
			},
			p.doctors(),
			doctor,
		},
		{
			"patients",
			[]string{
				"id", "owner_id", "name", "gender", "age", "birth_date", "email", "phone", "address",
				"medical_record_number", "notes", "search_text", "version", "created_at", "updated_at",
			},
			p.Patients,
			p.patient,
		},
		{
			"assignments", []string{"id", "owner_id", "patient_id", "doctor_id", "assigned_at"},
			p.Patients * p.PerPatient, p.assignment,
		},
	}
}
