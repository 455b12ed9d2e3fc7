package errs

import (
	"fmt"
	"github.com/google/uuid"
)
