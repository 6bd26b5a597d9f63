package claudetext_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/claudetext"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

func model() native.Model {
	m := nativetest.Model("anthropic.claude-v2:1")
	m.MaxOutput = 4096
	return m
}

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, claudetext.Family{}, model()) }

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, claudetext.Family{}, model()) }
