package rest

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"healthcare/modules/patients"
	"healthcare/modules/patients/internal/domain"
	"healthcare/platform/auth"
	"healthcare/platform/rest"
	"healthcare/platform/revision"
)

// ListCorrections responds with a page of a patient's corrections.
func (h *handlers) ListCorrections(c *fiber.Ctx, id string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	request, err := rest.PageRequest(c)
	if err != nil {
		return err
	}
	page, err := h.corrections.Browse(c.UserContext(), rest.Principal(c), patient, request)
	if err != nil {
		return err
	}
	return rest.SendPage(c, page, showCorrection)
}

// AskForCorrection adds a correction of a patient.
func (h *handlers) AskForCorrection(c *fiber.Ctx, id string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	input := func(body CorrectionInput) domain.CorrectionInput {
		return domain.CorrectionInput{Field: body.Field, Value: body.Value, Because: body.Because}
	}
	ask := func(ctx context.Context, who auth.Principal, in domain.CorrectionInput) (domain.Correction, error) {
		return h.corrections.Ask(ctx, who, patient, in)
	}
	return rest.Create(c, input, ask, correctionLocation, correctionResource)
}

// ReadCorrection responds with one correction.
func (h *handlers) ReadCorrection(c *fiber.Ctx, id, correction string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	find := func(
		ctx context.Context, who auth.Principal, correction domain.CorrectionID,
	) (domain.Correction, error) {
		return h.corrections.Find(ctx, who, patient, correction)
	}
	return rest.Read(c, correction, domain.ParseCorrectionID, find, correctionResource)
}

// WithdrawCorrection removes a correction that is not decided.
func (h *handlers) WithdrawCorrection(c *fiber.Ctx, id, correction string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	withdraw := func(
		ctx context.Context, who auth.Principal, correction domain.CorrectionID, expected revision.Match,
	) error {
		return h.corrections.Withdraw(ctx, who, patient, correction, expected)
	}
	return rest.Remove(c, correction, domain.ParseCorrectionID, withdraw)
}

// DecideCorrection accepts or declines a correction.
func (h *handlers) DecideCorrection(c *fiber.Ctx, id, correction string) error {
	patient, err := patients.ParseID(id)
	if err != nil {
		return err
	}
	input := func(body CorrectionDecision) domain.Decision {
		return domain.Decision{Decision: body.Decision, Note: rest.OrEmpty(body.Note)}
	}
	decide := func(
		ctx context.Context, who auth.Principal, correction domain.CorrectionID, expected revision.Match,
		in domain.Decision,
	) (domain.Correction, error) {
		decided, err := h.corrections.Decide(ctx, who, patient, correction, expected, in)
		if err == nil {
			c.Location(correctionLocation(decided)) // answers a repeated request
		}
		return decided, err
	}
	return rest.Change(c, correction, domain.ParseCorrectionID, input, decide, correctionResource)
}

func correctionLocation(c domain.Correction) string {
	return "/api/patients/" + c.PatientID.String() + "/corrections/" + c.ID.String() + "/"
}

func correctionResource(c domain.Correction) rest.Resource {
	return rest.Resource{Version: c.Version, Body: showCorrection(c)}
}

func showCorrection(c domain.Correction) Correction {
	return Correction{
		Id: c.ID.String(), Patient: c.PatientID.String(), Field: c.Field, Value: c.Value, Because: c.Because,
		AskedBy: c.AskedBy.String(), AskedAt: rest.At(c.AskedAt), AnswerBy: rest.At(c.AnswerBy()),
		State: string(c.State), Note: c.Note, DecidedBy: rest.NullableID(c.DecidedBy), DecidedAt: endOf(c.DecidedAt),
		Version: c.Version,
	}
}
