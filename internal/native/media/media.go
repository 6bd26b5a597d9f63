// Package media reads and writes the data URIs in which native formats carry
// images.
//
// It decodes no image and opens no address. The families below package native
// call it.
package media

import (
	"encoding/base64"
	"strings"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/wire/picture"
)

// ParseURI reads a data URI with base64 text: its media type and its bytes.
func ParseURI(uri string) (mediaType string, data []byte, ok bool) {
	rest, ok := strings.CutPrefix(uri, "data:")
	if !ok {
		return "", nil, false
	}
	head, text, ok := strings.Cut(rest, ",")
	if !ok {
		return "", nil, false
	}
	mediaType, ok = strings.CutSuffix(head, ";base64")
	if !ok {
		return "", nil, false
	}
	mediaType, _, _ = strings.Cut(mediaType, ";")
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(text), "="))
	return strings.ToLower(mediaType), data, err == nil && len(data) > 0
}

// Image reads a data URI of an image. What the bytes are counts more than what
// the URI says of them.
func Image(uri string) (inference.Image, bool) {
	mediaType, data, ok := ParseURI(uri)
	if !ok {
		return inference.Image{}, false
	}
	format := picture.Format(data)
	if format == "" {
		format, ok = strings.CutPrefix(mediaType, "image/")
		if format == "jpg" {
			format = "jpeg"
		}
	}
	return inference.Image{Format: format, Bytes: data}, ok
}

// URI writes an image as a data URI, or as the address that it has.
func URI(img inference.Image) string {
	if img.Bytes == nil {
		return img.URL
	}
	return "data:image/" + img.Format + ";base64," + base64.StdEncoding.EncodeToString(img.Bytes)
}
