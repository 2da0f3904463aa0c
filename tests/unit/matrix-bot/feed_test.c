/* Local programs at the door: who is let in, and what is told of it. */
#include "tape_world.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "matrix-bot/feed.h"

static char path[100], tokens[128], got[4096];

static void write_tokens(const char *text, mode_t mode)
{
	int fd = open(tokens, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void configure(struct world *w)
{
	world_new(w);
	snprintf(path, sizeof(path), "%s/feed.sock", w->dir);
	snprintf(tokens, sizeof(tokens), "%s/tokens", w->dir);
	write_tokens("ears secret listen\nmouth other publish\n"
		     "eyes third listen\n",
		0600);
	w->config.feed.socket = path;
	w->config.feed.tokens_file = tokens;
}

static void in_room(struct world *w)
{
	configure(w);
	world_start(w);
	world_timeline(w, LEVELS THREE);
	fake_wait(w->f, "/sync", 2);
}

static void in_call(struct world *w)
{
	in_room(w);
	world_call_up(w, "@a:s", "c1", true);
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_CHANNEL, .participant = 1 });
}

static void done(struct world *w)
{
	unlink(tokens);
	world_done(w);
	assert_int_equal(access(path, F_OK), -1);
}

static int knock(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(
		send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Everything until the other side closes; closes, too. */
static const char *hear(struct world *w, int fd)
{
	size_t n = 0;

	for (int i = 0; i < 2000; i++) {
		ssize_t r = recv(fd, got + n, sizeof(got) - 1 - n, 0);

		if (r == 0 || (r < 0 && errno != EAGAIN)) {
			got[n] = '\0';
			close(fd);
			return got;
		}
		if (r > 0)
			n += (size_t)r;
		else
			fake_run(w->base, 5);
	}
	fail_msg("never closed");
	return got;
}

/* Asks to be let in; the answer has these words. */
static void ask(
	struct world *w, const char *token, const char *room, const char *words)
{
	char line[256];
	int fd = knock();

	snprintf(line, sizeof(line), "{\"token\":\"%s\",\"room\":\"%s\"}\n",
		token, room);
	say(fd, line);
	if (!strstr(hear(w, fd), words))
		fail_msg("%s", got);
}

static void is_let_in(void **state)
{
	const sfu_id owners[] = { 2 };
	struct world w;
	struct stat st;
	int fd;

	(void)state;
	in_call(&w);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	fake_add_rule(w.f, &(struct fake_rule){ "/send/m.room.message/",
				   FAKE_REPLY, 500, "", NULL, 1 });
	fd = knock();
	/* In pieces, and more after it, which is not hearth's to read. */
	say(fd, "{\"token\":\"other\",");
	fake_run(w.base, 20);
	say(fd, "\"room\":\"" ROOM "\"}\nOFFER");
	fake_wait(w.f, "/send/m.room.message/", 1);
	fake_run(w.base, 200);
	assert_int_equal(fake_sfu_count("plug:"), 0);
	world_wait_sfu(&w, "plug:2:" ROOM "|@bot:s feed:mouth:1|1|1", 1);
	world_expect_notice(&w, 1,
		"The program mouth on my machine receives this call now, and "
		"may speak and show in it.");
	assert_string_equal(hear(&w, fd), "{\"ok\":true}\nframes");
	world_expect_control(
		1, "\"feeds\":[{\"name\":\"mouth\",\"publishes\":true}]");
	fake_run(w.base, 200);
	world_expect_control(1,
		"{\"id\":\"@bot:s feed:mouth:1\",\"user_id\":\"@bot:s\","
		"\"display_name\":\"mouth\",\"program\":true,\"you\":false}");
	/* Its streams are its own. */
	fake_sfu_emit_sdp(1, SFU_EV_OFFER, "v=0 music", owners, 1);
	world_expect_control(1, "\"participant\":\"@bot:s feed:mouth:1\"");
	fake_sfu_emit(&(struct sfu_event){
		.type = SFU_EV_SPEAKER, .participant = 1, .speaker = 2 });
	world_expect_control(1, "{\"type\":\"org.hearth.speaker\",\"content\":"
				"{\"id\":\"@bot:s feed:mouth:1\"}}");
	/* It is recorded by its name. */
	world_timeline(&w, SAID("@a:s", "record"));
	world_wait_studio(
		&w, "participant:@bot:s feed:mouth:1:@bot:s|mouth\n", 1);
	done(&w);
}

static void leaves(void **state)
{
	struct world w;
	char text[1024];
	int fd;

	(void)state;
	in_call(&w);
	fd = knock();
	say(fd, "{\"token\":\"secret\",\"room\":\"" ROOM "\"}\n");
	world_wait_sfu(&w, "plug:2:" ROOM "|@bot:s feed:ears:1|1|0", 1);
	hear(&w, fd);
	world_timeline(&w, SAID("@b:s", "feed stop ears"));
	world_expect_notice(&w, 1, "Only those who moderate");
	world_timeline(&w, SAID("@a:s", "feed stop eyes"));
	world_expect_notice(&w, 2, "No program of the name eyes");
	world_timeline(&w, SAID("@a:s", "feed stop ears"));
	world_wait_sfu(&w, "leave:2", 1);
	fake_sfu_emit(
		&(struct sfu_event){ .type = SFU_EV_LEFT, .participant = 2 });
	world_expect_notice(&w, 3, "ears does not receive this call any more");
	assert_true(
		strstr(fake_sfu_messages(1), "\"feeds\":[{\"name\"") != NULL);
	/* It is not back at once, and neither is who was not there. */
	ask(&w, "secret", ROOM, "That room has stopped this program");
	ask(&w, "third", ROOM, "That room has stopped this program");
	/* With the last human. */
	fd = knock();
	say(fd, "{\"token\":\"other\",\"room\":\"" ROOM "\"}\n");
	world_wait_sfu(&w, "plug:3:", 1);
	hear(&w, fd);
	world_device_event(
		text, sizeof(text), "m.call.hangup", "@a:s", "c1", "");
	world_to_device(&w, text);
	world_wait_sfu(&w, "leave:3", 1);
	/* The next call is another one. */
	world_call_up(&w, "@a:s", "c2", true);
	ask(&w, "secret", ROOM, "{\"ok\":true}");
	done(&w);
}

/* Stopped while it is announced, and while its room is looked up. */
static void stopped_at_the_door(void **state)
{
	struct world w;
	int announced, looked_up;

	(void)state;
	in_call(&w);
	fake_add_rule(w.f, &(struct fake_rule){ NOTICES, FAKE_REPLY, 429,
				   "{\"retry_after_ms\":500}", NULL, 1 });
	fake_add_rule(w.f, &(struct fake_rule){ "/directory/room/", FAKE_REPLY,
				   502, "", NULL, 1 });
	fake_add_rule(
		w.f, &(struct fake_rule){ "/directory/room/", FAKE_REPLY, 200,
			     "{\"room_id\":\"" ROOM "\"}", NULL, 1 });
	announced = knock();
	say(announced, "{\"token\":\"secret\",\"room\":\"" ROOM "\"}\n");
	looked_up = knock();
	say(looked_up, "{\"token\":\"secret\",\"room\":\"#call:s\"}\n");
	fake_wait(w.f, NOTICES, 1);
	fake_wait(w.f, "/directory/room/", 1);
	world_timeline(&w, SAID("@a:s", "feed stop ears"));
	assert_non_null(strstr(hear(&w, announced), "has stopped this"));
	assert_non_null(strstr(hear(&w, looked_up), "has stopped this"));
	fake_run(w.base, 700);
	/* The notice that had to wait was taken back. */
	assert_int_equal(fake_count(w.f, NOTICES), 1);
	assert_int_equal(fake_sfu_count("plug:"), 0);
	done(&w);
}

/* Stopped when the homeserver may have the notice already. */
static void stopped_after_its_notice(void **state)
{
	struct world w;
	int fd;

	(void)state;
	in_call(&w);
	fake_add_rule(w.f,
		&(struct fake_rule){ NOTICES, FAKE_REPLY, 502, "", NULL, 1 });
	fd = knock();
	say(fd, "{\"token\":\"secret\",\"room\":\"" ROOM "\"}\n");
	fake_wait(w.f, NOTICES, 1);
	world_timeline(&w, SAID("@a:s", "feed stop ears"));
	assert_non_null(strstr(hear(&w, fd), "has stopped this"));
	world_expect_notice(&w, 1, "receives this call now");
	world_expect_notice(&w, 2, "ears does not receive this call any more");
	assert_int_equal(fake_sfu_count("plug:"), 0);
	done(&w);
}

static void comes_in_a_loop(void **state)
{
	char left[64];
	struct world w;

	(void)state;
	in_call(&w);
	for (unsigned i = 0; i < 5; i++) {
		bool may = i < FEED_ENTRIES_PER_MINUTE;

		ask(&w, "secret", ROOM, may ? "{\"ok\":true}" : "too often");
		if (!may)
			continue;
		fake_sfu_emit(&(struct sfu_event){
			.type = SFU_EV_LEFT, .participant = i + 2 });
		snprintf(left, sizeof(left), "plug:%u:", i + 2);
		assert_int_equal(fake_sfu_count(left), 1);
	}
	ask(&w, "other", ROOM, "{\"ok\":true}");
	fake_run(w.base, 50);
	assert_int_equal(
		fake_count(w.f, NOTICES), 2 * FEED_ENTRIES_PER_MINUTE + 1);
	done(&w);
}

static void by_alias(void **state)
{
	struct world w;
	int fd;

	(void)state;
	in_call(&w);
	fake_add_rule(w.f,
		&(struct fake_rule){ "/directory/room/%23call%3As", FAKE_REPLY,
			200, "{\"room_id\":\"" ROOM "\"}", NULL, 1 });
	fake_add_rule(
		w.f, &(struct fake_rule){ "/directory/room/", FAKE_REPLY, 404,
			     "{\"errcode\":\"M_NOT_FOUND\"}", NULL, 1 });
	fd = knock();
	say(fd, "{\"token\":\"secret\",\"room\":\"#call:s\"}\n");
	world_wait_sfu(&w, "plug:2:" ROOM, 1);
	hear(&w, fd);
	fd = knock();
	say(fd, "{\"token\":\"secret\",\"room\":\"#none:s\"}\n");
	assert_non_null(strstr(hear(&w, fd), "does not know that alias"));
	done(&w);
}

static void refusals(void **state)
{
	static const struct {
		const char *line, *words;
	} v[] = {
		{ "{\"token\":\"wrong\",\"room\":\"" ROOM "\"}\n",
			"No program has this token" },
		{ "{\"token\":\"secret\",\"room\":\"!other:s\"}\n",
			"not in that room" },
		{ "{\"token\":\"secret\",\"room\":\"" ROOM "\"}\n",
			"Nobody is calling" },
		{ "hello\n", "not a line of JSON" },
	};
	struct world w;
	char text[FEED_LINE_MAX + 1];
	int fd;

	(void)state;
	in_room(&w);
	for (size_t i = 0; i < COUNT(v); i++) {
		fd = knock();
		say(fd, v[i].line);
		if (!strstr(hear(&w, fd), v[i].words) ||
			strncmp(got, "{\"error\":\"", 10) != 0)
			fail_msg("%s", got);
	}
	fd = knock();
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	say(fd, text);
	assert_non_null(strstr(hear(&w, fd), "too long"));
	fd = knock();
	shutdown(fd, SHUT_WR);
	assert_string_equal(hear(&w, fd), "");
	assert_int_equal(fake_count(w.f, "/send/m.room.message/"), 0);
	assert_int_equal(fake_sfu_count("plug:"), 0);
	done(&w);
}

static void not_without_a_notice(void **state)
{
	struct world w;
	int fd;

	(void)state;
	in_call(&w);
	fake_add_rule(
		w.f, &(struct fake_rule){ "/send/m.room.message/", FAKE_REPLY,
			     403, "{\"errcode\":\"M_FORBIDDEN\"}", NULL, 1 });
	fd = knock();
	say(fd, "{\"token\":\"secret\",\"room\":\"" ROOM "\"}\n");
	assert_non_null(strstr(hear(&w, fd), "could not be told"));
	/* The token is taken back; then the file is spoilt. */
	write_tokens("ears new listen\n", 0600);
	fd = knock();
	say(fd, "{\"token\":\"secret\",\"room\":\"" ROOM "\"}\n");
	assert_non_null(strstr(hear(&w, fd), "No program has this token"));
	write_tokens("ears secret listen\n", 0644);
	fd = knock();
	say(fd, "{\"token\":\"secret\",\"room\":\"" ROOM "\"}\n");
	assert_non_null(strstr(hear(&w, fd), "No program has this token"));
	assert_int_equal(fake_sfu_count("plug:"), 0);
	done(&w);
}

static void slow_one(void **state)
{
	struct world w;
	int fd;

	(void)state;
	in_call(&w);
	fd = knock();
	/* A byte now and then does not keep it open. */
	for (int i = 0; i < 4; i++) {
		say(fd, " ");
		fake_run(w.base, 1000);
	}
	say(fd, " ");
	fake_run(w.base, 1500);
	assert_non_null(strstr(hear(&w, fd), "within 5 seconds"));
	done(&w);
}

static void too_many(void **state)
{
	int fds[FEED_CONNECTIONS_MAX + 1];
	struct world w;

	(void)state;
	in_room(&w);
	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = knock();
		fake_run(w.base, 1);
	}
	fake_run(w.base, 20);
	assert_int_equal(recv(fds[COUNT(fds) - 1], got, 1, 0), 0);
	assert_int_equal(recv(fds[0], got, 1, 0), -1);
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	done(&w);
}

/* Without a free descriptor it waits, and does not turn in the loop. */
static void no_descriptor(void **state)
{
	struct rlimit before, none;
	struct world w;
	clock_t cpu;
	int fd;

	(void)state;
	in_room(&w);
	world_settle(&w);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	fd = knock();
	none = before;
	none.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	cpu = clock();
	fake_run(w.base, 500);
	cpu = clock() - cpu;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(cpu < CLOCKS_PER_SEC / 5);
	say(fd, "hello\n");
	assert_non_null(strstr(hear(&w, fd), "not a line of JSON"));
	done(&w);
}

/* What bot_new says, whose sentence has these words. */
static int try_start(struct world *w, const char *words)
{
	char error[BOT_ERROR_MAX] = "?";
	int r = bot_new(
		&w->b, w->base, NULL, &w->config, NULL, NULL, NULL, error);

	if (r < 0)
		w->b = NULL;
	if (!strstr(error, words) || (r == 0 && error[0]))
		fail_msg("%d: %s", r, error);
	return r;
}

static void unusable(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct world w;
	int fd;

	(void)state;
	configure(&w);
	write_tokens("ears secret listen\n", 0644);
	assert_int_equal(try_start(&w, "feed.tokens_file: others"), -EACCES);
	write_tokens("ears secret\n", 0600);
	assert_int_equal(try_start(&w, "feed.tokens_file: /"), -EINVAL);
	write_tokens("ears secret listen\n", 0600);
	/* A file that is no socket stays. */
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(try_start(&w, "feed.socket: cannot"), -EEXIST);
	assert_int_equal(unlink(path), 0);
	/* Somebody listens there. */
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(try_start(&w, "feed.socket: cannot"), -EADDRINUSE);
	/* Nobody does any more. */
	close(fd);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(try_start(&w, ""), 0);
	bot_free(w.b);
	w.config.feed.tokens_file = (char *)"";
	assert_int_equal(try_start(&w, "feed.tokens_file is missing"), -EINVAL);
	w.config.feed.socket = (char *)"/nowhere/at/all";
	w.config.feed.tokens_file = tokens;
	assert_int_equal(try_start(&w, "feed.socket: cannot"), -ENOENT);
	done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_let_in),
		cmocka_unit_test(leaves),
		cmocka_unit_test(stopped_at_the_door),
		cmocka_unit_test(stopped_after_its_notice),
		cmocka_unit_test(comes_in_a_loop),
		cmocka_unit_test(by_alias),
		cmocka_unit_test(refusals),
		cmocka_unit_test(not_without_a_notice),
		cmocka_unit_test(slow_one),
		cmocka_unit_test(too_many),
		cmocka_unit_test(no_descriptor),
		cmocka_unit_test(unusable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
