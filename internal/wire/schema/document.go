package schema

// DocumentValue is a member of free JSON (a smithy document), kept as the
// bytes that travelled: valid, in UTF-8, of bounded depth. nil is absent. It
// marshals as itself.
type DocumentValue []byte

// MarshalJSON returns the document as it is, null when absent.
func (d DocumentValue) MarshalJSON() ([]byte, error) {
	if d == nil {
		return []byte("null"), nil
	}
	return d, nil
}

// UnmarshalJSON keeps a copy of data.
func (d *DocumentValue) UnmarshalJSON(data []byte) error {
	*d = append((*d)[:0:0], data...)
	return nil
}
