/*
 * The log: one line per fact, key=value, to stderr. Floors 0 to 3 never log;
 * the edge and the fronts do, once, where they can say who.
 *
 *   2026-11-24T06:33:42.123Z info event=joined worker=0 conf=3f9a part=7
 *
 * Addresses and user ids are redacted unless log.pii is on: pass them through
 * log_pii.
 */
#ifndef HEARTH_SFU_LOG_H
#define HEARTH_SFU_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LVL_ERROR, LOG_LVL_WARN, LOG_LVL_INFO, LOG_LVL_DEBUG };

/* source: "control" (printed as process=control) or "worker=N". Keeps the
 * pointer. Before the call: info, redacted, control. */
void log_init(enum log_level level, bool pii, const char *source);
bool log_on(enum log_level level);

/* event is a short_word; fmt gives "key=value key=value" or is "". Values from
 * outside go through log_value. One write(2) per line, cut at 2 kB; control
 * characters become question marks, so that a line stays a line. */
void log_line(enum log_level level, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(event, ...) log_line(LOG_LVL_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)  log_line(LOG_LVL_WARN, event, __VA_ARGS__)
#define log_info(event, ...)  log_line(LOG_LVL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)                                                  \
	do {                                                                   \
		if (log_on(LOG_LVL_DEBUG))                                     \
			log_line(LOG_LVL_DEBUG, event, __VA_ARGS__);           \
	} while (0)

/* A value that names a person or a place: itself when pii is on, else a short
 * hash, salted per process, so that lines of one user can still be told to
 * belong together; NULL is "-". Returns one of 8 static buffers. */
const char *log_pii(const char *value);
/* The hash, whether pii is on or not: for what is no log. */
const char *log_tag(const char *value);
/* A value from outside, quoted and escaped where it could forge a line or a
 * key; cut at 200 bytes; NULL is "-". One of the same 8 static buffers. */
const char *log_value(const char *value);

/* SipHash-2-4 of len bytes, for log_pii; here so that its vectors test it. */
uint64_t log_hash(const uint64_t key[2], const void *data, size_t len);

#endif
