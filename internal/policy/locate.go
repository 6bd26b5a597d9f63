package policy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
)

// Locate tells where a document that Parse refuses is wrong, for those who write
// it in a file: ":line:column" where the JSON breaks, ":line: statement n" where a
// statement makes no sense, and nothing where it is the document as a whole. AWS's
// texts do not say.
func Locate(kind Kind, text string) string {
	data := []byte(text)
	if syntax, ok := errors.AsType[*json.SyntaxError](json.Unmarshal(data, new(any))); ok {
		before := data[:max(0, min(int(syntax.Offset)-1, len(data)))]
		return fmt.Sprintf(":%d:%d", lineAt(data, len(before)), len(before)-bytes.LastIndexByte(before, '\n'))
	}
	var whole struct {
		Version   string
		Statement json.RawMessage
	}
	if json.Unmarshal(data, &whole) != nil || len(whole.Statement) == 0 {
		return ""
	}
	var statements []json.RawMessage
	if json.Unmarshal(whole.Statement, &statements) != nil {
		statements = []json.RawMessage{whole.Statement}
	}
	version := cmp.Or(whole.Version, version2012)
	if version != version2008 && version != version2012 {
		return ""
	}
	for i, s := range statements {
		if _, err := Parse(kind, fmt.Sprintf(`{"Version":"%s","Statement":[%s]}`, version, s)); err != nil {
			return fmt.Sprintf(":%d: statement %d", lineAt(data, bytes.Index(data, s)), i+1)
		}
	}
	return ""
}

// lineAt is the number of the line that has the byte at an offset.
func lineAt(data []byte, offset int) int { return bytes.Count(data[:max(0, offset)], []byte("\n")) + 1 }
