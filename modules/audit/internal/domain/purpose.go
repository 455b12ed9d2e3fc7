package domain

// PurposeOfUse returns the purpose of an access (HL7 v3 PurposeOfUse) for which the actor may see the patient on that
// basis, or "" for a basis of a later release. It is derived and never taken from a request, in which a client could
// claim any purpose.
func PurposeOfUse(basis string) string { return purposes[basis] }

var purposes = map[string]string{
	"keep":     "TREAT",
	"care":     "TREAT",
	"self":     "PATRQT", // requested by the patient
	"delegate": "FAMRQT", // requested by the family
}
