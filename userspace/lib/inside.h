/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the library share and its users do not see.
 */
#ifndef FERRY_INSIDE_H
#define FERRY_INSIDE_H

#include <errno.h>
#include <ferry/ferry.h>
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* The deadline of who begins now; a negative time-out is for ever. */
static inline long long deadline_in(int timeout_ms)
{
	return timeout_ms < 0 ? -1 : ferry_now() + timeout_ms;
}

/* The earlier of two, of which -1 is never. */
static inline long long earlier(long long a, long long b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static inline void close_keeping_errno(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
}

/* Looking a name up without waiting for it: lookup.c */

/*
 * resolve() - getaddrinfo() for stream sockets, with an errno
 *
 * Returns 0 and at *@list what freeaddrinfo() takes; or -1: ENOENT for a name
 * without an address, EAGAIN for a resolver that does not answer, EINVAL for a
 * port that there is not, ENOMEM.
 */
int resolve(const char *host, const char *port, int flags,
	    struct addrinfo **list);

struct lookup;

/* Begin.  Returns NULL with ENOMEM, EMFILE or EAGAIN (no thread to be had). */
struct lookup *lookup_start(const char *host, const char *port);
/* A descriptor that is readable when there is a result. */
int lookup_fd(const struct lookup *lookup);
/*
 * Returns 0 and the addresses, which are gone after lookup_drop(); or -1:
 * EINPROGRESS, or what resolve() says.
 */
int lookup_result(const struct lookup *lookup, struct addrinfo **list);
/* Forget it, whether it has come to an end or not. */
void lookup_drop(struct lookup *lookup);

/* Where a frame ends: frame.c */

enum frame_kind {
	FRAME_MESSAGE,		/* its length in four bytes comes first */
	FRAME_LINE,		/* LF comes last; CR before it is no part */
	FRAME_UNTIL,		/* a delimiter comes last */
	FRAME_FIXED,		/* all have one length */
};

struct framing {
	enum frame_kind kind;
	size_t size;		/* of the delimiter, or of the frame */
	char delimiter[FERRY_DELIMITER_MAX];
};

static inline bool same_framing(const struct framing *a,
				const struct framing *b)
{
	return a->kind == b->kind && a->size == b->size &&
	       !memcmp(a->delimiter, b->delimiter, sizeof(a->delimiter));
}

/* What may be around the payload, at most. */
#define FRAME_AROUND	FERRY_DELIMITER_MAX
#define FRAME_HEAD	4
/* In the place of a length: no message, only a sign of life. */
#define FRAME_BEAT	0xffffffffu

struct frame {
	size_t head;		/* where the payload begins */
	size_t len;		/* how long it is */
	size_t all;		/* where the next frame begins */
	bool beat;		/* a sign of life, with no payload */
};

/*
 * frame_find() - find the first frame in what has come so far
 * @how: what a frame looks like
 * @data: the beginning of the frame
 * @len: how much of it, or beyond it, there is
 * @limit: how long the payload may be
 * @scanned: how far an earlier call has looked in vain for the end; 0 at first
 * @frame: the frame
 *
 * Returns 1; 0 when there must come more; -1 with EMSGSIZE for a payload longer
 * than @limit, as soon as that is certain and at the latest with
 * @limit + FRAME_AROUND bytes.
 */
int frame_find(const struct framing *how, const char *data, size_t len,
	       size_t limit, size_t *scanned, struct frame *frame);

/*
 * frame_make() - write a frame to @to, which has room for @len + FRAME_AROUND
 *
 * Returns how long it is with all that is around it; 0 for a payload that would
 * not come out at the other end as it is, because its end is in it.
 */
size_t frame_make(const struct framing *how, char *to, const void *payload,
		  size_t len);

/* Whether the peer lives: heartbeat.c */

struct heartbeat {
	int every_ms;		/* 0: there is none */
	int dead_ms;
	long long sent;		/* when something was sent last */
	long long heard;	/* when something came last */
};

void heartbeat_start(struct heartbeat *beat, int every_ms, int dead_ms,
		     long long now);
/* Whether it is time to send one. */
bool heartbeat_due(const struct heartbeat *beat, long long now);
/* Whether the peer has been silent for too long. */
bool heartbeat_dead(const struct heartbeat *beat, long long now);
/* When one of both will be so; -1 for never.  @sending: other things wait. */
long long heartbeat_deadline(const struct heartbeat *beat, bool sending);

/* A queue of bytes that grows as it must: buffer.c */

struct buffer {
	char *data;		/* NULL at first */
	size_t size;
	size_t start;		/* of what is in it */
	size_t end;
};

static inline size_t buffer_used(const struct buffer *b)
{
	return b->end - b->start;
}

/*
 * Have room for @need bytes more at data + end, with no more memory than @max
 * bytes in all.  What is in it may move.  Returns 0, or -1 with ENOMEM.
 */
int buffer_reserve(struct buffer *b, size_t need, size_t max);

/*
 * Frames of a stream, however they look: stream.c.  They return what the
 * ferry_stream_get_ and ferry_stream_put_ functions return.
 */
int stream_get(struct ferry_stream *s, const struct framing *how,
	       const char **payload, size_t *len);
int stream_put(struct ferry_stream *s, const struct framing *how,
	       const void *payload, size_t len);

/* How long to wait before the next attempt: reconnect.c */

/* @random: any number; @failures: how many attempts in a row were in vain. */
int backoff_delay(const struct ferry_backoff *backoff, unsigned int failures,
		  unsigned int random);

#endif /* FERRY_INSIDE_H */
