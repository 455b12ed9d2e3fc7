package modules_test

import (
	"github.com/stretchr/testify/require"
	"testing"
)
