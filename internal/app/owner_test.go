package app

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/outcrop/outcrop/internal/config"
)

// inTable writes an address as the kernel does.
func inTable(a netip.AddrPort, wide bool) string {
	raw := a.Addr().AsSlice()
	if wide {
		w := a.Addr().As16()
		raw = w[:]
	}
	var b strings.Builder
	for ; len(raw) > 0; raw = raw[4:] {
		fmt.Fprintf(&b, "%08X", binary.NativeEndian.Uint32(raw))
	}
	return fmt.Sprintf("%s:%04X", b.String(), a.Port())
}

func TestSocketOwner(t *testing.T) {
	t.Parallel()
	client, server := netip.MustParseAddrPort("127.0.0.1:40000"), netip.MustParseAddrPort("127.0.0.1:8484")
	six, sixServer := netip.MustParseAddrPort("[::1]:40000"), netip.MustParseAddrPort("[::1]:8484")
	const rest = " 00000000:00000000 00:00000000 00000000 "
	line := func(at, other netip.AddrPort, wide bool, state, uid string) string {
		return "   7: " + inTable(at, wide) + " " + inTable(other, wide) + " " + state + rest + uid + "        0 12345 1 0000000000000000 20 4 30 10 -1\n"
	}
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	for name, tt := range map[string]struct {
		table     string
		at, other netip.AddrPort
		uid       int
		ok        bool
	}{
		"the client's end":         {head + line(server, client, false, "01", "1") + line(client, server, false, "01", "33"), client, server, 33, true},
		"over IPv6":                {head + line(six, sixServer, true, "01", "33"), six, sixServer, 33, true},
		"IPv4 on an IPv6 socket":   {head + line(client, server, true, "01", "1000"), client, server, 1000, true},
		"one that is over":         {head + line(client, server, false, "06", "33"), client, server, 0, false},
		"another connection":       {head + line(netip.MustParseAddrPort("127.0.0.1:40001"), server, false, "01", "33"), client, server, 0, false},
		"nothing":                  {"", client, server, 0, false},
		"what cannot be read":      {head + "1: 0100:1 zz:zz 01" + rest + "33\n", client, server, 0, false},
		"a user that is no number": {head + line(client, server, false, "01", "x"), client, server, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if uid, ok := socketOwner(strings.NewReader(tt.table), tt.at, tt.other); uid != tt.uid || ok != tt.ok {
				t.Errorf("got %d, %t, want %d, %t", uid, ok, tt.uid, tt.ok)
			}
		})
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 && tableAddress("0100007F:1F90") != netip.MustParseAddrPort("127.0.0.1:8080") {
		t.Errorf("got %v", tableAddress("0100007F:1F90"))
	}
}

// The kernel knows that this test is this user.
func TestOwnConnectionsAreNoStrangers(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	from, to := netip.MustParseAddrPort(c.LocalAddr().String()), netip.MustParseAddrPort(c.RemoteAddr().String())
	if stranger(from, to) {
		t.Error("this test is a stranger")
	}
	if runtime.GOOS != "linux" {
		return
	}
	table, err := os.Open("/proc/self/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	if uid, ok := socketOwner(table, from, to); !ok || uid != os.Getuid() {
		t.Errorf("got the user %d, %t, want %d", uid, ok, os.Getuid())
	}
}

// nginx passes requests on with the name of the server behind it, without a header
// that tells of anybody else, and in HTTP/1.0 unless it is told otherwise.
func TestPlainProxiesAreNotLocal(t *testing.T) {
	t.Parallel()
	a := newScriptedApp(t, "rules: [{answer: x}]", func(cfg *config.Config) { cfg.Auth = config.Off })
	start(t, a)
	for version, want := range map[string]int{"1.0": http.StatusForbidden, "1.1": http.StatusOK} {
		c, err := net.Dial("tcp", a.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(c, "GET %scalls HTTP/%s\r\nHost: %s\r\nConnection: close\r\n\r\n", scriptPath, version, a.Addr()); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		c.Close()
		if response.StatusCode != want {
			t.Errorf("HTTP/%s: got %d %s, want %d", version, response.StatusCode, body, want)
		}
	}
}
