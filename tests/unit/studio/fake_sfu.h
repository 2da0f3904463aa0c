/*
 * The seam of sfu/sfu.h as far as the studio uses it, with nobody behind it: a
 * plugged program's end of the feed is the test's.
 */
#ifndef HEARTH_TESTS_STUDIO_FAKE_SFU_H
#define HEARTH_TESTS_STUDIO_FAKE_SFU_H

#include <stdbool.h>
#include "sfu/sfu.h"

void fake_sfu_reset(void); /* closes what is open */
/* Makes plugs fail from now on with this error; 0: no more. */
void fake_sfu_fail(int error);
/* Hangs up on a plugged program and tells its handler. */
void fake_sfu_emit_left(sfu_id id, enum sfu_reason reason);
/* Tells the handlers of those who left by sfu_leave. */
void fake_sfu_pump(void);
sfu_id fake_sfu_last(void); /* the id given last */
int fake_sfu_fd(sfu_id id); /* our end; -1: closed */
const char *fake_sfu_label(sfu_id id);
bool fake_sfu_present(sfu_id id); /* its handler was not told yet */

#endif
