// Drives LiveKit's server for bench/run peers and quality:
// driver SERVER MODE CPU [ADDRESS]. Without an address it is on loopback.
//
// Lines of JSON on stdin and stdout, as bench/peers/README.md says.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
)

const lineMax = 1 << 20

type event struct {
	Event    string `json:"event"`
	Seat     int    `json:"seat"`
	SDP      string `json:"sdp,omitempty"`
	Text     string `json:"text,omitempty"`
	PID      int    `json:"pid,omitempty"`
	Version  string `json:"version,omitempty"`
	Settings string `json:"settings,omitempty"`

	// For who speaks its signalling himself.
	URL    string `json:"url,omitempty"`
	Key    string `json:"key,omitempty"`
	Secret string `json:"secret,omitempty"`
}

type order struct {
	Do   string `json:"do"`
	Seat int    `json:"seat"`
	SDP  string `json:"sdp"`
}

var saying sync.Mutex

func say(e event) {
	bytes, err := json.Marshal(e)
	if err != nil {
		return
	}
	saying.Lock()
	defer saying.Unlock()
	os.Stdout.Write(append(bytes, '\n'))
}

// The generator ends the run, and so this program.
func fail(text string) {
	say(event{Event: "failed", Text: "livekit: " + text})
}

// As the server names itself: "livekit-server version 1.2.3".
func version(program string) string {
	said, err := exec.Command(program, "--version").Output()
	words := strings.Fields(string(said))
	if err != nil || len(words) == 0 {
		return "livekit of unknown version"
	}
	return "livekit " + words[len(words)-1]
}

type hall struct {
	port  int
	mu    sync.Mutex
	seats map[int]*seat
}

func (h *hall) carryOut(o order) {
	switch o.Do {
	case "join":
		s, err := join(h.port, o.Seat, o.SDP)
		if err != nil {
			fail(fmt.Sprintf("seat %d cannot join: %v", o.Seat, err))
			return
		}
		h.mu.Lock()
		h.seats[o.Seat] = s
		h.mu.Unlock()
	case "answer":
		h.mu.Lock()
		s := h.seats[o.Seat]
		h.mu.Unlock()
		if s != nil {
			s.answer(o.SDP)
		}
	}
}

// What the command line asks for; exits where it asks for nothing known.
func start() (*server, error) {
	n := len(os.Args)
	if n < 4 || n > 5 || modes[os.Args[2]].name == "" {
		fmt.Fprintln(os.Stderr,
			"usage: driver SERVER ''|-mux|-adaptive CPU [ADDRESS]")
		os.Exit(2)
	}
	address := "127.0.0.1"
	if n == 5 {
		address = os.Args[4]
	}
	return startServer(os.Args[1], os.Args[2], os.Args[3], address)
}

func main() {
	// Seats complain when the server ends; by then nobody may listen, and
	// that must not end this program before it has cleaned up.
	signal.Ignore(syscall.SIGPIPE)
	s, err := start()
	defer s.stop()
	if err != nil {
		fail(err.Error())
		return
	}
	say(event{Event: "ready", PID: s.command.Process.Pid,
		Version:  version(os.Args[1]),
		Settings: modes[os.Args[2]].name,
		URL:      fmt.Sprintf("ws://%s:%d", s.address, s.port),
		Key:      key, Secret: secret})
	h := &hall{port: s.port, seats: map[int]*seat{}}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, lineMax)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			fail(err.Error())
			return
		}
		h.carryOut(o)
	}
}
