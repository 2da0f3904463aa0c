/* What is to come in a simulated world: a heap by time and order. */
#include "tests/sim/sim_queue.h"
#include <assert.h>
#include <stdlib.h>

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void sim_queue_push(struct sim *s, struct sim_event e)
{
	if (s->n_events == s->cap_events) {
		s->cap_events = s->cap_events ? s->cap_events * 2 : 1024;
		s->heap = realloc(s->heap, s->cap_events * sizeof(*s->heap));
		assert(s->heap);
	}
	e.order = s->order++;
	unsigned i = s->n_events++;
	while (i && before(&e, &s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = e;
}

struct sim_event sim_queue_pop(struct sim *s)
{
	struct sim_event top = s->heap[0], last = s->heap[--s->n_events];
	unsigned i = 0;
	for (;;) {
		unsigned k = 2 * i + 1;
		if (k >= s->n_events)
			break;
		if (k + 1 < s->n_events && before(&s->heap[k + 1], &s->heap[k]))
			k++;
		if (!before(&s->heap[k], &last))
			break;
		s->heap[i] = s->heap[k];
		i = k;
	}
	if (s->n_events)
		s->heap[i] = last;
	return top;
}
