#include "sfu/sdp/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void text_init(struct text *t, size_t max)
{
	*t = (struct text){ .max = max };
}

static bool text_reserve(struct text *t, size_t more)
{
	size_t need = t->len + more + 1, size = t->size ? t->size : 1024;
	char *data;

	if (need > t->max)
		return false;
	if (need <= t->size)
		return true;
	while (size < need)
		size *= 2;
	data = realloc(t->data, size);
	if (!data)
		return false;
	t->data = data;
	t->size = size;
	return true;
}

void text_add(struct text *t, const char *format, ...)
{
	va_list list;
	int len;

	if (t->failed)
		return;
	va_start(list, format);
	len = vsnprintf(NULL, 0, format, list);
	va_end(list);
	if (len < 0 || !text_reserve(t, (size_t)len)) {
		t->failed = true;
		return;
	}
	va_start(list, format);
	vsnprintf(t->data + t->len, (size_t)len + 1, format, list);
	va_end(list);
	t->len += (size_t)len;
}

char *text_take(struct text *t)
{
	char *data = t->data;

	if (t->failed) {
		free(data);
		data = NULL;
	}
	text_init(t, t->max);
	return data;
}
