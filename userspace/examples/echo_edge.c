// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An echo server that serves many connections in one thread, with
 * edge-triggered epoll (EPOLLET).
 *
 * A line is returned when something happens to it, bytes arrive or room comes,
 * and not again because there is still something to read.  So each socket is
 * told to the kernel once, for both directions, which saves the calls that
 * echo_epoll makes to change its mind.  The price: whoever is told must go on
 * until a call says EAGAIN.  To stop before that is to wait for an event that
 * has already been told, for ever.  That holds for the listener, too: one event
 * may stand for many connections.
 *
 * A peer that sends faster than we read would never let us get to EAGAIN, nor to
 * anybody else.  Here its own window stops it sooner or later, because it gets
 * all back that it sends; other servers give each connection a share and keep a
 * list of those that have used theirs up.
 *
 *	echo_edge [PORT [tcp]]
 */
#include <errno.h>
#include <fcntl.h>
#include <ferry/ferry.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fewer than a process may usually have open. */
#define CONNS 1000

static struct conn {
	size_t at, len;		/* what waits in the buffer */
	char buf[4096];
} conns[CONNS];			/* by descriptor */

static void add(int ep, int fd)
{
	struct epoll_event e = {
		.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.fd = fd,
	};

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
		perror("epoll_ctl");
}

static void welcome_all(int ep, int listener)
{
	int fd;

	do {
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= CONNS) {
			close(fd);
		} else if (fd >= 0) {
			conns[fd].len = 0;
			add(ep, fd);
		}
	} while (fd >= 0 || errno != EAGAIN);
}

static void serve(int fd)
{
	struct conn *c = &conns[fd];
	ssize_t n;

	do {
		if (!c->len) {
			n = recv(fd, c->buf, sizeof(c->buf), 0);
			if (n > 0) {
				c->at = 0;
				c->len = n;
			}
		} else {
			n = send(fd, c->buf + c->at, c->len, MSG_NOSIGNAL);
			if (n > 0) {
				c->at += n;
				c->len -= n;
			}
		}
	} while (n > 0);
	/* The peer has ended, or the connection is broken. */
	if (n == 0 || errno != EAGAIN)
		close(fd);
}

int main(int argc, char **argv)
{
	int protocol = argc > 2 ? FERRY_PROTOCOL_TCP : FERRY_PROTOCOL_FERRY;
	int listener = ferry_listen_protocol(NULL, argc > 1 ? argv[1] : "7777",
					     128, protocol);
	int ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[64];
	int i, n;

	if (listener < 0 || ep < 0) {
		perror("echo_edge");
		return 1;
	}
	fcntl(listener, F_SETFL, O_NONBLOCK);
	add(ep, listener);
	while ((n = epoll_wait(ep, events, 64, -1)) >= 0 || errno == EINTR) {
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				welcome_all(ep, listener);
			else
				serve(events[i].data.fd);
		}
	}
	perror("epoll_wait");
	return 1;
}
