package inference

import "time"

// slowest is the time of a token from a server that is not given up.
const slowest = time.Second

// Within tells a backend that waits so long for the first piece of an answer, 0
// is for ever, whether it may ask for the answer in one piece, and how long to
// wait then.
//
// In one piece a short answer costs everybody on the way a fraction of what it
// does in many. But who waits for it cannot tell a server that hangs from one
// that writes, and does not know what an answer cost that its caller did not wait
// for: a long one is asked for as a stream, as if Whole were not set.
func (r *Request) Within(first time.Duration) (whole bool, wait time.Duration) {
	if !r.Whole || r.MaxTokens <= 0 {
		return false, first
	}
	if first == 0 {
		return r.MaxTokens <= shortest, 0
	}
	more := time.Duration(r.MaxTokens) * slowest
	if more > 2*first || r.MaxTokens > shortest {
		return false, first
	}
	return true, first + more
}

// shortest is the number of tokens of what is a short answer in any case.
const shortest = 256
