#include "record/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct manifest {
	cJSON *root;
	cJSON *speaker; /* the stretch that is open */
	unsigned speaking;
	size_t spent; /* of MANIFEST_BUDGET */
};

/* What an entry may take of the text, a little more than usual. Gaps and their
 * like leave room for files: what has no entry is not recorded. */
enum {
	COST = 96,
	COST_TRACK = 256,
	COST_TROUBLE = 512,
	COST_FILE = 768,
	COST_PERSON = 1536,
	DETAILS = MANIFEST_BUDGET / 3 * 2
};

#define MANIFEST_NAME "manifest.json"
#define MANIFEST_NEW  "manifest.json.save"

struct manifest *manifest_new(const char *id, const char *room,
	const cJSON *about, int64_t started_ms)
{
	struct manifest *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->root = cJSON_CreateObject();
	if (!m->root)
		return manifest_free(m);
	manifest_set(m->root, "version", 1);
	manifest_set_text(m->root, "id", id);
	manifest_set_text(m->root, "state", "recording");
	manifest_set_text(m->root, "room", room);
	cJSON_AddItemToObject(m->root, "about",
		about ? cJSON_Duplicate(about, true) : cJSON_CreateObject());
	manifest_set(m->root, "started_ms", started_ms);
	manifest_duration(m, 0);
	if (!manifest_list(m->root, "participants") ||
		!manifest_list(m->root, "files") ||
		!manifest_list(m->root, "codec_changes") ||
		!manifest_list(m->root, "speakers") ||
		!manifest_list(m->root, "troubles"))
		return manifest_free(m);
	return m;
}

struct manifest *manifest_adopt(cJSON *root)
{
	struct manifest *m = NULL;

	if (cJSON_IsObject(root) && manifest_text(root, "id")[0] &&
		manifest_list(root, "files"))
		m = calloc(1, sizeof(*m));
	if (m)
		m->root = root;
	else
		cJSON_Delete(root);
	return m;
}

struct manifest *manifest_free(struct manifest *m)
{
	if (!m)
		return NULL;
	cJSON_Delete(m->root);
	free(m);
	return NULL;
}

cJSON *manifest_root(struct manifest *m)
{
	return m->root;
}

void manifest_set(cJSON *object, const char *key, int64_t value)
{
	cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	if (cJSON_IsNumber(item))
		cJSON_SetNumberValue(item, (double)value);
	else if (object)
		cJSON_AddNumberToObject(object, key, (double)value);
}

/* Bytes of the UTF-8 character (RFC 3629) at s; 0: none is there. */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] < 0x80   ? 1
		   : s[0] < 0xc2 ? 0
		   : s[0] < 0xe0 ? 2
		   : s[0] < 0xf0 ? 3
		   : s[0] < 0xf5 ? 4
				 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
		(s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* Stream ids are what a browser said: not always text. */
static void clean(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p;) {
		size_t n = utf8_len(p);

		if (!n)
			*p = '?';
		p += n ? n : 1;
	}
}

void manifest_set_text(cJSON *object, const char *key, const char *value)
{
	char *copy = object ? strdup(value) : NULL;

	if (!copy)
		return;
	clean(copy);
	cJSON_DeleteItemFromObjectCaseSensitive(object, key);
	cJSON_AddStringToObject(object, key, copy);
	free(copy);
}

int64_t manifest_get(const cJSON *object, const char *key, int64_t fallback)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	double value = cJSON_IsNumber(item) ? item->valuedouble : -1e18;

	return value > -9e15 && value < 9e15 ? (int64_t)value : fallback;
}

const char *manifest_text(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

cJSON *manifest_list(cJSON *object, const char *key)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(object, key);

	if (!object || cJSON_IsArray(list))
		return list;
	cJSON_DeleteItemFromObjectCaseSensitive(object, key);
	return cJSON_AddArrayToObject(object, key);
}

/* cJSON keeps the last element as the first one's `prev`. */
static cJSON *last_of(const cJSON *list)
{
	return list && list->child ? list->child->prev : NULL;
}

/* Entries of a list, kept where cJSON has no use for it; one that was read is
 * counted once. What is taken out still counts. */
static int count_of(cJSON *list)
{
	if (!list->valueint)
		list->valueint = cJSON_GetArraySize(list);
	return list->valueint;
}

/* NULL at the ceiling, or where the manifest would become too large. */
static cJSON *append(struct manifest *m, cJSON *list, int ceiling, size_t cost)
{
	cJSON *item;

	if (!list || count_of(list) >= ceiling ||
		m->spent + cost > (cost > COST ? MANIFEST_BUDGET : DETAILS))
		return NULL;
	item = cJSON_CreateObject();
	if (!item)
		return NULL;
	cJSON_AddItemToArray(list, item);
	list->valueint++;
	m->spent += cost;
	return item;
}

cJSON *manifest_person(struct manifest *m, unsigned number, const char *label)
{
	cJSON *person = append(m, manifest_list(m->root, "participants"),
		MANIFEST_LIST_MAX, COST_PERSON);

	if (!person)
		return NULL;
	manifest_set(person, "number", number);
	manifest_set_text(person, "label", label);
	manifest_set_text(person, "user_id", "");
	manifest_set_text(person, "name", "");
	manifest_list(person, "present");
	return person;
}

static cJSON *stretch(struct manifest *m, cJSON *list, int ceiling,
	int64_t from_ms, int64_t to_ms)
{
	cJSON *item = append(m, list, ceiling, COST);

	if (item)
		manifest_set(item, "from_ms", from_ms);
	else
		item = last_of(list);
	manifest_set(item, "to_ms", to_ms);
	return item;
}

cJSON *manifest_stretch(struct manifest *m, cJSON *object, const char *key,
	int64_t from_ms, int64_t to_ms)
{
	return stretch(m, manifest_list(object, key), MANIFEST_LIST_MAX,
		from_ms, to_ms);
}

cJSON *manifest_file(struct manifest *m, const char *name, unsigned person,
	const char *purpose, const char *source, int64_t from_ms)
{
	cJSON *file = append(m, manifest_list(m->root, "files"),
		MANIFEST_LIST_MAX, COST_FILE);

	if (!file)
		return NULL;
	manifest_set_text(file, "name", name);
	manifest_set(file, "participant", person);
	manifest_set_text(file, "purpose", purpose);
	manifest_set_text(file, "source", source);
	manifest_set(file, "from_ms", from_ms);
	manifest_set(file, "to_ms", from_ms);
	manifest_set(file, "bytes", 0);
	manifest_list(file, "tracks");
	manifest_list(file, "gaps");
	manifest_list(file, "muted");
	return file;
}

cJSON *manifest_track(
	struct manifest *m, cJSON *file, const char *kind, const char *codec)
{
	cJSON *track = append(m, manifest_list(file, "tracks"),
		MANIFEST_FILE_MAX, COST_TRACK);

	if (!track)
		return NULL;
	manifest_set_text(track, "kind", kind);
	manifest_set_text(track, "codec", codec);
	manifest_set(track, "frames", 0);
	manifest_set(track, "damaged", 0);
	return track;
}

void manifest_size(struct manifest *m, cJSON *track, int64_t at_ms,
	unsigned width, unsigned height)
{
	cJSON *size = append(
		m, manifest_list(track, "sizes"), MANIFEST_FILE_MAX, COST);

	manifest_set(track, "width", width);
	manifest_set(track, "height", height);
	manifest_set(size, "at_ms", at_ms);
	manifest_set(size, "width", width);
	manifest_set(size, "height", height);
}

static cJSON *last_gap(cJSON *list, const char *kind)
{
	cJSON *gap = last_of(list);

	/* One that touches the new one is among the last few. */
	for (int i = 0; gap && i < 8; i++) {
		if (strcmp(manifest_text(gap, "kind"), kind) == 0)
			return gap;
		gap = gap == list->child ? NULL : gap->prev;
	}
	return NULL;
}

void manifest_gap(struct manifest *m, cJSON *file, const char *kind,
	int64_t from_ms, int64_t to_ms, unsigned packets)
{
	cJSON *list = manifest_list(file, "gaps");
	cJSON *last = last_gap(list, kind), *gap = NULL;

	if (!last || from_ms > manifest_get(last, "to_ms", -1))
		gap = append(m, list, MANIFEST_FILE_MAX, COST);
	if (gap) {
		manifest_set(gap, "from_ms", from_ms);
		manifest_set_text(gap, "kind", kind);
	} else {
		/* It touches that one, or there is no place for more. */
		gap = last ? last : last_of(list);
		packets += (unsigned)manifest_get(gap, "packets", 0);
	}
	if (manifest_get(gap, "to_ms", -1) < to_ms)
		manifest_set(gap, "to_ms", to_ms);
	manifest_set(gap, "packets", packets);
}

cJSON *manifest_mute(
	struct manifest *m, cJSON *file, const char *kind, int64_t from_ms)
{
	cJSON *item = stretch(m, manifest_list(file, "muted"),
		MANIFEST_FILE_MAX, from_ms, from_ms);

	manifest_set_text(item, "kind", kind);
	return item;
}

void manifest_codec_change(struct manifest *m, unsigned person, int64_t at_ms,
	const char *kind, const char *from, const char *to)
{
	cJSON *item = append(m, manifest_list(m->root, "codec_changes"),
		MANIFEST_LIST_MAX, COST);

	manifest_set(item, "participant", person);
	manifest_set(item, "at_ms", at_ms);
	manifest_set_text(item, "kind", kind);
	manifest_set_text(item, "from", from);
	manifest_set_text(item, "to", to);
}

void manifest_speaker(struct manifest *m, unsigned person, int64_t at_ms)
{
	if (person == m->speaking)
		return;
	manifest_set(m->speaker, "to_ms", at_ms);
	m->speaking = person;
	m->speaker = NULL;
	if (!person)
		return;
	m->speaker = manifest_stretch(m, m->root, "speakers", at_ms, at_ms);
	manifest_set(m->speaker, "participant", person);
}

unsigned manifest_speaking(const struct manifest *m)
{
	return m->speaking;
}

void manifest_trouble(struct manifest *m, int64_t at_ms, const char *code,
	const char *message)
{
	cJSON *item = append(m, manifest_list(m->root, "troubles"),
		MANIFEST_LIST_MAX, COST_TROUBLE);

	manifest_set(item, "at_ms", at_ms);
	manifest_set_text(item, "code", code);
	manifest_set_text(item, "message", message);
}

void manifest_duration(struct manifest *m, int64_t duration_ms)
{
	int64_t started_ms = manifest_get(m->root, "started_ms", 0);

	manifest_set(m->root, "ended_ms", started_ms + duration_ms);
	manifest_set(m->root, "duration_ms", duration_ms);
	manifest_set(m->speaker, "to_ms", duration_ms);
}

char *manifest_print(const struct manifest *m)
{
	return cJSON_PrintUnformatted(m->root);
}

static int read_all(int fd, size_t size, char **ret)
{
	char *text = malloc(size + 1);
	size_t len = 0;
	ssize_t n = 1;

	if (!text)
		return -ENOMEM;
	while (len < size && n > 0) {
		n = read(fd, text + len, size - len);
		if (n > 0)
			len += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (n < 0) {
		n = -errno;
		free(text);
		return (int)n;
	}
	text[len] = '\0';
	*ret = text;
	return 0;
}

/* *ret: what it holds, NULL where that is no JSON. */
static int read_json(int fd, cJSON **ret, size_t *ret_size)
{
	struct stat st;
	char *text = NULL;
	int err;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	if (st.st_size > MANIFEST_TEXT_MAX)
		return -E2BIG;
	err = read_all(fd, (size_t)st.st_size, &text);
	if (err)
		return err;
	*ret = cJSON_Parse(text);
	*ret_size = (size_t)st.st_size;
	free(text);
	return 0;
}

static int open_json(int dir, const char *name, cJSON **ret, size_t *ret_size)
{
	int fd = openat(
		dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int err = fd < 0 ? -errno : read_json(fd, ret, ret_size);

	if (fd >= 0)
		close(fd);
	return err;
}

int manifest_load(int dir, struct manifest **ret)
{
	cJSON *root = NULL;
	size_t size = 0;
	int err = open_json(dir, MANIFEST_NAME, &root, &size);

	if (err)
		return err;
	*ret = manifest_adopt(root);
	if (!*ret)
		return -EBADMSG;
	(*ret)->spent = size;
	return 0;
}

cJSON *manifest_origin(int dir)
{
	cJSON *origin = NULL;
	size_t size;

	return open_json(dir, MANIFEST_ORIGIN, &origin, &size) ? NULL : origin;
}

static int write_new(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		text += n;
		left -= (size_t)n;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

int manifest_save(int dir, const struct manifest *m)
{
	char *text = manifest_print(m);
	int fd, err;

	if (!text)
		return -ENOMEM;
	fd = openat(dir, MANIFEST_NEW,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	err = fd < 0 ? -errno : write_new(fd, text);
	if (fd >= 0)
		close(fd);
	free(text);
	if (!err && renameat(dir, MANIFEST_NEW, dir, MANIFEST_NAME) != 0)
		err = -errno;
	if (!err && fsync(dir) != 0)
		err = errno == EINVAL ? 0 : -errno;
	if (err)
		unlinkat(dir, MANIFEST_NEW, 0);
	return err;
}
