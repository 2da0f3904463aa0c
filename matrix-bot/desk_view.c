/* What a client shows of the others (org.hearth.view), what it is not sent of
 * them (org.hearth.streams), what nobody watches of its own
 * (org.hearth.encodings), and which of that are screens. */
#include "matrix-bot/desk_impl.h"

#include <stdio.h>
#include <string.h>
#include "matrix-bot/event.h"

static void view_one(
	struct desk *d, const struct desk_call *dc, const cJSON *entry)
{
	const cJSON *visible =
		cJSON_GetObjectItemCaseSensitive(entry, "visible");
	const cJSON *height = cJSON_GetObjectItemCaseSensitive(entry, "height");
	const char *id = event_string(entry, "id");
	double lines = cJSON_IsNumber(height) ? height->valuedouble : 0;

	if (!*id || !cJSON_IsBool(visible))
		return;
	if (!(lines > 0))
		lines = 0;
	sfu_view(d->sfu, dc->call.sfu, id,
		lines < UINT16_MAX ? (unsigned)lines : UINT16_MAX,
		cJSON_IsTrue(visible));
}

bool desk_view(struct desk *d, const struct desk_call *dc, const char *type,
	const cJSON *content)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(content, "streams");
	const cJSON *entry;
	unsigned n = 0;

	if (strcmp(type, "org.hearth.view") != 0 || !cJSON_IsArray(v))
		return false;
	cJSON_ArrayForEach(entry, v)
	{
		if (n++ == SFU_STREAMS_MAX)
			break;
		if (dc->call.sfu)
			view_one(d, dc, entry);
	}
	return true;
}

static cJSON *paused_list(const struct sfu_event *ev)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; i < ev->n_streams; i++) {
		const struct sfu_stream *s = &ev->streams[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "stream_id", s->id);
		cJSON_AddStringToObject(
			item, "reason", sfu_paused_text(s->paused));
		if (!cJSON_AddItemToArray(list, item))
			cJSON_Delete(item);
	}
	return list;
}

static void add_rids(cJSON *item, const char *rids)
{
	cJSON *list = cJSON_AddArrayToObject(item, "active");
	size_t len;

	for (; *rids; rids += len + (rids[len] == ';')) {
		char rid[SFU_STREAM_MAX + 1];
		cJSON *text;

		len = strcspn(rids, ";");
		snprintf(rid, sizeof(rid), "%.*s", (int)len, rids);
		text = cJSON_CreateString(rid);
		if (!cJSON_AddItemToArray(list, text))
			cJSON_Delete(text);
	}
}

static cJSON *watched_list(const struct sfu_event *ev)
{
	cJSON *list = cJSON_CreateArray();

	for (unsigned i = 0; i < ev->n_streams; i++) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "stream_id", ev->streams[i].id);
		add_rids(item, ev->text ? ev->text : "");
		if (!cJSON_AddItemToArray(list, item))
			cJSON_Delete(item);
	}
	return list;
}

void desk_tell_streams(
	struct desk *d, const struct desk_call *dc, const struct sfu_event *ev)
{
	bool paused = ev->type == SFU_EV_PAUSED;
	cJSON *content = cJSON_CreateObject();
	cJSON *list = paused ? paused_list(ev) : watched_list(ev);

	if (!cJSON_AddItemToObject(
		    content, paused ? "paused" : "streams", list))
		cJSON_Delete(list);
	/* Without a channel it cannot be told, and is told when it opens. */
	desk_send_control(d, dc,
		paused ? "org.hearth.streams" : "org.hearth.encodings",
		content);
	cJSON_Delete(content);
}

void desk_screens(struct desk *d, const struct call *c)
{
	if (!c->sfu)
		return;
	for (unsigned i = 0; i < c->published.n; i++) {
		const struct metadata_stream *s = &c->published.v[i];

		sfu_screen(d->sfu, c->sfu, s->id,
			s->purpose == METADATA_SCREENSHARE);
	}
}
