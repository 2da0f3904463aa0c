#include "rtp/crypt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <srtp2/srtp.h>

#include "rtp/bytes.h"

enum {
	KEY_LEN = 16,
	SALT_LEN = 14,
	TAG_LEN = 10,
	INDEX_LEN = 4,
	RTP_MIN = 12,
	RTCP_MIN = 8,
	LEN_MAX = 65535
};

_Static_assert(CRYPT_KEYS_LEN == 2 * (KEY_LEN + SALT_LEN), "RFC 5764 4.2");
_Static_assert(CRYPT_TRAILER >= TAG_LEN + INDEX_LEN, "tag and SRTCP index");

struct crypt {
	srtp_t in, out;
	/* SSRCs the peer was heard under; libsrtp2 keeps a stream for each. */
	unsigned n_ssrcs;
	uint32_t ssrc[CRYPT_SSRC_MAX];
};

int crypt_global_init(void)
{
	static bool done;

	if (!done && srtp_init() != srtp_err_status_ok)
		return -EIO;
	done = true;
	return 0;
}

static int new_session(srtp_t *ret, const uint8_t *key, const uint8_t *salt,
	srtp_ssrc_type_t direction)
{
	uint8_t both[KEY_LEN + SALT_LEN];
	srtp_policy_t policy;
	srtp_err_status_t err;

	memset(&policy, 0, sizeof(policy));
	srtp_crypto_policy_set_rtp_default(&policy.rtp);
	srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
	memcpy(both, key, KEY_LEN);
	memcpy(both + KEY_LEN, salt, SALT_LEN);
	policy.key = both;
	policy.ssrc.type = direction;
	policy.window_size = CRYPT_WINDOW;
	policy.allow_repeat_tx = 1;
	err = srtp_create(ret, &policy);
	explicit_bzero(both, sizeof(both));
	if (err == srtp_err_status_ok)
		return 0;
	*ret = NULL;
	return err == srtp_err_status_alloc_fail ? -ENOMEM : -EINVAL;
}

int crypt_new(
	struct crypt **ret, const uint8_t keys[CRYPT_KEYS_LEN], bool is_client)
{
	/* RFC 5764 4.2: client key, server key, client salt, server salt. */
	const uint8_t *client = keys, *client_salt = keys + 2 * KEY_LEN;
	const uint8_t *server = keys + KEY_LEN;
	const uint8_t *server_salt = client_salt + SALT_LEN;
	struct crypt *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	err = new_session(&c->in, is_client ? server : client,
		is_client ? server_salt : client_salt, ssrc_any_inbound);
	if (err == 0)
		err = new_session(&c->out, is_client ? client : server,
			is_client ? client_salt : server_salt,
			ssrc_any_outbound);
	if (err < 0) {
		crypt_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

struct crypt *crypt_free(struct crypt *c)
{
	if (!c)
		return NULL;
	if (c->in)
		srtp_dealloc(c->in);
	if (c->out)
		srtp_dealloc(c->out);
	free(c);
	return NULL;
}

static enum crypt_got judge(srtp_err_status_t err)
{
	switch (err) {
	case srtp_err_status_ok:
		return CRYPT_OK;
	case srtp_err_status_replay_fail:
	case srtp_err_status_replay_old:
	case srtp_err_status_pkt_idx_old:
		return CRYPT_DROP_REPLAY;
	case srtp_err_status_bad_param:
	case srtp_err_status_parse_err:
		return CRYPT_DROP_MALFORMED;
	default:
		return CRYPT_DROP_AUTH;
	}
}

static bool knows_ssrc(const struct crypt *c, uint32_t ssrc)
{
	for (unsigned i = 0; i < c->n_ssrcs; i++)
		if (c->ssrc[i] == ssrc)
			return true;
	return false;
}

typedef srtp_err_status_t srtp_call(srtp_t, void *, int *);

/* Each SSRC that authenticates costs libsrtp2 a stream for the life of the
 * session, so there is an end to them. */
static enum crypt_got open_as(struct crypt *c, srtp_call *call, uint32_t ssrc,
	uint8_t *buf, size_t *len)
{
	bool known = knows_ssrc(c, ssrc);
	int n = (int)*len;
	enum crypt_got got;

	if (!known && c->n_ssrcs == CRYPT_SSRC_MAX)
		return CRYPT_DROP_SSRC;
	got = judge(call(c->in, buf, &n));
	if (got != CRYPT_OK)
		return got;
	if (!known)
		c->ssrc[c->n_ssrcs++] = ssrc;
	*len = (size_t)n;
	return CRYPT_OK;
}

enum crypt_got crypt_open_rtp(struct crypt *c, uint8_t *buf, size_t *len)
{
	if (*len < RTP_MIN + TAG_LEN || *len > LEN_MAX || buf[0] >> 6 != 2)
		return CRYPT_DROP_MALFORMED;
	return open_as(c, srtp_unprotect, get_u32(buf + 8), buf, len);
}

enum crypt_got crypt_open_rtcp(struct crypt *c, uint8_t *buf, size_t *len)
{
	const uint8_t *index;

	if (*len < RTCP_MIN + INDEX_LEN + TAG_LEN || *len > LEN_MAX ||
		buf[0] >> 6 != 2)
		return CRYPT_DROP_MALFORMED;
	/* The E bit. libsrtp2 would take clear text under a key that seals. */
	index = buf + *len - TAG_LEN - INDEX_LEN;
	if (!(index[0] & 0x80))
		return CRYPT_DROP_MALFORMED;
	return open_as(c, srtp_unprotect_rtcp, get_u32(buf + 4), buf, len);
}

static int seal_as(
	struct crypt *c, srtp_call *call, size_t min, uint8_t *buf, size_t *len)
{
	int n = (int)*len;

	if (*len < min || *len > LEN_MAX || buf[0] >> 6 != 2 ||
		call(c->out, buf, &n) != srtp_err_status_ok)
		return -EINVAL;
	*len = (size_t)n;
	return 0;
}

int crypt_seal_rtp(struct crypt *c, uint8_t *buf, size_t *len)
{
	return seal_as(c, srtp_protect, RTP_MIN, buf, len);
}

int crypt_seal_rtcp(struct crypt *c, uint8_t *buf, size_t *len)
{
	return seal_as(c, srtp_protect_rtcp, RTCP_MIN, buf, len);
}

void crypt_forget(struct crypt *c, uint32_t ssrc)
{
	/* Whether it was known does not matter. */
	srtp_remove_stream(c->in, htonl(ssrc));
	srtp_remove_stream(c->out, htonl(ssrc));
	for (unsigned i = 0; i < c->n_ssrcs; i++) {
		if (c->ssrc[i] == ssrc) {
			c->ssrc[i] = c->ssrc[--c->n_ssrcs];
			return;
		}
	}
}

void crypt_seal_batch(struct crypt_job *jobs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct crypt_job *j = &jobs[i];
		int err = j->rtcp ? crypt_seal_rtcp(j->key, j->buf, &j->len)
				  : crypt_seal_rtp(j->key, j->buf, &j->len);

		j->failed = err < 0;
	}
}
