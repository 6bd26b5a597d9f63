package native

import "github.com/outcrop/outcrop/internal/inference"

// Binder is a Family whose answers repeat something of the request, or have
// another form when the request says so.
type Binder interface {
	Family
	// Bind returns the family for the answer to one request that it decoded. It
	// keeps req, which must not change while the answer is written.
	Bind(req *inference.Request) Family
}

// Bind returns the family that writes the answer to a request. Who has the
// request calls it before Complete and Stream.
func Bind(f Family, req *inference.Request) Family {
	if b, ok := f.(Binder); ok {
		return b.Bind(req)
	}
	return f
}
