#include "rtp/lanes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <intel-ipsec-mb.h>

#include "rtp/bytes.h"

enum {
	SCHEDULE = 11 * 16, /* round keys of AES-128 */
	DIGEST = 20,
	BLOCK = 64,
	IV = 16,
	ROC = 4,
	RTP_LABEL = 0,
	RTCP_LABEL = 3, /* its keys are the next three (RFC 3711 4.3.2) */
	/* The library's own; the tag is its first LANES_TAG bytes. */
	TAG_WRITTEN = LANES_TAG + LANES_SLACK,
};

struct lanes_key {
	_Alignas(16) uint8_t cipher[SCHEDULE];
	_Alignas(16) uint8_t inner[DIGEST]; /* SHA-1 after the padded key */
	_Alignas(16) uint8_t outer[DIGEST];
	uint8_t salt[LANES_SALT];
};

static struct {
	IMB_MGR *wide, *single;
	const char *name;
	uint8_t iv[LANES_BATCH][IV];
	/* Of those being opened: what stood in the packet, what should. */
	uint8_t claimed[LANES_BATCH][LANES_TAG];
	uint8_t tag[LANES_BATCH][TAG_WRITTEN];
} lanes = { .name = "" };

static bool has(const IMB_MGR *m, uint64_t features)
{
	return (m->features & features) == features;
}

int lanes_init(void)
{
	if (lanes.wide)
		return 0;
	lanes.wide = alloc_mb_mgr(0);
	lanes.single = alloc_mb_mgr(0);
	if (!lanes.wide || !lanes.single)
		goto none;
	if (has(lanes.wide, IMB_CPUFLAGS_AVX512)) {
		init_mb_mgr_avx512(lanes.wide);
		lanes.name = "avx512";
	} else if (has(lanes.wide, IMB_CPUFLAGS_AVX2)) {
		init_mb_mgr_avx2(lanes.wide);
		lanes.name = "avx2";
	} else {
		goto none;
	}
	/* The SSE one is the one that knows the SHA instructions. */
	if (has(lanes.single, IMB_FEATURE_SHANI))
		init_mb_mgr_sse(lanes.single);
	else
		init_mb_mgr_avx2(lanes.single);
	if (!imb_get_errno(lanes.wide) && !imb_get_errno(lanes.single))
		return 0;
none:
	free_mb_mgr(lanes.wide);
	free_mb_mgr(lanes.single);
	lanes.wide = lanes.single = NULL;
	lanes.name = "";
	return -ENOTSUP;
}

const char *lanes_name(void)
{
	return lanes.name;
}

/* Counter mode over zeroes is the key stream. */
static bool key_stream(
	const uint8_t *schedule, const uint8_t iv[IV], uint8_t *ret, size_t len)
{
	IMB_JOB *j = IMB_GET_NEXT_JOB(lanes.single);

	memset(ret, 0, len);
	memset(j, 0, sizeof(*j));
	j->cipher_mode = IMB_CIPHER_CNTR;
	j->cipher_direction = IMB_DIR_ENCRYPT;
	j->chain_order = IMB_ORDER_CIPHER_HASH;
	j->hash_alg = IMB_AUTH_NULL;
	j->enc_keys = schedule;
	j->key_len_in_bytes = LANES_KEY;
	j->iv = iv;
	j->iv_len_in_bytes = IV;
	j->src = ret;
	j->dst = ret;
	j->msg_len_to_cipher_in_bytes = len;
	j = IMB_SUBMIT_JOB(lanes.single);
	if (!j)
		j = IMB_FLUSH_JOB(lanes.single);
	return j && j->status == IMB_STATUS_COMPLETED;
}

/* RFC 3711 4.3.1 and 4.3.3: x = label at byte 7 of the salt, then two zeroes.
 */
static bool derive(const uint8_t *schedule, const uint8_t salt[LANES_SALT],
	uint8_t label, uint8_t *ret, size_t len)
{
	uint8_t iv[IV] = { 0 };

	memcpy(iv, salt, LANES_SALT);
	iv[7] ^= label;
	return key_stream(schedule, iv, ret, len);
}

/* RFC 2104: the key is a fifth of a block, so both pads are one block. */
static void half_hash(
	const uint8_t key[DIGEST], uint8_t pad, uint8_t ret[DIGEST])
{
	uint8_t block[BLOCK];

	memset(block, pad, sizeof(block));
	for (unsigned i = 0; i < DIGEST; i++)
		block[i] ^= key[i];
	IMB_SHA1_ONE_BLOCK(lanes.single, block, ret);
	explicit_bzero(block, sizeof(block));
}

static bool expand(struct lanes_key *k, const uint8_t key[LANES_KEY],
	const uint8_t salt[LANES_SALT], uint8_t label)
{
	_Alignas(16) uint8_t master[SCHEDULE], unused[SCHEDULE];
	uint8_t session[LANES_KEY], hash[DIGEST];
	bool good;

	IMB_AES_KEYEXP_128(lanes.single, key, master, unused);
	good = derive(master, salt, label, session, sizeof(session)) &&
	       derive(master, salt, label + 1, hash, sizeof(hash)) &&
	       derive(master, salt, label + 2, k->salt, sizeof(k->salt));
	if (good) {
		IMB_AES_KEYEXP_128(lanes.single, session, k->cipher, unused);
		half_hash(hash, 0x36, k->inner);
		half_hash(hash, 0x5c, k->outer);
	}
	explicit_bzero(master, sizeof(master));
	explicit_bzero(unused, sizeof(unused));
	explicit_bzero(session, sizeof(session));
	explicit_bzero(hash, sizeof(hash));
	return good;
}

int lanes_key_new(struct lanes_key **ret, const uint8_t key[LANES_KEY],
	const uint8_t salt[LANES_SALT], bool rtcp)
{
	struct lanes_key *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	if (!expand(k, key, salt, rtcp ? RTCP_LABEL : RTP_LABEL)) {
		lanes_key_free(k);
		return -EIO;
	}
	*ret = k;
	return 0;
}

struct lanes_key *lanes_key_free(struct lanes_key *k)
{
	if (k)
		explicit_bzero(k, sizeof(*k));
	free(k);
	return NULL;
}

void lanes_key_fetch(const struct lanes_key *k)
{
	const uint8_t *at = (const uint8_t *)k;

	for (size_t i = 0; k && i < sizeof(*k); i += BLOCK)
		__builtin_prefetch(at + i);
}

/* RFC 3711 4.1.1: salt, SSRC and index one over the other; the low 16 bits
 * count the blocks. */
static void make_iv(const struct lanes_key *k, const uint8_t *ssrc,
	uint64_t index, uint8_t ret[IV])
{
	memcpy(ret, k->salt, LANES_SALT);
	for (unsigned i = 0; i < 4; i++)
		ret[4 + i] ^= ssrc[i];
	for (unsigned i = 0; i < 6; i++)
		ret[8 + i] ^= (uint8_t)(index >> (40 - 8 * i));
	ret[14] = ret[15] = 0;
}

/* What is authenticated behind the packet (RFC 3711 4.2): the roll-over
 * counter, where the tag will stand; or the E bit and index, which stay (3.4).
 */
static void put_behind(const struct lanes_job *job)
{
	uint8_t *behind = job->buf + job->len;

	if (job->rtcp)
		put_u32(behind, UINT32_C(1) << 31 | (uint32_t)job->index);
	else
		put_u32(behind, (uint32_t)(job->index >> 16));
}

static uint8_t *tag_of(const struct lanes_job *job)
{
	return job->buf + job->len + (job->rtcp ? LANES_INDEX : 0);
}

/* Cipher and hash begin at offsets from one source. Where the text is elsewhere
 * that of the hash, which reads what the cipher wrote, is the distance between
 * the two buffers, and may wrap. */
static void take_from(IMB_JOB *j, const struct lanes_job *job)
{
	j->src = job->buf;
	j->cipher_start_src_offset_in_bytes = job->header;
	j->hash_start_src_offset_in_bytes = 0;
	if (!job->payload || job->len == job->header)
		return;
	j->src = job->payload;
	j->cipher_start_src_offset_in_bytes = 0;
	j->hash_start_src_offset_in_bytes =
		(uintptr_t)job->buf - (uintptr_t)job->payload;
}

static void fill(IMB_JOB *j, const struct lanes_job *job, uint8_t iv[IV])
{
	const struct lanes_key *k = job->key;
	uint8_t *buf = job->buf;
	size_t header = job->header, len = job->len;

	make_iv(k, buf + (job->rtcp ? 4 : 8), job->index, iv);
	put_behind(job);
	j->cipher_mode = IMB_CIPHER_CNTR;
	j->hash_alg = IMB_AUTH_HMAC_SHA_1;
	j->enc_keys = j->dec_keys = k->cipher;
	j->key_len_in_bytes = LANES_KEY;
	j->iv = iv;
	j->iv_len_in_bytes = IV;
	j->dst = buf + header;
	j->msg_len_to_cipher_in_bytes = len - header;
	take_from(j, job);
	j->msg_len_to_hash_in_bytes = len + ROC;
	j->auth_tag_output_len_in_bytes = TAG_WRITTEN;
	j->u.HMAC._hashed_auth_key_xor_ipad = k->inner;
	j->u.HMAC._hashed_auth_key_xor_opad = k->outer;
	/* The library refuses to encrypt nothing; there is the tag to make. */
	if (len == header)
		j->cipher_mode = IMB_CIPHER_NULL;
}

static void finish(const IMB_JOB *j)
{
	struct lanes_job *job = j->user_data;

	job->failed = j->status != IMB_STATUS_COMPLETED;
}

void lanes_seal(struct lanes_job *v, unsigned n)
{
	IMB_MGR *m = n < LANES_FEW ? lanes.single : lanes.wide;
	IMB_JOB *j;

	for (unsigned i = 0; i < n; i++) {
		v[i].failed = true;
		j = IMB_GET_NEXT_JOB(m);
		fill(j, &v[i], lanes.iv[i]);
		j->cipher_direction = IMB_DIR_ENCRYPT;
		j->chain_order = IMB_ORDER_CIPHER_HASH;
		j->auth_tag_output = tag_of(&v[i]);
		j->user_data = &v[i];
		for (j = IMB_SUBMIT_JOB(m); j; j = IMB_GET_COMPLETED_JOB(m))
			finish(j);
	}
	while ((j = IMB_FLUSH_JOB(m)))
		finish(j);
}

static bool equal(const uint8_t *a, const uint8_t *b)
{
	uint8_t differs = 0;

	for (unsigned i = 0; i < LANES_TAG; i++)
		differs |= a[i] ^ b[i];
	return !differs;
}

static void judge(const struct lanes_job *first, const IMB_JOB *j)
{
	struct lanes_job *job = j->user_data;
	size_t at = (size_t)(job - first);

	job->failed = j->status != IMB_STATUS_COMPLETED ||
		      !equal(lanes.claimed[at], lanes.tag[at]);
}

void lanes_open(struct lanes_job *v, unsigned n)
{
	IMB_MGR *m = n < LANES_FEW ? lanes.single : lanes.wide;
	IMB_JOB *j;

	for (unsigned i = 0; i < n; i++) {
		v[i].failed = true;
		/* Part of it makes place for what is authenticated. */
		memcpy(lanes.claimed[i], tag_of(&v[i]), LANES_TAG);
		j = IMB_GET_NEXT_JOB(m);
		fill(j, &v[i], lanes.iv[i]);
		j->cipher_direction = IMB_DIR_DECRYPT;
		j->chain_order = IMB_ORDER_HASH_CIPHER;
		j->auth_tag_output = lanes.tag[i];
		j->user_data = &v[i];
		for (j = IMB_SUBMIT_JOB(m); j; j = IMB_GET_COMPLETED_JOB(m))
			judge(v, j);
	}
	while ((j = IMB_FLUSH_JOB(m)))
		judge(v, j);
}
