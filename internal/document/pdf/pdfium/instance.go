package pdfium

import (
	"context"
	"errors"
	"fmt"
	"math"
	"unicode/utf16"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/outcrop/outcrop/internal/fault"
)

// The reasons of FPDF_GetLastError that differ for people.
const (
	errorPassword = 4
	errorSecurity = 5
)

// softHyphen is what PDFium puts where a word is divided at the end of a line.
const softHyphen = 0xfffe

// instanceKey finds the instance in the context of a host function.
type instanceKey struct{}

// instance is one sandbox. It reads one file at a time.
type instance struct {
	mod       api.Module
	fn        functions
	out       uint32 // 64 bytes for results
	files     int
	exhausted bool // it asked for more memory than it may have
}

// functions are the exports that are used. Each may be called by one goroutine
// at a time, as an instance is.
type functions struct {
	malloc, free, lastError                               api.Function
	loadDocument, closeDocument, pageCount                api.Function
	loadPage, closePage, loadText, closeText              api.Function
	annotCount, annot, annotSubtype, closeAnnot, flatten  api.Function
	countChars, getText, charIndex, origin, box, fontSize api.Function
}

// trapError is a failure of the module: it stopped in the middle.
type trapError struct {
	call  string
	cause error
}

func (e *trapError) Error() string { return e.call + ": " + e.cause.Error() }
func (e *trapError) Unwrap() error { return e.cause }

func (r *Reader) instantiate(ctx context.Context) (_ *instance, err error) {
	mod, err := r.runtime.InstantiateModule(withMemory(ctx), r.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, err
	}
	in := &instance{mod: mod}
	defer func() {
		if err != nil {
			in.close()
		}
	}()
	for _, f := range []struct {
		name string
		to   *api.Function
	}{
		{"malloc", &in.fn.malloc}, {"free", &in.fn.free}, {"FPDF_GetLastError", &in.fn.lastError},
		{"FPDF_LoadMemDocument", &in.fn.loadDocument}, {"FPDF_CloseDocument", &in.fn.closeDocument}, {"FPDF_GetPageCount", &in.fn.pageCount},
		{"FPDF_LoadPage", &in.fn.loadPage}, {"FPDF_ClosePage", &in.fn.closePage},
		{"FPDFPage_GetAnnotCount", &in.fn.annotCount}, {"FPDFPage_GetAnnot", &in.fn.annot}, {"FPDFAnnot_GetSubtype", &in.fn.annotSubtype},
		{"FPDFPage_CloseAnnot", &in.fn.closeAnnot}, {"FPDFPage_Flatten", &in.fn.flatten},
		{"FPDFText_LoadPage", &in.fn.loadText}, {"FPDFText_ClosePage", &in.fn.closeText},
		{"FPDFText_CountChars", &in.fn.countChars}, {"FPDFText_GetText", &in.fn.getText},
		{"FPDFText_GetCharIndexFromTextIndex", &in.fn.charIndex}, {"FPDFText_GetCharOrigin", &in.fn.origin},
		{"FPDFText_GetCharBox", &in.fn.box}, {"FPDFText_GetFontSize", &in.fn.fontSize},
	} {
		if *f.to = mod.ExportedFunction(f.name); *f.to == nil {
			return nil, fmt.Errorf("the module has no function %s", f.name)
		}
	}
	ctx = context.WithValue(ctx, instanceKey{}, in)
	for _, name := range []string{"emscripten_stack_init", "__wasm_call_ctors", "FPDF_InitLibrary"} {
		f := mod.ExportedFunction(name)
		if f == nil {
			return nil, fmt.Errorf("the module has no function %s", name)
		}
		if _, err := f.Call(ctx); err != nil {
			return nil, &trapError{name, err}
		}
	}
	if in.out, err = in.allocate(ctx, 64); err != nil {
		return nil, err
	}
	return in, nil
}

// close frees the memory. What is left of the module's own state goes with it.
func (in *instance) close() { _ = in.mod.Close(context.Background()) }

func (in *instance) call(ctx context.Context, f api.Function, args ...uint64) (uint64, error) {
	results, err := f.Call(ctx, args...)
	if err != nil {
		return 0, &trapError{f.Definition().Name(), err}
	}
	if len(results) == 0 {
		return 0, nil
	}
	return results[0], nil
}

func (in *instance) allocate(ctx context.Context, size int) (uint32, error) {
	at, err := in.call(ctx, in.fn.malloc, uint64(size))
	if err == nil && at == 0 {
		in.exhausted = true
		err = &trapError{"malloc", errors.New("no memory")}
	}
	return uint32(at), err
}

func (in *instance) read(ctx context.Context, content []byte, emit func(int, []Line) error) (unreadable int, err error) {
	ctx = context.WithValue(ctx, instanceKey{}, in)
	in.files++
	in.exhausted = false
	data, err := in.allocate(ctx, len(content))
	if err != nil {
		return 0, err
	}
	if !in.mod.Memory().Write(data, content) {
		return 0, &trapError{"write", errors.New("outside of the memory")}
	}
	doc, err := in.call(ctx, in.fn.loadDocument, uint64(data), uint64(len(content)), 0)
	if err != nil {
		return 0, err
	}
	if doc == 0 {
		reason, err := in.call(ctx, in.fn.lastError)
		if err != nil {
			return 0, err
		}
		if _, err := in.call(ctx, in.fn.free, uint64(data)); err != nil {
			return 0, err
		}
		return 0, loadFault(reason)
	}
	unreadable, err = in.pages(ctx, doc, emit)
	if trap := (*trapError)(nil); errors.As(err, &trap) {
		return unreadable, err // nothing can be called any more
	}
	if _, err := in.call(ctx, in.fn.closeDocument, doc); err != nil {
		return unreadable, err
	}
	if _, err := in.call(ctx, in.fn.free, uint64(data)); err != nil {
		return unreadable, err
	}
	return unreadable, err
}

func loadFault(reason uint64) error {
	switch reason {
	case errorPassword:
		return fault.New(fault.Invalid, "The file is encrypted with a password.")
	case errorSecurity:
		return fault.New(fault.Invalid, "The file is encrypted in a way that is not supported.")
	}
	return fault.New(fault.Invalid, "The file is damaged: it is not a PDF file that can be read.")
}

func (in *instance) pages(ctx context.Context, doc uint64, emit func(int, []Line) error) (unreadable int, err error) {
	count, err := in.call(ctx, in.fn.pageCount, doc)
	if err != nil {
		return 0, err
	}
	for i := range int(int32(count)) {
		lines, ok, err := in.page(ctx, doc, i)
		if err != nil {
			return unreadable, err
		}
		if !ok {
			unreadable++
		}
		if err := emit(i, lines); err != nil {
			return unreadable, err
		}
	}
	return unreadable, nil
}

// page returns the lines of a page, and whether it could be read.
func (in *instance) page(ctx context.Context, doc uint64, number int) (lines []Line, ok bool, err error) {
	page, err := in.call(ctx, in.fn.loadPage, doc, uint64(number))
	if err != nil || page == 0 {
		return nil, false, err
	}
	if page, err = in.withForm(ctx, doc, page, number); err != nil || page == 0 {
		return nil, false, err
	}
	text, err := in.call(ctx, in.fn.loadText, page)
	if err != nil {
		return nil, false, err
	}
	if ok = text != 0; ok {
		if lines, err = in.lines(ctx, text); err != nil {
			return nil, false, err
		}
		if _, err := in.call(ctx, in.fn.closeText, text); err != nil {
			return nil, false, err
		}
	}
	_, err = in.call(ctx, in.fn.closePage, page)
	return lines, ok, err
}

// Kinds of annotations that are text on the page, and how many are looked at.
const (
	freeText = 3
	widget   = 20
	maxAnnot = 2000
)

// withForm makes what was filled into the fields of a form a part of the page.
// It returns the page, or another in its place; 0 where it cannot be loaded again.
func (in *instance) withForm(ctx context.Context, doc, page uint64, number int) (uint64, error) {
	count, err := in.call(ctx, in.fn.annotCount, page)
	if err != nil {
		return 0, err
	}
	found := false
	for i := 0; i < min(int(int32(count)), maxAnnot) && !found; i++ {
		annot, err := in.call(ctx, in.fn.annot, page, uint64(i))
		if err != nil {
			return 0, err
		}
		if annot == 0 {
			continue
		}
		subtype, err := in.call(ctx, in.fn.annotSubtype, annot)
		if err != nil {
			return 0, err
		}
		if _, err := in.call(ctx, in.fn.closeAnnot, annot); err != nil {
			return 0, err
		}
		found = subtype == freeText || subtype == widget
	}
	if !found {
		return page, nil
	}
	if _, err := in.call(ctx, in.fn.flatten, page, 0); err != nil {
		return 0, err
	}
	if _, err := in.call(ctx, in.fn.closePage, page); err != nil {
		return 0, err
	}
	return in.call(ctx, in.fn.loadPage, doc, uint64(number))
}

func (in *instance) lines(ctx context.Context, text uint64) ([]Line, error) {
	count, err := in.call(ctx, in.fn.countChars, text)
	if err != nil || int32(count) <= 0 {
		return nil, err
	}
	// A character may be two units of UTF-16; the text ends with a zero.
	buffer, err := in.allocate(ctx, (2*int(int32(count))+2)*2)
	if err != nil {
		return nil, err
	}
	units, err := in.call(ctx, in.fn.getText, text, 0, count, uint64(buffer))
	if err != nil {
		return nil, err
	}
	raw, ok := in.mod.Memory().Read(buffer, uint32(2*max(int32(units)-1, 0)))
	if !ok {
		return nil, &trapError{"FPDFText_GetText", errors.New("outside of the memory")}
	}
	chars := decode(raw)
	if _, err := in.call(ctx, in.fn.free, uint64(buffer)); err != nil {
		return nil, err
	}
	var lines []Line
	for start := 0; start < len(chars); {
		end := start
		for end < len(chars) && chars[end] != '\n' && chars[end] != '\r' && chars[end] != softHyphen {
			end++
		}
		line, ok, err := in.line(ctx, text, chars, start, end)
		if err != nil {
			return nil, err
		}
		if end < len(chars) && chars[end] == softHyphen {
			line.Hyphen = true
		}
		if ok {
			lines = append(lines, line)
		}
		start = end + 1
	}
	return lines, nil
}

// decode makes characters of UTF-16.
func decode(raw []byte) []rune {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = uint16(raw[2*i]) | uint16(raw[2*i+1])<<8
	}
	return utf16.Decode(units)
}

// line measures the characters between start and end. A line of blanks is none.
func (in *instance) line(ctx context.Context, text uint64, chars []rune, start, end int) (Line, bool, error) {
	for start < end && chars[start] <= ' ' {
		start++
	}
	for end > start && chars[end-1] <= ' ' {
		end--
	}
	if start == end {
		return Line{}, false, nil
	}
	line := Line{Text: string(chars[start:end])}
	out := uint64(in.out)
	first, err := in.call(ctx, in.fn.charIndex, text, uint64(start))
	if err != nil {
		return Line{}, false, err
	}
	if _, err := in.call(ctx, in.fn.origin, text, first, out, out+8); err != nil {
		return Line{}, false, err
	}
	line.Left, line.Base = in.float(0), in.float(8)
	size, err := in.call(ctx, in.fn.fontSize, text, first)
	if err != nil {
		return Line{}, false, err
	}
	line.Size = api.DecodeF64(size)
	last, err := in.call(ctx, in.fn.charIndex, text, uint64(end-1))
	if err != nil {
		return Line{}, false, err
	}
	if _, err := in.call(ctx, in.fn.box, text, last, out, out+8, out+16, out+24); err != nil {
		return Line{}, false, err
	}
	line.Right = in.float(8)
	return line, true, nil
}

// float returns a result. What is not a number on the page is 0.
func (in *instance) float(offset uint32) float64 {
	f, _ := in.mod.Memory().ReadFloat64Le(in.out + offset)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return f
}
