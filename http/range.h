/*
 * Byte ranges of a download: RFC 9110, sections 13.1.5 and 14. Internal to
 * http/.
 */
#ifndef HEARTH_HTTP_RANGE_H
#define HEARTH_HTTP_RANGE_H

#include <stdint.h>

struct http_range {
	uint64_t from, length; /* bytes of the file */
};

/* What part of size bytes is asked for by the Range header (NULL: there is
 * none) with an If-Range header (or NULL) of a file with that etag. 206 with
 * *ret; 416: there is no such part; 200: the whole, also for several ranges,
 * other units and what makes no sense. */
int http_range_parse(const char *range, const char *if_range, const char *etag,
	uint64_t size, struct http_range *ret);

#endif
