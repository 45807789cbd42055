// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From a name to a connection or a listener.
 */
#include <errno.h>
#include <fcntl.h>
#include <ferry/ferry.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void close_keeping_errno(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
}

static int lookup(const char *host, const char *port, int flags,
		  struct addrinfo **list)
{
	/*
	 * Resolvers know TCP and not Ferry: ask for stream sockets and put
	 * the protocol in afterwards.
	 */
	struct addrinfo hints = {
		.ai_flags = flags,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_protocol = IPPROTO_TCP,
	};

	switch (getaddrinfo(host, port, &hints, list)) {
	case 0:
		return 0;
	case EAI_SYSTEM:
		return -1;
	case EAI_AGAIN:
		errno = EAGAIN;
		return -1;
	case EAI_MEMORY:
		errno = ENOMEM;
		return -1;
	case EAI_SERVICE:
		errno = EINVAL;
		return -1;
	default:
		errno = ENOENT;
		return -1;
	}
}

/* Wait for a connect() that is in progress; 0, or -1 with its errno. */
static int await_connect(int fd, long long deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len;
	int n, err;

	for (;;) {
		long long left = deadline < 0 ? -1 : deadline - now_ms();

		if (deadline >= 0 && left < 0)
			left = 0;
		n = poll(&p, 1, left);
		if (n > 0)
			break;
		if (n == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (errno != EINTR)
			return -1;
	}
	len = sizeof(err);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -1;
	if (!err)
		return 0;
	errno = err;
	return -1;
}

static int connect_one(const struct addrinfo *a, int protocol,
		       long long deadline)
{
	int flags, fd;

	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    protocol);
	if (fd < 0)
		return -1;
	/* An interrupted connect() goes on without its caller. */
	if (connect(fd, a->ai_addr, a->ai_addrlen) &&
	    ((errno != EINPROGRESS && errno != EINTR) ||
	     await_connect(fd, deadline)))
		goto failed;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK))
		goto failed;
	return fd;
failed:
	close_keeping_errno(fd);
	return -1;
}

int ferry_connect_protocol(const char *host, const char *port, int timeout_ms,
			   int protocol)
{
	long long end = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	struct addrinfo *list, *a;
	int left = 0;
	int fd = -1;

	if (lookup(host, port, AI_ADDRCONFIG, &list) &&
	    (errno != ENOENT || lookup(host, port, 0, &list)))
		return -1;
	if (timeout_ms >= 0)
		end = now_ms() + timeout_ms;
	for (a = list; a; a = a->ai_next)
		left++;
	for (a = list; a && fd < 0; a = a->ai_next, left--) {
		long long deadline = -1;

		if (end >= 0) {
			long long now = now_ms();

			deadline = now + (end > now ? (end - now) / left : 0);
		}
		fd = connect_one(a, protocol, deadline);
	}
	if (fd < 0) {
		int err = errno;

		freeaddrinfo(list);
		errno = err;
		return -1;
	}
	freeaddrinfo(list);
	return fd;
}

int ferry_connect(const char *host, const char *port, int timeout_ms)
{
	return ferry_connect_protocol(host, port, timeout_ms,
				      FERRY_PROTOCOL_FERRY);
}

static int listen_one(const struct addrinfo *a, int backlog, int protocol,
		      bool both)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, protocol);
	int on = 1, off = 0;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		goto failed;
	if (a->ai_family == AF_INET6 && both &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)))
		goto failed;
	if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, backlog))
		goto failed;
	return fd;
failed:
	close_keeping_errno(fd);
	return -1;
}

int ferry_listen_protocol(const char *host, const char *port, int backlog,
			  int protocol)
{
	struct addrinfo *list, *a;
	int pass, err;
	int fd = -1;

	if (lookup(host, port, AI_PASSIVE, &list))
		return -1;
	/* The IPv6 wildcard serves both families: try IPv6 first. */
	for (pass = 0; pass < 2 && fd < 0; pass++) {
		for (a = list; a && fd < 0; a = a->ai_next) {
			bool six = a->ai_family == AF_INET6;

			if (six == !pass)
				fd = listen_one(a, backlog, protocol, !host);
		}
	}
	err = errno;
	freeaddrinfo(list);
	errno = err;
	return fd;
}

int ferry_listen(const char *host, const char *port, int backlog)
{
	return ferry_listen_protocol(host, port, backlog,
				     FERRY_PROTOCOL_FERRY);
}

int ferry_accept(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0 || (errno != EINTR && errno != ECONNABORTED))
			return fd;
	}
}

int ferry_local_port(int fd)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} name;
	socklen_t len = sizeof(name);

	if (getsockname(fd, &name.sa, &len))
		return -1;
	switch (name.sa.sa_family) {
	case AF_INET:
		return ntohs(name.v4.sin_port);
	case AF_INET6:
		return ntohs(name.v6.sin6_port);
	default:
		errno = EAFNOSUPPORT;
		return -1;
	}
}
