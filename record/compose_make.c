#include "record/compose_make.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/compose_ass.h"

enum {
	SOUND_SHARE = 20 /* ms of sound cost as much as one of pictures */
};

int make_fail(struct make *m, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(m->error, sizeof(m->error), fmt, args);
	va_end(args);
	return err;
}

int make_fail_errno(struct make *m, int err, const char *what)
{
	if (err == -ENOSPC || err == -EDQUOT)
		return make_fail(m, err,
			"The disk of recordings is full; make room and compose "
			"again. The recorded tracks are kept.");
	return make_fail(m, err, "%s: %s.", what, strerror(-err));
}

static void show_progress(struct make *m, int64_t of_step)
{
	int64_t now = m->done + (of_step > m->step ? m->step : of_step);
	int percent = m->whole > 0 ? (int)(now * 99 / m->whole) : 0;

	if (percent <= m->percent)
		return;
	m->percent = percent;
	if (m->percent_h)
		m->percent_h(percent);
}

static void on_progress(void *arg, int64_t done_ms)
{
	struct make *m = arg;

	show_progress(m, done_ms / (int64_t)m->share);
}

/* Runs and frees what a was made of; ms is what the run writes. */
static int run(struct make *m, struct args *a, int64_t ms, unsigned share)
{
	int err;

	m->share = share;
	m->step = ms / (int64_t)share;
	if (a->failed)
		err = make_fail_errno(m, -ENOMEM, "Composing failed");
	else
		err = run_program(a->v, on_progress, m, m->error);
	args_done(a);
	if (err == 0) {
		show_progress(m, m->step);
		m->done += m->step;
	}
	return err;
}

/* Only files, one level: nothing else is ever put there. */
static void remove_work(int dir)
{
	int fd = openat(dir, ARGS_WORK,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	unlinkat(dir, ARGS_WORK, AT_REMOVEDIR);
}

static int make_work(struct make *m)
{
	remove_work(m->dir);
	if (mkdirat(m->dir, ARGS_WORK, 0700) != 0)
		return make_fail_errno(
			m, -errno, "The recording's directory takes no files");
	return 0;
}

static int close_written(struct make *m, FILE *f, const char *what)
{
	bool bad = ferror(f);

	if (fclose(f) == 0 && !bad)
		return 0;
	return make_fail_errno(m, errno ? -errno : -EIO, what);
}

static int write_ass(struct make *m, const char *name, unsigned number,
	void (*write)(FILE *f, const struct plan_input *in,
		const struct plan_scene *scene))
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), ARGS_WORK "/%s-%u.ass", name, number);
	f = fopen(path, "we");
	if (!f)
		return make_fail_errno(m, -errno, "Names cannot be written");
	write(f, &m->input.plan, &m->plan.scenes[number]);
	return close_written(m, f, "Names cannot be written");
}

static int write_list(struct make *m)
{
	FILE *f = fopen(ARGS_WORK "/scenes.txt", "we");

	if (!f)
		return make_fail_errno(
			m, -errno, "The scenes cannot be listed");
	fputs("ffconcat version 1.0\n", f);
	for (unsigned i = 0; i < m->plan.n; i++) {
		const struct plan_scene *s = &m->plan.scenes[i];

		fprintf(f, "file scene-%u.mkv\nduration %.3f\n", i,
			(double)(s->to_ms - s->from_ms) / 1000);
	}
	return close_written(m, f, "The scenes cannot be listed");
}

static int make_scene(struct make *m, unsigned number, struct args *a)
{
	const struct plan_scene *s = &m->plan.scenes[number];
	int err = write_ass(m, "under", number, ass_write_under);

	if (err == 0)
		err = write_ass(m, "over", number, ass_write_over);
	if (err < 0)
		return err;
	args_scene(a, &m->input.plan, s, number);
	return run(m, a, s->to_ms - s->from_ms, 1);
}

static int make_pictures(struct make *m, struct args *a)
{
	int err = 0;

	for (unsigned i = 0; i < m->plan.n && err == 0; i++)
		err = make_scene(m, i, a);
	return err;
}

/* More sounds than one run can hold are mixed in groups first. */
static int make_sound(struct make *m, struct args *a)
{
	const struct plan_input *in = &m->input.plan;
	unsigned n = 0, groups = 0, at = 0;
	char path[64];
	int err = 0;

	for (unsigned i = 0; i < in->n_files; i++)
		n += in->files[i].audio;
	if (n <= ARGS_MIX) {
		args_sound(a, in, 0, MAKE_SOUND);
		return run(m, a, in->duration_ms, SOUND_SHARE);
	}
	for (; n && err == 0; n -= n < ARGS_MIX ? n : ARGS_MIX) {
		if (groups == ARGS_MIX)
			return make_fail(m, -E2BIG,
				"The recording has too many files to compose.");
		snprintf(
			path, sizeof(path), ARGS_WORK "/mix-%u.flac", groups++);
		at = args_sound(a, in, at, path);
		err = run(m, a, in->duration_ms, SOUND_SHARE);
	}
	if (err < 0)
		return err;
	args_mix(a, in, groups, MAKE_SOUND);
	return run(m, a, in->duration_ms, SOUND_SHARE);
}

static int join(struct make *m, struct args *a)
{
	int64_t ms = m->plan.scenes[m->plan.n - 1].to_ms;
	bool sound = compose_has_audio(&m->input.plan);
	int err = write_list(m);

	if (err < 0)
		return err;
	args_join(a, sound ? MAKE_SOUND : NULL, MAKE_VIDEO);
	err = run(m, a, ms, SOUND_SHARE);
	if (err < 0)
		return err;
	args_thumbnail(a, MAKE_VIDEO, plan_best_ms(&m->plan), MAKE_THUMBNAIL);
	return run(m, a, 0, SOUND_SHARE);
}

/* What the whole costs, for the progress. */
static void weigh(struct make *m, bool video)
{
	int64_t ms = m->input.plan.duration_ms;
	unsigned sounds = 0;

	for (unsigned i = 0; i < m->input.plan.n_files; i++)
		sounds += m->input.plan.files[i].audio;
	m->whole = (sounds + ARGS_MIX - 1) / ARGS_MIX * (ms / SOUND_SHARE);
	if (sounds > ARGS_MIX)
		m->whole += ms / SOUND_SHARE;
	if (video)
		m->whole += ms + ms / SOUND_SHARE;
	m->done = m->step = 0;
}

static int make_parts(struct make *m, bool video)
{
	struct args *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return make_fail_errno(m, -ENOMEM, "Composing failed");
	weigh(m, video);
	show_progress(m, 0);
	err = make_work(m);
	if (err == 0 && video)
		err = make_pictures(m, a);
	if (err == 0 && compose_has_audio(&m->input.plan))
		err = make_sound(m, a);
	if (err == 0 && video)
		err = join(m, a);
	args_done(a);
	free(a);
	return err;
}

static bool readable(struct make *m, const char *name, char kind, int *ret_err)
{
	struct args *a = calloc(1, sizeof(*a));

	if (!a) {
		*ret_err = make_fail_errno(m, -ENOMEM, "Composing failed");
		return true;
	}
	args_probe(a, name, kind);
	*ret_err = a->failed ? make_fail_errno(m, -ENOMEM, "Composing failed")
			     : run_program(a->v, NULL, NULL, m->error);
	args_done(a);
	free(a);
	return *ret_err != -EIO;
}

/* Takes back what ffmpeg makes nothing of. Returns how many tracks. */
static int drop_unreadable(struct make *m)
{
	int dropped = 0, err = 0;

	for (unsigned i = 0; i < m->input.plan.n_files; i++) {
		struct plan_file *f = &m->input.files[i];

		if (f->video && !readable(m, f->name, 'v', &err)) {
			f->video = false;
			dropped++;
		}
		if (err != 0 && err != -EIO)
			return err;
		if (f->audio && !readable(m, f->name, 'a', &err)) {
			f->audio = false;
			dropped++;
		}
		if (err != 0 && err != -EIO)
			return err;
	}
	return dropped;
}

static int make_once(struct make *m, bool *ret_video)
{
	*ret_video = compose_has_video(&m->input.plan);
	if (!*ret_video && !compose_has_audio(&m->input.plan))
		return make_fail(m, -ENODATA,
			"There is nothing to compose: nobody sent sound or a "
			"picture that can be read.");
	plan_done(&m->plan);
	if (plan_make(&m->input.plan, m->view, &m->plan) < 0)
		return make_fail_errno(m, -ENOMEM, "Composing failed");
	return make_parts(m, *ret_video);
}

int make_all(struct make *m, bool *ret_video)
{
	char why[RUN_ERROR_MAX];
	int err, dropped;

	m->percent = -1;
	err = make_once(m, ret_video);
	if (err != -EIO)
		return err;
	/* one file that is no good must not cost all the others */
	memcpy(why, m->error, sizeof(why));
	dropped = drop_unreadable(m);
	if (dropped > 0)
		return make_once(m, ret_video);
	if (dropped < 0)
		return dropped;
	memcpy(m->error, why, sizeof(why));
	return -EIO;
}

void make_done(struct make *m)
{
	remove_work(m->dir);
	plan_done(&m->plan);
}
