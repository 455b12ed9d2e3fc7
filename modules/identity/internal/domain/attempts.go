package domain

import (
	"cmp"
	"errors"
	"net/netip"
	"time"

	"healthcare/modules/identity"
	"healthcare/platform/errs"
)

// ErrTooManyAttempts rejects an attempt to sign in. It does not reveal whether the account exists.
var ErrTooManyAttempts = errs.New(errs.Throttled, "too_many_attempts", "Too many attempts to sign in. Try again later.")

// Attempt is an attempt to prove a password.
type Attempt struct {
	Mailbox  string          // of the account (see Mailbox), which need not exist
	User     identity.UserID // of the account; zero if it does not exist
	Client   netip.Addr      // the zero Addr is the one unknown client
	SignedIn bool            // by the holder of a live session of the account
}

// Prefix returns the network that counts as one client: the user of one of its addresses has most likely all of them.
func (a Attempt) Prefix() string {
	return cmp.Or(Network(a.Client), "unknown")
}

// WidePrefix returns the larger network that one client may have, see WideNetwork; "" if there is no such network.
func (a Attempt) WidePrefix() string { return WideNetwork(a.Client) }

// Scope is a dimension in which attempts are counted.
type Scope int

// The scopes of an attempt.
const (
	Account    Scope = iota // one account, from everywhere
	Client                  // one client prefix, at all accounts
	WideClient              // one wide client prefix, at all accounts
	Pair                    // one account from one client prefix
)

// Tally has the counts of one scope. An attempt counts as failed until it has succeeded.
type Tally struct {
	Failures    int       // since the last success
	FirstAt     time.Time // the first of them
	LastAt      time.Time // the last of them
	SucceededAt time.Time // the last success, for pairs only
}

// Tallies are the tallies of one attempt, by scope.
type Tallies [4]Tally

// Known reports whether the client signed in to the account recently.
func (t Tallies) Known(now time.Time) bool { return !t.remembered(now)[Pair].SucceededAt.IsZero() }

// How long attempts count, and the waits that they cause.
const (
	failuresLast  = 24 * time.Hour      // an account's and a pair's, since the last one
	clientWindow  = 10 * time.Minute    // a client's, since the first one
	KnownLasts    = 30 * 24 * time.Hour // a pair's success
	longestWait   = 900 * time.Second   // of a pair
	shortestRetry = time.Second         // Retry-After has no smaller unit (RFC 9110, section 10.2.3)

	// clockSkew is the maximum difference between the clocks of two instances. A time further ahead was recorded before
	// the clock went back.
	clockSkew = 30 * time.Second
)

// isAhead reports whether a recorded time is one from before the clock went back. A wait since then might be as long as
// the clock was wrong.
func isAhead(recorded, now time.Time) bool { return recorded.After(now.Add(clockSkew)) }

// AttemptLimits are the numbers of failures without a wait.
type AttemptLimits struct {
	FreeAttempts    int // of a pair, before it has to wait between attempts
	AccountFailures int // of an account, before only known clients may try it
	ClientFailures  int // of a client in 10 minutes, over all accounts
}

// Admit returns nil if an attempt may be made now. The holder of a live session is not limited by failures of others
// in the same network. Errors: ErrTooManyAttempts, with the longest of the waits that remain, at least 1 s.
func (l AttemptLimits) Admit(t Tallies, signedIn bool, now time.Time) error {
	t = t.remembered(now)
	waits := [len(t)]time.Time{Account: l.accountFree(t), Pair: l.pairFree(t[Pair])}
	if !signedIn && t[Pair].SucceededAt.IsZero() {
		waits[Client], waits[WideClient] = l.clientFree(t[Client]), l.clientFree(t[WideClient])
	}
	free, by := now, blockedBy(Account)
	for scope, at := range waits {
		if at.After(free) {
			free, by = at, blockedBy(scope)
		}
	}
	if free.Equal(now) {
		return nil
	}
	refused := *ErrTooManyAttempts.Because(by)
	refused.RetryAfter = max(shortestRetry, free.Sub(now))
	return &refused
}

// blockedBy is the cause of ErrTooManyAttempts: the scope with the longest wait.
type blockedBy Scope

func (blockedBy) Error() string { return "a limit of attempts is reached" }

// BlockedBy returns the scope that caused an error of Admit.
func BlockedBy(err error) (Scope, bool) {
	by, blocked := errors.AsType[blockedBy](err)
	return Scope(by), blocked
}

// accountFree returns when the account may be tried. Failures of others do not limit a client that signed in recently.
func (l AttemptLimits) accountFree(t Tallies) time.Time {
	if t[Account].Failures < l.AccountFailures || !t[Pair].SucceededAt.IsZero() {
		return time.Time{}
	}
	return t[Account].LastAt.Add(failuresLast)
}

func (l AttemptLimits) clientFree(client Tally) time.Time {
	if client.Failures < l.ClientFailures {
		return time.Time{}
	}
	return client.FirstAt.Add(clientWindow)
}

func (l AttemptLimits) pairFree(pair Tally) time.Time {
	if pair.Failures < l.FreeAttempts {
		return time.Time{}
	}
	wait := time.Second
	for range pair.Failures - l.FreeAttempts {
		if wait *= 2; wait >= longestWait {
			wait = longestWait
			break
		}
	}
	return pair.LastAt.Add(wait)
}

// Count counts one more attempt in every scope.
func (t *Tallies) Count(now time.Time) {
	*t = t.remembered(now)
	for scope := range t {
		if t[scope].Failures++; t[scope].Failures == 1 {
			t[scope].FirstAt = now
		}
		t[scope].LastAt = now
	}
}

// Succeed records that a counted attempt succeeded: the account and the pair start afresh. The client, which may have
// failed at other accounts, gets back this attempt only. Other pairs keep their waits.
func (t *Tallies) Succeed(now time.Time) {
	*t = t.remembered(now)
	t[Account], t[Pair] = Tally{}, Tally{SucceededAt: now}
	for _, scope := range []Scope{Client, WideClient} {
		if t[scope].Failures--; t[scope].Failures <= 0 {
			t[scope] = Tally{}
		}
	}
}

// Ends returns when the scope's tally no longer counts; the zero time is long ago.
func (t Tallies) Ends(scope Scope) time.Time {
	failures, known := t[scope].ends(scope)
	if known.After(failures) {
		return known
	}
	return failures
}

// remembered returns the part of the tally that still counts. After the clock went back, a client's window starts
// afresh; an account and a pair keep their failures, but the next attempt does not wait for the last one.
func (t Tallies) remembered(now time.Time) Tallies {
	for scope := range t {
		failures, known := t[scope].ends(Scope(scope))
		window := Scope(scope) == Client || Scope(scope) == WideClient
		switch {
		case !now.Before(failures), window && isAhead(t[scope].FirstAt, now):
			t[scope] = Tally{SucceededAt: t[scope].SucceededAt}
		case isAhead(t[scope].LastAt, now):
			t[scope].LastAt = time.Time{}
		}
		if !now.Before(known) {
			t[scope].SucceededAt = time.Time{}
		}
	}
	return t
}

// ends returns when the failures and the success no longer count.
func (t Tally) ends(scope Scope) (failures, known time.Time) {
	switch {
	case t.Failures <= 0: // nothing to forget
	case scope == Client, scope == WideClient:
		failures = t.FirstAt.Add(clientWindow)
	default:
		failures = t.LastAt.Add(failuresLast)
	}
	if !t.SucceededAt.IsZero() {
		known = t.SucceededAt.Add(KnownLasts)
	}
	return failures, known
}
