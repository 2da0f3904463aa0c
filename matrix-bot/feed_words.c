#include "matrix-bot/feed_words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int wrong(char ret_error[FEED_ERROR_MAX], unsigned line, const char *how)
{
	snprintf(ret_error, FEED_ERROR_MAX,
		"line %u %s; write \"name token listen\" or \"name token "
		"publish\"",
		line, how);
	return -EINVAL;
}

static bool is_name(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyz"
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

/* Copies the next word of *at and moves there; false: none, or too long. */
static bool take_word(const char **at, char *ret, size_t cap)
{
	size_t n;

	*at += strspn(*at, " \t\r");
	n = strcspn(*at, " \t\r");
	if (n == 0 || n >= cap)
		return false;
	memcpy(ret, *at, n);
	ret[n] = '\0';
	*at += n;
	return true;
}

static int parse_line(struct feed_tokens *t, const char *line, unsigned number,
	char ret_error[FEED_ERROR_MAX])
{
	struct feed_token *k = &t->v[t->n];
	char how[16];

	line += strspn(line, " \t\r");
	if (*line == '\0' || *line == '#')
		return 0;
	if (t->n == FEED_TOKENS_MAX)
		return wrong(ret_error, number, "is one too many");
	if (!take_word(&line, k->name, sizeof(k->name)) || !is_name(k->name))
		return wrong(ret_error, number,
			"has no name of letters, digits and ._-");
	if (!take_word(&line, k->token, sizeof(k->token)))
		return wrong(ret_error, number, "has no token");
	if (!take_word(&line, how, sizeof(how)) ||
		(strcmp(how, "listen") != 0 && strcmp(how, "publish") != 0) ||
		line[strspn(line, " \t\r")] != '\0')
		return wrong(
			ret_error, number, "does not end in listen or publish");
	k->publish = strcmp(how, "publish") == 0;
	t->n++;
	return 0;
}

int feed_tokens_parse(struct feed_tokens *ret, const char *text,
	char ret_error[FEED_ERROR_MAX])
{
	char line[FEED_NAME_MAX + FEED_TOKEN_MAX + 64];
	unsigned number = 0;
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	while (*text && r == 0) {
		size_t n = strcspn(text, "\n");

		number++;
		if (n >= sizeof(line)) {
			r = wrong(ret_error, number, "is too long");
			break;
		}
		memcpy(line, text, n);
		line[n] = '\0';
		r = parse_line(ret, line, number, ret_error);
		text += n + (text[n] == '\n');
	}
	explicit_bzero(line, sizeof(line));
	if (r < 0)
		feed_tokens_forget(ret);
	return r;
}

/* 0 and the whole text, or -errno. */
static int read_file(FILE *f, char **ret)
{
	char *text = malloc(FEED_TOKENS_FILE_MAX + 1);
	size_t n;

	if (!text)
		return -ENOMEM;
	n = fread(text, 1, FEED_TOKENS_FILE_MAX + 1, f);
	if (ferror(f) || n > FEED_TOKENS_FILE_MAX) {
		explicit_bzero(text, FEED_TOKENS_FILE_MAX + 1);
		free(text);
		return ferror(f) ? -EIO : -EFBIG;
	}
	text[n] = '\0';
	*ret = text;
	return 0;
}

static int load(struct feed_tokens *ret, FILE *f, const char *path,
	char ret_error[FEED_ERROR_MAX])
{
	struct stat st;
	char *text = NULL;
	int r;

	if (fstat(fileno(f), &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode)) {
		snprintf(ret_error, FEED_ERROR_MAX,
			"feed.tokens_file: %.120s is no file; give one", path);
		return -EACCES;
	}
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		snprintf(ret_error, FEED_ERROR_MAX,
			"feed.tokens_file: %.120s belongs to somebody else; "
			"chown it to the user hearth runs as",
			path);
		return -EACCES;
	}
	if (st.st_mode & 077) {
		snprintf(ret_error, FEED_ERROR_MAX,
			"feed.tokens_file: others may read %.120s; chmod 600 "
			"it",
			path);
		return -EACCES;
	}
	r = read_file(f, &text);
	if (r < 0)
		return r;
	r = feed_tokens_parse(ret, text, ret_error);
	explicit_bzero(text, strlen(text));
	free(text);
	return r;
}

int feed_tokens_load(struct feed_tokens *ret, const char *path,
	char ret_error[FEED_ERROR_MAX])
{
	char why[FEED_ERROR_MAX] = "";
	/* A pipe without a writer would hold everything up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	int r = f ? load(ret, f, path, why) : -errno;

	if (f)
		fclose(f);
	else if (fd >= 0)
		close(fd);
	if (r == 0 || r == -EACCES)
		snprintf(ret_error, FEED_ERROR_MAX, "%s",
			r == 0 || why[0] ? why : strerror(-r));
	else
		snprintf(ret_error, FEED_ERROR_MAX,
			"feed.tokens_file: %.100s: %.120s", path,
			why[0] ? why : strerror(-r));
	return r;
}

/* All of both, padded with zeros, whatever they hold. */
static bool is_same(const char *a, const char *b)
{
	volatile unsigned char differs = 0;

	for (size_t i = 0; i <= FEED_TOKEN_MAX; i++)
		differs |= (unsigned char)(a[i] ^ b[i]);
	return differs == 0;
}

const struct feed_token *feed_tokens_find(
	const struct feed_tokens *t, const char *token)
{
	char padded[FEED_TOKEN_MAX + 1] = "";
	const struct feed_token *found = NULL;

	if (!token[0] || strlen(token) > FEED_TOKEN_MAX)
		return NULL;
	memcpy(padded, token, strlen(token));
	for (unsigned i = 0; i < t->n; i++) {
		if (is_same(t->v[i].token, padded))
			found = &t->v[i];
	}
	explicit_bzero(padded, sizeof(padded));
	return found;
}

void feed_tokens_forget(struct feed_tokens *t)
{
	explicit_bzero(t, sizeof(*t));
}

int feed_ask_parse(struct feed_ask *ret, const char *line, size_t len)
{
	cJSON *json = cJSON_ParseWithLength(line, len);
	const char *token = event_string(json, "token");
	const char *room = event_string(json, "room");
	int r = 0;

	memset(ret, 0, sizeof(*ret));
	if ((room[0] != '!' && room[0] != '#') ||
		event_copy_id(ret->room, room) < 0 || !token[0] ||
		strlen(token) > FEED_TOKEN_MAX)
		r = -EINVAL;
	else
		memcpy(ret->token, token, strlen(token));
	cJSON_Delete(json);
	return r;
}
