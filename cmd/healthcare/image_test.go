package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestImage reads the Dockerfile, because tests have no builder. The oldest supported one is buildah 1.28 (Debian 12).
func TestImage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../Dockerfile")
	require.NoError(t, err)
	t.Run("checks its health with flags that buildah 1.28 supports", func(t *testing.T) {
		check := regexp.MustCompile(`(?m)^HEALTHCHECK (.*) CMD `).FindSubmatch(text)
		require.NotNil(t, check)
		for _, flag := range regexp.MustCompile(`--([a-z-]+)=`).FindAllSubmatch(check[1], -1) {
			require.Contains(t, []string{"interval", "timeout", "start-period", "retries"}, string(flag[1]))
		}
	})
	t.Run("names its source, version and revision", func(t *testing.T) {
		for label, arg := range map[string]string{"source": "SOURCE", "version": "VERSION", "revision": "REVISION"} {
			require.Contains(t, string(text), "org.opencontainers.image."+label+`="$`+arg+`"`)
			require.Regexp(t, `(?s)\nFROM scratch\n.*\nARG `+arg+`=`, string(text), "declared in the last stage")
		}
	})
}
