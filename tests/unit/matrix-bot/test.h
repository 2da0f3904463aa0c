/* What every test here needs. */
#ifndef HEARTH_TESTS_MATRIX_BOT_TEST_H
#define HEARTH_TESTS_MATRIX_BOT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cjson/cJSON.h>

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))

static inline cJSON *parse(const char *text)
{
	cJSON *json = cJSON_Parse(text);

	if (!json)
		fail_msg("not JSON: %s", text);
	return json;
}

#endif
