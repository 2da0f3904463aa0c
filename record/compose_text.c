#include "record/compose_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	MARKS_MAX = 2,     /* combining marks on one letter */
	EM_PER_MILLE = 859 /* DejaVu's em of its ascent and descent */
};

struct range {
	uint32_t first, last;
};

/* Drawn as nothing, or changes how others are drawn. */
static const struct range hidden[] = { { 0xad, 0xad }, { 0x61c, 0x61c },
	{ 0x115f, 0x1160 }, { 0x17b4, 0x17b5 }, { 0x180b, 0x180f },
	{ 0x200b, 0x200f }, { 0x202a, 0x202e }, { 0x2060, 0x206f },
	{ 0x3164, 0x3164 }, { 0xd800, 0xf8ff }, { 0xfe00, 0xfe0f },
	{ 0xfeff, 0xfeff }, { 0xfff0, 0xffff }, { 0x1f3fb, 0x1f3ff },
	{ 0xe0000, 0x10ffff } };
static const struct range marks[] = { { 0x300, 0x36f }, { 0x483, 0x489 },
	{ 0x591, 0x5bd }, { 0x610, 0x61a }, { 0x64b, 0x65f },
	{ 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff },
	{ 0xfe20, 0xfe2f } };
static const struct range blanks[] = { { 0, 0x20 }, { 0x7f, 0xa0 },
	{ 0x1680, 0x1680 }, { 0x2000, 0x200a }, { 0x2028, 0x2029 },
	{ 0x202f, 0x202f }, { 0x205f, 0x205f }, { 0x3000, 0x3000 } };
static const struct range wide[] = { { 0x1100, 0x115f }, { 0x2600, 0x27bf },
	{ 0x2e80, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff },
	{ 0xff00, 0xff60 }, { 0x1f000, 0x3ffff } };

#define IN(table, c) in(table, sizeof(table) / sizeof(*(table)), c)

static bool in(const struct range *table, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= table[i].first && c <= table[i].last)
			return true;
	return false;
}

/* RFC 3629; steps over one byte where it is none. */
static bool decode(const char **at, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)*at;
	unsigned len = *p < 0x80             ? 1
		       : (*p & 0xe0) == 0xc0 ? 2
		       : (*p & 0xf0) == 0xe0 ? 3
		       : (*p & 0xf8) == 0xf0 ? 4
					     : 0;
	uint32_t c;

	(*at)++;
	if (len == 0)
		return false;
	c = len == 1 ? *p : *p & (0x7fu >> len);
	for (unsigned i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return false;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return false;
	*at += len - 1;
	*ret = c;
	return true;
}

static size_t encode(uint32_t c, char *ret)
{
	if (c < 0x80) {
		ret[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		ret[0] = (char)(0xc0 | c >> 6);
		ret[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		ret[0] = (char)(0xe0 | c >> 12);
		ret[1] = (char)(0x80 | (c >> 6 & 0x3f));
		ret[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	ret[0] = (char)(0xf0 | c >> 18);
	ret[1] = (char)(0x80 | (c >> 12 & 0x3f));
	ret[2] = (char)(0x80 | (c >> 6 & 0x3f));
	ret[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* A backslash begins orders in ASS and cannot be escaped; a brace can. */
static size_t encode_ass(uint32_t c, char *ret)
{
	if (c == '\\')
		return encode(0x2216, ret);
	if (c == '{' || c == '}') {
		ret[0] = '\\';
		ret[1] = (char)c;
		return 2;
	}
	return encode(c, ret);
}

/* Per mille of an em in DejaVu Sans, on the wide side. */
static unsigned advance(uint32_t c)
{
	if (IN(marks, c))
		return 0;
	if (IN(wide, c))
		return 1050;
	if (c >= 0x80)
		return 680;
	if (strchr("iljI.,:;'| ", (int)c))
		return 340;
	if (strchr("frt()[]!/\\\"-`{}", (int)c))
		return 460;
	if (strchr("mMwW@%", (int)c))
		return 1000;
	return c >= 'A' && c <= 'Z' ? 740 : 635;
}

/* The next character to be drawn; blanks of any kind come as one ' '. */
static bool next(const char **at, unsigned *n_marks, uint32_t *ret)
{
	bool blank = false;
	uint32_t c;

	while (**at) {
		const char *before = *at;

		if (!decode(at, &c) || IN(hidden, c))
			continue;
		if (IN(blanks, c)) {
			blank = true;
			continue;
		}
		if (IN(marks, c)) {
			if (++*n_marks > MARKS_MAX)
				continue;
		} else {
			*n_marks = 0;
		}
		if (blank) {
			*at = before;
			c = ' ';
		}
		*ret = c;
		return true;
	}
	return false;
}

size_t text_label(const char *name, unsigned width_px, unsigned font_px,
	char ret[TEXT_LABEL_MAX])
{
	static const char dots[] = "\xe2\x80\xa6";
	unsigned long room = (unsigned long)width_px * 1000000 /
			     (font_px * EM_PER_MILLE + 1u);
	unsigned long used = 0;
	unsigned n_marks = 0;
	size_t len = 0, cut = 0; /* cut: as much as leaves room for dots */
	uint32_t c;

	while (next(&name, &n_marks, &c)) {
		if (c == ' ' && len == 0)
			continue;
		used += advance(c);
		if (used > room || len + 8 > TEXT_LABEL_MAX) {
			memcpy(ret + cut, dots, sizeof(dots));
			return cut + sizeof(dots) - 1;
		}
		len += encode_ass(c, ret + len);
		if (used + 1000 <= room && c != ' ' && len + 8 < TEXT_LABEL_MAX)
			cut = len;
	}
	ret[len] = '\0';
	return len;
}

static uint32_t capital(uint32_t c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 0xe0 && c <= 0xfe && c != 0xf7) ||
		(c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) ||
		(c >= 0x430 && c <= 0x44f))
		return c - 0x20;
	return c >= 0x450 && c <= 0x45f ? c - 0x50 : c;
}

void text_initial(const char *name, char ret[TEXT_INITIAL_MAX])
{
	uint32_t c, first = 0;
	unsigned n_marks = 0;
	size_t len;

	while (next(&name, &n_marks, &c)) {
		bool letter = (c >= 'a' && c <= 'z') ||
			      (c >= 'A' && c <= 'Z') ||
			      (c >= '0' && c <= '9') || c >= 0xc0;

		if (IN(marks, c) || c == ' ')
			continue;
		if (letter) {
			first = c;
			break;
		}
		first = first ? first : c;
	}
	len = encode_ass(first ? capital(first) : '?', ret);
	ret[len] = '\0';
}

void text_local(const char *user_id, char *ret, size_t cap)
{
	const char *from = *user_id == '@' ? user_id + 1 : user_id;

	snprintf(ret, cap, "%.*s", (int)strcspn(from, ":"), from);
}

uint32_t text_colour(unsigned person)
{
	static const uint32_t calm[] = { 0x3d5a80, 0x6b4e71, 0x4a6b5d, 0x7a5c3e,
		0x3e6b74, 0x734b5b, 0x5d5a88, 0x55693f };

	return calm[person % (sizeof(calm) / sizeof(*calm))];
}
