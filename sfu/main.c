/*
 * hearth: the composition root. Reads the configuration, makes the log, the
 * loop, the HTTP face, the forwarding unit and the fronts, and takes them apart
 * again. The one file that may include from every floor.
 *
 * Exit codes: 0 fine; 1 it could not run or a check failed; 2 wrong usage; 3
 * the homeserver refused the login; 78 (EX_CONFIG) the configuration is wrong.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "http/http.h"
#include "matrix-bot/bot.h"
#include "sfu/check.h"
#include "sfu/config.h"
#include "sfu/log.h"
#include "sfu/notify.h"
#include "sfu/sfu.h"
#include "sfu/worker.h"

enum { EXIT_OK = 0, EXIT_RUNTIME = 1, EXIT_USAGE = 2, EXIT_CONFIG = 78 };

/* SIGTERM ends within 2 s, or 4 where recordings are made whole: the bot has
 * this long to end them and to hang up its calls (by itself much less) before
 * the transports are closed under it, and all of it this long. */
enum { BOT_STOP_MS = 3300, STOP_MS = 4200, READY_POLL_MS = 100 };

struct hearth {
	struct config config;
	struct event_base *base;
	struct http *http;
	struct sfu *sfu;
	struct bot *bot;
	struct event *signals[3], *bot_timer, *stop_timer, *ready_timer;
	bool stopping, sfu_stopping;
	int code;
};

static struct timeval milliseconds(unsigned ms)
{
	return (struct timeval){ .tv_sec = ms / 1000,
		.tv_usec = (suseconds_t)(ms % 1000) * 1000 };
}

static enum log_level level_of(const char *name)
{
	static const char *const names[] = { [LOG_LVL_ERROR] = "error",
		[LOG_LVL_WARN] = "warn",
		[LOG_LVL_INFO] = "info",
		[LOG_LVL_DEBUG] = "debug" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (name && !strcmp(name, names[i]))
			return (enum log_level)i;
	return LOG_LVL_INFO;
}

/* Ending. */

static void on_all_stopped(void *arg)
{
	struct hearth *h = arg;

	event_base_loopbreak(h->base);
}

static void stop_sfu(struct hearth *h)
{
	if (h->sfu_stopping)
		return;
	h->sfu_stopping = true;
	if (h->sfu)
		sfu_stop(h->sfu, on_all_stopped, h);
	else
		on_all_stopped(h);
}

static void on_bot_stopped(void *arg)
{
	stop_sfu(arg);
}

static void on_bot_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	stop_sfu(arg);
}

static void on_stop_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	on_all_stopped(arg);
}

static void stop(struct hearth *h, int code)
{
	struct timeval bot_tv = milliseconds(BOT_STOP_MS);
	struct timeval stop_tv = milliseconds(STOP_MS);

	if (h->stopping)
		return;
	h->stopping = true;
	h->code = code;
	notify("STOPPING=1");
	event_add(h->bot_timer, &bot_tv);
	event_add(h->stop_timer, &stop_tv);
	if (h->bot)
		bot_stop(h->bot, on_bot_stopped, h);
	else
		stop_sfu(h);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct hearth *h = arg;

	(void)what;
	if (h->stopping) {
		log_warn("stopped_at_once", "signal=%d", (int)number);
		event_base_loopbreak(h->base);
		return;
	}
	log_info("stopping", "signal=%d", (int)number);
	stop(h, EXIT_OK);
}

/* SIGUSR1: everything into the log, and back. */
static void on_usr1(evutil_socket_t number, short what, void *arg)
{
	struct hearth *h = arg;
	enum log_level level = log_on(LOG_LVL_DEBUG)
				       ? level_of(h->config.log.level)
				       : LOG_LVL_DEBUG;

	(void)number;
	(void)what;
	log_init(level, h->config.log.pii, "control");
	if (h->sfu)
		sfu_log_level(h->sfu, level);
	log_info("log_level", "debug=%d", level == LOG_LVL_DEBUG);
}

static void on_bot_exit(void *arg, int code)
{
	stop(arg, code);
}

static void on_sfu_failed(void *arg, const char *text)
{
	fprintf(stderr, "hearth: %s\n", text);
	stop(arg, EXIT_RUNTIME);
}

/* HTTP. */

static void on_healthz(
	void *arg, const struct http_request *req, struct http_reply *reply)
{
	(void)arg;
	(void)req;
	reply->content_type = "text/plain; charset=utf-8";
	evbuffer_add_printf(reply->body, "ok\n");
}

static void on_readyz(
	void *arg, const struct http_request *req, struct http_reply *reply)
{
	const struct hearth *h = arg;
	bool media = sfu_ready(h->sfu), matrix = h->bot && bot_ready(h->bot);

	(void)req;
	reply->content_type = "text/plain; charset=utf-8";
	reply->status = media && matrix && !h->stopping ? 200 : 503;
	evbuffer_add_printf(reply->body, "media: %s\nmatrix: %s\n",
		media ? "ready" : "not ready", matrix ? "ready" : "not ready");
}

static void on_metrics(
	void *arg, const struct http_request *req, struct http_reply *reply)
{
	const struct hearth *h = arg;

	(void)req;
	reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
	evbuffer_add_printf(reply->body,
		"# HELP hearth_build_info The version that runs.\n"
		"# TYPE hearth_build_info gauge\n"
		"hearth_build_info{version=\"%s\"} 1\n",
		HEARTH_VERSION);
	sfu_metrics(h->sfu, reply->body);
	if (h->bot)
		bot_metrics(h->bot, reply->body);
}

static void explain_http(const struct config *c, int err)
{
	if (err == -ENOENT || err == -ENOTDIR)
		fprintf(stderr,
			"hearth: http.web_root: %s: %s; build the web client "
			"there, or set it to \"\" to serve none\n",
			c->http.web_root, strerror(-err));
	else
		fprintf(stderr,
			"hearth: http.port: cannot use TCP port %u on %s (%s); "
			"stop the program that holds it or choose another "
			"http.port or http.listen\n",
			c->http.port, c->http.listen, strerror(-err));
}

static int open_http(struct hearth *h)
{
	const char *root = h->config.http.web_root;
	int err = http_new(&h->http, h->base, h->config.http.listen,
		h->config.http.port, root && *root ? root : NULL);

	if (err) {
		explain_http(&h->config, err);
		return err;
	}
	err = http_route(h->http, "/healthz", false, on_healthz, h);
	if (!err)
		err = http_route(h->http, "/readyz", false, on_readyz, h);
	if (!err)
		err = http_route(h->http, "/metrics", false, on_metrics, h);
	return err;
}

/* Beginning. */

static void raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static void on_ready_timer(evutil_socket_t fd, short what, void *arg)
{
	struct hearth *h = arg;

	(void)fd;
	(void)what;
	if (!sfu_ready(h->sfu))
		return;
	event_del(h->ready_timer);
	notify("READY=1");
	log_info("ready", "version=%s http_port=%u media_port=%u workers=%u",
		HEARTH_VERSION, http_port(h->http), h->config.media.port,
		h->config.media.workers);
}

static int open_loop(struct hearth *h)
{
	static const struct {
		int number;
		event_callback_fn handler;
	} signals[] = { { SIGTERM, on_signal }, { SIGINT, on_signal },
		{ SIGUSR1, on_usr1 } };
	struct timeval poll = milliseconds(READY_POLL_MS);

	signal(SIGPIPE, SIG_IGN);
	h->base = event_base_new();
	if (!h->base ||
		event_base_priority_init(h->base, WORKER_PRIORITIES) != 0)
		return -ENOMEM;
	h->bot_timer = evtimer_new(h->base, on_bot_timer, h);
	h->stop_timer = evtimer_new(h->base, on_stop_timer, h);
	h->ready_timer = event_new(h->base, -1, EV_PERSIST, on_ready_timer, h);
	if (!h->bot_timer || !h->stop_timer || !h->ready_timer)
		return -ENOMEM;
	for (unsigned i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		h->signals[i] = evsignal_new(
			h->base, signals[i].number, signals[i].handler, h);
		if (!h->signals[i] || event_add(h->signals[i], NULL) != 0)
			return -ENOMEM;
	}
	return event_add(h->ready_timer, &poll) ? -ENOMEM : 0;
}

/* What a restart does not help is for people: EXIT_CONFIG. */
static int open_bot(struct hearth *h)
{
	char error[BOT_ERROR_MAX];
	int err = bot_new(&h->bot, h->base, h->sfu, &h->config, h->http,
		on_bot_exit, h, error);

	if (!err)
		return EXIT_OK;
	fprintf(stderr, "hearth: %s%s\n",
		*error ? "" : "cannot start the Matrix bot: ",
		*error ? error : strerror(-err));
	return *error && err != -EADDRINUSE ? EXIT_CONFIG : EXIT_RUNTIME;
}

static int open_parts(struct hearth *h)
{
	int err = open_loop(h);

	if (!err)
		err = sfu_new(&h->sfu, h->base, &h->config, on_sfu_failed, h);
	if (err) {
		fprintf(stderr, "hearth: cannot start: %s\n", strerror(-err));
		return EXIT_RUNTIME;
	}
	if (open_http(h))
		return EXIT_RUNTIME;
	return open_bot(h);
}

static void close_parts(struct hearth *h)
{
	struct event *events[] = { h->signals[0], h->signals[1], h->signals[2],
		h->bot_timer, h->stop_timer, h->ready_timer };

	h->bot = bot_free(h->bot);
	h->sfu = sfu_free(h->sfu);
	h->http = http_free(h->http);
	for (unsigned i = 0; i < sizeof(events) / sizeof(*events); i++)
		if (events[i])
			event_free(events[i]);
	if (h->base)
		event_base_free(h->base);
}

static int run(struct hearth *h)
{
	int code;

	raise_file_limit();
	log_init(level_of(h->config.log.level), h->config.log.pii, "control");
	code = open_parts(h);
	if (code == EXIT_OK) {
		event_base_dispatch(h->base);
		code = h->code;
		log_info("stopped", "code=%d", code);
	}
	close_parts(h);
	return code;
}

/* The command line. */

enum verb { RUN, CHECK, CHECK_CONFIG };

static void print_usage(FILE *f)
{
	fputs("usage: hearth --config FILE          run\n"
	      "       hearth check --config FILE    is everything right?\n"
	      "       hearth --check-config --config FILE\n"
	      "       hearth --help-config          every key, its default, "
	      "its range\n"
	      "       hearth --version | --help\n"
	      "\n"
	      "SIGTERM, SIGINT: hang up and end; a second one: at once\n"
	      "SIGUSR1: log everything, and back\n"
	      "exit codes: 0 fine, 1 could not run or a check failed, 2 "
	      "usage,\n"
	      "            3 login refused, 78 configuration wrong\n",
		f);
}

static int with_config(enum verb verb, const char *path)
{
	static struct hearth h;
	char error[CONFIG_ERROR_MAX];
	int code = EXIT_OK;

	if (config_load(path, &h.config, error) != 0) {
		fprintf(stderr, "hearth: %s\n", error);
		return EXIT_CONFIG;
	}
	if (verb == RUN) {
		code = run(&h);
	} else if (verb == CHECK_CONFIG) {
		printf("ok       %s\n", path);
	} else {
		int wrong;

		printf("ok       %s can be read and understood\n", path);
		wrong = check_machine(&h.config);
		fflush(stdout);
		wrong += bot_check(&h.config);
		code = wrong ? EXIT_RUNTIME : EXIT_OK;
	}
	config_done(&h.config);
	return code;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'k' },
		{ "help-config", no_argument, NULL, 'K' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "worker", required_argument, NULL, 'w' }, /* internal */
		{ NULL, 0, NULL, 0 },
	};
	enum verb verb = RUN;
	const char *path = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "c:vh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			verb = CHECK_CONFIG;
			break;
		case 'K':
			config_help();
			return EXIT_OK;
		case 'v':
			puts("hearth " HEARTH_VERSION);
			return EXIT_OK;
		case 'h':
			print_usage(stdout);
			return EXIT_OK;
		case 'w':
			return worker_main();
		default:
			print_usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc && !strcmp(argv[optind], "check")) {
		verb = CHECK;
		optind++;
	}
	if (optind < argc || !path) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	return with_config(verb, path);
}
