/* Whatever parses can be dialled in principle, and what we print parses again.
 */
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#include "ice/candidate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[2 * CANDIDATE_LINE_MAX], ours[CANDIDATE_LINE_MAX];
	struct candidate c, again;
	int len;

	if (size >= sizeof(line))
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (candidate_parse(line, &c) != CANDIDATE_OK)
		return 0;
	assert(strlen(line) < CANDIDATE_LINE_MAX);
	assert(c.component == 1 || c.component == 2);
	assert(c.priority > 0);
	len = candidate_print(
		(struct sockaddr *)&c.addr, c.component, ours, sizeof(ours));
	assert(len > 0 && (size_t)len == strlen(ours));
	assert(candidate_parse(ours, &again) == CANDIDATE_OK);
	assert(memcmp(&c.addr, &again.addr, sizeof(c.addr)) == 0);
	return 0;
}
