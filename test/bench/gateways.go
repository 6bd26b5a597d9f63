package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// The gateways that the server is compared with, and what they are made of.
var (
	//go:embed peer/gateways.txt
	gatewayPackages []byte
	//go:embed peer/gateways.json
	gatewayModules []byte
	//go:embed peer/gateways-lock.json
	gatewayLock []byte
)

// gateway is a peer that leads chat completions to the same upstream.
type gateway struct {
	name    string
	limit   float64
	headers string // of each request
	start   func(ctx context.Context, o options, up *upstream, port string) (*exec.Cmd, error)
}

const liteLLMKey = "sk-bench"

// measureGateways has other gateways do the same: one chat completion after the
// other on as many connections, as their documentation starts them.
func measureGateways(ctx context.Context, o options, up *upstream, own float64, r *report) error {
	if o.peer == "" {
		r.note("There is no comparison with other gateways: -peer names no folder to install them in.")
		return nil
	}
	for _, g := range []gateway{
		{"LiteLLM", liteLLMTarget, "Authorization: Bearer " + liteLLMKey + "\r\n", startLiteLLM},
		{"Portkey", portkeyTarget, "x-portkey-provider: openai\r\nx-portkey-custom-host: http://" + up.address + "/v1\r\nAuthorization: Bearer unused\r\n", startPortkey},
	} {
		rate, err := g.measure(ctx, o, up)
		if err != nil {
			r.note("There is no comparison with %s: %v", g.name, err)
			continue
		}
		r.inform(g.name, rate, "requests/s")
		r.demand("throughput against "+g.name, own/rate, "times", atLeast, g.limit)
	}
	return nil
}

func (g gateway) measure(ctx context.Context, o options, up *upstream) (rate float64, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address := l.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	if err := l.Close(); err != nil {
		return 0, err
	}
	cmd, err := g.start(ctx, o, up, port)
	if err != nil {
		return 0, err
	}
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = stopTimeout
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it keeps nothing
		_ = cmd.Wait()
	}()
	t := target{address: address, request: plainRequest(address, "/v1/chat/completions", chatBody, g.headers)}
	for begin := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		if _, err = t.load(ctx, 1, 0, 100*time.Millisecond); err == nil {
			break
		}
		if time.Since(begin) > readyTimeout || ctx.Err() != nil {
			return 0, fmt.Errorf("%w\n%s", err, printed.String())
		}
	}
	if _, err := t.load(ctx, saturated, 0, time.Second); err != nil { // warm
		return 0, err
	}
	got, err := t.load(ctx, saturated, 0, measureFor)
	return got.rate(), err
}

// startLiteLLM starts LiteLLM's proxy with a worker for each core.
func startLiteLLM(ctx context.Context, o options, up *upstream, port string) (*exec.Cmd, error) {
	python, err := installPython(ctx, o, "gateways.txt", gatewayPackages)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(o.peer, "litellm.yaml")
	text := fmt.Sprintf(`model_list:
  - model_name: instant
    litellm_params: {model: openai/instant, api_base: "http://%s/v1", api_key: unused}
general_settings: {master_key: %s}
litellm_settings: {telemetry: false}
`, up.address, liteLLMKey)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(python), "litellm"), "--config", config, "--host", "127.0.0.1", "--port", port, "--num_workers", "2")
	cmd.Env = append(withoutClients(os.Environ()), "LITELLM_LOG=ERROR", "NO_DOCS=True", "LITELLM_LOCAL_MODEL_COST_MAP=True")
	return cmd, nil
}

// startPortkey starts Portkey's gateway.
func startPortkey(ctx context.Context, o options, _ *upstream, port string) (*exec.Cmd, error) {
	sum := sha256.Sum256(gatewayLock)
	folder := filepath.Join(o.peer, "node-"+hex.EncodeToString(sum[:6]))
	done := filepath.Join(folder, ".installed")
	if _, err := os.Stat(done); err != nil {
		if err := errors.Join(os.RemoveAll(folder), os.MkdirAll(folder, 0o755), os.WriteFile(filepath.Join(folder, "package.json"), gatewayModules, 0o644),
			os.WriteFile(filepath.Join(folder, "package-lock.json"), gatewayLock, 0o644)); err != nil {
			return nil, err
		}
		npm := exec.CommandContext(ctx, "npm", "ci", "--no-fund", "--no-audit", "--ignore-scripts")
		npm.Dir = folder
		if out, err := npm.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("npm ci: %w: %s", err, out)
		}
		if err := os.WriteFile(done, nil, 0o644); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, "node", filepath.Join(folder, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js"), "--port="+port, "--headless")
	cmd.Env = append(withoutClients(os.Environ()), "NODE_ENV=production", "TRUSTED_CUSTOM_HOSTS=127.0.0.1,localhost")
	return cmd, nil
}
