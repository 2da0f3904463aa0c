/* What the linker puts around functions of the worker's: see inside.h. */
#include "bench/inside.h"
#include "rtp/crypt.h"
#include "sfu/outbox.h"
#include "sfu/udp.h"
#include "sfu/worker_private.h"

/* The linker's names for what it wrapped and for what takes its place. */
#define REAL(name) __real_##name
#define WRAP(name) __wrap_##name

unsigned REAL(udp_receive)(
	struct udp *u, unsigned index, const struct udp_datagram **ret);
unsigned WRAP(udp_receive)(
	struct udp *u, unsigned index, const struct udp_datagram **ret);
void REAL(crypt_open_batch)(struct crypt_open *v, unsigned n);
void WRAP(crypt_open_batch)(struct crypt_open *v, unsigned n);
void REAL(outbox_seal)(struct outbox *o);
void WRAP(outbox_seal)(struct outbox *o);
void REAL(outbox_settle)(struct outbox *o);
void WRAP(outbox_settle)(struct outbox *o);
void REAL(udp_send)(
	struct udp *u, const struct outbox *out, udp_path_h *path, void *arg);
void WRAP(udp_send)(
	struct udp *u, const struct outbox *out, udp_path_h *path, void *arg);
void REAL(worker_turn_begin)(struct worker *w);
void WRAP(worker_turn_begin)(struct worker *w);
void REAL(worker_turn_end)(struct worker *w);
void WRAP(worker_turn_end)(struct worker *w);

unsigned WRAP(udp_receive)(
	struct udp *u, unsigned index, const struct udp_datagram **ret)
{
	enum inside_phase was = inside_enter(INSIDE_RECEIVE);
	unsigned n = REAL(udp_receive)(u, index, ret);

	inside_enter(was);
	return n;
}

void WRAP(crypt_open_batch)(struct crypt_open *v, unsigned n)
{
	enum inside_phase was = inside_enter(INSIDE_OPEN);

	REAL(crypt_open_batch)(v, n);
	inside_enter(was);
}

void WRAP(outbox_seal)(struct outbox *o)
{
	enum inside_phase was = inside_enter(INSIDE_SEAL);

	REAL(outbox_seal)(o);
	inside_enter(was);
}

/* It seals by itself. */
void WRAP(outbox_settle)(struct outbox *o)
{
	enum inside_phase was = inside_enter(INSIDE_SEAL);

	REAL(outbox_settle)(o);
	inside_enter(was);
}

void WRAP(udp_send)(
	struct udp *u, const struct outbox *out, udp_path_h *path, void *arg)
{
	enum inside_phase was = inside_enter(INSIDE_SEND);

	REAL(udp_send)(u, out, path, arg);
	if (inside_page())
		inside_page()->sent = u->stats.out;
	inside_enter(was);
}

/* Turns that a socket or a command began; those of timers stay the rest. */
void WRAP(worker_turn_begin)(struct worker *w)
{
	inside_enter(INSIDE_ROUTE);
	REAL(worker_turn_begin)(w);
}

void WRAP(worker_turn_end)(struct worker *w)
{
	REAL(worker_turn_end)(w);
	inside_enter(INSIDE_REST);
}
