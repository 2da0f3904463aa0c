#include "tests/unit/studio/fake_sfu.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PLUGS = 64 };

static struct {
	sfu_event_h *handler;
	void *arg;
	int fd;
	bool leaving, gone;
	char label[SFU_LABEL_MAX + 1];
} plugs[PLUGS + 1];
static sfu_id last;
static int error;

void fake_sfu_reset(void)
{
	for (sfu_id i = 1; i <= last; i++)
		if (plugs[i].fd >= 0)
			close(plugs[i].fd);
	memset(plugs, 0, sizeof(plugs));
	last = 0;
	error = 0;
}

void fake_sfu_fail(int with)
{
	error = with;
}

sfu_id fake_sfu_last(void)
{
	return last;
}

int fake_sfu_fd(sfu_id id)
{
	return plugs[id].fd;
}

const char *fake_sfu_label(sfu_id id)
{
	return plugs[id].label;
}

bool fake_sfu_present(sfu_id id)
{
	return id && id <= last && !plugs[id].gone;
}

static void hang_up(sfu_id id)
{
	if (plugs[id].fd >= 0)
		close(plugs[id].fd);
	plugs[id].fd = -1;
}

void fake_sfu_emit_left(sfu_id id, enum sfu_reason reason)
{
	const struct sfu_event ev = {
		.type = SFU_EV_LEFT, .participant = id, .reason = reason
	};

	if (!fake_sfu_present(id))
		return;
	hang_up(id);
	plugs[id].gone = true;
	plugs[id].handler(plugs[id].arg, &ev);
}

void fake_sfu_pump(void)
{
	for (sfu_id i = 1; i <= last; i++)
		if (plugs[i].leaving)
			fake_sfu_emit_left(i, SFU_BY_COMMAND);
}

sfu_id sfu_plug(struct sfu *s, const char *conference, const char *label,
	const struct sfu_plug_options *opt, int fd, sfu_event_h *handler,
	void *arg, int *ret_error)
{
	(void)s;
	(void)conference;
	if (error || !opt->listen || opt->publish || last == PLUGS) {
		close(fd);
		*ret_error = error ? error : -22;
		return 0;
	}
	last++;
	plugs[last].handler = handler;
	plugs[last].arg = arg;
	plugs[last].fd = fd;
	snprintf(plugs[last].label, sizeof(plugs[last].label), "%s", label);
	return last;
}

int sfu_leave(struct sfu *s, sfu_id id)
{
	(void)s;
	hang_up(id);
	plugs[id].leaving = true;
	return 0;
}

const char *sfu_reason_text(enum sfu_reason r)
{
	(void)r;
	return "reason";
}
