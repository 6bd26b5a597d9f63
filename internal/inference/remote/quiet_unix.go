//go:build unix

package remote

import (
	"errors"
	"net"
	"syscall"
)

// looks says that quiet can tell.
const looks = true

// quiet reports whether a connection that nobody waits at is open, and nothing has
// come over it. It waits for nothing.
func quiet(c net.Conn) bool {
	s, ok := c.(syscall.Conn)
	if !ok {
		return true // of a test
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	nothing := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		// The connections of package net do not block.
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		nothing = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && nothing
}
