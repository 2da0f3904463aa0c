/* The ClientHello joiner: a sequence of datagrams (length, bytes). */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "dtls/hello.h"
#include "dtls/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hello h;
	uint64_t now_us = 0;

	hello_init(&h);
	while (size >= 2) {
		size_t n = (size_t)(data[0] & 31) << 8 | data[1], len;
		const uint8_t *ret;

		now_us += (uint64_t)(data[0] >> 5) * 2000000;
		data += 2;
		size -= 2;
		n = n < size ? n : size;
		record_is_plausible(data, n, false);
		record_is_plausible(data, n, true);
		/* What it hands on is one whole record of one message. */
		if (hello_input(&h, now_us, data, n, &ret, &len) ==
				HELLO_WHOLE &&
			(len < 25 || len > sizeof(h.record) ||
				(size_t)(ret[11] << 8 | ret[12]) != len - 13))
			abort();
		data += n;
		size -= n;
	}
	return 0;
}
