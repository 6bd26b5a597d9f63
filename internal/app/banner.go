package app

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/outcrop/outcrop/internal/config"
)

// Banner tells a person where the server is, how to reach it, and which models
// really answer: every stand-in is named.
func (a *App) Banner(w io.Writer) {
	cfg := a.p.Config
	var b strings.Builder
	fmt.Fprintf(&b, "Outcrop %s: the Amazon Bedrock API on http://%s (https on the same port)\n", a.p.Version, a.Addr())
	for i, l := range cfg.Listeners {
		fmt.Fprintf(&b, "  also on %s\n", a.describe(l, a.ports[i+1]))
	}
	fmt.Fprintf(&b, "  account %s, data in %s\n", cfg.Account, cfg.DataDir(a.p.Getenv))
	if cfg.Auth == config.Off {
		b.WriteString("  WARNING: authentication is OFF. Every program on this machine may call everything, as anyone.\n")
	}
	b.WriteString("\nWho answers:\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, line := range a.router.Assignments() {
		standIn := ""
		if line.StandIn {
			standIn = "(stand-in)"
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", line.Models, line.ServedBy, standIn)
	}
	_ = table.Flush() // a builder takes everything
	fmt.Fprintf(&b, "\nPoint AWS clients here, in another terminal:\n  eval \"$(%s env)\"\n  %s configure\n\n", a.p.Command, a.p.Command)
	_, _ = io.WriteString(w, b.String()) // a terminal that is gone reads nothing
}

// describe tells where a further address is, and what is peculiar to it.
func (a *App) describe(l config.Listener, p *port) string {
	if path, ok := l.Unix(); ok {
		return "unix:" + path + through(l)
	}
	scheme := "http"
	if l.TLSOnly() {
		scheme = "https"
	}
	text := scheme + "://" + p.Addr().String()
	if l.ClientCA != "" {
		text += ", with a client certificate"
	}
	return text + through(l)
}

// through names the endpoint that requests to an address come by.
func through(l config.Listener) string {
	if l.Endpoint == "" {
		return ""
	}
	return ", endpoint " + l.Endpoint
}
