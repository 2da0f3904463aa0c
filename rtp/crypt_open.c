/* Opening: one packet, or a batch of them side by side. */
#include "rtp/crypt_inside.h"

#include "rtp/bytes.h"

/* RFC 3550 5.1, RFC 3711 3.1: header, CSRCs and extension. */
size_t crypt_clear_len(const uint8_t *buf, size_t len)
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

/* One in the lanes. What it says about its index rests on what was known when
 * it was put there; nothing moves before it has authenticated. */
struct opening {
	struct crypt_open *of;
	uint32_t ssrc;
};

struct openings {
	unsigned n;
	struct lanes_job job[LANES_BATCH];
	struct opening v[LANES_BATCH];
};

static struct fast *fast_of(const struct crypt_open *o)
{
	return o->rtcp ? &o->key->in.rtcp : &o->key->in.rtp;
}

/* The verdict on one that comes out of the lanes, as if it had been opened
 * after all those before it; moves the state if it is genuine. */
static enum crypt_got settle(struct crypt *c, struct fast *f,
	const struct lanes_job *job, uint32_t ssrc)
{
	struct crypt_index *i = crypt_indexes_find(&f->indexes, ssrc);
	bool known = i || knows_ssrc(c, ssrc);

	if (crypt_index_judge(i, job->index) != CRYPT_INDEX_NEW)
		return CRYPT_DROP_REPLAY;
	if (!known && c->n_ssrcs == CRYPT_SSRC_MAX)
		return CRYPT_DROP_SSRC;
	if (job->failed)
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

/* Those in the lanes come out, in their order. */
static void land(struct openings *w)
{
	if (w->n)
		lanes_open(w->job, w->n);
	for (unsigned k = 0; k < w->n; k++) {
		struct crypt_open *o = w->v[k].of;

		o->got = settle(o->key, fast_of(o), &w->job[k], w->v[k].ssrc);
		if (o->got == CRYPT_OK)
			o->len = w->job[k].len;
	}
	w->n = 0;
}

/* False when the index of a packet depends on which of those in the lanes turn
 * out to be genuine: around a roll-over, or after a leap. */
static bool is_certain(const struct openings *w, const struct crypt_open *o,
	uint32_t ssrc, uint16_t seq, uint64_t index)
{
	for (unsigned k = 0; k < w->n; k++) {
		const struct crypt_index then = { .highest = w->job[k].index };

		if (w->v[k].of->key == o->key && w->v[k].ssrc == ssrc &&
			!w->v[k].of->rtcp &&
			crypt_index_guess(&then, seq) != index)
			return false;
	}
	return true;
}

/* Into the lanes; or its verdict at once. */
static void put_rtp(struct openings *w, struct crypt_open *o)
{
	uint16_t seq = get_u16(o->buf + 2);
	uint32_t ssrc = get_u32(o->buf + 8);
	struct fast *f = fast_of(o);
	struct lanes_job job = { .key = f->key,
		.buf = o->buf,
		.header = crypt_clear_len(o->buf, o->len),
		.len = o->len - TAG_LEN };
	struct crypt_index *i = crypt_indexes_find(&f->indexes, ssrc);

	o->got = CRYPT_DROP_MALFORMED;
	if (!job.header)
		return;
	job.index = crypt_index_guess(i, seq);
	/* An extension that would take the tag's place is nobody's. */
	if (!is_certain(w, o, ssrc, seq, job.index) || job.header > job.len) {
		land(w);
		i = crypt_indexes_find(&f->indexes, ssrc);
		job.index = crypt_index_guess(i, seq);
	}
	o->got = CRYPT_DROP_REPLAY;
	if (crypt_index_judge(i, job.index) != CRYPT_INDEX_NEW)
		return;
	o->got = CRYPT_DROP_AUTH;
	if (job.header > job.len)
		return;
	w->v[w->n] = (struct opening){ .of = o, .ssrc = ssrc };
	w->job[w->n++] = job;
}

static void put_rtcp(struct openings *w, struct crypt_open *o)
{
	size_t len = o->len - TAG_LEN - INDEX_LEN;
	uint32_t index = get_u32(o->buf + len), ssrc = get_u32(o->buf + 4);
	struct fast *f = fast_of(o);

	/* The E bit. libsrtp2 would take clear text under a key that seals. */
	o->got = CRYPT_DROP_MALFORMED;
	if (!(index >> 31))
		return;
	index &= CRYPT_INDEX_RTCP_MAX;
	o->got = CRYPT_DROP_REPLAY;
	if (crypt_index_judge(crypt_indexes_find(&f->indexes, ssrc), index) !=
		CRYPT_INDEX_NEW)
		return;
	w->v[w->n] = (struct opening){ .of = o, .ssrc = ssrc };
	w->job[w->n++] = (struct lanes_job){ .key = f->key,
		.buf = o->buf,
		.header = RTCP_MIN,
		.len = len,
		.index = index,
		.rtcp = true };
}

static void open_slowly(struct crypt_open *o)
{
	bool clear = o->rtcp && !(o->buf[o->len - TAG_LEN - INDEX_LEN] >> 7);

	o->got = clear ? CRYPT_DROP_MALFORMED
		       : open_as(o->key,
				 o->rtcp ? srtp_unprotect_rtcp : srtp_unprotect,
				 get_u32(o->buf + (o->rtcp ? 4 : 8)), o->buf,
				 &o->len);
}

static bool may_be(const struct crypt_open *o)
{
	size_t least =
		o->rtcp ? RTCP_MIN + INDEX_LEN + TAG_LEN : RTP_MIN + TAG_LEN;

	return o->len >= least && o->len <= LEN_MAX && o->buf[0] >> 6 == 2;
}

void crypt_open_batch(struct crypt_open *v, unsigned n)
{
	struct openings w;

	w.n = 0;
	for (unsigned k = 0; k < n; k++) {
		if (w.n == LANES_BATCH)
			land(&w);
		if (!may_be(&v[k]))
			v[k].got = CRYPT_DROP_MALFORMED;
		else if (v[k].key->in.slow)
			open_slowly(&v[k]);
		else if (v[k].rtcp)
			put_rtcp(&w, &v[k]);
		else
			put_rtp(&w, &v[k]);
	}
	land(&w);
}

static enum crypt_got open_one(
	struct crypt *c, uint8_t *buf, size_t *len, bool rtcp)
{
	struct crypt_open o = {
		.key = c, .buf = buf, .len = *len, .rtcp = rtcp
	};

	crypt_open_batch(&o, 1);
	*len = o.len;
	return o.got;
}

enum crypt_got crypt_open_rtp(struct crypt *c, uint8_t *buf, size_t *len)
{
	return open_one(c, buf, len, false);
}

enum crypt_got crypt_open_rtcp(struct crypt *c, uint8_t *buf, size_t *len)
{
	return open_one(c, buf, len, true);
}
