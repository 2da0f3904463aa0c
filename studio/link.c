#include "studio/studio_impl.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "http/http.h"
#include "http/sign.h"
#include "sfu/config.h"
#include "sfu/log.h"

enum { EXPIRES_DIGITS = 12 };

static const char prefix[] = "/recordings/";

bool link_listed(const cJSON *manifest, const char *file)
{
	const cJSON *composed =
		cJSON_GetObjectItemCaseSensitive(manifest, "composed");
	const cJSON *thumbnail =
		cJSON_GetObjectItemCaseSensitive(composed, "thumbnail");
	const cJSON *f;

	if (!shelf_file_ok(file))
		return false;
	if (!strcmp(entry_text(composed, "name"), file) ||
		!strcmp(entry_text(thumbnail, "name"), file))
		return true;
	cJSON_ArrayForEach(
		f, cJSON_GetObjectItemCaseSensitive(manifest,
			   "files")) if (!strcmp(entry_text(f, "name"),
						 file)) return true;
	return false;
}

static int sign(const struct studio *s, const char *id, const char *file,
	const char *expires, char ret[SIGN_HEX + 1])
{
	/* None of the three has a newline in it. */
	const struct sign_part part[] = { { id, strlen(id) }, { "\n", 1 },
		{ file, strlen(file) }, { "\n", 1 },
		{ expires, strlen(expires) } };

	return sign_hex(
		s->link_key, LINK_KEY, part, sizeof(part) / sizeof(*part), ret);
}

int studio_link(struct studio *s, const char *id, const char *file,
	unsigned ttl_s, char *ret, size_t cap)
{
	char expires[24], signature[SIGN_HEX + 1];
	cJSON *manifest = NULL;
	bool listed;
	int err, n;

	if (!s->links)
		return -EINVAL;
	err = shelf_read(&s->shelf, id, &manifest);
	if (err)
		return -ENOENT;
	listed = link_listed(manifest, file);
	cJSON_Delete(manifest);
	if (!listed)
		return -ENOENT;
	snprintf(expires, sizeof(expires), "%" PRIu64,
		(uint64_t)time(NULL) + ttl_s);
	err = sign(s, id, file, expires, signature);
	if (err)
		return err;
	n = snprintf(ret, cap, "%s%s/%s?expires=%s&signature=%s", prefix, id,
		file, expires, signature);
	return n < 0 || (size_t)n >= cap ? -EINVAL : 0;
}

/* Copies the value of a key of a query; only what we write ourselves counts:
 * letters and digits. */
static bool query_value(
	const char *query, const char *key, char *ret, size_t cap)
{
	size_t k = strlen(key), n;

	for (const char *at = query; at; at = strchr(at, '&')) {
		at += *at == '&';
		if (strncmp(at, key, k) != 0 || at[k] != '=')
			continue;
		at += k + 1;
		for (n = 0; isalnum((unsigned char)at[n]); n++)
			;
		if (n >= cap || (at[n] != '\0' && at[n] != '&'))
			return false;
		memcpy(ret, at, n);
		ret[n] = '\0';
		return true;
	}
	return false;
}

static const char *type_of(const char *file)
{
	static const struct {
		const char *ending, *type;
	} types[] = { { ".webm", "video/webm" }, { ".mkv", "video/x-matroska" },
		{ ".mp4", "video/mp4" }, { ".m4a", "audio/mp4" },
		{ ".jpg", "image/jpeg" } };
	const char *dot = strrchr(file, '.');

	for (unsigned i = 0; dot && i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(dot, types[i].ending) == 0)
			return types[i].type;
	return NULL;
}

/* NULL: it may be fetched. */
static const char *refusal(const struct studio *s, const char *id,
	const char *file, const char *query)
{
	static const char wrong[] =
		"This link is not valid. Open the recording's page in the "
		"room's call client to get a new one.\n";
	char expires[EXPIRES_DIGITS + 1], given[SIGN_HEX + 1];
	char expected[SIGN_HEX + 1];

	if (!query ||
		!query_value(query, "expires", expires, sizeof(expires)) ||
		!query_value(query, "signature", given, sizeof(given)) ||
		sign(s, id, file, expires, expected) != 0 ||
		!sign_same(given, expected))
		return wrong;
	if (strtoull(expires, NULL, 10) < (uint64_t)time(NULL))
		return "This link has expired. Open the recording's page in "
		       "the room's call client to get a new one.\n";
	return NULL;
}

static void on_request(
	void *arg, const struct http_request *req, struct http_download *ret)
{
	const struct studio *s = arg;
	const char *slash = strchr(req->path, '/');
	const char *file = slash ? slash + 1 : "";
	char id[SHELF_ID + 1] = "";
	uint64_t size;

	ret->status = 404;
	if (slash && slash - req->path == SHELF_ID)
		memcpy(id, req->path, SHELF_ID);
	if (!shelf_id_ok(id) || !shelf_file_ok(file))
		return;
	ret->status = 403;
	ret->text = refusal(s, id, file, req->query);
	if (ret->text)
		return;
	ret->status = 404;
	ret->text = "This recording is not here any more: it was deleted.\n";
	ret->fd = shelf_open_file(&s->shelf, id, file, &size);
	if (ret->fd < 0) {
		ret->fd = -1;
		return;
	}
	ret->content_type = type_of(file);
	snprintf(ret->name, sizeof(ret->name), "%s-%s", id, file);
}

/* The key. */

static int read_key(int dir, const char *name, uint8_t key[LINK_KEY])
{
	int fd = openat(
		dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	bool good;

	if (fd < 0)
		return -errno;
	good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (st.st_mode & 077) == 0 && st.st_size == LINK_KEY &&
	       read(fd, key, LINK_KEY) == LINK_KEY;
	close(fd);
	return good ? 0 : -EBADMSG;
}

static int write_key(int dir, const char *name, const uint8_t key[LINK_KEY])
{
	int fd, err = 0;

	unlinkat(dir, name, 0);
	fd = openat(dir, name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, key, LINK_KEY) != LINK_KEY)
		err = -EIO;
	if (close(fd) != 0 && !err)
		err = -errno;
	return err;
}

static int get_key(const char *state_dir, uint8_t key[LINK_KEY])
{
	static const char name[] = "links.key";
	int dir, err;

	if (mkdir(state_dir, 0700) != 0 && errno != EEXIST)
		return -errno;
	dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	err = read_key(dir, name, key);
	if (err) {
		err = getrandom(key, LINK_KEY, 0) == LINK_KEY ? 0 : -EAGAIN;
		if (!err)
			err = write_key(dir, name, key);
	}
	close(dir);
	return err;
}

int link_init(struct studio *s, struct http *http)
{
	int err;

	if (!http)
		return 0;
	err = get_key(s->config->state_dir, s->link_key);
	if (err) {
		log_error("links_off", "directory=%s error=%s",
			log_value(s->config->state_dir),
			log_value(strerror(-err)));
		return err;
	}
	err = http_route_files(http, prefix, on_request, s);
	s->links = !err;
	return err;
}
