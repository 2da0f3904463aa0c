/*
 * One peer's offer/answer state (RFC 3264, RFC 8829): its transceivers, what
 * each may carry, and the texts that say so. Pure: texts and structs in, texts
 * and structs out. Ice, DTLS and RTP are told by the caller from what stands
 * here.
 *
 *            remote offer                      local answer
 *   STABLE ----------------> HAVE_REMOTE ------------------> STABLE
 *          ----------------> HAVE_LOCAL  ------------------> STABLE
 *            local offer          |            remote answer
 *                                 | remote offer: ours is rolled back
 *                                 v
 *                            HAVE_REMOTE      (we are the polite side, always)
 *
 * A transceiver is one m-line; its index here is a handle that never moves, not
 * the m-line's number (that is `line`). The receive half is what the peer
 * publishes to us, the send half is one track we forward to it. Sending a new
 * track takes a free m-line whose direction lets us (or a new one, by our
 * offer); a send half that was given up is reused only after the peer
 * acknowledged it as inactive, since browsers fire `track` only on a direction
 * change.
 *
 * Payload types and extension ids of a peer are those of its own first offer
 * (one number space per BUNDLE); codecs and extensions it never offered are
 * never offered to it. Of a kind it never offered at all (a data-only peer) we
 * assume the usual ones on numbers it left free, until it speaks for itself.
 */
#ifndef HEARTH_SFU_SDP_NEGOTIATE_H
#define HEARTH_SFU_SDP_NEGOTIATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sfu/sdp/sdp.h"

enum {
	NEGOTIATE_CODECS = 24, /* usable codecs kept per peer and per track */
	NEGOTIATE_EXTS = 16,
	NEGOTIATE_ID_MAX = 128, /* msid stream or track id, bytes without NUL */
	NEGOTIATE_SSRCS = 4,
	NEGOTIATE_RIDS = 4,                /* simulcast layers of an m-line */
	NEGOTIATE_RID_MAX = 16,            /* bytes without NUL */
	NEGOTIATE_TEXT_MAX = 131072,       /* longest SDP we print */
	NEGOTIATE_PLAIN_TEXT_MAX = 524288, /* … to a plain peer */
};

/* A codec as two ends can agree on it. Equal codecs may be forwarded one to the
 * other: name, clock, channels and what in the fmtp makes streams differ (H.264
 * profile and packetization mode, VP9 and AV1 profile). */
struct negotiate_codec {
	char name[16];
	uint32_t clock_hz;
	uint8_t channels;
	uint8_t pt; /* in this peer's number space; ignored by comparison */
	char fmtp[192];
	bool nack, pli, fir, remb;
	/* What goes with it where it is agreed (negotiate_features), ignored by
	 * comparison: transport-wide feedback (rtcp-fb transport-cc), the
	 * payload type of its retransmissions (RFC 4588) and of audio with
	 * redundancy (RFC 2198) on m-lines that have them; 0: none. */
	bool twcc;
	uint8_t rtx_pt, red_pt;
	uint8_t at; /* its place in the peer's table */
};
bool negotiate_codec_equal(
	const struct negotiate_codec *a, const struct negotiate_codec *b);

/* Header extensions we know. Id 0: the peer does not have it. */
enum negotiate_ext {
	EXT_MID,
	EXT_RID,
	EXT_RRID,
	EXT_AUDIO_LEVEL,
	EXT_ABS_SEND_TIME,
	EXT_ORIENTATION,
	EXT_PLAYOUT_DELAY,
	EXT_COLOR,
	EXT_ABS_CAPTURE_TIME,
	EXT_DEPENDENCY,
	EXT_VIDEO_LAYERS,
	EXT_TRANSPORT_CC,
	EXT_MAX
};

/* What the core knows how to do, so that we agree to nothing else. */
struct negotiate_features {
	bool rtx;       /* RFC 4588, to and from the peer */
	bool simulcast; /* from the peer: rids (RFC 8853), or a SIM group */
	bool twcc;      /* transport-wide feedback, to and from the peer */
	bool red;       /* RFC 2198 for opus, to and from the peer */
};

/* What we say of ourselves in every text. Strings are the caller's and outlive
 * the call. */
struct negotiate_local {
	const char *ufrag, *pwd, *fingerprint; /* sha-256 */
	const char *const *candidate;          /* lines without "a=" */
	unsigned n_candidates;
	uint32_t max_message_size;
};

/* Its strings and codecs are the negotiation's: valid until it is changed. */
struct transceiver {
	int line; /* m-line number; -1: planned, or (want_send false) vacant */
	uint8_t kind;  /* enum sdp_kind; SDP_APPLICATION: the data channels */
	char mid[33];  /* "" while planned */
	bool rejected; /* port 0; stays so until the peer recycles the m-line */
	/* Receive half: what the peer publishes here. */
	bool receiving;
	/* Named by us: the peer gave no stream, or \"-\" (js-sdk's hold turns
	 * every m-line to sendonly, with a track or without). */
	bool recv_streamless;
	bool recv_slides; /* a screen (RFC 4796) */
	/* recv_ssrc are simulcast layers, lowest first (a SIM group). */
	bool recv_sim;
	/* Packets the peer sends here carry transport-wide numbers and we
	 * report on them; and the other way round. */
	bool recv_twcc, send_twcc;
	uint8_t n_recv_ssrc, n_recv_rids, n_codecs;
	uint32_t recv_exts; /* bit e: enum negotiate_ext e may come with it */
	/* Send half: what we forward here. */
	bool sending;       /* as last agreed */
	bool want_send;     /* as wanted; differs until renegotiated */
	bool cooling;       /* given up, not yet acknowledged inactive */
	bool peer_receives; /* its direction lets us send */
	const char *recv_stream, *recv_track; /* "" while not receiving */
	/* Simulcast layers by rid, in the order the peer gave them (which says
	 * nothing of their sizes); their packets name them by EXT_RID until
	 * their SSRCs are known, and by EXT_RRID in RTX. */
	char (*recv_rid)[NEGOTIATE_RID_MAX + 1]; /* n_recv_rids of them */
	uint32_t recv_ssrc[NEGOTIATE_SSRCS];     /* no RTX */
	/* RTX of recv_ssrc[i], out of an FID group; 0: not told. */
	uint32_t recv_rtx_ssrc[NEGOTIATE_SSRCS];
	uint32_t send_ssrc;
	uint32_t send_rtx_ssrc; /* of negotiation_send_rtx(); 0: none */
	const char *send_stream, *send_track, *cname; /* "" at first */
	/* Codecs agreed for this m-line, best first, in the peer's payload
	 * types: what it may send here, and what it may be sent. Of an m-line
	 * that only sends these are the publisher's alone; one that receives
	 * as well has all the peer can do, so look before you forward. */
	const struct negotiate_codec **codec;
	unsigned codecs_revision; /* counts the changes of this list */
	/* Bit i: here the peer has the codec at i of its table without RTX and
	 * RED; ask transceiver_rtx_pt. */
	uint32_t bare;
};

/* The payload type of the retransmissions (RFC 4588) of codec c on that m-line,
 * and of audio with redundancy (RFC 2198); 0: not agreed there, whatever other
 * m-lines have: c is shared by all of them. */
uint8_t transceiver_rtx_pt(
	const struct transceiver *t, const struct negotiate_codec *c);
uint8_t transceiver_red_pt(
	const struct transceiver *t, const struct negotiate_codec *c);

enum negotiate_state {
	NEGOTIATE_STABLE,
	NEGOTIATE_HAVE_REMOTE,
	NEGOTIATE_HAVE_LOCAL
};

struct negotiation; /* heap */

/* codecs: what we accept at all, in order of preference, e.g. "opus", "VP8",
 * "VP9", "H264", "AV1"; NULL ends. limits: m-lines we ever make. NULL: memory.
 */
struct negotiation *negotiation_new(
	const char *const *codecs, uint64_t session_id, unsigned media_max);
struct negotiation *negotiation_free(struct negotiation *); /* returns NULL */

/* To be said before anything else; without it none is on. */
void negotiation_set_features(
	struct negotiation *n, const struct negotiate_features *features);

/* The peer is a local program without ICE, DTLS and SRTP; to be said before
 * anything else. listen, publish: what it may do; what it asks for beyond that
 * is answered as if it had not. Its m-lines are RTP/AVPF or RTP/AVP, with a mid
 * each; BUNDLE, rtcp-mux and all facts of transports are not looked for. A
 * later offer need not repeat m-lines of our making; those of its own that it
 * leaves out are gone. A kind it never offered is not sent to it. It does not
 * answer our offers: what they say holds at once. */
void negotiation_make_plain(struct negotiation *n, bool listen, bool publish);

/* What a remote description said of the transport. */
struct negotiate_remote {
	char ufrag[257], pwd[257];
	char fingerprint_hash[16], fingerprint[200];
	enum sdp_setup setup;
	bool ice_restart; /* credentials differ from the last ones */
	bool fingerprint_changed;
	bool has_data;
	uint16_t sctp_port;
	uint32_t max_message_size;
	unsigned n_candidates; /* counted only */
};

/* Takes a remote offer. Pending local offer: rolled back first. On error
 * nothing has changed, and ret_error says why in a sentence: -EBADMSG (not
 * SDP), -EINVAL (no usable transport: no ufrag, no fingerprint, weak hash, no
 * rtcp-mux, not one BUNDLE), -EPROTO (an m-line changed kind or vanished, an
 * extmap or payload type was remapped), -E2BIG. */
int negotiation_remote_offer(struct negotiation *n, const char *text,
	size_t len, struct negotiate_remote *ret,
	char ret_error[SDP_ERROR_MAX]);

/* Writes the answer, entering STABLE. In the first answer setup is active where
 * the offer is actpass or passive, and passive where it is active; later ones
 * repeat the role. Returns a string the caller frees, or NULL: out of memory.
 */
char *negotiation_answer(
	struct negotiation *n, const struct negotiate_local *local);

/* Writes an offer of the present wishes, entering HAVE_LOCAL (of a plain peer:
 * all of it is agreed, and it stays STABLE). Allowed when STABLE. The caller
 * frees. NULL: not stable, or out of memory. */
char *negotiation_offer(
	struct negotiation *n, const struct negotiate_local *local);

/* Takes the answer to our offer. Errors as above; after an error the offer
 * still stands. -EALREADY: there is no offer of ours out. */
int negotiation_remote_answer(struct negotiation *n, const char *text,
	size_t len, struct negotiate_remote *ret,
	char ret_error[SDP_ERROR_MAX]);

/* Gives our pending offer up (it was lost, or the peer's took precedence). */
void negotiation_rollback(struct negotiation *n);

enum negotiate_state negotiation_state(const struct negotiation *n);

/* True when what is wanted differs from what is agreed, or a publisher has come
 * to send a codec that the peer takes and was not offered. */
bool negotiation_needed(const struct negotiation *n);

/* What we forward: a track named (stream, track), its cname, our SSRC, and
 * from, the transceiver its publisher sends it on, whose codecs are read there
 * whenever they matter: it must stay until negotiation_unsend() (NULL: of all
 * codecs that the m-line takes). Takes a free send half (in HAVE_REMOTE those
 * of the offer at hand) or plans a new m-line. Names are printable ASCII
 * without blanks, at most NEGOTIATE_ID_MAX bytes (cname: 63), and are copied.
 * Returns the transceiver's index, or -ENOSPC (media_max, or the peer does not
 * BUNDLE and has its m-line), -EOPNOTSUPP (the peer has none of those codecs,
 * or may not listen), -EINVAL (a name, or a kind that is not RTP), -ENOMEM.
 * With may_grow false only halves of existing m-lines are taken, else -EAGAIN.
 *
 * The wish holds through hold, glare and rollback until negotiation_unsend();
 * only where the peer rejects the m-line for good it ends by itself. */
int negotiation_send(struct negotiation *n, enum sdp_kind kind,
	const char *stream, const char *track, const char *cname, uint32_t ssrc,
	const struct transceiver *from, bool may_grow);

/* Gives a send half up; the m-line turns inactive (or recvonly) next time. What
 * was never offered just vanishes: its index may be given out again. Unknown
 * indexes are ignored. */
void negotiation_unsend(struct negotiation *n, unsigned index);

/* Names the SSRC of our retransmissions of a track that negotiation_send took,
 * before the next description of ours is written. It is printed (as an FID
 * group) where a codec of the m-line has RTX; only there send by it. */
void negotiation_send_rtx(
	struct negotiation *n, unsigned index, uint32_t rtx_ssrc);

unsigned negotiation_count(const struct negotiation *n);
const struct transceiver *negotiation_at(
	const struct negotiation *n, unsigned index);

/* True for a peer that refuses an m-line that changes its direction once it
 * has one (GStreamer's webrtcbin, known by its names of m-lines), and bundles.
 * With may_grow such a peer is sent each track on an m-line made for it. */
bool negotiation_is_rigid(const struct negotiation *n);

/* The peer's id of an extension, 0 if it has none. Those of features that are
 * off are never agreed to: EXT_RID and EXT_RRID (simulcast), EXT_TRANSPORT_CC.
 */
uint8_t negotiation_ext(const struct negotiation *n, enum negotiate_ext ext);

/* What the peer publishes on the m-lines of those transceivers (which[i] for
 * index i; each must be receiving), as a plain peer would offer it: its own
 * mids, payload types, extension ids, SSRCs and names, so that its packets can
 * go elsewhere as they came; slides: likewise, those that are screens. Of none:
 * its first m-line for media, rejected. The caller frees. NULL: out of memory,
 * too long.
 */
char *negotiation_published(
	const struct negotiation *n, const bool *which, const bool *slides);

/* Our part in DTLS: SDP_ACTIVE (we send the ClientHello) or SDP_PASSIVE, once a
 * description of the peer was taken; SDP_SETUP_NONE before. Changes only where
 * the peer's fingerprint does. */
enum sdp_setup negotiation_role(const struct negotiation *n);

#endif
