#include "tests/net/tun.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/route.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void put(struct sockaddr *to, in_addr_t address)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = address };
	memcpy(to, &in, sizeof(in));
}

static struct ifreq request(const char *name)
{
	struct ifreq r = { 0 };
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	return r;
}

/* One request to the network of this namespace. */
static int ask(unsigned long what, void *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int rc = ioctl(fd, what, request) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static int bring(const char *name, bool up)
{
	struct ifreq r = request(name);
	int rc = ask(SIOCGIFFLAGS, &r);
	if (rc)
		return rc;
	r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP | IFF_RUNNING
				 : r.ifr_flags & ~IFF_UP);
	return ask(SIOCSIFFLAGS, &r);
}

int tun_loopback(void)
{
	return bring("lo", true);
}

static int set_address(const char *name, struct in_addr address)
{
	struct ifreq r = request(name);
	put(&r.ifr_addr, address.s_addr);
	int rc = ask(SIOCSIFADDR, &r);
	if (rc)
		return rc;
	r = request(name);
	put(&r.ifr_netmask, htonl(0xffffff00));
	return ask(SIOCSIFNETMASK, &r);
}

int tun_down(const char *name)
{
	return bring(name, false);
}

int tun_up(const char *name, struct in_addr address, struct in_addr gateway)
{
	int rc = set_address(name, address);
	if (!rc)
		rc = bring(name, true);
	return rc ? rc : tun_default_route(name, gateway);
}

int tun_default_route(const char *name, struct in_addr gateway)
{
	char device[IFNAMSIZ];
	snprintf(device, sizeof(device), "%s", name);
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY,
		.rt_dev = device };
	put(&route.rt_dst, htonl(INADDR_ANY));
	put(&route.rt_genmask, htonl(INADDR_ANY));
	put(&route.rt_gateway, gateway.s_addr);
	return ask(SIOCADDRT, &route);
}

static int configure(const char *name, struct in_addr address)
{
	struct ifreq r = request(name);
	r.ifr_mtu = TUN_MTU;
	int rc = ask(SIOCSIFMTU, &r);
	r = request(name);
	r.ifr_qlen = TUN_QUEUE;
	if (!rc)
		rc = ask(SIOCSIFTXQLEN, &r);
	if (!rc)
		rc = set_address(name, address);
	return rc ? rc : bring(name, true);
}

int tun_open(const char *name, struct in_addr address)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct ifreq r = request(name);
	r.ifr_flags = IFF_TUN | IFF_NO_PI;
	int rc = ioctl(fd, TUNSETIFF, &r) < 0 ? -errno : 0;
	if (!rc)
		rc = configure(name, address);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}
