// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An echo server that serves many connections in one thread, with select().
 *
 * select() takes sets of bits: one of the descriptors to read from and one of
 * those to write to.  It waits until one of them is ready, and leaves the bits
 * of the ready ones alone.  So the sets are made anew for each call, the kernel
 * looks at every descriptor each time, and one of FD_SETSIZE (1024) or more has
 * no bit: whoever sets it all the same writes beyond the end of the set.
 *
 * The thread waits nowhere else: the sockets are non-blocking, because what was
 * ready a moment ago need not be so any more.  A connection waits for one thing
 * at a time: for bytes while its buffer is empty, else for room.  So a peer that
 * sends and does not read stops itself, and nobody else.
 *
 *	echo_select [PORT [tcp]]
 */
#include <errno.h>
#include <fcntl.h>
#include <ferry/ferry.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fewer than FD_SETSIZE, and than a process may usually have open. */
#define CONNS 1000

static struct conn {
	bool open;
	size_t at, len;		/* what waits in the buffer */
	char buf[4096];
} conns[CONNS];			/* by descriptor */

static void welcome(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= CONNS) {
		close(fd);
	} else if (fd >= 0) {
		conns[fd].open = true;
		conns[fd].len = 0;
	}
}

static void serve(int fd)
{
	struct conn *c = &conns[fd];
	ssize_t n;

	if (c->len) {
		n = send(fd, c->buf + c->at, c->len, MSG_NOSIGNAL);
		if (n > 0) {
			c->at += n;
			c->len -= n;
		}
	} else {
		n = recv(fd, c->buf, sizeof(c->buf), 0);
		if (n > 0) {
			c->at = 0;
			c->len = n;
		}
	}
	if (n > 0 || (n < 0 && errno == EAGAIN))
		return;
	/* The peer has ended, or the connection is broken. */
	c->open = false;
	close(fd);
}

int main(int argc, char **argv)
{
	int protocol = argc > 2 ? FERRY_PROTOCOL_TCP : FERRY_PROTOCOL_FERRY;
	int listener = ferry_listen_protocol(NULL, argc > 1 ? argv[1] : "7777",
					     128, protocol);
	fd_set in, out;
	int fd;

	if (listener < 0) {
		perror("ferry_listen");
		return 1;
	}
	fcntl(listener, F_SETFL, O_NONBLOCK);
	for (;;) {
		FD_ZERO(&in);
		FD_ZERO(&out);
		FD_SET(listener, &in);
		for (fd = 0; fd < CONNS; fd++)
			if (conns[fd].open)
				FD_SET(fd, conns[fd].len ? &out : &in);
		if (select(CONNS, &in, &out, NULL, NULL) < 0) {
			perror("select");
			return 1;
		}
		for (fd = 0; fd < CONNS; fd++)
			if (conns[fd].open &&
			    (FD_ISSET(fd, &in) || FD_ISSET(fd, &out)))
				serve(fd);
		if (FD_ISSET(listener, &in))
			welcome(listener);
	}
}
