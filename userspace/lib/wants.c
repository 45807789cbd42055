// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What an object waits for, and the time that it is measured in.  Whoever has
 * an event loop takes the three fields of struct ferry_wants there; whoever has
 * none calls ferry_await().
 */
#include <errno.h>
#include <ferry/ferry.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

long long ferry_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

int ferry_timeout(const struct ferry_wants *wants)
{
	long long left;

	if (wants->deadline < 0)
		return -1;
	left = wants->deadline - ferry_now();
	if (left < 0)
		return 0;
	return left < INT_MAX ? left : INT_MAX;
}

/* A signal is as good a reason as any to look again. */
int ferry_await(const struct ferry_wants *wants)
{
	struct pollfd p = { .fd = wants->fd, .events = wants->events };

	if (poll(&p, 1, ferry_timeout(wants)) < 0 && errno != EINTR)
		return -1;
	return 0;
}
