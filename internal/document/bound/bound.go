// Package bound keeps what comes out of a file within limits, whatever the file
// claims about itself: a budget for text, and archives that cannot expand
// without end.
//
// The packages that read formats use it. Its faults are Invalid, with reasons
// that can be shown.
package bound

import "github.com/outcrop/outcrop/internal/fault"

// MaxText is how much text one file may give, in bytes: more than twice the
// largest file, so that only what expands on purpose gets there.
const MaxText = 128 << 20

// Budget counts down from MaxText. The zero value is full. It is for one file
// and one goroutine.
type Budget struct{ used int }

// Take uses n bytes. Fault: Invalid when that is more than there is left.
func (b *Budget) Take(n int) error {
	b.used += n
	if b.used > MaxText || n < 0 {
		return fault.New(fault.Invalid, "The file expands to more than %d MB of text.", MaxText>>20)
	}
	return nil
}
