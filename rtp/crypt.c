#include "rtp/crypt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "rtp/bytes.h"
#include "rtp/crypt_inside.h"

static bool portable;

int crypt_global_init(void)
{
	static bool done;

	if (!done && srtp_init() != srtp_err_status_ok)
		return -EIO;
	if (!done)
		lanes_init(); /* without them there is libsrtp2 */
	done = true;
	return 0;
}

const char *crypt_engine(void)
{
	return portable || !*lanes_name() ? "libsrtp2" : lanes_name();
}

void crypt_use_portable(bool yes)
{
	portable = yes;
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

static int new_way(
	struct way *w, const uint8_t *key, const uint8_t *salt, bool in)
{
	int err;

	crypt_indexes_init(&w->rtp.indexes, CRYPT_INDEX_WINDOW, in);
	crypt_indexes_init(&w->rtcp.indexes, CRYPT_INDEX_RTCP_WINDOW, in);
	if (portable || !*lanes_name())
		return new_session(&w->slow, key, salt,
			in ? ssrc_any_inbound : ssrc_any_outbound);
	err = lanes_key_new(&w->rtp.key, key, salt, false);
	if (!err)
		err = lanes_key_new(&w->rtcp.key, key, salt, true);
	return err == -EIO ? -EINVAL : err;
}

static void free_way(struct way *w)
{
	if (w->slow)
		srtp_dealloc(w->slow);
	lanes_key_free(w->rtp.key);
	lanes_key_free(w->rtcp.key);
	crypt_indexes_done(&w->rtp.indexes);
	crypt_indexes_done(&w->rtcp.indexes);
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
	err = new_way(&c->in, is_client ? server : client,
		is_client ? server_salt : client_salt, true);
	if (err == 0)
		err = new_way(&c->out, is_client ? client : server,
			is_client ? client_salt : server_salt, false);
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
	free_way(&c->in);
	free_way(&c->out);
	free(c);
	return NULL;
}

static int seal_as(
	struct crypt *c, srtp_call *call, size_t min, uint8_t *buf, size_t *len)
{
	int n = (int)*len;

	if (*len < min || *len > LEN_MAX || buf[0] >> 6 != 2 ||
		call(c->out.slow, buf, &n) != srtp_err_status_ok)
		return -EINVAL;
	*len = (size_t)n;
	return 0;
}

/* Makes a job for the lanes of a packet, and takes its index. */
static int prepare_rtp(
	struct fast *f, struct lanes_job *job, uint8_t *buf, size_t len)
{
	struct crypt_index *i;

	job->header = crypt_clear_len(buf, len);
	i = crypt_indexes_find(&f->indexes, get_u32(buf + 8));
	job->index = crypt_index_guess(i, get_u16(buf + 2));
	if (!job->header || crypt_index_judge(i, job->index) == CRYPT_INDEX_OLD)
		return -EINVAL;
	if (!i)
		i = crypt_indexes_add_new(&f->indexes, get_u32(buf + 8));
	if (!i)
		return -EINVAL;
	crypt_index_take(i, job->index);
	return 0;
}

/* RFC 3711 3.4: the index is the sender's count of what it sealed. */
static int prepare_rtcp(
	struct fast *f, struct lanes_job *job, const uint8_t *buf)
{
	uint32_t ssrc = get_u32(buf + 4);
	struct crypt_index *i = crypt_indexes_find(&f->indexes, ssrc);

	if (!i)
		i = crypt_indexes_add_new(&f->indexes, ssrc);
	if (!i || i->highest == CRYPT_INDEX_RTCP_MAX)
		return -EINVAL;
	job->header = RTCP_MIN;
	job->index = i->highest + 1;
	crypt_index_take(i, job->index);
	return 0;
}

static int prepare(struct crypt *c, struct lanes_job *job, uint8_t *buf,
	size_t len, bool rtcp)
{
	job->payload = NULL;
	if (len < (rtcp ? RTCP_MIN : RTP_MIN) || len > LEN_MAX ||
		buf[0] >> 6 != 2)
		return -EINVAL;
	job->key = rtcp ? c->out.rtcp.key : c->out.rtp.key;
	job->buf = buf;
	job->len = len;
	job->rtcp = rtcp;
	return rtcp ? prepare_rtcp(&c->out.rtcp, job, buf)
		    : prepare_rtp(&c->out.rtp, job, buf, len);
}

static size_t sealed_len(const struct lanes_job *job)
{
	return job->len + TAG_LEN + (job->rtcp ? INDEX_LEN : 0);
}

static int seal_fast(struct crypt *c, uint8_t *buf, size_t *len, bool rtcp)
{
	struct lanes_job job;

	if (prepare(c, &job, buf, *len, rtcp))
		return -EINVAL;
	lanes_seal(&job, 1);
	if (job.failed)
		return -EINVAL;
	*len = sealed_len(&job);
	return 0;
}

int crypt_seal_rtp(struct crypt *c, uint8_t *buf, size_t *len)
{
	if (c->out.slow)
		return seal_as(c, srtp_protect, RTP_MIN, buf, len);
	return seal_fast(c, buf, len, false);
}

int crypt_seal_rtcp(struct crypt *c, uint8_t *buf, size_t *len)
{
	if (c->out.slow)
		return seal_as(c, srtp_protect_rtcp, RTCP_MIN, buf, len);
	return seal_fast(c, buf, len, true);
}

void crypt_fetch(const struct crypt *c)
{
	__builtin_prefetch(c->out.rtp.indexes.v);
	lanes_key_fetch(c->out.rtp.key);
}

static void forget(struct way *w, uint32_t ssrc)
{
	/* Whether it was known does not matter. */
	if (w->slow)
		srtp_remove_stream(w->slow, htonl(ssrc));
	crypt_indexes_drop(&w->rtp.indexes, ssrc);
	crypt_indexes_drop(&w->rtcp.indexes, ssrc);
}

void crypt_forget(struct crypt *c, uint32_t ssrc)
{
	forget(&c->in, ssrc);
	forget(&c->out, ssrc);
	for (unsigned i = 0; i < c->n_ssrcs; i++) {
		if (c->ssrc[i] == ssrc) {
			c->ssrc[i] = c->ssrc[--c->n_ssrcs];
			return;
		}
	}
}

/* Those in the lanes come out. */
static void land(struct lanes_job *lane, struct crypt_job **of, unsigned n)
{
	lanes_seal(lane, n);
	for (unsigned i = 0; i < n; i++) {
		of[i]->failed = lane[i].failed;
		if (!lane[i].failed)
			of[i]->len = sealed_len(&lane[i]);
	}
}

static void seal_one(struct crypt_job *j)
{
	size_t header = j->payload ? crypt_clear_len(j->buf, j->len) : 0;
	int err;

	if (header)
		memcpy(j->buf + header, j->payload, j->len - header);
	err = j->rtcp ? crypt_seal_rtcp(j->key, j->buf, &j->len)
		      : crypt_seal_rtp(j->key, j->buf, &j->len);
	j->failed = err < 0;
}

void crypt_seal_batch(struct crypt_job *jobs, unsigned n)
{
	struct lanes_job lane[LANES_BATCH];
	struct crypt_job *of[LANES_BATCH];
	unsigned waiting = 0;

	for (unsigned i = 0; i < n; i++) {
		struct crypt_job *j = &jobs[i];

		if (j->key->out.slow) {
			seal_one(j);
			continue;
		}
		j->failed = prepare(j->key, &lane[waiting], j->buf, j->len,
				    j->rtcp) < 0;
		if (j->failed)
			continue;
		lane[waiting].payload = j->payload;
		of[waiting++] = j;
		if (waiting == LANES_BATCH) {
			land(lane, of, waiting);
			waiting = 0;
		}
	}
	if (waiting)
		land(lane, of, waiting);
}
