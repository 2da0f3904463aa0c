/* Inside of client.h, shared by client.c (lanes) and client_session.c (login).
 */
#ifndef HEARTH_MATRIX_BOT_CLIENT_IMPL_H
#define HEARTH_MATRIX_BOT_CLIENT_IMPL_H

#include <sys/queue.h>
#include "matrix-bot/client.h"
#include "http/fetch.h"

struct event;

enum client_state {
	CLIENT_IDLE, /* before client_start */
	CLIENT_LOGGING_IN,
	CLIENT_IN,
	CLIENT_DENIED
};

struct job {
	TAILQ_ENTRY(job) entry;
	char *method, *path, *body, *replaces;
	char *body_path, *content_type; /* of a file */
	unsigned flags, timeout_ms, failures;
	bool unsure; /* the homeserver may have taken it */
	uint64_t expires_us;
	client_h *handler;
	void *arg;
	uint64_t tag;
};

struct lane {
	TAILQ_ENTRY(lane) entry;
	struct client *client;
	char *name; /* NULL: of one request */
	TAILQ_HEAD(, job) jobs;
	unsigned n_jobs;
	struct fetch_transfer *wire; /* the first job is on the wire */
	unsigned session;            /* … under this login */
	bool waiting;                /* the timer runs */
	struct event *timer;
};

struct client {
	struct event_base *base;
	struct fetch *fetch;
	struct client_handlers handlers;
	char *homeserver, *user, *password, *config_token, *device_name;
	char *token;
	char user_id[CLIENT_ID_MAX + 1], device_id[CLIENT_ID_MAX + 1];
	unsigned backoff_ms, backoff_max_ms;
	enum client_state state;
	unsigned session; /* counts logins: whose token a 401 is about */
	struct event *login_timer;
	struct fetch_transfer *login;
	unsigned login_failures;
	TAILQ_HEAD(lanes, lane) lanes;
	unsigned n_lanes;
	uint64_t hold_until_us; /* paced requests wait until then */
	struct event *hold_timer;
	char boot[17];
	uint64_t txn;
	struct client_counters counters;
};

/* Exponential, with a quarter of jitter either way. */
unsigned client_backoff_ms(const struct client *c, unsigned failures);
int client_fetch(struct client *c, const char *method, const char *path,
	const char *bearer, const char *body, unsigned timeout_ms,
	fetch_h *handler, void *arg, struct fetch_transfer **ret);
/* The whole URL of a path, to be freed; NULL: no memory. */
char *client_url(const struct client *c, const char *path);
/* Puts on the wire whatever may go. */
void client_kick(struct client *c);
void client_job_free(struct job *j);
/* Ends a job with -errno. */
void client_job_fail(struct lane *l, struct job *j, int error);
void client_lane_free(struct lane *l);
bool client_lane_may_go(const struct lane *l, uint64_t now_us);
void client_lane_send(struct lane *l); /* its first job */
void client_on_lane_timer(int fd, short what, void *arg);
void client_on_hold_timer(int fd, short what, void *arg);
/* The token is not good any more. */
void client_session_lost(struct client *c);
int client_session_init(struct client *c);
const char *client_json_string(const cJSON *object, const char *key);

#endif
