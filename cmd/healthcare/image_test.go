package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// The oldest builder that is supported is buildah 1.28, which Debian 12 has. Neither it nor a registry is at hand here,
// so the Dockerfile is read.
func TestTheImage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../Dockerfile")
	require.NoError(t, err)
	t.Run("asks for its health with flags that buildah 1.28 knows", func(t *testing.T) {
		check := regexp.MustCompile(`(?m)^HEALTHCHECK (.*) CMD `).FindSubmatch(text)
		require.NotNil(t, check)
		for _, flag := range regexp.MustCompile(`--([a-z-]+)=`).FindAllSubmatch(check[1], -1) {
			require.Contains(t, []string{"interval", "timeout", "start-period", "retries"}, string(flag[1]))
		}
	})
	t.Run("names its source, version and revision", func(t *testing.T) {
		for label, arg := range map[string]string{"source": "SOURCE", "version": "VERSION", "revision": "REVISION"} {
			require.Contains(t, string(text), "org.opencontainers.image."+label+`="$`+arg+`"`)
			require.Regexp(t, `(?s)\nFROM scratch\n.*\nARG `+arg+`=`, string(text), "an argument ends with its stage")
		}
	})
}
