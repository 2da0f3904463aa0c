#include "studio/studio_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <event2/event.h>
#include "sfu/config.h"
#include "sfu/log.h"

enum {
	LOCKED_US = 5000000, /* another process is at work: look again */
	PROGRESS_US = 5000000,
	SILENT_US = 1800000000, /* a job that says nothing hangs */
	GRACE_MS = 5000,
	ATTEMPTS = 3
};

struct job {
	TAILQ_ENTRY(job) next;
	struct studio *studio;
	struct entry *entry;
	enum job_kind kind;
	struct process *process; /* NULL: waits */
	uint64_t not_before_us, told_us;
	char *failure;
};

static const char *const names[] = { "finish", "compose" };

static void job_free(struct job *j)
{
	struct studio *s = j->studio;

	if (j->process)
		s->jobs_running--;
	else
		s->jobs_waiting--;
	process_free(j->process);
	TAILQ_REMOVE(&s->jobs, j, next);
	j->entry->jobs--;
	free(j->failure);
	free(j);
}

void jobs_add(struct studio *s, struct entry *entry, enum job_kind kind)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j) {
		/* The next start of the daemon finds it again. */
		s->counters.lost++;
		return;
	}
	j->studio = s;
	j->entry = entry;
	j->kind = kind;
	entry->jobs++;
	s->jobs_waiting++;
	TAILQ_INSERT_TAIL(&s->jobs, j, next);
	event_active(s->tick, 0, 0);
}

void jobs_follow(struct studio *s, struct entry *entry)
{
	if (strcmp(s->config->recording.compose, "none") != 0 &&
		entry->n_files > 0) {
		jobs_add(s, entry, JOB_COMPOSE);
		return;
	}
	/* The front hears of it at the next start, when it can deliver it. */
	news_composed(s, entry, NULL, true, s->stopping);
}

bool jobs_at_work(const struct studio *s, const struct entry *entry)
{
	const struct job *j;

	TAILQ_FOREACH(j, &s->jobs, next)
	if (j->entry == entry && j->process)
		return true;
	return false;
}

int jobs_cancel(struct studio *s, struct entry *entry)
{
	struct job *j, *after;

	if (jobs_at_work(s, entry))
		return -EBUSY;
	for (j = TAILQ_FIRST(&s->jobs); j; j = after) {
		after = TAILQ_NEXT(j, next);
		if (j->entry == entry)
			job_free(j);
	}
	return 0;
}

static void tell_progress(struct job *j, const cJSON *r)
{
	uint64_t now = process_now_us(), percent = entry_number(r, "percent");

	if (j->kind != JOB_COMPOSE || now - j->told_us < PROGRESS_US)
		return;
	j->told_us = now;
	news_add(j->studio, j->entry,
		&(struct story){ .type = STUDIO_PROGRESS,
			.percent = percent < 100 ? (unsigned)percent : 100 });
}

static void on_report(void *arg, const cJSON *r)
{
	struct job *j = arg;
	const char *type = entry_text(r, "type");

	if (!strcmp(type, "progress")) {
		tell_progress(j, r);
	} else if (!strcmp(type, "trouble")) {
		j->studio->counters.troubles++;
		log_warn("job_trouble", "id=%s job=%s code=%s", j->entry->id,
			names[j->kind], log_value(entry_text(r, "code")));
	} else if (!strcmp(type, "failed")) {
		free(j->failure);
		j->failure = strdup(entry_text(r, "message"));
	}
}

/* Written down before it begins: what takes the machine down with it is not
 * tried for ever. Called with the recording locked. */
static void count_attempt(struct job *j)
{
	int err;

	j->entry->compose_attempts++;
	err = keep_write(j->studio, j->entry);
	if (err)
		log_warn("attempt_not_counted", "id=%s error=%s", j->entry->id,
			log_value(strerror(-err)));
}

/* It was not its fault that it ended: hearth stops. */
static void forget_attempt(struct job *j)
{
	if (j->kind != JOB_COMPOSE || !j->entry->compose_attempts)
		return;
	j->entry->compose_attempts--;
	keep_note(j->studio, j->entry);
}

static void fail(struct job *j)
{
	struct studio *s = j->studio;
	char text[STUDIO_ERROR + 64];

	s->counters.jobs_failed++;
	keep_settle(s, j->entry);
	snprintf(text, sizeof(text),
		j->kind == JOB_COMPOSE
			? "The recording could not be composed into one "
			  "file: %.200s The tracks are kept."
			: "The recording could not be finished: %.200s What "
			  "was recorded is kept, and the next start of hearth "
			  "tries again.",
		j->failure && *j->failure ? j->failure
					  : "its process ended; see the log.");
	/* The hooks are not left waiting for a file. */
	news_add(s, j->entry,
		&(struct story){ .type = STUDIO_FAILED,
			.text = text,
			.hook = j->kind == JOB_COMPOSE &&
						j->entry->hooks_told <
							ENTRY_TOLD_COMPOSED
					? "composed"
					: NULL });
}

static void succeed(struct job *j)
{
	struct studio *s = j->studio;
	struct entry *entry = j->entry;
	cJSON *manifest = NULL;

	keep_settle(s, entry);
	keep_refresh(s, entry, &manifest);
	if (j->kind == JOB_FINISH) {
		s->counters.finished++;
		news_add(s, entry,
			&(struct story){
				.type = STUDIO_STOPPED, .hook = "stopped" });
		jobs_follow(s, entry);
	} else {
		s->counters.composed++;
		news_composed(s, entry, manifest, true, false);
	}
	cJSON_Delete(manifest);
}

static bool is_done(const struct job *j)
{
	return j->kind == JOB_FINISH ? j->entry->state >= ENTRY_FINISHED
				     : j->entry->state == ENTRY_COMPOSED;
}

static void on_end(void *arg, int status)
{
	struct job *j = arg;
	struct studio *s = j->studio;

	j->process = NULL;
	s->jobs_running--;
	s->jobs_waiting++;
	log_info("job_ended", "id=%s job=%s signal=%d exit=%d", j->entry->id,
		names[j->kind], WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		WIFEXITED(status) ? WEXITSTATUS(status) : 0);
	if (keep_refresh(s, j->entry, NULL) == 0 && is_done(j) &&
		WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		succeed(j);
	} else if (!s->stopping && WIFSIGNALED(status) &&
		   j->kind == JOB_COMPOSE &&
		   j->entry->compose_attempts < ATTEMPTS) {
		/* Not its own fault, perhaps: short of memory, an admin. */
		jobs_add(s, j->entry, JOB_COMPOSE);
	} else if (!s->stopping) {
		fail(j);
	} else {
		forget_attempt(j);
	}
	job_free(j);
	event_active(s->tick, 0, 0); /* its place is free */
}

static int spawn_job(struct job *j, int lock)
{
	struct studio *s = j->studio;
	char directory[SHELF_PATH_MAX];
	char name[] = "hearth-record", option[] = "--layout";
	char verb[16], layout[16];
	char *argv[] = { name, verb, directory, NULL, NULL, NULL };
	const struct process_options options = { .name = names[j->kind],
		.id = j->entry->id,
		.path = s->recorder,
		.argv = argv,
		.env = s->environment,
		.fd3 = -1,
		.fd4 = lock,
		.nice = true,
		.talks = true };
	int err = shelf_path(
		&s->shelf, j->entry->id, NULL, directory, sizeof(directory));

	snprintf(verb, sizeof(verb), "%s", names[j->kind]);
	snprintf(layout, sizeof(layout), "%s", s->config->recording.compose);
	if (j->kind == JOB_COMPOSE) {
		argv[3] = option;
		argv[4] = layout;
	}
	return err ? err
		   : process_new(&j->process, s->base, &options, on_report,
			     on_end, j);
}

/* -EWOULDBLOCK: somebody is at work in its directory. */
static int start_alone(struct job *j)
{
	int lock = shelf_lock(&j->studio->shelf, j->entry->id), err;

	if (lock < 0)
		return lock;
	if (j->kind == JOB_COMPOSE) {
		count_attempt(j);
		/* It takes the lock itself, also when started by hand. */
		close(lock);
		return spawn_job(j, -1);
	}
	err = spawn_job(j, lock);
	close(lock);
	return err;
}

static void start(struct job *j, uint64_t now_us)
{
	struct studio *s = j->studio;
	int err = start_alone(j);

	if (err == -EWOULDBLOCK) {
		j->not_before_us = now_us + LOCKED_US;
		return;
	}
	if (!err) {
		s->jobs_waiting--;
		s->jobs_running++;
		log_info("job_starts", "id=%s job=%s", j->entry->id,
			names[j->kind]);
		return;
	}
	log_error("job_not_started", "id=%s job=%s error=%s", j->entry->id,
		names[j->kind], log_value(strerror(-err)));
	fail(j);
	job_free(j);
}

static void watch(struct job *j, uint64_t now_us)
{
	uint64_t heard = process_heard_us(j->process);

	if (now_us > heard && now_us - heard > SILENT_US)
		process_end(j->process, GRACE_MS);
}

/* Finishing is short and others wait for it: it has a place of its own. */
static bool has_place(const struct studio *s, const struct job *j)
{
	const struct job *other;

	/* Its end is told after whether the recording goes on. */
	if (j->entry->recording || session_is_awaited(s, j->entry))
		return false;
	if (s->jobs_running < s->config->recording.jobs)
		return true;
	TAILQ_FOREACH(other, &s->jobs, next)
	if (other->process && other->kind == JOB_FINISH)
		return false;
	return j->kind == JOB_FINISH;
}

void jobs_tick(struct studio *s, uint64_t now_us)
{
	struct job *j, *after;

	for (unsigned kind = JOB_FINISH; kind <= JOB_COMPOSE; kind++)
		for (j = TAILQ_FIRST(&s->jobs); j; j = after) {
			after = TAILQ_NEXT(j, next);
			if (j->kind != kind)
				continue;
			if (j->process)
				watch(j, now_us);
			else if (!s->stopping && now_us >= j->not_before_us &&
				 has_place(s, j))
				start(j, now_us);
		}
}

void jobs_end(struct studio *s)
{
	struct job *j;

	TAILQ_FOREACH(j, &s->jobs, next)
	if (j->process)
		process_end(j->process, GRACE_MS);
}

void jobs_drop(struct studio *s)
{
	struct job *j;

	while ((j = TAILQ_FIRST(&s->jobs))) {
		if (j->process) {
			j->process = process_free(j->process);
			s->jobs_running--;
			s->jobs_waiting++;
			forget_attempt(j);
		}
		job_free(j);
	}
}
