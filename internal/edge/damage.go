package edge

import (
	"bytes"
	"net/http"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/wire/eventstream"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// garbled is what stands where a JSON text should be.
const garbled = `{"output":{"message":{"content":[{"te`

// damage ends an answer as no service would, for programs that are tested with
// it; see fault.Damage. What was sent before is whole and has been flushed.
func (x *exchange) damage(how fault.Damage) {
	opened := x.stream != nil && x.stream.opened
	x.code = "Damaged"
	if how == fault.Torn {
		if !opened {
			x.status = http.StatusInternalServerError // for the log: there is no answer
		}
		panic(http.ErrAbortHandler)
	}
	if x.stream == nil {
		x.write(&schema.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(garbled)})
		return
	}
	contentType, broken := "application/vnd.amazon.eventstream", badFrame()
	if door := x.bound.service.Door; door != nil {
		contentType, broken = door.Events.ContentType(), x.stream.badEvent()
	}
	if !opened {
		x.setHeaders(http.Header{"Content-Type": {contentType}})
		x.status = http.StatusOK
		x.w.WriteHeader(x.status)
	}
	x.stream.held = false
	_ = x.stream.send(broken) // a failing write: the client is gone
}

// badEvent is the last event of a door once more, which lacks its last byte:
// clients pass over what has a name that they do not know.
func (s *stream) badEvent() []byte {
	last := bytes.TrimRight(s.frame, "\n")
	if len(last) == 0 {
		return []byte("data: " + garbled + "\n\n")
	}
	return append(bytes.Clone(last[:len(last)-1]), "\n\n"...)
}

// badFrame is a frame whose checksum is wrong.
func badFrame() []byte {
	frame, err := eventstream.Append(nil, eventstream.EventHeaders("contentBlockDelta", "application/json"), []byte(garbled))
	if err != nil {
		panic(err) // a constant that cannot be framed
	}
	frame[len(frame)-1] ^= 0xff
	return frame
}
