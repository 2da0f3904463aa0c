#include "tape_world.h"
#include <stdio.h>

/* Ann, who may, and Bob are in the room; Ann is in the call, by our client. */
void world_in_call(struct world *w)
{
	world_in_room(w, LEVELS THREE);
	world_call_up(w, "@a:s", "c1", true);
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL, .participant = 1 });
}

void world_wait_studio(struct world *w, const char *part, unsigned n)
{
	for (int i = 0; i < 1000 && fake_studio_count(part) < n; i++)
		fake_run(w->base, 5);
	if (fake_studio_count(part) != n)
		fail_msg("%u of %s in:\n%s", fake_studio_count(part), part,
			fake_studio_log());
}

/* The body of the n-th notice in the room; the caller frees. */
static char *notice(struct world *w, unsigned n)
{
	cJSON *json = world_content_sent(w, NOTICES, n);
	const cJSON *fresh = cJSON_GetObjectItem(json, "m.new_content");
	char *text = strdup(event_string(fresh ? fresh : json, "body"));

	cJSON_Delete(json);
	return text;
}

void world_expect_notice(struct world *w, unsigned n, const char *words)
{
	char *text = notice(w, n);

	if (!strstr(text, words))
		fail_msg("notice %u: \"%s\" without \"%s\"", n, text, words);
	free(text);
}

void world_expect_control(sfu_id id, const char *words)
{
	if (!strstr(fake_sfu_messages(id), words))
		fail_msg("no %s in:\n%s", words, fake_sfu_messages(id));
}

void world_recording(struct world *w)
{
	world_in_call(w);
	world_timeline(w, SAID("@a:s", "record"));
	world_wait_studio(w, "start:", 1);
	fake_studio_emit(STUDIO_STARTED, "rec1", NULL, 0,
		"{\"started_ms\":1795000000000}", "/tmp");
}
