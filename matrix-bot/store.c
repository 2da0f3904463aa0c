#include "matrix-bot/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cjson/cJSON.h>

enum { STORE_FILE_MAX = 65536 };

static char *copy(const char *s)
{
	return s ? strdup(s) : NULL;
}

static char *copy_member(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) && item->valuestring[0]
		       ? strdup(item->valuestring)
		       : NULL;
}

static bool is_member(const cJSON *object, const char *key, const char *value)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) && strcmp(item->valuestring, value) == 0;
}

static cJSON *read_file(const char *path)
{
	char *text = malloc(STORE_FILE_MAX);
	FILE *f = fopen(path, "re");
	cJSON *json = NULL;
	size_t n;

	if (text && f) {
		n = fread(text, 1, STORE_FILE_MAX, f);
		if (n < STORE_FILE_MAX)
			json = cJSON_ParseWithLength(text, n);
	}
	if (f)
		fclose(f);
	free(text);
	return json;
}

int store_init(struct store *s, const char *state_dir, const char *homeserver,
	const char *user)
{
	cJSON *json;
	size_t n;

	memset(s, 0, sizeof(*s));
	s->homeserver = copy(homeserver);
	s->user = copy(user);
	if (!s->homeserver || !s->user)
		return -ENOMEM;
	if (!state_dir || !state_dir[0])
		return 0;
	if (mkdir(state_dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	n = strlen(state_dir) + sizeof("/matrix.json");
	s->path = malloc(n);
	if (!s->path)
		return -ENOMEM;
	snprintf(s->path, n, "%s/matrix.json", state_dir);
	json = read_file(s->path);
	if (is_member(json, "homeserver", homeserver) &&
		is_member(json, "user", user)) {
		s->device_id = copy_member(json, "device_id");
		s->token = copy_member(json, "access_token");
		s->next_batch = copy_member(json, "next_batch");
	}
	cJSON_Delete(json);
	return 0;
}

void store_done(struct store *s)
{
	free(s->path);
	free(s->homeserver);
	free(s->user);
	free(s->device_id);
	free(s->token);
	free(s->next_batch);
	memset(s, 0, sizeof(*s));
}

static int replace(char **member, const char *value)
{
	char *twin = copy(value);

	if (value && !twin)
		return -ENOMEM;
	free(*member);
	*member = twin;
	return 0;
}

int store_set_session(struct store *s, const char *device_id, const char *token)
{
	int r = replace(&s->device_id, device_id);

	return r == 0 ? replace(&s->token, token) : r;
}

int store_set_next_batch(struct store *s, const char *next_batch)
{
	return replace(&s->next_batch, next_batch);
}

static char *store_print(const struct store *s)
{
	cJSON *json = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(json, "homeserver", s->homeserver);
	cJSON_AddStringToObject(json, "user", s->user);
	if (s->device_id)
		cJSON_AddStringToObject(json, "device_id", s->device_id);
	if (s->token)
		cJSON_AddStringToObject(json, "access_token", s->token);
	if (s->next_batch)
		cJSON_AddStringToObject(json, "next_batch", s->next_batch);
	text = cJSON_Print(json);
	cJSON_Delete(json);
	return text;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t left = strlen(text);
	int r = 0;

	if (fd < 0)
		return -errno;
	while (left && r == 0) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno != EINTR) {
			r = -errno;
		} else if (n > 0) {
			text += n;
			left -= (size_t)n;
		}
	}
	/* Not synced to disk: with workers: 0 the wait would stall media, and a
	 * lost position costs a replay that event ages see through. */
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

int store_write(const struct store *s)
{
	char *text, *temp;
	size_t n;
	int r = -ENOMEM;

	if (!s->path)
		return 0;
	n = strlen(s->path) + sizeof(".new");
	temp = malloc(n);
	text = store_print(s);
	if (temp && text) {
		snprintf(temp, n, "%s.new", s->path);
		r = write_text(temp, text);
		if (r == 0 && rename(temp, s->path) < 0)
			r = -errno;
	}
	free(temp);
	cJSON_free(text);
	return r;
}
