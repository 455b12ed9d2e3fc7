package reference

import (
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
)

// shownAssignment is an assignment with its details, as in the responses of the service.
type shownAssignment struct {
	ID         uuid.UUID    `json:"id"`
	Patient    uuid.UUID    `json:"patient"`
	Doctor     uuid.UUID    `json:"doctor"`
	AssignedAt instant      `json:"assigned_at"`
	Access     string       `json:"access"`
	OfPatient  shownPatient `json:"patient_details"`
	OfDoctor   shownDoctor  `json:"doctor_details"`
}

type shownPatient struct {
	ID     uuid.UUID `json:"id"`
	Name   string    `json:"name"`
	Age    int       `json:"age"`
	Gender string    `json:"gender"`
}

type shownDoctor struct {
	ID             uuid.UUID `json:"id"`
	Name           string    `json:"name"`
	Specialization string    `json:"specialization"`
	Experience     int       `json:"experience"`
}

// assigned responds with a page of assignments. Like the service, it uses three statements.
func (s *server) assigned(c *fiber.Ctx) error {
	owner, err := s.caller(c)
	if err != nil {
		return err
	}
	limit := c.QueryInt("limit", 100)
	all, err := s.store.assignments(c.UserContext(), owner, limit+1)
	if err != nil {
		return err
	}
	all = all[:min(limit, len(all))]
	patients, doctors := map[uuid.UUID]patient{}, map[uuid.UUID]doctor{}
	for _, a := range all {
		patients[a.PatientID], doctors[a.DoctorID] = patient{}, doctor{}
	}
	foundPatients, err := s.store.patients(c.UserContext(), owner, keys(patients))
	if err != nil {
		return err
	}
	for _, p := range foundPatients {
		patients[p.ID] = p
	}
	foundDoctors, err := s.store.doctors(c.UserContext(), keys(doctors))
	if err != nil {
		return err
	}
	for _, d := range foundDoctors {
		doctors[d.ID] = d
	}
	shown := make([]shownAssignment, len(all))
	for i, a := range all {
		p, d := patients[a.PatientID], doctors[a.DoctorID]
		shown[i] = shownAssignment{
			a.ID,
			a.PatientID,
			a.DoctorID,
			a.AssignedAt,
			a.Access,
			shownPatient{p.ID, p.Name, p.age(), p.Gender},
			shownDoctor{d.ID, d.Name, d.Specialization, d.Experience},
		}
	}
	return c.JSON(shown)
}

func keys[V any](of map[uuid.UUID]V) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(of))
	for id := range of {
		ids = append(ids, id)
	}
	return ids
}
