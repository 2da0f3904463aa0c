/* Local programs in a call: they miss nothing, and are heard as anybody is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rtp/rtcp.h"
#include "sfu/sdp/sdp.h"
#include "tests/sim/cmocka_sim.h"
#include "tests/sim/sim.h"

enum { EARS = 12, HEARD = 8, NUMBERS = 1 << 15, RTP_AT = 12 };

#define HEAD                                                                   \
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"                  \
	"a=group:BUNDLE a v p\r\n"
#define LISTEN                                                                 \
	"m=audio 9 RTP/AVPF 100\r\na=mid:a\r\na=recvonly\r\na=rtcp-mux\r\n"    \
	"a=rtpmap:100 opus/48000/2\r\n"                                        \
	"m=video 9 RTP/AVPF 101\r\na=mid:v\r\na=recvonly\r\na=rtcp-mux\r\n"    \
	"a=rtpmap:101 VP8/90000\r\na=rtcp-fb:101 nack pli\r\n"
#define PUBLISH                                                                \
	"m=audio 9 RTP/AVPF 100\r\na=mid:p\r\na=sendonly\r\na=rtcp-mux\r\n"    \
	"a=msid:music track\r\na=rtpmap:100 opus/48000/2\r\n"                  \
	"a=ssrc:77 cname:band\r\n"

/* One stream a program receives. */
struct heard {
	uint32_t ssrc;
	bool video;
	char cname[32];
	uint16_t first_seq;
	unsigned newest;       /* above the first */
	uint8_t seen[NUMBERS]; /* how often number first + i came */
	unsigned late, packets;
	bool began_with_key;
	unsigned reports;
	uint64_t ntp;
	uint32_t ts;
	uint64_t worst_us; /* that two reports disagree */
};

struct ear {
	sfu_id id;
	unsigned answers, offers, connected, left, streams, stray;
	char sdp[65536];
	struct heard heard[HEARD];
	unsigned n_heard;
};

static struct sim world;
static struct ear ears[EARS];
static unsigned n_ears;

static struct ear *ear_of(sfu_id id)
{
	for (unsigned i = 0; i < n_ears; i++)
		if (ears[i].id == id)
			return &ears[i];
	fail_msg("nobody");
	return NULL;
}

static struct heard *heard_of(struct ear *e, uint32_t ssrc)
{
	for (unsigned i = 0; i < e->n_heard; i++)
		if (e->heard[i].ssrc == ssrc)
			return &e->heard[i];
	return NULL;
}

/* What an SDP frame says holds at once; streams of it are all there are. */
static void take_sdp(struct ear *e, const struct sfu_event *ev)
{
	char error[SDP_ERROR_MAX];
	struct sdp *sdp;
	snprintf(e->sdp, sizeof(e->sdp), "%s", ev->sdp);
	e->streams = ev->n_streams;
	assert_int_equal(sdp_parse(ev->sdp, strlen(ev->sdp), &sdp, error), 0);
	for (unsigned i = 0; i < sdp->n_media; i++) {
		const struct sdp_media *m = &sdp->media[i];
		if (!m->n_ssrc || m->direction != SDP_SENDONLY ||
			heard_of(e, m->ssrc[0].ssrc))
			continue;
		assert_true(e->n_heard < HEARD);
		struct heard *h = &e->heard[e->n_heard++];
		h->ssrc = m->ssrc[0].ssrc;
		h->video = m->kind == SDP_VIDEO;
		snprintf(h->cname, sizeof(h->cname), "%s", m->ssrc[0].cname);
	}
	sdp_free(sdp);
}

static void on_event(struct sim *s, const struct sfu_event *ev)
{
	struct ear *e = ear_of(ev->participant);
	(void)s;
	if (ev->type == SFU_EV_ANSWER || ev->type == SFU_EV_OFFER)
		take_sdp(e, ev);
	e->answers += ev->type == SFU_EV_ANSWER;
	e->offers += ev->type == SFU_EV_OFFER;
	e->connected += ev->type == SFU_EV_CONNECTED;
	e->left += ev->type == SFU_EV_LEFT;
}

static void note_packet(struct heard *h, const struct rtp_packet *p)
{
	if (!h->packets++) {
		h->first_seq = p->seq;
		/* Start of a picture, and bit 0 of its first byte clear. */
		h->began_with_key =
			(p->payload[0] & 0x10) && !(p->payload[1] & 1);
	}
	unsigned at = (uint16_t)(p->seq - h->first_seq);
	assert_true(at < NUMBERS);
	h->seen[at]++;
	h->late += at < h->newest;
	h->newest = at > h->newest ? at : h->newest;
}

/* Two reports of a stream are two points of one line. */
static void note_report(struct heard *h, const struct rtcp_item *r)
{
	double clock = h->video ? 90000 : 48000;
	double wall = (double)(int64_t)(r->ntp - h->ntp) / 4294967296.0;
	double media = (double)(int32_t)(r->rtp_ts - h->ts) / clock;
	double off = wall > media ? wall - media : media - wall;
	if (h->reports++ && off * 1e6 > (double)h->worst_us)
		h->worst_us = (uint64_t)(off * 1e6);
	h->ntp = r->ntp;
	h->ts = r->rtp_ts;
}

static void on_packet(
	struct sim *s, sfu_id id, bool rtcp, const uint8_t *buf, size_t len)
{
	struct ear *e = ear_of(id);
	struct rtp_packet pkt;
	struct rtcp_walk walk;
	struct rtcp_item item;
	struct heard *h;
	uint8_t copy[2048];
	(void)s;
	assert_true(len <= sizeof(copy));
	memcpy(copy, buf, len);
	if (rtcp) {
		assert_int_equal(rtcp_walk_init(&walk, buf, len), 0);
		while (rtcp_next(&walk, &item))
			if (item.type == RTCP_SR &&
				(h = heard_of(e, item.sender)))
				note_report(h, &item);
		return;
	}
	assert_int_equal(rtp_parse(&pkt, copy, len), 0);
	h = heard_of(e, pkt.ssrc);
	if (!h) {
		e->stray++;
		return;
	}
	assert_int_equal(pkt.pt, h->video ? 101 : 100);
	note_packet(h, &pkt);
}

static struct ear *plug(bool listen, bool publish, const char *offer)
{
	struct sfu_plug_options opt = { .listen = listen, .publish = publish };
	assert_true(n_ears < EARS);
	struct ear *e = &ears[n_ears++];
	memset(e, 0, sizeof(*e));
	e->id = world.next_id++;
	assert_int_equal(conference_plug(world.conference, world.now_us, e->id,
				 "program", &opt),
		0);
	conference_offer(world.conference, world.now_us, e->id, offer,
		strlen(offer), &world.out);
	sim_settle(&world);
	return e;
}

static int setup(void **state)
{
	(void)state;
	n_ears = 0;
	sim_init(&world, 11);
	world.plugs.packet = on_packet;
	world.plugs.event = on_event;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sim_done(&world);
	return 0;
}

/* Numbers that never came, up to a second before the end; each at most once. */
static unsigned holes(const struct heard *h)
{
	unsigned n = 0;
	for (unsigned i = 0; i + 70 < h->newest; i++) {
		n += h->seen[i] == 0;
		assert_in_range(h->seen[i], 0, 1);
	}
	return n;
}

/* What one heard of the last n packets the other did, and nothing else. */
static void assert_equal_end(
	const struct heard *a, const struct heard *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(
			a->seen[a->newest - i], b->seen[b->newest - i]);
}

static void misses_nothing_under_loss(void **state)
{
	const struct sim_link bad = {
		.delay_us = 15000, .jitter_us = 8000, .loss_ppm = 100000
	};
	struct client_config a = sim_usual(1), b = sim_usual(2);
	unsigned late = 0;
	(void)state;
	a.packets_per_frame = b.packets_per_frame = 4;
	sim_join(&world, &a, &bad);
	sim_join(&world, &b, &bad);
	/* Each asks for a key frame, whose first packet is lost now and then.
	 */
	for (unsigned i = 0; i < EARS; i++) {
		sim_run(&world, 2 * SIM_S);
		plug(true, false, HEAD LISTEN);
	}
	sim_run(&world, 20 * SIM_S);
	for (unsigned i = 0; i < n_ears; i++) {
		assert_int_equal(ears[i].n_heard, 4);
		assert_int_equal(ears[i].streams, 2);
		assert_int_equal(ears[i].connected, 1);
		assert_int_equal(ears[i].stray, 0);
		for (unsigned k = 0; k < 4; k++) {
			const struct heard *h = &ears[i].heard[k];
			assert_true(h->packets > 800);
			late += h->late;
			/* Sound is not asked for again: nobody heard it. */
			if (!h->video)
				assert_equal_end(h, &ears[0].heard[k], 800);
			else
				assert_int_equal(holes(h), 0);
			assert_true(!h->video || h->began_with_key);
		}
	}
	/* Otherwise nothing was tried. */
	assert_true(late > 1000);
	assert_true(world.lost > 1000);
}

static void reports_tell_one_time(void **state)
{
	(void)state;
	struct client_config a = sim_usual(1);
	sim_join(&world, &a, NULL);
	sim_run(&world, 3 * SIM_S);
	struct ear *e = plug(true, false, HEAD LISTEN);
	sim_run(&world, 10 * SIM_S);
	assert_int_equal(e->n_heard, 2);
	assert_string_equal(e->heard[0].cname, e->heard[1].cname);
	for (unsigned k = 0; k < 2; k++) {
		/* The client's own reports are a frame off at most. */
		assert_in_range(e->heard[k].reports, 9, 12);
		assert_in_range(e->heard[k].worst_us, 0,
			e->heard[k].video ? 70000 : 21000);
	}
}

static void say(struct ear *e, uint16_t seq)
{
	uint8_t b[RTP_AT + 50] = { 0x80, 100, (uint8_t)(seq >> 8), (uint8_t)seq,
		0, 0, 0, 0, 0, 0, 0, 77 };
	uint32_t ts = (uint32_t)seq * 960;
	for (int i = 0; i < 4; i++)
		b[4 + i] = (uint8_t)(ts >> (24 - 8 * i));
	/* As the client stamps its own: see client_media.c. */
	b[RTP_AT] = 1;
	b[RTP_AT + 13] = 99;
	b[RTP_AT + 16] = (uint8_t)(seq >> 8);
	b[RTP_AT + 17] = (uint8_t)seq;
	memset(b + RTP_AT + 27, seq & 0xff, 23);
	conference_plain_input(world.conference, world.now_us,
		conference_find(world.conference, e->id), false, b, sizeof(b),
		&world.out);
	sim_settle(&world);
}

static void is_heard_as_anybody_is(void **state)
{
	(void)state;
	struct client_config a = sim_usual(1), b = sim_usual(2);
	struct sim_seat *one = sim_join(&world, &a, NULL);
	struct sim_seat *two = sim_join(&world, &b, NULL);
	sim_run(&world, 2 * SIM_S);
	struct ear *band = plug(false, true, HEAD LISTEN PUBLISH);
	sim_run(&world, SIM_S);
	for (uint16_t i = 1; i <= 150; i++) {
		say(band, i);
		sim_run(&world, 20000);
	}
	assert_int_equal(client_live(one->client, 99, world.now_us), 1);
	assert_int_equal(client_live(two->client, 99, world.now_us), 1);
	assert_int_equal(one->n_streams, 2);
	assert_int_equal(sim_faults(&world), 0);
	assert_int_equal(one->client->count.foreign_ssrc, 0);
	/* It may not listen. */
	assert_int_equal(band->n_heard, 0);
	assert_int_equal(band->stray, 0);

	/* A second offer without the track: it is gone. */
	conference_offer(world.conference, world.now_us, band->id, HEAD LISTEN,
		strlen(HEAD LISTEN), &world.out);
	sim_settle(&world);
	sim_run(&world, SIM_S);
	assert_int_equal(one->n_streams, 1);
	/* And one with it again. */
	conference_offer(world.conference, world.now_us, band->id,
		HEAD LISTEN PUBLISH, strlen(HEAD LISTEN PUBLISH), &world.out);
	sim_settle(&world);
	sim_run(&world, SIM_S);
	assert_int_equal(one->n_streams, 2);
	conference_leave(world.conference, world.now_us, band->id,
		SFU_BY_COMMAND, &world.out);
	sim_settle(&world);
	sim_run(&world, SIM_S);
	assert_int_equal(one->n_streams, 1);
	assert_int_equal(band->left, 1);
	assert_int_equal(sim_missing(&world), 0);
}

static void is_not_heard_without_leave(void **state)
{
	(void)state;
	struct client_config a = sim_usual(1);
	struct sim_seat *one = sim_join(&world, &a, NULL);
	sim_run(&world, 2 * SIM_S);
	struct ear *e = plug(true, false, HEAD LISTEN PUBLISH);
	sim_run(&world, SIM_S);
	say(e, 1);
	say(e, 2);
	sim_run(&world, SIM_S);
	assert_int_equal(one->n_streams, 0);
	assert_non_null(strstr(e->sdp, "a=inactive"));
	assert_int_equal(e->n_heard, 2);
}

/* Coming and going uses the same m-lines again and again. */
static void does_not_grow(void **state)
{
	(void)state;
	struct ear *e = plug(true, false, HEAD LISTEN);
	assert_int_equal(e->connected, 1);
	for (unsigned i = 0; i < 3; i++) {
		struct client_config a = sim_usual(1);
		struct sim_seat *seat = sim_join(&world, &a, NULL);
		sim_run(&world, 2 * SIM_S);
		assert_int_equal(e->streams, 1);
		sim_leave(&world, seat);
		sim_run(&world, SIM_S);
		assert_int_equal(e->streams, 0);
	}
	assert_int_equal(e->n_heard, 6);
	assert_non_null(strstr(e->sdp, "a=mid:v"));
	assert_null(strstr(e->sdp, "a=mid:h0"));
	assert_null(strstr(e->sdp, "a=ssrc"));
	assert_int_equal(sim_stats(&world).participants, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			misses_nothing_under_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(
			reports_tell_one_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
			is_heard_as_anybody_is, setup, teardown),
		cmocka_unit_test_setup_teardown(
			is_not_heard_without_leave, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_grow, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
