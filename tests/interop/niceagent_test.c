/*
 * libnice's NiceAgent (full ICE, controlling, GLib main loop) against our lite
 * core on a real loopback UDP socket, in one program: it connects, data goes
 * both ways, a restart is survived, and a wrong password gets nowhere.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib-unix.h>
#include <nice/agent.h>

#include "ice/candidate.h"
#include "ice/ice.h"

enum { PATIENCE_MS = 10000, DATA_MAX = 1500 };

struct call {
	GMainContext *context;
	/* theirs */
	NiceAgent *agent;
	guint stream, state;
	gboolean gathered;
	char heard[DATA_MAX]; /* by the agent */
	size_t heard_len;
	/* ours */
	struct ice_engine *engine;
	struct ice ice;
	int fd;
	char candidate[CANDIDATE_LINE_MAX];
	uint8_t got[DATA_MAX]; /* by us, from a proven address */
	size_t got_len;
	unsigned strangers; /* datagrams from elsewhere */
};

static void random_fill(uint8_t random[24])
{
	FILE *f = fopen("/dev/urandom", "r");

	assert_non_null(f);
	assert_int_equal(fread(random, 1, 24, f), 24);
	fclose(f);
}

static gboolean our_socket(gint fd, GIOCondition condition, gpointer arg)
{
	struct sockaddr_storage from_storage;
	struct sockaddr *from = (struct sockaddr *)&from_storage;
	socklen_t from_len = sizeof(from_storage);
	uint8_t buf[DATA_MAX], reply[ICE_REPLY_MAX];
	struct call *call = arg;
	size_t reply_len;
	ssize_t len = recvfrom(fd, buf, sizeof(buf), 0, from, &from_len);

	(void)condition;
	if (len <= 0)
		return G_SOURCE_CONTINUE;
	if (buf[0] < 4) { /* RFC 7983 */
		ice_input(&call->ice, (uint64_t)g_get_monotonic_time(), from,
			buf, (size_t)len, reply, &reply_len);
		if (reply_len)
			sendto(fd, reply, reply_len, 0, from, from_len);
	} else if (ice_known(&call->ice, from)) {
		memcpy(call->got, buf, (size_t)len);
		call->got_len = (size_t)len;
	} else {
		call->strangers++;
	}
	return G_SOURCE_CONTINUE;
}

static void on_gathered(NiceAgent *agent, guint stream, gpointer arg)
{
	struct call *call = arg;

	(void)agent;
	(void)stream;
	call->gathered = TRUE;
}

static void on_state(NiceAgent *agent, guint stream, guint component,
	guint state, gpointer arg)
{
	struct call *call = arg;

	(void)agent;
	(void)stream;
	(void)component;
	call->state = state;
}

static void on_data(NiceAgent *agent, guint stream, guint component, guint len,
	gchar *buf, gpointer arg)
{
	struct call *call = arg;

	(void)agent;
	(void)stream;
	(void)component;
	if (len > sizeof(call->heard))
		return;
	memcpy(call->heard, buf, len);
	call->heard_len = len;
}

/* Runs the loop until the condition holds; fails the test after PATIENCE_MS. */
#define UNTIL(call, condition)                                                 \
	do {                                                                   \
		gint64 end_us = g_get_monotonic_time() + PATIENCE_MS * 1000;   \
		while (!(condition) && g_get_monotonic_time() < end_us) {      \
			g_main_context_iteration((call)->context, FALSE);      \
			g_usleep(500);                                         \
		}                                                              \
		assert_true(condition);                                        \
	} while (0)

static void turn(struct call *call, unsigned ms)
{
	gint64 end_us = g_get_monotonic_time() + ms * 1000;

	while (g_get_monotonic_time() < end_us) {
		g_main_context_iteration(call->context, FALSE);
		g_usleep(500);
	}
}

static void make_ours(struct call *call)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(addr);
	uint8_t random[24];
	GSource *source;

	call->fd =
		socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(call->fd >= 0);
	assert_int_equal(
		bind(call->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	getsockname(call->fd, (struct sockaddr *)&addr, &len);
	assert_true(candidate_print((struct sockaddr *)&addr, 0,
			    call->candidate, sizeof(call->candidate)) > 0);
	random_fill(random);
	call->engine = ice_engine_new();
	assert_non_null(call->engine);
	ice_init(&call->ice, call->engine, random);
	source = g_unix_fd_source_new(call->fd, G_IO_IN);
	g_source_set_callback(source, G_SOURCE_FUNC(our_socket), call, NULL);
	g_source_attach(source, call->context);
	g_source_unref(source);
}

static void make_theirs(struct call *call)
{
	NiceAddress *loopback = nice_address_new();

	call->agent = nice_agent_new(call->context, NICE_COMPATIBILITY_RFC5245);
	g_object_set(call->agent, "controlling-mode", TRUE, "upnp", FALSE,
		"ice-tcp", FALSE, NULL);
	nice_address_set_from_string(loopback, "127.0.0.1");
	nice_agent_add_local_address(call->agent, loopback);
	nice_address_free(loopback);
	g_signal_connect(call->agent, "candidate-gathering-done",
		G_CALLBACK(on_gathered), call);
	g_signal_connect(call->agent, "component-state-changed",
		G_CALLBACK(on_state), call);
	call->stream = nice_agent_add_stream(call->agent, 1);
	assert_true(call->stream > 0);
	nice_agent_attach_recv(
		call->agent, call->stream, 1, call->context, on_data, call);
	assert_true(nice_agent_gather_candidates(call->agent, call->stream));
	UNTIL(call, call->gathered);
}

static int setup(void **state)
{
	static struct call call;

	memset(&call, 0, sizeof(call));
	call.context = g_main_context_new();
	make_ours(&call);
	make_theirs(&call);
	*state = &call;
	return 0;
}

static int teardown(void **state)
{
	struct call *call = *state;

	nice_agent_remove_stream(call->agent, call->stream);
	g_object_unref(call->agent);
	turn(call, 50);
	g_main_context_unref(call->context);
	ice_engine_free(call->engine);
	return close(call->fd);
}

/* What signalling would carry: theirs to us. */
static void tell_us(struct call *call, bool restart)
{
	gchar *ufrag = NULL, *pwd = NULL;
	uint8_t random[24];

	assert_true(nice_agent_get_local_credentials(
		call->agent, call->stream, &ufrag, &pwd));
	random_fill(random);
	if (restart)
		assert_int_equal(
			ice_restart(&call->ice, random, ufrag, pwd), 0);
	else
		assert_int_equal(ice_set_remote(&call->ice, ufrag, pwd), 0);
	g_free(ufrag);
	g_free(pwd);
}

/* Ours to them; they parse the candidate line we print. */
static void tell_them(struct call *call, const char *pwd)
{
	NiceCandidate *candidate;
	GSList *list;
	char line[CANDIDATE_LINE_MAX + 2];

	snprintf(line, sizeof(line), "a=%s", call->candidate);
	candidate = nice_agent_parse_remote_candidate_sdp(
		call->agent, call->stream, line);
	assert_non_null(candidate);
	assert_true(nice_agent_set_remote_credentials(
		call->agent, call->stream, call->ice.local.ufrag, pwd));
	list = g_slist_append(NULL, candidate);
	assert_int_equal(nice_agent_set_remote_candidates(
				 call->agent, call->stream, 1, list),
		1);
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
}

/* Their own candidate lines are what we parse. */
static void read_their_candidates(struct call *call)
{
	GSList *list =
		nice_agent_get_local_candidates(call->agent, call->stream, 1);
	struct candidate parsed;

	assert_non_null(list);
	for (GSList *at = list; at; at = at->next) {
		gchar *line = nice_agent_generate_local_candidate_sdp(
			call->agent, at->data);

		assert_int_equal(candidate_parse(line, &parsed), CANDIDATE_OK);
		g_free(line);
	}
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
}

static void assert_data_both_ways(struct call *call, const char *text)
{
	const struct sockaddr *to = ice_selected(&call->ice);
	size_t len = strlen(text);

	call->got_len = call->heard_len = 0;
	assert_int_equal(
		nice_agent_send(call->agent, call->stream, 1, (guint)len, text),
		len);
	UNTIL(call, call->got_len > 0);
	assert_int_equal(call->got_len, len);
	assert_memory_equal(call->got, text, len);
	assert_non_null(to);
	assert_int_equal(
		sendto(call->fd, text, len, 0, to, ice_addr_len(to)), len);
	UNTIL(call, call->heard_len > 0);
	assert_int_equal(call->heard_len, len);
	assert_memory_equal(call->heard, text, len);
}

static void connect_call(struct call *call)
{
	tell_us(call, false);
	tell_them(call, call->ice.local.pwd);
	UNTIL(call, call->state == NICE_COMPONENT_STATE_READY);
	UNTIL(call, call->ice.state == ICE_NOMINATED);
}

static void test_connects_and_carries(void **state)
{
	struct call *call = *state;

	read_their_candidates(call);
	connect_call(call);
	assert_data_both_ways(call, "first words");
	for (int i = 0; i < 100; i++)
		assert_data_both_ways(call, "and many more of them");
	assert_int_equal(call->strangers, 0);
	for (int i = ICE_DROP_MALFORMED; i < ICE_GOT_MAX; i++)
		assert_true(call->ice.drops[i] == 0);
}

static void test_restart(void **state)
{
	struct call *call = *state;
	struct ice_credentials before;

	connect_call(call);
	assert_data_both_ways(call, "before");
	before = call->ice.local;
	assert_true(nice_agent_restart(call->agent));
	tell_us(call, true);
	assert_string_not_equal(call->ice.local.ufrag, before.ufrag);
	assert_string_equal(call->ice.old_local.ufrag, before.ufrag);
	/* Between the two descriptions what was selected still is. */
	assert_non_null(ice_selected(&call->ice));
	tell_them(call, call->ice.local.pwd);
	UNTIL(call, call->ice.old_local.ufrag[0] == '\0');
	UNTIL(call, call->state == NICE_COMPONENT_STATE_READY);
	assert_int_equal(call->ice.state, ICE_NOMINATED);
	assert_int_equal(call->ice.pair[call->ice.selected].generation, 1);
	assert_data_both_ways(call, "after");
	assert_int_equal(call->strangers, 0);
}

/* Its checks arrive and are dropped; not one address becomes known. */
static void test_wrong_password(void **state)
{
	struct call *call = *state;

	tell_us(call, false);
	tell_them(call, "notthepasswordnotthepass");
	UNTIL(call, call->ice.drops[ICE_DROP_INTEGRITY] >= 3);
	assert_int_equal(call->ice.state, ICE_NEW);
	assert_int_equal(call->ice.n_pairs, 0);
	assert_true(call->state != NICE_COMPONENT_STATE_CONNECTED &&
		    call->state != NICE_COMPONENT_STATE_READY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_connects_and_carries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_wrong_password, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
