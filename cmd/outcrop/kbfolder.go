package main

import (
	"context"
	"errors"

	"github.com/outcrop/outcrop/internal/client"
	"github.com/outcrop/outcrop/internal/config"
)

// addFolder makes a data source that is a folder of this machine.
func (k *knowledge) addFolder(_ context.Context, _ *client.Client, _ *config.Config, _, _ string, _ newSource) (*client.DataSource, error) {
	return nil, errors.New("folders cannot be added yet; put the documents into a bucket")
}
