#include "dtls/records.h"

#include <string.h>

uint8_t *records_room(struct records *r, size_t *ret_size)
{
	if (r->from == r->to)
		r->from = r->to = 0;
	if (r->to + 2 >= sizeof(r->buf))
		return NULL;
	*ret_size = sizeof(r->buf) - r->to - 2;
	return r->buf + r->to + 2;
}

void records_commit(struct records *r, size_t len)
{
	r->buf[r->to] = (uint8_t)(len >> 8);
	r->buf[r->to + 1] = (uint8_t)len;
	r->to += 2 + len;
	r->added++;
}

bool records_is_empty(const struct records *r)
{
	return r->from == r->to;
}

size_t records_take(
	struct records *r, uint8_t *ret, size_t size, uint64_t *drops)
{
	while (r->from < r->to) {
		const uint8_t *at = r->buf + r->from;
		size_t len = (size_t)at[0] << 8 | at[1];

		r->from += 2 + len;
		if (len <= size) {
			memcpy(ret, at + 2, len);
			return len;
		}
		++*drops;
	}
	return 0;
}
