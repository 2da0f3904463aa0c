#include "record/compose.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/compose_args.h"
#include "record/compose_ass.h"
#include "record/compose_manifest.h"
#include "record/compose_run.h"
#include "record/digest.h"
#include "record/manifest.h"

enum {
	NICE = 10,        /* calls come first */
	SOUND_SHARE = 20, /* ms of sound cost as much as one of pictures */
	THUMBNAIL_WIDTH = 640,
	THUMBNAIL_HEIGHT = THUMBNAIL_WIDTH * PLAN_HEIGHT / PLAN_WIDTH
};

#define VIDEO          "composed.mp4"
#define SOUND          "composed.m4a"
#define THUMBNAIL      "thumbnail.jpg"
#define WORK_SOUND     ARGS_WORK "/sound.m4a"
#define WORK_VIDEO     ARGS_WORK "/video.mp4"
#define WORK_THUMBNAIL ARGS_WORK "/thumbnail.jpg"

struct job {
	int dir; /* the recording's; the working directory, too */
	enum plan_view view;
	struct manifest *manifest;
	struct compose_input input;
	struct plan plan;
	int64_t done, step, whole; /* in ms of pictures */
	unsigned share;            /* of the present run, as SOUND_SHARE */
	int percent;
	char error[RUN_ERROR_MAX];
};

static void report(cJSON *line)
{
	char *text = line ? cJSON_PrintUnformatted(line) : NULL;

	if (text)
		puts(text);
	fflush(stdout);
	free(text);
	cJSON_Delete(line);
}

static cJSON *new_report(const char *type)
{
	cJSON *line = cJSON_CreateObject();

	cJSON_AddStringToObject(line, "type", type);
	return line;
}

static int fail(struct job *j, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct job *j, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(j->error, sizeof(j->error), fmt, args);
	va_end(args);
	return err;
}

static int fail_errno(struct job *j, int err, const char *what)
{
	if (err == -ENOSPC || err == -EDQUOT)
		return fail(j, err,
			"The disk of recordings is full; make room and compose "
			"again. The recorded tracks are kept.");
	return fail(j, err, "%s: %s.", what, strerror(-err));
}

static void show_progress(struct job *j, int64_t of_step)
{
	int64_t now = j->done + (of_step > j->step ? j->step : of_step);
	int percent = j->whole > 0 ? (int)(now * 99 / j->whole) : 0;
	cJSON *line;

	if (percent <= j->percent)
		return;
	j->percent = percent;
	line = new_report("progress");
	cJSON_AddStringToObject(line, "what", "composing");
	cJSON_AddNumberToObject(line, "percent", percent);
	report(line);
}

static void on_progress(void *arg, int64_t done_ms)
{
	struct job *j = arg;

	show_progress(j, done_ms / (int64_t)j->share);
}

/* Runs and frees what a was made of; ms is what the run writes. */
static int run(struct job *j, struct args *a, int64_t ms, unsigned share)
{
	int err;

	j->share = share;
	j->step = ms / (int64_t)share;
	if (a->failed)
		err = fail_errno(j, -ENOMEM, "Composing failed");
	else
		err = run_program(a->v, on_progress, j, j->error);
	args_done(a);
	if (err == 0) {
		show_progress(j, j->step);
		j->done += j->step;
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

static int make_work(struct job *j)
{
	remove_work(j->dir);
	if (mkdirat(j->dir, ARGS_WORK, 0700) != 0)
		return fail_errno(
			j, -errno, "The recording's directory takes no files");
	return 0;
}

static int write_ass(
	struct job *j, const struct plan_scene *scene, unsigned number)
{
	char path[64];
	bool bad;
	FILE *f;

	snprintf(path, sizeof(path), ARGS_WORK "/scene-%u.ass", number);
	f = fopen(path, "we");
	if (!f)
		return fail_errno(j, -errno, "Names cannot be written");
	ass_write(f, &j->input.plan, scene);
	bad = ferror(f);
	if (fclose(f) != 0 || bad)
		return fail_errno(
			j, errno ? -errno : -EIO, "Names cannot be written");
	return 0;
}

static int write_list(struct job *j)
{
	FILE *f = fopen(ARGS_WORK "/scenes.txt", "we");
	bool bad;

	if (!f)
		return fail_errno(j, -errno, "The scenes cannot be listed");
	fputs("ffconcat version 1.0\n", f);
	for (unsigned i = 0; i < j->plan.n; i++) {
		const struct plan_scene *s = &j->plan.scenes[i];

		fprintf(f, "file scene-%u.mkv\nduration %.3f\n", i,
			(double)(s->to_ms - s->from_ms) / 1000);
	}
	bad = ferror(f);
	if (fclose(f) != 0 || bad)
		return fail_errno(j, errno ? -errno : -EIO,
			"The scenes cannot be listed");
	return 0;
}

static int make_pictures(struct job *j)
{
	int err = 0;

	for (unsigned i = 0; i < j->plan.n && err == 0; i++) {
		const struct plan_scene *s = &j->plan.scenes[i];
		struct args *a = calloc(1, sizeof(*a));

		if (!a)
			return fail_errno(j, -ENOMEM, "Composing failed");
		err = write_ass(j, s, i);
		if (err == 0) {
			args_scene(a, &j->input.plan, s, i);
			err = run(j, a, s->to_ms - s->from_ms, 1);
		}
		free(a);
	}
	return err;
}

/* More sounds than one run can hold are mixed in groups first. */
static int make_sound(struct job *j, struct args *a)
{
	const struct plan_input *in = &j->input.plan;
	unsigned n = 0, groups = 0, at = 0;
	char path[64];
	int err = 0;

	for (unsigned i = 0; i < in->n_files; i++)
		n += in->files[i].audio;
	if (n <= ARGS_MIX) {
		args_sound(a, in, 0, WORK_SOUND);
		return run(j, a, in->duration_ms, SOUND_SHARE);
	}
	for (; n && err == 0; n -= n < ARGS_MIX ? n : ARGS_MIX) {
		if (groups == ARGS_MIX)
			return fail(j, -E2BIG,
				"The recording has too many files to compose.");
		snprintf(
			path, sizeof(path), ARGS_WORK "/mix-%u.flac", groups++);
		at = args_sound(a, in, at, path);
		err = run(j, a, in->duration_ms, SOUND_SHARE);
	}
	if (err < 0)
		return err;
	args_mix(a, in, groups, WORK_SOUND);
	return run(j, a, in->duration_ms, SOUND_SHARE);
}

static int join(struct job *j, struct args *a)
{
	int64_t ms = j->plan.scenes[j->plan.n - 1].to_ms;
	bool sound = compose_has_audio(&j->input.plan);
	int err = write_list(j);

	if (err < 0)
		return err;
	args_join(a, sound ? WORK_SOUND : NULL, WORK_VIDEO);
	err = run(j, a, ms, SOUND_SHARE);
	if (err < 0)
		return err;
	args_thumbnail(a, WORK_VIDEO, plan_best_ms(&j->plan), WORK_THUMBNAIL);
	return run(j, a, 0, SOUND_SHARE);
}

/* What the whole costs, for the progress. */
static void weigh(struct job *j, bool video)
{
	int64_t ms = j->input.plan.duration_ms;
	unsigned sounds = 0;

	for (unsigned i = 0; i < j->input.plan.n_files; i++)
		sounds += j->input.plan.files[i].audio;
	j->whole = (sounds + ARGS_MIX - 1) / ARGS_MIX * (ms / SOUND_SHARE);
	if (sounds > ARGS_MIX)
		j->whole += ms / SOUND_SHARE;
	if (video)
		j->whole += ms + ms / SOUND_SHARE;
	j->percent = -1;
}

static int make_all(struct job *j, bool video)
{
	struct args *a;
	int err;

	weigh(j, video);
	show_progress(j, 0);
	err = make_work(j);
	if (err == 0 && video)
		err = make_pictures(j);
	if (err < 0)
		return err;
	a = calloc(1, sizeof(*a));
	if (!a)
		return fail_errno(j, -ENOMEM, "Composing failed");
	if (compose_has_audio(&j->input.plan))
		err = make_sound(j, a);
	if (err == 0 && video)
		err = join(j, a);
	args_done(a);
	free(a);
	return err;
}

/* Onto the disk, then into its place: never half a file under its name. */
static int place(struct job *j, const char *from, const char *to,
	char hex[DIGEST_HEX + 1], uint64_t *ret_bytes)
{
	int fd = openat(j->dir, from, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return fail_errno(j, -errno, "The composed file is missing");
	err = digest_file(fd, hex, ret_bytes);
	if (err == 0 && (fsync(fd) != 0 || fchmod(fd, 0600) != 0))
		err = -errno;
	close(fd);
	if (err == 0 && renameat(j->dir, from, j->dir, to) != 0)
		err = -errno;
	return err < 0 ? fail_errno(j, err, "The composed file is not safe")
		       : 0;
}

static int describe_thumbnail(struct job *j, cJSON *composed)
{
	cJSON *t = cJSON_AddObjectToObject(composed, "thumbnail");
	char hex[DIGEST_HEX + 1];
	uint64_t bytes;
	int err = place(j, WORK_THUMBNAIL, THUMBNAIL, hex, &bytes);

	if (err < 0)
		return err;
	cJSON_AddStringToObject(t, "name", THUMBNAIL);
	cJSON_AddNumberToObject(t, "width", THUMBNAIL_WIDTH);
	cJSON_AddNumberToObject(t, "height", THUMBNAIL_HEIGHT);
	cJSON_AddNumberToObject(t, "bytes", (double)bytes);
	return 0;
}

static int describe(struct job *j, bool video, cJSON *composed)
{
	char hex[DIGEST_HEX + 1];
	uint64_t bytes = 0;
	int64_t ms = (j->input.plan.duration_ms + PLAN_FRAME_MS - 1) /
		     PLAN_FRAME_MS * PLAN_FRAME_MS;
	int err = video ? place(j, WORK_VIDEO, VIDEO, hex, &bytes)
			: place(j, WORK_SOUND, SOUND, hex, &bytes);

	if (err < 0)
		return err;
	unlinkat(j->dir, video ? SOUND : VIDEO, 0);
	cJSON_AddStringToObject(composed, "name", video ? VIDEO : SOUND);
	cJSON_AddStringToObject(
		composed, "mimetype", video ? "video/mp4" : "audio/mp4");
	cJSON_AddNumberToObject(composed, "bytes", (double)bytes);
	cJSON_AddStringToObject(composed, "sha256", hex);
	cJSON_AddNumberToObject(composed, "duration_ms", (double)ms);
	if (!video)
		return 0;
	cJSON_AddNumberToObject(composed, "width", PLAN_WIDTH);
	cJSON_AddNumberToObject(composed, "height", PLAN_HEIGHT);
	return describe_thumbnail(j, composed);
}

/* Takes composed over. */
static int note(struct job *j, cJSON *composed)
{
	cJSON *root = manifest_root(j->manifest);
	int err;

	cJSON_DeleteItemFromObjectCaseSensitive(root, "composed");
	cJSON_AddItemToObject(root, "composed", composed);
	manifest_set_text(root, "state", "composed");
	err = manifest_save(j->dir, j->manifest);
	return err < 0 ? fail_errno(j, err, "The manifest cannot be written")
		       : 0;
}

static int compose(struct job *j)
{
	bool video = compose_has_video(&j->input.plan);
	cJSON *composed, *copy;
	int err;

	if (!video && !compose_has_audio(&j->input.plan))
		return fail(j, -ENODATA,
			"There is nothing to compose: nobody sent sound or a "
			"picture.");
	if (plan_make(&j->input.plan, j->view, &j->plan) < 0)
		return fail_errno(j, -ENOMEM, "Composing failed");
	err = make_all(j, video);
	if (err < 0)
		return err;
	composed = cJSON_CreateObject();
	err = describe(j, video, composed);
	copy = err < 0 ? NULL : cJSON_Duplicate(composed, true);
	if (err == 0 && !copy)
		err = fail_errno(j, -ENOMEM, "Composing failed");
	if (err < 0) {
		cJSON_Delete(composed);
		return err;
	}
	err = note(j, composed);
	if (err < 0) {
		cJSON_Delete(copy);
		return err;
	}
	cJSON_AddStringToObject(copy, "type", "composed");
	report(copy);
	return 0;
}

/* The directory becomes the working directory, ours alone until we end. */
static int enter(struct job *j, const char *path)
{
	const char *state;
	int err;

	j->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir < 0 || fchdir(j->dir) != 0)
		return fail_errno(
			j, -errno, "The recording's directory cannot be read");
	if (flock(j->dir, LOCK_EX | LOCK_NB) != 0)
		return fail(
			j, -EBUSY, "This recording is being composed already.");
	err = manifest_load(j->dir, &j->manifest);
	if (err < 0)
		return fail_errno(
			j, err, "The recording's manifest.json cannot be read");
	state = manifest_text(manifest_root(j->manifest), "state");
	if (strcmp(state, "finished") != 0 && strcmp(state, "composed") != 0)
		return fail(j, -EBUSY,
			"The recording is not finished; end it, or run "
			"`hearth-record finish` on it, first.");
	err = compose_input_read(manifest_root(j->manifest), j->dir, &j->input);
	return err < 0 ? fail_errno(j, err, "The recording has no length") : 0;
}

static int read_options(struct job *j, int argc, char **argv, char **ret_path)
{
	*ret_path = NULL;
	for (int i = 1; i < argc; i++) {
		const char *layout = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--layout") != 0) {
			if (*ret_path || *argv[i] == '-')
				return -EINVAL;
			*ret_path = argv[i];
			continue;
		}
		if (strcmp(layout, "grid") != 0 &&
			strcmp(layout, "speaker") != 0)
			return -EINVAL;
		j->view = *layout == 'g' ? PLAN_GRID : PLAN_SPEAKER;
		i++;
	}
	return *ret_path ? 0 : -EINVAL;
}

int compose_main(int argc, char **argv)
{
	struct job j = { .dir = -1, .view = PLAN_GRID };
	char *path;
	cJSON *line;
	int err = read_options(&j, argc, argv, &path);

	umask(077);
	run_catch_signals();
	if (nice(NICE) < 0)
		errno = 0; /* -1 is a value, too; and no reason to stop */
	if (err < 0)
		fail(&j, err,
			"Usage: hearth-record compose DIRECTORY [--layout "
			"grid|speaker]");
	else
		err = enter(&j, path);
	if (err == 0) {
		err = compose(&j);
		remove_work(j.dir);
	}
	if (err < 0) {
		line = new_report("failed");
		cJSON_AddStringToObject(line, "message", j.error);
		report(line);
	}
	plan_done(&j.plan);
	compose_input_done(&j.input);
	manifest_free(j.manifest);
	if (j.dir >= 0)
		close(j.dir);
	return err < 0 ? 1 : 0;
}
