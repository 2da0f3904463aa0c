/*
 * What must hold of a conference whatever was done to it, by assertions.
 */
#ifndef HEARTH_TESTS_FUZZ_CONFERENCE_CHECK_H
#define HEARTH_TESTS_FUZZ_CONFERENCE_CHECK_H

struct participant;

/* Of p, what it publishes and what it is subscribed to. */
void check_participant(const struct participant *p);

#endif
