/* Events in, actions out: each row is a whole small call. */
#include "test.h"
#include <stdio.h>
#include "matrix-bot/call.h"

#define SECOND 1000000ull
#define OURS   "hearth1"

static const char *const act_names[] = {
	[CALL_JOIN] = "join",
	[CALL_OFFER] = "offer",
	[CALL_ANSWER] = "answer",
	[CALL_CANDIDATE] = "cand",
	[CALL_LEAVE] = "leave",
	[CALL_SEND_ANSWER] = "send_answer",
	[CALL_SEND_OFFER] = "send_offer",
	[CALL_SEND_NEGOTIATED] = "send_negotiated",
	[CALL_SEND_HANGUP] = "send_hangup",
	[CALL_SEND_REJECT] = "send_reject",
	[CALL_SEND_METADATA] = "send_metadata",
	[CALL_SEND_ROSTER] = "send_roster",
	[CALL_SEND_SPEAKER] = "send_speaker",
	[CALL_SEND_ERROR] = "send_error",
	[CALL_SEND_PING] = "ping",
	[CALL_PUBLISHED] = "published",
	[CALL_ARRIVED] = "arrived",
	[CALL_GONE] = "gone",
	[CALL_DROPPED] = "dropped",
};

/* "join cand=x send_hangup=reason dropped=expired" */
static void print(const struct call_actions *a, char *ret, size_t cap)
{
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < a->n; i++) {
		const char *text = a->v[i].act == CALL_DROPPED
					   ? call_drop_text(a->v[i].drop)
					   : a->v[i].text;

		n += (size_t)snprintf(ret + n, cap - n, "%s%s%s%s",
			i ? " " : "", act_names[a->v[i].act], text ? "=" : "",
			text ? text : "");
	}
}

static void expect(
	const char *row, const struct call_actions *a, const char *want)
{
	char got[1024];

	print(a, got, sizeof(got));
	if (strcmp(got, want) != 0)
		fail_msg("%s: got \"%s\", want \"%s\"", row, got, want);
}

enum kind { V1, V1_PLAIN, V0, DEVICE };

static struct call_event make(enum kind k, enum event_type type)
{
	struct call_event e = { .type = type,
		.version = k != V0,
		.lifetime_ms = 60000,
		.to_device = k == DEVICE };

	strcpy(e.sender, "@a:s");
	strcpy(e.room_id, "!r:s");
	strcpy(e.call_id, "c");
	if (k != V0)
		strcpy(e.party_id, "P");
	if (k == DEVICE) {
		strcpy(e.device_id, "D");
		strcpy(e.conf_id, "!r:s");
		strcpy(e.sender_session_id, "S");
	}
	e.has_metadata = k == V1 || k == DEVICE;
	e.sdp = "sdp";
	e.sdp_offer = true;
	return e;
}

static void start(struct call *c, enum kind k)
{
	struct call_event e = make(k, EVENT_INVITE);

	assert_int_equal(call_init(c, &e, "!r:s", 0), 0);
}

static void sfu(struct call *c, enum sfu_event_type type, const char *want)
{
	struct sfu_event ev = { .type = type,
		.sdp = "bot",
		.text = "no",
		.reason = SFU_ICE_TIMEOUT };
	struct call_actions a;

	call_sfu(c, 0, &ev, &a);
	expect("sfu", &a, want);
}

/* As far as UP. */
static void bring_up(struct call *c, enum kind k)
{
	struct call_actions a;

	start(c, k);
	call_settle(c, SECOND, &a);
	expect("settle", &a, "join=sdp arrived");
	c->sfu = 7;
	sfu(c, SFU_EV_ANSWER, "send_answer=bot");
	sfu(c, SFU_EV_CONNECTED, "");
	assert_int_equal(c->state, CALL_UP);
}

struct row {
	const char *what;
	enum kind kind;
	enum event_type type;
	const char *party, *device, *selected;
	bool offer;
	const char *want;
};

/* What one event does to a call that is up. */
static const struct row rows[] = {
	{ "hangup", V1, EVENT_HANGUP, "P", "", "", false, "leave gone" },
	{ "reject", V1, EVENT_REJECT, "P", "", "", false, "leave gone" },
	{ "hangup of another party", V1, EVENT_HANGUP, "Q", "", "", false,
		"dropped=wrong_party" },
	{ "v0 hangup", V0, EVENT_HANGUP, "", "", "", false, "leave gone" },
	{ "negotiate offer", V1, EVENT_NEGOTIATE, "P", "", "", true,
		"published offer=sdp" },
	{ "negotiate answer", V1, EVENT_NEGOTIATE, "P", "", "", false,
		"published answer=sdp" },
	{ "negotiate of another party", V1, EVENT_NEGOTIATE, "Q", "", "", true,
		"dropped=wrong_party" },
	{ "negotiate without metadata", V1_PLAIN, EVENT_NEGOTIATE, "P", "", "",
		true, "offer=sdp" },
	{ "metadata", V1, EVENT_METADATA, "P", "", "", false, "published" },
	{ "select us", V1, EVENT_SELECT_ANSWER, "P", "", OURS, false, "" },
	{ "select another", V1, EVENT_SELECT_ANSWER, "P", "", "other", false,
		"leave gone" },
	{ "invite again", V1, EVENT_INVITE, "P", "", "", true,
		"dropped=repeated" },
	{ "to-device hangup", DEVICE, EVENT_HANGUP, "P", "D", "", false,
		"leave gone" },
	{ "hangup of another device", DEVICE, EVENT_HANGUP, "P", "E", "", false,
		"dropped=wrong_party" },
	{ "candidates", V1, EVENT_CANDIDATES, "P", "", "", false,
		"cand=one cand=" },
};

static void events(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		struct call_event e = make(r->kind, r->type);
		struct call_actions a;
		struct call c;

		bring_up(&c, r->kind);
		strcpy(e.party_id, r->party);
		strcpy(e.device_id, r->device);
		strcpy(e.selected_party_id, r->selected);
		e.sdp_offer = r->offer;
		e.candidates[0] = "one";
		e.candidates[1] = "";
		e.n_candidates = r->type == EVENT_CANDIDATES ? 2 : 0;
		call_input(&c, &e, OURS, &a);
		expect(r->what, &a, r->want);
		call_done(&c);
	}
}

static void candidates_before_settle(void **state)
{
	struct call_event e = make(V1, EVENT_CANDIDATES);
	struct call_actions a;
	struct call c;

	(void)state;
	start(&c, V1);
	e.candidates[0] = "one";
	e.n_candidates = 1;
	for (int i = 0; i < 100; i++) {
		call_input(&c, &e, OURS, &a);
		expect("pending", &a, "");
	}
	assert_int_equal(c.n_candidates, CALL_PENDING_CANDIDATES_MAX);
	while (c.n_candidates > 2)
		free(c.candidates[--c.n_candidates]);
	call_settle(&c, SECOND, &a);
	expect("settle", &a, "join=sdp cand=one cand=one arrived");
	call_done(&c);
}

static void hangup_in_the_same_sync(void **state)
{
	struct call_event e = make(V1, EVENT_HANGUP);
	struct call_actions a;
	struct call c;

	(void)state;
	start(&c, V1);
	call_input(&c, &e, OURS, &a);
	expect("hangup", &a, "");
	call_settle(&c, SECOND, &a);
	expect("settle", &a, "");
	assert_int_equal(c.state, CALL_ENDED);
	call_done(&c);
}

static void lifetimes(void **state)
{
	static const struct {
		uint64_t age_ms, after_us;
		const char *want;
	} v[] = {
		{ 0, SECOND, "join=sdp arrived" },
		{ 56000, SECOND / 2, "join=sdp arrived" },
		{ 58000, 0, "dropped=expired" },
		{ 0, 58 * SECOND, "dropped=expired" },
		{ 700000, 0, "dropped=expired" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct call_event e = make(V1, EVENT_INVITE);
		struct call_actions a;
		struct call c;

		e.age_ms = v[i].age_ms;
		call_init(&c, &e, "!r:s", SECOND);
		call_settle(&c, SECOND + v[i].after_us, &a);
		expect("lifetime", &a, v[i].want);
		call_done(&c);
	}
}

static void refusals(void **state)
{
	static const struct {
		enum kind kind;
		const char *want;
	} v[] = { { V1, "send_reject=user_busy" },
		{ V0, "send_hangup=user_busy" },
		{ DEVICE, "send_reject=user_busy" } };

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct call_actions a = { .n = 0 };
		struct call c;

		start(&c, v[i].kind);
		call_refuse(&c, &a);
		expect("refuse", &a, v[i].want);
		call_done(&c);
	}
}

static void no_metadata_no_negotiate(void **state)
{
	struct call c;

	(void)state;
	bring_up(&c, V1_PLAIN);
	assert_false(c.renegotiate);
	sfu(&c, SFU_EV_OFFER, "");
	call_done(&c);
	bring_up(&c, V0);
	assert_false(c.renegotiate);
	sfu(&c, SFU_EV_OFFER, "");
	/* No party to name it by: the call does. */
	assert_string_equal(c.label, "@a:s c");
	call_done(&c);
}

static void sfu_events(void **state)
{
	struct call c;

	(void)state;
	bring_up(&c, DEVICE);
	assert_string_equal(c.label, "@a:s D");
	sfu(&c, SFU_EV_OFFER, "send_offer=bot");
	sfu(&c, SFU_EV_ANSWER, "send_negotiated=bot");
	sfu(&c, SFU_EV_REFUSED, "send_error=no");
	sfu(&c, SFU_EV_SPEAKER, "send_speaker");
	sfu(&c, SFU_EV_CHANNEL, "send_roster send_metadata");
	assert_true(c.control);
	sfu(&c, SFU_EV_CHANNEL_CLOSED, "");
	assert_false(c.control);
	sfu(&c, SFU_EV_LEFT, "send_hangup=ice_timeout gone");
	sfu(&c, SFU_EV_OFFER, "");
	call_done(&c);
}

static void left_reasons(void **state)
{
	static const struct {
		enum sfu_reason reason;
		const char *want;
	} v[] = {
		{ SFU_ICE_FAILED, "send_hangup=ice_failed gone" },
		{ SFU_ICE_TIMEOUT, "send_hangup=ice_timeout gone" },
		{ SFU_REFUSED, "send_hangup=user_media_failed gone" },
		{ SFU_FULL, "send_hangup=user_busy gone" },
		{ SFU_CLOSED, "send_hangup=user_hangup gone" },
		{ SFU_BY_COMMAND, "send_hangup=user_hangup gone" },
		{ SFU_WORKER_DIED, "send_hangup=unknown_error gone" },
		{ SFU_DTLS_FAILED, "send_hangup=unknown_error gone" },
		{ SFU_UNANSWERED, "send_hangup=unknown_error gone" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(v); i++) {
		struct sfu_event ev = { .type = SFU_EV_LEFT,
			.reason = v[i].reason };
		struct call_actions a;
		struct call c;

		bring_up(&c, V1);
		call_sfu(&c, 0, &ev, &a);
		expect("left", &a, v[i].want);
		call_done(&c);
	}
}

static void pings(void **state)
{
	struct call_event pong = { .type = EVENT_PONG };
	struct call_actions a;
	struct call c;
	uint64_t t = 0;

	(void)state;
	bring_up(&c, DEVICE);
	call_tick(&c, 100 * SECOND, &a);
	expect("no channel", &a, "");
	sfu(&c, SFU_EV_CHANNEL, "send_roster send_metadata");
	for (int i = 0; i < 5; i++) {
		call_tick(&c, t += 10 * SECOND, &a);
		expect("ping", &a, "ping");
		call_control(&c, &pong, &a);
		expect("pong", &a, "");
	}
	for (int i = 0; i < CALL_PINGS_MAX; i++) {
		call_tick(&c, t += 10 * SECOND, &a);
		expect("unanswered", &a, "ping");
	}
	call_tick(&c, t += 10 * SECOND, &a);
	expect("dead", &a, "send_hangup=ice_timeout leave gone");
	call_done(&c);
}

static void control(void **state)
{
	struct call_event e = make(DEVICE, EVENT_NEGOTIATE);
	struct call_actions a;
	struct call c;

	(void)state;
	bring_up(&c, DEVICE);
	/* No party, no device on the channel. */
	e.party_id[0] = e.device_id[0] = '\0';
	call_control(&c, &e, &a);
	expect("negotiate", &a, "published offer=sdp");
	e.type = EVENT_INVITE;
	call_control(&c, &e, &a);
	expect("invite", &a, "dropped=unknown_call");
	e.type = EVENT_HANGUP;
	call_control(&c, &e, &a);
	expect("hangup", &a, "leave gone");
	call_control(&c, &e, &a);
	expect("ended", &a, "dropped=unknown_call");
	call_done(&c);
}

static void to_device_needs_a_device(void **state)
{
	struct call_event e = make(DEVICE, EVENT_INVITE);
	struct call c;

	(void)state;
	e.device_id[0] = '\0';
	assert_int_not_equal(call_init(&c, &e, "!r:s", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events),
		cmocka_unit_test(candidates_before_settle),
		cmocka_unit_test(hangup_in_the_same_sync),
		cmocka_unit_test(lifetimes),
		cmocka_unit_test(refusals),
		cmocka_unit_test(no_metadata_no_negotiate),
		cmocka_unit_test(sfu_events),
		cmocka_unit_test(left_reasons),
		cmocka_unit_test(pings),
		cmocka_unit_test(control),
		cmocka_unit_test(to_device_needs_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
