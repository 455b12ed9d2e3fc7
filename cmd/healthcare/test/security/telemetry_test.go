package security

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/fx"

	"healthcare/cmd/internal/harness"
	"healthcare/platform/auth"
	"healthcare/platform/database"
	"healthcare/platform/databasetest"
	"healthcare/platform/telemetry"
)

// observedService is the whole program, with its metrics and spans.
type observedService struct {
	*harness.Service
	registry *prometheus.Registry
	spans    *tracetest.SpanRecorder
}

func startObserved(t *testing.T, db database.Config) observedService {
	w := observedService{spans: tracetest.NewSpanRecorder()}
	tracing := telemetry.TracingWith(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(w.spans)))
	w.Service = harness.StartWith(t, db, fx.Options(fx.Replace(tracing), fx.Populate(&w.registry)))
	return w
}

// exerciseAll calls every route, with valid parameters and with private words in its path, query, headers and body.
func (w observedService) exerciseAll(t *testing.T) {
	c := w.NewUserWithRole(t, auth.Admin, "Asha")
	c.Undocumented = true
	known := c.KnownValues()
	other := &harness.Client{T: t, Service: w.Service, Name: "AnotherAsha"}
	known["refresh"] = other.SignInTokens()["refresh"]
	for what, word := range privateValues {
		if known[what] == nil {
			known[what] = word
		}
	}
	known["email"] = privateValues["email"]
	anonymous, word := w.Anonymous(t), privateValues["name"]
	anonymous.Undocumented = true
	for _, r := range w.Routes() {
		body, headers := bodyOrNone(r, known),
			[]string{"User-Agent", privateValues["agent"], "tracestate", "kanari=1", "baggage", "kanari=1"}
		if r.Method != "DELETE" { // the next route needs the record
			c.Do(r.Method, r.PathOf(known), body, headers...)
		}
		c.Do(r.Method, r.PathWith(url.PathEscape(word)), body, headers...)
		c.Do(r.Method, harness.PathWithQuery(r.PathWith(harness.MissingID), "search", word), body, headers...)
		anonymous.Do(r.Method, r.PathWith(harness.MissingID), body, headers...)
	}
	for range 2 {
		c.Do("POST", "/api/patients/", object{"name": word, "age": 1, "gender": "Other"}, "Idempotency-Key",
			"kanari").Expect(201)
	}
	c.Do("GET", "/kanari/"+url.PathEscape(word), nil).Expect(404)
	c.Do("PROPFIND", "/kanari/", nil).Expect(501)
	c.Do("DELETE", "/api/patients/"+known["patient"].(string), nil).Expect(204)
}

// requireNoPrivateValue requires that a metric or span contains no private value.
func requireNoPrivateValue(t *testing.T, text, what string) {
	t.Helper()
	text = strings.ToLower(text)
	require.NotRegexp(t, `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}`, text, "%s: an id", what)
	require.NotContains(t, text, "clinic.example", what)
	require.NotContains(t, text, "kanari", what)
	for _, word := range privateValues {
		for _, form := range encodings(word) {
			require.NotContains(t, text, strings.ToLower(form), what)
		}
	}
}

func TestMetricsAndSpansContainNoPrivateData(t *testing.T) {
	t.Parallel()
	databasetest.EachConfig(t, func(t *testing.T, db database.Config) {
		w := startObserved(t, db)
		w.exerciseAll(t)
		t.Run("metrics count every request without private data", func(t *testing.T) { w.checkMetrics(t) })
		t.Run("spans are nested and contain no private data", func(t *testing.T) { w.checkSpans(t) })
		t.Run("the dashboard queries existing metrics", func(t *testing.T) { w.checkDashboard(t) })
	})
}

var requestsSeries = regexp.MustCompile(
	`(?m)^http_requests_total\{method="(.*?)",route="(.*?)",status="(.*?)"\} (\d+)$`)

func (w observedService) checkMetrics(t *testing.T) {
	counted, logged := map[string]string{}, map[string]int{}
	for line := range strings.Lines(w.Log.String()) {
		var o object
		require.NoError(t, json.Unmarshal([]byte(line), &o))
		if o["msg"] == "request" {
			logged[fmt.Sprint(o["method"], " ", o["route"], " ", o["status"])]++
		}
	}
	text := string(w.Anonymous(t).Do("GET", "/metrics", nil).Expect(200).Body)
	for _, found := range requestsSeries.FindAllStringSubmatch(text, -1) {
		counted[strings.Join(found[1:4], " ")] = found[4]
	}
	require.Greater(t, len(logged), 60)
	expected := map[string]string{}
	for what, times := range logged {
		expected[what] = fmt.Sprint(times)
	}
	require.Equal(t, expected, counted, "the log and the metrics agree")
	requireNoPrivateValue(t, text, "the metrics")
	for _, line := range []string{
		`healthcare_idempotent_requests_total{outcome="first"} 1`,
		`healthcare_idempotent_requests_total{outcome="replayed"} 1`,
		`healthcare_events_published_total{event="patients.Deleted"} 1`,
		`healthcare_event_reactions_failed_total{event="patients.Deleted",subscriber="assignments"} 0`,
		`healthcare_password_hash_refusals_total{reason="queue_full"} 0`,
		`healthcare_password_attempts_refused_total{limit="client_at_account"} 0`,
		`healthcare_audit_failures_total 0`, `http_requests_in_flight 1`,
	} {
		require.Contains(t, text, line+"\n")
	}
	for _, series := range []string{`go_sql_in_use_connections{db_name="`, "healthcare_audit_entries_total ",
		"healthcare_password_attempts_right_total ", "go_goroutines "} {
		require.Regexp(t, `(?m)^`+regexp.QuoteMeta(series)+`.*\d$`, text)
	}
	problems, err := testutil.GatherAndLint(w.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func (w observedService) checkSpans(t *testing.T) {
	byID := map[trace.SpanID]sdktrace.ReadOnlySpan{}
	for _, span := range w.spans.Ended() {
		byID[span.SpanContext().SpanID()] = span
	}
	kinds, useCases := map[string]int{}, map[string]bool{}
	for _, span := range byID {
		requireNoPrivateValue(
			t, fmt.Sprint(span.Name(), span.Attributes(), span.Status(), span.Events(),
				span.SpanContext().TraceState()), span.Name())
		parent := byID[span.Parent().SpanID()]
		if span.SpanKind() == trace.SpanKindServer {
			method, route, routed := strings.Cut(span.Name(), " ")
			require.True(t, !routed || w.Document.Paths.Value(route).GetOperation(method) != nil, span.Name())
			require.Nil(t, parent)
			kinds["request"]++
			continue
		}
		require.NotNil(t, parent, "%s is inside another span", span.Name())
		require.Equal(t, parent.SpanContext().TraceID(), span.SpanContext().TraceID())
		switch {
		case span.SpanKind() == trace.SpanKindInternal:
			kinds["use case"]++
			useCases[span.Name()] = true
		case span.Name() == "transaction":
			kinds["transaction"]++
		default:
			kinds["statement in "+map[bool]string{true: "a transaction",
				false: "a use case or before it"}[parent.Name() == "transaction"]]++
			for _, a := range span.Attributes() {
				require.NotContains(t, constants.Replace(a.Value.AsString()), "'",
					"a statement has placeholders for all values")
			}
		}
	}
	require.Len(t, kinds, 5, "%v", kinds)
	for _, r := range w.Routes() {
		require.Equal(t, r.Allows(auth.Admin) || r.IsPublic(), useCases[r.Operation.OperationID],
			"%s is a use case where it is reached", r.Operation.OperationID)
	}
	t.Logf("%v", kinds)
}

// Keywords and functions of PromQL.
var (
	clauses   = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring|group_left)\s*\([^)]*\)`)
	functions = regexp.MustCompile(`\b[a-z_]+\s*\(`)
	names     = regexp.MustCompile(`[a-zA-Z_][a-zA-Z0-9_]*`)
	matchers  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)\{([^}]*)\}`)
	operators = []string{"and", "or", "unless", "bool"}
)

func (w observedService) checkDashboard(t *testing.T) {
	exported, labels := map[string]bool{}, map[string]map[string]bool{}
	families, err := w.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
			name := family.GetName() + suffix
			exported[name] = suffix == "" || family.GetType().String() == "HISTOGRAM"
			labels[name] = map[string]bool{"le": true, "job": true, "instance": true}
			for _, label := range family.GetMetric()[0].GetLabel() {
				labels[name][label.GetName()] = true
			}
		}
	}
	content, err := os.ReadFile(harness.Root(t, "configs/grafana-dashboard.json"))
	require.NoError(t, err)
	var dashboard any
	require.NoError(t, json.Unmarshal(content, &dashboard))
	asked := map[string]bool{}
	for _, expression := range expressions(dashboard) {
		for _, name := range names.FindAllString(
			functions.ReplaceAllString(clauses.ReplaceAllString(expression, " "), " "), -1) {
			if !slices.Contains(operators, name) {
				require.True(t, exported[name], "%s: %s is not exported", expression, name)
				asked[name] = true
			}
		}
		for _, matched := range matchers.FindAllStringSubmatch(expression, -1) {
			for matcher := range strings.SplitSeq(matched[2], ",") {
				label := names.FindString(matcher)
				require.True(t, labels[matched[1]][label], "%s: %s has no label %s", expression, matched[1], label)
			}
		}
	}
	require.GreaterOrEqual(t, len(asked), 20, "%v", slices.Sorted(maps.Keys(asked)))
}

// expressions returns the queries of a dashboard.
func expressions(tree any) (all []string) {
	switch node := tree.(type) {
	case object:
		for key, value := range node {
			if text, ok := value.(string); ok && key == "expr" {
				all = append(all, text)
				continue
			}
			all = append(all, expressions(value)...)
		}
	case []any:
		for _, value := range node {
			all = append(all, expressions(value)...)
		}
	}
	return all
}
