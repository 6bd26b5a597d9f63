package pdfium

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// WebAssembly that runs cannot be stopped from outside, and holds up Go's
// garbage collector until it returns. wazero can look out for the end of a
// context at the head of each loop, but leaves the compiled code each time to
// do so, which was measured to make PDFium two to four times slower.
//
// So the module is given fuel before it is compiled. Each time round a loop it
// takes one from a global, and where none is left it calls the host, which looks
// at the context and fills up. Between two such calls passes less than a
// millisecond.

// fuelExport is the name of the global that holds the fuel.
const fuelExport = "outcrop_fuel"

// tank is how often loops go round between two calls of the host.
const tank = 1 << 16

// tickImport is the function that the module calls for fuel. It is one that it
// has already, without parameters and results, because a new one would change
// the number of every other.
const tickImport = "_abort_js"

var errNotUnderstood = errors.New("a module that is not understood")

// Numbers of the sections of a module, and of what is in them.
const (
	sectionImport, sectionGlobal, sectionExport, sectionCode = 2, 6, 7, 10

	kindFunction, kindTable, kindMemory, kindGlobal = 0, 1, 2, 3
)

// withFuel returns a module whose loops use fuel.
func withFuel(module []byte) ([]byte, error) {
	const header = 8 // magic and version
	if len(module) < header || string(module[:4]) != "\x00asm" {
		return nil, errNotUnderstood
	}
	out := bytes.NewBuffer(make([]byte, 0, len(module)+len(module)/4))
	out.Write(module[:header])
	c := &cursor{data: module, at: header}
	tick, globals := -1, 0
	for c.at < len(c.data) {
		id := c.byte()
		body := c.bytes(int(c.unsigned()))
		if c.err != nil {
			return nil, c.err
		}
		s := &cursor{data: body}
		switch id {
		case sectionImport:
			tick, globals = s.imports()
		case sectionGlobal:
			count := s.unsigned()
			globals += int(count) + 1
			// A mutable i32 that begins with a full tank.
			body = concat(unsigned(count+1), body[s.at:], []byte{0x7f, 0x01, 0x41}, signed(tank), []byte{0x0b})
		case sectionExport:
			count := s.unsigned()
			body = concat(unsigned(count+1), body[s.at:], unsigned(uint64(len(fuelExport))), []byte(fuelExport), []byte{kindGlobal}, unsigned(uint64(globals-1)))
		case sectionCode:
			if tick < 0 || globals == 0 {
				return nil, fmt.Errorf("%w: it does not import %s", errNotUnderstood, tickImport)
			}
			body = s.functions(check(globals-1, tick))
		}
		if s.err != nil {
			return nil, s.err
		}
		out.WriteByte(id)
		out.Write(unsigned(uint64(len(body))))
		out.Write(body)
	}
	return out.Bytes(), nil
}

// check is what is put at the head of each loop: take one from the fuel, and
// call the host when none is left.
func check(global, tick int) []byte {
	g := unsigned(uint64(global))
	return concat(
		[]byte{0x23}, g, []byte{0x41, 0x01, 0x6b, 0x24}, g, // fuel = fuel - 1
		[]byte{0x23}, g, []byte{0x45, 0x04, 0x40, 0x10}, unsigned(uint64(tick)), []byte{0x0b}, // if fuel == 0, call
	)
}

// imports returns the number of the function that is called for fuel, or -1,
// and how many globals are imported.
func (c *cursor) imports() (tick, globals int) {
	tick = -1
	functions := 0
	for range c.unsigned() {
		c.bytes(int(c.unsigned())) // module
		name := string(c.bytes(int(c.unsigned())))
		switch c.byte() {
		case kindFunction:
			c.unsigned()
			if name == tickImport {
				tick = functions
			}
			functions++
		case kindTable:
			c.byte()
			c.limits()
		case kindMemory:
			c.limits()
		case kindGlobal:
			c.bytes(2)
			globals++
		default:
			c.fail()
		}
		if c.err != nil {
			return -1, 0
		}
	}
	return tick, globals
}

func (c *cursor) limits() {
	flags := c.byte()
	c.unsigned()
	if flags&1 != 0 {
		c.unsigned()
	}
}

// functions returns the code section with the check in each loop.
func (c *cursor) functions(check []byte) []byte {
	count := c.unsigned()
	out := unsigned(count)
	for range count {
		body := &cursor{data: c.bytes(int(c.unsigned()))}
		if c.err != nil {
			return nil
		}
		code := body.function(check)
		if body.err != nil {
			c.err = body.err
			return nil
		}
		out = append(append(out, unsigned(uint64(len(code)))...), code...)
	}
	return out
}

func (c *cursor) function(check []byte) []byte {
	for range c.unsigned() { // groups of locals
		c.unsigned()
		c.byte()
	}
	out := make([]byte, 0, len(c.data)+len(check))
	copied := 0
	for c.at < len(c.data) && c.err == nil {
		if c.instruction() == opLoop {
			out = append(append(out, c.data[copied:c.at]...), check...)
			copied = c.at
		}
	}
	return append(out, c.data[copied:]...)
}

// Instructions with something behind them.
const (
	opBlock, opLoop, opIf          = 0x02, 0x03, 0x04
	opBranch, opBranchIf           = 0x0c, 0x0d
	opBranchTable                  = 0x0e
	opCall, opCallIndirect         = 0x10, 0x11
	opSelectTyped                  = 0x1c
	opLocalGet, opTableSet         = 0x20, 0x26
	opLoad, opStoreLast            = 0x28, 0x3e
	opMemorySize, opMemoryGrow     = 0x3f, 0x40
	opI32, opI64, opF32, opF64     = 0x41, 0x42, 0x43, 0x44
	opNumericFirst, opNumericLast  = 0x45, 0xc4
	opRefNull, opRefFunc, opPrefix = 0xd0, 0xd2, 0xfc
)

// instruction steps over one instruction and returns what it is.
func (c *cursor) instruction() byte {
	op := c.byte()
	switch {
	case op == opBlock, op == opLoop, op == opIf:
		c.number() // a type, or a signed number of one
	case op == opBranch, op == opBranchIf, op == opCall, op >= opLocalGet && op <= opTableSet, op == opRefFunc,
		op == opMemorySize, op == opMemoryGrow, op == opRefNull, op == opI32, op == opI64:
		c.number()
	case op == opBranchTable:
		for range c.unsigned() {
			c.number()
		}
		c.number()
	case op == opCallIndirect, op >= opLoad && op <= opStoreLast:
		c.number()
		c.number()
	case op == opSelectTyped:
		c.bytes(int(c.unsigned()))
	case op == opF32:
		c.bytes(4)
	case op == opF64:
		c.bytes(8)
	case op == opPrefix:
		c.prefixed()
	case op <= 0x01, op == 0x05, op == 0x0b, op == 0x0f, op == 0x1a, op == 0x1b, op >= opNumericFirst && op <= opNumericLast, op == 0xd1:
	default:
		c.fail()
	}
	return op
}

// prefixed steps over what follows the prefix of saturating conversions and of
// bulk operations on memory.
func (c *cursor) prefixed() {
	switch op := c.unsigned(); {
	case op <= 7:
	case op == 8, op == 10, op == 12, op == 14: // memory.init, memory.copy, table.init, table.copy
		c.number()
		c.number()
	case op == 9, op == 11, op == 13, op >= 15 && op <= 17:
		c.number()
	default:
		c.fail()
	}
}

// cursor reads a module. After an error it reads nothing more.
type cursor struct {
	data []byte
	at   int
	err  error
}

func (c *cursor) fail() {
	if c.err == nil {
		c.err = fmt.Errorf("%w, at %d", errNotUnderstood, c.at)
	}
	c.at = len(c.data)
}

func (c *cursor) byte() byte {
	if c.at >= len(c.data) {
		c.fail()
		return 0
	}
	c.at++
	return c.data[c.at-1]
}

func (c *cursor) bytes(n int) []byte {
	if n < 0 || n > len(c.data)-c.at {
		c.fail()
		return nil
	}
	c.at += n
	return c.data[c.at-n : c.at]
}

// number steps over a number in LEB128, signed or not.
func (c *cursor) number() {
	for c.byte()&0x80 != 0 {
	}
}

// unsigned reads a number in unsigned LEB128.
func (c *cursor) unsigned() uint64 {
	v, n := binary.Uvarint(c.data[c.at:])
	if n <= 0 {
		c.fail()
		return 0
	}
	c.at += n
	return v
}

func unsigned(v uint64) []byte { return binary.AppendUvarint(nil, v) }

// signed writes a number that is not negative in signed LEB128: the last byte
// must not have the sign's bit.
func signed(v uint64) []byte {
	out := binary.AppendUvarint(nil, v)
	if out[len(out)-1]&0x40 != 0 {
		out[len(out)-1] |= 0x80
		out = append(out, 0)
	}
	return out
}

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
