package audit

import "regexp"

// Action is the kind of event. The set is closed: an entry with another action is rejected.
type Action string

// The actions. Refused is the action of requests that were denied before their action was determined.
const (
	Login           Action = "login"
	LoginFailed     Action = "login_failed"
	Refresh         Action = "refresh"        // a refresh token was exchanged for the next one
	RefreshReused   Action = "refresh_reused" // a refresh token was used a second time, which ended its session
	Logout          Action = "logout"
	PasswordChanged Action = "password_changed"
	RoleChanged     Action = "role_changed"
	Read            Action = "read"
	List            Action = "list"
	Search          Action = "search"
	Create          Action = "create"
	Update          Action = "update"
	Delete          Action = "delete"
	Invited         Action = "invited"     // someone may link an account to the record, or see the patient
	Withdrawn       Action = "withdrawn"   // an invitation or a grant
	Granted         Action = "granted"     // a user may see the patient
	Transferred     Action = "transferred" // another user became the owner of a patient
	Linked          Action = "linked"      // an account, to the record
	Unlinked        Action = "unlinked"
	Refused         Action = "refused"

	EmergencyOpened   Action = "emergency_opened" // a user may see the patient for some time
	EmergencyEnded    Action = "emergency_ended"  // before that time
	EmergencyReviewed Action = "emergency_reviewed"

	TrailRead   Action = "trail_read"
	TrailPruned Action = "trail_pruned" // Entry.Count is the sequence number of the last removed entry
)

// Event holds the codes of an Action in a FHIR R4 AuditEvent.
type Event struct {
	Type    string // AuditEvent.type: "rest" of audit-event-type, or a DICOM code (DCM)
	Subtype string // AuditEvent.subtype: a code of restful-interaction or DCM
	Code    string // AuditEvent.action: C, R, U, D or E
}

// events maps actions to DICOM codes (PS3.16, CID 400 to 403) and to FHIR's REST codes: DCM 110114 User Authentication
// with 110122 Login and 110123 Logout, 110113 Security Alert with 110126 Node Authentication for refusals, 110136
// Security Roles Changed, 110137 User Security Attributes Changed, 110127 and 110138 Emergency Override Started and
// Stopped, and 110101 Audit Log Used.
var events = map[Action]Event{
	Login:           {"110114", "110122", "E"},
	LoginFailed:     {"110114", "110122", "E"},
	Refresh:         {"110114", "110122", "E"},
	RefreshReused:   {"110113", "110126", "E"},
	Logout:          {"110114", "110123", "E"},
	PasswordChanged: {"110113", "110137", "U"},
	RoleChanged:     {"110113", "110136", "U"},
	Read:            {"rest", "read", "R"},
	List:            {"rest", "search-type", "E"},
	Search:          {"rest", "search-type", "E"},
	Create:          {"rest", "create", "C"},
	Update:          {"rest", "update", "U"},
	Delete:          {"rest", "delete", "D"},
	Invited:         {"110113", "110137", "C"},
	Withdrawn:       {"110113", "110137", "D"},
	Granted:         {"110113", "110137", "C"},
	Transferred:     {"rest", "update", "U"},
	Linked:          {"110113", "110136", "C"},
	Unlinked:        {"110113", "110136", "D"},
	Refused:         {"110113", "110126", "E"},

	EmergencyOpened:   {"110113", "110127", "C"},
	EmergencyEnded:    {"110113", "110138", "U"},
	EmergencyReviewed: {"rest", "update", "U"},

	TrailRead:   {"110101", "search-type", "R"},
	TrailPruned: {"110101", "delete", "D"},
}

// Event returns the codes of the action. known is false for an action outside the set.
func (a Action) Event() (event Event, known bool) {
	event, known = events[a]
	return event, known
}

// Resource is the kind of record that an entry is about.
type Resource string

// Patient is the resource of entries about a patient's own record, which name the patient. Modules declare the
// resources of their entries, including Patient, in their contracts (x-audit-resources).
const Patient Resource = "Patient"

var resourceName = regexp.MustCompile(`^[A-Z][A-Za-z]{0,63}$`)

// Valid reports whether r has the form of a resource name: 1 to 64 letters, the first of which is a capital.
func (r Resource) Valid() bool { return resourceName.MatchString(string(r)) }

// Outcome is the result of an action. The zero Outcome is invalid.
type Outcome string

// The outcomes.
const (
	Success Outcome = "success"
	Denied  Outcome = "refused" // because of the caller: not allowed, not theirs, not valid
	Failed  Outcome = "failed"  // because of the service
)

// Code returns AuditEvent.outcome: 0 success, 4 minor failure, 8 serious failure. known is false for an unknown
// outcome.
func (o Outcome) Code() (code string, known bool) {
	switch o {
	case Success:
		return "0", true
	case Denied:
		return "4", true
	case Failed:
		return "8", true
	}
	return "", false
}
