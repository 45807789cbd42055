// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Closing a connection and knowing that the peer's host has all that was sent,
 * which close() alone does not tell.
 *
 * The kernel says how much is not yet acknowledged (SIOCOUTQ, with our end of
 * the stream), but wakes nobody when that becomes nothing: it is looked at again
 * and again, less and less often.
 */
#include <errno.h>
#include <ferry/ferry.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOOK_FIRST_MS	1
#define LOOK_LAST_MS	50

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/*
 * What the peer still sends is read, or closing would answer it with a reset,
 * which takes away what the peer has not read yet.
 */
static int discard(int fd, bool *ended)
{
	char buf[4096];
	ssize_t n;

	do {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	} while (n > 0 || (n < 0 && errno == EINTR));
	*ended = !n;
	return !n || errno == EAGAIN ? 0 : -1;
}

static int await_all(int fd, long long deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int look = LOOK_FIRST_MS, waiting;
	bool ended = false;
	long long left;

	for (;;) {
		if (!ended && discard(fd, &ended))
			return -1;
		if (ioctl(fd, SIOCOUTQ, &waiting))
			return -1;
		if (!waiting)
			return 0;
		left = deadline < 0 ? look : deadline - now_ms();
		if (left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		/* After the peer's end poll() would not wait any more. */
		if (poll(&p, !ended, left < look ? left : look) < 0 &&
		    errno != EINTR)
			return -1;
		look = look * 2 < LOOK_LAST_MS ? look * 2 : LOOK_LAST_MS;
	}
}

int ferry_finish(int fd, int timeout_ms)
{
	long long deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	int err = 0;

	if (shutdown(fd, SHUT_WR) || await_all(fd, deadline))
		err = errno;
	close(fd);
	errno = err;
	return err ? -1 : 0;
}
