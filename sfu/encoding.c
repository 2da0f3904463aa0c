#include "sfu/encoding.h"
#include <stdlib.h>
#include <string.h>

struct encoding *encoding_new(bool video, unsigned history)
{
	struct encoding *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->video = video;
	e->history = history_new(history);
	return e->history ? e : encoding_free(e);
}

struct encoding *encoding_free(struct encoding *e)
{
	if (!e)
		return NULL;
	history_free(e->history);
	encoding_layers_free(e->layers);
	free(e);
	return NULL;
}

void encoding_begin(
	struct encoding *e, uint32_t ssrc, uint32_t clock_hz, bool nack)
{
	/* receive's numbers begin above 65535, so that these are above all that
	 * the source before had. */
	if (e->started)
		e->seq_base += e->receive.highest;
	e->ssrc = ssrc;
	e->started = true;
	e->key_us = 0;
	receive_init(&e->receive, ssrc, clock_hz, nack);
	if (e->layers)
		encoding_layers_begin(e->layers);
}

bool encoding_open_layers(struct encoding *e)
{
	if (!e->layers)
		e->layers = encoding_layers_new();
	return e->layers != NULL;
}

uint64_t encoding_newest(const struct encoding *e)
{
	return e->started ? e->seq_base + e->receive.highest : 0;
}

/* --- key frames --------------------------------------------------------------
 */

void encoding_want_keyframe(struct encoding *e, uint64_t now_us)
{
	if (e->video && !e->pli_wanted_us)
		e->pli_wanted_us = now_us ? now_us : 1;
}

uint64_t encoding_keyframe_deadline(const struct encoding *e)
{
	if (!e->pli_wanted_us || !e->started)
		return UINT64_MAX;
	/* Before the first one there is nothing to hold back. */
	if (!e->pli_us)
		return e->pli_wanted_us;
	/* A wish made after the last request waits out the throttle; one that
	 * the last request has not met is asked again later. */
	uint64_t gap = e->pli_wanted_us > e->pli_us ? ENCODING_PLI_US
						    : ENCODING_PLI_RETRY_US;
	return e->pli_us + gap;
}

bool encoding_keyframe_due(struct encoding *e, uint64_t now_us)
{
	if (encoding_keyframe_deadline(e) > now_us)
		return false;
	e->pli_us = now_us;
	return true;
}

void encoding_note_key(
	struct encoding *e, uint64_t now_us, uint64_t seq, uint32_t ts)
{
	bool same = e->key_us && ts == e->key_ts;
	if (!e->video ||
		(e->key_us && (same ? seq > e->key_seq : seq < e->key_seq)))
		return;
	e->key_seq = seq;
	e->key_ts = ts;
	if (!same)
		e->key_us = now_us ? now_us : 1;
}

void encoding_keyframe_seen(struct encoding *e)
{
	e->pli_wanted_us = 0;
}

/* --- how much there is -------------------------------------------------------
 */

void encoding_count(
	struct encoding *e, uint64_t now_us, unsigned temporal, size_t len)
{
	if (temporal >= ENCODING_TEMPORAL)
		temporal = ENCODING_TEMPORAL - 1;
	e->now.bytes[temporal] += (uint32_t)len;
	e->last_us = now_us;
}

bool encoding_measure(struct encoding *e, uint64_t now_us, uint64_t others_us)
{
	bool was = e->live;
	if (!e->started)
		return false;
	e->live = e->last_us + ENCODING_SILENT_US > others_us;
	if (e->layers)
		encoding_layers_measure(e->layers, now_us);
	if (e->counted_us) {
		uint64_t us = now_us - e->counted_us;
		memmove(e->past + 1, e->past,
			(ENCODING_WINDOW - 1) * sizeof(e->past[0]));
		e->past[0] = e->now;
		e->past[0].us = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
		if (e->n_past < ENCODING_WINDOW)
			e->n_past++;
	}
	/* What came before the first of them is of no known time. */
	e->now = (struct encoding_count){ .us = 0 };
	e->counted_us = now_us;
	return e->live != was;
}

uint32_t encoding_rate(const struct encoding *e, unsigned temporal)
{
	uint64_t us = 0, bytes = 0;
	for (unsigned i = 0; i < e->n_past; i++) {
		us += e->past[i].us;
		for (unsigned t = 0; t <= temporal && t < ENCODING_TEMPORAL;
			t++)
			bytes += e->past[i].bytes[t];
	}
	uint64_t bps = us ? bytes * 8000000 / us : 0;
	return bps < UINT32_MAX ? (uint32_t)bps : UINT32_MAX;
}
