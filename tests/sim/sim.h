/*
 * A simulated world: one worker's core, its clients, and the network between
 * them, on a virtual clock. After quicly's simulator: a heap of what happens
 * next; take the earliest; set the clock; run it.
 *
 * Everything random in the network comes from one seed. Seconds of virtual time
 * cost as much CPU as the packets in them.
 */
#ifndef HEARTH_TESTS_SIM_SIM_H
#define HEARTH_TESTS_SIM_SIM_H

#include <netinet/in.h>
#include "sfu/conference.h"
#include "sfu/intake.h"
#include "tests/sim/client.h"
#include "tests/sim/link.h"

enum { SIM_CLIENTS = 64, SIM_PARTS = 3, SIM_S = 1000000 };

/* One direction of one client's access link. */
struct sim_link {
	uint64_t delay_us, jitter_us; /* jitter reorders */
	unsigned loss_ppm, duplicate_ppm;
	bool cut; /* nothing passes */
};

struct sim_seat {
	struct client_out out; /* first: the client's way out */
	struct sim *sim;
	struct client *client; /* NULL: free seat */
	sfu_id id;
	struct conference *conference; /* its part */
	struct sockaddr_in addr; /* as the server sees it; changes = NAT */
	struct sim_link up, down;
	/* The test's own: in place of `down`, with its queue; or NULL. */
	struct link *path;
	bool left;
	enum sfu_reason reason;
	uint64_t answers, offers, refused, connected, speakers;
	uint64_t answered_us;
	unsigned signal_delay_us;
	sfu_id speaker;
	unsigned n_streams; /* of the last SDP */
	bool ignore_offers; /* never answers one */
	/* SFU_EV_PAUSED and SFU_EV_WATCHED: how often, and the last of each. */
	uint64_t pauses, watches;
	unsigned n_paused;
	struct sfu_stream paused; /* the first */
	char watched[64], watched_stream[SFU_STREAM_MAX + 1];
	unsigned away, back; /* SFU_EV_AWAY, SFU_EV_BACK */
};

struct sim;

/* What one worker has of the conference. */
struct sim_part {
	struct conference *conference; /* NULL: it died */
	uint8_t *wire;                 /* frames that are on their way to it */
	size_t len, size;
	uint64_t frames; /* that came */
};

/* Local programs are the test's own: what reaches them comes here. */
struct sim_plugs {
	void (*packet)(struct sim *s, sfu_id id, bool rtcp, const uint8_t *buf,
		size_t len);
	void (*event)(struct sim *s, const struct sfu_event *ev);
};

struct sim {
	uint64_t now_us, seed;
	struct sim_plugs plugs;
	struct env env;
	struct outbox out;
	struct intake intake;
	struct conference *conference; /* the first part */
	struct sim_part part[SIM_PARTS];
	unsigned n_parts, joins_at; /* joins_at: the part of who joins next */
	struct cert *client_cert;
	struct sim_seat seat[SIM_CLIENTS];
	unsigned n_seats;
	sfu_id next_id;
	struct sim_event *heap;
	unsigned n_events, cap_events;
	uint64_t order;
	uint64_t packets, lost, duplicated, digest;
};

void sim_init(struct sim *s, uint64_t seed);
void sim_done(struct sim *s);

/* A client joins: offer, answer and later offers travel with 50 ms of
 * signalling delay each way. Returns its seat. link may be NULL: 10 ms, no
 * loss. */
struct sim_seat *sim_join(struct sim *s, const struct client_config *cfg,
	const struct sim_link *link);
/* From now on what goes to it passes this path, which stays the caller's; NULL:
 * what was inside is gone. */
void sim_set_path(struct sim *s, struct sim_seat *seat, struct link *path);
/* It hangs up (the front calls sfu_leave); its seat is free afterwards. */
void sim_leave(struct sim *s, struct sim_seat *seat);
/* It is gone without a word. */
void sim_vanish(struct sim *s, struct sim_seat *seat);
/* Its NAT gives it another port. */
void sim_rebind(struct sim *s, struct sim_seat *seat);
/* It offers anew what its configuration says by now. */
void sim_reoffer(struct sim *s, struct sim_seat *seat);
/* It offers with new ICE credentials. */
void sim_ice_restart(struct sim *s, struct sim_seat *seat);

void sim_run(struct sim *s, uint64_t for_us);
/* After calls of the conference that are the test's own. */
void sim_settle(struct sim *s);

uint64_t sim_random(struct sim *s); /* of the seed */
struct conference_stats sim_stats(const struct sim *s);

/* parts.c: the conference on n workers, linked each to each. To be called
 * before anybody joins. */
void sim_spread(struct sim *s, unsigned n);
/* That worker dies: its clients hear nothing any more. */
void sim_kill_part(struct sim *s, unsigned index);
/* A packet of the outbox that is for another part. False: it is not. */
bool sim_cross(struct sim *s, const struct packet *p);
void sim_on_event(struct sim *s, const struct sfu_event *ev);
/* An event of a part, before its participant is swept. */
void sim_event(struct sim *s, unsigned part, const struct sfu_event *ev);
bool sim_is_far(const struct participant *p);
/* Hands over what is on its way. True if there was anything. */
bool sim_parts_settle(struct sim *s);

/* Everybody with a live client receives, from everybody else who publishes, as
 * many live streams as that one publishes. Returns how many do not. */
unsigned sim_missing(const struct sim *s);
/* Sum of what must be 0 whatever the network does: packets of a foreign
 * publisher in a stream, corrupt payloads, on a clean link video before a key
 * frame. */
uint64_t sim_faults(const struct sim *s);
/* The picture that the seat receives from the participant of that id; there
 * must be one. */
struct client_stream *sim_video(const struct sim_seat *seat, uint32_t from);
/* It says how it shows the picture of participant 1. */
void sim_view(
	struct sim *s, struct sim_seat *seat, unsigned height, bool visible);

/* A usual participant: audio, video 15 fps of two packets, data. */
struct client_config sim_usual(uint32_t id);

#endif
