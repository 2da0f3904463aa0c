/* Local programs as the core sees them. */
#include "tests/sim/cmocka_sim.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/sfu/stage.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define LISTEN                                                                 \
	"m=audio 9 RTP/AVPF 100\r\na=mid:a\r\na=recvonly\r\n"                  \
	"a=rtpmap:100 opus/48000/2\r\n"                                        \
	"m=video 9 RTP/AVPF 101\r\na=mid:v\r\na=recvonly\r\n"                  \
	"a=rtpmap:101 VP8/90000\r\na=rtcp-fb:101 nack pli\r\n"
#define PUBLISH                                                                \
	"m=audio 9 RTP/AVPF 100\r\na=mid:p\r\na=sendonly\r\n"                  \
	"a=rtpmap:100 opus/48000/2\r\na=msid:music track\r\n"

static const struct sfu_plug_options both = { .listen = true, .publish = true };
static const sfu_id id = 500;

static struct stage st;
static struct {
	unsigned n[SFU_EV_LEFT + 1], rtp, rtcp;
	sfu_id speaker;
	enum sfu_reason reason;
	uint16_t seq[64]; /* of video */
	char owner_label[64];
} got;

static void on_packet(
	struct sim *s, sfu_id to, bool rtcp, const uint8_t *buf, size_t len)
{
	(void)s;
	assert_int_equal(to, id);
	assert_true(len > 0);
	if (!rtcp && buf[1] % 128 == 101)
		got.seq[got.rtp % 64] = (uint16_t)(buf[2] << 8 | buf[3]);
	got.rtp += !rtcp;
	got.rtcp += rtcp;
}

static void on_event(struct sim *s, const struct sfu_event *ev)
{
	assert_int_equal(ev->participant, id);
	got.n[ev->type]++;
	if (ev->type == SFU_EV_SPEAKER)
		got.speaker = ev->speaker;
	if (ev->type == SFU_EV_LEFT)
		got.reason = ev->reason;
	if (ev->n_streams)
		snprintf(got.owner_label, sizeof(got.owner_label), "%s",
			conference_label(s->conference, ev->streams[0].owner));
}

static int setup(void **state)
{
	(void)state;
	memset(&got, 0, sizeof(got));
	stage_init(&st, 2);
	st.sim.plugs.packet = on_packet;
	st.sim.plugs.event = on_event;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_done(&st);
	return 0;
}

static struct participant *plug(const struct sfu_plug_options *opt)
{
	assert_int_equal(conference_plug(st.sim.conference, st.sim.now_us, id,
				 "program", opt),
		0);
	return conference_find(st.sim.conference, id);
}

static void say(const char *sdp)
{
	conference_offer(st.sim.conference, st.sim.now_us, id, sdp, strlen(sdp),
		&st.sim.out);
	sim_settle(&st.sim);
	st.sim.env.out = &st.sim.out;
}

/* To the program, through the outbox. */
static void flush(void)
{
	st.sim.out.flush(&st.sim.out);
}

static void it_waits_for_nothing_and_needs_nothing(void **state)
{
	(void)state;
	struct participant *p = plug(&both);
	uint8_t stun[20] = { 0 }, rtp[12] = { 0x80 };
	size_t len = sizeof(stun);
	struct sockaddr_in from = { .sin_family = AF_INET };
	assert_null(participant_ufrag(p, 0));
	assert_null(participant_ufrag(p, 1));
	assert_true(peer_deadline(&p->peer) == UINT64_MAX);
	/* Whoever sends datagrams, it is not this one. */
	assert_int_equal(peer_input(&p->peer, st.sim.now_us,
				 (struct sockaddr *)&from, stun, &len),
		PEER_DROPPED);
	assert_int_equal(p->peer.drops[DROP_CLASS], 1);
	peer_candidate(&p->peer, "candidate:1 1 udp 1 10.0.0.1 1 typ host");
	/* Before its description it neither speaks nor listens, for ever. */
	conference_plain_input(st.sim.conference, st.sim.now_us, p, false, rtp,
		sizeof(rtp), &st.sim.out);
	assert_int_equal(p->stats.rtp_in, 0);
	stage_run(&st, 60 * SIM_S);
	assert_false(participant_ready(p));
	assert_int_equal(p->n_subs, 0);
	assert_int_equal(got.n[SFU_EV_LEFT], 0);
	say(HEAD LISTEN);
	assert_true(participant_ready(p));
	assert_int_equal(got.n[SFU_EV_CONNECTED], 1);
	assert_int_equal(got.n[SFU_EV_ANSWER], 1);
	say(HEAD LISTEN);
	assert_int_equal(got.n[SFU_EV_CONNECTED], 1);
	assert_int_equal(got.n[SFU_EV_ANSWER], 2);
}

static void who_may_plug_in(void **state)
{
	(void)state;
	struct conference *c = st.sim.conference;
	uint64_t now = st.sim.now_us;
	char longest[SFU_LABEL_MAX + 2];
	memset(longest, 'x', sizeof(longest));
	longest[SFU_LABEL_MAX + 1] = 0;
	st.sim.env.limits.participants = 2;
	assert_int_equal(conference_plug(c, now, 99, longest, &both), -E2BIG);
	assert_int_equal(conference_plug(c, now, 99, "a\nb", &both), -EINVAL);
	/* Full of people, which is no matter. */
	for (unsigned i = 0; i < CONFERENCE_PLUGS; i++)
		assert_int_equal(
			conference_plug(c, now, 100 + i, "p", &both), 0);
	assert_int_equal(conference_plug(c, now, 100, "p", &both), -EINVAL);
	assert_int_equal(conference_plug(c, now, 99, "p", &both), -EBUSY);
	/* Full of programs, likewise. */
	st.sim.env.limits.participants = 3;
	const struct sfu_join_options many = { .renegotiate = true };
	assert_int_equal(conference_join(c, now, 98, "person", &many), 0);
	assert_int_equal(conference_join(c, now, 97, "person", &many), -EBUSY);
	st.sim.plugs.event = NULL;
}

static void others_hear_nothing_of_clear_packets(void **state)
{
	(void)state;
	uint8_t rtp[12] = { 0x80 };
	uint64_t before = st.p[0]->stats.rtp_in;
	conference_plain_input(st.sim.conference, st.sim.now_us, st.p[0], false,
		rtp, sizeof(rtp), &st.sim.out);
	conference_plain_input(st.sim.conference, st.sim.now_us, st.p[0], true,
		rtp, sizeof(rtp), &st.sim.out);
	assert_int_equal(st.p[0]->stats.rtp_in, before);
	assert_int_equal(st.p[0]->stats.rtcp_in, 0);
}

static void it_gets_what_others_get(void **state)
{
	(void)state;
	struct participant *p = plug(&both);
	say(HEAD LISTEN);
	stage_run(&st, SIM_S);
	assert_int_equal(p->n_subs, 4);
	assert_string_equal(got.owner_label, "client 1");
	got.rtp = got.rtcp = 0;
	stage_audio(&st, 0, 1, 30);
	stage_video(&st, 0, 1, false);
	stage_video(&st, 0, 2, true);
	flush();
	/* The gate holds for it, too. */
	assert_int_equal(got.rtp, 2);
	assert_int_equal(p->stats.rtp_out, 2);
	assert_int_equal(st.sim.out.n_plug, 0);
	/* And its wishes are heard. */
	for (unsigned i = 0; i < p->n_subs; i++)
		stage_track(&st, 0, SDP_VIDEO)->encoding[0]->pli_wanted_us = 0;
	uint8_t buf[32];
	struct rtcp_build b;
	const struct track *t = stage_track(&st, 0, SDP_VIDEO);
	rtcp_build_init(&b, buf, sizeof(buf));
	for (unsigned i = 0; i < p->n_subs; i++)
		if (p->sub[i]->track == t)
			rtcp_add_pli(&b, 1, p->sub[i]->ssrc);
	conference_plain_input(st.sim.conference, st.sim.now_us, p, true, buf,
		b.len, &st.sim.out);
	assert_true(t->encoding[0]->pli_wanted_us != 0);
	assert_int_equal(p->stats.plis_in, 1);
	stage_run(&st, 2 * SIM_S);
	assert_true(got.rtcp > 0);
}

/* The first packet of a key frame comes after the others of it: who could ask
 * for those asks, a program gets them. */
static void nothing_is_missing_behind_a_late_key_frame(void **state)
{
	(void)state;
	plug(&both);
	say(HEAD LISTEN);
	stage_run(&st, SIM_S);
	stage_video(&st, 0, 8, false);
	stage_video(&st, 0, 10, false);
	stage_video(&st, 0, 11, false);
	stage_video(&st, 0, 13, false);
	stage_clear(&st);
	got.rtp = 0;
	stage_video(&st, 0, 9, true);
	assert_int_equal(stage_sent(&st, 1), 1);
	flush();
	assert_int_equal(got.rtp, 4);
	assert_int_equal((uint16_t)(got.seq[1] - got.seq[0]), 1);
	assert_int_equal((uint16_t)(got.seq[2] - got.seq[0]), 2);
	assert_int_equal((uint16_t)(got.seq[3] - got.seq[0]), 4);
	/* What fills the hole later comes as well, what was before does not. */
	stage_video(&st, 0, 12, false);
	stage_video(&st, 0, 7, false);
	flush();
	assert_int_equal(got.rtp, 5);
	assert_int_equal((uint16_t)(got.seq[4] - got.seq[0]), 3);
}

/* People were told when it came: what they sent before is not for it, though it
 * comes late or stands in the history. */
static void nothing_from_before_it_came(void **state)
{
	(void)state;
	stage_video(&st, 0, 10, false);
	stage_video(&st, 0, 11, false);
	stage_audio(&st, 0, 501, 30);
	stage_run(&st, SIM_S);
	plug(&both);
	say(HEAD LISTEN);
	stage_run(&st, SIM_S / 10);
	flush();
	got.rtp = 0;
	stage_video(&st, 0, 9, true);
	stage_audio(&st, 0, 500, 30);
	flush();
	assert_int_equal(got.rtp, 0);
	/* Another is asked for, and then all is as ever. */
	stage_video(&st, 0, 12, false);
	assert_true(
		stage_track(&st, 0, SDP_VIDEO)->encoding[0]->pli_wanted_us !=
		0);
	stage_video(&st, 0, 13, true);
	stage_video(&st, 0, 14, false);
	stage_audio(&st, 0, 502, 30);
	flush();
	assert_int_equal(got.rtp, 3);
}

static void it_learns_who_speaks(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 100; i++) {
		stage_audio(&st, 1, i, 10);
		stage_run(&st, 20000);
	}
	assert_int_equal(st.sim.conference->speaker.current, st.p[1]->id);
	plug(&both);
	say(HEAD LISTEN);
	assert_int_equal(got.n[SFU_EV_SPEAKER], 1);
	assert_int_equal(got.speaker, st.p[1]->id);
}

/* The same where all of it comes in one batch: what the history has and what
 * still waits is one packet. */
static void nothing_comes_twice_behind_a_late_key_frame(void **state)
{
	(void)state;
	plug(&both);
	say(HEAD LISTEN);
	stage_run(&st, SIM_S);
	stage_video(&st, 0, 10, false);
	got.rtp = 0;
	st.hold = true;
	stage_video(&st, 0, 11, false);
	stage_video(&st, 0, 9, true);
	stage_video(&st, 0, 12, false);
	stage_video(&st, 0, 13, false);
	stage_let_go(&st);
	flush();
	assert_int_equal(got.rtp, 5);
	for (unsigned i = 1; i < 5; i++)
		assert_int_equal((uint16_t)(got.seq[i] - got.seq[0]), i);
}

/* It has no keys whose state would have to be forgotten. */
static void it_may_change_its_ssrc_for_ever(void **state)
{
	(void)state;
	struct participant *p = plug(&both);
	say(HEAD LISTEN PUBLISH);
	stage_run(&st, SIM_S);
	for (unsigned i = 0; i < 3 * PARTICIPANT_SOURCES; i++) {
		uint8_t rtp[20] = { 0x80, 100, 0, (uint8_t)i, 0, 0, 0, 0, 0, 0,
			1, (uint8_t)i, 'x' };
		conference_plain_input(st.sim.conference, st.sim.now_us, p,
			false, rtp, sizeof(rtp), &st.sim.out);
		flush();
	}
	assert_int_equal(p->n_sources, PARTICIPANT_SOURCES);
	assert_int_equal(p->n_tracks, 1);
	assert_int_equal(p->stats.rtp_in, 3 * PARTICIPANT_SOURCES);
	assert_int_equal(p->peer.drops[DROP_UNKNOWN_SSRC], 0);
}

static void the_label_of_who_just_left_is_known(void **state)
{
	(void)state;
	struct conference *c = st.sim.conference;
	sfu_id left = st.p[0]->id;
	assert_string_equal(conference_label(c, left), "client 1");
	conference_leave(c, st.sim.now_us, left, SFU_BY_COMMAND, &st.sim.out);
	assert_null(conference_find(c, left));
	assert_string_equal(conference_label(c, left), "client 1");
	sim_settle(&st.sim);
	assert_string_equal(conference_label(c, left), "");
	assert_string_equal(conference_label(c, 0), "");
}

static void a_bad_first_offer_ends_it(void **state)
{
	(void)state;
	plug(&both);
	say("nonsense");
	assert_int_equal(got.n[SFU_EV_REFUSED], 1);
	assert_int_equal(got.n[SFU_EV_LEFT], 1);
	assert_int_equal(got.reason, SFU_REFUSED);
	assert_null(conference_find(st.sim.conference, id));
	assert_int_equal(sim_stats(&st.sim).participants, 2);
}

/* Packets on the way to it when it leaves have nowhere to go, and that is all.
 */
static void it_leaves_with_packets_waiting(void **state)
{
	(void)state;
	plug(&both);
	say(HEAD LISTEN);
	stage_run(&st, SIM_S);
	stage_audio(&st, 0, 1, 30);
	assert_true(st.sim.out.n_plug > 0);
	conference_leave(st.sim.conference, st.sim.now_us, id, SFU_BY_COMMAND,
		&st.sim.out);
	sim_settle(&st.sim);
	assert_int_equal(got.n[SFU_EV_LEFT], 1);
	st.sim.env.out = &st.sim.out;
	stage_audio(&st, 0, 2, 30);
	assert_int_equal(st.sim.out.n_plug, 0);
}

/* --- many --------------------------------------------------------------------
 */

static unsigned heard_by_last;

static void count_last(
	struct sim *s, sfu_id to, bool rtcp, const uint8_t *buf, size_t len)
{
	(void)s;
	(void)buf;
	(void)len;
	heard_by_last += !rtcp && to == id;
}

static void publish_eight(sfu_id who)
{
	char sdp[4096] = HEAD;
	size_t len = strlen(sdp);
	for (unsigned i = 0; i < 8; i++)
		len += (size_t)snprintf(sdp + len, sizeof(sdp) - len,
			"m=audio 9 RTP/AVPF 100\r\na=mid:%u\r\na=sendonly\r\n"
			"a=rtpmap:100 opus/48000/2\r\na=msid:s%u t%u\r\n"
			"a=ssrc:%u cname:c\r\n",
			i, i, i, who * 10 + i);
	assert_int_equal(conference_plug(st.sim.conference, st.sim.now_us, who,
				 "band", &both),
		0);
	conference_offer(
		st.sim.conference, st.sim.now_us, who, sdp, len, &st.sim.out);
	sim_settle(&st.sim);
}

static void say_eight(sfu_id who)
{
	for (unsigned i = 0; i < 8; i++) {
		uint32_t ssrc = htonl(who * 10 + i);
		uint8_t rtp[20] = { 0x80, 100, 0, 1 };
		memcpy(rtp + 8, &ssrc, sizeof(ssrc));
		conference_plain_input(st.sim.conference, st.sim.now_us,
			conference_find(st.sim.conference, who), false, rtp,
			sizeof(rtp), &st.sim.out);
	}
}

/* More tracks than any m-lines of its own. */
static void a_great_call_is_heard_whole(void **state)
{
	(void)state;
	st.sim.plugs.event = NULL;
	st.sim.plugs.packet = count_last;
	struct participant *p = plug(&both);
	say(HEAD LISTEN);
	for (unsigned i = 1; i < CONFERENCE_PLUGS; i++)
		publish_eight(id + i);
	stage_run(&st, SIM_S);
	assert_int_equal(p->n_subs, 15 * 8 + 4);
	for (unsigned i = 0; i < p->n_subs; i++)
		assert_true(p->sub[i]->active);
	heard_by_last = 0;
	for (unsigned i = 1; i < CONFERENCE_PLUGS; i++)
		say_eight(id + i);
	flush();
	assert_int_equal(heard_by_last, 15 * 8);
	/* Half of them go: their m-lines wait for others. */
	for (unsigned i = 1; i < 8; i++)
		conference_leave(st.sim.conference, st.sim.now_us, id + i,
			SFU_BY_COMMAND, &st.sim.out);
	sim_settle(&st.sim);
	stage_run(&st, SIM_S);
	assert_int_equal(p->n_subs, 8 * 8 + 4);
	unsigned lines = negotiation_count(p->negotiation);
	for (unsigned i = 1; i < 8; i++)
		publish_eight(id + 100 + i);
	stage_run(&st, SIM_S);
	assert_int_equal(p->n_subs, 15 * 8 + 4);
	assert_int_equal(negotiation_count(p->negotiation), lines);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(it_waits_for_nothing_and_needs_nothing),
		WITH(who_may_plug_in),
		WITH(others_hear_nothing_of_clear_packets),
		WITH(it_gets_what_others_get),
		WITH(nothing_is_missing_behind_a_late_key_frame),
		WITH(nothing_comes_twice_behind_a_late_key_frame),
		WITH(nothing_from_before_it_came),
		WITH(it_learns_who_speaks),
		WITH(it_may_change_its_ssrc_for_ever),
		WITH(the_label_of_who_just_left_is_known),
		WITH(a_bad_first_offer_ends_it),
		WITH(it_leaves_with_packets_waiting),
		WITH(a_great_call_is_heard_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
