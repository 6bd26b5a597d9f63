package offline

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/outcrop/outcrop/internal/client"
	"github.com/outcrop/outcrop/internal/iam"
	"github.com/outcrop/outcrop/internal/pack/packtest"
)

// inside marks the process that runs in the network of its own.
const inside = "OFFLINE_TEST_INSIDE"

const patience = 2 * time.Minute

// report is what that process says: how many packets for other machines each
// server sent, by destination.
type report struct {
	// Control is a server that may go out and has to: it lacks its engine.
	Control map[string]int
	// Offline is a server that was asked for everything it does.
	Offline map[string]int
	// Allowed is an offline server whose objects are at a configured host.
	Allowed map[string]int
	Error   string
}

func TestMain(m *testing.M) {
	if os.Getenv(inside) == "" {
		os.Exit(m.Run())
	}
	r := report{}
	if err := r.run(os.Getenv(inside)); err != nil {
		r.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func TestNothingLeavesAnOfflineServer(t *testing.T) {
	t.Parallel()
	packtest.Open(t)
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", filepath.Join(dir, "outcrop"), "github.com/outcrop/outcrop/cmd/outcrop")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), inside+"="+dir, "OFFLINE_TEST_MODELS="+packtest.Models(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("this machine does not let programs make networks of their own")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%v: %s\n%s", err, stdout.String(), stderr.String())
	}
	if r.Error != "" {
		t.Fatalf("%s\n%s", r.Error, stderr.String())
	}
	t.Logf("packets by destination: %+v", r)
	if len(r.Control) == 0 {
		t.Error("a server that may go out sent nothing that was seen: the test sees nothing")
	}
	if len(r.Offline) != 0 {
		t.Errorf("an offline server sent packets to %v", r.Offline)
	}
	if len(r.Allowed) == 0 {
		t.Error("an offline server did not reach the host that its configuration names")
	}
	for to := range r.Allowed {
		if !strings.HasPrefix(to, configured+":") {
			t.Errorf("an offline server sent packets to %s, which its configuration does not name", to)
		}
	}
}

// configured is an address that documentation may use, and nobody has.
const configured = "192.0.2.7"

// run does everything inside of the network.
func (r *report) run(dir string) error {
	if err := everywhereIsHere(); err != nil {
		return fmt.Errorf("set up the network: %w", err)
	}
	w, err := watch()
	if err != nil {
		return fmt.Errorf("watch the network: %w", err)
	}
	models := os.Getenv("OFFLINE_TEST_MODELS")

	err = with(dir, "control", filepath.Join(dir, "no-models"), nil, func(*server) error {
		return w.until(func(seen map[string]int) bool { return len(seen) > 0 })
	}, "serve")
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	r.Control = w.take()

	err = with(dir, "offline", models, nil, everything, "serve", "--offline")
	if err != nil {
		return fmt.Errorf("offline: %w", err)
	}
	r.Offline = w.take()

	env := []string{
		"OUTCROP_OBJECTS_ENDPOINT=http://" + configured + ":9000", "OUTCROP_OBJECTS_PATH_STYLE=true",
		"OUTCROP_OBJECTS_ACCESS_KEY_ID=AKIAEXAMPLE", "OUTCROP_OBJECTS_SECRET_ACCESS_KEY=example",
	}
	err = with(dir, "allowed", models, env, func(s *server) error {
		if err := s.sync(); err != nil {
			return err
		}
		return w.until(func(seen map[string]int) bool { return len(seen) > 0 })
	}, "serve", "--offline")
	if err != nil {
		return fmt.Errorf("allowed: %w", err)
	}
	r.Allowed = w.take()
	return nil
}

// everything asks a server for what it does, and for what would lead it out.
func everything(s *server) error {
	question := map[string]any{
		"messages":        []any{map[string]any{"role": "user", "content": []any{map[string]any{"text": "Hi"}}}},
		"inferenceConfig": map[string]any{"maxTokens": 4},
	}
	if err := s.client.Call(context.Background(), "POST", "/model/amazon.nova-micro-v1:0/converse", question, nil); err != nil {
		return err
	}
	text := map[string]any{"inputText": "Hi"}
	if err := s.client.Call(context.Background(), "POST", "/model/amazon.titan-embed-text-v2:0/invoke", text, nil); err != nil {
		return err
	}
	if err := s.sync(); err != nil {
		return err
	}
	// A pull is refused, with or without a server.
	pull := s.command("models", "pull", "--offline", "hf.co/example/example:Q4_K_M")
	if out, err := pull.CombinedOutput(); err == nil {
		return fmt.Errorf("a pull that is offline succeeded: %s", out)
	}
	return nil
}

// server is one that runs.
type server struct {
	data, models, program string
	env                   []string
	client                *client.Client
}

func (s *server) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.program, append(args, "--data", s.data, "--models", s.models)...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "OUTCROP_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, s.env...)
	return cmd
}

// with runs f beside a server.
func with(dir, name, models string, env []string, f func(*server) error, args ...string) error {
	s := &server{data: filepath.Join(dir, name), models: models, program: filepath.Join(dir, "outcrop"), env: env}
	cmd := s.command(append(args, "--listen", "127.0.0.1:0")...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		return err
	}
	err := s.connect()
	if err == nil {
		err = f(s)
	}
	_ = cmd.Process.Signal(os.Interrupt)
	if stopped := cmd.Wait(); err == nil {
		err = stopped
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, log.String())
	}
	return nil
}

// connect waits until the server answers, and makes a client with root's key.
func (s *server) connect() error {
	var address, credentials []byte
	err := poll(func() (err error) {
		if address, err = os.ReadFile(filepath.Join(s.data, "address")); err != nil {
			return err
		}
		credentials, err = os.ReadFile(filepath.Join(s.data, "credentials"))
		return err
	})
	if err != nil {
		return err
	}
	values := map[string]string{}
	for line := range strings.Lines(string(credentials)) {
		name, value, _ := strings.Cut(line, "=")
		values[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	s.client = client.New(client.Params{
		Endpoint: "http://" + string(address), Region: "us-east-1",
		AccessKeyID: values["aws_access_key_id"], SecretAccessKey: iam.Secret(values["aws_secret_access_key"]),
	})
	return nil
}

// sync has the server read a bucket, for a knowledge base.
func (s *server) sync() error {
	ctx := context.Background()
	var base struct {
		KnowledgeBase struct{ KnowledgeBaseID string }
	}
	err := s.client.Call(ctx, "PUT", "/knowledgebases/", map[string]any{
		"name": "docs", "roleArn": "arn:aws:iam::000000000000:role/docs",
		"knowledgeBaseConfiguration": map[string]any{
			"type": "VECTOR",
			"vectorKnowledgeBaseConfiguration": map[string]any{
				"embeddingModelArn": "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0",
			},
		},
	}, &base)
	if err != nil {
		return err
	}
	bases := "/knowledgebases/" + base.KnowledgeBase.KnowledgeBaseID
	var source struct {
		DataSource struct{ DataSourceID string }
	}
	err = s.client.Call(ctx, "PUT", bases+"/datasources/", map[string]any{
		"name": "bucket",
		"dataSourceConfiguration": map[string]any{
			"type": "S3", "s3Configuration": map[string]any{"bucketArn": "arn:aws:s3:::docs"},
		},
	}, &source)
	if err != nil {
		return err
	}
	jobs := bases + "/datasources/" + source.DataSource.DataSourceID + "/ingestionjobs/"
	var job struct {
		IngestionJob struct{ IngestionJobID, Status string }
	}
	if err := s.client.Call(ctx, "PUT", jobs, map[string]any{}, &job); err != nil {
		return err
	}
	if s.env != nil {
		return nil // it waits for a host that never answers
	}
	return poll(func() error {
		if err := s.client.Call(ctx, "GET", jobs+job.IngestionJob.IngestionJobID, nil, &job); err != nil {
			return err
		}
		if status := job.IngestionJob.Status; status != "COMPLETE" && status != "FAILED" {
			return errors.New("the sync is not over: " + status)
		}
		return nil
	})
}

// poll tries until it works.
func poll(try func() error) error {
	for deadline := time.Now().Add(patience); ; {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-time.After(10 * time.Millisecond)
	}
}

// everywhereIsHere makes every address of the network the machine's own, so that
// packets for anywhere are sent, and can be seen.
func everywhereIsHere() error {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(s)
	// struct ifreq: a name, then the flags.
	var request [40]byte
	copy(request[:], "lo")
	binary.NativeEndian.PutUint16(request[16:], syscall.IFF_UP|syscall.IFF_RUNNING)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(s), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return errno
	}
	// ip route add local 0.0.0.0/0 dev lo
	n, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW, syscall.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer syscall.Close(n)
	const attribute = 8
	size := syscall.SizeofNlMsghdr + syscall.SizeofRtMsg + attribute
	m := make([]byte, size)
	e := binary.NativeEndian
	e.PutUint32(m[0:], uint32(size))
	e.PutUint16(m[4:], syscall.RTM_NEWROUTE)
	e.PutUint16(m[6:], syscall.NLM_F_REQUEST|syscall.NLM_F_CREATE|syscall.NLM_F_ACK)
	copy(m[16:], []byte{
		syscall.AF_INET, 0, 0, 0, syscall.RT_TABLE_LOCAL, syscall.RTPROT_BOOT, syscall.RT_SCOPE_HOST, syscall.RTN_LOCAL,
	})
	e.PutUint16(m[28:], attribute)
	e.PutUint16(m[30:], syscall.RTA_OIF)
	e.PutUint32(m[32:], uint32(lo.Index))
	if err := syscall.Sendto(n, m, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 256)
	length, _, err := syscall.Recvfrom(n, answer, 0)
	if err != nil {
		return err
	}
	if length < 20 {
		return errors.New("netlink answered too little")
	}
	if code := int32(e.Uint32(answer[16:])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}

// watcher counts the packets for other machines.
type watcher struct {
	mu   sync.Mutex
	seen map[string]int
}

// watch sees every packet, for lo is the only way that there is.
func watch() (*watcher, error) {
	const everyProtocol = 0x0300 // ETH_P_ALL in network order
	s, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_DGRAM, everyProtocol)
	if err != nil {
		return nil, err
	}
	w := &watcher{seen: map[string]int{}}
	go func() {
		packet := make([]byte, 1<<16)
		for {
			n, _, err := syscall.Recvfrom(s, packet, 0)
			if err != nil {
				return
			}
			if to, ok := destination(packet[:n]); ok {
				w.mu.Lock()
				w.seen[to]++
				w.mu.Unlock()
			}
		}
	}()
	return w, nil
}

// destination is where a packet goes, unless that is this machine. Questions for
// a name server leave it, whatever the address of the server. An answer to a
// packet is none of its own.
func destination(packet []byte) (string, bool) {
	if len(packet) < 24 || packet[0]>>4 != 4 {
		return "", false
	}
	header := int(packet[0]&15) * 4
	if len(packet) < header+4 {
		return "", false
	}
	from, to := netip.AddrFrom4([4]byte(packet[12:16])), netip.AddrFrom4([4]byte(packet[16:20]))
	port := binary.BigEndian.Uint16(packet[header+2:])
	if protocol := packet[9]; protocol != syscall.IPPROTO_TCP && protocol != syscall.IPPROTO_UDP {
		return "", false // ICMP tells of a packet that was seen
	}
	const names = 53
	if to.IsLoopback() && port != names || from != to && !from.IsLoopback() && to.IsLoopback() {
		return "", false
	}
	// With every address its own, the machine answers itself: a connection has
	// the same address at both ends. Ports below the ephemeral ones are those
	// that somebody asked for.
	const ephemeral = 32768
	if port >= ephemeral {
		return "", false
	}
	return netip.AddrPortFrom(to, port).String(), true
}

func (w *watcher) until(enough func(map[string]int) bool) error {
	return poll(func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if enough(w.seen) {
			return nil
		}
		return errors.New("no packet was seen")
	})
}

// take returns what was seen since the last time.
func (w *watcher) take() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = map[string]int{}
	return seen
}
