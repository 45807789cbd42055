// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Closing a connection and knowing that the peer's host has all that was sent,
 * which close() alone does not tell.
 *
 * The kernel says how much is not yet acknowledged (SIOCOUTQ, with our end of
 * the stream), but wakes nobody when that becomes nothing: it is looked at again
 * and again, less and less often.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "inside.h"

#define LOOK_FIRST_MS	1
#define LOOK_LAST_MS	50
/* A peer that never stops sending may not keep a step from its end. */
#define READS_AT_ONCE	64

struct ferry_ending {
	int fd;			/* -1 when it is closed */
	long long deadline;
	long long look_at;	/* when to look again, and ... */
	int look_ms;		/* ... how much later after that */
	bool ended;		/* the peer sends no more */
	int error;
};

/*
 * What the peer still sends is read, or closing would answer it with a reset,
 * which takes away what the peer has not read yet.
 */
static int discard(int fd, bool *ended)
{
	int reads = READS_AT_ONCE;
	char buf[4096];
	ssize_t n;

	if (*ended)
		return 0;
	do {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	} while ((n > 0 || (n < 0 && errno == EINTR)) && --reads);
	*ended = !n;
	return n >= 0 || errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void begin(struct ferry_ending *e, int fd, long long deadline)
{
	*e = (struct ferry_ending){
		.fd = fd,
		.deadline = deadline,
		.look_ms = LOOK_FIRST_MS,
	};
	if (shutdown(fd, SHUT_WR))
		e->error = errno;
}

/* 0 when all has arrived, else an errno. */
static int look(struct ferry_ending *e)
{
	socklen_t len = sizeof(int);
	int err, waiting;

	if (e->error)
		return e->error;
	/* After the peer's end reading does not show that it has reset. */
	if (discard(e->fd, &e->ended) ||
	    getsockopt(e->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return errno;
	if (err)
		return err;
	if (ioctl(e->fd, SIOCOUTQ, &waiting))
		return errno;
	return waiting ? EINPROGRESS : 0;
}

int ferry_ending_step(struct ferry_ending *e)
{
	long long now = ferry_now();
	int err;

	if (e->fd < 0) {
		errno = EINVAL;
		return -1;
	}
	err = look(e);
	if (err == EINPROGRESS && e->deadline >= 0 && now >= e->deadline)
		err = ETIMEDOUT;
	if (err == EINPROGRESS) {
		e->look_at = now + e->look_ms;
		e->look_ms = e->look_ms * 2 < LOOK_LAST_MS ? e->look_ms * 2
							   : LOOK_LAST_MS;
	} else {
		close(e->fd);
		e->fd = -1;
	}
	errno = err;
	return err ? -1 : 0;
}

/* After the peer's end the descriptor would be readable for ever. */
void ferry_ending_wants(const struct ferry_ending *e, struct ferry_wants *wants)
{
	wants->fd = e->ended ? -1 : e->fd;
	wants->events = POLLIN;
	wants->deadline = earlier(e->look_at, e->deadline);
}

struct ferry_ending *ferry_ending_new(int fd, int timeout_ms)
{
	struct ferry_ending *e = malloc(sizeof(*e));

	if (e)
		begin(e, fd, deadline_in(timeout_ms));
	return e;
}

void ferry_ending_free(struct ferry_ending *e)
{
	if (e && e->fd >= 0)
		close(e->fd);
	free(e);
}

static int finish_until(int fd, long long deadline)
{
	struct ferry_wants wants;
	struct ferry_ending e;

	begin(&e, fd, deadline);
	while (ferry_ending_step(&e)) {
		if (errno != EINPROGRESS)
			return -1;
		ferry_ending_wants(&e, &wants);
		if (ferry_await(&wants)) {
			close_keeping_errno(fd);
			return -1;
		}
	}
	return 0;
}

int ferry_finish(int fd, int timeout_ms)
{
	return finish_until(fd, deadline_in(timeout_ms));
}

/* Send what waits in the stream; the descriptor does not wait. */
static int drain(struct ferry_stream *s, int fd, long long deadline)
{
	struct ferry_wants wants = { .fd = fd, .deadline = deadline };
	bool ended = false;

	while (ferry_stream_flush(s)) {
		if (errno != EAGAIN)
			return -1;
		if (!ferry_timeout(&wants)) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (discard(fd, &ended))
			return -1;
		wants.events = ended ? POLLOUT : POLLOUT | POLLIN;
		if (ferry_await(&wants))
			return -1;
	}
	return 0;
}

int ferry_stream_finish(struct ferry_stream *s, int timeout_ms)
{
	long long deadline = deadline_in(timeout_ms);
	struct ferry_wants wants;
	int flags, fd, err;

	ferry_stream_wants(s, &wants);
	flags = fcntl(wants.fd, F_GETFL);
	if (flags >= 0 && !fcntl(wants.fd, F_SETFL, flags | O_NONBLOCK) &&
	    !drain(s, wants.fd, deadline))
		return finish_until(ferry_stream_release(s), deadline);
	err = errno;
	fd = ferry_stream_release(s);
	errno = err;
	close_keeping_errno(fd);
	return -1;
}
