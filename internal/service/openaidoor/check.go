package openaidoor

import (
	"unicode/utf8"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/service/door"
	"github.com/outcrop/outcrop/internal/wire/picture"
)

// readable refuses a body that is no UTF-8. Decoders of JSON put something else
// in the place of what they cannot read, and the model would be asked that.
func readable(body []byte) error {
	if utf8.Valid(body) {
		return nil
	}
	return fault.New(fault.Invalid, "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The body must be JSON in UTF-8.)")
}

// checkImages refuses the images that no model can see, before one is asked.
func checkImages(req *inference.Request) error {
	for _, m := range req.Messages {
		if err := checkParts(m.Parts); err != nil {
			return err
		}
	}
	return nil
}

func checkParts(parts []inference.Part) error {
	for _, p := range parts {
		switch p := p.(type) {
		case inference.ToolResult:
			if err := checkParts(p.Content); err != nil {
				return err
			}
		case inference.Image:
			switch {
			case p.Bytes == nil: // named by its address
			case picture.Format(p.Bytes) == "":
				return door.WithError(fault.New(fault.Invalid, "You uploaded an unsupported image. Please make sure your image has of one the following formats: ['png', 'jpeg', 'gif', 'webp']."), "", "invalid_image_format", "")
			case !picture.Whole(p.Bytes):
				return door.WithError(fault.New(fault.Invalid, "You uploaded an unsupported image. Please make sure your image is valid."), "", "image_parse_error", "")
			}
		}
	}
	return nil
}
