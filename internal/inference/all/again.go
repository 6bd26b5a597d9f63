package all

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/outcrop/outcrop/internal/inference"
)

// Print changes when a backend has to be built anew: with what the configuration
// says of it, and with what is in the files and variables that it names.
type Print [sha256.Size]byte

// Prints returns those of the configured backends. What cannot be read counts as
// empty: building the backend says why.
func Prints(p Params) map[string]Print {
	if p.Getenv == nil {
		p.Getenv = os.Getenv
	}
	prints := make(map[string]Print, len(p.Config.Backends))
	for name, b := range p.Config.Backends {
		h := sha256.New()
		fmt.Fprintf(h, "%#v %#v %t\n", b, p.Config.Routing.Timeouts, p.Config.Offline) // a hash fails never
		for _, secret := range b.Secrets() {
			value, _ := secret.Value(p.Getenv)
			fmt.Fprintf(h, "%q\n", value)
		}
		for _, path := range []string{b.Script, b.CA} {
			if path != "" {
				text, _ := os.ReadFile(path)
				fmt.Fprintf(h, "%q\n", text)
			}
		}
		prints[name] = Print(h.Sum(nil))
	}
	return prints
}

// Again is Backends for a configuration that replaces another one: backends of
// which nothing has changed are those that run, and so is the engine inside. fresh
// are the others. After an error nothing new is left running.
func Again(p Params, running map[string]inference.Backend, prints map[string]Print) (backends map[string]inference.Backend, fresh []inference.Backend, err error) {
	if p.Getenv == nil {
		p.Getenv = os.Getenv
	}
	backends = map[string]inference.Backend{Default: running[Default]}
	now := Prints(p)
	for _, name := range slices.Sorted(maps.Keys(p.Config.Backends)) {
		if b, ok := running[name]; ok && prints[name] == now[name] {
			backends[name] = b
			continue
		}
		b, err := backend(p, name, p.Config.Backends[name])
		if err != nil {
			err = fmt.Errorf("backends.%s: %w", name, err)
			for _, started := range fresh {
				err = errors.Join(err, started.Close())
			}
			return nil, nil, err
		}
		backends[name] = b
		fresh = append(fresh, b)
	}
	return backends, fresh, nil
}
