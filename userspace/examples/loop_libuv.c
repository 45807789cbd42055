// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libferry in libuv: ten thousand connections in one thread, whether as
 * their server or as their client.
 *
 *	loop_libuv 7777 &
 *	loop_libuv localhost 7777 10000
 *
 * libuv has one handle for a descriptor and another for a time.  Either may
 * fire first; then both are stopped and closed before the talk is stepped,
 * which may close the descriptor.  libuv gives handles back a while later.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "talks.h"

struct watcher {
	struct talk *talk;
	uv_poll_t poll;
	uv_timer_t timer;
	int handles;		/* how many libuv has */
};

static void closed(uv_handle_t *handle)
{
	struct watcher *w = handle->data;

	if (!--w->handles)
		free(w);
}

static void happened(struct watcher *w, uv_handle_t *handle, bool both)
{
	struct talk *t = w->talk;

	uv_close(handle, closed);
	if (both)
		uv_close(handle == (uv_handle_t *)&w->poll ?
			 (uv_handle_t *)&w->timer : (uv_handle_t *)&w->poll,
			 closed);
	talk_step(t);
}

static void ready(uv_poll_t *poll, int status, int events)
{
	struct watcher *w = poll->data;

	(void)status;
	(void)events;
	happened(w, (uv_handle_t *)poll, w->handles == 2);
}

static void late(uv_timer_t *timer)
{
	struct watcher *w = timer->data;

	happened(w, (uv_handle_t *)timer, w->handles == 2);
}

void watch(struct talk *t, const struct ferry_wants *wants)
{
	struct watcher *w = calloc(1, sizeof(*w));
	int events = 0, left = ferry_timeout(wants);

	w->talk = t;
	w->poll.data = w;
	w->timer.data = w;
	if (wants->events & POLLIN)
		events |= UV_READABLE;
	if (wants->events & POLLOUT)
		events |= UV_WRITABLE;
	if (wants->fd >= 0) {
		if (uv_poll_init(uv_default_loop(), &w->poll, wants->fd)) {
			fprintf(stderr, "libuv takes no more\n");
			exit(1);
		}
		uv_poll_start(&w->poll, events, ready);
		w->handles++;
	}
	if (left >= 0) {
		/* Its clock is the one that was read when it last woke up. */
		uv_update_time(uv_default_loop());
		uv_timer_init(uv_default_loop(), &w->timer);
		uv_timer_start(&w->timer, late, left, 0);
		w->handles++;
	}
}

int main(int argc, char **argv)
{
	talks_begin(argc, argv);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	uv_loop_close(uv_default_loop());
	return talks_end();
}
