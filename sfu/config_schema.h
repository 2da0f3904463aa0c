/*
 * The schema table behind config.h: one row per key with its type, place,
 * default, range and reason. Defaults, checks, help and the test of the sample
 * all come from it. Internal to sfu/config*.c and their tests.
 */
#ifndef HEARTH_SFU_CONFIG_SCHEMA_H
#define HEARTH_SFU_CONFIG_SCHEMA_H

#include "sfu/config.h"

enum { CONFIG_KEYS = 48, CONFIG_TEXT_MAX = 1024, CONFIG_FILE_MAX = 1 << 18 };

enum config_type {
	CONFIG_TEXT,
	CONFIG_UINT,
	CONFIG_U64,
	CONFIG_BOOL,
	CONFIG_LIST_OF
};

/* What a text, or each item of a list, must look like. */
enum config_form {
	FORM_ANY,
	FORM_URL,
	FORM_ADDRESS,
	FORM_LEVEL,
	FORM_PATH,
	FORM_WHO,    /* moderators, members, nobody, or 0..100 */
	FORM_COMPOSE /* grid, speaker, none */
};

struct config_key {
	const char *section; /* "" at the top */
	const char *name;
	enum config_type type;
	enum config_form form;
	size_t offset;        /* in struct config */
	uint64_t min, max;    /* numbers only */
	const char *fallback; /* as one would write it; items apart by blanks */
	const char *help;     /* what it is, and why one would change it */
};

extern const struct config_key config_schema[CONFIG_KEYS];

/* Index of section.name, or -1. */
int config_schema_find(const char *section, const char *name);
bool config_schema_is_section(const char *name);

/* "section.name" or "name". */
const char *config_key_text(const struct config_key *key, char ret[64]);

/* --- config_check.c: texts into fields ------------------------------------ */

/* Puts the text, or the n items, where key says. 0, -ENOMEM, or -EINVAL with
 * what is wrong in ret_why (128 bytes). What was there is freed. */
int config_set(struct config *c, const struct config_key *key, const char *text,
	char ret_why[128]);
int config_set_list(struct config *c, const struct config_key *key,
	char *const *items, unsigned n, char ret_why[128]);

/* What no single key shows: NULL, or the key that must change, why in ret_why.
 */
const struct config_key *config_check_whole(
	const struct config *c, char ret_why[128]);

/* --- config_lines.c: where each key stands -------------------------------- */

struct config_lines {
	unsigned line[CONFIG_KEYS]; /* 0: not in the file */
};

struct config_fault {
	unsigned line;
	char key[64], why[128];
};

/* Finds every key's line. 0, or -EINVAL with *ret_fault for what is no YAML, an
 * unknown key, one given twice, a section without keys, an alias, a second
 * document. libcyaml knows these too, but its lines are off by one for some. */
int config_lines_find(const char *text, size_t len, struct config_lines *ret,
	struct config_fault *ret_fault);

/* --- config.c --------------------------------------------------------------
 */

/* config_load without files: text of len bytes, called name in errors. Reads no
 * secret. */
int config_parse(const char *name, const char *text, size_t len,
	struct config *ret, char ret_error[CONFIG_ERROR_MAX]);

#endif
