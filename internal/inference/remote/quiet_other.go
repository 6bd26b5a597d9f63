//go:build !unix

package remote

import "net"

// looks: nobody here can tell without waiting, so that plain is not used.
const looks = false

func quiet(net.Conn) bool { return false }
