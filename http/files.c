#include "http/files.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, HASH_LEN = 8 };

static const struct {
	const char *extension, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".mjs", "text/javascript; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".json", "application/json" },
	{ ".map", "application/json" },
	{ ".webmanifest", "application/manifest+json" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".jpg", "image/jpeg" },
	{ ".webp", "image/webp" },
	{ ".ico", "image/x-icon" },
	{ ".woff2", "font/woff2" },
	{ ".wasm", "application/wasm" },
	{ ".mp3", "audio/mpeg" },
	{ ".ogg", "audio/ogg" },
	{ ".txt", "text/plain; charset=utf-8" },
};

static const char *type_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (unsigned i = 0; dot && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(dot, types[i].extension) == 0)
			return types[i].type;
	return "application/octet-stream";
}

static bool is_hash(const char *s, size_t len)
{
	bool digit = false, hex = true, capitals = true;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (!isalnum(c) && c != '-' && c != '_')
			return false;
		digit |= isdigit(c) != 0;
		hex &= isdigit(c) || (c >= 'a' && c <= 'f');
		capitals &= isdigit(c) || isupper(c);
	}
	if (len == HASH_LEN)
		return digit || capitals;
	return len > HASH_LEN && hex && digit;
}

bool http_files_hashed(const char *name)
{
	const char *end = strrchr(name, '.'), *map;

	if (!end || end == name)
		return false;
	/* app-HASH.js.map */
	map = strcmp(end, ".map") == 0
		      ? memrchr(name, '.', (size_t)(end - name))
		      : NULL;
	if (map)
		end = map;
	for (const char *p = name; p + HASH_LEN < end; p++)
		if ((*p == '-' || *p == '.') &&
			is_hash(p + 1, (size_t)(end - p - 1)))
			return true;
	return false;
}

static bool segment_ok(const char *s, size_t len)
{
	if (len == 0 || s[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f || s[i] == '\\')
			return false;
	return true;
}

/* Walks down one name at a time, so that no link on the way is followed. */
static int open_below(int root_fd, char *path)
{
	int at = dup(root_fd), next;
	char *save = NULL;

	for (char *name = strtok_r(path, "/", &save); name && at >= 0;
		name = strtok_r(NULL, "/", &save)) {
		next = openat(at, name,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		close(at);
		at = next;
	}
	return at;
}

static bool path_ok(const char *path)
{
	size_t len;

	if (*path != '/')
		return false;
	while (*path) {
		path++;
		len = strcspn(path, "/");
		if (len == 0 && *path == '\0')
			return true; /* ends with its slash */
		if (!segment_ok(path, len))
			return false;
		path += len;
	}
	return true;
}

int http_files_stat(int fd, struct http_file *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -ENOENT;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENOENT;
	ret->fd = fd;
	ret->size = (uint64_t)st.st_size;
	snprintf(ret->etag, sizeof(ret->etag), "\"%llx-%llx-%lx\"",
		(unsigned long long)st.st_size,
		(unsigned long long)st.st_mtim.tv_sec,
		(unsigned long)st.st_mtim.tv_nsec);
	return 0;
}

int http_files_open(int root_fd, const char *path, struct http_file *ret)
{
	char copy[PATH_BYTES];
	const char *name;
	int n, fd, err;

	if (!path_ok(path))
		return -ENOENT;
	n = snprintf(copy, sizeof(copy), "%s%s", path,
		path[strlen(path) - 1] == '/' ? "index.html" : "");
	if (n < 0 || (size_t)n >= sizeof(copy))
		return -ENOENT;
	name = strrchr(path, '/')[1] ? strrchr(path, '/') + 1 : "index.html";
	fd = open_below(root_fd, copy);
	if (fd < 0)
		return -ENOENT;
	err = http_files_stat(fd, ret);
	if (err < 0) {
		close(fd);
		return err;
	}
	ret->type = type_of(name);
	ret->immutable = http_files_hashed(name);
	return 0;
}
