/* A configuration either loads within its ranges, or is refused in words. */
#include <assert.h>
#include <string.h>

#include "sfu/config_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ranges(const struct config *c)
{
	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct config_key *k = &config_schema[i];
		const void *at = (const char *)c + k->offset;
		uint64_t value;

		if (k->type == CONFIG_TEXT)
			assert(*(char *const *)at);
		if (k->type == CONFIG_LIST_OF)
			assert(((const struct config_list *)at)->n <=
				CONFIG_LIST);
		if (k->type != CONFIG_UINT && k->type != CONFIG_U64)
			continue;
		value = k->type == CONFIG_UINT ? *(const unsigned *)at
					       : *(const uint64_t *)at;
		assert(value >= k->min && value <= k->max);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[CONFIG_ERROR_MAX] = "";
	struct config c;

	if (config_parse("fuzz", (const char *)data, size, &c, error) == 0) {
		check_ranges(&c);
		config_done(&c);
		return 0;
	}
	assert(strncmp(error, "fuzz:", 5) == 0 && strlen(error) > 6);
	return 0;
}
