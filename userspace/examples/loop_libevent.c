// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libferry in libevent: ten thousand connections in one thread,
 * whether as their server or as their client.
 *
 *	loop_libevent 7777 &
 *	loop_libevent localhost 7777 10000
 *
 * An event that is not persistent is no more watched when its callback runs:
 * that is just what the objects of libferry need.
 */
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "talks.h"

static struct event_base *base;

static void happened(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	talk_step(arg);
}

void watch(struct talk *t, const struct ferry_wants *wants)
{
	int left = ferry_timeout(wants);
	struct timeval timeout = { left / 1000, left % 1000 * 1000 };
	short events = EV_TIMEOUT;

	if (wants->fd >= 0 && wants->events & POLLIN)
		events |= EV_READ;
	if (wants->fd >= 0 && wants->events & POLLOUT)
		events |= EV_WRITE;
	if (event_base_once(base, wants->fd, events, happened, t,
			    left < 0 ? NULL : &timeout)) {
		fprintf(stderr, "libevent takes no more\n");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	base = event_base_new();
	if (!base)
		return 1;
	talks_begin(argc, argv);
	event_base_dispatch(base);
	event_base_free(base);
	return talks_end();
}
