// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An echo server that serves many connections in one thread, with poll().
 *
 * poll() takes a table: a descriptor in each line, the events that are waited
 * for, and room for those that have come.  The table stays what it is from call
 * to call, lines with a negative descriptor are passed over, and no descriptor
 * is too large.  The kernel still looks at every line each time; epoll_wait()
 * does not (echo_epoll).
 *
 * The thread waits nowhere else: the sockets are non-blocking, because what was
 * ready a moment ago need not be so any more.  A connection waits for one thing
 * at a time: for bytes while its buffer is empty, else for room.  So a peer that
 * sends and does not read stops itself, and nobody else.
 *
 *	echo_poll [PORT [tcp]]
 */
#include <errno.h>
#include <fcntl.h>
#include <ferry/ferry.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fewer than a process may usually have open. */
#define CONNS 1000

static struct conn {
	size_t at, len;		/* what waits in the buffer */
	char buf[4096];
} conns[CONNS];			/* by descriptor, as the table is */

static struct pollfd table[CONNS];

static void welcome(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= CONNS) {
		close(fd);
	} else if (fd >= 0) {
		table[fd].fd = fd;
		table[fd].events = POLLIN;
		conns[fd].len = 0;
	}
}

static void serve(struct pollfd *p)
{
	struct conn *c = &conns[p->fd];
	ssize_t n;

	if (c->len) {
		n = send(p->fd, c->buf + c->at, c->len, MSG_NOSIGNAL);
		if (n > 0) {
			c->at += n;
			c->len -= n;
		}
	} else {
		n = recv(p->fd, c->buf, sizeof(c->buf), 0);
		if (n > 0) {
			c->at = 0;
			c->len = n;
		}
	}
	if (n > 0 || (n < 0 && errno == EAGAIN)) {
		p->events = c->len ? POLLOUT : POLLIN;
		return;
	}
	/* The peer has ended, or the connection is broken. */
	close(p->fd);
	p->fd = -1;
}

int main(int argc, char **argv)
{
	int protocol = argc > 2 ? FERRY_PROTOCOL_TCP : FERRY_PROTOCOL_FERRY;
	int listener = ferry_listen_protocol(NULL, argc > 1 ? argv[1] : "7777",
					     128, protocol);
	int i;

	if (listener < 0) {
		perror("ferry_listen");
		return 1;
	}
	fcntl(listener, F_SETFL, O_NONBLOCK);
	for (i = 0; i < CONNS; i++)
		table[i].fd = -1;
	table[listener].fd = listener;
	table[listener].events = POLLIN;
	for (;;) {
		if (poll(table, CONNS, -1) < 0) {
			perror("poll");
			return 1;
		}
		/* POLLERR and POLLHUP come unasked: serve() finds out why. */
		for (i = 0; i < CONNS; i++)
			if (i != listener && table[i].fd >= 0 &&
			    table[i].revents)
				serve(&table[i]);
		if (table[listener].revents)
			welcome(listener);
	}
}
