package calendar_test

import (
	"testing"
	"time"

	"healthcare/modules/appointments/internal/domain/calendar"
)

// benchmarkDays computes the slots of doctors with ten windows a week, fifteen exceptions a year and visits of 20
// minutes, of which 18 a day (90 %) are booked if booked.
func benchmarkDays(b *testing.B, doctors, days int, booked bool) {
	location := zone(b, "America/New_York")
	from := date(b, "2026-01-05")
	rules := calendar.Rules{Zone: location, Step: 20, Horizon: 400}
	for weekday := time.Monday; weekday <= time.Friday; weekday++ {
		rules.Windows = append(rules.Windows, calendar.Window{Weekday: weekday, Minutes: hours(9, 12)},
			calendar.Window{Weekday: weekday, Minutes: calendar.Minutes{From: 780, To: 1000}})
	}
	for i := range 15 {
		day := from.AddDays(i * 25)
		rules.Exceptions = append(rules.Exceptions, calendar.Exception{From: day, To: day, Practice: i%2 == 0})
	}
	q := calendar.Query{Now: minuteOf(from, -1440), Length: calendar.Length{Minutes: 20}}
	for i := 0; booked && i < days; i++ {
		for n := range 18 {
			start := calendar.At(location, from.AddDays(i), 540+n*20+n/9*60)
			q.Busy = append(q.Busy, calendar.Busy{From: start, To: start.Add(20 * time.Minute)})
		}
	}
	slots := 0
	b.ReportAllocs()
	for b.Loop() {
		slots = 0
		for range doctors {
			for day := range rules.Days(from, from.AddDays(days-1), q) {
				slots += len(day.Slots)
			}
		}
	}
	b.ReportMetric(float64(slots), "slots")
}

func BenchmarkSlots(b *testing.B) {
	for _, c := range []struct {
		name          string
		doctors, days int
	}{{"50 doctors, a week", 50, 7}, {"one doctor, a month", 1, 31}, {"50 doctors, a year", 50, 365}} {
		b.Run(c.name+", free", func(b *testing.B) { benchmarkDays(b, c.doctors, c.days, false) })
		b.Run(c.name+", 90 % booked", func(b *testing.B) { benchmarkDays(b, c.doctors, c.days, true) })
	}
}

func BenchmarkAt(b *testing.B) {
	location, d := zone(b, "America/New_York"), date(b, "2026-06-01")
	for b.Loop() {
		calendar.At(location, d, 540)
	}
}
