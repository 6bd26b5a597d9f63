package eventstream

// The names of the headers that tell what a message is.
const (
	NameMessageType   = ":message-type"
	NameEventType     = ":event-type"
	NameExceptionType = ":exception-type"
	NameContentType   = ":content-type"
	NameErrorCode     = ":error-code"
	NameErrorMessage  = ":error-message"
)

// The values of NameMessageType.
const (
	MessageEvent     = "event"
	MessageException = "exception" // an error that the service models
	MessageError     = "error"     // an error that it does not
)

// EventHeaders returns the headers of an event of the named union member, in
// the order in which the service sends them. Make them once for each event of a
// stream: they can be used for any number of frames.
func EventHeaders(member, contentType string) []Header {
	return []Header{
		{NameEventType, String(member)},
		{NameContentType, String(contentType)},
		{NameMessageType, String(MessageEvent)},
	}
}

// ExceptionHeaders returns the headers of a modeled exception; member is the
// union member's name ("throttlingException"), not the exception's.
func ExceptionHeaders(member, contentType string) []Header {
	return []Header{
		{NameExceptionType, String(member)},
		{NameContentType, String(contentType)},
		{NameMessageType, String(MessageException)},
	}
}
