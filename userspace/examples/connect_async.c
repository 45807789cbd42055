// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Many connections at once, none of which is waited for alone.
 *
 * connect() on a non-blocking socket only sends the SYN and says EINPROGRESS.
 * When the answer is there, or there will be none, the socket gets writable, and
 * SO_ERROR says which: 0, or the errno that a blocking connect() would have
 * returned.  Calling connect() again is no way to find out.
 *
 * The kernel would go on asking a silent host for two minutes.  Whoever does not
 * want to wait that long closes the socket.  And an address must be numeric
 * here, for to look a name up is to wait.
 *
 *	connect_async ferry|tcp ADDRESS PORT...
 */
#include <errno.h>
#include <ferry/ferry.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNS		64
#define PATIENCE_MS	1000

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* A socket that connects; -1 with errno if it cannot even begin. */
static int begin(const char *address, const char *port, int protocol)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *a;
	int fd;

	if (getaddrinfo(address, port, &hints, &a)) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    protocol);
	if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) &&
	    errno != EINPROGRESS) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(a);
	return fd;
}

static void tell(const char *port, const char *what)
{
	printf("port %s: %s\n", port, what);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	long long end = now_ms() + PATIENCE_MS, left;
	struct pollfd p[CONNS];
	int i, n = argc - 3, waiting = 0, connected = 0, err;
	socklen_t len = sizeof(err);
	char **ports = argv + 3;

	if (n < 1 || n > CONNS) {
		fprintf(stderr, "connect_async ferry|tcp ADDRESS PORT...\n");
		return 2;
	}
	for (i = 0; i < n; i++) {
		p[i].fd = begin(argv[2], ports[i], strcmp(argv[1], "tcp") ?
				FERRY_PROTOCOL_FERRY : FERRY_PROTOCOL_TCP);
		p[i].events = POLLOUT;
		if (p[i].fd < 0)
			tell(ports[i], strerror(errno));
		else
			waiting++;
	}
	while (waiting && (left = end - now_ms()) > 0) {
		if (poll(p, n, left) < 0 && errno != EINTR) {
			perror("poll");
			return 1;
		}
		for (i = 0; i < n; i++) {
			if (p[i].fd < 0 || !p[i].revents)
				continue;
			getsockopt(p[i].fd, SOL_SOCKET, SO_ERROR, &err, &len);
			tell(ports[i], err ? strerror(err) : "connected");
			connected += !err;
			/* Here a program would begin to use it. */
			close(p[i].fd);
			p[i].fd = -1;
			waiting--;
		}
	}
	for (i = 0; i < n; i++)
		if (p[i].fd >= 0)
			tell(ports[i], "no answer");
	return connected < n;
}
