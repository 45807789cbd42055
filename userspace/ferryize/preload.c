// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The library that ferryize loads into a program in front of the C library.
 *
 * socket() opens a Ferry socket where the program asks for TCP.  If ferryize
 * was told of ports or of one role alone, that is too early to know: then the
 * socket is TCP's until bind(), listen() or connect() shows what it is for, and
 * is exchanged for a Ferry socket there (carry.c).
 *
 * Nothing is remembered of a socket: what it is, the kernel is asked.  So
 * descriptors may be passed on, duplicated and closed in any way, and threads
 * need no lock.  A program that asks for a socket's protocol is told the truth.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/ferry.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "preload.h"

#define TCP_STATE_CLOSE 7

static struct {
	bool verbose;
	bool narrow;		/* not every socket */
	bool listen, connect;	/* which roles */
	const char *ports;	/* NULL: all */
} rule;

__attribute__((constructor)) static void read_rule(void)
{
	const char *role = getenv(ENV_ROLE);

	rule.verbose = getenv(ENV_VERBOSE);
	rule.ports = getenv(ENV_PORTS);
	rule.listen = !role || strcmp(role, "connect");
	rule.connect = !role || strcmp(role, "listen");
	rule.narrow = role || rule.ports;
}

/* One line, in one write, and never into a connection. */
static void say(const char *fmt, va_list ap)
{
	char line[256];
	socklen_t len = sizeof(int);
	int err = errno, family;
	size_t n;

	if (!getsockopt(STDERR_FILENO, SOL_SOCKET, SO_DOMAIN, &family, &len) &&
	    (family == AF_INET || family == AF_INET6)) {
		errno = err;
		return;
	}
	n = snprintf(line, sizeof(line), "ferryize: %s[%d]: ",
		     program_invocation_short_name, (int)getpid());
	if (n < sizeof(line))
		n += vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	if (n > sizeof(line) - 1)
		n = sizeof(line) - 1;
	line[n++] = '\n';
	/* There is nobody to tell that it could not be told. */
	if (write(STDERR_FILENO, line, n) < 0)
		errno = err;
	errno = err;
}

void tell(const char *fmt, ...)
{
	va_list ap;

	if (!rule.verbose)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

static void warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

/* The next function of this name; looking it up twice does no harm. */
static void *next(void **known, const char *name)
{
	void *found = __atomic_load_n(known, __ATOMIC_RELAXED);

	if (!found) {
		found = dlsym(RTLD_NEXT, name);
		__atomic_store_n(known, found, __ATOMIC_RELAXED);
	}
	return found;
}

int real_socket(int family, int type, int protocol)
{
	static void *known;
	int (*call)(int family, int type, int protocol) =
		next(&known, "socket");

	return call(family, type, protocol);
}

int real_bind(int fd, const void *addr, unsigned int len)
{
	static void *known;
	int (*call)(int fd, const void *addr, socklen_t len) =
		next(&known, "bind");

	return call(fd, addr, len);
}

static int real_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	static void *known;
	int (*call)(int fd, const struct sockaddr *addr, socklen_t len) =
		next(&known, "connect");

	return call(fd, addr, len);
}

static int real_listen(int fd, int backlog)
{
	static void *known;
	int (*call)(int fd, int backlog) = next(&known, "listen");

	return call(fd, backlog);
}

static bool wants_tcp(int family, int type, int protocol)
{
	return (family == AF_INET || family == AF_INET6) &&
	       (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM &&
	       (protocol == 0 || protocol == IPPROTO_TCP);
}

__attribute__((visibility("default")))
int socket(int family, int type, int protocol)
{
	static bool warned;
	int fd;

	if (rule.narrow || !wants_tcp(family, type, protocol))
		return real_socket(family, type, protocol);

	fd = real_socket(family, type, IPPROTO_FERRY);
	if (fd >= 0) {
		tell("descriptor %d is Ferry", fd);
		return fd;
	}
	/* Whatever else is wrong would be wrong with TCP, too. */
	if (errno != EMFILE && errno != ENFILE &&
	    !__atomic_exchange_n(&warned, true, __ATOMIC_RELAXED))
		warn("no Ferry (%s): this program uses TCP", strerror(errno));
	return real_socket(family, type, protocol);
}

static int port_of(const struct sockaddr *addr, socklen_t len)
{
	/* Both families have it in the same place. */
	const struct sockaddr_in *in = (const void *)addr;

	if (!addr || len < sizeof(*in) ||
	    (addr->sa_family != AF_INET && addr->sa_family != AF_INET6))
		return -1;
	return ntohs(in->sin_port);
}

static bool port_chosen(int port)
{
	const char *at = rule.ports;
	char *end;
	long first, last;

	if (!at)
		return true;
	while (*at) {
		first = strtol(at, &end, 10);
		last = *end == '-' ? strtol(end + 1, &end, 10) : first;
		if (port >= first && port <= last)
			return true;
		at = *end ? end + 1 : end;
	}
	return false;
}

/* An open socket, not yet in use, is to be of @protocol from here on. */
static void become(int fd, int protocol, const char *why, int port)
{
	int family, type, from;
	struct tcp_info info;
	socklen_t len = sizeof(int);
	int err = errno;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len) ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &from, &len))
		goto out;
	if ((!wants_tcp(family, type, from) && from != IPPROTO_FERRY) ||
	    from == protocol)
		goto out;
	len = sizeof(info);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ||
	    info.tcpi_state != TCP_STATE_CLOSE)
		goto out;
	if (carry_over(fd, family, from, protocol))
		warn("what %s port %d stays with %s: %s", why, port,
		     protocol == IPPROTO_FERRY ? "TCP" : "Ferry",
		     strerror(errno));
	else
		tell("descriptor %d is %s: %s port %d", fd,
		     protocol == IPPROTO_FERRY ? "Ferry" : "TCP", why, port);
out:
	errno = err;
}

__attribute__((visibility("default")))
int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	int port = port_of(addr, len);

	/*
	 * Who wants a certain port will listen: be Ferry before TCP's port is
	 * asked for, which another program may have.
	 */
	if (rule.narrow && rule.listen && port > 0 && port_chosen(port))
		become(fd, IPPROTO_FERRY, "is bound to", port);
	return real_bind(fd, addr, len);
}

__attribute__((visibility("default")))
int listen(int fd, int backlog)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int err = errno, port;

	if (rule.narrow && !getsockname(fd, (void *)&addr, &len)) {
		port = port_of((void *)&addr, len);
		if (port >= 0 && rule.listen && port_chosen(port))
			become(fd, IPPROTO_FERRY, "listens at", port);
	}
	errno = err;
	return real_listen(fd, backlog);
}

__attribute__((visibility("default")))
int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int port = port_of(addr, len);

	/* It may have become Ferry in bind(), which could not know. */
	if (rule.narrow && port > 0)
		become(fd, rule.connect && port_chosen(port) ? IPPROTO_FERRY :
							       IPPROTO_TCP,
		       "connects to", port);
	return real_connect(fd, addr, len);
}
