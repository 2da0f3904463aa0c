#include "sfu/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "ice/ice.h"
#include "sfu/udp.h"

enum {
	FILES_LEAST = 1024,
	RECORDING_LEAST_MB = 256 /* as studio_start */
};

static int say(const char *verdict, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Returns 1 for a problem, so that callers can add it up. */
static int say(const char *verdict, const char *fmt, ...)
{
	va_list ap;

	printf("%-9s", verdict);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	return !strcmp(verdict, "PROBLEM");
}

static const char *address_text(
	const struct sockaddr_storage *a, char ret[INET6_ADDRSTRLEN])
{
	const void *ip =
		a->ss_family == AF_INET6
			? (const void *)&((const struct sockaddr_in6 *)a)
				  ->sin6_addr
			: (const void *)&((const struct sockaddr_in *)a)
				  ->sin_addr;

	if (!inet_ntop(a->ss_family, ip, ret, INET6_ADDRSTRLEN))
		snprintf(ret, INET6_ADDRSTRLEN, "?");
	return ret;
}

/* Who can reach this address. */
enum reach { NOBODY, THIS_MACHINE, OWN_NETWORK, EVERYBODY };

static enum reach reach_v4(uint32_t ip)
{
	if (ip == 0 || ip >> 28 >= 0xe)
		return NOBODY;
	if (ip >> 24 == 127)
		return THIS_MACHINE;
	/* RFC 1918, RFC 6598 (carrier's NAT), RFC 3927. */
	if (ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 ||
		ip >> 22 == 0x191 || ip >> 16 == 0xa9fe)
		return OWN_NETWORK;
	return EVERYBODY;
}

static enum reach reach_v6(const struct in6_addr *ip)
{
	if (IN6_IS_ADDR_UNSPECIFIED(ip) || IN6_IS_ADDR_MULTICAST(ip) ||
		IN6_IS_ADDR_V4MAPPED(ip))
		return NOBODY;
	if (IN6_IS_ADDR_LOOPBACK(ip))
		return THIS_MACHINE;
	if ((ip->s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_LINKLOCAL(ip))
		return OWN_NETWORK;
	return EVERYBODY;
}

static enum reach reach_of(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET6)
		return reach_v6(&((const struct sockaddr_in6 *)a)->sin6_addr);
	return reach_v4(
		ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr));
}

static int say_reach(const struct sockaddr_storage *a, enum reach *best)
{
	char text[INET6_ADDRSTRLEN];
	enum reach reach = reach_of(a);

	address_text(a, text);
	if (reach > *best)
		*best = reach;
	switch (reach) {
	case NOBODY:
		return say("PROBLEM",
			"media.advertise: nobody can send to %s; write this "
			"machine's address",
			text);
	case THIS_MACHINE:
		return say(
			"note", "%s is reached from this machine only", text);
	case OWN_NETWORK:
		return say("note",
			"%s is reached from your own network only, not from "
			"the internet",
			text);
	case EVERYBODY:
		break;
	}
	return say("ok", "participants will be told to send to %s", text);
}

static int check_advertised(const struct config *config, const struct udp *u)
{
	struct sockaddr_storage own[UDP_ADDRESSES];
	enum reach best = NOBODY;
	unsigned n = config->media.advertise.n;
	int wrong = 0;

	for (unsigned i = 0; i < n; i++) {
		struct sockaddr_storage a;

		if (udp_address_parse(config->media.advertise.v[i], 0, &a))
			wrong += say("PROBLEM",
				"media.advertise: %s is not an IP address",
				config->media.advertise.v[i]);
		else
			wrong += say_reach(&a, &best);
	}
	if (!n) {
		n = udp_addresses(u, own);
		for (unsigned i = 0; i < n; i++)
			wrong += say_reach(&own[i], &best);
		if (!n)
			wrong += say("PROBLEM",
				"this machine has no address that participants "
				"could be told; write one to media.advertise");
	}
	if (n && !wrong && best < EVERYBODY)
		say("note",
			"for callers from the internet, write the public "
			"address to media.advertise and forward the UDP ports");
	return wrong;
}

static int check_udp(const struct config *config)
{
	unsigned n = config->media.workers ? config->media.workers : 1;
	const struct config_list *l = &config->media.listen;
	int wrong = 0;

	for (unsigned i = 0; i < n; i++) {
		char error[UDP_ERROR_MAX];
		struct udp u;

		if (udp_init(&u, (const char *const *)l->v, l->n,
			    config->media.port + i, error) != 0) {
			wrong += say("PROBLEM", "%s", error);
			continue;
		}
		say("ok", "UDP port %u is free (worker %u)", udp_port(&u, 0),
			i);
		if (i == 0)
			wrong += check_advertised(config, &u);
		udp_done(&u);
	}
	return wrong;
}

static int check_http(const struct config *config)
{
	struct sockaddr_storage a;
	const struct sockaddr *sa = (const struct sockaddr *)&a;
	int fd, on = 1, err = 0;

	if (udp_address_parse(config->http.listen, config->http.port, &a))
		return say("PROBLEM", "http.listen: %s is not an IP address",
			config->http.listen);
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return say("PROBLEM", "http.listen: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, sa, ice_addr_len(sa)) != 0 || listen(fd, 1) != 0)
		err = errno;
	close(fd);
	if (err)
		return say("PROBLEM",
			"http.port: cannot use TCP port %u on %s (%s); stop "
			"the program that holds it or choose another",
			config->http.port, config->http.listen, strerror(err));
	say("ok", "TCP port %u is free for the web client", config->http.port);
	if (reach_of(&a) != THIS_MACHINE)
		say("note",
			"http.listen is not loopback: put a TLS proxy before "
			"it, browsers give microphones to https pages only");
	return 0;
}

static int check_directory(const char *key, const char *path, bool write)
{
	struct stat st;

	if (!path || !*path)
		return 0;
	if (stat(path, &st) != 0)
		return say("PROBLEM", "%s: %s: %s; create it", key, path,
			strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return say("PROBLEM", "%s: %s is not a directory", key, path);
	if (access(path, write ? R_OK | W_OK | X_OK : R_OK | X_OK) != 0)
		return say("PROBLEM",
			"%s: %s: %s; give it to the user hearth "
			"runs as",
			key, path, strerror(errno));
	return say("ok", "%s: %s can be %s", key, path,
		write ? "written" : "read");
}

static int check_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return 0;
	if (r.rlim_max != RLIM_INFINITY && r.rlim_max < FILES_LEAST)
		return say("PROBLEM",
			"at most %llu files may be open; raise it to %d "
			"(LimitNOFILE= in the unit, ulimit -n)",
			(unsigned long long)r.rlim_max, FILES_LEAST);
	return say("ok", "enough files may be open");
}

/* It is made at the start if it is missing: then where it is to be counts. */
static int check_recordings(const char *path, char ret_at[PATH_MAX])
{
	char *slash;

	snprintf(ret_at, PATH_MAX, "%s", path);
	slash = strrchr(ret_at, '/');
	if (access(path, F_OK) == 0 || errno != ENOENT || !slash ||
		slash == ret_at)
		return check_directory("recording.directory", path, true);
	*slash = '\0';
	if (access(ret_at, W_OK | X_OK) == 0)
		return say("ok", "recording.directory: %s will be made", path);
	return say("PROBLEM",
		"recording.directory: %s: %s; create it for the user hearth "
		"runs as",
		path, strerror(errno));
}

static int check_space(const char *at)
{
	struct statvfs st;
	uint64_t free_mb;

	if (statvfs(at, &st) != 0)
		return 0; /* said already: it is not there */
	free_mb = (uint64_t)st.f_bavail * st.f_frsize / 1000000;
	if (free_mb < RECORDING_LEAST_MB)
		return say("PROBLEM",
			"recording.directory: %llu MB are free and %d are the "
			"least; make room, or choose another disk",
			(unsigned long long)free_mb, RECORDING_LEAST_MB);
	return say("ok", "%llu.%llu GB are free for recordings",
		(unsigned long long)free_mb / 1000,
		(unsigned long long)free_mb / 100 % 10);
}

static int check_recorder(const char *given)
{
	static const char name[] = "hearth-record";
	char path[PATH_MAX + sizeof(name)] = "";
	ssize_t n = 0;
	char *slash;

	if (given && *given) {
		snprintf(path, sizeof(path), "%s", given);
	} else {
		n = readlink("/proc/self/exe", path, PATH_MAX - 1);
		slash = n > 0 ? strrchr(path, '/') : NULL;
		if (slash)
			memcpy(slash + 1, name, sizeof(name));
	}
	if (access(path, X_OK) != 0)
		return say("PROBLEM",
			"recording.recorder: the recorder program %s cannot be "
			"run (%s); write where hearth-record is",
			path, strerror(errno));
	return say("ok", "recordings are written by %s", path);
}

static bool is_in_path(const char *program)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];
	int n;

	for (path = path ? path : "/bin:/usr/bin"; *path;
		path += n + (path[n] == ':')) {
		n = (int)strcspn(path, ":");
		snprintf(file, sizeof(file), "%.*s/%s", n, path, program);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static int check_recording(const struct config *config)
{
	const char *compose = config->recording.compose;
	const char *who = config->recording.who;
	char at[PATH_MAX];
	int wrong;

	if (who && !strcmp(who, "nobody"))
		return say("note", "recording.who: nobody may record");
	wrong = check_recordings(config->recording.directory, at);
	wrong += check_space(at);
	wrong += check_recorder(config->recording.recorder);
	if (compose && !strcmp(compose, "none"))
		return wrong;
	if (!is_in_path("ffmpeg"))
		return wrong + say("PROBLEM",
				       "recording.compose: there is no ffmpeg "
				       "to make one film of a recording; "
				       "install it, or set this to none");
	return wrong + say("ok", "ffmpeg makes one film of a recording");
}

int check_machine(const struct config *config)
{
	int wrong = check_udp(config);

	wrong += check_http(config);
	wrong += check_directory("state_dir", config->state_dir, true);
	wrong += check_directory("http.web_root", config->http.web_root, false);
	wrong += check_recording(config);
	return wrong + check_files();
}
