/* Payload descriptors: the first byte chooses the codec, the rest is payload.
 */
#include <stdlib.h>
#include <string.h>

#include "rtp/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct codec *const codecs[] = { &codec_vp8, &codec_vp9,
		&codec_h264, &codec_av1 };
	const struct codec *c;
	uint8_t *copy;
	struct layer_info info;
	bool key, start;

	if (len == 0)
		return 0;
	c = codecs[data[0] % 4];
	/* Of exactly that size, so that ASan sees the byte too far. */
	copy = malloc(len > 1 ? len - 1 : 1);
	if (!copy)
		abort();
	memcpy(copy, data + 1, len - 1);
	key = c->is_keyframe(copy, len - 1);
	start = c->starts_frame(copy, len - 1);
	if (key && !start && c != &codec_av1)
		abort();
	if (!c->layer(copy, len - 1, &info) && (key || start))
		abort();
	if (info.picture_id_at + info.picture_id_len > (int)len - 1 ||
		info.tl0_at > len - 1 || info.key_index_at > len - 1)
		abort();
	free(copy);
	return 0;
}
