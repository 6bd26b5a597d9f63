package app

import (
	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/edge"
	"github.com/outcrop/outcrop/internal/machine"
	"github.com/outcrop/outcrop/internal/overload"
)

// serverShare is the part of the machine's memory that is the server's own where
// nothing else is configured; the models have the rest.
const serverShare = 4

// entrance keeps more out than the server can hold.
func entrance(cfg *config.Config) edge.Entrance {
	memory := int64(cfg.Overload.Memory)
	if memory == 0 {
		memory = machine.Memory() / serverShare
	}
	return overload.New(overload.Params{Requests: int64(cfg.Overload.Requests), Memory: memory}).Enter
}
