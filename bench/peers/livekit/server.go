package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	key       = "bench"
	secret    = "a secret of the benchmark, of 32 characters or more"
	startTime = 30 * time.Second
)

// What is not said here is LiveKit's default. Without congestion control it
// sends all it gets, as the others do.
const settings = `port: %d
bind_addresses: ["127.0.0.1"]
rtc:
  node_ip: 127.0.0.1
  use_external_ip: false
  enable_loopback_candidate: true
  interfaces: { includes: [lo] }
  tcp_port: 0
%s  congestion_control: { enabled: false }
logging: { level: error }
keys: { %s: "%s" }
`

// How media comes in and goes out; the sample configuration has both.
var modes = map[string]struct{ name, yaml string }{
	"": {"a port for each peer connection", `  port_range_start: 50000
  port_range_end: 60000
`},
	"-mux": {"one port, batch_io of 128", `  udp_port: 7882
  batch_io: { batch_size: 128, max_flush_interval: 2ms }
`}}

type server struct {
	command *exec.Cmd
	folder  string
	port    int
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// cpu: where it may run; "-1": anywhere.
func startServer(program, mode, cpu string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "hearth-livekit.")
	if err != nil {
		return nil, err
	}
	s := &server{folder: folder, port: port}
	config := filepath.Join(folder, "livekit.yaml")
	text := fmt.Sprintf(settings, port, modes[mode].yaml, key, secret)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return s, err
	}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return s, err
	}
	defer log.Close()
	args := []string{program, "--config", config}
	if cpu != "-1" {
		args = append([]string{"taskset", "-c", cpu}, args...)
	}
	s.command = exec.Command(args[0], args[1:]...)
	s.command.Stdout, s.command.Stderr = log, log
	if err := s.command.Start(); err != nil {
		s.command = nil
		return s, err
	}
	return s, s.await()
}

func (s *server) await() error {
	end := time.Now().Add(startTime)
	for time.Now().Before(end) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
	return fmt.Errorf("livekit does not start: %.300s", log)
}

func (s *server) stop() {
	if s == nil {
		return
	}
	if s.command != nil {
		s.command.Process.Kill()
		s.command.Wait()
	}
	os.RemoveAll(s.folder)
}
