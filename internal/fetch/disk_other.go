//go:build !windows

package fetch

import (
	"errors"
	"syscall"
)

// diskFull reports whether a write failed for lack of space, a quota included.
func diskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
