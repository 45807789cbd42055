// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Connecting for those who wait for it: a dial, stepped until it is over.
 */
#include <fcntl.h>

#include "inside.h"

static int drive(struct ferry_dial *d)
{
	struct ferry_wants wants;
	int fd;

	for (;;) {
		fd = ferry_dial_step(d);
		if (fd >= 0 || errno != EINPROGRESS)
			return fd;
		ferry_dial_wants(d, &wants);
		if (ferry_await(&wants))
			return -1;
	}
}

int ferry_connect_protocol(const char *host, const char *port, int timeout_ms,
			   int protocol)
{
	struct ferry_dial *d;
	int fd, flags, err;

	d = ferry_dial_new(host, port, timeout_ms, protocol);
	if (!d)
		return -1;
	fd = drive(d);
	err = errno;
	ferry_dial_free(d);
	errno = err;
	if (fd < 0)
		return -1;
	flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && !fcntl(fd, F_SETFL, flags & ~O_NONBLOCK))
		return fd;
	close_keeping_errno(fd);
	return -1;
}

int ferry_connect(const char *host, const char *port, int timeout_ms)
{
	return ferry_connect_protocol(host, port, timeout_ms,
				      FERRY_PROTOCOL_FERRY);
}
