package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/paging"
)

// many are rows of an owner, of a doctor, of a patient, of a series, and reservations of a user, each as many as given.
type many struct {
	fixture
	rows    int
	user    uuid.UUID // has made rows reservations, five of which have expired at midnight
	expired []appointments.ID
	series  uuid.UUID // of the patient
	patient patients.ID
	doctor  doctors.ID   // of the owner's other patients, one row per half hour, from midnight on
	past    doctors.ID   // with as many rows that are over
	offices []doctors.ID // fifty with six to 200 rows, one per hour
}

// newMany inserts the rows in a way that those of one range are stored together.
func newMany(t *testing.T, db *database.DB, rows int) many {
	t.Helper()
	m := many{
		fixture: newFixture(t, db), rows: rows, user: databasetest.NewUser(t, db), series: uuid.New(),
	}
	m.patient, m.doctor, m.past = m.patients[0], m.doctors[0], m.doctors[1]
	id, office := `gen_random_uuid()`, m.series.String()
	when := func(seconds string) string { return `to_timestamp(` + seconds + `)` }
	if db.Engine() == database.SQLite {
		id = `lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' ||
			hex(randomblob(2)) || '-' || hex(randomblob(6)))`
		when = func(seconds string) string {
			return `strftime('%Y-%m-%dT%H:%M:%S.000000Z', ` + seconds + `, 'unixepoch')`
		}
	}
	start := fmt.Sprint(midnight.Unix())
	m.exec(t, "DELETE FROM appointments")
	m.exec(t, series+`INSERT INTO patients
		(id, owner_id, name, gender, age, email, phone, address, notes, version, created_at, updated_at)
		SELECT `+id+`, ?, i, 'Other', 1, '', '', '', '', 1, `+when(start+" + i")+`, `+when(start)+` FROM s`,
		rows, m.owner)
	m.exec(t, series+`INSERT INTO doctors
		(id, name, specialization, experience, email, phone, version, created_at, updated_at)
		SELECT `+id+`, '`+office+`', 'S', 1, '', '', 1, `+when(start)+`, `+when(start)+` FROM s`, 50)
	require.NoError(t, db.Read(t.Context()).Table("doctors").Where("name = ?", office).Pluck("id", &m.offices).Error)
	insert := func(doctor, patient, from, length, status, by, expires, inSeries, source string, values ...any) {
		t.Helper()
		begins, ends := when(from), when(from+" + "+length)
		m.exec(t, series+`INSERT INTO appointments
			(id, owner_id, patient_id, doctor_id, doctor_name, type_id, series_id,
			session_id, seat, starts_at, ends_at, blocks_from, blocks_to, local_start, time_zone, status, overbooked,
			overbook_reason, reason, cancel_reason, expires_at, sequence, version, created_by, created_at, updated_at)
			SELECT `+id+`, '`+m.owner.String()+`', `+patient+`, `+doctor+`, '', '`+m.types[0].String()+`', `+inSeries+`,
			`+id+`, 0, `+begins+`, `+ends+`, `+begins+`, `+ends+`, '', 'UTC', `+status+`, `+overbooked(db)+`,
			'', '', '',
			`+expires+`, 0, 1, '`+by+`', `+begins+`, `+begins+` FROM `+source, values...)
	}
	quoted := func(id fmt.Stringer) string {
		if db.Engine() == database.SQLite {
			return "'" + id.String() + "'"
		}
		return "'" + id.String() + "'::uuid"
	}
	const booked, none = "'booked'", "NULL"
	each := `s CROSS JOIN patients p WHERE p.name = CAST(i AS text) AND p.owner_id = ` + quoted(m.owner)
	owner := m.owner.String()
	insert(quoted(m.doctor), "p.id", start+" + i * 1800", "1800", booked, owner, none, none, each, rows)
	insert(quoted(m.past), "p.id", start+" - i * 1800", "1800", "'fulfilled'", owner, none, none, each, rows)
	insert(quoted(m.doctors[2]), quoted(m.patient), start+" + i * 3600", "1800", booked, owner, none,
		quoted(m.series), "s", rows)
	insert("d.id", quoted(m.patients[1]), start+" + i * 3600", "3600", booked, owner, none, none,
		"s CROSS JOIN doctors d WHERE d.name = '"+office+"'", max(6, rows/50))
	held := "CASE WHEN i <= 5 THEN " + when(start+" - i") + " ELSE " + when(start+" + i") + " END"
	insert(quoted(m.doctors[2]), "p.id", start+" - i * 3600", "1800", "'held'", m.user.String(), held, none, each, rows)
	require.NoError(t, db.Read(t.Context()).Table("appointments").
		Where("status = 'held' AND expires_at <= ?", database.At(midnight)).Pluck("id", &m.expired).Error)
	require.Len(t, m.expired, 5)
	if db.Engine() == database.Postgres {
		m.exec(t, "VACUUM ANALYZE appointments, patients, doctors")
	}
	return m
}

// series counts from one to a parameter.
const series = `WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ?) `

// overbooked returns true: the rows of a patient overlap.
func overbooked(db *database.DB) string {
	if db.Engine() == database.SQLite {
		return "1"
	}
	return "true"
}

// planned is a method, the indexes that its statements may read, and its cost.
type planned struct {
	call    func(ctx context.Context, m many) error
	indexes []string
	few     bool // it reads as many buffers with 300 rows as with 10,000
	only    bool // it reads no rows, only the index
}

// TestX21_StatementPlans verifies X21 for the statements of bookings and of removals: each reads the rows of its range
// only, with 300 rows and with 10,000.
func TestX21_StatementPlans(t *testing.T) {
	t.Parallel()
	week, month := midnight.AddDate(0, 0, 7), midnight.AddDate(0, 0, 31)
	const doctorBusy, patientBusy = "appointments_doctor_busy_idx", "appointments_patient_busy_idx"
	const ofPatient, key = "appointments_patient_id_starts_at_idx", "appointments_pkey"
	const due = "appointments_expires_at_idx"
	statements := map[string]planned{
		"Busy": {func(ctx context.Context, m many) error {
			_, _, err := m.Busy(ctx, m.visit(0, 0, minute(m.rows*15), minute(m.rows*15+45)), domain.MaxBusy)
			return err
		}, []string{doctorBusy, patientBusy}, true, false},
		"BusyTimes of a doctor and a month": {func(ctx context.Context, m many) error {
			_, _, err := m.BusyTimes(ctx, []doctors.ID{m.doctor}, nil, midnight, month, midnight)
			return err
		}, []string{doctorBusy}, false, true},
		"BusyTimes of fifty doctors and a week": {func(ctx context.Context, m many) error {
			_, _, err := m.BusyTimes(ctx, m.offices, nil, midnight, week, midnight)
			return err
		}, []string{doctorBusy}, false, true},
		"BusyTimes of a patient": {func(ctx context.Context, m many) error {
			until := midnight.AddDate(0, 0, 2)
			_, _, err := m.BusyTimes(ctx, []doctors.ID{m.doctor}, &m.patient, midnight, until, midnight)
			return err
		}, []string{doctorBusy, patientBusy}, true, true},
		"ExpireAll": {func(ctx context.Context, m many) error {
			_, err := m.ExpireAll(ctx, m.expired, midnight)
			return err
		}, []string{key, due}, true, false},
		"Expire": {func(ctx context.Context, m many) error {
			_, err := m.Expire(ctx, midnight, 100)
			return err
		}, []string{due, key}, true, false},
		"CountHolds": {func(ctx context.Context, m many) error {
			_, err := m.CountHolds(ctx, m.user, midnight, 3)
			return err
		}, []string{"appointments_held_by_idx", "waiting_entries_appointment_id_idx"}, true, false},
		"CountOpen": {func(ctx context.Context, m many) error {
			_, err := m.CountOpen(ctx, m.patient, minute(m.rows*60), 5)
			return err
		}, []string{patientBusy, ofPatient}, true, true},
		"OfSeries": {func(ctx context.Context, m many) error {
			_, err := m.OfSeries(ctx, m.series, minute(m.rows*30), 60)
			return err
		}, []string{"appointments_series_id_idx"}, true, false},
		"HasOpen of a doctor with past ones": {func(ctx context.Context, m many) error {
			_, err := m.HasOpen(ctx, m.doctor, minute(m.rows*30+60))
			return err
		}, []string{doctorBusy}, true, false},
		"SetOwner": {func(ctx context.Context, m many) error {
			return m.SetOwner(ctx, m.patients[2:4], m.user)
		}, []string{ofPatient}, true, false},
		"RemoveAllOfPatients": {func(ctx context.Context, m many) error {
			return m.RemoveAllOfPatients(ctx, m.patients[2:4])
		}, []string{ofPatient}, true, false},
		"ReleaseDoctor": {func(ctx context.Context, m many) error {
			return m.ReleaseDoctor(ctx, m.offices[0], "Dr. Khanna", midnight)
		}, []string{"appointments_doctor_id_starts_at_idx"}, false, false},
	}
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		sent, costs := databasetest.Statements(t, db), map[string]int{}
		// SQLite plans without statistics
		sizes := map[database.Engine][]int{database.Postgres: {300, 10_000}, database.SQLite: {300}}[db.Engine()]
		for size, rows := range sizes {
			m := newMany(t, db, rows)
			for name, c := range statements {
				t.Run(fmt.Sprintf("%s with %d rows", name, rows), func(t *testing.T) {
					if db.Engine() == database.Postgres {
						m.exec(t, "VACUUM appointments") // the changes of others, which were undone
					}
					*sent = nil
					require.ErrorIs(t, db.Do(t.Context(), func(ctx context.Context) error {
						require.NoError(t, c.call(ctx, m))
						return context.Canceled
					}), context.Canceled)
					require.NotEmpty(t, *sent)
					for i, statement := range *sent {
						if db.Engine() == database.SQLite {
							requireSearch(t, statement.QueryPlan(t, db), c)
							continue
						}
						for _, mode := range databasetest.PlanModes {
							plan, one := statement.Explain(t, db, mode), fmt.Sprint(name, i, mode)
							if size > 0 { // all rows of a small table are read faster than an index
								requireIndexes(t, plan, c)
							}
							if c.few && size > 0 {
								require.LessOrEqual(t, plan.Buffers(), costs[one]+40, "%s: %+v", mode, plan)
							}
							costs[one] = plan.Buffers()
						}
					}
				})
			}
		}
	})
}

// requireSearch requires a plan of SQLite that searches the first of the indexes and scans no table.
func requireSearch(t *testing.T, plan string, c planned) {
	t.Helper()
	require.NotContains(t, plan, "SCAN appointments")
	require.Regexp(t, "INDEX (sqlite_autoindex_appointments_1|"+strings.Join(c.indexes, "|")+") ", plan)
}

// requireIndexes requires a plan of PostgreSQL that reads the indexes only.
func requireIndexes(t *testing.T, plan databasetest.Plan, c planned) {
	t.Helper()
	for _, step := range plan.Steps() {
		require.NotEqual(t, "Seq Scan", step.Type, "%+v", plan)
		if step.Index == "" {
			continue
		}
		require.Contains(t, c.indexes, step.Index, "%+v", plan)
		if c.only {
			require.Equal(t, "Index Only Scan", step.Type, "%+v", plan)
			require.Zero(t, step.Fetches, "rows on pages that changed after VACUUM: %+v", plan)
		}
	}
}

// TestX21_ListPlans verifies X21 for the lists of owners, doctors and patients: the first page and a deep one read few
// rows more than they return.
func TestX21_ListPlans(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		rows := map[database.Engine]int{database.Postgres: 10_000, database.SQLite: 300}[db.Engine()]
		m := newMany(t, db, rows)
		user := databasetest.NewUser(t, db)
		as := func(capacities ...auth.Capacity) patients.Scope {
			return patients.VisibleTo(auth.Principal{UserID: user, For: capacities}, midnight)
		}
		doctor := auth.Capacity{ID: m.doctor.UUID, Kind: auth.AsDoctor}
		deputy := auth.Capacity{ID: m.owner, Kind: auth.AsDeputy, Level: auth.Read}
		represented := patients.Exceptions{Represented: append(m.patients[2:6:6], m.patient)}
		restricted := patients.Exceptions{Restricted: m.patients[2:6]}
		sent := databasetest.LastQuery(t, db)
		type listing struct {
			scope  patients.Scope
			except patients.Exceptions
			filter domain.Filter
			index  string // and its condition on SQLite
		}
		const ofOwner = "appointments_owner_id_starts_at_idx (owner_id=?"
		const ofDoctor = "appointments_doctor_id_starts_at_idx (doctor_id=?"
		const ofPatient = "appointments_patient_id_starts_at_idx (patient_id=?"
		for name, list := range map[string]listing{
			"of an owner": {patients.OwnedBy(m.owner), patients.Exceptions{}, domain.Filter{}, ofOwner},
			"of a doctor": {as(doctor), patients.Exceptions{}, domain.Filter{}, ofDoctor},
			"of a deputy": {as(deputy), restricted, domain.Filter{}, ofOwner},
			"of all":      {as(doctor, deputy), restricted, domain.Filter{}, ofDoctor},
			"of a representative": {
				as(auth.Capacity{ID: user, Kind: auth.AsSelf}), represented, domain.Filter{}, ofPatient,
			},
			"of an owner, from a time": {
				patients.OwnedBy(m.owner), patients.Exceptions{}, domain.Filter{From: midnight}, ofOwner,
			},
			"of an owner, until a time": {
				patients.OwnedBy(m.owner), patients.Exceptions{}, domain.Filter{To: minute(rows * 20)}, ofOwner,
			},
			"of an owner, with a status, from a time": { // without the time, it reads all rows with other statuses
				patients.OwnedBy(m.owner), patients.Exceptions{},
				domain.Filter{Status: appointments.Booked, From: midnight}, ofOwner,
			},
			"of an owner, with a doctor": {
				patients.OwnedBy(m.owner), patients.Exceptions{}, domain.Filter{Doctor: &m.doctor.UUID}, ofDoctor,
			},
			"of an owner, of a series": {
				patients.OwnedBy(m.owner), patients.Exceptions{}, domain.Filter{Series: &m.series}, "series_id=?",
			},
			"of a patient": {filter: domain.Filter{Patient: &m.patient.UUID}, index: ofPatient},
			"of a patient, from a time": {
				filter: domain.Filter{Patient: &m.patient.UUID, From: minute(rows * 10)}, index: ofPatient,
			},
		} {
			for _, descending := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, descending %v", name, descending), func(t *testing.T) {
					request := paging.Request{Limit: 50, Order: []paging.Order{
						{Column: "starts_at", Descending: descending}, {Column: "id", Descending: descending},
					}}
					read := func(request paging.Request) paging.Page[domain.Appointment] {
						page, err := m.List(t.Context(), list.scope, list.except, list.filter, request)
						if list.filter.Patient != nil {
							page, err = m.ListOf(t.Context(), list.filter, request)
						}
						require.NoError(t, err)
						require.NotNil(t, page.Next, "the page is full")
						return page
					}
					for _, depth := range []int{0, rows / 2} {
						if request.After = nil; depth > 0 {
							before := request
							before.Limit = depth
							request.After = read(before).Next
						}
						read(request)
						if db.Engine() == database.SQLite {
							plan := sent.QueryPlan(t, db)
							require.Contains(t, plan, list.index)
							require.NotContains(t, plan, "SCAN appointments")
							continue
						}
						modes := databasetest.PlanModes
						if list.filter != (domain.Filter{}) && list.filter.Patient == nil {
							modes = []string{"force_custom_plan"} // as the store has PostgreSQL plan it
						}
						for _, mode := range modes {
							plan := sent.Explain(t, db, mode)
							require.Less(t, plan.Buffers(), 300, "%s, depth %d: %+v", mode, depth, plan)
						}
					}
				})
			}
		}
	})
}
