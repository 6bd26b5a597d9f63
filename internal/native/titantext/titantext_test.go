package titantext_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/native"
	"github.com/outcrop/outcrop/internal/native/nativetest"
	"github.com/outcrop/outcrop/internal/native/titantext"
)

func model() native.Model {
	m := nativetest.Model("amazon.titan-text-express-v1")
	m.MaxOutput = 8192
	return m
}

func TestGolden(t *testing.T) { t.Parallel(); nativetest.Run(t, titantext.Family{}, model()) }

func FuzzDecode(f *testing.F) { nativetest.Fuzz(f, titantext.Family{}, model()) }
