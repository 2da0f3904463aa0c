/* A conference that does as told and writes down what it was asked. */
#ifndef TESTS_FAKE_CONFERENCE_H
#define TESTS_FAKE_CONFERENCE_H

#include "sfu/conference.h"
#include "sfu/errand.h"
#include "sfu/intake.h"

enum { FAKE_SEEN = 4096 };

struct fake {
	uint8_t seen[FAKE_SEEN]; /* first bytes of datagrams, in order */
	uint64_t seen_us[FAKE_SEEN];
	unsigned n_seen;
	unsigned ticks, channels, sweeps, made, freed, errands;
	uint64_t deadline_us;
	int join_error;
	unsigned others;
	bool leads;
	sfu_id speaker;
	char view[64]; /* the last: id, stream, lines, shown */
	unsigned events_of_end,
		events_of_input;      /* events each datagram makes */
	char screen[64];              /* the last: id, stream, is one */
	bool out_was_set;             /* env->out during each verb */
	uint64_t nap_us;              /* that each datagram takes */
	uint64_t late_at_us, late_us; /* conference_late, the last */
};
extern struct fake fake;

struct env *fake_env(void);                 /* of the last conference made */
void fake_emit(const struct sfu_event *ev); /* into the last conference made */

#endif
