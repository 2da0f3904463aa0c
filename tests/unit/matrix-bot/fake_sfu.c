#include "fake_sfu.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PEERS = 16, LOG_MAX = 65536 };

static struct {
	sfu_event_h *handler;
	void *arg;
	char messages[16384];
} peers[PEERS + 1];
static sfu_id last_id;
static char text[LOG_MAX];
static int join_error;

static void append(char *to, size_t cap, const char *line)
{
	size_t n = strlen(to);

	snprintf(to + n, cap - n, "%s\n", line);
}

static void note(const char *what, sfu_id id, const char *detail)
{
	char line[8192];

	snprintf(line, sizeof(line), "%s:%u%s%s", what, id, detail ? ":" : "",
		detail ? detail : "");
	append(text, sizeof(text), line);
}

void fake_sfu_reset(void)
{
	memset(peers, 0, sizeof(peers));
	last_id = 0;
	text[0] = '\0';
	join_error = 0;
}

void fake_sfu_fail_join(int error)
{
	join_error = error;
}

const char *fake_sfu_log(void)
{
	return text;
}

unsigned fake_sfu_count(const char *part)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, part)); p++)
		n++;
	return n;
}

const char *fake_sfu_messages(sfu_id id)
{
	return peers[id].messages;
}

void fake_sfu_emit(const struct sfu_event *ev)
{
	peers[ev->participant].handler(peers[ev->participant].arg, ev);
}

void fake_sfu_emit_sdp(sfu_id to, enum sfu_event_type type, const char *sdp,
	const sfu_id *owners, unsigned n)
{
	struct sfu_stream v[PEERS];
	struct sfu_event ev = { .type = type,
		.participant = to,
		.sdp = sdp,
		.streams = v,
		.n_streams = n };

	memset(v, 0, sizeof(v));
	for (unsigned i = 0; i < n; i++) {
		snprintf(v[i].id, sizeof(v[i].id), "out%u", owners[i]);
		strcpy(v[i].source, "cam");
		v[i].owner = owners[i];
	}
	fake_sfu_emit(&ev);
}

void fake_sfu_say(sfu_id from, const char *words)
{
	struct sfu_event ev = { .type = SFU_EV_MESSAGE,
		.participant = from,
		.data = (const uint8_t *)words,
		.len = strlen(words) };

	fake_sfu_emit(&ev);
}

sfu_id sfu_join(struct sfu *s, const char *conference, const char *label,
	const struct sfu_join_options *opt, sfu_event_h *handler, void *arg,
	int *ret_error)
{
	char line[1200];

	(void)s;
	if (join_error || last_id == PEERS) {
		*ret_error = join_error ? join_error : -12;
		join_error = 0;
		return 0;
	}
	peers[++last_id].handler = handler;
	peers[last_id].arg = arg;
	snprintf(line, sizeof(line), "%s|%s|%d", conference, label,
		opt->renegotiate);
	note("join", last_id, line);
	return last_id;
}

sfu_id sfu_plug(struct sfu *s, const char *conference, const char *label,
	const struct sfu_plug_options *opt, int fd, sfu_event_h *handler,
	void *arg, int *ret_error)
{
	char line[1200];

	(void)s;
	/* Whatever was to be said before the frames has been said. */
	(void)!write(fd, "frames", 6);
	close(fd);
	if (join_error || last_id == PEERS) {
		*ret_error = join_error ? join_error : -12;
		join_error = 0;
		return 0;
	}
	peers[++last_id].handler = handler;
	peers[last_id].arg = arg;
	snprintf(line, sizeof(line), "%s|%s|%d|%d", conference, label,
		opt->listen, opt->publish);
	note("plug", last_id, line);
	return last_id;
}

int sfu_offer(struct sfu *s, sfu_id id, const char *sdp)
{
	(void)s;
	note("offer", id, sdp);
	return 0;
}

int sfu_answer(struct sfu *s, sfu_id id, const char *sdp)
{
	(void)s;
	note("answer", id, sdp);
	return 0;
}

int sfu_candidate(struct sfu *s, sfu_id id, const char *line)
{
	(void)s;
	note("candidate", id, line);
	return 0;
}

int sfu_view(struct sfu *s, sfu_id id, const char *stream, unsigned height,
	bool visible)
{
	char line[256];

	(void)s;
	snprintf(line, sizeof(line), "%s %u %s", stream, height,
		visible ? "shown" : "hidden");
	note("view", id, line);
	return 0;
}

int sfu_screen(struct sfu *s, sfu_id id, const char *stream, bool screen)
{
	char line[256];

	(void)s;
	snprintf(line, sizeof(line), "%s %s", stream, screen ? "yes" : "no");
	note("screen", id, line);
	return 0;
}

const char *sfu_paused_text(enum sfu_paused why)
{
	static const char *const words[] = { "", "bandwidth", "last_n",
		"not_shown" };

	return words[why];
}

int sfu_message(
	struct sfu *s, sfu_id id, bool binary, const void *data, size_t len)
{
	char line[8192];

	(void)s;
	(void)binary;
	snprintf(line, sizeof(line), "%.*s", (int)len, (const char *)data);
	append(peers[id].messages, sizeof(peers[id].messages), line);
	return 0;
}

int sfu_leave(struct sfu *s, sfu_id id)
{
	(void)s;
	note("leave", id, NULL);
	return 0;
}

int sfu_close(struct sfu *s, const char *conference)
{
	(void)s;
	note("close", 0, conference);
	return 0;
}

const char *sfu_reason_text(enum sfu_reason r)
{
	(void)r;
	return "reason";
}
