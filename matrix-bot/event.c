#include "matrix-bot/event.h"

#include <errno.h>
#include <string.h>

static const char *const type_texts[EVENT_TYPES] = {
	[EVENT_INVITE] = "m.call.invite",
	[EVENT_ANSWER] = "m.call.answer",
	[EVENT_CANDIDATES] = "m.call.candidates",
	[EVENT_SELECT_ANSWER] = "m.call.select_answer",
	[EVENT_REJECT] = "m.call.reject",
	[EVENT_HANGUP] = "m.call.hangup",
	[EVENT_NEGOTIATE] = "m.call.negotiate",
	[EVENT_METADATA] = "m.call.sdp_stream_metadata_changed",
	[EVENT_PONG] = "m.call.pong",
};

const char *event_type_text(enum event_type type)
{
	return type_texts[type];
}

static int type_parse(const char *text)
{
	if (strcmp(text, "org.matrix.call.sdp_stream_metadata_changed") == 0)
		return EVENT_METADATA;
	for (int i = 0; i < EVENT_TYPES; i++) {
		if (strcmp(text, type_texts[i]) == 0)
			return i;
	}
	return -ENOENT;
}

const char *event_string(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) ? item->valuestring : "";
}

uint64_t event_number(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsNumber(item) && item->valuedouble > 0 &&
			       item->valuedouble < 9007199254740992.0
		       ? (uint64_t)item->valuedouble
		       : 0;
}

int event_copy_id(char ret[EVENT_ID_MAX + 1], const char *id)
{
	size_t n = strlen(id);

	if (n == 0)
		return -EINVAL;
	if (n > EVENT_ID_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		unsigned char ch = (unsigned char)id[i];

		/* A space or newline would forge a participant's id. */
		if (ch <= ' ' || ch == 0x7f)
			return -EINVAL;
	}
	memcpy(ret, id, n + 1);
	return 0;
}

/* An id that may be absent, but not wrong. */
static int copy_optional(
	char ret[EVENT_ID_MAX + 1], const cJSON *content, const char *key)
{
	const char *id = event_string(content, key);

	return id[0] ? event_copy_id(ret, id) : 0;
}

static uint64_t get_ms(
	const cJSON *object, const char *key, uint64_t otherwise, double max)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	if (!cJSON_IsNumber(item))
		return otherwise;
	if (!(item->valuedouble > 0))
		return 0;
	return (uint64_t)(item->valuedouble < max ? item->valuedouble : max);
}

uint64_t event_age_ms(const cJSON *event)
{
	const cJSON *u = cJSON_GetObjectItemCaseSensitive(event, "unsigned");

	return get_ms(u, "age", 0, 1e15);
}

static int get_sdp(struct call_event *e, const cJSON *content, const char *key)
{
	const cJSON *d = cJSON_GetObjectItemCaseSensitive(content, key);
	const char *sdp = event_string(d, "sdp");
	const char *type = event_string(d, "type");
	size_t n = strlen(sdp);

	if (n == 0)
		return -EINVAL;
	if (n > EVENT_SDP_MAX)
		return -E2BIG;
	e->sdp = sdp;
	e->sdp_offer = strcmp(type, "offer") == 0;
	if (e->type == EVENT_NEGOTIATE && !e->sdp_offer &&
		strcmp(type, "answer") != 0)
		return -EINVAL;
	return 0;
}

static int get_candidates(struct call_event *e, const cJSON *content)
{
	const cJSON *list =
		cJSON_GetObjectItemCaseSensitive(content, "candidates");
	const cJSON *item;

	if (!cJSON_IsArray(list))
		return -EINVAL;
	cJSON_ArrayForEach(item, list)
	{
		const cJSON *line =
			cJSON_GetObjectItemCaseSensitive(item, "candidate");

		if (!cJSON_IsString(line) ||
			strlen(line->valuestring) > EVENT_CANDIDATE_MAX)
			continue;
		if (e->n_candidates == EVENT_CANDIDATES_MAX)
			break;
		e->candidates[e->n_candidates++] = line->valuestring;
	}
	return 0;
}

static int get_by_type(struct call_event *e, const cJSON *content)
{
	const char *reason = event_string(content, "reason");
	size_t n = strlen(reason);

	switch (e->type) {
	case EVENT_INVITE:
		return get_sdp(e, content, "offer");
	case EVENT_NEGOTIATE:
		return get_sdp(e, content, "description");
	case EVENT_CANDIDATES:
		return get_candidates(e, content);
	case EVENT_METADATA:
		return e->has_metadata ? 0 : -EINVAL;
	case EVENT_SELECT_ANSWER:
		return copy_optional(
			e->selected_party_id, content, "selected_party_id");
	case EVENT_HANGUP:
	case EVENT_REJECT:
		if (n > EVENT_REASON_MAX)
			n = EVENT_REASON_MAX;
		memcpy(e->reason, reason, n);
		return 0;
	case EVENT_ANSWER: /* of somebody else: who answered is all we need */
	case EVENT_PONG:
	case EVENT_TYPES:
		break;
	}
	return 0;
}

static int get_ids(struct call_event *e, const cJSON *content)
{
	const struct {
		const char *key;
		char *to;
	} ids[] = {
		{ "call_id", e->call_id },
		{ "party_id", e->party_id },
		{ "conf_id", e->conf_id },
		{ "device_id", e->device_id },
		{ "sender_session_id", e->sender_session_id },
		{ "dest_session_id", e->dest_session_id },
		{ "org.matrix.msgid", e->message_id },
		{ "invitee", e->invitee },
	};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		int r = copy_optional(ids[i].to, content, ids[i].key);

		if (r < 0)
			return r;
	}
	return 0;
}

static int get_content(struct call_event *e, const cJSON *content)
{
	const cJSON *version =
		cJSON_GetObjectItemCaseSensitive(content, "version");

	e->version = !(cJSON_IsNumber(version) && version->valuedouble == 0);
	e->hearth_client = cJSON_GetObjectItemCaseSensitive(
				   content, "org.hearth.client") != NULL;
	e->lifetime_ms = get_ms(
		content, "lifetime", EVENT_LIFETIME_MS, EVENT_LIFETIME_MAX_MS);
	e->has_metadata = metadata_parse(&e->metadata, content) == 0;
	return get_by_type(e, content);
}

int event_parse(struct call_event *ret, const cJSON *event, const char *room_id)
{
	const cJSON *content =
		cJSON_GetObjectItemCaseSensitive(event, "content");
	int type = type_parse(event_string(event, "type"));
	int r;

	if (type < 0 || type == EVENT_PONG)
		return -ENOENT;
	memset(ret, 0, sizeof(*ret));
	ret->type = (enum event_type)type;
	ret->to_device = !room_id;
	ret->age_ms = event_age_ms(event);
	r = event_copy_id(ret->sender, event_string(event, "sender"));
	if (r == 0 && ret->sender[0] != '@')
		r = -EINVAL;
	if (r == 0 && room_id)
		r = event_copy_id(ret->room_id, room_id);
	else if (r == 0)
		r = copy_optional(ret->room_id, content, "room_id");
	if (r == 0)
		r = get_ids(ret, content);
	/* A redacted event is one without content. */
	if (r == 0 && !ret->call_id[0])
		r = -EINVAL;
	return r == 0 ? get_content(ret, content) : r;
}

int event_parse_control(
	struct call_event *ret, const char *type_text, const cJSON *content)
{
	int type = type_parse(type_text);

	if (type < 0)
		return -ENOENT;
	memset(ret, 0, sizeof(*ret));
	ret->type = (enum event_type)type;
	return get_content(ret, content);
}

void event_add_sdp(
	cJSON *content, const char *key, const char *type, const char *sdp)
{
	cJSON *d = cJSON_AddObjectToObject(content, key);

	cJSON_AddStringToObject(d, "type", type);
	cJSON_AddStringToObject(d, "sdp", sdp);
}

cJSON *event_content(int version, const char *call_id, const char *party_id)
{
	cJSON *content = cJSON_CreateObject();

	cJSON_AddStringToObject(content, "call_id", call_id);
	if (version == 0) {
		cJSON_AddNumberToObject(content, "version", 0);
		return content;
	}
	cJSON_AddStringToObject(content, "version", "1");
	cJSON_AddStringToObject(content, "party_id", party_id);
	return content;
}
