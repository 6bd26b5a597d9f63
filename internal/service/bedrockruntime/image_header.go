package bedrockruntime

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
)

// readImage tells what an image is, in Converse's words, and how large, from its
// first bytes. The format is empty for what is no image that Converse takes; the
// size is 0 where the header does not tell it.
func readImage(data []byte) (format string, width, height int) {
	var config image.Config
	var err error
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		format = "png"
		config, err = png.DecodeConfig(bytes.NewReader(data))
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		format = "jpeg"
		config, err = jpeg.DecodeConfig(bytes.NewReader(data))
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		format = "gif"
		config, err = gif.DecodeConfig(bytes.NewReader(data))
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		width, height = webpSize(data[12:])
		return "webp", width, height
	}
	if err != nil {
		return format, 0, 0 // damaged behind its first bytes: the model says so
	}
	return format, config.Width, config.Height
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
