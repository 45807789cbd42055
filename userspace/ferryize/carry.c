// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Put a socket of another protocol in the place of one that a program has
 * opened and set up, but not yet used.
 *
 * Which options the program has set is seen by comparing its socket with a
 * fresh one of the same protocol; those are set again.  What has no getsockopt()
 * (socket filters, multicast) is not carried over.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "preload.h"

#define VALUE_MAX 64

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

struct option {
	int level, name;
	const char *text;
};

#define OPTION(level, name) { level, name, #name }

/* Those that bind() looks at are here, too: they come before it. */
static const struct option options[] = {
	OPTION(SOL_SOCKET, SO_REUSEADDR),
	OPTION(SOL_SOCKET, SO_REUSEPORT),
	OPTION(SOL_SOCKET, SO_BINDTODEVICE),
	OPTION(SOL_SOCKET, SO_MARK),
	OPTION(SOL_SOCKET, SO_PRIORITY),
	OPTION(SOL_SOCKET, SO_KEEPALIVE),
	OPTION(SOL_SOCKET, SO_LINGER),
	OPTION(SOL_SOCKET, SO_OOBINLINE),
	OPTION(SOL_SOCKET, SO_DONTROUTE),
	OPTION(SOL_SOCKET, SO_RCVLOWAT),
	OPTION(SOL_SOCKET, SO_RCVTIMEO),
	OPTION(SOL_SOCKET, SO_SNDTIMEO),
	OPTION(SOL_SOCKET, SO_MAX_PACING_RATE),
	OPTION(SOL_SOCKET, SO_BUSY_POLL),
	OPTION(SOL_SOCKET, SO_TIMESTAMP),
	OPTION(SOL_SOCKET, SO_TIMESTAMPNS),
	OPTION(IPPROTO_IP, IP_TOS),
	OPTION(IPPROTO_IP, IP_TTL),
	OPTION(IPPROTO_IP, IP_MTU_DISCOVER),
	OPTION(IPPROTO_IP, IP_FREEBIND),
	OPTION(IPPROTO_IP, IP_TRANSPARENT),
	OPTION(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT),
	OPTION(IPPROTO_IP, IP_RECVERR),
	OPTION(IPPROTO_IP, IP_MINTTL),
	OPTION(IPPROTO_IPV6, IPV6_V6ONLY),
	OPTION(IPPROTO_IPV6, IPV6_TCLASS),
	OPTION(IPPROTO_IPV6, IPV6_UNICAST_HOPS),
	OPTION(IPPROTO_IPV6, IPV6_MTU_DISCOVER),
	OPTION(IPPROTO_IPV6, IPV6_FREEBIND),
	OPTION(IPPROTO_IPV6, IPV6_TRANSPARENT),
	OPTION(IPPROTO_IPV6, IPV6_RECVERR),
	OPTION(IPPROTO_TCP, TCP_NODELAY),
	OPTION(IPPROTO_TCP, TCP_CORK),
	OPTION(IPPROTO_TCP, TCP_MAXSEG),
	OPTION(IPPROTO_TCP, TCP_KEEPIDLE),
	OPTION(IPPROTO_TCP, TCP_KEEPINTVL),
	OPTION(IPPROTO_TCP, TCP_KEEPCNT),
	OPTION(IPPROTO_TCP, TCP_SYNCNT),
	OPTION(IPPROTO_TCP, TCP_LINGER2),
	OPTION(IPPROTO_TCP, TCP_DEFER_ACCEPT),
	OPTION(IPPROTO_TCP, TCP_WINDOW_CLAMP),
	OPTION(IPPROTO_TCP, TCP_QUICKACK),
	OPTION(IPPROTO_TCP, TCP_CONGESTION),
	OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT),
	OPTION(IPPROTO_TCP, TCP_FASTOPEN),
	OPTION(IPPROTO_TCP, TCP_FASTOPEN_CONNECT),
	OPTION(IPPROTO_TCP, TCP_NOTSENT_LOWAT),
};

static int read_option(int fd, const struct option *o, char *value)
{
	socklen_t len = VALUE_MAX;

	memset(value, 0, VALUE_MAX);
	if (getsockopt(fd, o->level, o->name, value, &len))
		return -1;
	return len;
}

static void carry_options(int fd, int fresh, int new)
{
	char value[VALUE_MAX], usual[VALUE_MAX];
	const struct option *o;
	int len;

	for (o = options; o < options + sizeof(options) / sizeof(*o); o++) {
		len = read_option(fd, o, value);
		if (len <= 0 || (read_option(fresh, o, usual) == len &&
				 !memcmp(value, usual, len)))
			continue;
		if (setsockopt(new, o->level, o->name, value, len))
			tell("%s is lost: %s", o->text, strerror(errno));
	}
}

/* The kernel says twice of what it was told, and whether it was told. */
static void carry_buffers(int fd, int new)
{
	static const struct {
		int bit, name;
	} buffers[] = { { 1, SO_SNDBUF }, { 2, SO_RCVBUF } };
	socklen_t len = sizeof(int);
	int locks, value;
	unsigned int i;

	if (getsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &locks, &len))
		return;
	for (i = 0; i < 2; i++) {
		if (!(locks & buffers[i].bit) ||
		    getsockopt(fd, SOL_SOCKET, buffers[i].name, &value, &len))
			continue;
		value /= 2;
		setsockopt(new, SOL_SOCKET, buffers[i].name, &value, len);
	}
}

static int carry_address(int fd, int new)
{
	struct sockaddr_in6 addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (void *)&addr, &len))
		return -1;
	/* Both families have the port in the same place. */
	if (!addr.sin6_port)
		return 0;
	return real_bind(new, &addr, len);
}

static int carry_flags(int fd, int new)
{
	struct f_owner_ex owner;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	if (!fcntl(fd, F_GETOWN_EX, &owner) && owner.pid)
		fcntl(new, F_SETOWN_EX, &owner);
	if (fcntl(fd, F_GETSIG))
		fcntl(new, F_SETSIG, fcntl(fd, F_GETSIG));
	return fcntl(new, F_SETFL, flags);
}

/* Where a descriptor is waited for: one of these for each epoll set. */
struct watch {
	struct watch *next;
	int epoll;
	struct epoll_event event;
};

/* Add to @list what epoll set @epoll has for @fd. */
static struct watch *watches_of(struct watch *list, int epoll, int fd)
{
	char path[64], line[256];
	struct watch *w;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epoll);
	f = fopen(path, "re");
	if (!f)
		return list;
	while (fgets(line, sizeof(line), f)) {
		unsigned int events;
		unsigned long long data;
		int tfd;

		if (sscanf(line, "tfd: %d events: %x data: %llx", &tfd,
			   &events, &data) != 3 || tfd != fd)
			continue;
		w = malloc(sizeof(*w));
		if (!w)
			break;
		*w = (struct watch){ .next = list, .epoll = epoll };
		w->event.events = events;
		w->event.data.u64 = data;
		list = w;
	}
	fclose(f);
	return list;
}

/* A set forgets a file that is closed: look before. */
static struct watch *find_watches(int fd)
{
	struct watch *list = NULL;
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	char target[64];
	ssize_t n;

	if (!dir)
		return NULL;
	while ((entry = readdir(dir))) {
		n = readlinkat(dirfd(dir), entry->d_name, target,
			       sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = 0;
		if (!strcmp(target, "anon_inode:[eventpoll]"))
			list = watches_of(list, atoi(entry->d_name), fd);
	}
	closedir(dir);
	return list;
}

static void renew_watches(struct watch *list, int fd)
{
	struct watch *w;

	while ((w = list)) {
		list = w->next;
		/* A duplicate may have kept the old file in the set. */
		if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &w->event))
			tell("epoll does not know socket %d any more: %s", fd,
			     strerror(errno));
		free(w);
	}
}

int carry_over(int fd, int family, int from, int protocol)
{
	int cloexec = fcntl(fd, F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0;
	int fresh, new, err = 0;
	struct watch *watches;

	new = real_socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol);
	if (new < 0)
		return -1;
	fresh = real_socket(family, SOCK_STREAM | SOCK_CLOEXEC, from);
	if (fresh < 0) {
		err = errno;
		goto out;
	}
	carry_options(fd, fresh, new);
	carry_buffers(fd, new);
	close(fresh);
	if (carry_address(fd, new) || carry_flags(fd, new)) {
		err = errno;
		goto out;
	}
	watches = find_watches(fd);
	if (dup3(new, fd, cloexec) < 0)
		err = errno;
	renew_watches(watches, fd);
out:
	close(new);
	errno = err;
	return err ? -1 : 0;
}
