package iam

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/outcrop/outcrop/internal/iam/secretfile"
)

// RootKey is the access key of the account's root, which may do everything.
type RootKey struct {
	AccessKeyID string
	Secret      Secret
	// Made is true when this start created the key and its file.
	Made bool
}

// RootParams say where root's key comes from.
type RootParams struct {
	// AccessKeyID and SecretAccessKey, when configured, are used instead of the
	// file, which is then neither read nor written. Both or neither must be set.
	AccessKeyID     string
	SecretAccessKey Secret
	// Rand makes new keys; required (crypto/rand.Reader, except in tests).
	Rand io.Reader
}

// LoadRoot returns root's key: the configured one, else the [default] profile
// of the AWS credentials file at path, which is made (readable by its owner
// only) when it does not exist. Where others may read an existing file they no
// longer may afterwards, if this process can change that. Several processes may
// start at once; they agree on one key.
func LoadRoot(path string, p RootParams) (RootKey, error) {
	switch {
	case p.AccessKeyID != "" && p.SecretAccessKey != "":
		if strings.ContainsAny(p.AccessKeyID, "/,= \t\r\n") {
			return RootKey{}, errors.New("the root access key ID contains a character that cannot be in a credential scope")
		}
		return RootKey{AccessKeyID: p.AccessKeyID, Secret: p.SecretAccessKey}, nil
	case p.AccessKeyID != "" || p.SecretAccessKey != "":
		return RootKey{}, errors.New("only one half of the root key is configured: " +
			"set both the access key ID and the secret access key, or neither")
	}
	data, err := os.ReadFile(path)
	if err == nil {
		secretfile.Narrow(path)
		return parseRoot(path, data)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return RootKey{}, fmt.Errorf("read root credentials: %w", err)
	}
	id, err := NewAccessKeyID(p.Rand)
	if err != nil {
		return RootKey{}, err
	}
	secret, err := NewSecret(p.Rand)
	if err != nil {
		return RootKey{}, err
	}
	text := "[default]\naws_access_key_id = " + id + "\naws_secret_access_key = " + secret.Reveal() + "\n"
	data, err = secretfile.Create(path, []byte(text))
	if err != nil {
		return RootKey{}, fmt.Errorf("write root credentials: %w", err)
	}
	key, err := parseRoot(path, data)
	key.Made = err == nil && key.AccessKeyID == id
	return key, err
}

// parseRoot reads the two settings of the [default] profile.
func parseRoot(path string, data []byte) (RootKey, error) {
	var key RootKey
	profile := ""
	lines := bufio.NewScanner(strings.NewReader(string(data)))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			profile = strings.TrimSpace(strings.Trim(line, "[]"))
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		if profile != "default" {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "aws_access_key_id":
			key.AccessKeyID = strings.TrimSpace(value)
		case "aws_secret_access_key":
			key.Secret = Secret(strings.TrimSpace(value))
		}
	}
	if err := lines.Err(); err != nil {
		return RootKey{}, fmt.Errorf("read %s: %w", path, err)
	}
	if key.AccessKeyID == "" || key.Secret == "" {
		return RootKey{}, fmt.Errorf("%s: the [default] profile lacks aws_access_key_id or aws_secret_access_key; "+
			"complete it, or remove the file to have a new key made", path)
	}
	return key, nil
}
