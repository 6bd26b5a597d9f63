// Command outcrop-gen writes the packages below internal/api, and the modules
// that the console calls services with, from the service models that
// api/MODELS.lock pins. Run it from the root of the repository:
//
//	go run ./cmd/outcrop-gen            # write what differs
//	go run ./cmd/outcrop-gen -check     # write nothing, fail if something differs
//
// The models come from pip, or with -models from a botocore data directory.
// Either way their digests are checked.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/outcrop/outcrop/cmd/outcrop-gen/internal/gen"
	"github.com/outcrop/outcrop/cmd/outcrop-gen/internal/typescript"
	"github.com/outcrop/outcrop/internal/wire/schema/botocore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "outcrop-gen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("outcrop-gen", flag.ContinueOnError)
	lockFile := flags.String("lock", "api/MODELS.lock", "`file` that pins the models")
	models := flags.String("models", "", "botocore data `directory` to read instead of asking pip")
	cache := flags.String("cache", "", "`directory` that keeps the wheel (default: in the user's cache directory)")
	out := flags.String("out", "internal/api", "`directory` of the generated packages")
	console := flags.String("console", "web/src/api", "`directory` of the console's modules, with operations.txt")
	check := flags.Bool("check", false, "write nothing, fail when a file would change")
	if err := flags.Parse(args); err != nil {
		return err
	}
	lock, err := gen.ReadLock(*lockFile)
	if err != nil {
		return err
	}
	read := func(f gen.File) ([]byte, error) { return lock.FromDirectory(*models, f) }
	if *models == "" {
		if *cache == "" {
			base, err := os.UserCacheDir()
			if err != nil {
				return err
			}
			*cache = filepath.Join(base, "outcrop", "models-src")
		}
		wheel, err := lock.Download(ctx, *cache)
		if err != nil {
			return err
		}
		read = func(f gen.File) ([]byte, error) { return lock.FromWheel(wheel, f) }
	}
	list, err := os.ReadFile(filepath.Join(*console, "operations.txt"))
	if err != nil {
		return err
	}
	wanted, err := typescript.ReadOperations(list)
	if err != nil {
		return fmt.Errorf("operations.txt: %w", err)
	}
	var stale []string
	for _, f := range lock.Models {
		data, err := read(f)
		if err != nil {
			return err
		}
		svc, err := botocore.Parse(data)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		pkg := strings.ReplaceAll(f.Service(), "-", "")
		files, err := gen.Generate(pkg, svc)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		dir := filepath.Join(*out, pkg)
		if *check {
			stale = append(stale, differing(dir, files)...)
		} else if err := write(dir, files); err != nil {
			return err
		}
		operations, ok := wanted[f.Service()]
		if !ok {
			continue
		}
		delete(wanted, f.Service())
		module, err := typescript.Generate(svc, operations)
		if err != nil {
			return err
		}
		path := filepath.Join(*console, f.Service()+".gen.ts")
		if *check {
			if was, err := os.ReadFile(path); err != nil || !bytes.Equal(was, module) {
				stale = append(stale, path)
			}
		} else if err := typescript.Write(path, module); err != nil {
			return err
		}
	}
	for service := range wanted {
		return fmt.Errorf("operations.txt: no model of %s is pinned", service)
	}
	if len(stale) > 0 {
		return fmt.Errorf("generated files are not what the models give, run make generate: %s", strings.Join(stale, ", "))
	}
	return nil
}

func write(dir string, files map[string][]byte) error {
	changed, err := gen.Write(dir, files)
	for _, name := range changed {
		fmt.Println(name)
	}
	return err
}

func differing(dir string, files map[string][]byte) []string {
	var names []string
	for name, src := range files {
		path := filepath.Join(dir, name)
		if was, err := os.ReadFile(path); err != nil || !bytes.Equal(was, src) {
			names = append(names, path)
		}
	}
	old, _ := filepath.Glob(filepath.Join(dir, "*_gen.go"))
	for _, path := range old {
		if _, ok := files[filepath.Base(path)]; !ok {
			names = append(names, path)
		}
	}
	return names
}
