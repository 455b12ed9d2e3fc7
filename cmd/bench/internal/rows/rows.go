// Package rows makes the rows that are measured on: the same ones for every server and engine, named by their number, so that nobody has to ask the
// store which there are. It writes them past the service, in bulk.
package rows

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/google/uuid"

	"healthcare/platform/database"
)

// Fewest patients leave the reader a page, and each of four servers enough to patch that are not its neighbour's.
const Fewest = 1000

// Plan is how many rows there are. Half of the patients are the reader's, so that a statement without its owner would be seen; the rest is everyone else's.
type Plan struct {
	Patients    int // at least Fewest
	PerPatient  int // assignments of each, to as many doctors
	Owners      int // besides the reader and the writer
	LoginUsers  int // who sign in, so that none of them reaches a limit
	PasswordPHC string
}

// Of is the plan for so many patients.
func Of(patients, perPatient int, phc string) Plan {
	return Plan{Patients: patients, PerPatient: perPatient, Owners: 100, LoginUsers: 200, PasswordPHC: phc}
}

// Readers are Patients/2.
func (p Plan) Readers() int { return p.Patients / 2 }

func (p Plan) doctors() int { return max(200, 2*p.PerPatient) }

// kinds of rows, for their ids.
const (
	userKind = 1 + iota
	doctorKind
	patientKind
	assignmentKind
)

// epoch is when the first row was made.
var epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// id is a UUID of version 7, as the service makes them, at a time that grows with n.
func id(kind byte, n int) (u uuid.UUID) {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, kind, n)                                             // a hash never fails
	binary.BigEndian.PutUint64(u[:8], uint64(epoch.UnixMilli()+int64(n))<<16) //nolint:gosec // after 1970
	binary.BigEndian.PutUint64(u[8:], h.Sum64())
	u[6], u[8] = 0x70|kind, 0x80|u[8]&0x3f
	return u
}

// Patient is the n-th patient's id.
func Patient(n int) uuid.UUID { return id(patientKind, n) }

// The users who act; others own the rest.
const (
	Reader = iota
	Writer
	firstLogin
)

// Email is the n-th user's address.
func Email(n int) string { return fmt.Sprintf("user%d@bench.example", n) }

// Login is the address of one who may sign in, round and round.
func (p Plan) Login(n int) string { return Email(firstLogin + n%p.LoginUsers) }

func (p Plan) users() int { return firstLogin + p.LoginUsers + p.Owners }

func (p Plan) owner(patient int) int {
	if patient < p.Readers() {
		return Reader
	}
	return firstLogin + p.LoginUsers + patient%p.Owners
}

// Time is when the n-th row of a table was made.
func Time(n int) time.Time { return epoch.Add(time.Duration(n) * time.Millisecond) }

func at(n int) database.Time { return database.At(Time(n)) }

func (p Plan) user(n int) []any {
	name, email := fmt.Sprintf("User %d", n), Email(n)
	return []any{id(userKind, n), name, email, email, fmt.Sprintf("user%d", n), p.PasswordPHC, true, 0, "staff", 1, database.SearchText(name, email), at(n), at(n)}
}

func doctor(n int) []any {
	name, specialization := fmt.Sprintf("Dr. Vikram Khanna %d", n), [...]string{"Dermatology", "Cardiology", "Neurology"}[n%3]
	email, license := fmt.Sprintf("doctor%d@clinic.example", n), fmt.Sprintf("LIC-%06d", n)
	return []any{
		id(doctorKind, n), name, specialization, n % 40, email, "+91 80 5550 0188", license, database.SearchText(name, specialization, email, license),
		1, at(n), at(n),
	}
}

// patient has a birth date every fourth time, else an age.
func (p Plan) patient(n int) []any {
	name, email, phone, record := fmt.Sprintf("Ananya Verma %d", n), fmt.Sprintf("p%d@mail.example", n), "+91 80 5550 0199", fmt.Sprintf("MRN-%d", n)
	var age, born any = 20 + n%60, nil
	if n%4 == 0 {
		age, born = nil, fmt.Sprintf("%d-04-18", 1940+n%60)
	}
	return []any{
		Patient(n), id(userKind, p.owner(n)), name, [...]string{"Female", "Male", "Other"}[n%3], age, born, email, phone, "14 Lake Road, Bengaluru", record,
		"Allergic to penicillin.", database.SearchText(name, email, phone, record), 1, at(n), at(n),
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
		{"users", []string{
			"id", "name", "email", "mailbox", "username", "password_hash", "active", "token_version", "role", "version", "search_text", "created_at", "updated_at",
		}, p.users(), p.user},
		{"doctors", []string{
			"id", "name", "specialization", "experience", "email", "phone", "license_number", "search_text", "version", "created_at", "updated_at",
		}, p.doctors(), doctor},
		{"patients", []string{
			"id", "owner_id", "name", "gender", "age", "birth_date", "email", "phone", "address", "medical_record_number", "notes", "search_text", "version",
			"created_at", "updated_at",
		}, p.Patients, p.patient},
		{"assignments", []string{"id", "owner_id", "patient_id", "doctor_id", "assigned_at"}, p.Patients * p.PerPatient, p.assignment},
	}
}
