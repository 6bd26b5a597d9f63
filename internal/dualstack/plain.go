package dualstack

import (
	"io"
	"time"
)

// tlsOnly is what a client is told that speaks plain HTTP where TLS is required,
// as net/http tells it.
const tlsOnly = "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nThis address is for TLS alone: use https.\n"

// What a refused client has sent is read for so long, and so much of it: the
// connection of one that is not heard out is reset, and the answer lost.
const (
	refusalTime = time.Second
	refusalSize = 64 << 10
)

// refuse answers a plain connection that is not wanted.
func refuse(conn *peeked) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(refusalTime)) // a client that is gone is not told
	if _, err := io.WriteString(conn, tlsOnly); err != nil {
		return
	}
	if conn.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, conn, refusalSize) // until the client hangs up
	}
}
