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
	Calendars   Calendars
}

// Of returns the plan for a number of patients.
func Of(patients, perPatient int, phc string) Plan {
	return Plan{Patients: patients, PerPatient: perPatient, Owners: 100, LoginUsers: 200, PasswordPHC: phc}
}

// Readers returns the number of the reader's patients.
func (p Plan) Readers() int { return p.Patients / 2 }

func (p Plan) doctors() int { return max(200, 2*p.PerPatient) }

// Granted returns the number of patients that are granted to a user who acts for a doctor: 5 % of all, at most 50,000.
// The user who also owns patients has as many, two of five as the owner. At least 300, for pages in the middle.
func (p Plan) Granted() int { return min(50_000, max(300, p.Patients/20)) }

func (p Plan) ownedByBoth() int { return p.Granted() * 2 / 5 }

// GrantedPatient returns the index of the j-th of the doctor's patients. They are spread over those of other users.
func (p Plan) GrantedPatient(j int) int { return p.spread(j, p.Granted()) }

// spread returns the index of the j-th of k patients that do not belong to the reader.
func (p Plan) spread(j, k int) int { return p.Readers() + j*(p.Patients-p.Readers())/k }

// grantedToBoth returns the index of the j-th patient that is granted to the user who is both. Their own patients are
// at least three apart, so the next one is not their own.
func (p Plan) grantedToBoth(j int) int {
	n := p.spread(j, p.Granted()-p.ownedByBoth())
	if p.owner(n) == Both {
		n++
	}
	return n
}

// belongsToBoth reports whether the owner of the patient is the user who is both an owner and a doctor.
func (p Plan) belongsToBoth(patient int) bool {
	n, k := p.Patients-p.Readers(), p.ownedByBoth()
	j := ((patient-p.Readers())*k + n - 1) / n // the first whose index is not below
	return j < k && p.spread(j, k) == patient
}

// kinds of rows, for their ids.
const (
	userKind = 1 + iota
	doctorKind
	patientKind
	assignmentKind
	typeKind
	windowKind
	appointmentKind
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
	Treating // acts for a doctor
	Both     // acts for a doctor and owns patients
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
	if p.belongsToBoth(patient) {
		return Both
	}
	return firstLogin + p.LoginUsers + patient%p.Owners
}

// Time returns the creation time of the n-th row of a table.
func Time(n int) time.Time { return epoch.Add(time.Duration(n) * time.Millisecond) }

func at(n int) database.Time { return database.At(Time(n)) }

func (p Plan) user(n int) []any {
	name, email, role := fmt.Sprintf("User %d", n), Email(n), "staff"
	if n == Treating || n == Both {
		role = "doctor"
	}
	return []any{
		id(userKind, n), name, email, email, fmt.Sprintf("user%d", n), p.PasswordPHC, true, 0, role, 1,
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
	name, email, phone, record := patientName(n), fmt.Sprintf("p%d@mail.example", n), "+91 80 5550 0199",
		fmt.Sprintf("MRN-%d", n)
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

// linkedDoctors is the number of doctors with an account: those of Treating and Both.
const linkedDoctors = 2

// linked returns the user who acts for the n-th of the doctors with an account.
func linked(n int) int { return Treating + n }

// linkedDoctor returns the index of the doctor for whom that user acts.
func (p Plan) linkedDoctor(n int) int { return p.doctors() + n }

func (p Plan) link(n int) []any {
	return []any{id(doctorKind, p.linkedDoctor(n)), id(userKind, linked(n)), id(userKind, Writer), at(n)}
}

func (p Plan) acting(n int) []any {
	return []any{id(userKind, linked(n)), id(doctorKind, p.linkedDoctor(n)), "doctor", at(n)}
}

// assignments returns the number of assignments: PerPatient of each patient, which grant nothing, and those of the
// doctors with an account.
func (p Plan) assignments() int { return p.Patients*p.PerPatient + p.grants() }

func (p Plan) grants() int { return 2*p.Granted() - p.ownedByBoth() }

// grant returns the patient and the doctor of the n-th assignment that grants access.
func (p Plan) grant(n int) (patient, doctor int) {
	if n < p.Granted() {
		return p.GrantedPatient(n), p.linkedDoctor(0)
	}
	return p.grantedToBoth(n - p.Granted()), p.linkedDoctor(1)
}

// assigned returns the patient, the doctor and the access of the n-th assignment.
func (p Plan) assigned(n int) (patient, doctor int, access string) {
	if granting := n - p.Patients*p.PerPatient; granting >= 0 {
		patient, doctor = p.grant(granting)
		return patient, doctor, "read"
	}
	patient = n / p.PerPatient
	return patient, (patient*7 + n%p.PerPatient) % p.doctors(), "none"
}

func (p Plan) assignment(n int) []any {
	patient, doctor, access := p.assigned(n)
	return []any{
		id(assignmentKind, n), id(userKind, p.owner(patient)), Patient(patient), id(doctorKind, doctor), access, at(n),
	}
}

func (p Plan) careTeam(n int) []any {
	patient, doctor, _ := p.assigned(n)
	return []any{id(doctorKind, doctor), Patient(patient), id(assignmentKind, n)}
}

func (p Plan) patientGrant(n int) []any {
	patient, doctor := p.grant(n)
	assignment := p.Patients*p.PerPatient + n
	return []any{
		Patient(patient), id(doctorKind, doctor), "care", id(assignmentKind, assignment), "read",
		id(userKind, p.owner(patient)), at(assignment), at(patient), at(patient), patientName(patient),
	}
}

func patientName(n int) string { return fmt.Sprintf("Ananya Verma %d", n) }

// table is one of the tables to fill.
type table struct {
	name    string
	columns []string
	rows    int
	row     func(n int) []any
}

func (p Plan) tables() []table {
	return append([]table{
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
			p.linkedDoctor(linkedDoctors),
			doctor,
		},
		{"doctor_links", []string{"doctor_id", "user_id", "linked_by", "linked_at"}, linkedDoctors, p.link},
		{"acting", []string{"user_id", "principal_id", "kind", "since"}, linkedDoctors, p.acting},
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
			"assignments", []string{"id", "owner_id", "patient_id", "doctor_id", "access", "assigned_at"},
			p.assignments(), p.assignment,
		},
		{"patient_doctors", []string{"doctor_id", "patient_id", "assignment_id"}, p.assignments(), p.careTeam},
		{
			"patient_grants",
			[]string{
				"patient_id", "grantee_id", "basis", "source_id", "level", "granted_by", "granted_at",
				"patient_created_at", "patient_updated_at", "patient_name",
			},
			p.grants(),
			p.patientGrant,
		},
	}, p.calendars()...)
}
