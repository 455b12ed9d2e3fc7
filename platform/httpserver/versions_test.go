package httpserver

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// floors are the oldest versions without a known vulnerability that scanners do not report (X1, R-60).
var floors = map[string]string{
	"github.com/valyala/fasthttp":  "v1.77.0",
	"github.com/gofiber/fiber/v2":  "v2.52.15",
	"github.com/golang-jwt/jwt/v5": "v5.3.1",
	"github.com/jackc/pgx/v5":      "v5.12.0",
	"golang.org/x/crypto":          "v0.58.0",
}

func TestX01_VersionFloors(t *testing.T) {
	file, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	required := map[string]string{}
	for line := range strings.Lines(string(file)) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		require.NotContains(t, fields, "replace", "what is built would not be what is required")
		if len(fields) >= 2 && strings.HasPrefix(fields[1], "v") {
			required[fields[0]] = fields[1]
		}
	}
	for module, floor := range floors {
		t.Run(module+" is not older than "+floor, func(t *testing.T) {
			require.Contains(t, required, module)
			require.GreaterOrEqual(t, compareVersions(required[module], floor), 0, required[module])
		})
	}
	t.Run("versions compare as numbers", func(t *testing.T) {
		require.Negative(t, compareVersions("v1.9.0", "v1.51.0"))
		require.Negative(t, compareVersions("v1.77.0-rc.1", "v1.77.0"))
		require.Positive(t, compareVersions("v2.0.0", "v1.77.0"))
		require.Zero(t, compareVersions("v1.77.0", "v1.77.0"))
	})
}

// compareVersions orders v1.2.3 and pre-releases such as v1.2.3-0.2026…, which come before v1.2.3.
func compareVersions(a, b string) int {
	numbers := func(version string) (parts []int, release int) {
		core, pre, _ := strings.Cut(strings.TrimPrefix(version, "v"), "-")
		for part := range strings.SplitSeq(core, ".") {
			n, _ := strconv.Atoi(part)
			parts = append(parts, n)
		}
		if pre == "" {
			release = 1
		}
		return parts, release
	}
	partsA, releaseA := numbers(a)
	partsB, releaseB := numbers(b)
	return cmp.Or(slices.Compare(partsA, partsB), cmp.Compare(releaseA, releaseB))
}
