package fetch

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/outcrop/outcrop/internal/fault"
)

// DiskFault wraps an error of the file system: a full disk and a missing
// permission are said as such.
func DiskFault(err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	switch {
	case diskFull(err):
		return fault.Wrap(fault.Unavailable, err, "%s: the disk is full; free some space and try again", what)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(fault.Denied, err, "%s: permission denied", what)
	}
	return fault.Wrap(fault.Internal, err, "%s: %v", what, err)
}
