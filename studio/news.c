#include "studio/studio_impl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <event2/event.h>
#include "sfu/log.h"

/* Strings of its own: the recording may be gone when it is told. */
struct news {
	TAILQ_ENTRY(news) next;
	enum studio_event_type type;
	const char *hook; /* static */
	bool hooks_only;
	unsigned percent;
	uint64_t time_ms;
	char id[SHELF_ID + 1];
	char *conference, *room, *text, *file;
	cJSON *manifest;
};

static void news_free(struct news *n)
{
	free(n->conference);
	free(n->room);
	free(n->text);
	free(n->file);
	cJSON_Delete(n->manifest);
	free(n);
}

void news_drop(struct studio *s)
{
	struct news *n;

	while ((n = TAILQ_FIRST(&s->news))) {
		TAILQ_REMOVE(&s->news, n, next);
		news_free(n);
	}
}

void news_take_back(struct studio *s)
{
	struct news *n = TAILQ_LAST(&s->news, news_list);

	if (!n)
		return;
	TAILQ_REMOVE(&s->news, n, next);
	news_free(n);
}

static uint64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct news *news_new(
	const struct entry *entry, const struct story *story)
{
	struct news *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->type = story->type;
	n->hook = story->hook;
	n->hooks_only = story->hooks_only;
	n->percent = story->percent;
	n->time_ms = wall_ms();
	memcpy(n->id, entry->id, sizeof(n->id));
	n->conference = strdup(entry->conference);
	n->room = strdup(entry->room);
	n->text = strdup(story->text ? story->text : "");
	n->file = strdup(
		story->file && shelf_file_ok(story->file) ? story->file : "");
	if (n->conference && n->room && n->text && n->file)
		return n;
	news_free(n);
	return NULL;
}

void news_add(
	struct studio *s, const struct entry *entry, const struct story *story)
{
	struct news *n = news_new(entry, story);

	if (!n) {
		s->counters.lost++;
		return;
	}
	if (story->type != STUDIO_PROGRESS &&
		shelf_read(&s->shelf, entry->id, &n->manifest) != 0)
		n->manifest = NULL;
	TAILQ_INSERT_TAIL(&s->news, n, next);
	event_active(s->tell, 0, 0);
}

void news_composed(struct studio *s, const struct entry *entry,
	const cJSON *manifest, bool hook, bool hooks_only)
{
	const cJSON *composed =
		cJSON_GetObjectItemCaseSensitive(manifest, "composed");

	news_add(s, entry,
		&(struct story){ .type = STUDIO_COMPOSED,
			.hook = hook ? "composed" : NULL,
			.file = entry_text(composed, "name"),
			.hooks_only = hooks_only });
}

/* Handed over: what a restart need not repeat. */
static void note_told(struct studio *s, const struct news *n)
{
	struct entry *entry = entries_find(&s->entries, n->id);
	enum entry_told now =
		strcmp(n->hook, "stopped") == 0    ? ENTRY_TOLD_STOPPED
		: strcmp(n->hook, "composed") == 0 ? ENTRY_TOLD_COMPOSED
						   : ENTRY_TOLD_NOTHING;

	if (!entry || entry->hooks_told >= now)
		return;
	entry->hooks_told = now;
	keep_note(s, entry);
}

static void run_hooks(struct studio *s, const struct news *n)
{
	char directory[SHELF_PATH_MAX], manifest[SHELF_PATH_MAX] = "";
	struct hook h = { .event = n->hook,
		.id = n->id,
		.room = n->room,
		.time_ms = n->time_ms,
		.directory = directory,
		.manifest_path = manifest,
		.file = n->file,
		.manifest = n->manifest };

	if (shelf_path(&s->shelf, n->id, NULL, directory, sizeof(directory)))
		return;
	if (n->type != STUDIO_DELETED)
		shelf_path(&s->shelf, n->id, "manifest.json", manifest,
			sizeof(manifest));
	if (s->programs)
		programs_run(s->programs, &h);
	if (s->webhooks)
		webhooks_post(s->webhooks, &h);
	note_told(s, n);
}

static void tell_front(struct studio *s, const struct news *n)
{
	char directory[SHELF_PATH_MAX];
	struct studio_event ev = { .type = n->type,
		.id = n->id,
		.conference = n->conference,
		.text = n->text,
		.percent = n->percent,
		.manifest = n->manifest,
		.directory = directory };

	if (shelf_path(&s->shelf, n->id, NULL, directory, sizeof(directory)))
		return;
	s->handler(s->arg, &ev);
}

void news_on_tell(int fd, short what, void *arg)
{
	struct studio *s = arg;
	struct news *n = TAILQ_FIRST(&s->news);

	(void)fd;
	(void)what;
	if (!n)
		return;
	TAILQ_REMOVE(&s->news, n, next);
	if (n->hook)
		run_hooks(s, n);
	/* One at a time: the handler may do much, and may not be called from
	 * inside the command it gives. */
	if (!TAILQ_EMPTY(&s->news))
		event_active(s->tell, 0, 0);
	if (!n->hooks_only)
		tell_front(s, n);
	news_free(n);
}
