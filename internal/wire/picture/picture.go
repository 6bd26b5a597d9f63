// Package picture reads what image files say of themselves: their format, their
// size, and whether they are whole.
//
// It decodes no pixel, so that a caller's file costs a look at its headers, and
// knows the four formats that the vendors' APIs take.
package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
)

// Format tells what an image is by how it begins: "png", "jpeg", "gif", "webp";
// empty when it is none of them.
func Format(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte(pngSignature)):
		return "png"
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return "jpeg"
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		return "gif"
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return "webp"
	}
	return ""
}

const pngSignature = "\x89PNG\r\n\x1a\n"

// Size returns the width and the height in pixels; 0 where the header does not
// tell them.
func Size(data []byte) (width, height int) {
	var config image.Config
	var err error
	switch r := bytes.NewReader(data); Format(data) {
	case "png":
		config, err = png.DecodeConfig(r)
	case "jpeg":
		config, err = jpeg.DecodeConfig(r)
	case "gif":
		config, err = gif.DecodeConfig(r)
	case "webp":
		return webpSize(data[12:])
	}
	if err != nil {
		return 0, 0 // damaged behind its first bytes
	}
	return config.Width, config.Height
}

// webpSize reads the first chunk of a WebP file.
func webpSize(chunk []byte) (width, height int) {
	if len(chunk) < 18 {
		return 0, 0
	}
	body := chunk[8:]
	switch string(chunk[:4]) {
	case "VP8 ": // after three bytes of frame tag and three of start code
		return int(binary.LittleEndian.Uint16(body[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(body[8:]) & 0x3fff)
	case "VP8L": // after one byte of signature, 14 bits each
		bits := binary.LittleEndian.Uint32(body[1:])
		return int(bits&0x3fff) + 1, int(bits>>14&0x3fff) + 1
	case "VP8X": // after four bytes of flags, 24 bits each
		return int(uint24(body[4:])) + 1, int(uint24(body[7:])) + 1
	}
	return 0, 0
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// Whole reports whether a file is an image that ends where its format says that
// it does. What is between its marks may still be damaged.
func Whole(data []byte) bool {
	if width, height := Size(data); width == 0 || height == 0 {
		return false
	}
	switch Format(data) {
	case "png":
		return wholePNG(data[len(pngSignature):])
	case "jpeg":
		// The marks cannot be in compressed data; a thumbnail's are in front.
		scan := bytes.LastIndex(data, []byte("\xff\xda"))
		return scan >= 0 && bytes.Contains(data[scan:], []byte("\xff\xd9"))
	case "gif":
		return wholeGIF(data)
	}
	return uint64(binary.LittleEndian.Uint32(data[4:]))+8 <= uint64(len(data))
}

// wholePNG walks the chunks to the last one.
func wholePNG(data []byte) bool {
	for len(data) >= 12 {
		n := uint64(binary.BigEndian.Uint32(data)) + 12 // with its length, its name and its sum
		switch {
		case n > uint64(len(data)):
			return false
		case string(data[4:8]) == "IEND":
			return true
		}
		data = data[n:]
	}
	return false
}

// wholeGIF walks the blocks to the trailer.
func wholeGIF(data []byte) bool {
	// table is how long a table of colours is.
	table := func(flags byte) int {
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	at := 13 + table(data[10]) // Size has read the header
	// blocks skips the pieces of a block, up to the empty one.
	blocks := func() {
		for at < len(data) && data[at] != 0 {
			at += int(data[at]) + 1
		}
		at++
	}
	for at < len(data) {
		switch data[at] {
		case 0x3b:
			return true
		case 0x21: // an extension and its kind
			at += 2
		case 0x2c: // an image: its place, its colours, its code size
			if at+9 >= len(data) {
				return false
			}
			at += 10 + table(data[at+9]) + 1
		default:
			return false
		}
		blocks()
	}
	return false
}
