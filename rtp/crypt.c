#include "rtp/crypt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <srtp2/srtp.h>

#include "rtp/bytes.h"
#include "rtp/lanes.h"
#include "rtp/crypt_index.h"

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
_Static_assert((int)TAG_LEN == (int)LANES_TAG, "one profile");
_Static_assert((int)INDEX_LEN == (int)LANES_INDEX, "of SRTCP");
_Static_assert((int)CRYPT_INDEX_WINDOW == (int)CRYPT_WINDOW, "one window");

/* RTP or RTCP of one direction through the lanes. */
struct fast {
	struct lanes_key *key;
	struct crypt_indexes indexes;
};

/* One direction, in one way or the other. */
struct way {
	srtp_t slow;
	struct fast rtp, rtcp; /* with keys if slow is NULL */
};

struct crypt {
	struct way in, out;
	/* SSRCs the peer was heard under; there is a stream for each. */
	unsigned n_ssrcs;
	uint32_t ssrc[CRYPT_SSRC_MAX];
};

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

/* RFC 3550 5.1, RFC 3711 3.1: what stays clear. 0: it does not fit. */
static size_t clear_len(const uint8_t *buf, size_t len)
{
	size_t n = RTP_MIN + 4u * (buf[0] & 15);

	if ((buf[0] & 0x10) && n + 4 <= len)
		n += 4 + 4u * get_u16(buf + n + 2);
	else if (buf[0] & 0x10)
		return 0;
	return n <= len ? n : 0;
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
	got = judge(call(c->in.slow, buf, &n));
	if (got != CRYPT_OK)
		return got;
	if (!known)
		c->ssrc[c->n_ssrcs++] = ssrc;
	*len = (size_t)n;
	return CRYPT_OK;
}

/* job: all but its key. i: the SSRC's, if it was heard before. */
static enum crypt_got open_lanes(struct crypt *c, struct fast *f,
	struct lanes_job *job, struct crypt_index *i, uint32_t ssrc)
{
	bool known = i || knows_ssrc(c, ssrc);

	if (!known && c->n_ssrcs == CRYPT_SSRC_MAX)
		return CRYPT_DROP_SSRC;
	job->key = f->key;
	if (!lanes_open(job))
		return CRYPT_DROP_AUTH;
	if (!i)
		i = crypt_indexes_add_new(&f->indexes, ssrc);
	if (!i)
		return CRYPT_DROP_SSRC;
	if (!known)
		c->ssrc[c->n_ssrcs++] = ssrc;
	crypt_index_take(i, job->index);
	return CRYPT_OK;
}

static enum crypt_got open_fast_rtp(struct crypt *c, uint8_t *buf, size_t *len)
{
	uint32_t ssrc = get_u32(buf + 8);
	struct fast *f = &c->in.rtp;
	struct crypt_index *i = crypt_indexes_find(&f->indexes, ssrc);
	struct lanes_job job = { .buf = buf,
		.header = clear_len(buf, *len),
		.len = *len - TAG_LEN,
		.index = crypt_index_guess(i, get_u16(buf + 2)) };
	enum crypt_got got;

	if (!job.header)
		return CRYPT_DROP_MALFORMED;
	if (crypt_index_judge(i, job.index) != CRYPT_INDEX_NEW)
		return CRYPT_DROP_REPLAY;
	/* An extension that would take the tag's place is nobody's. */
	if (job.header > job.len)
		return CRYPT_DROP_AUTH;
	got = open_lanes(c, f, &job, i, ssrc);
	if (got == CRYPT_OK)
		*len = job.len;
	return got;
}

/* index: as it stands in the packet, of which the E bit was checked. */
static enum crypt_got open_fast_rtcp(
	struct crypt *c, uint8_t *buf, size_t *len, uint32_t index)
{
	uint32_t ssrc = get_u32(buf + 4);
	struct fast *f = &c->in.rtcp;
	struct crypt_index *i = crypt_indexes_find(&f->indexes, ssrc);
	struct lanes_job job = { .buf = buf,
		.header = RTCP_MIN,
		.len = *len - TAG_LEN - INDEX_LEN,
		.index = index & CRYPT_INDEX_RTCP_MAX,
		.rtcp = true };
	enum crypt_got got;

	if (crypt_index_judge(i, job.index) != CRYPT_INDEX_NEW)
		return CRYPT_DROP_REPLAY;
	got = open_lanes(c, f, &job, i, ssrc);
	if (got == CRYPT_OK)
		*len = job.len;
	return got;
}

enum crypt_got crypt_open_rtp(struct crypt *c, uint8_t *buf, size_t *len)
{
	if (*len < RTP_MIN + TAG_LEN || *len > LEN_MAX || buf[0] >> 6 != 2)
		return CRYPT_DROP_MALFORMED;
	if (!c->in.slow)
		return open_fast_rtp(c, buf, len);
	return open_as(c, srtp_unprotect, get_u32(buf + 8), buf, len);
}

enum crypt_got crypt_open_rtcp(struct crypt *c, uint8_t *buf, size_t *len)
{
	uint32_t index;

	if (*len < RTCP_MIN + INDEX_LEN + TAG_LEN || *len > LEN_MAX ||
		buf[0] >> 6 != 2)
		return CRYPT_DROP_MALFORMED;
	/* The E bit. libsrtp2 would take clear text under a key that seals. */
	index = get_u32(buf + *len - TAG_LEN - INDEX_LEN);
	if (!(index >> 31))
		return CRYPT_DROP_MALFORMED;
	if (!c->in.slow)
		return open_fast_rtcp(c, buf, len, index);
	return open_as(c, srtp_unprotect_rtcp, get_u32(buf + 4), buf, len);
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

	job->header = clear_len(buf, len);
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
	int err = j->rtcp ? crypt_seal_rtcp(j->key, j->buf, &j->len)
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
		of[waiting++] = j;
		if (waiting == LANES_BATCH) {
			land(lane, of, waiting);
			waiting = 0;
		}
	}
	if (waiting)
		land(lane, of, waiting);
}
