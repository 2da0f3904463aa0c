#include "tests/unit/studio/world.h"

#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = {
	[STUDIO_STARTED] = "started",
	[STUDIO_TRACK] = "track",
	[STUDIO_TROUBLE] = "trouble",
	[STUDIO_RECOVERED] = "recovered",
	[STUDIO_STOPPED] = "stopped",
	[STUDIO_PROGRESS] = "progress",
	[STUDIO_COMPOSED] = "composed",
	[STUDIO_FAILED] = "failed",
	[STUDIO_DELETED] = "deleted",
};

static void on_event(void *arg, const struct studio_event *ev)
{
	struct world *w = arg;
	size_t n = strlen(w->told);
	const cJSON *because = cJSON_GetObjectItemCaseSensitive(
		ev->manifest, "stopped_because");

	assert_non_null(ev->id);
	assert_non_null(ev->conference);
	assert_non_null(ev->text);
	snprintf(w->told + n, sizeof(w->told) - n, "%s %s %s\n",
		names[ev->type], ev->id,
		*ev->text ? ev->text
		: ev->type == STUDIO_STOPPED && cJSON_IsString(because)
			? because->valuestring
			: "");
	snprintf(w->last_id, sizeof(w->last_id), "%s", ev->id);
	snprintf(w->last_text, sizeof(w->last_text), "%s", ev->text);
	if (ev->manifest) {
		cJSON_Delete(w->last_manifest);
		w->last_manifest = cJSON_Duplicate(ev->manifest, 1);
	}
	if (w->on_event)
		w->on_event(w, ev);
}

void world_open(struct world *w)
{
	memset(w, 0, sizeof(*w));
	signal(SIGPIPE, SIG_IGN);
	fake_sfu_reset();
	strcpy(w->directory, "/tmp/hearth-studio-XXXXXX");
	assert_non_null(mkdtemp(w->directory));
	snprintf(w->recordings, sizeof(w->recordings), "%s/recordings",
		w->directory);
	snprintf(w->recorder, sizeof(w->recorder), "%s/fake_record.py",
		STUDIO_TESTS);
	strcpy(w->compose, "grid");
	w->config.recording.directory = w->recordings;
	w->config.recording.recorder = w->recorder;
	w->config.recording.compose = w->compose;
	w->config.recording.program = w->program;
	w->config.recording.webhooks.v = w->url;
	w->config.recording.webhook_secret = (char *)"secret";
	w->config.recording.jobs = 1;
	w->config.recording.at_once = 16;
	w->config.recording.keyframe_s = 10;
	w->config.state_dir = w->directory;
	w->base = event_base_new();
	assert_non_null(w->base);
}

void world_start(struct world *w)
{
	assert_int_equal(studio_new(&w->studio, w->base, NULL, &w->config,
				 w->http, on_event, w, w->error),
		0);
	assert_string_equal(w->error, "");
}

void world_kill(struct world *w)
{
	w->studio = studio_free(w->studio);
	fake_sfu_reset();
}

static int remove_one(
	const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

void world_close(struct world *w)
{
	world_kill(w);
	event_base_free(w->base);
	cJSON_Delete(w->last_manifest);
	nftw(w->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void world_record(struct world *w, const char *what)
{
	cJSON *about = cJSON_CreateObject();
	int err;

	cJSON_AddStringToObject(about, "do", what);
	err = studio_start(w->studio, "!room", "!room:example.org", about,
		w->id, w->error);
	cJSON_Delete(about);
	if (err)
		fail_msg("%d %s", err, w->error);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void world_turn(struct world *w, unsigned ms)
{
	uint64_t end = now_ms() + ms;

	do {
		event_base_loop(w->base, EVLOOP_NONBLOCK);
		fake_sfu_pump();
		usleep(1000);
	} while (now_ms() < end);
}

static bool has_line(const char *text, const char *line)
{
	for (const char *p = text; (p = strstr(p, line)); p++)
		if (p == text || p[-1] == '\n')
			return true;
	return false;
}

void world_wait(struct world *w, const char *line)
{
	uint64_t end = now_ms() + WORLD_PATIENCE_MS;

	while (!has_line(w->told, line)) {
		if (now_ms() > end)
			fail_msg("no \"%s\" in:\n%s", line, w->told);
		world_turn(w, 2);
	}
}

unsigned world_lines(const struct world *w, const char *beginning)
{
	unsigned n = 0;

	for (const char *p = w->told; (p = strstr(p, beginning)); p++)
		n += p == w->told || p[-1] == '\n';
	return n;
}

unsigned world_count(const struct world *w, const char *part)
{
	unsigned n = 0;

	for (const char *p = w->told; (p = strstr(p, part)); p++)
		n++;
	return n;
}

static const char *path_of(struct world *w, const char *id, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s/%s", w->recordings, id, name);
	return path;
}

const char *world_read(struct world *w, const char *id, const char *name)
{
	static char text[65536];
	FILE *f = fopen(path_of(w, id, name), "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

void world_write(
	struct world *w, const char *id, const char *name, const char *text)
{
	FILE *f = fopen(path_of(w, id, name), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

bool world_exists(struct world *w, const char *id, const char *name)
{
	return access(path_of(w, id, name), F_OK) == 0;
}

void world_put(struct world *w, const char *id, const char *manifest)
{
	mkdir(w->recordings, 0700);
	assert_int_equal(mkdir(path_of(w, id, ""), 0700), 0);
	world_write(w, id, "manifest.json", manifest);
}
