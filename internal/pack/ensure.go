package pack

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/fetch"
	"github.com/outcrop/outcrop/internal/pack/registry"
)

// stampName is the file in a pack's directory that says what was verified.
const stampName = ".verified.json"

// stamp lets a start see cheaply that a pack is as it was when it was verified:
// a changed file has another size or time.
type stamp struct {
	Integrity string               `json:"integrity"`
	Files     map[string]stampFile `json:"files"`
}

type stampFile struct {
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	SHA256   string    `json:"sha256"`
}

// Missing returns those of the names that are not there, or not as they were
// pinned. It reads a pack whole only when its files are not those of its stamp.
// Fault: NotFound for a name that is no pack.
func (s *Store) Missing(ctx context.Context, names ...string) ([]string, error) {
	var missing []string
	for _, name := range names {
		pin, err := s.pin(name)
		if err != nil {
			return nil, err
		}
		if !s.ready(pin) && !s.unstamped(ctx, pin) {
			missing = append(missing, name)
		}
	}
	return missing, ctx.Err()
}

// unstamped reports whether a pack is whole although its stamp does not say so,
// as after copying a models directory, and stamps it anew.
func (s *Store) unstamped(ctx context.Context, pin *Pin) bool {
	for _, file := range pin.Files {
		info, err := os.Stat(filepath.Join(s.path(pin), file.As))
		if err != nil || info.Size() != file.Size {
			return false
		}
	}
	return len(pin.Files) > 0 && s.verify(ctx, pin) == nil
}

// Ensure fetches those of the named packs that are not there, one after the
// other. Without names it ensures Default. It needs no network when all are
// there. Faults: NotFound (no such pack, or the registry has not got it),
// Unavailable (offline, no connection, disk full), Denied (the registry wants
// credentials), Invalid (what came is not what is pinned), Unsupported (no
// digest is pinned).
func (s *Store) Ensure(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		var err error
		if names, err = s.Default(); err != nil {
			return err
		}
	}
	missing, err := s.Missing(ctx, names...)
	if err != nil {
		return err
	}
	if s.offline && len(missing) > 0 {
		titles := make([]string, len(missing))
		for i, name := range missing {
			pin, err := s.pin(name)
			if err != nil {
				return err
			}
			titles[i] = pin.Title
		}
		return fault.New(fault.Unavailable, "offline, but not on this machine yet: %s; run outcrop setup once with a network, or copy %s from a machine that has it",
			strings.Join(titles, ", "), s.dir)
	}
	for _, name := range missing {
		pin, err := s.pin(name)
		if err != nil {
			return err
		}
		if err := s.ensure(ctx, pin); err != nil {
			return err
		}
	}
	if pin := converted(); slices.Contains(names, Embedding) && !s.ready(pin) && !s.unstamped(ctx, pin) {
		return s.convert(ctx)
	}
	return nil
}

func (s *Store) ensure(ctx context.Context, pin *Pin) error {
	digest, err := fetch.Integrity(pin.Integrity)
	if pin.Integrity == "" || len(pin.Files) == 0 {
		return fault.New(fault.Unsupported, "no digest is pinned for the %s (%s %s), so it is not fetched; see docs/MODELS.md for how to add a pin", pin.Title, pin.Package, pin.Version)
	}
	if err != nil {
		return err
	}
	unlock, err := s.lock(ctx, pin)
	if err != nil {
		return err
	}
	defer unlock()
	if s.ready(pin) {
		return nil // another process was faster
	}
	home := filepath.Join(s.dir, pin.Name)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return fetch.DiskFault(err, "cannot make %s", home)
	}
	archive := filepath.Join(home, "."+pin.Version+".archive")
	if _, err := os.Stat(archive); err != nil {
		from, err := s.locate(ctx, pin)
		if err != nil {
			return err
		}
		if _, err := s.fetch.File(ctx, fetch.Job{Title: pin.Title, URL: from.URL, Header: from.Header, Path: archive, Size: pin.Size, Digest: digest}); err != nil {
			return err
		}
	}
	if err := s.unpack(ctx, pin, archive); err != nil {
		if !fault.Is(err, fault.Unavailable) {
			// Not for want of space: the archive is of no use.
			_ = os.Remove(archive)
		}
		return err
	}
	if err := os.Remove(archive); err != nil {
		s.log.WarnContext(ctx, "an archive could not be removed", "path", archive, "error", err)
	}
	s.log.InfoContext(ctx, "pack ready", "pack", pin.Name, "version", pin.Version)
	return nil
}

func (s *Store) lock(ctx context.Context, pin *Pin) (func(), error) {
	return fetch.Lock(ctx, filepath.Join(s.dir, ".lock-"+pin.Name), "the "+pin.Title, s.fetch.Progress())
}

func (s *Store) locate(ctx context.Context, pin *Pin) (registry.Archive, error) {
	registries, err := registry.New(s.env, s.fetch)
	if err != nil {
		return registry.Archive{}, err
	}
	if pin.Registry == "npm" {
		return registries.NPM(ctx, pin.Package, pin.Version)
	}
	return registries.PyPI(ctx, pin.Package, pin.File)
}

// ready reports whether a pack is there as it was when it was verified.
func (s *Store) ready(pin *Pin) bool {
	if _, ok := s.verified.Load(pin.key()); ok {
		return true
	}
	dir := s.path(pin)
	raw, err := os.ReadFile(filepath.Join(dir, stampName))
	if err != nil {
		return false
	}
	var st stamp
	if json.Unmarshal(raw, &st) != nil || st.Integrity != pin.Integrity {
		return false
	}
	for _, file := range pin.Files {
		known, ok := st.Files[file.As]
		info, err := os.Stat(filepath.Join(dir, file.As))
		if !ok || err != nil || known.SHA256 != file.SHA256 || info.Size() != file.Size || !info.ModTime().Equal(known.Modified) {
			return false
		}
	}
	return true
}

// verify reads every file of a pack, compares its digest with the pin, and
// stamps a pack that is whole. Faults: NotReady for a pack that is not there,
// Invalid for one that is damaged.
func (s *Store) verify(ctx context.Context, pin *Pin) error {
	s.verified.Delete(pin.key())
	dir := s.path(pin)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotReady, "the %s has not been fetched yet; run: outcrop setup", pin.Title)
	}
	bar := s.fetch.Progress().Begin("verifying the "+pin.Title, pin.unpacked())
	done := int64(0)
	for _, file := range pin.Files {
		sum, size, err := fetch.SumFile(ctx, filepath.Join(dir, file.As), func(n int64) { bar.Set(done + n) })
		if err == nil && (sum.Hex != file.SHA256 || size != file.Size) {
			err = fault.New(fault.Invalid, "%s of the %s is not the pinned file; run outcrop setup --verify to fetch it again", file.As, pin.Title)
		}
		if err != nil {
			bar.End(err)
			if errors.Is(err, fs.ErrNotExist) {
				return fault.Wrap(fault.Invalid, err, "%s of the %s is missing; run outcrop setup --verify to fetch it again", file.As, pin.Title)
			}
			return err
		}
		done += size
	}
	bar.End(nil)
	s.verified.Store(pin.key(), struct{}{})
	if err := s.writeStamp(pin, dir); err != nil {
		s.log.WarnContext(ctx, "a verified pack could not be stamped and will be verified again", "pack", pin.Name, "error", err)
	}
	return nil
}

func (p *Pin) key() string { return p.Name + "/" + p.Version }

func (p *Pin) unpacked() int64 {
	total := int64(0)
	for _, file := range p.Files {
		total += file.Size
	}
	return total
}

// withConverted returns the pins of the names, with what is converted from one
// of them behind it.
func (s *Store) withConverted(names []string) ([]*Pin, error) {
	pins := make([]*Pin, 0, len(names)+1)
	for _, name := range names {
		pin, err := s.pin(name)
		if err != nil {
			return nil, err
		}
		pins = append(pins, pin)
		if name == Embedding {
			pins = append(pins, converted())
		}
	}
	return pins, nil
}

// Repair verifies the named packs (Default without names) and fetches again
// what is missing or damaged. Faults as Ensure.
func (s *Store) Repair(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		var err error
		if names, err = s.Default(); err != nil {
			return err
		}
	}
	pins, err := s.withConverted(names)
	if err != nil {
		return err
	}
	for _, pin := range pins {
		err := s.verify(ctx, pin)
		if fault.Is(err, fault.Invalid) {
			if err := s.discard(ctx, pin); err != nil {
				return err
			}
		} else if err != nil && !fault.Is(err, fault.NotReady) {
			return err
		}
	}
	return s.Ensure(ctx, names...)
}

// discard takes a damaged pack out of use.
func (s *Store) discard(ctx context.Context, pin *Pin) error {
	unlock, err := s.lock(ctx, pin)
	if err != nil {
		return err
	}
	defer unlock()
	// Without its stamp the pack is not ready; unpack replaces the directory.
	s.verified.Delete(pin.key())
	err = os.Remove(filepath.Join(s.path(pin), stampName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fetch.DiskFault(err, "cannot discard the damaged %s", pin.Title)
	}
	return nil
}
