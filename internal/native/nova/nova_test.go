package nova_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/nova"
)

func model() native.Model {
	m := nativetest.Model("amazon.nova-lite-v1:0")
	m.MaxOutput = 10000
	m.CacheMetrics = true
	return m
}

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, nova.Family{}, model()) }

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, nova.Family{}, model()) }
