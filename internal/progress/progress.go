// Package progress tells a person how far a long piece of work has come: a
// moving bar on a terminal, now and then a plain line elsewhere, or nothing.
//
// It is not a logger and decides nothing: whoever downloads or converts gets a
// Sink handed in and reports to it. Packages fetch, pack and library are the
// callers; package app or cmd chooses the Sink with For. A Counter is for work
// that is counted in things rather than bytes; cmd shows syncs with it.
package progress

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Sink takes reports about pieces of work. It is safe for concurrent use; the
// bars of a terminal are meant to be used one after the other.
type Sink interface {
	// Begin starts a piece of work of total bytes; total < 0 means that the
	// size is not known. The caller calls End on the Bar exactly once.
	Begin(title string, total int64) Bar
	// Note shows one line that is no measure: what is being waited for, or
	// tried again.
	Note(text string)
}

// Bar is one piece of work. It is used by one goroutine.
type Bar interface {
	// Total corrects the size given at Begin, once it is known.
	Total(bytes int64)
	// Set tells how many bytes are done, those of an earlier try included. It
	// may go back when the work has to begin again.
	Set(done int64)
	// End closes the bar. A nil err means that the work is complete.
	End(err error)
}

// For returns the Sink that suits w: bars when it is a terminal, lines
// otherwise.
func For(w io.Writer) Sink {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return NewTerminal(w)
	}
	return NewLines(w)
}

// Silent is a Sink that shows nothing.
type Silent struct{}

// Begin implements Sink.
func (Silent) Begin(string, int64) Bar { return silentBar{} }

// Note implements Sink.
func (Silent) Note(string) {}

type silentBar struct{}

func (silentBar) Total(int64) {}
func (silentBar) Set(int64)   {}
func (silentBar) End(error)   {}
