// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From a name to a connection, over whichever of its addresses answers first:
 * "Happy Eyeballs", RFC 8305.
 *
 * A host that has IPv6 addresses which do not work would cost a whole time-out
 * if its addresses were tried one after the other.  So an attempt that has not
 * come to an end after 250 ms gets a rival: the next address, of the other
 * family if there is one.  An attempt that fails is followed by the next one at
 * once.  The first to succeed wins, and the others are closed.
 *
 * A dial waits for a name server and for many sockets, and for one descriptor
 * to its user: all of them are in an epoll set, whose descriptor is readable
 * when there is something to do.
 *
 * Of RFC 8305 this leaves out what is between the resolver and its user: both
 * families' addresses come in one answer, in the order of RFC 6724.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "inside.h"

#define ATTEMPT_DELAY_MS	250	/* RFC 8305, section 5 */
#define NOTICES			16	/* events taken at once */

struct attempt {
	const struct addrinfo *to;
	int fd;			/* -1 before and after */
};

struct ferry_dial {
	int epoll;
	int protocol;
	long long deadline;	/* of it all */
	long long next;		/* when the next attempt may start */
	struct lookup *lookup;
	struct attempt *attempts;	/* NULL until the name is known */
	unsigned int n;
	unsigned int started;	/* those after them wait for their turn */
	unsigned int running;
	int error;		/* of what failed last */
	bool over;
};

struct ferry_dial *ferry_dial_new(const char *host, const char *port,
				  int timeout_ms, int protocol)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct ferry_dial *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return NULL;
	d->protocol = protocol;
	d->deadline = deadline_in(timeout_ms);
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (d->epoll < 0)
		goto failed;
	d->lookup = lookup_start(host, port);
	if (!d->lookup)
		goto failed;
	if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, lookup_fd(d->lookup), &ev))
		goto failed;
	return d;
failed:
	err = errno;
	ferry_dial_free(d);
	errno = err;
	return NULL;
}

void ferry_dial_free(struct ferry_dial *d)
{
	unsigned int i;

	if (!d)
		return;
	for (i = 0; i < d->started; i++)
		if (d->attempts[i].fd >= 0)
			close(d->attempts[i].fd);
	free(d->attempts);
	lookup_drop(d->lookup);
	if (d->epoll >= 0)
		close(d->epoll);
	free(d);
}

/* The next one of @list that is, or is not, of this family. */
static const struct addrinfo *next_of(const struct addrinfo *list, int family,
				      bool is)
{
	while (list && (list->ai_family == family) != is)
		list = list->ai_next;
	return list;
}

/* RFC 8305, section 4: the families take turns, the preferred one begins. */
static int line_up(struct ferry_dial *d, const struct addrinfo *list)
{
	const struct addrinfo *a, *turn[2];
	int family = list->ai_family;
	unsigned int n = 0, which = 0;

	for (a = list; a; a = a->ai_next)
		n++;
	d->attempts = calloc(n, sizeof(*d->attempts));
	if (!d->attempts)
		return -1;
	turn[0] = list;
	turn[1] = next_of(list, family, false);
	while (d->n < n) {
		if (!turn[which])
			which = !which;
		d->attempts[d->n].to = turn[which];
		d->attempts[d->n++].fd = -1;
		turn[which] = next_of(turn[which]->ai_next, family, !which);
		which = !which;
	}
	return 0;
}

/* The name server has answered, or the name was an address. */
static int take_lookup(struct ferry_dial *d)
{
	struct addrinfo *list;

	if (lookup_result(d->lookup, &list))
		return -1;
	epoll_ctl(d->epoll, EPOLL_CTL_DEL, lookup_fd(d->lookup), NULL);
	return line_up(d, list);
}

static void lost(struct ferry_dial *d, struct attempt *t, int err)
{
	close(t->fd);
	t->fd = -1;
	d->error = err;
}

static int won(struct ferry_dial *d, struct attempt *t)
{
	int fd = t->fd;

	epoll_ctl(d->epoll, EPOLL_CTL_DEL, fd, NULL);
	t->fd = -1;
	return fd;
}

/* Returns a socket that is connected already, or -1: see d->running. */
static int start(struct ferry_dial *d)
{
	struct epoll_event ev = { .events = EPOLLOUT };
	struct attempt *t = &d->attempts[d->started];

	ev.data.u32 = d->started++;
	t->fd = socket(t->to->ai_family,
		       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, d->protocol);
	if (t->fd < 0) {
		d->error = errno;
		return -1;
	}
	if (!connect(t->fd, t->to->ai_addr, t->to->ai_addrlen))
		return won(d, t);
	/* An interrupted connect() goes on without its caller. */
	if ((errno != EINPROGRESS && errno != EINTR) ||
	    epoll_ctl(d->epoll, EPOLL_CTL_ADD, t->fd, &ev)) {
		lost(d, t, errno);
		return -1;
	}
	d->running++;
	d->next = ferry_now() + ATTEMPT_DELAY_MS;
	return -1;
}

/* Returns a socket that is connected now, or -1. */
static int look(struct ferry_dial *d)
{
	struct epoll_event ev[NOTICES];
	int n = epoll_wait(d->epoll, ev, NOTICES, 0);
	int i;

	for (i = 0; i < n; i++) {
		struct attempt *t = &d->attempts[ev[i].data.u32];
		socklen_t len = sizeof(int);
		int err;

		if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &err, &len))
			err = errno;
		if (!err)
			return won(d, t);
		lost(d, t, err);
		d->running--;
		d->next = 0;
	}
	return -1;
}

/* Nothing of a race goes on when it is over. */
static void stop(struct ferry_dial *d)
{
	unsigned int i;

	for (i = 0; i < d->started; i++)
		if (d->attempts[i].fd >= 0)
			lost(d, &d->attempts[i], 0);
	d->over = true;
}

static int fail(struct ferry_dial *d, int err)
{
	stop(d);
	errno = err;
	return -1;
}

int ferry_dial_step(struct ferry_dial *d)
{
	long long now = ferry_now();
	bool late = d->deadline >= 0 && now >= d->deadline;
	int fd;

	if (d->over) {
		errno = EINVAL;
		return -1;
	}
	if (!d->attempts && take_lookup(d)) {
		if (errno == EINPROGRESS && !late)
			return -1;
		return fail(d, late ? ETIMEDOUT : errno);
	}
	fd = look(d);
	while (fd < 0 && d->started < d->n && !late &&
	       (!d->running || now >= d->next)) {
		fd = start(d);
		now = ferry_now();
	}
	if (fd >= 0) {
		stop(d);
		return fd;
	}
	if (late)
		return fail(d, ETIMEDOUT);
	if (!d->running)
		return fail(d, d->error);
	errno = EINPROGRESS;
	return -1;
}

void ferry_dial_wants(const struct ferry_dial *d, struct ferry_wants *wants)
{
	wants->fd = d->epoll;
	wants->events = POLLIN;
	wants->deadline = d->deadline;
	if (d->started < d->n)
		wants->deadline = earlier(d->deadline, d->next);
}
