#include "record/depacket_bits.h"

void bits_init(struct bits *b, const uint8_t *data, size_t len)
{
	*b = (struct bits){ .data = data, .len = len };
}

uint32_t bits_read(struct bits *b, unsigned n)
{
	uint32_t v = 0;

	if (n > b->len * 8 - b->at) {
		b->at = b->len * 8;
		b->short_of = true;
		return 0;
	}
	for (unsigned i = 0; i < n; i++, b->at++)
		v = v << 1 | (b->data[b->at / 8] >> (7 - b->at % 8) & 1u);
	return v;
}

void bits_skip(struct bits *b, size_t n)
{
	if (n > b->len * 8 - b->at) {
		b->at = b->len * 8;
		b->short_of = true;
		return;
	}
	b->at += n;
}

uint32_t bits_ue(struct bits *b)
{
	unsigned zeros = 0;

	while (!bits_read(b, 1)) {
		if (b->short_of || ++zeros > 31) {
			b->short_of = true;
			return 0;
		}
	}
	return (uint32_t)((1u << zeros) - 1u + bits_read(b, zeros));
}

int64_t bits_se(struct bits *b)
{
	int64_t k = bits_ue(b);

	return k & 1 ? (k + 1) / 2 : -(k / 2);
}
