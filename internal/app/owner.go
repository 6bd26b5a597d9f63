package app

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// socketOwner finds in the kernel's table of TCP connections (proc_net_tcp(5)) the
// user whose process has the end of a connection at an address, and whose other
// end is at the other one. ok is false where there is no such line.
func socketOwner(table io.Reader, at, other netip.AddrPort) (uid int, ok bool) {
	const established = "01"
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		// sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid
		f := strings.Fields(lines.Text())
		if len(f) < 8 || f[3] != established || tableAddress(f[1]) != at || tableAddress(f[2]) != other {
			continue
		}
		uid, err := strconv.Atoi(f[7])
		return uid, err == nil
	}
	return 0, false
}

// tableAddress reads 0100007F:1F90: words of four bytes in the order that the
// machine has them in, and a port.
func tableAddress(s string) netip.AddrPort {
	address, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(address)
	n, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}
	}
	for word := raw; len(word) > 0; word = word[4:] {
		binary.NativeEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	a, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(a.Unmap(), uint16(n))
}
