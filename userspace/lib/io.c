// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A given number of bytes, whatever read() and write() make of it.
 */
#include <errno.h>
#include <ferry/ferry.h>
#include <poll.h>
#include <sys/socket.h>

static int await(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

ssize_t ferry_read_exactly(int fd, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = recv(fd, (char *)buf + done, len - done, 0);

		if (n > 0)
			done += n;
		else if (n == 0)
			break;
		else if (errno == EAGAIN && !await(fd, POLLIN))
			continue;
		else if (errno != EINTR)
			return -1;
	}
	return done;
}

int ferry_write_all(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(fd, (const char *)buf + done, len - done,
				 MSG_NOSIGNAL);

		if (n >= 0)
			done += n;
		else if (errno == EAGAIN && !await(fd, POLLOUT))
			continue;
		else if (errno != EINTR)
			return -1;
	}
	return 0;
}

const char *ferry_version(void)
{
	return LIBFERRY_VERSION;
}
