package main

import (
	"context"
	"errors"
	"io"
)

const growthHelp = `Measure the service as its tables grow.`

func (o options) growth(context.Context, io.Writer) error { return errors.New("not yet") }
