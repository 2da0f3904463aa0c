#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../rtp/check.h"
#include "rtp/bytes.h"
#include "rtp/rtcp.h"

enum { TICK_US = 20000, STEP_US = 5000 };

#define START_US 5000000000

static const struct {
	const char *name, *rtpmap;
	uint8_t pt;
	uint32_t clock_hz;
} codecs[] = {
	{ "opus", "opus/48000/2", 111, 48000 },
	{ "vp8", "VP8/90000", 96, 90000 },
	{ "vp9", "VP9/90000", 97, 90000 },
	{ "av1", "AV1/90000", 101, 90000 },
	{ "h264", "H264/90000", 103, 90000 },
};

enum { CODECS = sizeof(codecs) / sizeof(*codecs) };

static uint64_t mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void stage_realtime(struct stage *s)
{
	s->realtime = true;
	s->now_us = mono_us();
}

struct stage *stage_new(void (*sink)(void *arg, const struct feed_frame *f),
	void (*tick)(void *arg, uint64_t now_us), void *arg)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->now_us = START_US;
	s->sink = sink;
	s->tick = tick;
	s->arg = arg;
	return s;
}

void stage_free(struct stage *s)
{
	for (unsigned i = 0; i < s->n; i++)
		free(s->stream[i].data);
	free(s);
}

static struct stage_vector *load(const char *name)
{
	struct stage_vector *v = calloc(1, sizeof(*v));
	char path[256];
	uint8_t size[2];
	FILE *f;

	snprintf(path, sizeof(path), VECTORS "/record/%s.rtp", name);
	f = fopen(path, "rb");
	assert_non_null(v);
	assert_non_null(f);
	while (fread(size, 2, 1, f) == 1) {
		assert_true(v->n < STAGE_PACKETS);
		v->len[v->n] = get_u16(size);
		assert_true(v->len[v->n] <= STAGE_PACKET);
		assert_int_equal(fread(v->packet[v->n], v->len[v->n], 1, f), 1);
		v->n++;
	}
	fclose(f);
	return v;
}

void stage_codec(struct stage_stream *st, const char *vector)
{
	int i = 0;

	while (i < CODECS && strcmp(codecs[i].name, vector) != 0)
		i++;
	assert_true(i < CODECS);
	free(st->data);
	st->data = load(vector);
	st->vector = vector;
	st->at = 0;
	st->pt = codecs[i].pt;
	st->clock_hz = codecs[i].clock_hz;
}

struct stage_stream *stage_add(struct stage *s, const char *vector,
	uint32_t owner, const char *source, const char *label)
{
	struct stage_stream *st = &s->stream[s->n];

	assert_true(s->n < STAGE_STREAMS);
	*st = (struct stage_stream){
		.ssrc = 1000 + s->n,
		.owner = owner,
		.id = source,
		.source = source,
		.label = label,
		.step_us = strcmp(vector, "opus") == 0 ? 20000 : 66667,
		.seq = (uint16_t)(65000 + s->n),
		.ts = UINT32_MAX - 100000,
		.next_us = s->now_us,
		.report_us = s->now_us + 300000,
	};
	s->n++;
	stage_codec(st, vector);
	return st;
}

void stage_camera(struct stage *s, const char *codec, uint32_t owner,
	const char *source, const char *label)
{
	stage_add(s, "opus", owner, source, label);
	stage_add(s, codec, owner, source, label);
}

static void put(
	struct stage *s, enum feed_type type, const void *data, size_t len)
{
	const struct feed_frame f = {
		.type = type, .time_us = s->now_us, .payload = data, .len = len
	};

	s->sink(s->arg, &f);
}

void stage_text(struct stage *s, enum feed_type type, const char *text)
{
	put(s, type, text, strlen(text));
}

void stage_hello(struct stage *s)
{
	stage_text(s, FEED_HELLO, "version=1 id=7 wall_us=1795000000000000");
}

static void print_media(FILE *f, const struct stage_stream *st, unsigned mid)
{
	const bool audio = strcmp(st->vector, "opus") == 0;

	fprintf(f, "m=%s 9 RTP/AVPF", audio ? "audio" : "video");
	for (int i = audio ? 0 : 1; i < (audio ? 1 : CODECS); i++)
		fprintf(f, " %u", codecs[i].pt);
	fprintf(f, "\r\nc=IN IP4 127.0.0.1\r\na=mid:%u\r\na=rtcp-mux\r\n", mid);
	fprintf(f, "a=%s\r\n", st->off ? "inactive" : "sendonly");
	for (int i = audio ? 0 : 1; i < (audio ? 1 : CODECS); i++)
		fprintf(f, "a=rtpmap:%u %s\r\n", codecs[i].pt,
			codecs[i].rtpmap);
	if (!st->off)
		fprintf(f, "a=msid:%s track\r\na=ssrc:%u cname:x\r\n", st->id,
			st->ssrc);
}

static void print_line(FILE *f, const struct stage *s, unsigned i)
{
	const struct stage_stream *st = &s->stream[i];
	const char *kinds = strcmp(st->vector, "opus") == 0 ? "audio" : "video";

	if (st->off)
		return;
	for (unsigned j = 0; j < s->n; j++) {
		const struct stage_stream *o = &s->stream[j];

		if (j == i || o->off || strcmp(o->id, st->id) != 0 ||
			o->owner != st->owner)
			continue;
		if (j < i)
			return;
		kinds = "audio,video";
	}
	fprintf(f, "%s %u %s %s %s\n", st->id, st->owner, st->source, kinds,
		st->label);
}

void stage_announce(struct stage *s)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	fprintf(f, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
	for (unsigned i = 0; i < s->n; i++)
		print_media(f, &s->stream[i], i);
	fclose(f);
	put(s, FEED_SDP, text, len);
	free(text);
	f = open_memstream(&text, &len);
	assert_non_null(f);
	for (unsigned i = 0; i < s->n; i++)
		print_line(f, s, i);
	fclose(f);
	put(s, FEED_STREAMS, text, len);
	free(text);
}

static void send_report(struct stage *s, struct stage_stream *st)
{
	const uint64_t wall_us = s->now_us + 1000000000;
	uint8_t buf[128];
	struct rtcp_build b;

	rtcp_build_init(&b, buf, sizeof(buf));
	assert_true(rtcp_add_sr(
		&b, st->ssrc, rtcp_ntp(wall_us), st->ts, 1, 1, NULL, 0));
	put(s, FEED_RTCP, buf, b.len);
}

/* All packets of one frame: up to the marker, or of one timestamp. */
static void send_frame(struct stage *s, struct stage_stream *st)
{
	const struct stage_vector *v = st->data;
	bool last = false;

	while (!last) {
		const uint8_t *p = v->packet[st->at];
		const size_t len = v->len[st->at++];
		uint8_t buf[STAGE_PACKET];

		last = p[1] & 0x80 || st->at == v->n ||
		       get_u32(p + 4) != get_u32(v->packet[st->at] + 4);
		memcpy(buf, p, len);
		if (st->muted)
			continue;
		buf[1] = (uint8_t)((buf[1] & 0x80) | st->pt);
		put_u16(buf + 2, st->seq++);
		put_u32(buf + 4, st->ts);
		put_u32(buf + 8, st->ssrc);
		if (st->lose && ++st->packets % st->lose == 0)
			continue;
		put(s, FEED_RTP, buf, len);
	}
	st->at %= v->n;
	st->sent += !st->muted;
}

static void play_stream(struct stage *s, struct stage_stream *st)
{
	if (st->off) {
		st->next_us = s->now_us;
		return;
	}
	if (s->now_us >= st->report_us) {
		send_report(s, st);
		st->report_us += 1000000;
	}
	if (s->now_us < st->next_us)
		return;
	/* The report says ts at now_us, so ts goes with the frame's time. */
	send_frame(s, st);
	st->next_us += st->step_us;
}

static void wait_for(struct stage *s)
{
	while (s->realtime && mono_us() < s->now_us)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

void stage_play(struct stage *s, unsigned ms)
{
	const uint64_t until_us = s->now_us + (uint64_t)ms * 1000;

	while (s->now_us < until_us) {
		for (unsigned i = 0; i < s->n; i++)
			play_stream(s, &s->stream[i]);
		s->now_us += STEP_US;
		for (unsigned i = 0; i < s->n; i++)
			s->stream[i].ts +=
				(uint32_t)(STEP_US *
					   (s->stream[i].clock_hz / 1000) /
					   1000);
		wait_for(s);
		if (s->tick && s->now_us % TICK_US < STEP_US)
			s->tick(s->arg, s->now_us);
	}
}
