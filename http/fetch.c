#include "http/fetch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <time.h>
#include <curl/curl.h>
#include <event2/event.h>

struct fetch_transfer {
	LIST_ENTRY(fetch_transfer) entry;
	struct fetch *fetch;
	CURL *easy;
	struct curl_slist *headers;
	fetch_h *handler;
	void *arg;
	FILE *file; /* the body that is sent, or NULL */
	curl_off_t file_len;
	char *body;
	size_t len, cap;
	uint64_t retry_after_ms;
	int64_t date_s;
	char error[CURL_ERROR_SIZE];
};

struct fetch {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	LIST_HEAD(, fetch_transfer) transfers;
};

uint64_t fetch_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void transfer_free(struct fetch_transfer *t)
{
	if (t->easy) {
		curl_multi_remove_handle(t->fetch->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	curl_slist_free_all(t->headers);
	if (t->file)
		fclose(t->file);
	free(t->body);
	free(t);
}

static void transfer_report(struct fetch_transfer *t, CURLcode code)
{
	struct fetch_reply r = { .error = "", .date_s = t->date_s };
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	r.retry_after_ms = t->retry_after_ms;
	r.body = t->body ? t->body : "";
	r.len = t->len;
	/* A server may refuse before it has read a whole file, and close. */
	if (code == CURLE_OK || (t->file && status >= 400))
		r.status = (int)status;
	else
		r.error = t->error[0] ? t->error : curl_easy_strerror(code);
	LIST_REMOVE(t, entry);
	t->handler(t->arg, &r);
	transfer_free(t);
}

static void collect_done(struct fetch *f)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(f->multi, &left))) {
		struct fetch_transfer *t = NULL;
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &t);
		transfer_report(t, code);
	}
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct fetch *f = arg;
	int running, flags = 0;

	if (what & EV_READ)
		flags |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(f->multi, fd, flags, &running);
	collect_done(f);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct fetch *f = arg;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect_done(f);
}

static int curl_wants_socket(
	CURL *easy, curl_socket_t fd, int what, void *arg, void *sockp)
{
	struct fetch *f = arg;
	struct event *ev = sockp;
	short events = EV_PERSIST;

	(void)easy;
	if (ev)
		event_free(ev);
	curl_multi_assign(f->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE)
		return 0;
	if (what & CURL_POLL_IN)
		events |= EV_READ;
	if (what & CURL_POLL_OUT)
		events |= EV_WRITE;
	ev = event_new(f->base, fd, events, on_socket, f);
	if (!ev)
		return -1;
	event_add(ev, NULL);
	curl_multi_assign(f->multi, fd, ev);
	return 0;
}

static int curl_wants_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct fetch *f = arg;
	struct timeval tv = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };

	(void)multi;
	if (timeout_ms < 0)
		event_del(f->timer);
	else
		event_add(f->timer, &tv);
	return 0;
}

static size_t curl_got_body(char *data, size_t size, size_t n, void *arg)
{
	struct fetch_transfer *t = arg;
	size_t len = size * n, cap = t->cap;
	char *body;

	if (len > FETCH_REPLY_MAX - t->len)
		return 0;
	while (cap < t->len + len + 1)
		cap = cap ? cap * 2 : 4096;
	if (cap != t->cap) {
		body = realloc(t->body, cap);
		if (!body)
			return 0;
		t->body = body;
		t->cap = cap;
	}
	memcpy(t->body + t->len, data, len);
	t->len += len;
	t->body[t->len] = '\0';
	return len;
}

/* Copies the value of header `name` if this line is it. */
static bool header_value(
	const char *line, size_t len, const char *name, char *ret, size_t cap)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0)
		return false;
	line += n;
	len -= n;
	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	if (len >= cap)
		len = cap - 1;
	memcpy(ret, line, len);
	ret[len] = '\0';
	return true;
}

static size_t curl_got_header(char *data, size_t size, size_t n, void *arg)
{
	struct fetch_transfer *t = arg;
	size_t len = size * n;
	char value[64];

	if (header_value(data, len, "retry-after:", value, sizeof(value))) {
		unsigned long s = strtoul(value, NULL, 10);

		/* The date form is left to the caller's own back-off. */
		t->retry_after_ms = s < 86400 ? s * 1000 : 0;
	} else if (header_value(data, len, "date:", value, sizeof(value))) {
		t->date_s = curl_getdate(value, NULL);
	}
	return len;
}

int fetch_new(struct fetch **ret, struct event_base *base)
{
	struct fetch *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	f->base = base;
	LIST_INIT(&f->transfers);
	f->multi = curl_multi_init();
	f->timer = event_new(base, -1, 0, on_timer, f);
	if (!f->multi || !f->timer) {
		fetch_free(f);
		return -ENOMEM;
	}
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket);
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	*ret = f;
	return 0;
}

struct fetch *fetch_free(struct fetch *f)
{
	struct fetch_transfer *t;

	if (!f)
		return NULL;
	while ((t = LIST_FIRST(&f->transfers)))
		fetch_cancel(t);
	curl_multi_cleanup(f->multi);
	if (f->timer)
		event_free(f->timer);
	free(f);
	curl_global_cleanup();
	return NULL;
}

static bool add_header(struct fetch_transfer *t, const char *line)
{
	struct curl_slist *list = curl_slist_append(t->headers, line);

	if (!list)
		return false;
	t->headers = list;
	return true;
}

static bool add_content_type(
	struct fetch_transfer *t, const struct fetch_request *q)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "Content-Type: %s",
		q->content_type ? q->content_type : "application/json");

	return n < (int)sizeof(line) && add_header(t, line);
}

static bool set_headers(struct fetch_transfer *t, const struct fetch_request *q)
{
	static const char prefix[] = "Authorization: Bearer ";
	bool good = add_header(t, "Expect:");
	char *line;
	size_t n;

	if (q->body || q->body_path)
		good = good && add_content_type(t, q);
	for (unsigned i = 0; good && q->headers && q->headers[i]; i++)
		good = add_header(t, q->headers[i]);
	if (q->bearer) {
		n = sizeof(prefix) + strlen(q->bearer);
		line = malloc(n);
		if (!line)
			return false;
		snprintf(line, n, "%s%s", prefix, q->bearer);
		good = good && add_header(t, line);
		free(line);
	}
	return good;
}

static size_t curl_wants_body(char *to, size_t size, size_t n, void *arg)
{
	struct fetch_transfer *t = arg;
	size_t len = fread(to, 1, size * n, t->file);

	return len == 0 && ferror(t->file) ? CURL_READFUNC_ABORT : len;
}

/* A connection that died while it was kept open: libcurl begins again. */
static int curl_wants_seek(void *arg, curl_off_t offset, int origin)
{
	struct fetch_transfer *t = arg;

	return fseeko(t->file, (off_t)offset, origin) == 0 ? CURL_SEEKFUNC_OK
							   : CURL_SEEKFUNC_FAIL;
}

static int open_body(struct fetch_transfer *t, const char *path)
{
	struct stat st;

	t->file = fopen(path, "re");
	if (!t->file || fstat(fileno(t->file), &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	t->file_len = (curl_off_t)st.st_size;
	return 0;
}

static void set_body(struct fetch_transfer *t, const struct fetch_request *q)
{
	const char *body = q->body ? q->body : "";
	CURL *e = t->easy;

	if (t->file) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, t->file_len);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, curl_wants_body);
		curl_easy_setopt(e, CURLOPT_READDATA, t);
		curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, curl_wants_seek);
		curl_easy_setopt(e, CURLOPT_SEEKDATA, t);
	} else {
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
		curl_easy_setopt(e, CURLOPT_COPYPOSTFIELDS, body);
	}
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, q->method);
}

static void set_options(struct fetch_transfer *t, const struct fetch_request *q)
{
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, t);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(e, CURLOPT_URL, q->url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(e, CURLOPT_USERAGENT, "hearth/" HEARTH_VERSION);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(
		e, CURLOPT_CONNECTTIMEOUT_MS, (long)FETCH_CONNECT_TIMEOUT_MS);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, curl_got_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, curl_got_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	if (q->low_speed_s) {
		curl_easy_setopt(
			e, CURLOPT_LOW_SPEED_LIMIT, (long)FETCH_LOW_SPEED_BPS);
		curl_easy_setopt(
			e, CURLOPT_LOW_SPEED_TIME, (long)q->low_speed_s);
	}
	if (strcmp(q->method, "GET") != 0)
		set_body(t, q);
}

int fetch_start(struct fetch *f, const struct fetch_request *q,
	fetch_h *handler, void *arg, struct fetch_transfer **ret_transfer)
{
	struct fetch_transfer *t = calloc(1, sizeof(*t));
	int r = 0;

	if (!t)
		return -ENOMEM;
	t->fetch = f;
	t->handler = handler;
	t->arg = arg;
	t->date_s = -1;
	if (q->body_path)
		r = open_body(t, q->body_path);
	t->easy = r == 0 ? curl_easy_init() : NULL;
	if (r == 0 && (!t->easy || !set_headers(t, q)))
		r = -ENOMEM;
	if (r < 0) {
		transfer_free(t);
		return r;
	}
	set_options(t, q);
	if (curl_multi_add_handle(f->multi, t->easy) != CURLM_OK) {
		transfer_free(t);
		return -EINVAL;
	}
	LIST_INSERT_HEAD(&f->transfers, t, entry);
	if (ret_transfer)
		*ret_transfer = t;
	return 0;
}

void fetch_cancel(struct fetch_transfer *t)
{
	if (!t)
		return;
	LIST_REMOVE(t, entry);
	transfer_free(t);
}
