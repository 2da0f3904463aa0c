#include "record/compose.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/compose_make.h"
#include "record/digest.h"
#include "record/manifest.h"

enum {
	NICE = 10, /* calls come first */
	THUMBNAIL_WIDTH = 640,
	THUMBNAIL_HEIGHT = THUMBNAIL_WIDTH * PLAN_HEIGHT / PLAN_WIDTH
};

#define VIDEO     "composed.mp4"
#define SOUND     "composed.m4a"
#define THUMBNAIL "thumbnail.jpg"

struct job {
	struct make make;
	struct manifest *manifest;
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

static void show_percent(int percent)
{
	cJSON *line = new_report("progress");

	cJSON_AddStringToObject(line, "what", "composing");
	cJSON_AddNumberToObject(line, "percent", percent);
	report(line);
}

/* Onto the disk, then into its place: never half a file under its name. */
static int place(struct job *j, const char *from, const char *to,
	char hex[DIGEST_HEX + 1], uint64_t *ret_bytes)
{
	int fd = openat(j->make.dir, from, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return make_fail_errno(
			&j->make, -errno, "The composed file is missing");
	err = digest_file(fd, hex, ret_bytes);
	if (err == 0 && (fsync(fd) != 0 || fchmod(fd, 0600) != 0))
		err = -errno;
	close(fd);
	if (err == 0 && renameat(j->make.dir, from, j->make.dir, to) != 0)
		err = -errno;
	return err < 0 ? make_fail_errno(
				 &j->make, err, "The composed file is not safe")
		       : 0;
}

static int describe_thumbnail(struct job *j, cJSON *composed)
{
	cJSON *t = cJSON_AddObjectToObject(composed, "thumbnail");
	char hex[DIGEST_HEX + 1];
	uint64_t bytes;
	int err = place(j, MAKE_THUMBNAIL, THUMBNAIL, hex, &bytes);

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
	int64_t ms = (j->make.input.plan.duration_ms + PLAN_FRAME_MS - 1) /
		     PLAN_FRAME_MS * PLAN_FRAME_MS;
	int err = video ? place(j, MAKE_VIDEO, VIDEO, hex, &bytes)
			: place(j, MAKE_SOUND, SOUND, hex, &bytes);

	if (err < 0)
		return err;
	unlinkat(j->make.dir, video ? SOUND : VIDEO, 0);
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
	err = manifest_save(j->make.dir, j->manifest);
	return err < 0 ? make_fail_errno(&j->make, err,
				 "The manifest cannot be written")
		       : 0;
}

static int compose(struct job *j)
{
	cJSON *composed, *copy;
	bool video;
	int err = make_all(&j->make, &video);

	if (err < 0)
		return err;
	composed = cJSON_CreateObject();
	err = describe(j, video, composed);
	copy = err < 0 ? NULL : cJSON_Duplicate(composed, true);
	if (err == 0 && !copy)
		err = make_fail_errno(&j->make, -ENOMEM, "Composing failed");
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

	j->make.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->make.dir < 0 || fchdir(j->make.dir) != 0)
		return make_fail_errno(&j->make, -errno,
			"The recording's directory cannot be read");
	if (flock(j->make.dir, LOCK_EX | LOCK_NB) != 0)
		return make_fail(&j->make, -EBUSY,
			"This recording is being composed already.");
	err = manifest_load(j->make.dir, &j->manifest);
	if (err < 0)
		return make_fail_errno(&j->make, err,
			"The recording's manifest.json cannot be read");
	state = manifest_text(manifest_root(j->manifest), "state");
	if (strcmp(state, "finished") != 0 && strcmp(state, "composed") != 0)
		return make_fail(&j->make, -EBUSY,
			"The recording is not finished; end it, or run "
			"`hearth-record finish` on it, first.");
	err = compose_input_read(
		manifest_root(j->manifest), j->make.dir, &j->make.input);
	return err < 0 ? make_fail_errno(
				 &j->make, err, "The recording has no length")
		       : 0;
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
		j->make.view = *layout == 'g' ? PLAN_GRID : PLAN_SPEAKER;
		i++;
	}
	return *ret_path ? 0 : -EINVAL;
}

int compose_main(int argc, char **argv)
{
	struct job j = { .make = { .dir = -1,
				 .view = PLAN_GRID,
				 .percent_h = show_percent } };
	char *path;
	cJSON *line;
	int err = read_options(&j, argc, argv, &path);

	umask(077);
	run_catch_signals();
	if (getpriority(PRIO_PROCESS, 0) < NICE)
		setpriority(PRIO_PROCESS, 0, NICE);
	if (err < 0)
		make_fail(&j.make, err,
			"Usage: hearth-record compose DIRECTORY [--layout "
			"grid|speaker]");
	else
		err = enter(&j, path);
	if (err == 0) {
		err = compose(&j);
		make_done(&j.make);
	}
	if (err < 0) {
		line = new_report("failed");
		cJSON_AddStringToObject(line, "message", j.make.error);
		report(line);
	}
	compose_input_done(&j.make.input);
	manifest_free(j.manifest);
	if (j.make.dir >= 0)
		close(j.make.dir);
	return err < 0 ? 1 : 0;
}
