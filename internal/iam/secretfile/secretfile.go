// Package secretfile keeps the small files that only their owner may read:
// keys, credentials, the certificate authority. It knows how to make one exactly
// once although several processes start together, how to replace one whole, and
// how to keep other processes out meanwhile.
//
// It does not know what is in the files. Packages iam and certificate use it.
// A reader sees a whole old or a whole new file, never a part of one.
package secretfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	fileMode = 0o600
	dirMode  = 0o700
)

// Create writes a new file and its folder, and returns what the file then
// holds: data, or what another process put there first. Whoever loses the race
// reads the winner's.
func Create(path string, data []byte) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	temporary, err := writeTemporary(path, data)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(temporary) }() // its other name stays
	// A hard link, unlike a rename, fails when the name is taken, and unlike
	// O_EXCL it never shows a half-written file.
	err = os.Link(temporary, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = createExclusive(path, data) // a file system without hard links
	}
	if errors.Is(err, fs.ErrExist) {
		return os.ReadFile(path)
	}
	if err != nil {
		return nil, err
	}
	return data, syncFolder(path)
}

func createExclusive(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// Replace puts a whole new file in the place of path.
func Replace(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	temporary, err := writeTemporary(path, data)
	if err != nil {
		return err
	}
	if err := rename(temporary, path); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return syncFolder(path)
}

// writeTemporary writes data to a new file beside path, down to the disk.
func writeTemporary(path string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return "", err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// Lock waits until no other process, and no other caller in this one, holds the
// lock of path, and takes it. The returned function gives it back. The lock is
// a file beside path that is never removed; a process that dies lets go of it.
func Lock(path string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return f.Close, nil // closing unlocks
}
