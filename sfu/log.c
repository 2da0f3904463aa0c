#include "sfu/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048, BUFFERS = 8, VALUE_MAX = 200 };

static enum log_level log_level = LOG_LVL_INFO;
static bool log_pii_shown;
static const char *log_source = "control";
static uint64_t salt[2];

void log_init(enum log_level level, bool pii, const char *source)
{
	log_level = level;
	log_pii_shown = pii;
	log_source = source;
}

bool log_on(enum log_level level)
{
	return level <= log_level;
}

static size_t put_prefix(
	char *line, size_t size, enum log_level level, const char *event)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	struct timespec now;
	struct tm tm;
	size_t len;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line + len, size - len, ".%03ldZ %s event=%s %s%s",
		now.tv_nsec / 1000000, names[level], event,
		strchr(log_source, '=') ? "" : "process=", log_source);
	if (n < 0)
		return len;
	len += (size_t)n;
	return len < size ? len : size - 1;
}

/* A line is one line, whatever was put into it. */
static void flatten(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	size_t len;
	va_list args;
	int n;

	if (!log_on(level))
		return;
	len = put_prefix(line, sizeof(line) - 2, level, event);
	if (*fmt)
		line[len++] = ' ';
	va_start(args, fmt);
	n = vsnprintf(line + len, sizeof(line) - 1 - len, fmt, args);
	va_end(args);
	if (n > 0)
		len += (size_t)n;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	flatten(line, len);
	line[len++] = '\n';
	/* One write, so that the lines of several processes do not mix. There
	 * is nowhere to tell that the log itself failed. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

static char *next_buffer(void)
{
	static char buffers[BUFFERS][VALUE_MAX * 2 + 8];
	static unsigned at;

	return buffers[at++ % BUFFERS];
}

static uint64_t rotl(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

/* SipHash-2-4 (Aumasson and Bernstein, 2012): user ids are guessable, so the
 * hash must be keyed with something the reader of the log does not have. */
uint64_t log_hash(const uint64_t key[2], const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575u,
		key[1] ^ 0x646f72616e646f6du, key[0] ^ 0x6c7967656e657261u,
		key[1] ^ 0x7465646279746573u };
	uint64_t word = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i == len)
			word |= (uint64_t)(len & 0xff) << 56;
		else
			word |= (uint64_t)p[i] << i % 8 * 8;
		if (i != len && i % 8 != 7)
			continue;
		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
		word = 0;
	}
	v[2] ^= 0xff;
	for (unsigned i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

const char *log_pii(const char *value)
{
	if (!value)
		return "-";
	return log_pii_shown ? log_value(value) : log_tag(value);
}

const char *log_tag(const char *value)
{
	char *buffer;

	/* Without randomness lines still must not name anybody. */
	if (!salt[0] && getrandom(salt, sizeof(salt), GRND_NONBLOCK) !=
				(ssize_t)sizeof(salt))
		return "redacted";
	buffer = next_buffer();
	snprintf(buffer, 16, "~%010llx",
		(unsigned long long)(log_hash(salt, value, strlen(value)) >>
				     24));
	return buffer;
}

static bool is_plain(const char *value)
{
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f ||
			strchr("\"\\=", *p))
			return false;
	return *value != '\0';
}

const char *log_value(const char *value)
{
	char *buffer, *to;

	if (!value)
		return "-";
	buffer = to = next_buffer();
	if (is_plain(value)) {
		snprintf(buffer, VALUE_MAX + 1, "%s", value);
		return buffer;
	}
	*to++ = '"';
	for (size_t i = 0; value[i] && i < VALUE_MAX; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c == '"' || c == '\\')
			*to++ = '\\';
		*to++ = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	*to++ = '"';
	*to = '\0';
	return buffer;
}
