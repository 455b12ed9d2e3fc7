package progress_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"healthcare/platform/progress"
)

func TestLineEveryTenSecondsWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		line := progress.New(&out)
		for done := range int64(25) {
			line.Show("copied", done, 25)
			time.Sleep(time.Second)
		}
		line.End()
		require.Equal(t, "copied 10 of 25\ncopied 20 of 25\n", out.String())
	})
}
