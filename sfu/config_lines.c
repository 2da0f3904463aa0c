#include "sfu/config_schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <yaml.h>

/* Where in the tree the parser stands: 0 outside, 1 among the sections, 2 among
 * the keys of one; deeper is skipped. */
struct walk {
	unsigned depth, skip, documents;
	bool key_next[3];
	char section[64];
	bool section_known;
	struct config_lines *lines;
	struct config_fault *fault;
};

static int fault(struct walk *w, size_t line, const char *section,
	const char *key, const char *why)
{
	w->fault->line = (unsigned)line;
	snprintf(w->fault->key, sizeof(w->fault->key), "%.30s%s%.30s", section,
		*section && *key ? "." : "", key);
	snprintf(w->fault->why, sizeof(w->fault->why), "%s", why);
	return -EINVAL;
}

static int see_key(
	struct walk *w, size_t line, const char *section, const char *name)
{
	int i = config_schema_find(section, name);

	if (i < 0)
		return fault(w, line, section, name,
			"there is no such key; hearth --help-config lists "
			"them");
	if (w->lines->line[i])
		return fault(w, line, section, name, "is given twice");
	w->lines->line[i] = (unsigned)line;
	return 0;
}

static int scalar(struct walk *w, size_t line, const char *value)
{
	if (w->depth == 0 || w->skip)
		return 0;
	if (!w->key_next[w->depth]) {
		w->key_next[w->depth] = true;
		if (w->depth == 1 && w->section_known)
			return fault(w, line, w->section, "",
				"is a section; write its keys below it, "
				"indented, or remove it");
		return 0;
	}
	w->key_next[w->depth] = false;
	if (w->depth == 2)
		return see_key(w, line, w->section, value);
	snprintf(w->section, sizeof(w->section), "%s", value);
	w->section_known = config_schema_is_section(value);
	return w->section_known ? 0 : see_key(w, line, "", value);
}

static void open_mapping(struct walk *w)
{
	bool enter = !w->skip &&
		     (w->depth == 0 || (w->depth == 1 && w->section_known &&
					       !w->key_next[1]));

	if (!enter) {
		w->skip++;
		return;
	}
	w->depth++;
	w->key_next[w->depth] = true;
}

static void close_any(struct walk *w)
{
	if (w->skip)
		w->skip--;
	else if (w->depth)
		w->depth--;
	if (!w->skip)
		w->key_next[w->depth] = true;
}

static int event(struct walk *w, const yaml_event_t *e)
{
	size_t line = e->start_mark.line + 1;

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (w->documents++)
			return fault(w, line, "", "",
				"a second document starts here; keep one");
		return 0;
	case YAML_ALIAS_EVENT:
		return fault(w, line, w->section, "",
			"aliases are not understood; write it out");
	case YAML_SCALAR_EVENT:
		return scalar(w, line, (const char *)e->data.scalar.value);
	case YAML_MAPPING_START_EVENT:
		open_mapping(w);
		return 0;
	case YAML_SEQUENCE_START_EVENT:
		w->skip++;
		return 0;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		close_any(w);
		return 0;
	default:
		return 0;
	}
}

int config_lines_find(const char *text, size_t len, struct config_lines *ret,
	struct config_fault *ret_fault)
{
	struct config_lines lines = { 0 };
	struct walk w = { .lines = &lines, .fault = ret_fault };
	yaml_parser_t parser;
	bool end = false;
	int err = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!end && err == 0) {
		yaml_event_t e;

		if (!yaml_parser_parse(&parser, &e)) {
			err = fault(&w, parser.problem_mark.line + 1, "", "",
				parser.problem ? parser.problem : "is no YAML");
			break;
		}
		end = e.type == YAML_STREAM_END_EVENT;
		err = event(&w, &e);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
	if (err == 0)
		*ret = lines;
	return err;
}
