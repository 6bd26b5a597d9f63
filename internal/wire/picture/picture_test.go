package picture_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/outcrop/outcrop/internal/wire/picture"
)

// files are an image of 7 by 5 pixels in each format.
func files(t testing.TB) map[string][]byte {
	t.Helper()
	img := image.NewPaletted(image.Rect(0, 0, 7, 5), palette.Plan9)
	for i := range img.Pix {
		img.Pix[i] = byte(i * 37)
	}
	out := map[string][]byte{}
	for format, write := range map[string]func(*bytes.Buffer) error{
		"png":  func(b *bytes.Buffer) error { return png.Encode(b, img) },
		"jpeg": func(b *bytes.Buffer) error { return jpeg.Encode(b, img, nil) },
		"gif":  func(b *bytes.Buffer) error { return gif.Encode(b, img, nil) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		out[format] = b.Bytes()
	}
	// A lossless WebP of which the header alone is right.
	body := append([]byte("VP8L\x0a\x00\x00\x00\x2f"), binary.LittleEndian.AppendUint32(nil, 6|4<<14)...)
	body = append(body, "pixel"...)
	out["webp"] = append(append([]byte("RIFF"), binary.LittleEndian.AppendUint32(nil, uint32(len(body)+4))...), append([]byte("WEBP"), body...)...)
	return out
}

func TestWholeFiles(t *testing.T) {
	t.Parallel()
	for format, data := range files(t) {
		if got := picture.Format(data); got != format {
			t.Errorf("got %q, want %q", got, format)
		}
		if w, h := picture.Size(data); w != 7 || h != 5 {
			t.Errorf("%s: got %d by %d, want 7 by 5", format, w, h)
		}
		for behind, data := range map[string][]byte{"nothing": data, "something else": append(bytes.Clone(data), "behind it"...)} {
			if !picture.Whole(data) {
				t.Errorf("%s with %s behind it is not whole", format, behind)
			}
		}
	}
}

// No beginning of a file is whole.
func TestCutFiles(t *testing.T) {
	t.Parallel()
	for format, data := range files(t) {
		for n := range data {
			if picture.Whole(data[:n]) {
				t.Errorf("%s: the first %d of %d bytes are whole", format, n, len(data))
			}
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"\x89PNG\r\n\x1a\nrest": "png", "\xff\xd8\xff\xe0": "jpeg", "GIF89a..": "gif", "GIF87a": "gif",
		"RIFF....WEBPVP8": "webp", "RIFF....WAVE": "", "": "", "RIFF": "", "<svg/>": "",
	} {
		if got := picture.Format([]byte(data)); got != want {
			t.Errorf("got %q for %q, want %q", got, data, want)
		}
	}
}

func TestOtherFiles(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "hello", "\x89PNG\r\n\x1a\n", "GIF89a", "\xff\xd8\xff", "RIFF\x00\x00\x00\x00WEBP", "RIFF\x00\x00\x00\x00WEBPVP8Z0123456789abcdef", "%PDF-1.7"} {
		if picture.Whole([]byte(data)) {
			t.Errorf("%q is whole", data)
		}
		if w, h := picture.Size([]byte(data)); w != 0 || h != 0 {
			t.Errorf("%q: got %d by %d", data, w, h)
		}
	}
}

// FuzzWhole holds that no file makes it panic, and that what is whole has a
// format and a size.
func FuzzWhole(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if w, h := picture.Size(data); picture.Whole(data) && (picture.Format(data) == "" || w <= 0 || h <= 0) {
			t.Errorf("got %q, %d by %d", picture.Format(data), w, h)
		}
	})
}
