package directory_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/outcrop/outcrop/internal/iam/directory"
)

// An attachment that is only begun keeps the policy, so that it cannot end on
// another one of the same name; one that a dead server began does so no longer.
func TestBegunAttachment(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := directory.New(directory.Params{Store: newStore(t, c.Now), Account: account, Now: c.Now, Rand: rand.Reader})
	ctx := t.Context()
	who := directory.Who{Sort: directory.SortUser, Name: "u"}
	must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "u"}))
	p := must[directory.Policy](t)(d.CreatePolicy(ctx, directory.NewPolicy{Name: "p", Document: allow}))
	for range 2 { // the second one finds the record of the first
		directory.BeginAttach(t, d, who, p.ARN)
		refused(t, d.DeletePolicy(ctx, p.ARN), "DeleteConflict", "Cannot delete a policy attached to entities.")
		c.Advance(time.Minute)
	}
	if uses := must[directory.Page[directory.Use]](t)(d.Uses(ctx, p.ARN, directory.List{})); len(uses.Items) != 0 {
		t.Errorf("got %d uses want none", len(uses.Items))
	}
	ok(t, d.DeletePolicy(ctx, p.ARN))
}

// What a server died deleting is gone, and its name is free a minute later.
func TestBegunDeletion(t *testing.T) {
	t.Parallel()
	c := newClock()
	d := directory.New(directory.Params{Store: newStore(t, c.Now), Account: account, Now: c.Now, Rand: rand.Reader})
	ctx := t.Context()
	old := must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "u"}))
	directory.BeginDelete(t, d, directory.Who{Sort: directory.SortUser, Name: "u"})
	_, err := d.User(ctx, "u")
	refused(t, err, "NoSuchEntity", "The user with name u cannot be found.")
	refused(t, d.AttachUserPolicy(ctx, "u", awsFull), "NoSuchEntity", "The user with name u cannot be found.")
	unknown(t, d, principal(old))
	_, err = d.CreateUser(ctx, directory.NewUser{Name: "u"})
	refused(t, err, "EntityAlreadyExists", "User with name u already exists.")
	c.Advance(time.Minute)
	if made := must[directory.User](t)(d.CreateUser(ctx, directory.NewUser{Name: "u"})); made.ID == old.ID {
		t.Error("got the ID of the user before")
	}
}
