/*
 * Data messages: which channel goes to whom. A label's audience is every other
 * participant with data channels; the control label's is the front.
 */
#ifndef HEARTH_SFU_MESSAGE_H
#define HEARTH_SFU_MESSAGE_H

#include <stdbool.h>
#include "sfu/participant.h"

/* One message of `from` on `ch` to everybody else, or to the front. */
void message_route(struct participant *from, uint64_t now_us,
	const struct channel *ch, bool binary, const uint8_t *data, size_t len);

/* The same toward the participants here alone: what came from another worker.
 * len is ASSOC_MESSAGE_MAX at most. */
void message_fan(struct participant *from, uint64_t now_us,
	const struct channel *ch, bool binary, const uint8_t *data, size_t len);

/* Is it the channel between a participant and its front? */
bool message_is_control(const struct channel *ch);

/* The channel `label` of `from` closed: those hearth opened only to carry it
 * are closed too. */
void message_closed(struct participant *from, const char *label);

/* All channels of `from` are about to go: the same for each of its labels. */
void message_leave(struct participant *from);

#endif
