package rows

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGrantsOfDoctors(t *testing.T) {
	for patients, granted := range map[int]int{Fewest: 300, 1_203: 300, 200_000: 10_000, 1_000_000: 50_000} {
		plan := Of(patients, 1, "")
		require.Equal(t, granted, plan.Granted())
		owned, seen := 0, map[[2]int]bool{}
		for n := range plan.Patients {
			if plan.owner(n) == Both {
				owned++
			}
		}
		require.Equal(t, granted*2/5, owned)
		for n := range plan.grants() {
			patient, doctor := plan.grant(n)
			require.False(t, seen[[2]int{patient, doctor}], "each patient is granted once")
			seen[[2]int{patient, doctor}] = true
			require.Less(t, patient, plan.Patients)
			require.NotEqual(t, Reader, plan.owner(patient))
			if doctor == plan.linkedDoctor(1) {
				require.NotEqual(t, Both, plan.owner(patient), "the user is not granted their own patients")
			}
		}
		require.Len(t, seen, granted+granted*3/5)
	}
}
