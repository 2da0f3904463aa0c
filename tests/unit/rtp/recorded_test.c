/* Dependency descriptors as Chromium sends them (tests/vectors/rtp), and what
 * layer_choice makes of them: each forwarded frame is held against the frames
 * that it says it refers to. */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>

#include "rtp/dependency.h"
#include "rtp/layer_align.h"
#include "rtp/layer_choice.h"
#include "rtp/layer_rewrite.h"
#include "rtp/packet.h"

enum { LINES = 1000, STREAMS = 3, RID = 10 };

struct line {
	bool report;
	uint64_t us;
	uint8_t stream; /* by order of appearance */
	uint32_t ts;    /* of a report, as ntp */
	uint64_t ntp;
	bool marker;
	/* Some packet of the picture has the marker. Chromium sets none where
	 * its encoder left the upper layers out. */
	bool ended;
	struct layer_info info;
};

struct recording {
	unsigned n, n_streams;
	uint32_t ssrc[STREAMS];
	char rid[STREAMS];
	struct dependency d[STREAMS];
	struct line line[LINES];
};

static uint8_t stream_of(struct recording *r, uint32_t ssrc)
{
	unsigned i = 0;

	while (i < r->n_streams && r->ssrc[i] != ssrc)
		i++;
	if (i == r->n_streams) {
		assert_true(i < STREAMS);
		r->ssrc[r->n_streams++] = ssrc;
	}
	return (uint8_t)i;
}

static size_t hex_read(const char *hex, uint8_t *ret, size_t size)
{
	size_t n = 0;
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1 && n < size; hex += 2)
		ret[n++] = (uint8_t)byte;
	return n;
}

static void read_packet(
	struct recording *r, struct line *l, const char *hex, uint8_t id)
{
	uint8_t buf[RTP_PACKET_MAX];
	size_t len = hex_read(hex, buf, sizeof(buf));
	const struct rtp_ext *ext, *rid;
	struct rtp_packet p;

	/* The padding was left out with the payload. */
	buf[0] &= 0xdf;
	assert_int_equal(rtp_parse(&p, buf, len), 0);
	l->stream = stream_of(r, p.ssrc);
	l->ts = p.ts;
	l->marker = p.marker;
	rid = rtp_ext_find(&p, RID);
	if (rid)
		r->rid[l->stream] = (char)rid->data[0];
	ext = rtp_ext_find(&p, id);
	assert_non_null(ext);
	assert_true(dependency_read(
		&r->d[l->stream], ext->data, ext->len, &l->info));
}

static void recording_read(struct recording *r, const char *name)
{
	static char text[4096], hex[4096];
	char path[512];
	unsigned id, ssrc;
	FILE *f;

	memset(r, 0, sizeof(*r));
	snprintf(path, sizeof(path), VECTORS "/rtp/%s.txt", name);
	f = fopen(path, "r");
	if (!f)
		fail_msg("no vector %s", path);
	assert_int_equal(fscanf(f, "# codec %*s dependency %u\n", &id), 1);
	while (fgets(text, sizeof(text), f)) {
		struct line *l = &r->line[r->n++];

		assert_true(r->n < LINES);
		l->report =
			sscanf(text, "S %" SCNu64 " %x %" SCNx64 " %" SCNu32,
				&l->us, &ssrc, &l->ntp, &l->ts) == 4;
		if (l->report) {
			l->stream = stream_of(r, ssrc);
			continue;
		}
		assert_int_equal(
			sscanf(text, "P %" SCNu64 " %*u %4095s", &l->us, hex),
			2);
		read_packet(r, l, hex, (uint8_t)id);
	}
	fclose(f);
	assert_true(r->n > 100);
	for (unsigned i = 0; i < r->n; i++)
		for (unsigned k = 0; k < r->n; k++)
			r->line[i].ended |= r->line[k].marker &&
					    r->line[k].ts == r->line[i].ts;
}

/* --- what they say ------------------------------------------------------ */

static const struct known {
	const char *name;
	bool simulcast;
	uint8_t targets, spatials, temporals;
} known[] = {
	{ "av1_l2t3_key", false, 6, 2, 3 },
	{ "vp9_l2t3_key", false, 6, 2, 3 },
	{ "vp9_l3t3", false, 9, 3, 3 },
	{ "vp8_sim_l1t3", true, 3, 1, 3 },
	{ "h264_sim_l1t2", true, 2, 1, 2 },
};

static struct recording rec;

static void all_is_understood(void **state)
{
	(void)state;
	for (unsigned k = 0; k < COUNT(known); k++) {
		unsigned spatials = 0, temporals = 0, keys = 0;
		bool open[STREAMS] = { false };

		recording_read(&rec, known[k].name);
		assert_int_equal(
			rec.n_streams, known[k].simulcast ? STREAMS : 1);
		for (unsigned s = 0; s < rec.n_streams; s++)
			assert_int_equal(rec.d[s].n_targets, known[k].targets);
		for (unsigned i = 0; i < rec.n; i++) {
			const struct layer_info *l = &rec.line[i].info;

			if (rec.line[i].report)
				continue;
			spatials |= 1u << l->spatial;
			temporals |= 1u << l->temporal;
			keys += l->key && l->start;
			/* Frames begin, go on, and end. */
			assert_int_equal(l->start, !open[rec.line[i].stream]);
			open[rec.line[i].stream] = !l->end;
		}
		assert_int_equal(spatials, (1u << known[k].spatials) - 1);
		assert_int_equal(temporals, (1u << known[k].temporals) - 1);
		assert_true(keys >= rec.n_streams);
	}
}

/* --- what is forwarded -------------------------------------------------- */

/* Frames that went out, by number, and the numbers they went out with. */
struct receiver {
	struct layer_choice choice;
	struct layer_rewrite rewrite;
	bool sent[65536];
	int last_out;
	unsigned n_sent, reached, pictures, markers;
	uint32_t ts;
};

static struct receiver to;

static void receiver_init(bool simulcast)
{
	memset(&to, 0, sizeof(to));
	layer_choice_init(&to.choice, simulcast);
	layer_rewrite_init(&to.rewrite);
	to.last_out = -1;
}

/* Each picture ends once, but for the last, where the recording may end. */
static void check_markers(void)
{
	if (!to.choice.simulcast)
		assert_in_range(to.markers, to.pictures - 1, to.pictures);
}

static void take(const struct line *l)
{
	const struct layer_info *i = &l->info;
	enum layer_verdict v = layer_choice_packet(&to.choice, l->us,
		to.choice.simulcast ? l->stream : 0, l->ts, i);
	uint16_t out;

	if (v != LAYER_FORWARD && v != LAYER_SWITCH)
		return;
	if (v == LAYER_SWITCH) {
		assert_true(i->key && i->start);
		memset(to.sent, 0, sizeof(to.sent));
		layer_rewrite_switch(&to.rewrite, i);
	}
	for (unsigned k = 0; k < i->n_refs; k++)
		assert_true(to.sent[(uint16_t)(i->frame_number - i->ref[k])]);
	to.sent[i->frame_number] = true;
	out = layer_rewrite_number(&to.rewrite, i->frame_number);
	if (to.last_out >= 0)
		assert_true((uint16_t)(out - to.last_out) <
			    (v == LAYER_SWITCH ? 2 : 64));
	to.last_out = out;
	if (l->ended) {
		to.pictures += to.pictures == 0 || l->ts != to.ts;
		to.ts = l->ts;
		to.markers +=
			layer_choice_marker(&to.choice, l->ts, i, l->marker);
	}
	to.n_sent++;
	to.reached |= 1u << (to.choice.simulcast ? l->stream : i->spatial)
			 << 4 |
		      1u << i->temporal;
}

static void every_aim_is_decodable(void **state)
{
	(void)state;
	for (unsigned k = 0; k < COUNT(known); k++) {
		uint8_t layers =
			known[k].simulcast ? STREAMS : known[k].spatials;

		recording_read(&rec, known[k].name);
		for (uint8_t s = 0; s < layers; s++)
			for (uint8_t t = 0; t < known[k].temporals; t++) {
				receiver_init(known[k].simulcast);
				layer_choice_aim(&to.choice, 0, s, t);
				for (unsigned i = 0; i < rec.n; i++)
					if (!rec.line[i].report)
						take(&rec.line[i]);
				assert_true(to.n_sent > 10);
				check_markers();
				/* All temporal layers, and that spatial one. */
				assert_int_equal(
					to.reached & 15, (2u << t) - 1);
				assert_true(to.reached >> 4 >> s & 1);
				assert_int_equal(
					layer_choice_spatial(&to.choice), s);
				assert_int_equal(
					layer_choice_deadline(&to.choice),
					UINT64_MAX);
			}
	}
}

static void changing_aims_are_decodable(void **state)
{
	uint64_t seed = 44;

	(void)state;
	for (unsigned k = 0; k < COUNT(known); k++) {
		recording_read(&rec, known[k].name);
		for (unsigned round = 0; round < 100; round++) {
			receiver_init(known[k].simulcast);
			for (unsigned i = 0; i < rec.n; i++) {
				if (i == 0 || next_random(&seed) % 40 == 0)
					layer_choice_aim(&to.choice,
						rec.line[i].us,
						(uint8_t)(next_random(&seed) %
							  3),
						(uint8_t)(next_random(&seed) %
							  3));
				if (!rec.line[i].report)
					take(&rec.line[i]);
			}
			assert_true(to.n_sent > 10);
			check_markers();
		}
	}
}

/* --- timestamps of simulcast layers ------------------------------------- */

/* The nearest timestamp of a stream to this one, as a distance. */
static uint32_t nearest(uint8_t stream, uint32_t ts)
{
	uint32_t best = UINT32_MAX;

	for (unsigned i = 0; i < rec.n; i++) {
		int32_t d = (int32_t)(rec.line[i].ts - ts);
		uint32_t far = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;

		if (!rec.line[i].report && rec.line[i].stream == stream &&
			far < best)
			best = far;
	}
	return best;
}

/* One camera, three encoders: a picture of one layer is one of the others, at
 * the time that the reports say. */
static void layers_have_one_time(void **state)
{
	struct layer_report report[STREAMS] = { { 0, 0 } };
	unsigned compared = 0, same = 0;

	(void)state;
	recording_read(&rec, "vp8_sim_l1t3");
	for (unsigned i = 0; i < rec.n; i++) {
		const struct line *l = &rec.line[i];
		uint32_t ts;

		if (l->report) {
			report[l->stream] =
				(struct layer_report){ l->ntp, l->ts };
			continue;
		}
		for (uint8_t s = 0; s < STREAMS; s++) {
			if (s == l->stream ||
				!layer_align(l->ts, &report[l->stream],
					&report[s], 90000, &ts))
				continue;
			compared++;
			same += nearest(s, ts) <= 90;
		}
	}
	assert_true(compared > 100);
	assert_true(same * 10 > compared * 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_understood),
		cmocka_unit_test(every_aim_is_decodable),
		cmocka_unit_test(changing_aims_are_decodable),
		cmocka_unit_test(layers_have_one_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
