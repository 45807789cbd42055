// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network namespaces, the link between two of them, and who speaks which
 * protocol at its ends.  lib.h says what each function is for.
 */
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib.h"

void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		die("the loopback device does not go up");
	close(fd);
}

void own_namespace(void)
{
	if (unshare(CLONE_NEWNET))
		die("unshare(CLONE_NEWNET)");
	loopback_up();
}

/* A datagram to oneself comes back once the address has its local route. */
static bool reaches_itself(void *arg)
{
	struct addr *a = arg;
	int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct addr name;
	bool ok = false;
	char c;

	if (fd < 0)
		die("UDP socket");
	if (!bind(fd, &a->sa, a->len)) {
		name = local_addr(fd);
		ok = sendto(fd, "x", 1, 0, &name.sa, name.len) == 1 &&
		     wait_for(fd, POLLIN, 20) && recv(fd, &c, 1, 0) == 1;
	}
	close(fd);
	return ok;
}

void await_address(const char *text)
{
	struct addr a = addr_of(text, 0);

	if (!wait_until(reaches_itself, &a, SOON_MS))
		die("%s does not become usable", text);
}

static int this_namespace(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY);

	if (fd < 0)
		die("open /proc/self/ns/net");
	return fd;
}

void hosts_enter(const struct hosts *h, int which)
{
	if (setns(h->ns[which], CLONE_NEWNET))
		die("setns to host %d", which);
}

void hosts_make(struct hosts *h, int mtu)
{
	char link[128];
	int i;

	own_namespace();
	h->ns[0] = this_namespace();
	own_namespace();
	h->ns[1] = this_namespace();

	/* Each time that ip starts takes a while; so the first makes the link, too. */
	snprintf(link, sizeof(link),
		 "link add name %s mtu %d type veth peer name %s mtu %d netns /proc/%d/fd/%d\n",
		 LINK, mtu, LINK, mtu, getpid(), h->ns[1]);
	for (i = 0; i < 2; i++) {
		hosts_enter(h, i);
		/* A bad link must not keep the hosts from finding each other. */
		run_batch("ip",
			  "%slink set " LINK " address 02:00:00:00:00:%02x\n"
			  "address add 10.0.0.%d/24 dev " LINK "\n"
			  "address add fd00::%d/64 dev " LINK " nodad\n"
			  "link set " LINK " up\n"
			  "neigh replace 10.0.0.%d dev " LINK
			  " lladdr 02:00:00:00:00:%02x nud permanent\n"
			  "neigh replace fd00::%d dev " LINK
			  " lladdr 02:00:00:00:00:%02x nud permanent\n",
			  i ? "" : link,
			  i + 1, i + 1, i + 1, 2 - i, 2 - i, 2 - i, 2 - i);
	}
	for (i = 0; i < 2; i++) {
		hosts_enter(h, i);
		await_address(i ? "fd00::2" : "fd00::1");
	}
	hosts_enter(h, 0);
}

void hosts_netem(const struct hosts *h, const char *fmt, ...)
{
	char parameters[512];
	va_list ap;
	int i;

	va_start(ap, fmt);
	vsnprintf(parameters, sizeof(parameters), fmt, ap);
	va_end(ap);
	for (i = 0; i < 2; i++) {
		hosts_enter(h, i);
		run("tc qdisc replace dev " LINK " root netem %s", parameters);
	}
	hosts_enter(h, 0);
}

struct addr host_addr(int which, enum family fam, __u16 port)
{
	char text[40];

	snprintf(text, sizeof(text), "%s%d",
		 fam == V4 ? "10.0.0." :
		 fam == V6 ? "fd00::" : "::ffff:10.0.0.", which + 1);
	return addr_of(text, port);
}

bool can_bridge(void)
{
	return find_tool("ferry");
}

void hosts_bridge(const struct hosts *h, int which)
{
	hosts_enter(h, which);
	run("ferry bridge add " LINK " --listen all");
	hosts_enter(h, 0);
}

int ends_proto(enum ends ends, int which)
{
	enum ends ferrys = which ? TCP_TO_FERRY : FERRY_TO_TCP;

	return proto_of(ends == FERRY_TO_FERRY || ends == ferrys);
}

bool ends_differ(enum ends ends)
{
	return ends_proto(ends, 0) != ends_proto(ends, 1);
}

bool hosts_make_for(struct hosts *h, int mtu, enum ends ends)
{
	if (ends_differ(ends) && !can_bridge())
		return false;
	hosts_make(h, mtu);
	if (ends_differ(ends))
		hosts_bridge(h, ends == TCP_TO_FERRY);
	return true;
}

const char *ends_name(enum ends ends)
{
	static const char * const names[] = {
		"TCP", "Ferry", "Ferry to TCP", "TCP to Ferry",
	};

	return names[ends];
}

void hosts_connect_ends(const struct hosts *h, enum family fam, enum ends ends,
			int fd[2])
{
	struct addr at = host_addr(1, fam, 0);
	int l;

	hosts_enter(h, 1);
	l = listen_at(&at, ends_proto(ends, 1), 8);
	hosts_enter(h, 0);
	fd[0] = dial(&at, ends_proto(ends, 0));
	if (fd[0] < 0)
		die("%s: connect to %s", ends_name(ends), addr_text(&at));
	fd[1] = accept_one(l);
	close(l);
}

void hosts_connect(const struct hosts *h, enum family fam, int proto,
		   int fd[2])
{
	hosts_connect_ends(h, fam, proto == IPPROTO_TCP ? TCP_TO_TCP :
							  FERRY_TO_FERRY, fd);
}
