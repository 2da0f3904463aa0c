#include "rtp/codec.h"

#include <strings.h>

static const struct codec *const codecs[] = { &codec_opus, &codec_vp8,
	&codec_vp9, &codec_h264, &codec_av1 };

const struct codec *codec_find(const char *name)
{
	if (!name)
		return NULL;
	for (unsigned i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
		if (strcasecmp(codecs[i]->name, name) == 0)
			return codecs[i];
	return NULL;
}
