package machine

import (
	"encoding/binary"
	"syscall"
)

// Memory reads hw.memsize. Package syscall takes every value for a text
// and cuts a last zero off, which is the number's highest byte.
func Memory() int64 {
	text, err := syscall.Sysctl("hw.memsize")
	if err != nil {
		return 0
	}
	var number [8]byte
	copy(number[:], text)
	return int64(binary.LittleEndian.Uint64(number[:]))
}
