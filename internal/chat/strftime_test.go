package chat

import (
	"testing"
	"time"
)

func TestStrftime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.March, 5, 15, 4, 9, 123456789, time.FixedZone("CET", 3600))
	for _, c := range []struct{ format, want string }{
		{"%d %b %Y", "05 Mar 2026"},
		{"%Y-%m-%d", "2026-03-05"},
		{"%B %-d, %Y", "March 5, 2026"},
		{"%A %a %e", "Thursday Thu  5"},
		{"%H:%M:%S %I %p %y", "15:04:09 03 PM 26"},
		{"%-I %-H %-m %-M", "3 15 3 4"},
		{"%j %-j %w %u %f", "064 64 4 4 123456"},
		{"%F %T %R %D %Z %z", "2026-03-05 15:04:09 15:04 03/05/26 CET +0100"},
		{"%c", "Thu Mar  5 15:04:09 2026"},
		{"100%% %n%t|", "100% \n\t|"},
		{"%Q %-Q %", "%Q %-Q %"},
		{"%-", "%-"},
		{"2006 Jan %%Y", "2006 Jan %Y"},
		{"", ""},
	} {
		t.Run(c.format, func(t *testing.T) {
			t.Parallel()
			if got := strftime(at, c.format); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if got := strftime(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), "%-H %-M %-I"); got != "0 0 12" {
		t.Errorf("got %q at midnight, want %q", got, "0 0 12")
	}
}
