#include "studio/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <event2/event.h>

enum { PATIENCE_MS = 60000 };

static struct {
	struct event_base *base;
	struct process *process;
	char reports[65536];
	unsigned n_reports;
	int status;
	bool ended;
} t;

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	signal(SIGPIPE, SIG_IGN);
	t.base = event_base_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (!t.ended)
		process_free(t.process);
	event_base_free(t.base);
	return 0;
}

static void on_report(void *arg, const cJSON *report)
{
	char *text = cJSON_PrintUnformatted(report);
	size_t n = strlen(t.reports);

	assert_ptr_equal(arg, &t);
	assert_false(t.ended);
	snprintf(t.reports + n, sizeof(t.reports) - n, "%s\n", text);
	t.n_reports++;
	cJSON_free(text);
}

static void on_end(void *arg, int status)
{
	assert_ptr_equal(arg, &t);
	assert_false(t.ended);
	t.ended = true;
	t.status = status;
}

static int run_with(const char *script, int fd3, int fd4, bool talks)
{
	char sh[] = "sh", c[] = "-c";
	char *argv[] = { sh, c, (char *)script, NULL };
	char **env = process_environment();
	const struct process_options options = { .name = "test",
		.id = "id",
		.path = "/bin/sh",
		.argv = argv,
		.env = env,
		.fd3 = fd3,
		.fd4 = fd4,
		.nice = true,
		.talks = talks };
	int err = process_new(
		&t.process, t.base, &options, on_report, on_end, &t);

	free(env);
	return err;
}

static void run(const char *script)
{
	assert_int_equal(run_with(script, -1, -1, true), 0);
}

static void turn(unsigned ms)
{
	for (unsigned i = 0; i < ms && !t.ended; i++) {
		event_base_loop(t.base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
}

static void wait_end(void)
{
	turn(PATIENCE_MS);
	assert_true(t.ended);
}

static void wait_reports(unsigned n)
{
	for (unsigned i = 0; i < PATIENCE_MS && t.n_reports < n; i++)
		turn(1);
	assert_true(t.n_reports >= n);
}

static void check_killed(void)
{
	wait_end();
	assert_true(WIFSIGNALED(t.status));
	assert_int_equal(WTERMSIG(t.status), SIGKILL);
}

static void test_reports_until_the_end(void **state)
{
	(void)state;
	run("echo '{\"a\":1}'; echo '{\"b\":2}'; printf '{\"no end"
	    " of line\":3}'; exit 7");
	wait_end();
	assert_string_equal(t.reports, "{\"a\":1}\n{\"b\":2}\n");
	assert_int_equal(WEXITSTATUS(t.status), 7);
}

static void test_many_reports_before_the_end(void **state)
{
	(void)state;
	run("i=0; while [ $i -lt 2000 ]; do echo '{\"n\":1}'; i=$((i+1)); "
	    "done");
	wait_end();
	assert_int_equal(t.n_reports, 2000);
	assert_int_equal(t.status, 0);
}

static void test_orders(void **state)
{
	cJSON *order = cJSON_Parse("{\"type\":\"x\\ny\"}");

	(void)state;
	run("cat");
	assert_int_equal(process_send(t.process, order), 0);
	assert_int_equal(process_send(t.process, order), 0);
	wait_reports(2);
	assert_string_equal(
		t.reports, "{\"type\":\"x\\ny\"}\n{\"type\":\"x\\ny\"}\n");
	cJSON_Delete(order);
}

static void test_orders_nobody_reads_are_bounded(void **state)
{
	cJSON *order = cJSON_CreateObject();
	int err = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		cJSON_AddStringToObject(order, "key", "0123456789");
	run("sleep 60");
	for (unsigned i = 0; i < 2000 && !err; i++)
		err = process_send(t.process, order);
	assert_int_equal(err, -ENOBUFS);
	cJSON_Delete(order);
}

static void test_orders_to_a_dead_one(void **state)
{
	cJSON *order = cJSON_CreateObject();

	(void)state;
	run("exec 0<&-; echo {}; sleep 60");
	wait_reports(1);
	for (unsigned i = 0; i < 5; i++) {
		process_send(t.process, order);
		turn(5);
	}
	assert_false(t.ended);
	cJSON_Delete(order);
}

static void test_terms_then_kills(void **state)
{
	(void)state;
	run("trap 'echo {\\\"t\\\":1}' TERM; echo {}; while :; do sleep 0.05; "
	    "done");
	wait_reports(1);
	process_end(t.process, 2000);
	process_end(t.process, 2000); /* no harm */
	check_killed();
	assert_non_null(strstr(t.reports, "{\"t\":1}"));
}

static void test_ends_when_asked(void **state)
{
	(void)state;
	run("trap 'exit 3' TERM; echo {}; while :; do sleep 0.05; done");
	wait_reports(1);
	process_end(t.process, 5000);
	wait_end();
	assert_true(WIFEXITED(t.status));
	assert_int_equal(WEXITSTATUS(t.status), 3);
}

static void test_nothing_it_started_outlives_it(void **state)
{
	char *at;
	pid_t pid;

	(void)state;
	run("sleep 60 & echo \"{\\\"pid\\\":$!}\"; exit 0");
	wait_end();
	at = strstr(t.reports, ":");
	assert_non_null(at);
	pid = (pid_t)strtol(at + 1, NULL, 10);
	for (unsigned i = 0; i < 1000 && kill(pid, 0) == 0; i++) {
		char path[64], text[256] = "";
		FILE *f;

		/* Dead, and nobody here to wait for it. */
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		f = fopen(path, "r");
		if (f && fgets(text, sizeof(text), f) && strstr(text, ") Z "))
			i = 1000;
		if (f)
			fclose(f);
		usleep(1000);
		if (i == 999)
			fail_msg("it still runs");
	}
}

static void test_hostile_output(void **state)
{
	static const char *const scripts[] = { "echo no json; sleep 60",
		"echo '[1]'; sleep 60", "echo 5; sleep 60",
		"head -c 200000 /dev/zero; sleep 60", "yes '{}'",
		"yes | tr -d '\\n'" };

	(void)state;
	for (unsigned i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		t.ended = false;
		t.reports[0] = '\0';
		run(scripts[i]);
		check_killed();
	}
}

static void test_hostile_last_words(void **state)
{
	(void)state;
	/* What it said is read after its end. */
	run("echo no json; exit 0");
	wait_end();
	assert_int_equal(t.n_reports, 0);
}

static void test_stderr_is_bounded_and_harmless(void **state)
{
	(void)state;
	run("i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); "
	    "done; head -c 300000 /dev/zero >&2; echo '{}'");
	wait_end();
	assert_int_equal(t.status, 0);
	assert_int_equal(t.n_reports, 1);
}

static void test_descriptors(void **state)
{
	int pair[2], leak = open("/dev/null", O_RDONLY), lock;
	char got[64] = "";

	(void)state;
	/* One that forgot its flag must not leak either. */
	assert_int_equal(fcntl(leak, F_GETFD), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	lock = open("/dev/null", O_RDONLY);
	assert_int_equal(run_with("ls /proc/self/fd | tr '\\n' ' ' >&3",
				 pair[1], lock, true),
		0);
	close(pair[1]);
	turn(PATIENCE_MS);
	assert_true(read(pair[0], got, sizeof(got) - 1) > 0);
	/* ls's own directory among them. */
	assert_string_equal(got, "0 1 2 3 4 5 ");
	assert_true(fcntl(lock, F_GETFD) >= 0);
	close(pair[0]);
	close(lock);
	close(leak);
}

static void test_quiet_ones(void **state)
{
	(void)state;
	assert_int_equal(run_with("test $(ls /proc/self/fd | wc -l) -eq 4 || "
				  "exit 1; cat; echo said; exit 4",
				 -1, -1, false),
		0);
	assert_int_equal(process_send(t.process, NULL), -EPIPE);
	wait_end();
	assert_int_equal(WEXITSTATUS(t.status), 4);
	assert_int_equal(t.n_reports, 0);
}

static void test_signals_are_as_usual(void **state)
{
	sigset_t block, before;
	const char *at;

	(void)state;
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, &before);
	run("awk '/SigIgn|SigBlk/ {print \"{\\\"\" $1 \"\\\":\\\"\" $2 "
	    "\"\\\"}\"}' /proc/self/status");
	sigprocmask(SIG_SETMASK, &before, NULL);
	wait_end();
	assert_non_null(strstr(t.reports, "SigBlk:\":\"0000000000000000"));
	at = strstr(t.reports, "SigIgn:\":\"");
	assert_non_null(at);
	/* glibc ignores two of its own. */
	assert_int_equal(strtoull(at + 10, NULL, 16) & 0x7fffffff, 0);
}

static void test_environment_has_no_secrets(void **state)
{
	(void)state;
	setenv("HEARTH_SECRET", "x", 1);
	setenv("LANG", "C", 1);
	run("test -z \"$HEARTH_SECRET\" && test \"$LANG\" = C && "
	    "test -n \"$PATH\"");
	wait_end();
	assert_int_equal(t.status, 0);
	unsetenv("HEARTH_SECRET");
}

static void test_nice(void **state)
{
	(void)state;
	/* It may run before its parent has said so. */
	run("while [ $(nice) = 0 ]; do sleep 0.05; done; "
	    "echo \"{\\\"n\\\":$(nice)}\"");
	wait_end();
	assert_string_equal(t.reports, "{\"n\":10}\n");
}

static void test_memory_is_taken_from_it_first(void **state)
{
	(void)state;
	/* Also from what it starts. */
	run("while [ $(cat /proc/self/oom_score_adj) = 0 ]; do sleep 0.05; "
	    "done; echo \"{\\\"n\\\":$(cat /proc/self/oom_score_adj)}\"");
	wait_end();
	assert_string_equal(t.reports, "{\"n\":1000}\n");
}

/* As a sandbox would (systemd: SystemCallFilter=~@resources). */
static void forbid_setpriority(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_setpriority, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog all = { .len = sizeof(f) / sizeof(*f),
		.filter = f };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) != 0)
		_exit(77);
}

static void run_twice_forbidden(int log)
{
	dup2(log, STDERR_FILENO);
	forbid_setpriority();
	for (unsigned i = 0; i < 2; i++) {
		t.ended = false;
		run("exit 0");
		wait_end();
	}
	_exit(t.status);
}

static void test_priority_forbidden_is_said_once(void **state)
{
	char text[8192] = "";
	FILE *log = tmpfile();
	const char *line;
	pid_t pid;
	int status;

	(void)state;
	assert_non_null(log);
	pid = fork();
	if (pid == 0)
		run_twice_forbidden(fileno(log));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(pread(fileno(log), text, sizeof(text) - 1, 0) > 0);
	line = strstr(text, "children_not_nice");
	assert_non_null(line);
	assert_null(strstr(line + 1, "children_not_nice"));
	fclose(log);
}

static void test_sigchld_was_ignored(void **state)
{
	(void)state;
	signal(SIGCHLD, SIG_IGN);
	run("exit 5");
	wait_end();
	assert_int_equal(WEXITSTATUS(t.status), 5);
}

static void test_cannot_be_run(void **state)
{
	char *argv[] = { NULL }, *env[] = { NULL };
	struct process_options options = { .name = "test",
		.id = "id",
		.path = "/nonexistent",
		.argv = argv,
		.env = env,
		.fd3 = -1,
		.fd4 = -1,
		.talks = true };
	struct process *p = NULL;

	(void)state;
	t.ended = true; /* nothing to free */
	assert_int_equal(
		process_new(&p, t.base, &options, on_report, on_end, &t),
		-ENOENT);
	options.path = "/etc/passwd";
	assert_int_equal(
		process_new(&p, t.base, &options, on_report, on_end, &t),
		-EACCES);
	assert_null(p);
}

static void test_free_kills(void **state)
{
	(void)state;
	run("trap '' TERM; sleep 60");
	assert_null(process_free(t.process));
	assert_false(t.ended);
	t.ended = true;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	assert_null(process_free(NULL));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_reports_until_the_end),
		T(test_many_reports_before_the_end),
		T(test_orders),
		T(test_orders_nobody_reads_are_bounded),
		T(test_orders_to_a_dead_one),
		T(test_terms_then_kills),
		T(test_ends_when_asked),
		T(test_nothing_it_started_outlives_it),
		T(test_hostile_output),
		T(test_hostile_last_words),
		T(test_stderr_is_bounded_and_harmless),
		T(test_descriptors),
		T(test_quiet_ones),
		T(test_signals_are_as_usual),
		T(test_environment_has_no_secrets),
		T(test_nice),
		T(test_memory_is_taken_from_it_first),
		T(test_priority_forbidden_is_said_once),
		T(test_sigchld_was_ignored),
		T(test_cannot_be_run),
		T(test_free_kills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
