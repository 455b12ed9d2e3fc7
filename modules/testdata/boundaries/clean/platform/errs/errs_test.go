package errs_test

import (
	"github.com/stretchr/testify/require"
)
