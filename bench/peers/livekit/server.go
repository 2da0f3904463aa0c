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

// What is not said here is LiveKit's default.
const settings = `port: %[1]d
bind_addresses: ["%[2]s"]
rtc:
  node_ip: %[2]s
  use_external_ip: false
  enable_loopback_candidate: true
  ips: { includes: [%[2]s/32] }
  tcp_port: 0
%[3]slogging: { level: error }
keys: { %[4]s: "%[5]s" }
`

// Its default, and what the sample configuration has as well.
const (
	manyPorts = `  port_range_start: 50000
  port_range_end: 60000
`
	onePort = `  udp_port: 7882
  batch_io: { batch_size: 128, max_flush_interval: 2ms }
`
	// It sends all it gets then, as the others do.
	sendsAll = `  congestion_control: { enabled: false }
`
)

// How media comes in and goes out, and whether it adapts to its receivers.
var modes = map[string]struct{ name, yaml string }{
	"": {"a port for each peer connection; congestion control off",
		manyPorts + sendsAll},
	"-mux": {"one port, batch_io of 128; congestion control off",
		onePort + sendsAll},
	"-adaptive": {"a port for each peer connection", manyPorts}}

type server struct {
	command *exec.Cmd
	folder  string
	address string
	port    int
}

func freePort(address string) (int, error) {
	l, err := net.Listen("tcp", address+":0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// cpu: where it may run; "-1": anywhere. address: of its signalling and media.
func startServer(program, mode, cpu, address string) (*server, error) {
	port, err := freePort(address)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "hearth-livekit.")
	if err != nil {
		return nil, err
	}
	s := &server{folder: folder, address: address, port: port}
	config := filepath.Join(folder, "livekit.yaml")
	text := fmt.Sprintf(settings, port, address, modes[mode].yaml, key,
		secret)
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
		c, err := net.Dial("tcp", fmt.Sprintf("%s:%d", s.address, s.port))
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
