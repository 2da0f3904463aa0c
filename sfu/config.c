#include "sfu/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cyaml/cyaml.h>

#include "sfu/config_schema.h"

enum { SECRET_MAX = 4096 };

/* What libcyaml loads: every value as the text it is written as. Types and
 * ranges are then checked here, with the key and the line at hand. */
struct raw {
	char *text, **list;
	unsigned n;
};

/* libcyaml's schema, made of ours. */
struct schema {
	cyaml_schema_value_t item, top;
	cyaml_schema_field_t root[CONFIG_KEYS + 1];
	cyaml_schema_field_t fields[CONFIG_KEYS * 2];
};

/* The first error libcyaml logs, and the innermost line of its backtrace. */
struct complaint {
	unsigned line;
	char key[64], why[128];
};

static cyaml_schema_field_t schema_field(const struct schema *s, int i)
{
	size_t at = (size_t)i * sizeof(struct raw);
	cyaml_schema_field_t f = { .key = config_schema[i].name };
	unsigned flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL;

	f.value.flags = (enum cyaml_flag)flags;
	if (config_schema[i].type == CONFIG_LIST_OF) {
		f.data_offset = (uint32_t)(at + offsetof(struct raw, list));
		f.count_offset = (uint32_t)(at + offsetof(struct raw, n));
		f.count_size = sizeof(unsigned);
		f.value.type = CYAML_SEQUENCE;
		f.value.data_size = sizeof(char *);
		f.value.sequence.entry = &s->item;
		f.value.sequence.max = CONFIG_LIST;
		return f;
	}
	f.data_offset = (uint32_t)(at + offsetof(struct raw, text));
	f.value.type = CYAML_STRING;
	f.value.data_size = sizeof(char);
	f.value.string.max = CONFIG_TEXT_MAX;
	return f;
}

/* Rows of one section stand together in the table. */
static void schema_make(struct schema *s)
{
	unsigned n_root = 0, n_fields = 0;

	memset(s, 0, sizeof(*s));
	s->item.type = CYAML_STRING;
	s->item.flags = CYAML_FLAG_POINTER;
	s->item.data_size = sizeof(char);
	s->item.string.max = CONFIG_TEXT_MAX;
	for (int i = 0; i < CONFIG_KEYS; i++) {
		const char *section = config_schema[i].section;
		cyaml_schema_field_t *f;

		if (!*section) {
			s->root[n_root++] = schema_field(s, i);
			continue;
		}
		if (i == 0 ||
			strcmp(section, config_schema[i - 1].section) != 0) {
			/* A zeroed field ends the section before. */
			n_fields += i ? 1 : 0;
			f = &s->root[n_root++];
			f->key = section;
			f->value.type = CYAML_MAPPING;
			f->value.flags = CYAML_FLAG_OPTIONAL;
			f->value.data_size = sizeof(struct raw) * CONFIG_KEYS;
			f->value.mapping.fields = &s->fields[n_fields];
		}
		s->fields[n_fields++] = schema_field(s, i);
	}
	s->top.type = CYAML_MAPPING;
	s->top.flags = CYAML_FLAG_POINTER;
	s->top.data_size = sizeof(struct raw) * CONFIG_KEYS;
	s->top.mapping.fields = s->root;
}

static void hear_cyaml(cyaml_log_t level, void *arg, const char *fmt,
	va_list args) __attribute__((format(printf, 3, 0)));

static void hear_cyaml(
	cyaml_log_t level, void *arg, const char *fmt, va_list args)
{
	struct complaint *c = arg;
	char text[256], *from;

	(void)level;
	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\r\n")] = '\0';
	if (!c->why[0]) {
		from = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
		snprintf(c->why, sizeof(c->why), "%.120s", from);
		return;
	}
	from = strstr(text, "(line: ");
	if (from && !c->line)
		c->line = (unsigned)strtoul(from + 7, NULL, 10);
	from = strstr(text, "field '");
	if (from && !c->key[0])
		snprintf(c->key, sizeof(c->key), "%.*s",
			(int)strcspn(from + 7, "'"), from + 7);
}

static int complain(char ret_error[CONFIG_ERROR_MAX], const char *name,
	unsigned line, const char *key, const char *why)
{
	char where[32] = "";

	if (line)
		snprintf(where, sizeof(where), "%u:", line);
	snprintf(ret_error, CONFIG_ERROR_MAX, "%.250s:%s %s%s%s", name, where,
		key, *key ? ": " : "", why);
	return -EINVAL;
}

int config_defaults(struct config *ret)
{
	struct config c = { 0 };
	char why[128];

	for (int i = 0; i < CONFIG_KEYS; i++) {
		int err = config_set(
			&c, &config_schema[i], config_schema[i].fallback, why);

		if (err < 0) {
			config_done(&c);
			return err;
		}
	}
	*ret = c;
	return 0;
}

static int apply(struct config *c, const struct raw *raw,
	const struct config_lines *lines, const char *name,
	char ret_error[CONFIG_ERROR_MAX])
{
	const struct config_key *key;
	char why[128] = "out of memory", text[64];

	for (int i = 0; raw && i < CONFIG_KEYS; i++) {
		int err = 0;

		key = &config_schema[i];
		if (!lines->line[i])
			continue;
		if (key->type == CONFIG_LIST_OF)
			err = config_set_list(
				c, key, raw[i].list, raw[i].n, why);
		else if (raw[i].text)
			err = config_set(c, key, raw[i].text, why);
		if (err < 0) {
			complain(ret_error, name, lines->line[i],
				config_key_text(key, text), why);
			return err;
		}
	}
	key = config_check_whole(c, why);
	if (!key)
		return 0;
	return complain(ret_error, name, lines->line[key - config_schema],
		config_key_text(key, text), why);
}

/* Loads through libcyaml into *ret, to be freed with its schema. */
static int load_raw(const struct schema *schema, cyaml_config_t *cyaml,
	const char *name, const char *text, size_t len, struct raw **ret,
	char ret_error[CONFIG_ERROR_MAX])
{
	struct complaint heard = { 0 };
	cyaml_err_t err;

	cyaml->log_ctx = &heard;
	err = cyaml_load_data((const uint8_t *)text, len, cyaml, &schema->top,
		(cyaml_data_t **)ret, NULL);
	cyaml->log_ctx = NULL;
	if (err == CYAML_OK)
		return 0;
	return complain(ret_error, name, heard.line, heard.key,
		heard.why[0] ? heard.why : cyaml_strerror(err));
}

int config_parse(const char *name, const char *text, size_t len,
	struct config *ret, char ret_error[CONFIG_ERROR_MAX])
{
	cyaml_config_t cyaml = { .log_fn = hear_cyaml,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_NO_ALIAS };
	struct config_fault fault = { 0 };
	struct config_lines lines;
	struct config c;
	struct schema schema;
	struct raw *raw = NULL;
	int err;

	if (config_lines_find(text, len, &lines, &fault) < 0)
		return complain(
			ret_error, name, fault.line, fault.key, fault.why);
	err = config_defaults(&c);
	if (err < 0) {
		complain(ret_error, name, 0, "", "out of memory");
		return err;
	}
	schema_make(&schema);
	err = load_raw(&schema, &cyaml, name, text, len, &raw, ret_error);
	if (err == 0)
		err = apply(&c, raw, &lines, name, ret_error);
	cyaml_free(&cyaml, &schema.top, raw, 0);
	if (err < 0)
		config_done(&c);
	else
		*ret = c;
	return err;
}

/* Reads a small regular file whole, with a NUL behind it. 0 or -errno; with
 * `secret` -EACCES where others may read or write it. */
static int read_file(
	const char *path, size_t max, bool secret, char **ret, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
	struct stat st;
	char *buf = NULL;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else if (secret && st.st_mode & (S_IROTH | S_IWOTH))
		err = -EACCES;
	else if ((uint64_t)st.st_size > max)
		err = -EFBIG;
	else if (!(buf = calloc(1, max + 1)))
		err = -ENOMEM;
	else if ((n = read(fd, buf, max)) < 0)
		err = -errno;
	close(fd);
	if (err < 0) {
		free(buf);
		return err;
	}
	*ret = buf;
	*ret_len = (size_t)n;
	return 0;
}

/* A relative path in the file is relative to the file. */
static int resolve_path(const char *config_path, char **path)
{
	const char *slash = strrchr(config_path, '/');
	char *joined;

	if (!slash || !**path || **path == '/')
		return 0;
	if (asprintf(&joined, "%.*s/%s", (int)(slash - config_path),
		    config_path, *path) < 0)
		return -ENOMEM;
	free(*path);
	*path = joined;
	return 0;
}

static int read_secret(const char *config_path, const char *key,
	const char *path, char **into, char ret_error[CONFIG_ERROR_MAX])
{
	char why[256], *text;
	size_t len;
	int err;

	if (!*path)
		return 0;
	err = read_file(path, SECRET_MAX, true, &text, &len);
	if (err == -EACCES)
		snprintf(why, sizeof(why),
			"%.100s cannot be read by us, or can be by others; "
			"chmod 600 it and give it to our user",
			path);
	else if (err < 0)
		snprintf(why, sizeof(why), "%.100s: %s", path, strerror(-err));
	if (err < 0) {
		complain(ret_error, config_path, 0, key, why);
		return err;
	}
	text[strcspn(text, "\r\n")] = '\0';
	if (!*text) {
		free(text);
		return complain(
			ret_error, config_path, 0, key, "the file is empty");
	}
	free(*into);
	*into = text;
	return 0;
}

static int place_recordings(struct config *c)
{
	char *path;

	if (*c->recording.directory)
		return 0;
	if (asprintf(&path, "%s/recordings", c->state_dir) < 0)
		return -ENOMEM;
	free(c->recording.directory);
	c->recording.directory = path;
	return 0;
}

static int load_files(
	const char *path, struct config *c, char ret_error[CONFIG_ERROR_MAX])
{
	int err = 0;

	for (int i = 0; i < CONFIG_KEYS && err == 0; i++)
		if (config_schema[i].form == FORM_PATH)
			err = resolve_path(path,
				(char **)((char *)c + config_schema[i].offset));
	if (err == 0)
		err = place_recordings(c);
	if (err < 0) {
		complain(ret_error, path, 0, "", "out of memory");
		return err;
	}
	err = read_secret(path, "matrix.password_file", c->matrix.password_file,
		&c->matrix.password, ret_error);
	if (err == 0)
		err = read_secret(path, "matrix.token_file",
			c->matrix.token_file, &c->matrix.token, ret_error);
	if (err == 0)
		err = read_secret(path, "recording.webhook_secret_file",
			c->recording.webhook_secret_file,
			&c->recording.webhook_secret, ret_error);
	return err;
}

int config_load(
	const char *path, struct config *ret, char ret_error[CONFIG_ERROR_MAX])
{
	struct config c;
	char *text;
	size_t len;
	int err = read_file(path, CONFIG_FILE_MAX, false, &text, &len);

	if (err < 0) {
		complain(ret_error, path, 0, "", strerror(-err));
		return err;
	}
	err = config_parse(path, text, len, &c, ret_error);
	free(text);
	if (err < 0)
		return err;
	err = load_files(path, &c, ret_error);
	if (err < 0)
		config_done(&c);
	else
		*ret = c;
	return err;
}
