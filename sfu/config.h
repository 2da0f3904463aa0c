/*
 * hearth.yaml -> struct config, through libcyaml. One schema table gives the
 * defaults, the checks and the help: an unknown key, a wrong type or a value
 * out of range refuses to start and names file, line and key.
 */
#ifndef HEARTH_SFU_CONFIG_H
#define HEARTH_SFU_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CONFIG_LIST = 16, CONFIG_ERROR_MAX = 512 };

struct config_list {
	char **v;
	unsigned n;
};

struct config {
	struct {
		char *homeserver; /* URL, http(s)://… ; required */
		char *user; /* @hearth:example.org or localpart; required */
		char *password, *password_file, *token,
			*token_file; /* one of */
		char *device_id, *device_name;
		struct config_list
			allow; /* globs over user ids; default: own server */
		bool leave_when_empty;
		char *join_url; /* where the web client is reached; "" = http.*
				 */
	} matrix;
	struct {
		unsigned port; /* base; worker i uses port + i */
		struct config_list
			listen; /* addresses; default 0.0.0.0 and :: */
		struct config_list
			advertise;   /* external addresses; default: own */
		unsigned workers;    /* 0: all in one process */
		unsigned split_load; /* percent; 0 always, 100 never */
		unsigned split_participants; /* of one worker; 0: any */
		unsigned last_n, audio_n;    /* sent to one person; 0: all */
	} media;
	struct {
		char *listen;
		unsigned port;
		char *web_root; /* directory of the built client */
	} http;
	struct {
		unsigned participants, tracks, media_lines;
		uint64_t video_max_bps, channel_queue_bytes, resend_bps;
		unsigned conferences, calls_per_minute;
	} limits;
	struct {
		char *directory; /* config_load: state_dir/recordings for "" */
		char *who; /* moderators, members, nobody, or a power level */
		char *compose;               /* grid, speaker, none */
		bool deliver;                /* post it into the room */
		unsigned jobs;               /* composing at once */
		unsigned at_once;            /* recordings at once */
		unsigned keep_days;          /* 0: for ever */
		unsigned keyframe_s;         /* asked of publishers; 0: never */
		char *program;               /* hook: run at each event */
		struct config_list webhooks; /* URLs */
		char *webhook_secret, *webhook_secret_file;
		char *recorder; /* hearth-record; "": beside hearth */
	} recording;
	struct {
		char *socket; /* Unix socket for local programs; "": none */
		char *tokens_file; /* lines "name token listen|publish" */
	} feed;
	struct {
		char *level; /* error, warn, info, debug */
		bool pii;
	} log;
	char *state_dir; /* sync token, device id, transaction counter */
};

/* Reads path. 0 and *ret filled (config_done frees), or -errno with "file:line:
 * key: what is wrong and what to write" in ret_error; no line where the key is
 * not in the file. Every text is set, "" where it has neither value nor
 * default. Relative paths are taken from the directory of the file. Secrets in
 * *_file keys are read here, one line each, into password, token or
 * webhook_secret; files others may read are refused. */
int config_load(
	const char *path, struct config *ret, char ret_error[CONFIG_ERROR_MAX]);
/* The defaults alone, for tests. */
int config_defaults(struct config *ret);
void config_done(struct config *c);
/* `hearth --help-config`: every key with default, range, reason; to stdout. */
void config_help(void);

#endif
