package inference

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Invoker is the optional power to answer a native body as it is: the backend's
// server speaks the body's own format, so nothing of it is read, and nothing can
// get lost. Callers fall back to Generate where Speaks says no.
type Invoker interface {
	// Speaks reports whether native bodies of a format (the catalog's
	// nativeFormat) can be handed to a model as they are.
	Speaks(model, format string) bool
	// Invoke runs one native request. emit gets the answer: the whole body once,
	// which is emit's from then on, or for a stream each chunk's JSON in order,
	// never concurrently, which it must not keep. Errors, faults and cancellation are as Generate's. The
	// chunks are the family's own, without Bedrock's metrics, which the caller
	// puts into the last one; Invoke therefore says with last which one that is.
	// The result beside an error is what is known of an answer that was cut, and
	// may be nil.
	Invoke(ctx context.Context, req *NativeRequest, emit func(chunk []byte, last bool) error) (*NativeResult, error)
}

// NativeRequest is a native body on its way to a server that speaks its format.
type NativeRequest struct {
	Model  string // the backend's name for the model
	Format string // the catalog's nativeFormat
	Body   []byte // not to be changed
	Stream bool
}

// NativeResult is what is known about a native answer.
type NativeResult struct {
	Model   string // the model that answered
	Usage   Usage
	Reason  StopReason // empty where it was not said
	Elapsed time.Duration
}

// ImageMaker is the optional power to make and change images.
type ImageMaker interface {
	// MakeImages returns the images in order. Faults as Generate.
	MakeImages(ctx context.Context, req *ImageRequest) (*Images, error)
}

// ImageRequest asks for images.
type ImageRequest struct {
	Model    string
	Prompt   string
	Negative string // what the images shall not show
	Count    int    // at least 1
	Width    int    // pixels; 0 when not said
	Height   int
	Quality  string // "standard", "premium"; empty when not said
	Seed     *uint32
	Guidance *float64 // how strictly the prompt is followed, on the family's own scale
	Format   string   // "png", "jpeg", "webp"; empty for the model's own
	// Source is an image to change, Mask which part of it (white is changed).
	Source *Image
	Mask   *Image

	// Task is what is done; a maker answers Unsupported for one that it does not
	// know.
	Task ImageTask
	// Target names in words the part of Source that Mask would show, or the
	// thing that is replaced.
	Target string
	// Strength is how much a source, a reference or a control counts, between 0
	// and 1; nil when not said.
	Strength *float64
	// References are images to be like: more sources, a style, a structure.
	References []Image
	Style      string // the family's own word; empty when not said
	Aspect     string // "16:9"; empty when not said
	// Extra holds members that only one vendor understands, and Dialect is the
	// format that they are of, as in Request.
	Extra   map[string]json.RawMessage
	Dialect string
}

// ImageTask is what an ImageMaker is asked for.
type ImageTask string

// The tasks.
const (
	ImageGenerate   ImageTask = ""                  // from the prompt alone
	ImageVary       ImageTask = "variation"         // another one like Source and References
	ImageInpaint    ImageTask = "inpaint"           // the masked part anew
	ImageOutpaint   ImageTask = "outpaint"          // what is around anew
	ImageErase      ImageTask = "erase"             // the masked thing away
	ImageReplace    ImageTask = "replace"           // Target by what the prompt says
	ImageRecolor    ImageTask = "recolor"           // Target in other colours
	ImageBackground ImageTask = "remove_background" // the background away
	ImageControl    ImageTask = "control"           // as the lines or shapes of Source are
	ImageStyled     ImageTask = "style"             // in the style of References
	ImageColors     ImageTask = "colors"            // in given colours
	ImageUpscale    ImageTask = "upscale"           // larger
	ImageTryOn      ImageTask = "try_on"            // what References wear on Source
)

// Images are what an ImageMaker made.
type Images struct {
	Model       string
	Images      []Image
	Seeds       []uint32 // of each image, where the server says
	InputTokens int
	Elapsed     time.Duration
}

// Prober is the optional power to say whether the backend's server is there.
type Prober interface {
	// Probe answers nil when a request would be taken. It loads nothing.
	Probe(ctx context.Context) error
}

// ErrContextWindow is in the chain of a fault that says that a request does not
// fit into the model's context window, so that a model with a larger one can be
// asked.
var ErrContextWindow = errors.New("the request does not fit into the model's context window")

// RetryAfter is in the chain of a fault whose server said when to ask again.
type RetryAfter struct{ Wait time.Duration }

// Error implements error.
func (r RetryAfter) Error() string { return "the server asks to wait for " + r.Wait.String() }
