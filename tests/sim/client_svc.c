/* Streams with layers in them: what the simulated client sends of them, and how
 * it judges what is left of them. */
#include "tests/sim/client_svc.h"
#include <stdio.h>
#include <string.h>
#include "tests/sim/client.h"
#include "tests/unit/rtp/structure.h"

enum { TEMPORAL = 3, KINDS = 4, TEMPLATES = CLIENT_SVC_SPATIAL * KINDS };
enum { KEY, T0, T1, T2 }; /* kinds of pictures: the templates of a layer */

static const uint8_t temporal_of[4] = { 0, 2, 1, 2 };

bool client_svc_is_vp9(enum client_svc svc)
{
	return svc == CLIENT_VP9_L3T3 || svc == CLIENT_VP9_L3T3_KEY;
}

bool client_svc_is_described(enum client_svc svc)
{
	return svc >= CLIENT_AV1_L1T3;
}

static bool is_key_only(enum client_svc svc)
{
	return svc == CLIENT_VP9_L3T3_KEY || svc == CLIENT_AV1_L3T3_KEY;
}

static unsigned spatials(enum client_svc svc)
{
	return svc == CLIENT_VP8_L1T3 || svc == CLIENT_AV1_L1T3 ||
			       svc == CLIENT_H264_L1T3
		       ? 1
		       : CLIENT_SVC_SPATIAL;
}

/* Is the last picture of the cycle predicted from the other of its layer, too?
 * A switch to the layer is not possible there then. */
static bool is_chained(enum client_svc svc)
{
	return !client_svc_is_described(svc);
}

/* --- descriptors -------------------------------------------------------------
 */

struct layer_frame {
	enum client_svc svc;
	unsigned spatial, temporal, n, index; /* spatial: or which stream */
	bool key;
};

/* The spatial layer of its stream. */
static unsigned layer_of(const struct layer_frame *f)
{
	return spatials(f->svc) > 1 ? f->spatial : 0;
}

/* Streams have nothing in common. */
static uint16_t number_of(const struct layer_frame *f, uint32_t counter)
{
	unsigned n = spatials(f->svc);
	return (uint16_t)(counter * n + f->spatial * (n > 1 ? 1 : 9000));
}

static size_t vp8(
	const struct client_send *s, const struct layer_frame *f, uint8_t *p)
{
	bool sync = s->counter % 4 == 1 || s->counter % 4 == 2;
	p[0] = 0x80 | (f->index == 0 ? 0x10 : 0);
	p[1] = 0xf0;
	p[2] = (uint8_t)(0x80 | s->picture >> 8);
	p[3] = (uint8_t)s->picture;
	p[4] = s->tl0;
	p[5] = (uint8_t)(f->temporal << 6 | (sync ? 0x20 : 0));
	return 6;
}

static size_t put_sizes(uint8_t *p)
{
	size_t at = 0;
	p[at++] = (CLIENT_SVC_SPATIAL - 1) << 5 | 0x10;
	for (unsigned i = 0; i < CLIENT_SVC_SPATIAL; i++) {
		unsigned lines = 180u << i, width = lines * 16 / 9;
		p[at++] = (uint8_t)(width >> 8);
		p[at++] = (uint8_t)width;
		p[at++] = (uint8_t)(lines >> 8);
		p[at++] = (uint8_t)lines;
	}
	return at;
}

/* RFC 9628 4.2, not in flexible mode. */
static size_t vp9(
	const struct client_send *s, const struct layer_frame *f, uint8_t *p)
{
	bool up = s->counter % 4 == 1 || s->counter % 4 == 2;
	bool below = f->spatial > 0 && (f->key || !is_key_only(f->svc));
	bool sizes = f->key && f->spatial == 0 && f->index == 0;
	p[0] = (uint8_t)(0xa0 | (f->key ? 0 : 0x40) |
			 (f->index == 0 ? 0x08 : 0) |
			 (f->index == f->n - 1 ? 0x04 : 0) |
			 (sizes ? 0x02 : 0));
	p[1] = (uint8_t)(0x80 | s->picture >> 8);
	p[2] = (uint8_t)s->picture;
	p[3] = (uint8_t)(f->temporal << 5 | up << 4 | f->spatial << 1 | below);
	p[4] = s->tl0;
	return 5 + (sizes ? put_sizes(p + 5) : 0);
}

/* One OBU element, W; N opens a sequence, Z goes on with a frame. */
static size_t av1(const struct layer_frame *f, uint8_t *p)
{
	bool opens = f->key && layer_of(f) == 0 && f->index == 0;
	p[0] = (uint8_t)(0x10 | (opens ? 0x08 : 0) | (f->index ? 0x80 : 0));
	return 1;
}

static size_t describe(
	const struct client_send *s, const struct layer_frame *f, uint8_t *p)
{
	if (client_svc_is_vp9(f->svc))
		return vp9(s, f, p);
	if (f->svc == CLIENT_VP8_L1T3)
		return vp8(s, f, p);
	if (f->svc != CLIENT_H264_L1T3)
		return av1(f, p);
	p[0] = client_h264_nal(f->key, f->index);
	return 1;
}

/* How a frame of kind k in layer `in` stands to who gets layers s and t. */
static char indication(
	enum client_svc svc, unsigned in, unsigned k, unsigned s, unsigned t)
{
	unsigned temporal = k == KEY ? 0 : k - T0;
	if (in > s || temporal > t)
		return '-';
	if (in < s && k != KEY)
		return is_key_only(svc) ? '-' : 'R';
	return temporal == t && t > 0 ? 'D' : 'S';
}

static void fill_template(enum client_svc svc, unsigned in, unsigned k,
	struct template *t, char *dti)
{
	unsigned n = spatials(svc), at = 0;
	static const uint8_t back[KINDS] = { 0, 4, 2, 1 };
	for (unsigned s = 0; s < n; s++)
		for (unsigned m = 0; m < TEMPORAL; m++)
			*dti++ = indication(svc, in, k, s, m);
	*dti = '\0';
	t->spatial = (uint8_t)in;
	t->temporal = (uint8_t)(k == KEY ? 0 : k - T0);
	if (k != KEY)
		t->fdiff[at++] = (uint8_t)(back[k] * n);
	if (in > 0 && (k == KEY || !is_key_only(svc)))
		t->fdiff[at++] = 1;
}

static size_t put_descriptor(const struct client_send *s,
	const struct layer_frame *f, struct writer *w)
{
	char dti[TEMPLATES][CLIENT_SVC_SPATIAL * TEMPORAL + 1];
	unsigned n = spatials(f->svc);
	unsigned kind = f->key ? KEY : T0 + f->temporal;
	const uint32_t size =
		(s->height * 16u / 9 - 1) << 16 | (s->height - 1u);
	struct structure by = { .n_targets = (uint8_t)(n * TEMPORAL),
		.n_templates = (uint8_t)(n * KINDS),
		.n_chains = (uint8_t)n,
		.resolutions = s->height > 0,
		.size = &size };
	put_head(w, f->index == 0, f->index == f->n - 1,
		layer_of(f) * KINDS + kind, number_of(f, s->counter));
	if (!f->key || layer_of(f) || f->index)
		return written(w);
	for (unsigned i = 0; i < n * KINDS; i++) {
		by.t[i].dti = dti[i];
		fill_template(f->svc, i / KINDS, i % KINDS, &by.t[i], dti[i]);
	}
	put(w, 5, 0x10);
	put_structure(w, &by);
	return written(w);
}

/* --- sending -----------------------------------------------------------------
 */

static uint8_t pt_of(const struct client *c)
{
	if (c->cfg.svc == CLIENT_H264_L1T3)
		return CLIENT_H264_PT;
	return client_svc_is_vp9(c->cfg.svc)         ? CLIENT_VP9_PT
	       : client_svc_is_described(c->cfg.svc) ? CLIENT_AV1_PT
						     : (uint8_t)c->video_pt;
}

/* Which of several streams s is. */
static unsigned stream_of(const struct client *c, const struct client_send *s)
{
	unsigned i = 0;
	while (c->cfg.simulcast && i < CLIENT_LOWER && s != &c->lower[i])
		i++;
	return i;
}

static void send_packet(
	struct client *c, struct client_send *s, const struct layer_frame *f)
{
	uint8_t buf[RTP_PACKET_MAX + CRYPT_TRAILER];
	const uint8_t number[2] = { 0 };
	struct writer w;
	struct rtp_ext ext[4];
	struct rtp_header h = { .pt = pt_of(c),
		.marker = f->index == f->n - 1 &&
			  layer_of(f) == spatials(f->svc) - 1,
		.seq = s->seq++,
		.ts = s->ts,
		.ssrc = s->ssrc,
		.ext = ext };
	size_t bytes = c->cfg.packet_bytes;
	if (c->cfg.twcc)
		ext[h.n_ext++] = (struct rtp_ext){
			.id = CLIENT_TWCC_EXT, .len = 2, .data = number
		};
	h.n_ext += client_media_name(c, s, ext + h.n_ext);
	if (client_svc_is_described(f->svc))
		ext[h.n_ext++] = (struct rtp_ext){ .id = CLIENT_DD_EXT,
			.len = (uint8_t)put_descriptor(s, f, &w),
			.data = w.p };
	size_t n = rtp_write_header(buf, &h), len = n;
	len += describe(s, f, buf + len);
	uint8_t *body = buf + len;
	len += client_media_stamp(c, s, body, f->key, f->index,
		f->n > 1 || spatials(f->svc) == 1 ? bytes : bytes / 2);
	body[1] = (uint8_t)(f->spatial << 4 | f->temporal);
	body[2] = (uint8_t)(f->n << 4 | f->svc);
	history_add(s->history, s->unwrapped++, buf, len);
	s->packets++;
	s->octets += len - n;
	client_media_seal(c, buf, len);
}

void client_svc_send(struct client *c, struct client_send *s)
{
	unsigned fps = c->cfg.fps ? c->cfg.fps : 30;
	unsigned n = spatials(c->cfg.svc), all = c->cfg.packets_per_frame;
	unsigned first = stream_of(c, s);
	unsigned top = c->cfg.simulcast ? CLIENT_LOWER : n - 1;
	struct layer_frame f = { .svc = c->cfg.svc,
		.spatial = first,
		.temporal = temporal_of[s->counter % 4],
		.key = s->want_key && s->counter % 4 == 0 };
	s->want_key = s->want_key && !f.key;
	s->keyframes += f.key;
	s->picture = (s->picture + 1) & 0x7fff;
	s->tl0 = (uint8_t)(s->tl0 + (f.temporal == 0));
	for (; f.spatial < first + n && !s->mute; f.spatial++) {
		f.n = all >> (top - f.spatial) * 2;
		f.n = f.n ? f.n : 1;
		for (f.index = 0; f.index < f.n; f.index++)
			send_packet(c, s, &f);
	}
	s->counter++;
	s->ts += 90000 / fps;
	s->next_us += 1000000 / fps;
}

/* --- judging -----------------------------------------------------------------
 */

static struct client_svc_picture *picture_at(
	struct client_svc_judge *j, uint32_t counter)
{
	return &j->picture[counter % CLIENT_SVC_PICTURES];
}

static bool has(struct client_svc_judge *j, uint32_t counter, unsigned spatial)
{
	const struct client_svc_picture *p = picture_at(j, counter);
	return p->used && p->counter == counter && p->decoded[spatial];
}

static bool is_decodable(struct client_svc_judge *j,
	const struct client_svc_picture *p, unsigned s)
{
	static const uint8_t back[4] = { 4, 1, 2, 1 };
	uint32_t n = p->counter;
	bool needs_lower = s > 0 && spatials(p->svc) > 1 &&
			   (p->key || !is_key_only(p->svc));
	if (needs_lower && !has(j, n, s - 1))
		return false;
	if (p->key)
		return true;
	return has(j, n - back[n % 4], s) &&
	       (n % 4 != 3 || !is_chained(p->svc) || has(j, n - 2, s));
}

/* Numbers of pictures: closed up where some are left out (VP8), or moved only
 * where the source begins anew (VP9). */
static bool go_on(const struct client_svc_picture *before,
	const struct client_svc_picture *p)
{
	uint16_t ids = (p->id - before->id) & 0x7fff;
	uint8_t tl0 = (uint8_t)(p->tl0 - before->tl0);
	if (p->svc == CLIENT_VP8_L1T3)
		return ids == 1 && tl0 == (p->temporal == 0);
	return p->key || (ids == ((p->counter - before->counter) & 0x7fff) &&
				 tl0 == (p->temporal == 0));
}

static void judge_frames(
	struct client_svc_judge *j, struct client_svc_picture *p, unsigned top)
{
	bool whole = true;
	for (unsigned s = 0; s <= top; s++) {
		if (!(p->seen >> s & 1))
			continue;
		bool complete = p->got[s] == (1u << p->n[s]) - 1;
		p->decoded[s] = complete && is_decodable(j, p, s);
		j->broken += !complete;
		j->undecodable += complete && !p->decoded[s];
		whole &= p->decoded[s];
	}
	if (!whole)
		return;
	j->shown++;
	j->by_spatial[top]++;
	j->by_temporal[p->temporal]++;
	j->switches += j->last_spatial != top;
	j->last_spatial = (uint8_t)top;
}

static void judge_picture(struct client_svc_judge *j,
	const struct client_svc_picture *before, struct client_svc_picture *p)
{
	unsigned top = 0;
	for (unsigned s = 0; s < CLIENT_SVC_SPATIAL; s++)
		top = p->seen >> s & 1 ? s : top;
	j->pictures++;
	judge_frames(j, p, top);
	j->marks += p->marks != 1 || p->mark_spatial != top ||
		    p->mark_index != p->n[top] - 1;
	j->lies += p->lies;
	if (before && !client_svc_is_described(p->svc))
		j->numbering += !go_on(before, p);
}

static void judge_until(struct client_svc_judge *j, uint32_t end)
{
	static const struct client_svc_picture none;
	const struct client_svc_picture *before = &none;
	for (uint32_t n = j->next - 1; n != j->next - 9 && !before->used; n--)
		if (picture_at(j, n)->used && picture_at(j, n)->counter == n)
			before = picture_at(j, n);
	for (; (int32_t)(end - j->next) > 0; j->next++) {
		struct client_svc_picture *p = picture_at(j, j->next);
		if (!p->used || p->counter != j->next)
			continue;
		judge_picture(j, before->used ? before : NULL, p);
		before = p;
	}
}

/* What is active is what comes, and all of it: the highest layer told is that
 * of the picture, and each frame is of use to somebody. */
static bool tells_well(struct client_svc_judge *j, const struct rtp_ext *ext,
	const struct layer_frame *f, uint32_t counter)
{
	struct layer_info i = { .start = false };
	bool useful = false;
	if (!ext || !dependency_read(&j->dependency, ext->data, ext->len, &i))
		return false;
	for (uint8_t k = 0; k < j->dependency.n_targets; k++)
		useful |= j->dependency.active >> k & 1 &&
			  dependency_dti(i.dti, k) != DTI_NOT_PRESENT;
	uint16_t moved = (uint16_t)(i.frame_number - number_of(f, counter));
	int16_t ahead = (int16_t)(i.frame_number - j->newest_number);
	bool goes_on = moved == j->number || (f->key && ahead > 0);
	j->number = moved;
	if (ahead > 0)
		j->newest_number = i.frame_number;
	return useful && goes_on && i.spatial == layer_of(f) &&
	       i.temporal == f->temporal && i.start == (f->index == 0) &&
	       i.end == (f->index == f->n - 1);
}

static void take(struct client_svc_judge *j, const struct rtp_packet *pkt,
	const struct layer_frame *f, uint32_t counter, uint8_t dependency_ext)
{
	struct client_svc_picture *p = picture_at(j, counter);
	if (!j->begun) {
		j->begun = true;
		j->newest = j->next = counter;
	}
	/* Later than anybody waits for it. */
	if ((int32_t)(counter - j->next) < 0)
		return;
	/* What was shown at that time of another stream gives place. */
	bool other = spatials(f->svc) == 1 && !(p->seen >> f->spatial & 1);
	if (!p->used || p->counter != counter || other)
		*p = (struct client_svc_picture){ .used = true,
			.counter = counter,
			.temporal = (uint8_t)f->temporal,
			.svc = (uint8_t)f->svc,
			.key = f->key };
	p->seen |= (uint16_t)(1u << f->spatial);
	p->got[f->spatial] |= (uint16_t)(1u << f->index);
	p->n[f->spatial] = (uint8_t)f->n;
	if (pkt->marker) {
		p->marks++;
		p->mark_spatial = (uint8_t)f->spatial;
		p->mark_index = (uint8_t)f->index;
	}
	if (client_svc_is_described(f->svc))
		p->lies |= !tells_well(
			j, rtp_ext_find(pkt, dependency_ext), f, counter);
	if ((int32_t)(counter - j->newest) > 0)
		j->newest = counter;
}

/* Where its own bytes begin, and its numbers; 0: it is too short. */
static size_t read_numbers(const struct rtp_packet *pkt, bool is_vp9,
	uint16_t *ret_id, uint8_t *ret_tl0)
{
	const uint8_t *p = pkt->payload;
	unsigned at = is_vp9 ? 1 : 2;
	size_t len = 6;
	if (is_vp9)
		len = 5 + (p[0] & 0x02 ? 1 + 4 * CLIENT_SVC_SPATIAL : 0);
	*ret_id = (uint16_t)((p[at] & 0x7f) << 8 | p[at + 1]);
	*ret_tl0 = p[4];
	return len;
}

size_t client_svc_take(struct client_svc_judge *j, const struct rtp_packet *pkt,
	uint8_t dependency_ext)
{
	uint16_t id = 0;
	uint8_t tl0 = 0;
	size_t n = 1;
	if (pkt->payload_len < CLIENT_SVC_HEAD + CLIENT_STAMP)
		return 0;
	if (pkt->pt != CLIENT_AV1_PT && pkt->pt != CLIENT_H264_PT)
		n = read_numbers(pkt, pkt->pt == CLIENT_VP9_PT, &id, &tl0);
	const uint8_t *p = pkt->payload + n;
	const uint8_t *at = p + CLIENT_AT_COUNTER;
	const struct layer_frame f = { .svc = (enum client_svc)(p[2] & 15),
		.spatial = p[1] >> 4,
		.temporal = p[1] & 15,
		.n = p[2] >> 4,
		.index = p[CLIENT_AT_INDEX],
		.key = !(p[0] & 1) };
	uint32_t counter = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
			   (uint32_t)at[2] << 8 | at[3];
	if (f.svc == CLIENT_NO_SVC || f.spatial >= CLIENT_SVC_SPATIAL ||
		f.temporal >= TEMPORAL)
		return 0;
	take(j, pkt, &f, counter, dependency_ext);
	struct client_svc_picture *picture = picture_at(j, counter);
	if (picture->counter == counter) {
		picture->id = id;
		picture->tl0 = tl0;
	}
	judge_until(j, j->newest - CLIENT_SVC_LATE);
	return n;
}

uint64_t client_svc_faults(const struct client_svc_judge *j)
{
	return j->broken + j->undecodable + j->marks + j->numbering + j->lies;
}
