// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A buffered stream: frames in both directions over one socket.
 *
 * Bytes come in whatever pieces the network has made of them and wait in one
 * buffer until there is a whole frame; frames to be sent wait in another until
 * the socket has room.  Each call does what can be done without waiting.  What
 * then remains is awaited if the descriptor is a blocking one; on a
 * non-blocking one it is EAGAIN, and ferry_stream_wants() says what for.
 *
 * Receiving and sending fail apart from each other: a peer that has closed its
 * socket takes no more, but what it said before may still be read.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "inside.h"

/* Small frames wait for each other up to this size, if the limit is less. */
#define OUT_SIZE	16384

struct ferry_stream {
	int fd;
	size_t limit;
	struct buffer in, out;
	struct framing how;	/* the frame looked for last ... */
	size_t scanned;		/* ... and how far in vain */
	bool ended;		/* the peer has said its last */
	int error;		/* of receiving, for good */
	int send_error;
	struct heartbeat beat;
};

struct ferry_stream *ferry_stream_open(int fd, size_t limit)
{
	struct ferry_stream *s;

	if (limit > SIZE_MAX / 4) {
		errno = EINVAL;
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->fd = fd;
	s->limit = limit;
	return s;
}

int ferry_stream_release(struct ferry_stream *s)
{
	int fd = s->fd;

	free(s->in.data);
	free(s->out.data);
	free(s);
	return fd;
}

void ferry_stream_close(struct ferry_stream *s)
{
	if (s)
		close(ferry_stream_release(s));
}

static size_t in_max(const struct ferry_stream *s)
{
	return s->limit + FRAME_AROUND;
}

static size_t out_max(const struct ferry_stream *s)
{
	size_t max = s->limit + FRAME_AROUND;

	return max < OUT_SIZE ? OUT_SIZE : max;
}

/* Receive what is there.  True if that was anything, if only the end. */
static bool fill(struct ferry_stream *s)
{
	ssize_t n;

	if (s->ended || s->error)
		return false;
	if (buffer_used(&s->in) == in_max(s)) {
		/* It is not the peer who is silent. */
		s->beat.heard = ferry_now();
		return false;
	}
	if (buffer_reserve(&s->in, 1, in_max(s))) {
		s->error = errno;
		return false;
	}
	do {
		n = recv(s->fd, s->in.data + s->in.end, s->in.size - s->in.end,
			 MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		s->in.end += n;
		s->beat.heard = ferry_now();
	} else if (!n) {
		s->ended = true;
	} else if (errno != EAGAIN) {
		s->error = errno;
	} else if (heartbeat_dead(&s->beat, ferry_now())) {
		s->error = ETIMEDOUT;
	}
	return n >= 0;
}

/* Send what there is room for, a sign of life if there is nothing else. */
static int push(struct ferry_stream *s)
{
	static const char beat[] = { -1, -1, -1, -1 };	/* FRAME_BEAT */

	if (!s->send_error && !buffer_used(&s->out) &&
	    heartbeat_due(&s->beat, ferry_now()) &&
	    !buffer_reserve(&s->out, sizeof(beat), out_max(s))) {
		memcpy(s->out.data + s->out.end, beat, sizeof(beat));
		s->out.end += sizeof(beat);
	}
	while (!s->send_error && buffer_used(&s->out)) {
		ssize_t n = send(s->fd, s->out.data + s->out.start,
				 buffer_used(&s->out),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			s->out.start += n;
			s->beat.sent = ferry_now();
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			s->send_error = errno;
		}
	}
	if (!s->send_error)
		return 0;
	errno = s->send_error;
	return -1;
}

int ferry_stream_heartbeat(struct ferry_stream *s, int every_ms, int dead_ms)
{
	if (every_ms < 0 || (every_ms && dead_ms <= every_ms)) {
		errno = EINVAL;
		return -1;
	}
	heartbeat_start(&s->beat, every_ms, dead_ms, ferry_now());
	return 0;
}

void ferry_stream_wants(const struct ferry_stream *s, struct ferry_wants *wants)
{
	bool sending = buffer_used(&s->out) && !s->send_error;

	wants->fd = s->fd;
	wants->events = sending ? POLLOUT : 0;
	wants->deadline = -1;
	if (s->ended || s->error)
		return;
	if (buffer_used(&s->in) < in_max(s))
		wants->events |= POLLIN;
	wants->deadline = heartbeat_deadline(&s->beat,
					     sending || s->send_error);
}

/* Wait if the descriptor is one to wait with. */
static int await_more(struct ferry_stream *s)
{
	struct ferry_wants wants;
	int flags = fcntl(s->fd, F_GETFL);

	if (flags < 0)
		return -1;
	if (flags & O_NONBLOCK) {
		errno = EAGAIN;
		return -1;
	}
	ferry_stream_wants(s, &wants);
	return ferry_await(&wants);
}

int ferry_stream_flush(struct ferry_stream *s)
{
	for (;;) {
		if (push(s))
			return -1;
		if (!buffer_used(&s->out))
			return 0;
		if (await_more(s))
			return -1;
		/* Two that only send would wait for each other. */
		fill(s);
		if (s->error) {
			errno = s->error;
			return -1;
		}
	}
}

/* The frame at the beginning of what has come, past signs of life. */
static int take(struct ferry_stream *s, const struct framing *how,
		const char **payload, size_t *len)
{
	struct frame frame;
	char *data;
	int ret;

	if (!same_framing(&s->how, how)) {
		s->how = *how;
		s->scanned = 0;
	}
	do {
		/* Without a byte of memory there may still be a frame. */
		data = s->in.data ? s->in.data + s->in.start : "";
		ret = frame_find(how, data, buffer_used(&s->in), s->limit,
				 &s->scanned, &frame);
		if (ret <= 0)
			return ret;
		s->in.start += frame.all;
		s->scanned = 0;
	} while (frame.beat);
	*payload = data + frame.head;
	*len = frame.len;
	/* What ended it is not needed any more: make a string of it. */
	if (how->kind == FRAME_LINE || how->kind == FRAME_UNTIL)
		data[frame.len] = '\0';
	return 1;
}

static int usable(const struct ferry_stream *s, const struct framing *how)
{
	/* The others have nothing that could stand for a sign of life. */
	if (s->beat.every_ms && how->kind != FRAME_MESSAGE) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

int stream_get(struct ferry_stream *s, const struct framing *how,
	       const char **payload, size_t *len)
{
	int ret;

	if (usable(s, how))
		return -1;
	for (;;) {
		ret = take(s, how, payload, len);
		if (ret)
			return ret;
		if (s->ended && !buffer_used(&s->in))
			return 0;
		if (s->ended || s->error) {
			errno = s->error ? s->error : EPROTO;
			return -1;
		}
		push(s);
		if (!fill(s) && !s->error && await_more(s))
			return -1;
	}
}

int stream_put(struct ferry_stream *s, const struct framing *how,
	       const void *payload, size_t len)
{
	size_t need = len + FRAME_AROUND;

	if (usable(s, how))
		return -1;
	if (len > s->limit || (how->kind == FRAME_MESSAGE && len >= FRAME_BEAT)) {
		errno = EMSGSIZE;
		return -1;
	}
	if (s->send_error) {
		errno = s->send_error;
		return -1;
	}
	/* All of a frame or nothing. */
	if (buffer_used(&s->out) + need > out_max(s) &&
	    ferry_stream_flush(s) && errno != EAGAIN)
		return -1;
	if (buffer_used(&s->out) + need > out_max(s)) {
		errno = EAGAIN;
		return -1;
	}
	if (buffer_reserve(&s->out, need, out_max(s)))
		return -1;
	len = frame_make(how, s->out.data + s->out.end, payload, len);
	if (!len) {
		errno = EINVAL;
		return -1;
	}
	s->out.end += len;
	return 0;
}
