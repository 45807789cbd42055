// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Listeners for both address families, and what comes to them.
 */
#include <netinet/in.h>
#include <sys/socket.h>

#include "inside.h"

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

	if (resolve(host, port, AI_PASSIVE, &list))
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
