package iam

import "log/slog"

// Secret is a string that must not be printed: fmt, slog and JSON all show a
// placeholder. Reveal is the one way to the text, so that every use can be found.
type Secret string

const redacted = "[redacted]"

// Reveal returns the secret text.
func (s Secret) Reveal() string { return string(s) }

// String returns a placeholder.
func (s Secret) String() string { return redacted }

// GoString returns a placeholder.
func (s Secret) GoString() string { return redacted }

// LogValue returns a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns a placeholder, so that JSON never carries a secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
