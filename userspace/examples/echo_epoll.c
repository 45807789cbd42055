// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An echo server that serves many connections in one thread, with epoll as it
 * is unless told otherwise: level-triggered.
 *
 * The kernel keeps the table here.  epoll_ctl() changes a line of it, and
 * epoll_wait() returns only lines that are ready, so that idle connections cost
 * nothing.  A line is returned again and again while it is ready: nothing is
 * lost if one call reads but a part, and in turn a line must not ask for what
 * nobody is going to use.  A socket nearly always has room, so that EPOLLOUT is
 * asked for only while something waits to be sent.
 *
 * The thread waits nowhere else: the sockets are non-blocking.  A connection
 * waits for one thing at a time: for bytes while its buffer is empty, else for
 * room.  So a peer that sends and does not read stops itself, and nobody else.
 *
 *	echo_epoll [PORT [tcp]]
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

static void wait_for(int ep, int how, int fd, unsigned int events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	if (epoll_ctl(ep, how, fd, &e))
		perror("epoll_ctl");
}

static void welcome(int ep, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= CONNS) {
		close(fd);
	} else if (fd >= 0) {
		conns[fd].len = 0;
		wait_for(ep, EPOLL_CTL_ADD, fd, EPOLLIN);
	}
}

static void serve(int ep, int fd)
{
	struct conn *c = &conns[fd];
	ssize_t n;

	if (!c->len) {
		n = recv(fd, c->buf, sizeof(c->buf), 0);
		if (n > 0) {
			c->at = 0;
			c->len = n;
			wait_for(ep, EPOLL_CTL_MOD, fd, EPOLLOUT);
		}
	} else {
		n = send(fd, c->buf + c->at, c->len, MSG_NOSIGNAL);
		if (n > 0) {
			c->at += n;
			c->len -= n;
			if (!c->len)
				wait_for(ep, EPOLL_CTL_MOD, fd, EPOLLIN);
		}
	}
	/* The peer has ended, or the connection is broken; its line goes, too. */
	if (n == 0 || (n < 0 && errno != EAGAIN))
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
		perror("echo_epoll");
		return 1;
	}
	fcntl(listener, F_SETFL, O_NONBLOCK);
	wait_for(ep, EPOLL_CTL_ADD, listener, EPOLLIN);
	while ((n = epoll_wait(ep, events, 64, -1)) >= 0 || errno == EINTR) {
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				welcome(ep, listener);
			else
				serve(ep, events[i].data.fd);
		}
	}
	perror("epoll_wait");
	return 1;
}
