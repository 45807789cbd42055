// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An echo server in its simplest form: blocking calls, one connection after the
 * other, over IPv4 and IPv6.  Try it with hello, or with "ferry cat".
 *
 * Who connects while another is served waits until that one has gone.  How one
 * thread serves all at once is what echo_select, echo_poll, echo_epoll and
 * echo_edge show, each in its own way; prefork has many processes.
 *
 *	echo [PORT [tcp]]
 */
#include <ferry/ferry.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int protocol = argc > 2 ? FERRY_PROTOCOL_TCP : FERRY_PROTOCOL_FERRY;
	int listener = ferry_listen_protocol(NULL, argc > 1 ? argv[1] : "7777",
					     16, protocol);
	char buf[4096];
	ssize_t n;
	int fd;

	if (listener < 0) {
		perror("ferry_listen");
		return 1;
	}
	while ((fd = ferry_accept(listener)) >= 0) {
		while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
			if (ferry_write_all(fd, buf, n))
				break;
		close(fd);
	}
	perror("ferry_accept");
	return 1;
}
