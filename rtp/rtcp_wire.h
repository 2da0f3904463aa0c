/* Numbers of RTCP that its walk and its builder share; private to rtp/. */
#ifndef HEARTH_RTP_RTCP_WIRE_H
#define HEARTH_RTP_RTCP_WIRE_H

enum {
	PT_SR = 200,
	PT_RR = 201,
	PT_SDES = 202,
	PT_BYE = 203,
	PT_RTPFB = 205,
	PT_PSFB = 206
};
enum { FMT_NACK = 1, FMT_TWCC = 15 };            /* of RTPFB */
enum { FMT_PLI = 1, FMT_FIR = 4, FMT_AFB = 15 }; /* of PSFB */
enum { SDES_CNAME = 1 };

enum {
	SR_LEN = 28,    /* with header, without report blocks */
	RR_LEN = 8,     /* the same */
	BLOCK_LEN = 24, /* one report block */
	FB_LEN = 12,    /* feedback with both SSRCs, without entries */
	REMB_LEN = 20,  /* feedback, "REMB", count, rate */
	NACK_ENTRY = 4, /* PID, BLP */
	FIR_ENTRY = 8,
};

#define REMB_ID 0x52454d42 /* "REMB" */

#endif
