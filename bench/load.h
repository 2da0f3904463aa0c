/*
 * The load generator: one publisher and N receivers (tests/sim's clients) in
 * one conference, each on a UDP socket of its own on loopback, driven by the
 * event loop of the process that also holds the seam. The worker, which is what
 * gets measured, is another process.
 *
 * The publisher sends 50 frames a second of ten packets of 1,100 bytes (4.4
 * Mbit/s), each frame as one burst.
 *
 * So that the generator does not become the bottleneck, 1 receiver in LOAD_FULL
 * opens and checks every packet; the others read the header of each (number,
 * loss, NACK, reports: as any receiver) and open 1 in LOAD_SAMPLE.
 */
#ifndef HEARTH_BENCH_LOAD_H
#define HEARTH_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct load;
struct load_seat;
struct load_way;
struct sfu;

enum { LOAD_FULL = 20, LOAD_SAMPLE = 64, LOAD_ERROR = 256 };

/* Of RTP packets, audio and video, since the start. */
struct load_counts {
	uint64_t sent; /* by publishers, without retransmissions; of a crowd the
			  first's */
	uint64_t received; /* by all receivers, duplicates left out */
	uint64_t opened;   /* … of these authenticated and checked */
	uint64_t nacks;    /* NACK packets of the receivers */
	/* Not what the publisher sent: always 0. hearth's receivers count here
	 * too what came before a key frame. */
	uint64_t wrong;
};

struct load_shape {
	unsigned conferences; /* with a publisher each */
	unsigned receivers;   /* of each conference */
	unsigned publishers;  /* likewise; 0: one */
	bool idle;            /* nobody publishes: the publisher receives */
	bool no_data;         /* receivers ask for no data channel */
	/* Sockets take what was sent as segments in one piece (UDP_GRO), and
	 * the generator cuts it. */
	bool trains;
	/* Of the packets that LOAD_FULL opens; and a thread sends the frames,
	 * each at its time. */
	bool delays;
	/* These many of the conferences' seats are one more conference, without
	 * a publisher, that fills when load_storm says so. */
	unsigned late;
};

/* --receive: "plain" or "gro", which is trains. False: another word. */
bool load_receive_read(const char *word, bool *ret_trains);
const char *load_receive_word(bool trains);

/* Everything is allocated here; joins begin, a few at a time. NULL: out of
 * memory, or no certificate. base and sfu must outlive it. */
struct load *load_new(struct event_base *base, struct sfu *sfu,
	const struct load_shape *shape);
/* Another load: `publishers` send 30 frames a second of 3 packets (0.8 Mbit/s)
 * and 50 audio packets each, as single-stream peers that hear whoever speaks;
 * one more receives everybody's tracks and notes how long each packet was under
 * way. */
struct load *load_crowd(
	struct event_base *base, struct sfu *sfu, unsigned publishers);
/* How the seats reach a server that is not hearth: the owner's own struct
 * begins with it. Both return 0 or -errno; what the server says comes back
 * through load_remote_offer and load_remote_answer. */
struct load_way {
	/* offer: the publisher's; NULL: a receiver, which waits for the
	 * server's. The text is borrowed. */
	int (*join)(struct load_way *way, unsigned seat, const char *offer);
	int (*answer)(struct load_way *way, unsigned seat, const char *sdp);
};
/* One conference elsewhere. The publisher is the first to be connected, then
 * the receivers join. They have data channels where the server offers them. */
struct load *load_new_foreign(struct event_base *base, struct load_way *way,
	const struct load_shape *shape);
/* sdp with its candidates, of which the first of IPv4 is taken. What
 * cannot be used ends the load (load_error). */
void load_remote_offer(struct load *l, unsigned seat, const char *sdp);
void load_remote_answer(struct load *l, unsigned seat, const char *sdp);

/* Closes sockets and frees; tells nobody. Returns NULL; NULL is fine. */
struct load *load_free(struct load *l);

/* Only the publishers of the first n conferences send when not paused. */
void load_playing(struct load *l, unsigned conferences);

/* Those of `late` join from now on, as many each second; 0: no more do. */
void load_storm(struct load *l, unsigned each_second);
/* Late ones whose transport is up. */
unsigned load_arrived(const struct load *l);
/* What publishers send goes to a socket of this process instead, or to hearth
 * again: what delays are without it. */
void load_detour(struct load *l, bool on);

/* With `delays`: frames that were sent, and of these more than 0.1 ms late. */
void load_late(const struct load *l, uint64_t *frames, uint64_t *late);

/* Receivers whose transport is up; that got video, of a crowd audio too. */
unsigned load_connected(const struct load *l);
unsigned load_watching(const struct load *l);
/* Receivers that got video during the last second. */
unsigned load_live(const struct load *l);

/* Of a crowd: tracks that the one who receives them all has got. */
unsigned load_tracks(const struct load *l);

/* Of a crowd or with `delays`: from the publisher's send to the receiver's
 * socket (the kernel's time stamp), resends included; since the last reset. */
struct load_delays {
	uint64_t packets;
	unsigned p50_us, p99_us, p999_us, max_us;
};
void load_delays(const struct load *l, struct load_delays *ret);
void load_delays_reset(struct load *l);

/* The publishers fall silent, or go on with the next frame. */
void load_pause(struct load *l, bool pause);

/* Five frames a second of one packet, or the full rate again: servers that show
 * no track before its first packet come by receivers that way. */
void load_trickle(struct load *l, bool on);

void load_counts(const struct load *l, struct load_counts *ret);
/* Packets of the receiver that got fewest. */
uint64_t load_least(const struct load *l);

/* Why the call is lost, NULL while it is not. */
const char *load_error(const struct load *l);

#endif
