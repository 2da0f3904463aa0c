/* A publisher's two takes for hours, on a virtual clock. */
#include "bench.h"

/* Two takes of one publisher for two hours, through everything: the sound's
 * device drifts, the publisher's clock too, packets are lost, late, twice. */
struct pair {
	struct bench audio, video;
	uint64_t random;
	double ntp_ppm, audio_ppm;
	int64_t most_apart_us, off_audio_us, off_video_us;
	unsigned frames, gaps;
};

static uint64_t ntp_at(const struct pair *p, uint64_t us)
{
	us += (uint64_t)((double)us * p->ntp_ppm / 1e6);
	return (us / 1000000 + 3000000000u) << 32 |
	       (us % 1000000 << 32) / 1000000;
}

static uint32_t ts_at(const struct pair *p, uint64_t us, bool audio)
{
	double on_ntp = (double)us * (1 + p->ntp_ppm / 1e6);
	double drift = audio ? p->audio_ppm : 0;

	return (uint32_t)(uint64_t)(on_ntp * (1 + drift / 1e6) *
				    (audio ? 48000 : 90000) / 1e6);
}

/* The real time of a frame stands in its payload. */
static void pair_drain(struct pair *p, struct bench *b, bool audio)
{
	enum take_got got;

	while ((got = next(b)) != TAKE_NOTHING) {
		uint64_t us;
		int64_t off_us;

		if (got == TAKE_GAP) {
			p->gaps++;
			continue;
		}
		memcpy(&us, b->frame.data + b->frame.len - 8, 8);
		off_us = b->frame.time_us - (int64_t)us;
		if (audio)
			p->off_audio_us = off_us;
		else
			p->off_video_us = off_us;
		p->frames++;
		if (p->frames > 200 &&
			llabs(p->off_audio_us - p->off_video_us) >
				p->most_apart_us)
			p->most_apart_us =
				llabs(p->off_audio_us - p->off_video_us);
	}
}

static void pair_send(
	struct pair *p, struct bench *b, uint64_t us, uint32_t n, bool audio)
{
	uint8_t payload[32];
	uint64_t r = next_random(&p->random);
	size_t len = audio          ? sizeof(opus_20ms)
		     : n % 300 == 0 ? sizeof(vp8_key)
				    : sizeof(vp8_delta);

	memcpy(payload,
		audio          ? opus_20ms
		: n % 300 == 0 ? vp8_key
			       : vp8_delta,
		len);
	memcpy(payload + len, &us, 8);
	if (r % 100 == 0) /* lost */
		return;
	/* Pictures are encoded for a while before they leave. */
	b->now_us = us + (audio ? 40 : 140) * MS + (r >> 8) % (15 * MS);
	put(b, audio ? PT_OPUS : PT_VP8, (uint16_t)n, ts_at(p, us, audio), true,
		payload, len + 8);
	if (r % 100 == 1) /* twice */
		put(b, audio ? PT_OPUS : PT_VP8, (uint16_t)n,
			ts_at(p, us, audio), true, payload, len + 8);
}

static void pair_report(
	struct pair *p, struct bench *b, uint64_t us, bool audio)
{
	int64_t jitter = (int64_t)(next_random(&p->random) % 4000) - 2000;

	take_report(b->take, us + 40 * MS + next_random(&p->random) % 9000,
		ntp_at(p, us + (uint64_t)jitter), ts_at(p, us, audio));
}

static void run_pair(double ntp_ppm, double audio_ppm)
{
	struct pair p = {
		.random = 5, .ntp_ppm = ntp_ppm, .audio_ppm = audio_ppm
	};
	uint64_t us = 100000000;
	const uint64_t end_us = us + UINT64_C(7200) * 1000000;

	bench_init(&p.audio, 48000);
	bench_init(&p.video, 90000);
	take_free(p.video.take);
	assert_int_equal(take_new(&p.video.take, 90000, p.audio.clock), 0);
	take_payload(p.video.take, PT_VP8, TAKE_VP8);
	for (uint32_t n = 0; us < end_us; n++, us += 20000) {
		pair_send(&p, &p.audio, us, n, true);
		pair_drain(&p, &p.audio, true);
		if (n % 2 == 0) {
			pair_send(&p, &p.video, us + 7000, n / 2, false);
			pair_drain(&p, &p.video, false);
		}
		if (n % 50 == 49) {
			pair_report(&p, &p.audio, us + 9000, true);
			pair_report(&p, &p.video, us + 9000, false);
		}
	}
	print_message("%+.0f %+.0f ppm: apart %d us, %u frames, %u gaps\n",
		ntp_ppm, audio_ppm, (int)p.most_apart_us, p.frames, p.gaps);
	assert_true(p.frames > 7200 * 72);
	assert_in_range(p.gaps, 5000, 5800);
	assert_true(p.most_apart_us < 15000);
	bench_done(&p.video);
	bench_done(&p.audio);
}

static void test_two_hours(void **state)
{
	(void)state;
	run_pair(50, 200);
	run_pair(-50, -200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_hours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
