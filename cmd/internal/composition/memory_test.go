package composition

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoryLimitIsTheLeastOfTheControlGroups(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"a container, version 2": {
			map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n"},
			256 << 20,
		},
		"a service within a slice": {map[string]string{
			"proc/self/cgroup":                                         "0::/system.slice/healthcare.service\n",
			"sys/fs/cgroup/system.slice/memory.max":                    "1000000\n",
			"sys/fs/cgroup/system.slice/healthcare.service/memory.max": "max\n",
		}, 1_000_000},
		"version 1, whose group a container cannot see": {map[string]string{
			"proc/self/cgroup":                           "5:cpu,cpuacct:/docker/1\n4:memory:/docker/1\n0::/init\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "500000\n",
		}, 500_000},
		"version 1 without a limit": {map[string]string{
			"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 0},
		"no limit":  {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 0},
		"no groups": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for file, text := range test.files {
				require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(file)), 0o700))
				require.NoError(t, os.WriteFile(filepath.Join(root, file), []byte(text), 0o600))
			}
			limit, limited := memoryLimit(root)
			require.Equal(t, test.want > 0, limited)
			if limited {
				require.Equal(t, test.want, limit)
			}
		})
	}
}

func TestMemoryIsReturnedOnceAfterWork(t *testing.T) {
	t.Parallel()
	idle, total := idleness{seen: 100, returned: 100}, uint64(100)
	for step, test := range []struct {
		allocated uint64
		want      bool
	}{
		{1 << 20, false},  // idle, but nothing to return
		{19 << 20, false}, // a sign-in
		{2<<20 + 1, false},
		{2 << 20, true},
		{2 << 20, false}, // returned already
		{2 << 20, false},
		{2 << 20, false},
		{2 << 20, true}, // little work adds up
	} {
		total += test.allocated
		require.Equal(t, test.want, idle.after(total), "step %d", step)
	}
}
