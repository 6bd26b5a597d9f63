package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The peer and the exact packages that it is made of.
var (
	//go:embed peer/peer.py
	peerProgram []byte
	//go:embed peer/requirements.txt
	peerPackages []byte
)

// measurePeer has the same files and queries done by a program as people write
// it with a framework, with the same embedding model behind the same endpoint.
func (k *knowledge) measurePeer(ctx context.Context, o options, r *report) error {
	if o.peer == "" {
		r.note("There is no comparison with a peer: -peer names no folder to install it in.")
		return nil
	}
	python, err := installPython(ctx, o, "requirements.txt", peerPackages)
	if err != nil {
		r.note("There is no comparison with a peer, because it could not be installed: %v", err)
		return nil
	}
	queries := filepath.Join(filepath.Dir(k.folder), "queries.txt")
	if err := os.WriteFile(queries, []byte(strings.Join(k.queries, "\n")), 0o644); err != nil {
		return err
	}
	program := filepath.Join(o.peer, "peer.py")
	if err := os.WriteFile(program, peerProgram, 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, python, program, k.folder, queries, k.base)
	cmd.Env = append(withoutClients(os.Environ()),
		"AWS_ENDPOINT_URL=http://"+k.s.address, "AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY="+secretKey,
		"AWS_REGION="+region, "AWS_DEFAULT_REGION="+region, "AWS_EC2_METADATA_DISABLED=true")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, stderr.String())
	}
	var figures struct {
		Chunks                                                         int
		IngestSeconds, SameBest                                        float64
		QueryMilliseconds, RetrieveMilliseconds, RetrieverMilliseconds float64
	}
	if err := json.Unmarshal(out, &figures); err != nil {
		return fmt.Errorf("%w in %q", err, out)
	}
	if figures.Chunks != len(k.texts) {
		return fmt.Errorf("the peer made %d chunks of %d files: its figures cannot be compared", figures.Chunks, len(k.texts))
	}
	r.inform("LangChain and FAISS: the same files", float64(figures.Chunks)/figures.IngestSeconds, "chunks/s")
	r.inform("  the same queries, median", figures.QueryMilliseconds, "ms")
	r.inform("  the same queries with boto3's retrieve, median", figures.RetrieveMilliseconds, "ms")
	r.inform("  with LangChain's retriever for knowledge bases, median", figures.RetrieverMilliseconds, "ms")
	r.inform("  queries with the same best document", figures.SameBest*100, "%")
	r.demand("sync against LangChain and FAISS", figures.IngestSeconds/k.ingested.Seconds(), "times", atLeast, peerIngest)
	r.demand("retrieve against LangChain and FAISS", figures.QueryMilliseconds/figures.RetrieveMilliseconds, "times", atLeast, peerQuery)
	return nil
}

// installPython makes a virtual environment, once for each list of packages, and
// returns its Python. The list is kept beside it under a name.
func installPython(ctx context.Context, o options, name string, packages []byte) (string, error) {
	sum := sha256.Sum256(packages)
	folder := filepath.Join(o.peer, "venv-"+hex.EncodeToString(sum[:6]))
	python, done := filepath.Join(folder, "bin", "python"), filepath.Join(folder, ".installed")
	if _, err := os.Stat(done); err == nil {
		return python, nil
	}
	requirements := filepath.Join(o.peer, name)
	if err := errors.Join(os.MkdirAll(o.peer, 0o755), os.WriteFile(requirements, packages, 0o644), os.RemoveAll(folder)); err != nil {
		return "", err
	}
	for _, argv := range [][]string{
		{o.python, "-m", "venv", folder},
		{python, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--requirement", requirements},
	} {
		if out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w: %s", argv[0], err, out)
		}
	}
	return python, os.WriteFile(done, nil, 0o644)
}

// withoutClients drops what would lead a client elsewhere.
func withoutClients(env []string) []string {
	var kept []string
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "AWS_") || strings.HasSuffix(strings.ToLower(name), "_proxy") {
			continue
		}
		kept = append(kept, v)
	}
	return kept
}
