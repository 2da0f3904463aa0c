#include "record/shelf.h"

#include <stdlib.h>

void shelf_init(struct shelf *s, struct disk *disk, struct manifest *manifest)
{
	*s = (struct shelf){ .disk = disk, .manifest = manifest };
	TAILQ_INIT(&s->open);
}

void shelf_done(struct shelf *s)
{
	struct shelf_file *f;

	while ((f = TAILQ_FIRST(&s->open))) {
		TAILQ_REMOVE(&s->open, f, next);
		free(f);
	}
}

int64_t shelf_ms(const struct shelf *s, int64_t time_us)
{
	return time_us > s->zero_us ? (time_us - s->zero_us) / 1000 : 0;
}

struct shelf_file *shelf_open(struct shelf *s, const char *name, cJSON *json)
{
	struct shelf_file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->json = json;
	f->id = disk_open(s->disk, name);
	if (!f->id) {
		free(f);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&s->open, f, next);
	s->files++;
	return f;
}

void shelf_close(struct shelf *s, struct shelf_file *f, bool whole)
{
	if (disk_close(s->disk, f->id, whole && !f->failed) == 0)
		return;
	/* No memory for the order: the file is completed by `finish`. */
	s->unfinished = true;
	TAILQ_REMOVE(&s->open, f, next);
	free(f);
}

static struct shelf_file *find(struct shelf *s, uint32_t id)
{
	struct shelf_file *f;

	TAILQ_FOREACH(f, &s->open, next)
	{
		if (f->id == id)
			return f;
	}
	return NULL;
}

void shelf_failed(struct shelf *s, const struct disk_event *ev)
{
	struct shelf_file *f = find(s, ev->file);

	if (f)
		f->failed = true;
}

void shelf_closed(struct shelf *s, const struct disk_event *ev)
{
	struct shelf_file *f = find(s, ev->file);

	if (!f)
		return;
	manifest_set(f->json, "bytes", (int64_t)ev->bytes);
	s->bytes += ev->bytes;
	if (ev->sha256[0])
		manifest_set_text(f->json, "sha256", ev->sha256);
	else
		s->unfinished = true;
	TAILQ_REMOVE(&s->open, f, next);
	free(f);
}
