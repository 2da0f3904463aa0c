#include "studio/mailbag.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "studio/entry.h"
#include "studio/webhooks.h"

enum { HEAD_MAX = 8192, STAMP = 15, COUNT_MOD = 0xffffff };

static const char alphabet[] = "0123456789abcdef-";

static bool is_name(const char *name)
{
	return strlen(name) == MAILBAG_NAME &&
	       strspn(name, alphabet) == MAILBAG_NAME && name[STAMP] == '-';
}

int mailbag_open(const char *path)
{
	struct shelf s;
	int err = shelf_init(&s, path);

	return err ? err : s.fd;
}

int mailbag_name(uint64_t created_ms, char ret[MAILBAG_NAME + 1])
{
	static unsigned count;
	uint32_t chance;

	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		return -EAGAIN;
	count = (count + 1) & COUNT_MOD;
	snprintf(ret, MAILBAG_NAME + 1, "%015" PRIu64 "-%06x-%08x0",
		created_ms % 1000000000000000u, count, chance);
	return 0;
}

static char *print_head(const struct mail *m)
{
	cJSON *json = cJSON_CreateObject();
	char *text = NULL;

	if (cJSON_AddStringToObject(json, "url", m->url) &&
		cJSON_AddStringToObject(json, "event", m->event) &&
		cJSON_AddStringToObject(json, "id", m->id) &&
		cJSON_AddNumberToObject(
			json, "created_ms", (double)m->created_ms))
		text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return text;
}

static int write_file(int fd, const char *head, const char *body)
{
	FILE *f = fdopen(fd, "w");
	bool good;

	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	good = fprintf(f, "%s\n", head) > 0 && fputs(body, f) >= 0;
	if (fclose(f) != 0 || !good)
		return errno ? -errno : -EIO;
	return 0;
}

int mailbag_put(int fd, const struct mail *m, const char *body)
{
	static const char temp[] = ".new";
	char *head = print_head(m);
	int file, err;

	if (!head)
		return -ENOMEM;
	if (strlen(head) >= HEAD_MAX - 1) {
		cJSON_free(head);
		return -E2BIG;
	}
	unlinkat(fd, temp, 0);
	file = openat(fd, temp,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	err = file < 0 ? -errno : write_file(file, head, body);
	cJSON_free(head);
	if (!err && renameat(fd, temp, fd, m->name) != 0)
		err = -errno;
	if (err)
		unlinkat(fd, temp, 0);
	return err;
}

/* The file from its beginning, at most max bytes, with a NUL; heap. */
static char *read_file(int fd, const char *name, size_t max)
{
	int file = openat(
		fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	size_t size = 0, got = 0;
	struct stat st;
	char *text = NULL;

	if (file < 0)
		return NULL;
	if (fstat(file, &st) == 0 && S_ISREG(st.st_mode)) {
		size = (size_t)st.st_size < max ? (size_t)st.st_size : max;
		text = malloc(size + 1);
	}
	while (text && got < size) {
		ssize_t n = read(file, text + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	close(file);
	if (text)
		text[got] = '\0';
	return text;
}

char *mailbag_body(int fd, const char *name)
{
	char *text = read_file(fd, name, (size_t)WEBHOOKS_BODY_MAX + HEAD_MAX);
	char *end = text ? strchr(text, '\n') : NULL;

	if (!end) {
		free(text);
		return NULL;
	}
	memmove(text, end + 1, strlen(end + 1) + 1);
	return text;
}

void mailbag_remove(int fd, const char *name)
{
	unlinkat(fd, name, 0);
}

static int by_age(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_mail(const struct dirent *e)
{
	return is_name(e->d_name);
}

static bool read_head(int fd, const char *name, struct mail *ret)
{
	char *text = read_file(fd, name, HEAD_MAX);
	char *end = text ? strchr(text, '\n') : NULL;
	cJSON *json =
		end ? cJSON_ParseWithLength(text, (size_t)(end - text)) : NULL;
	const char *url = entry_text(json, "url");

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->name, name, sizeof(ret->name));
	snprintf(ret->event, sizeof(ret->event), "%s",
		entry_text(json, "event"));
	snprintf(ret->id, sizeof(ret->id), "%s", entry_text(json, "id"));
	ret->created_ms = entry_number(json, "created_ms");
	ret->url = *url && *ret->event ? strdup(url) : NULL;
	cJSON_Delete(json);
	free(text);
	return ret->url != NULL;
}

int mailbag_list(int fd, struct mail *ret, unsigned cap)
{
	struct dirent **names;
	int n = scandirat(fd, ".", &names, is_mail, by_age);
	unsigned found = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		if (found < cap) {
			if (read_head(fd, names[i]->d_name, &ret[found]))
				found++;
			else
				mailbag_remove(fd, names[i]->d_name);
		}
		free(names[i]);
	}
	free(names);
	return (int)found;
}
