#include "http/range.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Digits at *p, at least one; more than fits stays the largest number. */
static bool read_number(const char **p, uint64_t *ret)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)**p))
		return false;
	for (; isdigit((unsigned char)**p); (*p)++) {
		uint64_t digit = (uint64_t)(**p - '0');

		n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
	}
	*ret = n;
	return true;
}

/* "500-999", "500-" or "-500" and nothing after it. */
static bool read_range(const char *p, bool *ret_suffix, uint64_t *ret_first,
	uint64_t *ret_last)
{
	*ret_last = UINT64_MAX;
	*ret_suffix = *p == '-';
	if (*ret_suffix) {
		p++;
		if (!read_number(&p, ret_first))
			return false;
	} else {
		if (!read_number(&p, ret_first) || *p++ != '-')
			return false;
		if (*p && !isspace((unsigned char)*p) &&
			!read_number(&p, ret_last))
			return false;
	}
	p += strspn(p, " \t");
	return *p == '\0' && (*ret_suffix || *ret_first <= *ret_last);
}

int http_range_parse(const char *range, const char *if_range, const char *etag,
	uint64_t size, struct http_range *ret)
{
	uint64_t first, last;
	bool suffix;

	if (!range || (if_range && strcmp(if_range, etag) != 0))
		return 200;
	range += strspn(range, " \t");
	if (strncasecmp(range, "bytes=", 6) != 0)
		return 200;
	range += 6;
	range += strspn(range, " \t");
	if (!read_range(range, &suffix, &first, &last))
		return 200;
	if (size == 0 || (suffix ? first == 0 : first >= size))
		return 416;
	if (suffix) {
		ret->length = first < size ? first : size;
		ret->from = size - ret->length;
	} else {
		ret->from = first;
		ret->length = (last < size ? last + 1 : size) - first;
	}
	return 206;
}
