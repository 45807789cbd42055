// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every selftest needs: sockets by protocol and family, and waits with a
 * deadline.  lib.h says what each function is for.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib.h"

void do_die(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "# ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (errno %s)\n", errno_name(err));
	_exit(1);
}

/* ------------------------------------------------------------------ */
/* Who speaks, and how */

int ferry(void)
{
	const char *s = getenv("FERRY_PROTOCOL");

	return s && *s ? atoi(s) : IPPROTO_FERRY;
}

int proto_of(int which)
{
	return which ? ferry() : IPPROTO_TCP;
}

const char *proto_name(int proto)
{
	return proto == IPPROTO_TCP ? "TCP" : "Ferry";
}

struct addr addr_of(const char *text, __u16 port)
{
	struct addr a = { 0 };

	if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons(port);
		a.len = sizeof(a.v4);
	} else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1) {
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons(port);
		a.len = sizeof(a.v6);
	} else {
		die("not an address: %s", text);
	}
	return a;
}

struct addr loopback(enum family fam, __u16 port)
{
	switch (fam) {
	case V4:
		return addr_of("127.0.0.1", port);
	case V6:
		return addr_of("::1", port);
	default:
		return addr_of("::ffff:127.0.0.1", port);
	}
}

struct addr any(enum family fam, __u16 port)
{
	return addr_of(fam == V4 ? "0.0.0.0" : "::", port);
}

__u16 port_of(const struct addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET ? a->v4.sin_port :
						  a->v6.sin6_port);
}

const char *addr_text(const struct addr *a)
{
	static char text[4][80];
	static unsigned int turn;
	char ip[INET6_ADDRSTRLEN];
	char *s = text[turn++ % 4];

	if (a->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->v4.sin_addr, ip, sizeof(ip));
		snprintf(s, sizeof(text[0]), "%s:%u", ip, port_of(a));
	} else if (a->sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a->v6.sin6_addr, ip, sizeof(ip));
		snprintf(s, sizeof(text[0]), "[%s]:%u", ip, port_of(a));
	} else {
		snprintf(s, sizeof(text[0]), "family %d", a->sa.sa_family);
	}
	return s;
}

struct addr local_addr(int fd)
{
	struct addr a = { .len = sizeof(a.v6) };

	if (getsockname(fd, &a.sa, &a.len))
		die("getsockname");
	return a;
}

struct addr remote_addr(int fd)
{
	struct addr a = { .len = sizeof(a.v6) };

	if (getpeername(fd, &a.sa, &a.len))
		die("getpeername");
	return a;
}

static int open_domain(int domain, int proto)
{
	int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, proto);

	if (fd < 0)
		die("socket(%s, SOCK_STREAM, %d)",
		    domain == AF_INET ? "AF_INET" : "AF_INET6", proto);
	return fd;
}

int open_socket(enum family fam, int proto)
{
	return open_domain(fam == V4 ? AF_INET : AF_INET6, proto);
}

int open_socket_for(const struct addr *a, int proto)
{
	return open_domain(a->sa.sa_family, proto);
}

int listen_at(struct addr *at, int proto, int backlog)
{
	int fd = open_socket_for(at, proto);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, &at->sa, at->len))
		die("%s: bind to %s", proto_name(proto), addr_text(at));
	if (listen(fd, backlog))
		die("%s: listen at %s", proto_name(proto), addr_text(at));
	*at = local_addr(fd);
	return fd;
}

int dial(const struct addr *to, int proto)
{
	int fd = open_socket_for(to, proto);

	if (!connect(fd, &to->sa, to->len))
		return fd;
	int err = errno;

	close(fd);
	errno = err;
	return -1;
}

int accept_one(int listener)
{
	int fd;

	if (!wait_for(listener, POLLIN, SOON_MS))
		die("nobody came to be accepted");
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		die("accept");
	return fd;
}

void connected_pair(enum family fam, int proto, int fd[2])
{
	struct addr at = loopback(fam, 0);
	int l = listen_at(&at, proto, 1);

	fd[0] = dial(&at, proto);
	if (fd[0] < 0)
		die("%s: connect to %s", proto_name(proto), addr_text(&at));
	fd[1] = accept_one(l);
	close(l);
}

void abort_connection(int fd)
{
	struct linger abort = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
	close(fd);
}

void set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (fcntl(fd, F_SETFL, flags))
		die("fcntl");
}

void set_int(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)))
		die("setsockopt(%d, %d) to %d", level, option, value);
}

int get_int(int fd, int level, int option)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, option, &value, &len))
		die("getsockopt(%d, %d)", level, option);
	return value;
}

void read_tcp_info(int fd, void *info, socklen_t size)
{
	memset(info, 0, size);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size))
		die("TCP_INFO");
}

unsigned int segment_size(int fd)
{
	struct tcp_info info;

	read_tcp_info(fd, &info, sizeof(info));
	return info.tcpi_snd_mss;
}

int queue_in(int fd)
{
	int n = -1;

	if (ioctl(fd, SIOCINQ, &n))
		die("SIOCINQ");
	return n;
}

int queue_out(int fd)
{
	int n = -1;

	if (ioctl(fd, SIOCOUTQ, &n))
		die("SIOCOUTQ");
	return n;
}

/* ------------------------------------------------------------------ */
/* Time */

unsigned long from_environment(const char *name, unsigned long otherwise)
{
	const char *s = getenv(name);

	return s && *s ? strtoul(s, NULL, 0) : otherwise;
}

int slowness(void)
{
	int n = from_environment("FERRY_SLOW", 1);

	return n > 0 ? n : 1;
}

long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

long long now_us(void)
{
	return now_ns() / 1000;
}

long long now_ms(void)
{
	return now_us() / 1000;
}

long long ticked_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

double now_s(void)
{
	return now_ns() / 1e9;
}

short wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	long long deadline = now_ms() + timeout_ms;

	for (;;) {
		long long left = deadline - now_ms();
		int n = poll(&p, 1, left > 0 ? left : 0);

		if (n > 0)
			return p.revents;
		if (n == 0)
			return 0;
		if (errno != EINTR)
			die("poll");
	}
}

static void tick(void)
{
	struct timespec ts = { .tv_nsec = 4000000 };

	nanosleep(&ts, NULL);
}

short wait_for_all(int fd, short events, int timeout_ms)
{
	long long deadline = now_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = EVERY_EVENT };

	/*
	 * poll() wakes for any event, so one that is already there would turn
	 * the wait for another into a busy loop.
	 */
	for (;;) {
		if (poll(&p, 1, 0) < 0)
			die("poll");
		if ((p.revents & events) == events || now_ms() >= deadline)
			return p.revents;
		tick();
	}
}

bool wait_until(bool (*check)(void *arg), void *arg, int timeout_ms)
{
	long long deadline = now_ms() + timeout_ms;

	for (;;) {
		if (check(arg))
			return true;
		if (now_ms() >= deadline)
			return false;
		tick();
	}
}
