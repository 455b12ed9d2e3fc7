package rest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"healthcare/modules/appointments/internal/app"
	"healthcare/modules/appointments/internal/domain"
	"healthcare/modules/appointments/internal/domain/calendar"
	"healthcare/platform/recordid"
	"healthcare/platform/resttest"
)

func TestEveryMemberOfATypeIsShown(t *testing.T) {
	now := time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC)
	filled := domain.Type{
		ID: recordid.New[domain.TypeID](), Version: 1, CreatedAt: now, UpdatedAt: now.Add(time.Second),
		TypeDetails: domain.TypeDetails{
			Name: "Consultation", Minutes: 30, BufferBefore: 5, BufferAfter: 10, Capacity: 2,
			NeedsConfirmation: true, ForPatients: true, Active: true,
		},
	}
	resttest.RequireEveryMember(t, showType(filled), showType(domain.Type{}))
}

func TestEveryMemberOfAnAvailabilityIsShown(t *testing.T) {
	first := calendar.Date(20_000)
	filled := calendar.Window{
		Weekday: time.Friday, Minutes: calendar.Minutes{From: 540, To: 1020}, ValidFrom: &first,
		ValidUntil: new(first.AddDays(1)), Type: uuid.New(),
	}
	resttest.RequireEveryMember(t, showWindow(filled), showWindow(calendar.Window{}))
	resttest.RequireEveryMember(t,
		showAvailability(domain.Availability{
			TimeZone: "UTC", Step: 5, Lead: 1, Horizon: 2, Windows: []calendar.Window{filled},
		}),
		showAvailability(domain.Availability{}))
}

func TestEveryMemberOfAnExceptionIsShown(t *testing.T) {
	filled := app.DetailedException{Affected: 3, Exception: domain.Exception{
		ID: recordid.New[domain.ExceptionID](), Note: "Conference",
		CreatedAt: time.Date(2026, time.November, 22, 22, 29, 36, 410959000, time.UTC),
		Exception: calendar.Exception{
			From: 20_000, To: 20_001, Minutes: &calendar.Minutes{From: 540, To: 1020}, Hours: true,
		},
	}}
	empty := app.DetailedException{}
	resttest.RequireEveryMember(t, showException(filled.Exception), showException(empty.Exception))
	resttest.RequireEveryMember(t, showDetailedException(filled), showDetailedException(empty))
	resttest.RequireEveryMember(t, showHoliday(filled.Exception), showHoliday(empty.Exception))
	resttest.RequireEveryMember(t, showDetailedHoliday(filled), showDetailedHoliday(empty))
}
