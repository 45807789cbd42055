// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An echo server in its simplest form: one connection after the other, over
 * IPv4 and IPv6.  Try it with hello, or with "ferry send".
 *
 *	echo PORT
 */
#include <ferry/ferry.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int listener = ferry_listen(NULL, argc > 1 ? argv[1] : "7777", 16);
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
