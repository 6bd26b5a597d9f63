// Package eventstream reads and writes the binary frames of
// application/vnd.amazon.eventstream: length-prefixed messages of typed headers
// and a payload, with a checksum over the prelude and one over the message. It
// also makes and checks the signature chain of signed event streams.
//
// It knows frames, not events: which headers and payload an event gets comes
// from the service model, which the codec above it walks. It derives no signing
// keys either; package sigv4 does. The edge encodes answers with it, and
// clients of other AWS endpoints decode with it.
//
// What always holds: a frame that Append made is one that the decoder accepts;
// the decoder never gives a message whose checksums do not match, never keeps
// more memory than it has received bytes for, and never panics on foreign
// bytes.
package eventstream
