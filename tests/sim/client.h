/*
 * A WebRTC client without sockets: full-ICE controlling side, DTLS, SRTP, data
 * channels, made of our own floor-1 cores and libnice's STUN layer. Drives
 * whole conferences in tests/sim on a virtual clock and loads the daemon in
 * bench/.
 *
 * It publishes numbered audio and video packets and checks what it gets: whose
 * they are, that every stream begins with a key frame, what is missing.
 */
#ifndef HEARTH_TESTS_SIM_CLIENT_H
#define HEARTH_TESTS_SIM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "dtls/channel.h"
#include "dtls/dtls.h"
#include "rtp/arrival.h"
#include "rtp/crypt.h"
#include "rtp/history.h"
#include "rtp/packet.h"
#include "rtp/receive.h"
#include "tests/sim/client_svc.h"

enum {
	CLIENT_STREAMS = 256, /* received at most */
	CLIENT_MEDIA = 256,   /* m-lines */
	CLIENT_SDP = 131072,
	CLIENT_CHECK_US = 2500000, /* consent checks, RFC 7675 5.1 */
	CLIENT_LIVE_US = 2000000,  /* a stream heard since then is live */
	CLIENT_H264_PT = 102,
	CLIENT_VP9_PT = 98,
	CLIENT_AV1_PT = 45,
	CLIENT_RTX_PT = 97, /* of VP8 */
	CLIENT_RED_PT = 63, /* of opus */
	CLIENT_SENDS = 4,   /* audio, video, and what is below that */
	CLIENT_MID_EXT = 4,
	CLIENT_RID_EXT = 5,
	CLIENT_TWCC_EXT = 6,
	CLIENT_RRID_EXT = 7,
	CLIENT_DD_EXT = 8,
	/* In the payload, behind its descriptor (client_media.c). */
	CLIENT_AT_ID = 10,
	CLIENT_AT_COUNTER = 14,
	CLIENT_AT_INDEX = 18,
	CLIENT_AT_SENT = 19,
	CLIENT_STAMP = 27,
	CLIENT_LAYERED = 6, /* bytes of a descriptor with all there is */
};

enum client_kind { CLIENT_AUDIO, CLIENT_VIDEO };

/* Video in three sizes (180, 360 and 720 lines), told apart by rid or by a SIM
 * group; with picture ids and two temporal layers. */
enum client_simulcast { CLIENT_SINGLE, CLIENT_RIDS, CLIENT_SIM_GROUP };
enum { CLIENT_LOWER = 2 }; /* encodings below send[CLIENT_VIDEO] */

/* Where datagrams go; the first member of the owner's own struct. */
struct client_out {
	void (*send)(struct client_out *out, const uint8_t *buf, size_t len);
};

struct client_config {
	uint32_t id; /* written into every packet */
	bool audio, video, data;
	bool dtls_server; /* offer setup:passive, so that hearth is active */
	bool dtls_client; /* offer setup:active, so that hearth is passive */
	unsigned fps, packets_per_frame, packet_bytes; /* video */
	unsigned audio_ms;
	unsigned key_delay_us; /* an encoder that takes its time */
	unsigned spares;       /* pairs of m-lines offered only to receive */
	bool metadata_free; /* a single-stream peer: never expects an offer */
	bool h264;          /* has H.264 besides VP8 */
	bool sends_h264;
	bool twcc; /* transport-wide feedback, both ways */
	bool red;  /* RFC 2198, both ways */
	bool rtx;  /* RFC 4588 for VP8, both ways */
	enum client_simulcast simulcast;
	/* Its video has these layers; one who sends none has judge. */
	enum client_svc svc;
	bool layered; /* has VP9, AV1 and H.264 besides VP8, and descriptors */
	bool undescribed; /* those without */
};

/* One stream we publish. */
struct client_send {
	bool on;
	uint32_t ssrc, ts;
	uint16_t seq;
	uint32_t counter; /* frame or packet number in the payload */
	uint64_t next_us;
	bool want_key;
	uint64_t key_us; /* not before */
	uint64_t packets, octets, keyframes, resent;
	struct history *history;
	uint64_t unwrapped;
	uint32_t rtx_ssrc;
	uint16_t rtx_seq;
	/* One of several encodings: its lines, what its pictures are numbered
	 * from, and whether it is switched off for now. */
	uint16_t height, picture;
	uint8_t tl0;
	bool mute;
};

/* One stream we receive. */
struct client_stream {
	bool used, started;
	enum client_kind kind;
	uint32_t ssrc, rtx_ssrc; /* rtx_ssrc 0: none */
	char stream[129];
	unsigned mline;
	struct receive receive;
	uint8_t pt;    /* of the packet that came last */
	uint32_t from; /* the publisher's id, 0: none yet */
	uint32_t last_counter;
	uint64_t packets, bytes, keyframes, foreign, first_us, last_us;
	uint64_t before_key; /* packets that came before a key frame: a fault */
	uint64_t sr_ntp;
	uint32_t sr_ts;
	/* Different audio packets heard, by themselves or repeated: of the
	 * last 64 counters one bit each. */
	uint64_t heard, heard_bits;
	uint32_t heard_top, heard_first;
	/* Of a publisher with encodings. */
	uint16_t height;  /* of the packet that came last */
	uint64_t heights; /* how often it changed */
	uint16_t picture;
	uint8_t tl0;
	uint32_t ts;
	uint64_t numbering; /* pictures whose numbers did not go on: a fault */
};

struct client_media {
	char kind[16], mid[33];
	bool rejected;
};

struct client_counters {
	uint64_t datagrams, foreign_ssrc, bad, corrupt, messages, message_bytes;
	uint64_t red;              /* packets */
	uint64_t rtx, rtx_padding; /* RTX packets, and those without news */
	uint64_t feedbacks, told;  /* of what we send: told of as arrived */
	uint64_t plis, nacks_got, nacks_sent, checks, renegotiations;
};

struct client {
	struct client_config cfg;
	struct client_out *out;
	struct cert *cert;
	uint64_t now_us;
	uint64_t remb_bps; /* told last */
	/* ICE */
	struct ice_engine_client *stun;
	char ufrag[16], pwd[32], remote_ufrag[257], remote_pwd[257];
	bool nominated;
	/* The server's address; where set, checks of its own are answered. */
	struct sockaddr_storage remote;
	/* It has full ICE and made the first offer (RFC 8445 6.1.1). */
	bool controlled;
	bool reached, chosen; /* a check was answered; it has nominated */
	uint64_t check_us, answered_us, last_reply_us;
	/* DTLS, SRTP, SCTP */
	struct dtls *dtls;
	struct dtls_out dtls_out;
	struct crypt *crypt;
	struct channels *channels;
	struct assoc_out assoc_out;
	bool connected, closed;
	/* SDP */
	uint64_t sdp_version;
	struct client_media media[CLIENT_MEDIA];
	unsigned n_media;
	unsigned video_pt; /* of VP8, as the last offer named it */
	/* media */
	struct client_send send[2];
	struct client_send lower[CLIENT_LOWER]; /* smallest first */
	struct client_stream stream[CLIENT_STREAMS];
	uint32_t stream_ssrc[CLIENT_STREAMS]; /* dense, for look-ups; 0: free */
	uint64_t nack_us; /* lower bound of the streams' deadlines */
	uint64_t report_us, connected_us;
	uint32_t rtcp_ssrc;
	struct client_counters count;
	/* Transport-wide numbers, of what comes and of what goes. */
	struct arrival arrival;
	/* Of the one stream with layers in it that it gets. */
	struct client_svc_judge *judge;
	uint16_t twcc_seq;
	/* Called for each data message, may be NULL. */
	void (*on_message)(struct client *c, const struct channel *ch,
		bool binary, const uint8_t *data, size_t len);
	/* Called for each packet of media that is no duplicate, may be NULL;
	 * sent_us: by the publisher's own clock. */
	void (*on_packet)(struct client *c, const struct client_stream *s,
		uint64_t sent_us);
	void *user;
};

/* out and cert must outlive it. NULL: out of memory. */
struct client *client_new(const struct client_config *cfg, struct cert *cert,
	struct client_out *out);
struct client *client_free(struct client *c);

/* An offer of what cfg says by now, perhaps with new ICE credentials. Caller
 * frees. */
char *client_offer(struct client *c, bool ice_restart);
/* 0 or -EBADMSG. Checks begin at the next tick. */
int client_answer(struct client *c, uint64_t now_us, const char *sdp);
/* Takes hearth's offer, returns the answer (caller frees), NULL if it is bad.
 */
char *client_negotiate(struct client *c, uint64_t now_us, const char *sdp);

/* No publisher here pads: such an RTP packet carries none of its media, but
 * comes from a server that begins its streams with padding. */
static inline bool client_is_padded(const uint8_t *rtp)
{
	return rtp[0] & 0x20;
}

void client_input(struct client *c, uint64_t now_us, uint8_t *buf, size_t len);
void client_tick(struct client *c, uint64_t now_us);
uint64_t client_deadline(const struct client *c);
/* After assoc_global_tick. */
void client_channels(struct client *c, uint64_t now_us);

/* Streams that carry packets of publisher id `from`, newest packet within 1 s.
 */
unsigned client_live(const struct client *c, uint32_t from, uint64_t now_us);
void client_close(struct client *c);

/* Inner parts (client_sdp.c, client_media.c, client_judge.c). */
void client_media_packet(struct client *c, uint8_t *buf, size_t len);
void client_media_rtcp(struct client *c, const uint8_t *buf, size_t len);
void client_media_tick(struct client *c);
uint64_t client_media_deadline(const struct client *c);
/* Writes what each payload has behind its descriptor; returns its length. */
size_t client_media_stamp(struct client *c, const struct client_send *s,
	uint8_t *p, bool key, unsigned index, size_t len);
/* Which of several streams of its m-line s is, in two elements; returns how
 * many there are. */
unsigned client_media_name(
	const struct client *c, const struct client_send *s, struct rtp_ext *v);
void client_media_seal(struct client *c, uint8_t *buf, size_t len);
uint8_t client_h264_nal(bool key, unsigned index);
/* A packet of s: counts in its stream and in c->count what is wrong with it. */
void client_judge(struct client *c, struct client_stream *s,
	const struct rtp_packet *pkt);
/* RED: all blocks are heard; pkt becomes its primary. */
void client_judge_red(
	struct client *c, struct client_stream *s, struct rtp_packet *pkt);
/* A sound of s, whichever way it came. */
void client_judge_heard(
	struct client_stream *s, const uint8_t *payload, size_t len);
struct client_send *client_send_at(struct client *c, unsigned i);
struct client_stream *client_stream_find(struct client *c, uint32_t ssrc);

#endif
