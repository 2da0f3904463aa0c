/* Where the multi-buffer library is not there: libsrtp2 does it all. */
#include <errno.h>
#include <stdlib.h>
#include "rtp/lanes.h"

int lanes_init(void)
{
	return -ENOTSUP;
}

const char *lanes_name(void)
{
	return "";
}

int lanes_key_new(struct lanes_key **ret, const uint8_t key[LANES_KEY],
	const uint8_t salt[LANES_SALT], bool rtcp)
{
	(void)ret;
	(void)rtcp;
	(void)key;
	(void)salt;
	return -EIO;
}

struct lanes_key *lanes_key_free(struct lanes_key *k)
{
	(void)k;
	return NULL;
}

void lanes_key_fetch(const struct lanes_key *k)
{
	(void)k;
}

void lanes_seal(struct lanes_job *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		v[i].failed = true;
}

void lanes_open(struct lanes_job *v, unsigned n)
{
	lanes_seal(v, n);
}
