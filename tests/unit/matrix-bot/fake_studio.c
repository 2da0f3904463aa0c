#include "fake_studio.h"
#include "test.h"
#include <errno.h>
#include <stdio.h>
#include <event2/buffer.h>

static struct {
	studio_event_h *handler;
	void *arg;
	char log[65536];
	const char *new_error, *start_error, *shelf;
	int start_code;
	unsigned n;
	char id[STUDIO_ID_MAX + 1], running[STUDIO_ID_MAX + 1];
	bool hang;
} f;

static void note(const char *what, const char *a, const char *b)
{
	size_t n = strlen(f.log);

	snprintf(f.log + n, sizeof(f.log) - n, "%s:%s%s%s\n", what, a,
		b[0] ? ":" : "", b);
}

void fake_studio_reset(void)
{
	memset(&f, 0, sizeof(f));
}

void fake_studio_fail_new(const char *error)
{
	f.new_error = error;
}

void fake_studio_fail_start(int code, const char *error)
{
	f.start_code = code;
	f.start_error = error;
}

void fake_studio_hang(bool hang)
{
	f.hang = hang;
}

const char *fake_studio_log(void)
{
	return f.log;
}

unsigned fake_studio_count(const char *part)
{
	unsigned n = 0;

	for (const char *p = f.log; (p = strstr(p, part)); p++)
		n++;
	return n;
}

const char *fake_studio_id(void)
{
	return f.id;
}

void fake_studio_run(const char *id)
{
	snprintf(f.running, sizeof(f.running), "%s", id);
}

void fake_studio_shelf(const char *manifest)
{
	f.shelf = manifest;
}

void fake_studio_emit(enum studio_event_type type, const char *id,
	const char *text, unsigned percent, const char *manifest,
	const char *directory)
{
	cJSON *json = manifest ? parse(manifest) : NULL;
	struct studio_event ev = { .type = type,
		.id = id,
		.conference = "!r:s",
		.text = text,
		.percent = percent,
		.manifest = json,
		.directory = directory };

	if (type == STUDIO_STOPPED && strcmp(f.running, id) == 0)
		f.running[0] = '\0';
	f.handler(f.arg, &ev);
	cJSON_Delete(json);
}

int studio_new(struct studio **ret, struct event_base *base, struct sfu *sfu,
	const struct config *config, struct http *http, studio_event_h *handler,
	void *arg, char ret_error[256])
{
	(void)base;
	(void)sfu;
	(void)config;
	(void)http;
	f.handler = handler;
	f.arg = arg;
	if (f.new_error) {
		snprintf(ret_error, 256, "%s", f.new_error);
		return -EACCES;
	}
	*ret = (struct studio *)&f;
	return 0;
}

struct studio *studio_free(struct studio *s)
{
	(void)s;
	return NULL;
}

void studio_resume(struct studio *s)
{
	(void)s;
	note("resume", "", "");
}

void studio_stop(struct studio *s, void (*done_h)(void *arg), void *arg)
{
	(void)s;
	note("stop", "", "");
	if (!f.hang)
		done_h(arg);
}

int studio_start(struct studio *s, const char *conference, const char *room,
	const cJSON *about, char ret_id[STUDIO_ID_MAX + 1], char ret_error[256])
{
	char *text = cJSON_PrintUnformatted(about);

	(void)s;
	assert_string_equal(conference, room);
	note("start", room, text);
	cJSON_free(text);
	if (f.start_code) {
		int code = f.start_code;

		snprintf(ret_error, 256, "%s", f.start_error);
		f.start_code = 0;
		return code;
	}
	snprintf(f.id, sizeof(f.id), "rec%u", ++f.n);
	snprintf(f.running, sizeof(f.running), "%s", f.id);
	snprintf(ret_id, STUDIO_ID_MAX + 1, "%s", f.id);
	return 0;
}

int studio_end(struct studio *s, const char *conference, const char *reason)
{
	(void)s;
	note("end", conference, reason);
	return f.running[0] ? 0 : -ENOENT;
}

const char *studio_running(const struct studio *s, const char *conference)
{
	(void)s;
	(void)conference;
	return f.running[0] ? f.running : NULL;
}

void studio_participant(struct studio *s, const char *conference,
	const char *label, const char *user_id, const char *name)
{
	char line[2048];

	(void)s;
	(void)conference;
	snprintf(line, sizeof(line), "%s|%s", user_id, name);
	note("participant", label, line);
}

void studio_source(struct studio *s, const char *conference, const char *label,
	const char *source, const char *purpose, bool audio_muted,
	bool video_muted)
{
	char line[2048];

	(void)s;
	(void)conference;
	snprintf(line, sizeof(line), "%s|%s|%d|%d", source, purpose,
		audio_muted, video_muted);
	note("source", label, line);
}

unsigned studio_list(struct studio *s, const char *room,
	struct studio_entry *ret, unsigned n)
{
	cJSON *json = f.shelf ? parse(f.shelf) : NULL;
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(json, "id"));

	(void)s;
	(void)room;
	if (!json || n == 0)
		return 0;
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	ret->started_ms = 1795000000000;
	ret->duration_ms = 720000;
	ret->bytes = 34567890;
	snprintf(ret->state, sizeof(ret->state), "composed");
	ret->about = cJSON_CreateObject();
	cJSON_Delete(json);
	return 1;
}

int studio_delete(struct studio *s, const char *room, const char *id)
{
	(void)s;
	note("delete", room, id);
	f.shelf = NULL;
	return 0;
}

cJSON *studio_manifest(struct studio *s, const char *room, const char *id)
{
	cJSON *json = f.shelf ? parse(f.shelf) : NULL;
	const char *own = cJSON_GetStringValue(cJSON_GetObjectItem(json, "id"));

	(void)s;
	if (json && strcmp(room, "!r:s") == 0 && own && strcmp(own, id) == 0)
		return json;
	cJSON_Delete(json);
	return NULL;
}

int studio_link(struct studio *s, const char *id, const char *file,
	unsigned ttl_s, char *ret, size_t cap)
{
	(void)s;
	snprintf(ret, cap, "/recordings/%s/%s?expires=%u", id, file, ttl_s);
	return 0;
}

int studio_delivered(struct studio *s, const char *id, const cJSON *delivered)
{
	char *text = cJSON_PrintUnformatted(delivered);

	(void)s;
	note("delivered", id, text);
	cJSON_free(text);
	return 0;
}

void studio_metrics(const struct studio *s, struct evbuffer *out)
{
	(void)s;
	evbuffer_add_printf(out, "studio 1\n");
}
