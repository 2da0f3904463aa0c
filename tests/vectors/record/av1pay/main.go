package main

import (
	"encoding/binary"
	"os"
	"strconv"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// From a file of temporal units, each behind its length in 32 bits, to one of
// RTP packets framed as in RFC 4571.
func main() {
	data, _ := os.ReadFile(os.Args[1])
	out, _ := os.Create(os.Args[2])
	first, _ := strconv.Atoi(os.Args[3])
	stamp, _ := strconv.Atoi(os.Args[4])
	seq, ts := uint16(first), uint32(stamp)
	pay := &codecs.AV1Payloader{}
	for len(data) >= 4 {
		n := binary.BigEndian.Uint32(data)
		unit := data[4 : 4+n]
		data = data[4+n:]
		parts := pay.Payload(288, unit)
		for i, p := range parts {
			pkt := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, Timestamp: ts, SSRC: 1, Marker: i == len(parts)-1}, Payload: p}
			raw, _ := pkt.Marshal()
			var l [2]byte
			binary.BigEndian.PutUint16(l[:], uint16(len(raw)))
			out.Write(l[:])
			out.Write(raw)
			seq++
		}
		ts += 6000
	}
}
