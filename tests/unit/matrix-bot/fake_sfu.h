/*
 * The seam of sfu/sfu.h with nobody behind it: commands are kept, the test
 * emits the events.
 */
#ifndef HEARTH_TESTS_FAKE_SFU_H
#define HEARTH_TESTS_FAKE_SFU_H

#include "sfu/sfu.h"

/* Forgets everything. */
void fake_sfu_reset(void);
/* Makes the next sfu_join fail with this error. */
void fake_sfu_fail_join(int error);
/* "join:!r:s|@a:s D|1" "offer:1:v=0" "leave:1" …: in order, one per line. */
const char *fake_sfu_log(void);
unsigned fake_sfu_count(const char *part); /* lines that contain it */
/* Control channel messages to this participant, one per line. */
const char *fake_sfu_messages(sfu_id id);

/* ev->participant says to whom. */
void fake_sfu_emit(const struct sfu_event *ev);
/* An event with an SDP and the streams of these owners; each stream's id is
 * "out<owner>", its source "cam". */
void fake_sfu_emit_sdp(sfu_id to, enum sfu_event_type type, const char *sdp,
	const sfu_id *owners, unsigned n);
void fake_sfu_say(sfu_id from, const char *text); /* control channel */

#endif
