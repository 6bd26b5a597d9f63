package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/store/sqlitestore"
)

// stateName is the file of the control plane's resources in the data directory.
const stateName = "state.db"

// State opens the resources of a data directory. Commands open it beside a
// running server, which notices what they change. The caller closes it.
func State(ctx context.Context, cfg *config.Config, getenv func(string) string) (*sqlitestore.Store, error) {
	dir := cfg.DataDir(getenv)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	return sqlitestore.Open(ctx, filepath.Join(dir, stateName), sqlitestore.Params{})
}
