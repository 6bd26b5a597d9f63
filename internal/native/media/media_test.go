package media_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/media"
)

func TestImage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, uri string
		want      inference.Image
		ok        bool
	}{
		{"bytes decide", "data:image/jpeg;base64,R0lGODlh", inference.Image{Format: "gif", Bytes: []byte("GIF89a")}, true},
		{"type decides", "data:image/jpg;base64,AAEC", inference.Image{Format: "jpeg", Bytes: []byte{0, 1, 2}}, true},
		{"with a parameter", "data:image/png;name=a;base64,AAEC", inference.Image{Format: "png", Bytes: []byte{0, 1, 2}}, true},
		{"without padding", "data:image/png;base64,AAE", inference.Image{Format: "png", Bytes: []byte{0, 1}}, true},
		{"no image", "data:text/plain;base64,AAEC", inference.Image{}, false},
		{"no bytes", "data:image/png;base64,", inference.Image{}, false},
		{"no base64", "data:image/png,abc", inference.Image{}, false},
		{"an address", "https://example.com/a.png", inference.Image{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, ok := media.Image(c.uri)
			if ok != c.ok {
				t.Fatalf("got %v, want %v", ok, c.ok)
			}
			if ok {
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("image differs (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func FuzzImage(f *testing.F) {
	f.Add("data:image/png;base64,iVBORw0KGgo=")
	f.Fuzz(func(t *testing.T, uri string) {
		img, ok := media.Image(uri)
		if !ok {
			return
		}
		back, ok := media.Image(media.URI(img))
		if !ok || !cmp.Equal(img.Bytes, back.Bytes) {
			t.Errorf("got %+v, %v of what was written of %q, want %+v", back, ok, uri, img)
		}
	})
}
