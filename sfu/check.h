/*
 * `hearth check`: says in plain words whether this machine and this
 * configuration are fit to hold calls, and what to change.
 */
#ifndef HEARTH_SFU_CHECK_H
#define HEARTH_SFU_CHECK_H

#include "sfu/config.h"

/* Prints one line per fact to stdout: "ok", "note" or "PROBLEM", as bot_check
 * does. Returns the number of problems: ports, advertised addresses, state_dir,
 * web_root, file limit, what recording takes. Binds the configured ports for a
 * moment; a hearth that runs on them is reported as a port in use. */
int check_machine(const struct config *config);

#endif
