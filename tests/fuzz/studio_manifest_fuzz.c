/*
 * One text as a recording's manifest and as names of things on the shelf:
 * whatever lies there, what the studio knows of it stays within its bounds.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "studio/studio_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_names(const char *text)
{
	if (shelf_file_ok(text)) {
		assert(strlen(text) <= SHELF_FILE_MAX);
		assert(!strchr(text, '/') && text[0] != '.');
	}
	if (shelf_id_ok(text))
		assert(strlen(text) == SHELF_ID && !strchr(text, '/'));
}

static void run_files(const cJSON *manifest)
{
	const cJSON *f;

	cJSON_ArrayForEach(
		f, cJSON_GetObjectItemCaseSensitive(manifest, "files"))
	{
		const char *name = entry_text(f, "name");

		assert(link_listed(manifest, name) == shelf_file_ok(name));
	}
	assert(!link_listed(manifest, "../manifest.json"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cJSON *json = cJSON_ParseWithLength((const char *)data, size);
	char *text = malloc(size + 1);
	struct entries e;
	struct entry *one;

	if (text) {
		memcpy(text, data, size);
		text[size] = '\0';
		run_names(text);
	}
	free(text);
	entries_init(&e);
	one = entries_add(&e, "20261126T110552Z-0badcafe", "", "");
	if (json && one && entry_read(one, json) == 0) {
		assert(entry_state_text(one));
		assert(one->started_ms <= (uint64_t)1 << 53);
		run_files(json);
	}
	entries_done(&e);
	cJSON_Delete(json);
	return 0;
}
