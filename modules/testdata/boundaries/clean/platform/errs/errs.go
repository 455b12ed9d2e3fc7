package errs

import (
	"errors"
	"fmt"
)
