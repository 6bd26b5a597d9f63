package catalog

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

//go:embed regions.json
var regionsJSON []byte

// Region is a region that has Bedrock.
type Region struct {
	Name      string `json:"name"`
	Partition string `json:"partition"` // "aws", "aws-us-gov", …
}

func (c *Catalog) readRegions() error {
	var file struct {
		Source  string   `json:"source"`
		Regions []Region `json:"regions"`
	}
	dec := json.NewDecoder(bytes.NewReader(regionsJSON))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return fmt.Errorf("catalog: regions.json: %w", err)
	}
	c.regions = file.Regions
	c.byRegion = make(map[string]Region, len(c.regions))
	for _, r := range c.regions {
		c.byRegion[r.Name] = r
	}
	return nil
}

// Regions returns every region that has Bedrock, sorted by name.
func (c *Catalog) Regions() []Region { return slices.Clone(c.regions) }

// HasRegion reports whether a region has Bedrock.
func (c *Catalog) HasRegion(name string) bool {
	_, ok := c.byRegion[name]
	return ok
}

// Partition returns the partition of a region, "aws" for one that is not known.
func (c *Catalog) Partition(region string) string {
	if r, ok := c.byRegion[region]; ok {
		return r.Partition
	}
	return "aws"
}

// FoundationModelARN is the ARN of a base model in a region. The region is empty
// for the destination of a global profile.
func (c *Catalog) FoundationModelARN(region, modelID string) string {
	return strings.Join([]string{"arn", c.Partition(region), "bedrock", region, "", "foundation-model/" + modelID}, ":")
}

// ProfileARN is the ARN of an inference profile in a source region.
func (c *Catalog) ProfileARN(region, account, profileID string) string {
	return strings.Join([]string{"arn", c.Partition(region), "bedrock", region, account, "inference-profile/" + profileID}, ":")
}
