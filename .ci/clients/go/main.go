// Command clients calls a running program through the generated Go client. Its argument is the address.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/oapi-codegen/nullable"
	"github.com/oapi-codegen/runtime/types"

	"healthcare-clients/api"
)

func main() {
	if err := flow(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// response is the method that all generated responses have.
type response interface{ StatusCode() int }

// expect returns an error with the step and the body unless the response has the status.
func expect(err error, status int, what string, answer response, body *[]byte) error {
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	case answer.StatusCode() != status:
		return fmt.Errorf("%s: %d instead of %d: %s", what, answer.StatusCode(), status, *body)
	}
	return nil
}

func flow(ctx context.Context, base string) error {
	access := ""
	authenticate := func(_ context.Context, request *http.Request) error {
		if access != "" {
			request.Header.Set("Authorization", "Bearer "+access)
		}
		return nil
	}
	client, err := api.NewClientWithResponses(base, api.WithRequestEditorFn(authenticate))
	if err != nil {
		return err
	}
	email, password := "go@clinic.example", "correct horse battery"
	account := api.Registration{Name: "Go", Email: email, Password: password}
	registered, err := client.RegisterWithResponse(ctx, nil, account)
	if err := expect(err, http.StatusCreated, "register", registered, &registered.Body); err != nil {
		return err
	}
	tokens, err := client.LoginWithResponse(ctx, nil, api.Credentials{Email: email, Password: password})
	if err := expect(err, http.StatusOK, "log in", tokens, &tokens.Body); err != nil {
		return err
	}
	access = tokens.JSON200.Access

	made, err := client.RegisterPatientWithResponse(ctx, nil, api.PatientInput{
		Name: "Ananya Verma", Gender: api.PatientInputGenderFemale, BirthDate: born(1995),
		MedicalRecordNumber: nullable.NewNullableWithValue("MRN-1042"),
	})
	if err := expect(err, http.StatusCreated, "create", made, &made.Body); err != nil {
		return err
	}
	id, version := made.JSON201.Id.String(), made.HTTPResponse.Header.Get("ETag")
	if err := amend(ctx, client, id, version); err != nil {
		return err
	}
	second := api.PatientInput{Name: "Bela Nair", Gender: api.PatientInputGenderOther, BirthDate: born(1986)}
	other, err := client.RegisterPatientWithResponse(ctx, nil, second)
	if err := expect(err, http.StatusCreated, "create another", other, &other.Body); err != nil {
		return err
	}
	ordering := []api.ListPatientsParamsOrdering{
		api.ListPatientsParamsOrderingName, api.ListPatientsParamsOrderingMinusCreatedAt,
	}
	listed, err := client.ListPatientsWithResponse(ctx, &api.ListPatientsParams{Ordering: &ordering})
	if err := expect(err, http.StatusOK, "list by two columns", listed, &listed.Body); err != nil {
		return err
	}
	if all := *listed.JSON200; len(all) != 2 || all[0].Name != "Ananya Rao" {
		return fmt.Errorf("list by two columns: %s", listed.Body)
	}

	next, err := client.RefreshWithResponse(ctx, nil, api.RefreshInput{Refresh: tokens.JSON200.Refresh})
	if err := expect(err, http.StatusOK, "refresh", next, &next.Body); err != nil {
		return err
	}
	access = next.JSON200.Access
	out, err := client.LogoutWithResponse(ctx)
	if err := expect(err, http.StatusNoContent, "log out", out, &out.Body); err != nil {
		return err
	}
	refused, err := client.ReadMeWithResponse(ctx, nil)
	return expect(err, http.StatusUnauthorized, "read after logging out", refused, &refused.Body)
}

func born(year int) nullable.Nullable[types.Date] {
	return nullable.NewNullableWithValue(types.Date{Time: time.Date(year, time.April, 18, 0, 0, 0, 0, time.UTC)})
}

// amend changes the patient, verifies a conflict, and clears a field.
func amend(ctx context.Context, client *api.ClientWithResponses, id, version string) error {
	name := "Ananya Rao"
	matching := &api.AmendPatientParams{IfMatch: &version}
	amended, err := client.AmendPatientWithResponse(ctx, id, matching, api.PatientChanges{Name: &name})
	if err := expect(err, http.StatusOK, "amend", amended, &amended.Body); err != nil {
		return err
	}
	stale, err := client.AmendPatientWithResponse(ctx, id, matching, api.PatientChanges{Name: &name})
	if err := expect(err, http.StatusPreconditionFailed, "amend an outdated version", stale, &stale.Body); err != nil {
		return err
	}
	if code := stale.ApplicationproblemJSON412.Code; code != "stale_version" {
		return fmt.Errorf("amend an outdated version: the code is %s", code)
	}
	clearing := api.PatientChanges{MedicalRecordNumber: nullable.NewNullNullable[string]()}
	cleared, err := client.AmendPatientWithResponse(ctx, id, nil, clearing)
	if err := expect(err, http.StatusOK, "clear a field", cleared, &cleared.Body); err != nil {
		return err
	}
	if !cleared.JSON200.MedicalRecordNumber.IsNull() {
		return fmt.Errorf("clear a field: %s", cleared.Body)
	}
	return nil
}
