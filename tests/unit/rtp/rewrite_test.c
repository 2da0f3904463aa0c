/* Numbers of one rewriter, by scripts and against a model. */
#include "check.h"
#include "rtp/rewrite.h"

enum { SWITCH, PACKET, DROP, SOURCE, PAD };

/* One step of a script: what is done to the rewriter, what must come of it. */
struct step {
	int verb;
	uint64_t in; /* source number; for SOURCE the output number asked for */
	int64_t want; /* output number (SOURCE: source number), -1: false */
};

#define END                                                                    \
	{                                                                      \
		-1, 0, 0                                                       \
	}
#define BASE 100000u /* where sources start in the scripts */
#define P(in, out)                                                             \
	{                                                                      \
		PACKET, BASE + (in), out                                       \
	}
#define NO(in)                                                                 \
	{                                                                      \
		PACKET, BASE + (in), -1                                        \
	}
#define D(in)                                                                  \
	{                                                                      \
		DROP, BASE + (in), 0                                           \
	}
#define S(in)                                                                  \
	{                                                                      \
		SWITCH, BASE + (in), 0                                         \
	}
#define Q(out, in)                                                             \
	{                                                                      \
		SOURCE, out, BASE + (in)                                       \
	}
#define QNO(out)                                                               \
	{                                                                      \
		SOURCE, out, -1                                                \
	}

#define A(out)                                                                 \
	{                                                                      \
		PAD, 0, out                                                    \
	}

struct script {
	const char *name;
	uint16_t first_seq;
	struct step step[40];
};

static const struct script scripts[] = {
	{ "straight", 10,
		{ P(0, 10), P(1, 11), P(2, 12), Q(10, 0), Q(12, 2), QNO(13),
			QNO(9), END } },
	{ "a loss stays a loss", 10,
		{ P(0, 10), P(2, 12), Q(11, 1), P(1, 11), P(3, 13), END } },
	{ "reordering", 10,
		{ P(0, 10), P(3, 13), P(1, 11), P(2, 12), P(4, 14), END } },
	{ "before the first", 10, { P(5, 10), NO(4), NO(0), P(6, 11), END } },
	{ "the same again", 10,
		{ P(0, 10), P(1, 11), P(0, 10), P(1, 11), P(1, 11), P(2, 12),
			END } },
	{ "output wraps", 65534,
		{ P(0, 65534), P(1, 65535), P(2, 0), P(3, 1), P(1, 65535),
			Q(65535, 1), Q(0, 2), Q(65534, 0), QNO(65533), QNO(2),
			END } },
	{ "one dropped", 10,
		{ P(0, 10), D(1), P(2, 11), P(3, 12), NO(1), Q(10, 0), Q(11, 2),
			Q(12, 3), END } },
	{ "dropped twice counts once", 10,
		{ P(0, 10), D(1), D(1), P(2, 11), D(1), P(3, 12), END } },
	{ "a run dropped", 10,
		{ P(0, 10), D(1), D(2), D(3), P(4, 11), NO(2), Q(11, 4),
			Q(10, 0), END } },
	{ "a run dropped backwards", 10,
		{ P(0, 10), D(3), D(2), D(1), P(4, 11), END } },
	{ "a run dropped from its ends", 10,
		{ P(0, 10), D(1), D(3), D(2), P(4, 11), P(5, 12), Q(12, 5),
			END } },
	{ "dropped before its elder comes", 10,
		{ P(0, 10), D(2), P(3, 12), P(1, 11), P(4, 13), Q(11, 1),
			Q(12, 3), END } },
	{ "dropped between two that wait", 10,
		{ P(0, 10), D(2), D(4), P(5, 13), P(3, 12), P(1, 11), NO(2),
			NO(4), Q(12, 3), Q(11, 1), END } },
	{ "dropped too late leaves a hole", 10,
		{ P(0, 10), P(2, 12), D(1), P(3, 13), NO(1), QNO(11), Q(10, 0),
			Q(12, 2), END } },
	{ "hole and closed side by side", 10,
		{ P(0, 10), D(2), P(4, 13), D(1), D(3), NO(1), NO(2), NO(3),
			QNO(11), QNO(12), Q(10, 0), Q(13, 4), D(5), P(6, 14),
			Q(14, 6), QNO(12), END } },
	{ "loss and drop together", 10,
		{ P(0, 10), D(2), P(4, 13), Q(11, 1), Q(12, 3), P(3, 12),
			P(1, 11), END } },
	{ "a drop is no packet", 10,
		{ P(0, 10), D(1), QNO(11), P(2, 11), Q(11, 2), END } },
	{ "sent, then dropped", 10,
		{ P(0, 10), P(1, 11), P(2, 12), D(1), NO(1), QNO(11), P(3, 13),
			END } },
	{ "the first is dropped", 10,
		{ S(0), D(0), P(1, 10), NO(0), Q(10, 1), QNO(9), END } },
	{ "drop before all", 10, { D(0), P(1, 10), NO(0), P(2, 11), END } },
	{ "drop of the past", 10, { P(5, 10), D(4), P(6, 11), NO(4), END } },
	{ "switch forward", 10,
		{ P(0, 10), P(1, 11), S(500), P(500, 12), P(501, 13),
			Q(12, 500), QNO(11), QNO(10), END } },
	{ "switch back", 10,
		{ P(500, 10), P(501, 11), S(0), P(0, 12), P(1, 13), P(2, 14),
			Q(13, 1), END } },
	{ "switch to the same source", 10,
		{ P(0, 10), P(1, 11), S(7), P(7, 12), NO(6), NO(1), P(8, 13),
			END } },
	{ "reordered around a switch", 10,
		{ P(0, 10), P(1, 11), S(502), P(504, 14), NO(501), P(503, 13),
			P(502, 12), NO(500), END } },
	{ "holes before a switch stay", 10,
		{ P(0, 10), P(5, 15), S(500), P(500, 16), QNO(12), END } },
	{ "the switch packet is lost", 10,
		{ P(0, 10), S(500), P(501, 12), Q(11, 500), P(500, 11), END } },
	{ "switched twice at once", 10,
		{ P(0, 10), S(500), S(900), P(900, 11), P(901, 12), END } },
	{ "switch forgets drops", 10,
		{ P(0, 10), D(1), P(2, 11), S(1), P(1, 12), P(2, 13), END } },
	{ "switch after drops at the end", 10,
		{ P(0, 10), D(1), D(2), S(500), P(500, 11), END } },
	{ "drop of the new source", 10,
		{ P(0, 10), S(500), P(500, 11), D(501), P(502, 12), D(499),
			P(503, 13), END } },
	{ "a switch over the output's wrap", 65535,
		{ P(0, 65535), S(500), P(500, 0), Q(0, 500), QNO(65535),
			END } },
	{ "drops over the output's wrap", 65534,
		{ P(0, 65534), D(1), P(2, 65535), D(3), P(4, 0), D(5), P(6, 1),
			Q(65535, 2), Q(0, 4), Q(1, 6), END } },
	{ "longest jump that is a loss", 10,
		{ P(0, 10), P(3000, 3010), P(1, 11), END } },
	{ "a longer one is a switch", 10,
		{ P(0, 10), P(3001, 11), P(3002, 12), NO(1), END } },
	{ "no padding before the first", 10, { A(-1), P(0, 10), A(11), END } },
	{ "padding between", 10,
		{ P(0, 10), P(1, 11), A(12), A(13), QNO(12), QNO(11), NO(1),
			P(2, 14), Q(14, 2), QNO(13), P(4, 16), Q(15, 3),
			END } },
	{ "padding after a loss", 10,
		{ P(0, 10), P(2, 12), A(13), NO(1), P(3, 14), END } },
	{ "padding after drops", 10,
		{ P(0, 10), D(1), D(2), A(11), NO(2), D(2), P(3, 12), Q(12, 3),
			END } },
	{ "padding after a switch", 10,
		{ P(0, 10), S(500), A(11), P(500, 12), Q(12, 500), END } },
	{ "padding over the output's wrap", 65535,
		{ P(0, 65535), A(0), P(1, 1), Q(1, 1), QNO(0), END } },
	{ "a long run of drops is no jump", 10,
		{ P(0, 10), D(1), D(2), D(3), P(3003, 3010), Q(11, 4), END } },
};

static void run(const struct script *s)
{
	struct rewrite r;

	rewrite_init(&r, 90000, s->first_seq, 5000);
	for (const struct step *t = s->step; t->verb >= 0; t++) {
		uint64_t in = 77;
		uint16_t seq = 77;
		uint32_t ts = 77;
		int64_t got = -1;

		if (t->verb == SWITCH) {
			rewrite_switch(&r, 1000, t->in, 0);
			continue;
		}
		if (t->verb == DROP) {
			rewrite_drop(&r, t->in);
			continue;
		}
		if (t->verb == SOURCE) {
			if (rewrite_source(&r, (uint16_t)t->in, &in))
				got = (int64_t)in;
			else
				assert_int_equal(in, 77);
		} else if (t->verb == PAD ? rewrite_pad(&r, &seq, &ts)
					  : rewrite_packet(&r, 1000, t->in, 0,
						    &seq, &ts)) {
			got = seq;
			/* The source's 0 is our 5000, or a moment later. */
			assert_in_range(ts, 5000, 5000 + 10);
		} else {
			assert_int_equal(seq, 77);
			assert_int_equal(ts, 77);
		}
		if (got != t->want)
			fail_msg("%s, step %d: %lld instead of %lld", s->name,
				(int)(t - s->step), (long long)got,
				(long long)t->want);
	}
}

static void runs_scripts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < COUNT(scripts); i++)
		run(&scripts[i]);
}

/* The same rules with all the memory in the world: one cell for each source
 * number of a stretch. */
enum { CELLS = 3000 };

struct model {
	uint64_t in_base, next_out;
	unsigned next; /* above the newest cell sent */
	enum { OPEN, CLOSED, HOLE } cell[CELLS];
	int64_t sent_as[CELLS]; /* -1: not yet */
	uint32_t sent_ts[CELLS];
};

static uint64_t model_out(const struct model *m, uint64_t base_out, unsigned at)
{
	uint64_t out = base_out;

	for (unsigned i = 0; i < at; i++)
		if (m->cell[i] != CLOSED)
			out++;
	return out;
}

static void model_begin(struct model *m, uint64_t in_base)
{
	memset(m, 0, sizeof(*m));
	m->in_base = in_base;
	for (unsigned i = 0; i < CELLS; i++)
		m->sent_as[i] = -1;
}

static void check_packet(struct rewrite *r, struct model *m, uint64_t base_out,
	unsigned at, uint32_t in_ts)
{
	uint64_t in = m->in_base + at;
	bool forgotten = in < r->in_floor;
	uint16_t seq;
	uint32_t ts;
	bool got = rewrite_packet(r, 1000, in, in_ts, &seq, &ts);

	if (m->cell[at] != OPEN || forgotten) {
		assert_false(got);
		return;
	}
	assert_true(got);
	assert_int_equal(seq, (uint16_t)model_out(m, base_out, at));
	if (m->sent_as[at] >= 0) { /* the same bytes as the first time */
		assert_int_equal(m->sent_as[at], seq);
		assert_int_equal(m->sent_ts[at], ts);
	}
	m->sent_as[at] = seq;
	m->sent_ts[at] = ts;
	if (at >= m->next)
		m->next = at + 1;
}

static void check_sources(const struct rewrite *r, const struct model *m)
{
	for (unsigned i = 0; i < m->next; i++) {
		uint64_t in = m->in_base + i, got;

		if (m->sent_as[i] < 0)
			continue;
		if (m->cell[i] != OPEN || in < r->in_floor) {
			assert_false(rewrite_source(
				r, (uint16_t)m->sent_as[i], &got));
			continue;
		}
		assert_true(rewrite_source(r, (uint16_t)m->sent_as[i], &got));
		assert_int_equal(got, in);
	}
}

/* One stretch of random losses, reordering, duplicates, drops in and out of
 * order; drop_in: one packet of that many is dropped. */
static void random_stretch(
	struct rewrite *r, struct model *m, uint64_t *seed, unsigned drop_in)
{
	uint64_t base_out = r->out_base;
	unsigned n = 20 + (unsigned)(next_random(seed) % (CELLS - 100));

	for (unsigned i = 0; i < n; i++) {
		unsigned back = (unsigned)(next_random(seed) % 24);
		/* The first one starts the stretch; then some way around i. */
		unsigned at = i == 0 || back > i ? i : i - back / 3;

		if (i == 0 && next_random(seed) % 2)
			at = 1;
		if (next_random(seed) % 10 == 0)
			continue; /* lost, or to come later */
		if (next_random(seed) % drop_in == 0) {
			if (m->cell[at] == OPEN &&
				m->in_base + at >= r->in_floor)
				m->cell[at] = at >= m->next ? CLOSED : HOLE;
			rewrite_drop(r, m->in_base + at);
		} else {
			check_packet(r, m, base_out, at, at / 7 * 3000);
		}
	}
	check_sources(r, m);
}

static void agrees_with_the_model(void **state)
{
	static const unsigned drop_in[] = { 1000, 30, 7, 3, 2 };
	static struct model m;
	uint64_t seed = 20261124;
	struct rewrite r;

	(void)state;
	rewrite_init(&r, 90000, 65000, 0xfffff000);
	for (unsigned i = 0; i < 150; i++) {
		uint64_t in = 65536 + next_random(&seed) % 1000000;
		uint64_t before = r.out_highest;

		rewrite_switch(&r, 1000 + i, in, 0);
		assert_int_equal(r.out_base, before + 1);
		model_begin(&m, in);
		random_stretch(&r, &m, &seed, drop_in[i % COUNT(drop_in)]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_scripts),
		cmocka_unit_test(agrees_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
