#include "sfu/worker_private.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include "dtls/assoc.h"
#include "rtp/crypt.h"
#include "sfu/log.h"

enum { CANDIDATES_EVERY_US = 10000000, LOOP_NICE = -10 };

static const char *const codecs[] = { "opus", "VP8", "VP9", "H264", "AV1",
	NULL };

static const struct udp_path *path_of(void *arg, const struct sockaddr *to)
{
	const struct worker *w = arg;
	const struct demux_address *a = demux_find_address(w->demux, to);

	return a ? &a->path : NULL;
}

static void on_flush(struct outbox *out)
{
	struct worker *w = out->owner;

	/* First: what others forward in turn should be on its way while this
	 * worker seals. */
	if (out->n_plug)
		worker_plug_route(w, out);
	worker_relay_flush(w);
	outbox_seal(out);
	worker_turn_flush(w);
	udp_send(&w->udp, out, path_of, w);
	out->n = out->n_plug = 0;
}

static void on_channels(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;
	struct worker_room *r;

	(void)fd;
	(void)what;
	worker_turn_begin(w);
	assoc_global_tick(w->now_us);
	LIST_FOREACH(r, &w->rooms, next)
	{
		conference_channels(r->conference, w->now_us, &w->outbox);
		worker_room_after(r);
	}
	worker_turn_end(w);
}

static void add_candidate(struct worker *w, const struct sockaddr_storage *a)
{
	unsigned n = w->env.n_candidates;

	if (n == ENV_CANDIDATES ||
		candidate_print((const struct sockaddr *)a, n, w->candidate[n],
			sizeof(w->candidate[n])) < 0)
		return;
	w->env.candidate[n] = w->candidate[n];
	w->env.n_candidates++;
}

static int list_candidates(struct worker *w, char error[UDP_ERROR_MAX])
{
	const struct worker_options *o = &w->options;
	struct sockaddr_storage own[UDP_ADDRESSES];
	unsigned n = 0, port = udp_port(&w->udp, 0);

	for (unsigned i = 0; i < o->n_advertise; i++) {
		struct sockaddr_storage a;

		if (udp_address_parse(o->advertise[i], port, &a)) {
			snprintf(error, UDP_ERROR_MAX,
				"media.advertise: %.64s is not an IP address",
				o->advertise[i]);
			return -EINVAL;
		}
		add_candidate(w, &a);
	}
	if (!o->n_advertise)
		n = udp_addresses(&w->udp, own);
	for (unsigned i = 0; i < n; i++)
		add_candidate(w, &own[i]);
	if (w->env.n_candidates)
		return 0;
	snprintf(error, UDP_ERROR_MAX,
		"media.advertise: this machine has no address that peers "
		"could be told; write one there");
	return -EADDRNOTAVAIL;
}

void worker_refresh_candidates(struct worker *w)
{
	char unused[UDP_ERROR_MAX];
	unsigned before = w->env.n_candidates;

	if (w->options.n_advertise ||
		w->now_us - w->listed_us < CANDIDATES_EVERY_US)
		return;
	w->listed_us = w->now_us;
	w->env.n_candidates = 0;
	/* Without any address at the moment: the lines still stand there. */
	if (list_candidates(w, unused) != 0)
		w->env.n_candidates = before;
}

static int open_sockets(struct worker *w, char error[UDP_ERROR_MAX])
{
	const struct worker_options *o = &w->options;
	const char *listen[WIRE_LIST];
	int err;

	for (unsigned i = 0; i < o->n_listen; i++)
		listen[i] = o->listen[i];
	err = udp_init(&w->udp, listen, o->n_listen, o->port, error);
	return err ? err : list_candidates(w, error);
}

static int make_engines(struct worker *w)
{
	uint8_t key[DEMUX_KEY];

	if (crypt_global_init() != 0 || assoc_global_init() != 0)
		return -ENOMEM;
	w->env.cert = cert_new((uint64_t)time(NULL));
	w->env.ice = ice_engine_new();
	if (!w->env.cert || !w->env.ice ||
		cert_random(w->env.cert, key, sizeof(key)) != 0)
		return -ENOMEM;
	w->demux = demux_new(key, WORKER_BUCKETS);
	w->channels = event_new(w->base, -1, EV_PERSIST, on_channels, w);
	if (!w->demux || !w->channels)
		return -ENOMEM;
	w->env.limits = w->options.limits;
	w->env.codecs = codecs;
	return outbox_init(&w->outbox, on_flush, w);
}

static void say_hello(struct worker *w)
{
	struct wire_message m = { .type = WIRE_HELLO };
	char text[WIRE_TEXT_MAX];

	snprintf(text, sizeof(text), "%u", udp_port(&w->udp, 0));
	m.u.text.v = text;
	worker_tell(w, &m);
	log_info("worker_ready", "index=%u port=%s sockets=%u candidates=%u",
		w->options.index, text, w->udp.n, w->env.n_candidates);
}

/* Media cannot wait while others compute: what a loop needs is little, but at
 * once. Where it is not allowed (LimitNICE= of a unit does), or somebody chose
 * another, it stays as it is. Of the calling thread alone, on Linux. */
static void go_before_others(void)
{
	if (getpriority(PRIO_PROCESS, 0) == 0)
		setpriority(PRIO_PROCESS, 0, LOOP_NICE);
}

void worker_start(struct worker *w, const struct worker_options *o)
{
	char error[UDP_ERROR_MAX] = "out of memory or entropy";
	struct wire_message sorry = { .type = WIRE_SORRY };

	if (w->started)
		return;
	w->options = *o;
	if (w->own_process) {
		snprintf(w->source, sizeof(w->source), "worker=%u", o->index);
		log_init((enum log_level)o->log_level, o->pii, w->source);
		/* Before its thread is made, which is nicer than the loop by
		 * so much, not than others. */
		go_before_others();
	}
	if (open_sockets(w, error) == 0 && make_engines(w) == 0 &&
		worker_input_init(w) == 0) {
		w->started = true;
		/* A worker process starts no programs. */
		if (w->own_process)
			helper_prefer_caller();
		say_hello(w);
		return;
	}
	sorry.u.text.v = error;
	worker_tell(w, &sorry);
}
