/* DATA_CHANNEL_OPEN: what parses prints and parses to the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "dtls/chunk.h"
#include "dtls/dcep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dcep_open a, b;
	uint8_t buf[DCEP_OPEN_MAX];
	size_t len;

	chunk_is_sound_packet(data, size);
	if (dcep_parse_open(&a, data, size) != 0)
		return 0;
	len = dcep_write_open(buf, &a.how, a.label, a.protocol);
	if (len != size || dcep_parse_open(&b, buf, len) != 0 ||
		strcmp(a.label, b.label) != 0 ||
		strcmp(a.protocol, b.protocol) != 0 ||
		a.how.kind != b.how.kind || a.how.value != b.how.value ||
		a.how.unordered != b.how.unordered)
		abort();
	return 0;
}
