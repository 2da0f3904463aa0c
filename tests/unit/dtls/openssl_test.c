/*
 * Against another implementation: the openssl command as client and as server,
 * over UDP on loopback, with its own certificate and its own exporter.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <cmocka.h>
#include "dtls/dtls.h"

struct side {
	struct dtls_out out; /* first */
	int fd;
	struct sockaddr_in peer;
	struct dtls *dtls;
	struct cert *cert;
	unsigned first_flight; /* datagrams in before anything went out */
	bool has_sent;
};

static char dir[64];
static char peer_fingerprint[128];
static char output[1 << 16];

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The output of a shell command, in `output`. */
static void shell(const char *format, const char *arg)
{
	char line[1024];
	FILE *f;
	size_t n;

	snprintf(line, sizeof(line), "cd %s && %s%s", dir, format, arg);
	f = popen(line, "r");
	assert_non_null(f);
	n = fread(output, 1, sizeof(output) - 1, f);
	output[n] = '\0';
	assert_int_equal(pclose(f), 0);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/hearth-dtls-XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	shell("openssl req -x509 -newkey ec -pkeyopt "
	      "ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem "
	      "-days 2 -subj /CN=peer 2>/dev/null",
		"");
	shell("openssl x509 -in c.pem -noout -fingerprint -sha256", "");
	snprintf(peer_fingerprint, sizeof(peer_fingerprint), "%.95s",
		strchr(output, '=') + 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	shell("rm -f c.pem k.pem out", "");
	return rmdir(dir);
}

static void on_send(struct dtls_out *out, const uint8_t *buf, size_t len)
{
	struct side *s = (struct side *)out;

	if (s->peer.sin_port != 0)
		sendto(s->fd, buf, len, 0, (struct sockaddr *)&s->peer,
			sizeof(s->peer));
	s->has_sent = true;
}

static uint16_t open_side(struct side *s, enum dtls_role role)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	memset(s, 0, sizeof(*s));
	s->out.send = on_send;
	s->fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
	s->cert = cert_new((uint64_t)time(NULL));
	assert_int_equal(
		dtls_new(&s->dtls, s->cert, role, "sha-256", peer_fingerprint),
		0);
	return ntohs(a.sin_port);
}

static void close_side(struct side *s)
{
	close(s->fd);
	dtls_free(s->dtls);
	cert_free(s->cert);
}

static void serve(struct side *s, uint64_t for_us)
{
	uint64_t end_us = now_us() + for_us;
	uint8_t buf[2048];

	while (now_us() < end_us) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		socklen_t len = sizeof(s->peer);
		ssize_t n;

		if (poll(&p, 1, 20) > 0) {
			s->first_flight += !s->has_sent;
			n = recvfrom(s->fd, buf, sizeof(buf), 0,
				(struct sockaddr *)&s->peer, &len);
			if (n > 0)
				dtls_input(s->dtls, now_us(), buf, (size_t)n,
					&s->out);
		}
		dtls_tick(s->dtls, now_us(), &s->out);
		if (!dtls_is_expensive(s->dtls))
			return;
	}
}

/* openssl's child, told to quit by the end of its input. */
static pid_t spawn(char **argv, int *ret_input)
{
	int in[2];
	pid_t pid;

	assert_int_equal(pipe(in), 0);
	pid = fork();
	if (pid == 0) {
		if (chdir(dir) != 0 || freopen("out", "w", stdout) == NULL)
			_exit(127);
		dup2(in[0], 0);
		dup2(1, 2);
		close(in[0]);
		close(in[1]);
		alarm(20);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	*ret_input = in[1];
	return pid;
}

/* What openssl said, or will have said soon. */
static void await_output(const char *text)
{
	for (unsigned i = 0; i < 50; i++) {
		shell("cat out", "");
		if (strstr(output, text))
			return;
		usleep(50000);
	}
	fail_msg("no %s in:\n%s", text, output);
}

static void assert_same_keys(const struct side *s)
{
	uint8_t keys[DTLS_KEYS_LEN];
	char hex[2 * DTLS_KEYS_LEN + 1];

	assert_int_equal(dtls_state(s->dtls), DTLS_CONNECTED);
	assert_int_equal(dtls_keys(s->dtls, keys), 0);
	for (unsigned i = 0; i < DTLS_KEYS_LEN; i++)
		sprintf(hex + 2 * i, "%02X", keys[i]);
	await_output(hex);
}

static void finish(pid_t pid, int input)
{
	close(input);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

#define COMMON                                                                 \
	"-dtls1_2", "-cert", "c.pem", "-key", "k.pem", "-use_srtp",            \
		"SRTP_AES128_CM_SHA1_80", "-keymatexport",                     \
		"EXTRACTOR-dtls_srtp", "-keymatexportlen", "60"

/* Attack 16: a ClientHello of the size of a browser's with a post-quantum key
 * share (padded with application protocols), in several fragments. */
static void serves_openssl(const char *mtu, size_t padding, unsigned fragments,
	const char *groups, const char *chosen)
{
	char to[32], alpn[1600];
	char *argv[] = { "openssl", "s_client", COMMON, "-connect", to, "-mtu",
		(char *)mtu, "-alpn", alpn, "-groups", (char *)groups, NULL };
	struct side s;
	int input;
	pid_t pid;

	for (size_t i = 0; i < padding; i++)
		alpn[i] = i % 100 == 99 ? ',' : 'x';
	alpn[padding] = '\0';
	snprintf(to, sizeof(to), "127.0.0.1:%d", open_side(&s, DTLS_SERVER));
	dtls_start(s.dtls, now_us(), &s.out);
	pid = spawn(argv, &input);
	serve(&s, 10000000);
	assert_same_keys(&s);
	await_output(chosen);
	assert_int_equal(s.first_flight, fragments);
	finish(pid, input);
	close_side(&s);
}

/* The groups of a browser's hello, in its order, and how openssl names what we
 * choose of them. */
#define BROWSERS  "X25519:P-256:P-384"
#define ON_X25519 "Server Temp Key: X25519,"
#define ON_P256   "Server Temp Key: ECDH, prime256v1,"

static void server_of_a_short_hello(void **state)
{
	(void)state;
	serves_openssl("1200", 20, 1, BROWSERS, ON_X25519);
}

static void server_of_a_long_hello(void **state)
{
	(void)state;
	serves_openssl("1200", 1190, 2, BROWSERS, ON_X25519);
}

static void server_of_many_fragments(void **state)
{
	(void)state;
	serves_openssl("320", 1190, 6, BROWSERS, ON_X25519);
}

static void server_chooses_x25519(void **state)
{
	(void)state;
	serves_openssl("1200", 20, 1, "P-384:P-256:X25519", ON_X25519);
}

static void server_of_p256_alone(void **state)
{
	(void)state;
	serves_openssl("1200", 20, 1, "P-256", ON_P256);
}

static uint16_t free_port(void)
{
	struct side s;
	uint16_t port = open_side(&s, DTLS_CLIENT);

	close_side(&s);
	return port;
}

/* s_server needs a moment, and its port may not answer yet: our hello is sent
 * again until it does. */
static void client_of(const char *groups, const char *shared)
{
	char port[8];
	char *argv[] = { "openssl", "s_server", COMMON, "-accept", port,
		"-Verify", "1", "-mtu", "1200", "-groups", (char *)groups,
		NULL };
	struct side s;
	int input;
	pid_t pid;

	snprintf(port, sizeof(port), "%d", free_port());
	pid = spawn(argv, &input);
	open_side(&s, DTLS_CLIENT);
	s.peer.sin_family = AF_INET;
	s.peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s.peer.sin_port = htons((uint16_t)atoi(port));
	dtls_start(s.dtls, now_us(), &s.out);
	serve(&s, 10000000);
	assert_same_keys(&s);
	await_output(shared);
	finish(pid, input);
	close_side(&s);
}

/* Shared, in the order in which our hello has them. */
static void client_of_openssl(void **state)
{
	(void)state;
	client_of("P-384:P-256:X25519",
		"Shared groups: x25519:secp256r1:secp384r1");
}

static void client_of_p256_alone(void **state)
{
	(void)state;
	client_of("P-256", "Shared groups: secp256r1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_of_a_short_hello),
		cmocka_unit_test(server_of_a_long_hello),
		cmocka_unit_test(server_of_many_fragments),
		cmocka_unit_test(server_chooses_x25519),
		cmocka_unit_test(server_of_p256_alone),
		cmocka_unit_test(client_of_openssl),
		cmocka_unit_test(client_of_p256_alone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
