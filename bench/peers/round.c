#include "bench/peers/round.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "bench/measure.h"

enum {
	WARM_MS = 1000,
	DRAIN_MS = 300, /* what is under way arrives */
	DRAIN_TRIES = 100,
	DRAIN_QUIET = 2, /* times in a row: a busy machine may pause */
};

/* Counters at one moment. */
struct moment {
	struct load_counts counts;
	struct measure_cpu split; /* of user and kernel */
	uint64_t cpu_ns, own_ns, clock_ns, busy_ns;
};

struct run {
	const struct round *round;
	struct stage stage;
	struct foreign *foreign; /* NULL: hearth */
	pid_t pid;
	uint64_t least[2];
};

double round_loss(const struct round_row *r)
{
	double owed = (double)r->sent * r->receivers;

	return owed > 0 ? (double)r->lost / owed : 1;
}

bool round_holds(const struct round_row *r)
{
	return !*r->error && round_loss(r) < 0.001 && r->behind_ms < 100;
}

static bool start_hearth(struct run *r)
{
	struct load_shape shape = { .conferences = 1,
		.receivers = r->round->receivers,
		.trains = r->round->trains };
	struct stage *b = &r->stage;

	if (!stage_start(b, r->round->pin))
		return false;
	r->pid = b->worker;
	b->load = load_new(b->base, b->sfu, &shape);
	return b->load || stage_fail(b, "out of memory");
}

static bool start_foreign(struct run *r)
{
	struct load_shape shape = { .conferences = 1,
		.receivers = r->round->receivers,
		.trains = r->round->trains,
		.no_data = true };
	struct stage *b = &r->stage;

	/* Twice itself: the first CPU remains for the server. */
	if (!stage_open(b))
		return false;
	if (r->round->pin && measure_pin(getpid(), b->cpu) != 0)
		return stage_fail(b, "cannot choose CPUs; try --no-pin");
	r->foreign = foreign_start(b, r->round->server);
	if (!r->foreign)
		return false;
	r->pid = foreign_about(r->foreign)->pid;
	b->load = load_new_foreign(b->base, foreign_way(r->foreign), &shape);
	return b->load || stage_fail(b, "out of memory");
}

static bool connect_all(struct run *r)
{
	struct stage *b = &r->stage;
	unsigned n = r->round->receivers;

	load_trickle(b->load, true);
	if (!stage_await(b, load_connected, n, "connected") ||
		!stage_await(b, load_watching, n, "get video"))
		return false;
	load_trickle(b->load, false);
	stage_say(b, "all get video; warming up");
	return stage_run_ms(b, WARM_MS);
}

/* The publisher falls silent, until nothing arrives any more. */
static bool drain(struct run *r)
{
	struct stage *b = &r->stage;
	struct load_counts now, before;
	unsigned quiet = 0;

	load_pause(b->load, true);
	load_counts(b->load, &now);
	for (int i = 0; i < DRAIN_TRIES; i++) {
		before = now;
		if (!stage_run_ms(b, DRAIN_MS))
			return false;
		load_counts(b->load, &now);
		quiet = now.received == before.received ? quiet + 1 : 0;
		if (quiet == DRAIN_QUIET)
			return true;
	}
	return stage_fail(b, "the server does not catch up");
}

static bool look(struct run *r, struct moment *ret)
{
	load_counts(r->stage.load, &ret->counts);
	ret->clock_ns = stage_clock_ns(CLOCK_MONOTONIC);
	ret->own_ns = stage_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (measure_process(r->pid, &ret->cpu_ns) != 0 ||
		measure_cpu(r->pid, &ret->split) != 0)
		return stage_fail(&r->stage,
			"the server has ended, or its CPU time is not told");
	ret->busy_ns = 0;
	if (r->stage.cpu[0] >= 0 &&
		measure_busy(r->stage.cpu[0], &ret->busy_ns) != 0)
		return stage_fail(&r->stage, "/proc/stat is not readable");
	return true;
}

static bool play(struct run *r, struct moment m[3], struct round_row *row)
{
	struct stage *b = &r->stage;

	r->least[0] = load_least(b->load);
	if (!look(r, &m[0]))
		return false;
	load_pause(b->load, false);
	if (!stage_run_ms(b, (uint64_t)r->round->seconds * 1000) ||
		!look(r, &m[1]))
		return false;
	row->live = load_live(b->load);
	if (!drain(r) || !look(r, &m[2]))
		return false;
	r->least[1] = load_least(b->load);
	return true;
}

static bool judge(
	struct run *r, const struct moment m[3], struct round_row *row)
{
	double clock = (double)(m[1].clock_ns - m[0].clock_ns);
	double cpu = (double)(m[1].cpu_ns - m[0].cpu_ns);
	double user = (double)(m[1].split.user_ms - m[0].split.user_ms);
	double kernel = (double)(m[1].split.kernel_ms - m[0].split.kernel_ms);
	double busy = (double)(m[1].busy_ns - m[0].busy_ns);
	/* In the time of `cpu`; what comes after it is not paid for in it. */
	double got = (double)(m[1].counts.received - m[0].counts.received);
	double due =
		(double)(m[1].counts.sent - m[0].counts.sent) * row->receivers;
	uint64_t owed;

	row->seconds = clock / 1e9;
	row->sent = m[2].counts.sent - m[0].counts.sent;
	row->received = m[2].counts.received - m[0].counts.received;
	row->nacks = m[2].counts.nacks - m[0].counts.nacks;
	owed = row->sent * row->receivers;
	row->lost = owed > row->received ? owed - row->received : 0;
	row->server_load = cpu / clock;
	row->generator_load = (double)(m[1].own_ns - m[0].own_ns) / clock;
	row->others_load = busy > cpu ? (busy - cpu) / clock : 0;
	if (got < 1 || !row->sent)
		return stage_fail(&r->stage, "nothing was forwarded");
	if (m[2].counts.wrong)
		return stage_fail(&r->stage, "receivers got what nobody sent");
	row->least = (double)(r->least[1] - r->least[0]) / (double)row->sent;
	row->behind_ms = got < due ? (1 - got / due) * clock / 1e6 : 0;
	row->ns_per_packet = cpu / got;
	if (user + kernel > 0)
		row->user_ns = row->ns_per_packet * user / (user + kernel);
	row->kernel_ns = row->ns_per_packet - row->user_ns;
	return true;
}

static bool run(struct run *r, struct round_row *row)
{
	bool hearth = strcmp(r->round->server, ROUND_HEARTH) == 0;
	struct moment m[3];

	if (!(hearth ? start_hearth(r) : start_foreign(r)))
		return false;
	if (!hearth)
		row->about = *foreign_about(r->foreign);
	row->server_cpu = r->stage.cpu[0];
	row->generator_cpu = r->stage.cpu[1];
	return connect_all(r) && drain(r) && play(r, m, row) &&
	       judge(r, m, row);
}

bool round_run(const struct round *round, struct round_row *row)
{
	char name[64];
	struct run r = { .round = round,
		.stage = { .name = name,
			.people = round->receivers + 1,
			.cpu = { -1, -1 },
			.error = row->error } };
	bool good;

	snprintf(name, sizeof(name), "peers: %s, %u receivers", round->server,
		round->receivers);
	snprintf(row->server, sizeof(row->server), "%s", round->server);
	row->receivers = round->receivers;
	row->receive = load_receive_word(round->trains);
	row->error[0] = '\0';
	good = run(&r, row);
	foreign_stop(r.foreign);
	stage_stop(&r.stage);
	return good;
}
