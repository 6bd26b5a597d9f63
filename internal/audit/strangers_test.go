package audit_test

import (
	"strings"
	"testing"
	"time"

	apiiam "github.com/outcrop/outcrop/internal/api/iam"
	"github.com/outcrop/outcrop/internal/iam"
)

// Whoever reaches the port can be refused as often as they like, and must not fill
// the disk with it; nor hide what others do.
func TestStrangersDoNotFillTheDisk(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	refused := func(at time.Time) {
		v := view(t, apiiam.Schema(), "ListUsers")
		v.Call.Principal, v.Call.Start, v.Code = iam.Principal{}, at, "InvalidClientTokenId"
		tr.exchange(v)
	}
	for range 1000 {
		refused(noon)
	}
	for range 10 {
		refused(noon.Add(3 * time.Second))
	}
	refused(noon) // the clock was set back
	tr.exchange(view(t, apiiam.Schema(), "ListUsers"))
	if n := strings.Count(tr.text(t), "\n"); n != 100+3+1 {
		t.Errorf("got %d events, want a hundred, one for each second after that, and the one of somebody who is known", n)
	}
	if s := tr.Stats(); s.LeftOut != 900+7+1 || s.Failed != 0 {
		t.Errorf("got %+v, want the others to be counted", s)
	}
}
