package chat

import (
	"slices"

	"github.com/outcrop/outcrop/internal/inference"
)

// change is put behind a cache point to see where it comes out. Like Break it is
// a noncharacter, which means nothing in any text.
const change = "\uFDD1"

// changedBehindCache returns the input with something else behind its last cache
// point, in the order of tools, system text and messages; ok is false when there
// is none.
func changedBehindCache(in Input) (out Input, ok bool) {
	for i, m := range slices.Backward(in.Messages) {
		parts, ok := changedBehind(m.Parts)
		if !ok {
			continue
		}
		in.Messages = slices.Clone(in.Messages)
		in.Messages[i].Parts = parts
		return in, true
	}
	if parts, ok := changedBehind(in.System); ok {
		in.System = parts
		return in, true
	}
	for i, tool := range slices.Backward(in.Tools) {
		if tool.Cache != nil {
			in.Tools = append(slices.Clone(in.Tools[:i+1]), inference.Tool{Name: change, Description: change})
			return in, true
		}
	}
	return in, false
}

func changedBehind(parts []inference.Part) ([]inference.Part, bool) {
	for i, p := range slices.Backward(parts) {
		if _, ok := p.(inference.CachePoint); !ok {
			continue
		}
		parts = slices.Clone(parts)
		if i > 0 {
			// A result is a turn of its own, which more text would not lengthen.
			if r, ok := parts[i-1].(inference.ToolResult); ok {
				r.Content = append(slices.Clone(r.Content), inference.Text{Text: change})
				parts[i-1] = r
				return parts, true
			}
		}
		parts[i] = inference.Text{Text: change}
		return parts, true
	}
	return parts, false
}
