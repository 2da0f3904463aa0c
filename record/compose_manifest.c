#include "record/compose_manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 64, LIST_MAX = 20000 };

static const int64_t longest_ms = 31LL * 24 * 3600 * 1000;

static const cJSON *list(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsArray(item) ? item->child : NULL;
}

static const char *text(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

static int64_t number(
	const cJSON *object, const char *key, int64_t fallback, int64_t max)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0))
		return fallback;
	return item->valuedouble > (double)max ? max
					       : (int64_t)item->valuedouble;
}

/* How many entries the list has, for the memory; never more than LIST_MAX. */
static unsigned count(const cJSON *object, const char *key)
{
	unsigned n = 0;

	for (const cJSON *i = list(object, key); i && n < LIST_MAX; i = i->next)
		n++;
	return n;
}

static bool span(const cJSON *item, int64_t duration_ms, struct plan_span *ret)
{
	ret->from_ms = number(item, "from_ms", 0, duration_ms);
	ret->to_ms = number(item, "to_ms", duration_ms, duration_ms);
	return ret->from_ms < ret->to_ms;
}

bool compose_name_fine(const char *name)
{
	size_t stem = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	if (stem == 0 || stem > NAME_MAX_BYTES || *name == '-')
		return false;
	return strcmp(name + stem, ".webm") == 0 ||
	       strcmp(name + stem, ".mkv") == 0;
}

static bool is_there(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_size > 0;
}

/* Everything that is needed, counted before it is filled. */
static int allocate(const cJSON *root, struct compose_input *in)
{
	size_t n_spans = 1;
	unsigned n = 0;

	for (const cJSON *i = list(root, "participants"); i && n < LIST_MAX;
		i = i->next, n++)
		n_spans += count(i, "present");
	n = 0;
	for (const cJSON *i = list(root, "files"); i && n < LIST_MAX;
		i = i->next, n++)
		n_spans += count(i, "muted");
	in->people =
		calloc(count(root, "participants") + 1u, sizeof(*in->people));
	in->files = calloc(count(root, "files") + 1u, sizeof(*in->files));
	in->speakers =
		calloc(count(root, "speakers") + 1u, sizeof(*in->speakers));
	in->spans = calloc(n_spans, sizeof(*in->spans));
	if (!in->people || !in->files || !in->speakers || !in->spans)
		return -ENOMEM;
	in->plan.people = in->people;
	in->plan.files = in->files;
	in->plan.speakers = in->speakers;
	return 0;
}

static void read_people(
	const cJSON *root, struct compose_input *in, struct plan_span **at)
{
	unsigned n = count(root, "participants");
	const cJSON *i = list(root, "participants");

	for (; in->plan.n_people < n; i = i->next) {
		struct plan_person *p = &in->people[in->plan.n_people++];
		unsigned left = count(i, "present");

		p->name = text(i, "name");
		p->user_id = text(i, "user_id");
		p->present = *at;
		for (const cJSON *j = list(i, "present"); left--; j = j->next)
			if (span(j, in->plan.duration_ms, *at)) {
				p->n_present++;
				(*at)++;
			}
	}
}

/* Index of the participant with that number; -1: none. */
static int find_person(const cJSON *root, const cJSON *item)
{
	int64_t wanted = number(item, "participant", 0, INT_MAX);
	int n = 0;

	for (const cJSON *i = list(root, "participants"); i && n < LIST_MAX;
		i = i->next, n++)
		if (number(i, "number", -1, INT_MAX) == wanted)
			return n;
	return -1;
}

static void read_tracks(const cJSON *item, struct plan_file *f)
{
	unsigned left = count(item, "tracks");

	for (const cJSON *i = list(item, "tracks"); left--; i = i->next) {
		const char *kind = text(i, "kind");
		const cJSON *size = list(i, "sizes");

		if (number(i, "frames", 0, INT_MAX) == 0)
			continue;
		if (strcmp(kind, "audio") == 0)
			f->audio = true;
		if (strcmp(kind, "video") != 0)
			continue;
		f->video = true;
		if (size)
			f->video_from_ms =
				number(size, "at_ms", f->from_ms, f->to_ms);
	}
}

static void read_muted(const cJSON *item, int64_t duration_ms,
	struct plan_file *f, struct plan_span **at)
{
	unsigned left = count(item, "muted");

	f->muted = *at;
	for (const cJSON *i = list(item, "muted"); left--; i = i->next)
		if (strcmp(text(i, "kind"), "video") == 0 &&
			span(i, duration_ms, *at)) {
			f->n_muted++;
			(*at)++;
		}
}

static void read_files(const cJSON *root, int dir, struct compose_input *in,
	struct plan_span **at)
{
	unsigned left = count(root, "files");
	const cJSON *i = list(root, "files");

	for (; left--; i = i->next) {
		struct plan_file *f = &in->files[in->plan.n_files];
		int person = find_person(root, i);
		struct plan_span whole;

		memset(f, 0, sizeof(*f));
		f->name = text(i, "name");
		if (person < 0 || !compose_name_fine(f->name) ||
			!span(i, in->plan.duration_ms, &whole) ||
			!is_there(dir, f->name))
			continue;
		f->person = (unsigned)person;
		f->screen = strcmp(text(i, "purpose"), "screen") == 0;
		f->from_ms = f->video_from_ms = whole.from_ms;
		f->to_ms = whole.to_ms;
		read_tracks(i, f);
		read_muted(i, in->plan.duration_ms, f, at);
		if (f->audio || f->video)
			in->plan.n_files++;
	}
}

static int by_time(const void *a, const void *b)
{
	const struct plan_speaker *x = a, *y = b;

	return x->from_ms < y->from_ms ? -1 : x->from_ms > y->from_ms;
}

static void read_speakers(const cJSON *root, struct compose_input *in)
{
	unsigned left = count(root, "speakers");
	const cJSON *i = list(root, "speakers");

	for (; left--; i = i->next) {
		int person = find_person(root, i);
		struct plan_span s;

		if (person < 0 || !span(i, in->plan.duration_ms, &s))
			continue;
		in->speakers[in->plan.n_speakers++] =
			(struct plan_speaker){ .person = (unsigned)person,
				.from_ms = s.from_ms,
				.to_ms = s.to_ms };
	}
	qsort(in->speakers, in->plan.n_speakers, sizeof(*in->speakers),
		by_time);
}

int compose_input_read(const cJSON *root, int dir, struct compose_input *ret)
{
	struct compose_input in = { 0 };
	struct plan_span *at;
	int err;

	in.plan.duration_ms = number(root, "duration_ms", 0, longest_ms);
	if (in.plan.duration_ms <= 0)
		return -EBADMSG;
	err = allocate(root, &in);
	if (err < 0) {
		compose_input_done(&in);
		return err;
	}
	at = in.spans;
	read_people(root, &in, &at);
	read_files(root, dir, &in, &at);
	read_speakers(root, &in);
	*ret = in;
	return 0;
}

void compose_input_done(struct compose_input *in)
{
	free(in->people);
	free(in->files);
	free(in->speakers);
	free(in->spans);
	memset(in, 0, sizeof(*in));
}

bool compose_has_video(const struct plan_input *in)
{
	for (unsigned i = 0; i < in->n_files; i++)
		if (in->files[i].video)
			return true;
	return false;
}

bool compose_has_audio(const struct plan_input *in)
{
	for (unsigned i = 0; i < in->n_files; i++)
		if (in->files[i].audio)
			return true;
	return false;
}
