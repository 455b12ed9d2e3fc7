package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"healthcare/modules/appointments"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/modules/doctors"
	"healthcare/modules/patients"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/errs"
	"healthcare/platform/recordid"
)

// TestEveryColumnIsStored stores two appointments that differ in every field, and changes one into the other.
func TestEveryColumnIsStored(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		first := held(f.visit(0, 0, at(9, 0), at(9, 30)), at(8, 0).Add(time.Microsecond))
		second := first
		second.ID, second.OwnerID, second.PatientID = recordid.New[appointments.ID](), databasetest.NewUser(t, f.db),
			f.patients[1]
		second.DoctorID, second.DoctorName, second.TypeID = doctors.ID{}, "Dr. Vikram Khanna", f.types[1]
		second.SeriesID, second.SessionID, second.Seat = uuid.New(), uuid.New(), 7
		second.StartsAt, second.EndsAt = at(10, 0), at(10, 45).Add(123456*time.Microsecond)
		second.BlocksFrom, second.BlocksTo = at(9, 50), at(11, 0)
		second.LocalStart, second.TimeZone = "2026-12-01T11:00", "Europe/Berlin"
		second.Status, second.ExpiresAt = appointments.Cancelled, time.Time{}
		second.Overbooked, second.OverbookReason = true, "urgent"
		second.Reason, second.CancelReason = "check-up", "weather"
		second.Sequence, second.Version, second.CreatedBy = 3, 4, uuid.New()
		second.CreatedAt, second.UpdatedAt = midnight.Add(time.Hour), midnight.Add(2*time.Hour)
		databasetest.RequireAllDiffer(t, first, second)
		for _, a := range []domain.Appointment{first, second} {
			require.Equal(t, a, f.mustFind(t, f.mustAdd(t, a).ID))
		}
		changed := second
		changed.ID, changed.OwnerID, changed.PatientID = first.ID, first.OwnerID, first.PatientID
		changed.CreatedBy, changed.CreatedAt = first.CreatedBy, first.CreatedAt
		returned, err := f.Change(t.Context(), first.ID, func(a *domain.Appointment) error {
			require.Equal(t, first, *a)
			*a = second
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, changed, f.mustFind(t, first.ID), "except the fields that never change")
		require.Equal(t, second.Reason, returned.Reason)
	})
}

func TestFindAndChange(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		one := f.mustAdd(t, f.visit(0, 0, at(9, 0), at(9, 30)))
		t.Run("a missing appointment is not found", func(t *testing.T) {
			for _, id := range []appointments.ID{recordid.New[appointments.ID](), {}} {
				found, err := f.Find(t.Context(), id)
				require.ErrorIs(t, err, appointments.ErrNotFound)
				require.Zero(t, found)
				_, err = f.Change(t.Context(), id, func(*domain.Appointment) error { return errors.New("not called") })
				require.ErrorIs(t, err, appointments.ErrNotFound)
			}
		})
		t.Run("a rule that returns an error changes nothing", func(t *testing.T) {
			_, err := f.Change(t.Context(), one.ID, func(a *domain.Appointment) error {
				a.Reason, a.Version = "changed", 2
				return appointments.ErrTooLate
			})
			require.ErrorIs(t, err, appointments.ErrTooLate)
			require.Equal(t, one, f.mustFind(t, one.ID))
		})
		t.Run("a rule that keeps the version changes nothing", func(t *testing.T) {
			_, err := f.Change(t.Context(), one.ID, func(a *domain.Appointment) error {
				a.Reason = "changed"
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, one, f.mustFind(t, one.ID))
		})
	})
}

// TestErrorsOfConstraints violates each constraint that a concurrent change can violate.
func TestErrorsOfConstraints(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		group := uuid.New()
		f.mustAdd(t, inGroup(f.visit(0, 0, at(9, 0), at(9, 30)), group, 0))
		for name, c := range map[string]struct {
			row  domain.Appointment
			want error
		}{
			doctorConstraint:  {f.visit(1, 0, at(9, 0), at(9, 30)), appointments.ErrSlotTaken},
			patientConstraint: {f.visit(0, 1, at(9, 0), at(9, 30)), appointments.ErrPatientBusy},
			seatConstraint:    {inGroup(f.visit(1, 0, at(9, 0), at(9, 30)), group, 0), appointments.ErrSessionFull},
			"appointments_patient_id_fkey": {with(f.visit(1, 1, at(9, 0), at(9, 30)), func(a *domain.Appointment) {
				a.PatientID = recordid.New[patients.ID]()
			}), patients.ErrNotFound},
			"appointments_doctor_id_fkey": {with(f.visit(1, 1, at(9, 0), at(9, 30)), func(a *domain.Appointment) {
				a.DoctorID = recordid.New[doctors.ID]()
			}), doctors.ErrNotFound},
			"appointments_type_id_fkey": {with(f.visit(1, 1, at(9, 0), at(9, 30)), func(a *domain.Appointment) {
				a.TypeID = recordid.New[domain.TypeID]()
			}), appointments.ErrTypeNotFound},
			// no error of a place: an account is removed with its patients
			"appointments_owner_id_fkey": {with(f.visit(1, 1, at(9, 0), at(9, 30)), func(a *domain.Appointment) {
				a.OwnerID = uuid.New()
			}), nil},
		} {
			t.Run(name, func(t *testing.T) {
				err := f.Add(t.Context(), c.row)
				if _, exclusion := map[string]bool{
					doctorConstraint: true, patientConstraint: true, seatConstraint: true,
				}[name]; f.db.Engine() == database.SQLite && !exclusion {
					// SQLite does not name foreign keys. The use case has found the rows in the same transaction.
					require.Equal(t, errs.Conflict, errs.KindOf(err), "%v", err)
					return
				}
				require.True(t, database.Violates(err, name), "%v", err)
				if c.want != nil {
					require.ErrorIs(t, err, c.want)
				}
			})
		}
		t.Run("are all that the table has", func(t *testing.T) {
			if f.db.Engine() == database.SQLite {
				t.Skip("the schemas are equal")
			}
			var names []string
			require.NoError(t, f.db.Read(t.Context()).Raw(`SELECT conname FROM pg_constraint
				WHERE conrelid = 'appointments'::regclass AND contype IN ('x', 'u', 'f')
				UNION SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid
				WHERE indrelid = 'appointments'::regclass AND indisunique AND NOT indisprimary ORDER BY 1`).
				Scan(&names).Error)
			require.Equal(t, []string{
				doctorConstraint, "appointments_doctor_id_fkey", "appointments_owner_id_fkey", patientConstraint,
				"appointments_patient_id_fkey", seatConstraint, "appointments_type_id_fkey",
			}, names)
		})
	})
}

func with(a domain.Appointment, change func(*domain.Appointment)) domain.Appointment {
	change(&a)
	return a
}

// placesOf returns the appointments with the fields that Busy reads.
func placesOf(all []domain.Appointment) (places []domain.Appointment) {
	for _, a := range all {
		places = append(places, domain.Appointment{
			ID: a.ID, PatientID: a.PatientID, DoctorID: a.DoctorID, SessionID: a.SessionID, Seat: a.Seat,
			StartsAt: a.StartsAt, EndsAt: a.EndsAt, BlocksFrom: a.BlocksFrom, BlocksTo: a.BlocksTo,
			Status: a.Status, ExpiresAt: a.ExpiresAt,
		})
	}
	return places
}

func TestBusy(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		wanted := bufferedVisit(f, 0, 0, at(12, 0), at(13, 0)) // blocks 11:30 to 13:30
		ofDoctor := []domain.Appointment{
			f.mustAdd(t, f.visit(1, 0, at(11, 0), at(11, 31))),
			f.mustAdd(t, overbookedVisit(f, 2, 0, at(11, 20), at(14, 0))),
			f.mustAdd(t, held(f.visit(3, 0, at(11, 31), at(12, 0)), midnight)),
			f.mustAdd(t, f.visit(4, 0, at(13, 29), at(14, 0))),
		}
		ofPatient := []domain.Appointment{
			f.mustAdd(t, f.visit(0, 1, at(11, 30), at(12, 1))),
			f.mustAdd(t, f.visit(0, 2, at(12, 59), at(13, 30))),
		}
		for _, other := range []domain.Appointment{
			f.visit(1, 0, at(10, 30), at(11, 0)), f.visit(5, 0, at(14, 0), at(14, 30)),
			f.visit(1, 1, at(12, 1), at(12, 59)), f.visit(0, 1, at(11, 0), at(11, 30)),
			f.visit(0, 2, at(13, 30), at(14, 0)), cancelled(f.visit(0, 0, at(12, 0), at(13, 0))),
		} {
			f.mustAdd(t, other)
		}
		doctor, patient, err := f.Busy(t.Context(), wanted, 100)
		require.NoError(t, err)
		require.Equal(t, placesOf(ofDoctor), doctor,
			"in the order of time, with overbooked ones and expired reservations")
		require.Equal(t, placesOf(ofPatient), patient, "the patient has no buffers")
		t.Run("includes the appointment itself", func(t *testing.T) {
			doctor, patient, err := f.Busy(t.Context(), ofPatient[0], 100)
			require.NoError(t, err)
			require.Equal(t, placesOf(ofPatient[:1]), patient)
			require.Equal(t, placesOf(ofPatient[:1]), doctor[:1])
		})
		t.Run("includes one that began almost a day before", func(t *testing.T) {
			long := f.mustAdd(t, f.visit(3, 1, at(13, 0), at(13, 0).Add(domain.MaxBlock)))
			doctor, _, err := f.Busy(t.Context(), f.visit(4, 1, at(36, 59), at(38, 0)), 100)
			require.NoError(t, err)
			require.Equal(t, placesOf([]domain.Appointment{long}), doctor)
			doctor, _, err = f.Busy(t.Context(), f.visit(4, 1, at(37, 0), at(38, 0)), 100)
			require.NoError(t, err)
			require.Empty(t, doctor)
		})
		t.Run("returns at most the limit of each party", func(t *testing.T) {
			doctor, patient, err := f.Busy(t.Context(), wanted, 1)
			require.NoError(t, err)
			require.Len(t, doctor, 1)
			require.Len(t, patient, 1)
		})
	})
}

func TestBusyTimes(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		group := uuid.New()
		busy := func(a domain.Appointment) calendar.Busy {
			return calendar.Busy{From: a.BlocksFrom, To: a.BlocksTo, Session: a.SessionID}
		}
		first := f.mustAdd(t, inGroup(bufferedVisit(f, 0, 0, at(9, 0), at(10, 0)), group, 0))
		second := f.mustAdd(t, inGroup(bufferedVisit(f, 1, 0, at(9, 0), at(10, 0)), group, 1))
		open := f.mustAdd(t, held(f.visit(2, 0, at(11, 0), at(12, 0)), at(8, 0).Add(time.Microsecond)))
		f.mustAdd(t, held(f.visit(3, 0, at(12, 0), at(13, 0)), at(8, 0)))
		other := f.mustAdd(t, overbookedVisit(f, 0, 1, at(9, 5), at(9, 30)))
		f.mustAdd(t, cancelled(f.visit(4, 0, at(9, 0), at(9, 30))))
		f.mustAdd(t, f.visit(0, 2, at(7, 0), at(8, 0)))
		blocks, visits, err := f.BusyTimes(t.Context(), f.doctors[:2], &f.patients[0], at(8, 0), at(12, 0), at(8, 0))
		require.NoError(t, err)
		require.Equal(t, map[doctors.ID][]calendar.Busy{
			f.doctors[0]: {busy(first), busy(second), busy(open)}, f.doctors[1]: {busy(other)},
		}, blocks)
		require.Equal(t, []calendar.Busy{{From: at(9, 0), To: at(10, 0)}, {From: at(9, 5), To: at(9, 30)}}, visits)
		t.Run("without doctors and without a patient", func(t *testing.T) {
			blocks, visits, err := f.BusyTimes(t.Context(), nil, nil, at(8, 0), at(12, 0), at(8, 0))
			require.NoError(t, err)
			require.Empty(t, blocks)
			require.Empty(t, visits)
		})
	})
}

func TestReservations(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		now := at(8, 0)
		due := f.mustAdd(t, held(f.visit(0, 0, at(9, 0), at(9, 30)), now))
		open := f.mustAdd(t, held(f.visit(1, 0, at(10, 0), at(10, 30)), now.Add(time.Microsecond)))
		booked := f.mustAdd(t, f.visit(2, 0, at(11, 0), at(11, 30)))
		expired := func(a domain.Appointment) domain.Appointment {
			a.Status, a.ExpiresAt, a.UpdatedAt = appointments.Expired, time.Time{}, now
			a.Version++
			return a
		}
		t.Run("count until they expire, at most the limit", func(t *testing.T) {
			for limit, want := range map[int]int{1: 1, 2: 2, 3: 2} {
				count, err := f.CountHolds(t.Context(), f.owner, now.Add(-time.Hour), limit)
				require.NoError(t, err)
				require.Equal(t, want, count)
			}
			count, err := f.CountHolds(t.Context(), f.owner, now, 3)
			require.NoError(t, err)
			require.Equal(t, 1, count)
			count, err = f.CountHolds(t.Context(), uuid.New(), now.Add(-time.Hour), 3)
			require.NoError(t, err)
			require.Zero(t, count, "of another user")
		})
		t.Run("exclude others until they are ended", func(t *testing.T) {
			other := f.visit(3, 0, at(9, 0), at(9, 30))
			require.ErrorIs(t, f.Add(t.Context(), other), appointments.ErrSlotTaken)
			ended, err := f.ExpireAll(t.Context(), []appointments.ID{due.ID, open.ID, booked.ID}, now)
			require.NoError(t, err)
			require.Equal(t, []domain.Appointment{expired(due)}, ended)
			require.Equal(t, expired(due), f.mustFind(t, due.ID))
			require.Equal(t, open, f.mustFind(t, open.ID))
			require.NoError(t, f.Add(t.Context(), other))
			ended, err = f.ExpireAll(t.Context(), []appointments.ID{due.ID}, now)
			require.NoError(t, err)
			require.Empty(t, ended, "once")
			ended, err = f.ExpireAll(t.Context(), nil, now)
			require.NoError(t, err)
			require.Empty(t, ended)
		})
		t.Run("are ended in the order in which they expired", func(t *testing.T) {
			var all []domain.Appointment
			for i, until := range []int{-2, -3, -1} {
				a := held(f.visit(i, 1, at(12+i, 0), at(13+i, 0)), now.Add(time.Duration(until)*time.Hour))
				all = append(all, f.mustAdd(t, a))
			}
			ended, err := f.Expire(t.Context(), now, 2)
			require.NoError(t, err)
			require.ElementsMatch(t, []domain.Appointment{expired(all[0]), expired(all[1])}, ended)
			ended, err = f.Expire(t.Context(), now, 2)
			require.NoError(t, err)
			require.Equal(t, []domain.Appointment{expired(all[2])}, ended)
			ended, err = f.Expire(t.Context(), now, 2)
			require.NoError(t, err)
			require.Empty(t, ended)
			require.Equal(t, open, f.mustFind(t, open.ID))
		})
		t.Run("that another transaction has locked are left to it", func(t *testing.T) {
			if f.db.Engine() == database.SQLite {
				t.Skip("transactions run one after the other")
			}
			first := f.mustAdd(t, held(f.visit(4, 2, at(9, 0), at(9, 30)), now.Add(-time.Minute)))
			second := f.mustAdd(t, held(f.visit(5, 2, at(10, 0), at(10, 30)), now))
			require.NoError(t, f.db.Do(t.Context(), func(ctx context.Context) error {
				_, err := f.Change(ctx, first.ID, func(*domain.Appointment) error { return nil })
				require.NoError(t, err)
				ended, err := f.Expire(t.Context(), now, 2)
				require.NoError(t, err)
				require.Equal(t, []domain.Appointment{expired(second)}, ended)
				return nil
			}))
		})
	})
}

func TestCountOpen(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		f.mustAdd(t, f.visit(0, 0, at(8, 0), at(9, 0)))
		f.mustAdd(t, f.visit(0, 0, at(9, 0), at(9, 0).Add(time.Microsecond)))
		f.mustAdd(t, held(f.visit(0, 0, at(10, 0), at(10, 30)), at(9, 30)))
		f.mustAdd(t, cancelled(f.visit(0, 0, at(11, 0), at(11, 30))))
		f.mustAdd(t, f.visit(1, 0, at(12, 0), at(12, 30)))
		for limit, want := range map[int]int{1: 1, 2: 2, 5: 2} {
			count, err := f.CountOpen(t.Context(), f.patients[0], at(9, 0), limit)
			require.NoError(t, err)
			require.Equal(t, want, count)
		}
		count, err := f.CountOpen(t.Context(), f.patients[2], at(9, 0), 5)
		require.NoError(t, err)
		require.Zero(t, count)
	})
}

func TestOfSeriesAndFuture(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		series := uuid.New()
		var all []domain.Appointment
		for i := range 4 {
			a := f.visit(0, 0, at(24*(4-i), 0), at(24*(4-i), 30))
			if a.SeriesID = series; i == 1 {
				a.Status = appointments.Cancelled
			}
			all = append(all, f.mustAdd(t, a))
		}
		f.mustAdd(t, f.visit(1, 0, at(48, 30), at(49, 0)))
		ofSeries, err := f.OfSeries(t.Context(), series, at(48, 0), 100)
		require.NoError(t, err)
		require.Equal(t, []domain.Appointment{all[2], all[1], all[0]}, ofSeries, "in order of time, of every status")
		ofSeries, err = f.OfSeries(t.Context(), series, at(48, 0), 1)
		require.NoError(t, err)
		require.Equal(t, all[2:3], ofSeries)

		future, err := f.Future(t.Context(), at(24, 0), appointments.ID{}, 2)
		require.NoError(t, err)
		require.Equal(t, []domain.Appointment{all[0], all[2]}, future, "in the order of ids, without cancelled ones")
		future, err = f.Future(t.Context(), at(24, 0), future[1].ID, 2)
		require.NoError(t, err)
		require.Len(t, future, 1, "not the one that begins now")
	})
}

func TestRemovalsAndTransfers(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		now := at(9, 15)
		past := f.mustAdd(t, f.visit(0, 0, at(8, 0), at(9, 0)))
		t.Run("a doctor has an open appointment until it ends", func(t *testing.T) {
			open := func(doctor int, now time.Time) bool {
				has, err := f.HasOpen(t.Context(), f.doctors[doctor], now)
				require.NoError(t, err)
				return has
			}
			require.True(t, open(0, at(8, 30)))
			require.False(t, open(0, at(9, 0)))
			require.False(t, open(1, at(8, 30)))
			f.mustAdd(t, cancelled(f.visit(1, 1, at(9, 0), at(9, 30))))
			f.mustAdd(t, held(f.visit(2, 1, at(10, 0), at(10, 30)), now))
			require.False(t, open(1, now), "cancelled, and an expired reservation")
			require.True(t, open(1, now.Add(-time.Microsecond)), "a reservation")
		})
		t.Run("a removed doctor is replaced by the name", func(t *testing.T) {
			other := f.mustAdd(t, f.visit(3, 2, at(8, 0), at(9, 0)))
			require.NoError(t, f.ReleaseDoctor(t.Context(), f.doctors[0], "Dr. Khanna", now))
			past.DoctorID, past.DoctorName, past.UpdatedAt = doctors.ID{}, "Dr. Khanna", now
			past.Version++
			require.Equal(t, past, f.mustFind(t, past.ID))
			require.Equal(t, other, f.mustFind(t, other.ID))
			f.exec(t, "DELETE FROM doctors WHERE id = ?", f.doctors[0])
		})
		t.Run("a transferred patient's appointments get the new owner", func(t *testing.T) {
			to := databasetest.NewUser(t, f.db)
			other := f.mustAdd(t, f.visit(1, 2, at(9, 0), at(9, 30)))
			require.NoError(t, f.SetOwner(t.Context(), []patients.ID{f.patients[0], f.patients[5]}, to))
			past.OwnerID = to
			require.Equal(t, past, f.mustFind(t, past.ID), "the same version: nothing that is shown has changed")
			require.Equal(t, other, f.mustFind(t, other.ID))
		})
		t.Run("removed patients lose their appointments", func(t *testing.T) {
			other := f.mustAdd(t, f.visit(1, 2, at(10, 0), at(10, 30)))
			removed := []patients.ID{f.patients[0], f.patients[2]}
			require.NoError(t, f.RemoveAllOfPatients(t.Context(), removed))
			_, err := f.Find(t.Context(), past.ID)
			require.ErrorIs(t, err, appointments.ErrNotFound)
			require.Equal(t, other, f.mustFind(t, other.ID))
			require.NoError(t, f.RemoveAllOfPatients(t.Context(), nil))
			f.exec(t, "DELETE FROM patients WHERE id = ?", f.patients[1]) // as an earlier release deletes it
			_, err = f.Find(t.Context(), other.ID)
			require.ErrorIs(t, err, appointments.ErrNotFound)
		})
	})
}

// TestLock locks the times of a doctor, of a patient and the reservations of a user against each other.
func TestLock(t *testing.T) {
	eachStore(t, func(t *testing.T, f fixture) {
		if f.db.Engine() == database.SQLite {
			t.Skip("transactions run one after the other")
		}
		user, nobody := uuid.New(), uuid.Nil
		for name, c := range map[string]struct {
			doctor, patient int
			user            uuid.UUID
			waits           bool
		}{
			"of the doctor":  {0, 1, nobody, true},
			"of the patient": {1, 0, nobody, true},
			"of the user":    {1, 1, user, true},
			"of others":      {1, 1, uuid.New(), false},
		} {
			t.Run(name, func(t *testing.T) {
				require.NoError(t, f.db.Do(t.Context(), func(ctx context.Context) error {
					require.NoError(t, f.Lock(ctx, f.doctors[:1], f.patients[0], user))
					other, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
					defer cancel()
					err := f.db.Do(other, func(ctx context.Context) error {
						return f.Lock(ctx, f.doctors[c.doctor:c.doctor+1], f.patients[c.patient], c.user)
					})
					require.Equal(t, c.waits, err != nil, "%v", err)
					return nil
				}))
			})
		}
	})
}
