package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/signalling"
	"google.golang.org/protobuf/proto"
)

const (
	room        = "bench"
	protocol    = "16"
	pingEvery   = 5 * time.Second
	dialTimeout = 30 * time.Second
)

// Of the publisher's offer; the server knows its track by it.
var msid = regexp.MustCompile(`(?m)^a=msid:\S+ (\S+)`)

// One participant: a websocket. The publisher may not subscribe and receivers
// may not publish, so that each has one peer connection, as everywhere else.
type seat struct {
	number int
	conn   *websocket.Conn
	write  sync.Mutex

	mu         sync.Mutex
	offer      string // the publisher's, until the track is announced
	remote     *livekit.SessionDescription
	candidates []string
	answering  uint32 // the offer that the next answer is for
	said       bool   // the present description went to the generator
}

func token(number int, publishes bool) (string, error) {
	yes, no := true, false
	grant := &auth.VideoGrant{RoomJoin: true, Room: room,
		CanPublish: &no, CanPublishData: &no, CanSubscribe: &yes}
	if publishes {
		grant.CanPublish, grant.CanSubscribe = &yes, &no
	}
	return auth.NewAccessToken(key, secret).
		SetVideoGrant(grant).
		SetIdentity(fmt.Sprintf("seat%d", number)).
		ToJWT()
}

func join(port, number int, offer string) (*seat, error) {
	jwt, err := token(number, offer != "")
	if err != nil {
		return nil, err
	}
	query := url.Values{"access_token": {jwt}, "auto_subscribe": {"1"},
		"protocol": {protocol}, "sdk": {"go"}}
	dialer := websocket.Dialer{HandshakeTimeout: dialTimeout}
	conn, _, err := dialer.Dial(fmt.Sprintf("ws://127.0.0.1:%d/rtc?%s", port,
		query.Encode()), nil)
	if err != nil {
		return nil, err
	}
	s := &seat{number: number, conn: conn, offer: offer}
	go s.listen()
	go s.ping()
	return s, nil
}

func (s *seat) send(message *livekit.SignalRequest) {
	bytes, err := proto.Marshal(message)
	if err == nil {
		s.write.Lock()
		err = s.conn.WriteMessage(websocket.BinaryMessage, bytes)
		s.write.Unlock()
	}
	if err != nil {
		fail(fmt.Sprintf("seat %d: %v", s.number, err))
	}
}

func (s *seat) ping() {
	for range time.Tick(pingEvery) {
		s.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_PingReq{
			PingReq: &livekit.Ping{Timestamp: time.Now().UnixMilli()}}})
	}
}

func (s *seat) listen() {
	for {
		_, bytes, err := s.conn.ReadMessage()
		if err != nil {
			fail(fmt.Sprintf("seat %d: %v", s.number, err))
			return
		}
		message := &livekit.SignalResponse{}
		if err := proto.Unmarshal(bytes, message); err != nil {
			fail(fmt.Sprintf("seat %d: %v", s.number, err))
			return
		}
		s.take(message)
	}
}

func (s *seat) take(message *livekit.SignalResponse) {
	switch m := message.Message.(type) {
	case *livekit.SignalResponse_Join:
		if s.offer != "" {
			s.announce()
		}
	case *livekit.SignalResponse_TrackPublished:
		s.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Offer{
			Offer: &livekit.SessionDescription{Type: "offer", Sdp: s.offer,
				Id: 1}}})
	case *livekit.SignalResponse_Answer:
		s.describe(m.Answer)
	case *livekit.SignalResponse_Offer:
		s.describe(m.Offer)
	case *livekit.SignalResponse_Trickle:
		s.trickle(m.Trickle)
	case *livekit.SignalResponse_Leave:
		fail(fmt.Sprintf("seat %d has to leave: %v", s.number, m.Leave.Reason))
	}
}

func (s *seat) announce() {
	found := msid.FindStringSubmatch(s.offer)
	if found == nil {
		fail("the publisher's offer names no track")
		return
	}
	s.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_AddTrack{
		AddTrack: &livekit.AddTrackRequest{Cid: found[1], Name: "bench",
			Type: livekit.TrackType_VIDEO, Source: livekit.TrackSource_CAMERA,
			Width: 320, Height: 240,
			Layers: []*livekit.VideoLayer{{Quality: livekit.VideoQuality_HIGH,
				Width: 320, Height: 240, Bitrate: 4400000}}}}})
}

func (s *seat) describe(remote *livekit.SessionDescription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remote, s.said = remote, false
	if remote.Type == "offer" {
		s.answering = remote.Id
	}
	s.tell()
}

func (s *seat) trickle(t *livekit.TrickleRequest) {
	candidate, err := signalling.FromProtoTrickle(t)
	if err != nil {
		fail(err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Contains(candidate.Candidate, " udp ") {
		s.candidates = append(s.candidates, candidate.Candidate)
	}
	s.tell()
}

// The generator knows no trickling: it gets a description once there is a
// candidate, which goes behind the last m-line.
func (s *seat) tell() {
	if s.remote == nil || s.said {
		return
	}
	sdp := s.remote.Sdp
	if !strings.Contains(sdp, "\na=candidate:") {
		if len(s.candidates) == 0 {
			return
		}
		for _, c := range s.candidates {
			sdp += "a=" + c + "\r\n"
		}
	}
	s.said = true
	say(event{Event: s.remote.Type, Seat: s.number, SDP: sdp})
}

func (s *seat) answer(sdp string) {
	s.mu.Lock()
	id := s.answering
	s.mu.Unlock()
	s.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Answer{
		Answer: &livekit.SessionDescription{Type: "answer", Sdp: sdp, Id: id}}})
}
