package mistraltext

import (
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/textform"
)

var form = textform.Form{List: "outputs"}

// Complete implements native.Family.
func (Family) Complete(_ native.Model, a *inference.Answer) ([]byte, error) { return form.Complete(a) }

// Stream implements native.Family.
func (Family) Stream(m native.Model, write func([]byte) error) native.Stream {
	return form.Stream(m, write)
}
