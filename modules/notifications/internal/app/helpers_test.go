package app_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"healthcare/modules/appointments"
	"healthcare/modules/identity"
	"healthcare/modules/notifications"
	"healthcare/modules/notifications/internal/adapters/hooks"
	"healthcare/modules/notifications/internal/adapters/links"
	"healthcare/modules/notifications/internal/adapters/mailer"
	"healthcare/modules/notifications/internal/adapters/store"
	"healthcare/modules/notifications/internal/app"
	"healthcare/modules/notifications/internal/domain"
	"healthcare/modules/notifications/internal/ports"
	"healthcare/modules/patients"
	"healthcare/platform/audittest"
	"healthcare/platform/clock"
	"healthcare/platform/database"
	"healthcare/platform/events"
	"healthcare/platform/keyring"
	"healthcare/platform/mail"
	"healthcare/platform/paging"
	"healthcare/platform/recordid"
	"healthcare/platform/revision"
)

// now is in winter, at 10:00 of Berlin.
var now = time.Date(2026, time.November, 30, 9, 0, 0, 0, time.UTC)

const (
	publicURL = "https://clinic.example"
	zone      = "Europe/Berlin"
)

// env is a Courier with the real store, and fakes of the other modules and of the mail server.
type env struct {
	*app.Courier
	*others
	db             *database.DB
	clock          *clock.Manual
	outbox         ports.Outbox
	preferences    *app.Preferences
	administration *app.Administration
	events         events.Publisher
	mail           *mailbox

	webhooks  *app.Webhooks
	receivers ports.Receivers
	trail     *audittest.Recorder
	reports   *reporter
}

func newEnv(t testing.TB, db *database.DB, change ...func(*notifications.Config)) env {
	return newEnvWith(t, db, keysOf(t, firstSecret), change...)
}

const (
	firstSecret  = "a secret of at least thirty-two bytes"
	secondSecret = "another secret of at least 32 bytes!"
)

func keysOf(t testing.TB, newest string, previous ...string) keyring.Ring {
	var others [][]byte
	for _, secret := range previous {
		others = append(others, []byte(secret))
	}
	keys, err := keyring.New([]byte(newest), others...)
	require.NoError(t, err)
	return keys
}

// newEnvWith is newEnv with the operator's keys.
func newEnvWith(
	t testing.TB, db *database.DB, keys keyring.Ring, change ...func(*notifications.Config),
) env {
	cfg := notifications.Config{
		PublicURL: publicURL, PracticeName: "Example Clinic", Language: "en", QuietHours: "21:00-08:00",
		Detail: notifications.NoDetail,
	}
	for _, f := range change {
		f(&cfg)
	}
	h := env{
		db: db, clock: clock.At(now), outbox: store.New(db), mail: &mailbox{sent: map[uuid.UUID]int{}},
		trail: new(audittest.Recorder), reports: new(reporter),
		others: &others{
			visits: map[appointments.ID]appointments.Appointment{}, contacts: map[patients.ID]patients.Contact{},
			accounts: map[identity.UserID]identity.Contact{},
		},
	}
	chosen, addresses := store.NewPreferences(db), links.New(cfg, keys)
	composer, err := app.NewComposer(chosen, h.others, h.others, h.others, addresses, cfg, time.UTC)
	require.NoError(t, err)
	newMailer := func() (ports.Mailer, error) { return h.mail, nil }
	sender, err := hooks.New(cfg, keys, h.clock)
	require.NoError(t, err)
	h.receivers = store.NewReceivers(db, h.clock)
	trail := audittest.Transactional(t, db, h.trail)
	h.webhooks = app.NewWebhooks(h.receivers, h.outbox, sender, h.others, trail, db, h.clock, h.reports)
	h.Courier = app.NewCourier(h.outbox, composer, newMailer, h.webhooks, h.clock, h.reports, cfg)
	_, texts, err := mailer.New(mail.Config{}, cfg, h.clock, zap.NewNop())
	require.NoError(t, err)
	h.preferences = app.NewPreferences(chosen, addresses, texts, cfg, h.clock)
	h.administration = app.NewAdministration(h.outbox, trail, db, h.clock)
	h.events = events.New(
		app.WhenAppointmentChanged(h.outbox, h.receivers, h.clock), app.WhenTokenWanted(h.outbox, h.clock),
		app.WhenPasswordChanged(h.outbox, h.clock), app.WhenSignedInFromNewNetwork(h.outbox, h.clock),
		app.WhenDoctorLinked(h.outbox, h.receivers, h.clock), app.WhenClaimed(h.outbox, h.receivers, h.clock),
		app.WhenPatientDeleted(h.outbox, chosen), app.WhenAccountRemoved(h.outbox, chosen),
	)
	return h
}

// others are the other modules.
type others struct {
	visits   map[appointments.ID]appointments.Appointment
	contacts map[patients.ID]patients.Contact
	accounts map[identity.UserID]identity.Contact
	failure  error

	administrators []identity.UserID
}

func (o *others) Find(_ context.Context, id appointments.ID) (appointments.Appointment, error) {
	if found, ok := o.visits[id]; ok || o.failure != nil {
		return found, o.failure
	}
	return appointments.Appointment{}, appointments.ErrNotFound
}

func (o *others) FindContact(_ context.Context, id patients.ID) (patients.Contact, error) {
	if found, ok := o.contacts[id]; ok || o.failure != nil {
		return found, o.failure
	}
	return patients.Contact{}, patients.ErrNotFound
}

func (o *others) FindContacts(
	_ context.Context, users []identity.UserID,
) (map[identity.UserID]identity.Contact, error) {
	found := map[identity.UserID]identity.Contact{}
	for _, user := range users {
		if contact, ok := o.accounts[user]; ok {
			found[user] = contact
		}
	}
	return found, o.failure
}

func (o *others) FindToken(_ context.Context, wanted identity.TokenWanted) (identity.MailToken, error) {
	if wanted.Generation != 7 {
		return identity.MailToken{}, identity.ErrTokenNotWanted
	}
	return identity.MailToken{Secret: "a-token", ExpiresAt: wanted.ExpiresAt}, o.failure
}

func (o *others) Administrators(context.Context, int) ([]identity.UserID, error) {
	return o.administrators, nil
}

// patient adds a patient with an address and no account.
func (o *others) patient(address string) patients.ID {
	id := recordid.New[patients.ID]()
	o.contacts[id] = patients.Contact{Email: address, Keeper: o.account("keeper@clinic.example").UUID}
	return id
}

// account adds an account.
func (o *others) account(address string) identity.UserID {
	id := recordid.New[identity.UserID]()
	o.accounts[id] = identity.Contact{Email: address, Active: true, Verified: true}
	return id
}

// changed returns the event of a change of an appointment, which the directory then has. It begins after a time.
func (h env) changed(of patients.ID, after time.Duration, change appointments.Change) appointments.Changed {
	statuses := map[appointments.Change]appointments.Status{
		appointments.WasBooked: appointments.Booked, appointments.WasRequested: appointments.Pending,
		appointments.WasHeld: appointments.Held,
	}
	visit := appointments.Appointment{
		ID: recordid.New[appointments.ID](), Version: 1, Status: statuses[change], Patient: of.UUID,
		StartsAt: h.clock.Now().Add(after), TimeZone: zone,
	}
	h.visits[visit.ID] = visit
	return appointments.Changed{Appointment: visit, Change: change}
}

// publish publishes an event in a transaction.
func (h env) publish(t testing.TB, event any) {
	t.Helper()
	require.NoError(t, h.db.Do(t.Context(), func(ctx context.Context) error { return h.events.Publish(ctx, event) }))
}

// drained sends what is due and returns the messages since the last call.
func (h env) drained(t testing.TB) []domain.Message {
	t.Helper()
	require.NoError(t, h.Drain(t.Context()))
	return h.mail.take()
}

// states returns the number of deliveries in each state.
func (h env) states(t testing.TB) map[notifications.State]int {
	t.Helper()
	counts := map[notifications.State]int{}
	for _, d := range h.all(t) {
		counts[d.State]++
	}
	return counts
}

func (h env) all(t testing.TB) []domain.Delivery {
	t.Helper()
	order := []paging.Order{{Column: "created_at"}, {Column: "id"}}
	page, err := h.outbox.List(t.Context(), domain.Filter{}, paging.Request{Limit: 500, Order: order})
	require.NoError(t, err)
	return page.Items
}

// mailbox is a mail server.
type mailbox struct {
	mu      sync.Mutex
	sent    map[uuid.UUID]int
	taken   []domain.Message
	failure func(domain.Message) error // nil: none
	attempt context.Context            //nolint:containedctx // of the last Send
}

func (m *mailbox) Send(ctx context.Context, message domain.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.attempt = ctx
	if m.failure != nil {
		if err := m.failure(message); err != nil {
			return err
		}
	}
	m.sent[message.ID]++
	m.taken = append(m.taken, message)
	return nil
}

func (*mailbox) Close() {}

func (m *mailbox) take() []domain.Message {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := m.taken
	m.taken = nil
	return taken
}

// fail makes the server reject every message.
func (m *mailbox) fail(scope domain.Scope, code string) {
	m.failure = func(domain.Message) error { return &domain.Failure{Scope: scope, Code: code} }
}

// reporter has all that was reported, as text.
type reporter struct {
	mu    sync.Mutex
	lines []string
}

func (r *reporter) add(values ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf("%+v", values))
}

// text returns the reports as one text.
func (r *reporter) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

func (r *reporter) Failed(work string, err error)                                { r.add(work, err) }
func (r *reporter) Paused(c notifications.Channel, code string, d time.Duration) { r.add(c, code, d) }
func (r *reporter) GaveUp(d domain.Delivery)                                     { r.add("gave up", d) }
func (r *reporter) EndpointFailed(id notifications.EndpointID, code string)      { r.add("fails", id, code) }
func (r *reporter) EndpointDisabled(id notifications.EndpointID, o domain.Reason) {
	r.add("disabled", id, o)
}

// anyVersion is a change without If-Match.
var anyVersion revision.Match

// resending selects all dead deliveries of a channel.
func resending(channel notifications.Channel) domain.Resending {
	return domain.Resending{Channel: channel, Since: "2026-01-01T00:00:00Z"}
}
