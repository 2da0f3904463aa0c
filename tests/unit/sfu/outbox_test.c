#include "tests/sim/cmocka_sim.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include "sfu/outbox.h"

struct sink {
	unsigned flushes, packets;
};

static void on_flush(struct outbox *o)
{
	struct sink *sink = o->owner;
	sink->flushes++;
	sink->packets += o->n;
	o->n = 0;
}

static const struct sockaddr_in somewhere = { .sin_family = AF_INET,
	.sin_port = 0x1234 };

static struct packet *add(struct outbox *o)
{
	return outbox_add(o, (const struct sockaddr *)&somewhere);
}

static void rtp(struct packet *p, struct crypt *key, uint16_t seq)
{
	const struct rtp_header h = { .pt = 96, .seq = seq, .ssrc = 7 };
	size_t n = rtp_write_header(p->data, &h);
	memset(p->data + n, seq, 100);
	p->len = (uint16_t)(n + 100);
	p->key = key;
}

static struct crypt *make_key(bool client)
{
	uint8_t keys[CRYPT_KEYS_LEN];
	struct crypt *c;
	for (unsigned i = 0; i < sizeof(keys); i++)
		keys[i] = (uint8_t)i;
	assert_int_equal(crypt_global_init(), 0);
	assert_int_equal(crypt_new(&c, keys, client), 0);
	return c;
}

static void a_slot_is_fresh(void **state)
{
	(void)state;
	struct sink sink = { 0 };
	struct outbox o;
	assert_int_equal(outbox_init(&o, on_flush, &sink), 0);
	for (unsigned round = 0; round < 2; round++) {
		struct packet *p = add(&o);
		assert_ptr_equal(p, &o.v[0]);
		assert_null(p->key);
		assert_false(p->rtcp);
		assert_int_equal(p->len, 0);
		assert_memory_equal(
			outbox_to(&o, p), &somewhere, sizeof(somewhere));
		/* What the next one must not inherit. */
		p->key = (struct crypt *)&sink;
		p->rtcp = true;
		p->len = 99;
		o.n = 0;
	}
	outbox_done(&o);
	assert_int_equal(o.n, 0);
}

static void an_address_keeps_its_family(void **state)
{
	(void)state;
	struct sink sink = { 0 };
	struct outbox o;
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = 9 };
	assert_int_equal(outbox_init(&o, on_flush, &sink), 0);
	six.sin6_addr.s6_addr[15] = 1;
	struct packet *p = outbox_add(&o, (struct sockaddr *)&six);
	assert_memory_equal(outbox_to(&o, p), &six, sizeof(six));
	outbox_done(&o);
}

static void a_full_one_is_flushed(void **state)
{
	(void)state;
	struct sink sink = { 0 };
	struct outbox o;
	assert_int_equal(outbox_init(&o, on_flush, &sink), 0);
	for (unsigned i = 0; i < OUTBOX_PACKETS; i++)
		add(&o);
	assert_int_equal(sink.flushes, 0);
	add(&o);
	assert_int_equal(sink.flushes, 1);
	assert_int_equal(sink.packets, OUTBOX_PACKETS);
	assert_int_equal(o.n, 1);
	outbox_done(&o);
}

static void sealing_takes_what_has_a_key_once(void **state)
{
	(void)state;
	struct sink sink = { 0 };
	struct outbox o;
	struct crypt *ours = make_key(true), *theirs = make_key(false);
	assert_int_equal(outbox_init(&o, on_flush, &sink), 0);
	struct packet *plain = add(&o), *sealed = add(&o), *empty = add(&o),
		      *bad = add(&o);
	memcpy(plain->data, "hello", 5);
	plain->len = 5;
	rtp(sealed, ours, 1);
	empty->key = ours;
	bad->key = ours; /* no RTP at all */
	bad->len = 5;
	memset(bad->data, 0, 5);
	size_t clear_len = sealed->len;
	outbox_seal(&o);
	outbox_seal(&o);
	assert_int_equal(plain->len, 5);
	assert_memory_equal(plain->data, "hello", 5);
	assert_int_equal(empty->len, 0);
	assert_int_equal(bad->len, 0);
	assert_int_equal(o.unsealed, 1);
	assert_null(sealed->key);
	size_t len = sealed->len;
	assert_true(len > clear_len);
	assert_int_equal(crypt_open_rtp(theirs, sealed->data, &len), CRYPT_OK);
	assert_int_equal(len, clear_len);
	outbox_done(&o);
	crypt_free(ours);
	crypt_free(theirs);
}

/* Header in the slot, 100 bytes of payload elsewhere. */
static void lend(struct outbox *o, struct crypt *key, uint16_t seq,
	const uint8_t *payload)
{
	const struct rtp_header h = { .pt = 96, .seq = seq, .ssrc = 7 };
	struct packet *p = add(o);
	size_t n = rtp_write_header(p->data, &h);
	p->key = key;
	p->len = (uint16_t)(n + 100);
	assert_true(outbox_lend(o, p, n, payload));
}

static void opens_as(struct packet *p, struct crypt *theirs, uint8_t byte)
{
	size_t len = p->len;
	assert_int_equal(crypt_open_rtp(theirs, p->data, &len), CRYPT_OK);
	assert_int_equal(len, RTP_HEADER_LEN + 100);
	for (size_t i = RTP_HEADER_LEN; i < len; i++)
		assert_int_equal(p->data[i], byte);
}

/* few: they go on waiting; many: they are sealed by then. */
static void what_was_lent_may_change(void **state)
{
	(void)state;
	for (unsigned many = 0; many < 2; many++) {
		struct sink sink = { 0 };
		struct outbox o;
		uint8_t payload[100];
		unsigned n = many ? 40 : 3;
		struct crypt *ours = make_key(true), *theirs = make_key(false);
		assert_int_equal(outbox_init(&o, on_flush, &sink), 0);
		rtp(add(&o), ours, 0);
		memset(payload, 0x33, sizeof(payload));
		for (uint16_t i = 1; i <= n; i++)
			lend(&o, ours, i, payload);
		outbox_settle(&o);
		memset(payload, 0x44, sizeof(payload));
		assert_int_equal(o.v[1].key == NULL, many);
		outbox_seal(&o);
		opens_as(&o.v[0], theirs, 0);
		for (unsigned i = 1; i <= n; i++)
			opens_as(&o.v[i], theirs, 0x33);
		outbox_done(&o);
		crypt_free(ours);
		crypt_free(theirs);
	}
}

static void what_gets_no_seal_takes_no_loan(void **state)
{
	(void)state;
	struct sink sink = { 0 };
	struct outbox o;
	uint8_t payload[100] = { 0 };
	assert_int_equal(outbox_init(&o, on_flush, &sink), 0);
	struct packet *p = outbox_add_plug(&o, 5);
	assert_false(outbox_lend(&o, p, RTP_HEADER_LEN, payload));
	assert_null(p->payload);
	assert_int_equal(o.lent, 0);
	outbox_done(&o);
}

static void a_key_that_goes_is_used_first(void **state)
{
	(void)state;
	struct sink sink = { 0 };
	struct outbox o;
	struct crypt *a = make_key(true), *b = make_key(true);
	assert_int_equal(outbox_init(&o, on_flush, &sink), 0);
	rtp(add(&o), a, 1);
	outbox_release(&o, b);
	outbox_release(&o, NULL);
	assert_ptr_equal(o.v[0].key, a);
	outbox_release(&o, a);
	assert_null(o.v[0].key);
	crypt_free(a);
	outbox_seal(&o); /* must not touch the freed one */
	assert_int_equal(o.unsealed, 0);
	assert_true(o.v[0].len > 112);
	outbox_done(&o);
	crypt_free(b);
}

/* GStreamer's payloaders fill 1400 bytes. */
_Static_assert(OUTBOX_SLOT - CRYPT_TRAILER - RTP_HEADER_MAX >= 1400, "slot");

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slot_is_fresh),
		cmocka_unit_test(an_address_keeps_its_family),
		cmocka_unit_test(a_full_one_is_flushed),
		cmocka_unit_test(sealing_takes_what_has_a_key_once),
		cmocka_unit_test(what_was_lent_may_change),
		cmocka_unit_test(what_gets_no_seal_takes_no_loan),
		cmocka_unit_test(a_key_that_goes_is_used_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
