package calendar

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Open returns the opening hours that begin on the date and allow the appointment type, in UTC and ascending order.
// Windows that overlap or touch are one span. The hours of neighbouring dates may overlap.
func (r Rules) Open(date Date, kind uuid.UUID) []Span {
	p := newPlanner(&r, kind)
	pieces := p.hours(date, nil).pieces
	spans := make([]Span, len(pieces))
	for i, piece := range pieces {
		spans[i] = Span{From: instant(piece.from), To: instant(piece.to)}
	}
	return spans
}

// hours are the opening hours that begin on a date.
type hours struct {
	pieces  []piece // ascending, apart
	holiday bool    // closed by a holiday of the practice
}

// piece is an opening time [from, to) in Unix time. Slots step from base, the beginning of its window, so a closure
// does not move the slots after it.
type piece struct {
	from, to, base int64
}

func (h hours) contain(t int64) bool {
	for _, p := range h.pieces {
		if p.from <= t && t < p.to {
			return true
		}
	}
	return false
}

// planner computes the hours of dates for one type of appointment.
type planner struct {
	rules      *Rules
	clock      clock
	kind       uuid.UUID
	exceptions []Exception // those that affect a date from nearFrom to nearTo
	nearFrom   Date
	nearTo     Date
}

func newPlanner(r *Rules, kind uuid.UUID) planner {
	return planner{rules: r, clock: clock{zone: r.Zone}, kind: kind, nearFrom: 1} // nearFrom > nearTo: none yet
}

// hours returns the hours that begin on the date. It overwrites buffer.
func (p *planner) hours(date Date, buffer []piece) hours {
	exceptions := p.near(date)
	plan := newPlan(exceptions, date)
	h := hours{pieces: buffer[:0], holiday: plan.holiday && !plan.replaced()}
	if plan.closed || h.holiday {
		return h
	}
	if plan.replaced() {
		for _, e := range exceptions {
			if e.Hours && e.covers(date) && e.Practice != plan.ownHours {
				h.pieces = p.add(h.pieces, date, e.part())
			}
		}
	} else {
		for i := range p.rules.Windows {
			if w := &p.rules.Windows[i]; w.opens(date, p.kind) {
				h.pieces = p.add(h.pieces, date, w.Minutes)
			}
		}
	}
	h.pieces = merge(h.pieces)
	if len(h.pieces) > 0 {
		h.pieces = p.close(h.pieces, exceptions, date, plan)
	}
	return h
}

// add appends a part of the date, unless a change of the clock leaves nothing of it.
func (p *planner) add(pieces []piece, date Date, part Minutes) []piece {
	from, to := p.clock.at(date, part.From), p.clock.at(date, part.To)
	if from >= to {
		return pieces
	}
	return append(pieces, piece{from: from, to: to, base: from})
}

// close takes closures off the hours of the date. Hours may last until 24 hours after the date, and a closure may
// pass midnight: the closures of three dates count.
func (p *planner) close(pieces []piece, exceptions []Exception, date Date, plan plan) []piece {
	for _, e := range exceptions {
		if e.Hours || e.To < date-1 || e.From > date+1 || e.Practice && (e.Minutes == nil || plan.replaced()) {
			continue
		}
		part := e.part()
		for day := max(date-1, e.From); day <= min(date+1, e.To); day++ {
			pieces = without(pieces, p.clock.at(day, part.From), p.clock.at(day, part.To))
		}
	}
	return pieces
}

// opens reports whether the window opens on the date for the type.
func (w *Window) opens(date Date, kind uuid.UUID) bool {
	return w.Weekday == date.Weekday() && (w.Type == uuid.Nil || w.Type == kind) &&
		(w.ValidFrom == nil || *w.ValidFrom <= date) && (w.ValidUntil == nil || date <= *w.ValidUntil)
}

const minutesPerDay = 24 * 60

// merge sorts the pieces and unites those that overlap or touch. The base is that of the first.
func merge(pieces []piece) []piece {
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(a.from, b.from) })
	merged := pieces[:0]
	for _, next := range pieces {
		if last := len(merged) - 1; last >= 0 && next.from <= merged[last].to {
			merged[last].to = max(merged[last].to, next.to)
		} else {
			merged = append(merged, next)
		}
	}
	return merged
}

// without takes [from, to) off the pieces.
func without(pieces []piece, from, to int64) []piece {
	for i := len(pieces) - 1; i >= 0 && from < to; i-- { // backwards, because the number of pieces changes
		p := pieces[i]
		if p.to <= from || to <= p.from {
			continue
		}
		before, after := p, p
		before.to, after.from = from, to
		pieces = slices.Delete(pieces, i, i+1)
		if after.from < after.to {
			pieces = slices.Insert(pieces, i, after)
		}
		if before.from < before.to {
			pieces = slices.Insert(pieces, i, before)
		}
	}
	return pieces
}

func instant(unix int64) time.Time { return time.Unix(unix, 0).UTC() }
