/* What a client shows of the others: org.hearth.view. */
#include "matrix-bot/desk_impl.h"

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
