/* Paths over the socket are in http_test.c; here is the naming. */
#include "http/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_hashed(void **state)
{
	static const struct {
		const char *name;
		bool hashed;
	} table[] = {
		{ "index-B7xK2pQz.js", true },
		{ "app-QWERTYUI.css", true },
		{ "app-QWERTYUI.js.map", true },
		{ "chunk.0123abcd.js", true },
		{ "main.9f86d081884c7d659a2f.css", true },
		{ "index-a_-4bCdE.js", true },
		{ "index.html", false },
		{ "app.js", false },
		{ "app-settings.js", false },
		{ "user-Settings.js", false },
		{ "service-worker.js", false },
		{ "app-controller.js", false },
		{ "-B7xK2pQz", false },
		{ "B7xK2pQz.js", false },
		{ "app-B7xK2pQ.js", false },
		{ "", false },
		{ ".js", false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (http_files_hashed(table[i].name) != table[i].hashed)
			fail_msg("%s", table[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
