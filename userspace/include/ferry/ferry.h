/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libferry: the calls around a byte-stream socket that every program needs and
 * that are easily got wrong: connecting to a name whose first address does not
 * answer, listening on both address families, frames in a stream of bytes,
 * peers that are gone, connections that are lost, and a close that knows what
 * arrived.
 *
 * The library opens Ferry sockets unless told otherwise.  A socket that it
 * hands out is an ordinary descriptor, the caller's to use and to close.
 * There is no global state; every function may be called from any thread, for
 * one object by one thread at a time.
 *
 * The first half of this file is for programs that wait for each call; the
 * second is for those with an event loop, or with buffers.
 */
#ifndef FERRY_FERRY_H
#define FERRY_FERRY_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers of protocols, for the @protocol arguments below. */
#define FERRY_PROTOCOL_FERRY	253
#define FERRY_PROTOCOL_TCP	6

/*
 * Connect to @port of @host, over whichever of its addresses answers first.
 * They are tried as RFC 8305 says: IPv6 and IPv4 in turn, the next one as soon
 * as one fails or after 250 ms; the first that is connected is taken, the
 * others are closed.
 *
 * @host may be a name or a numeric address of either family, NULL for this
 * host; @port a number or a service name.  @timeout_ms bounds it all, looking
 * the name up included; a negative one leaves it to the kernel to give up.
 *
 * Returns a blocking, close-on-exec socket, the caller's to close; or -1 with
 * errno of the attempt that failed last: ENOENT when the name has no address,
 * EAGAIN when it could not be looked up now, EINVAL when there is no such
 * service, EPROTONOSUPPORT when the module is not loaded, ETIMEDOUT,
 * ECONNREFUSED and whatever else connect() says; ENOMEM, EMFILE.
 */
int ferry_connect(const char *host, const char *port, int timeout_ms);
int ferry_connect_protocol(const char *host, const char *port, int timeout_ms,
			   int protocol);

/*
 * Listen at @port of @host for both families: one socket serves IPv6 and, as
 * mapped addresses, IPv4.  Where the kernel has no IPv6 it serves IPv4.
 *
 * @host is the local address or name to bind to, NULL for all.  @port may be
 * "0" for one that the kernel picks; ferry_local_port() says which.
 *
 * Returns a close-on-exec listener, the caller's to close; or -1 with errno:
 * EADDRINUSE, EACCES, ENOENT and what else socket(), bind() and the resolver
 * say.
 */
int ferry_listen(const char *host, const char *port, int backlog);
int ferry_listen_protocol(const char *host, const char *port, int backlog,
			  int protocol);

/*
 * Accept a connection, past signals and past connections that ended before
 * they were accepted.  Returns a blocking, close-on-exec socket, the caller's to
 * close; or -1 with errno: EAGAIN on a non-blocking listener, EMFILE, ...
 */
int ferry_accept(int listener);

/* The port that a socket is bound to, in host order, or -1 with errno. */
int ferry_local_port(int fd);

/*
 * Read @len bytes, waiting for them as long as it takes, also on a
 * non-blocking socket.
 *
 * Returns @len; less when the peer ended the stream before; or -1 with errno,
 * in which case bytes that were read before the error are lost.
 */
ssize_t ferry_read_exactly(int fd, void *buf, size_t len);

/*
 * Write @len bytes, waiting for room as long as it takes, also on a
 * non-blocking socket.  A peer that has gone is reported as EPIPE, without
 * SIGPIPE.
 *
 * Returns 0, or -1 with errno, in which case an unknown part has been sent.
 */
int ferry_write_all(int fd, const void *buf, size_t len);

/*
 * Send a message: its length in four bytes, the most significant first, and
 * the @len bytes at @buf.  Waits for room like ferry_write_all().
 *
 * Returns 0, or -1 with errno, after which an unknown part has been sent:
 * EMSGSIZE, with nothing sent, if the length is not below 2^32 - 1, which
 * stands for a sign of life (see ferry_stream_heartbeat()).
 */
int ferry_send_message(int fd, const void *buf, size_t len);

/*
 * Receive a message of at most @limit bytes into @buf, and how long it is into
 * *@len.  Waits for all of it; passes over signs of life.
 *
 * Returns 1; 0 when the peer ended the stream between two messages; or -1 with
 * errno: EMSGSIZE when the message is longer than @limit, of which nothing but
 * the length has been read; EPROTO when the stream ended within a message.
 * After an error the stream cannot be used any more.
 */
int ferry_recv_message(int fd, void *buf, size_t limit, size_t *len);

/*
 * Close @fd gracefully: end the stream, throw away what the peer still sends,
 * and wait up to @timeout_ms, for ever if it is negative, until the peer's host
 * has acknowledged everything, the end included.  @fd is closed in any case.
 *
 * Returns 0; or -1 with errno when it is not known to have arrived: ETIMEDOUT,
 * ECONNRESET, ...  Whether the peer's program has read it, only its answer
 * tells.
 */
int ferry_finish(int fd, int timeout_ms);

/* ------------------------------------------------------------------ */
/* Objects for event loops */

/*
 * Every object below says what it waits for:
 *
 *	struct ferry_wants wants;
 *
 *	ferry_dial_wants(dial, &wants);
 *	... until wants.fd has one of wants.events, or wants.deadline has come:
 *	ferry_dial_step(dial);
 *	... and ask again what it wants.
 *
 * A step does not wait, and one too many does no harm.  Watch descriptors
 * level-triggered.  Stop watching one before the object is freed.
 */
struct ferry_wants {
	int fd;			/* -1 for none */
	short events;		/* POLLIN, POLLOUT or both */
	long long deadline;	/* in the time of ferry_now(); -1 for none */
};

/* Milliseconds of CLOCK_MONOTONIC. */
long long ferry_now(void);

/* Milliseconds until the deadline, for poll(): 0 if it has come, -1 for none. */
int ferry_timeout(const struct ferry_wants *wants);

/*
 * Wait for it here, without an event loop, or for a signal.  Returns 0, or -1
 * with errno if poll() does not work: EINVAL, ENOMEM.
 */
int ferry_await(const struct ferry_wants *wants);

/* ------------------------------------------------------------------ */
/* Connecting without waiting */

struct ferry_dial;

/*
 * Begin what ferry_connect_protocol() does.  The name is looked up in a thread
 * of its own, which goes when the resolver has answered, if need be after the
 * dial.  @host and @port are copied.
 *
 * Returns an object that is the caller's to free; or NULL with errno: ENOMEM,
 * EMFILE, EAGAIN when there is no thread to be had.
 */
struct ferry_dial *ferry_dial_new(const char *host, const char *port,
				  int timeout_ms, int protocol);
void ferry_dial_wants(const struct ferry_dial *dial, struct ferry_wants *wants);

/*
 * Go on.  Returns a connected socket, non-blocking and close-on-exec, the
 * caller's to close; or -1 with errno: EINPROGRESS when it is to be called
 * again, what ferry_connect() says when there will be no connection, EINVAL
 * after the dial has come to an end.
 */
int ferry_dial_step(struct ferry_dial *dial);

/* Free it, and end an attempt that has come to none; NULL is nothing. */
void ferry_dial_free(struct ferry_dial *dial);

/* ------------------------------------------------------------------ */
/* A connection that is made again when it is lost */

struct ferry_backoff {
	int first_ms;		/* the pause after the first failure, at most */
	int most_ms;		/* where it stops doubling */
	int attempt_ms;		/* the time-out of an attempt; -1 for none */
};

struct ferry_reconnect;

/*
 * @backoff may be NULL: half a second to a minute, attempts of ten seconds.  A
 * pause takes, at random, between half and all of its length.  Everything is
 * copied.
 *
 * Returns an object that is the caller's to free; or NULL with errno: ENOMEM,
 * or EINVAL unless 0 < first_ms <= most_ms.
 */
struct ferry_reconnect *ferry_reconnect_new(const char *host, const char *port,
					    int protocol,
					    const struct ferry_backoff *backoff);

/* While it has a connection it wants nothing. */
void ferry_reconnect_wants(const struct ferry_reconnect *r,
			   struct ferry_wants *wants);

/*
 * Go on.  Returns a connected socket, non-blocking and close-on-exec, the
 * caller's to close; or -1 with errno: EINPROGRESS when it is to be called
 * again, EISCONN when the last connection has not been reported lost.  It never
 * gives up; who wants to, sees ferry_reconnect_error().
 */
int ferry_reconnect_step(struct ferry_reconnect *r);

/*
 * Say that the connection is lost, after closing it.  The next attempt begins
 * after a pause: the shortest if the connection had lasted longer than
 * most_ms, else the next longer one.
 */
void ferry_reconnect_lost(struct ferry_reconnect *r);

/* The errno of the last attempt that failed, 0 before. */
int ferry_reconnect_error(const struct ferry_reconnect *r);

/* Free it, and end an attempt; a connection stays open.  NULL is nothing. */
void ferry_reconnect_free(struct ferry_reconnect *r);

/* ------------------------------------------------------------------ */
/* Buffered streams of frames */

struct ferry_stream;

/* How long the end of a frame can be, in ferry_stream_get_until(). */
#define FERRY_DELIMITER_MAX	16

/*
 * Put buffers around a connected socket.  @limit is the longest frame, either
 * way; a buffer never takes more than @limit and a few bytes (for sending: or
 * 16 KB, if that is more), and only as much as has come.
 *
 * Calls wait if @fd is blocking.  If it is non-blocking they return -1 with
 * EAGAIN; call again what was called when ferry_stream_wants() is fulfilled.
 * One that waits to receive sends, too.
 *
 * Returns an object to which @fd now belongs; or NULL with errno, ENOMEM or
 * EINVAL for an absurd @limit, and @fd is still the caller's.
 */
struct ferry_stream *ferry_stream_open(int fd, size_t limit);
void ferry_stream_wants(const struct ferry_stream *s,
			struct ferry_wants *wants);

/*
 * Receive a frame: point to it in the buffer, where it stays until the next
 * call for this stream, and say how long it is.
 *
 *	message	as of ferry_send_message()
 *	line	up to LF, which is no part of it, nor is CR before it
 *	until	up to a delimiter of 1 to FERRY_DELIMITER_MAX bytes, which is no
 *		part of it
 *	bytes	of a given size
 *
 * A NUL, not counted, follows lines and what ends in a delimiter.  Kinds of
 * frames may follow each other, as lines and bytes do in HTTP.
 *
 * Once a descriptor is readable, take frames until there is EAGAIN: those that
 * wait in the buffer do not make it readable again.
 *
 * Returns 1; 0 when the peer ended the stream between two frames; or -1 with
 * errno: EMSGSIZE for a frame beyond the limit, of which nothing is taken from
 * the buffer; EPROTO when the stream ended within a frame; ETIMEDOUT when the
 * peer is dead (see ferry_stream_heartbeat()); EINVAL for a bad delimiter;
 * ENOMEM; and what recv() says.  All but EAGAIN and EINVAL are there to stay.
 */
int ferry_stream_get_message(struct ferry_stream *s, const void **message,
			     size_t *len);
int ferry_stream_get_line(struct ferry_stream *s, const char **line,
			  size_t *len);
int ferry_stream_get_until(struct ferry_stream *s, const void *delimiter,
			   size_t delimiter_len, const char **text,
			   size_t *len);
int ferry_stream_get_bytes(struct ferry_stream *s, const void **bytes,
			   size_t size);

/*
 * Send a frame: copy all of it to the buffer, or nothing.  It leaves with
 * ferry_stream_flush(), ferry_stream_finish(), the next attempt to receive, or
 * when the buffer is full.
 *
 * Returns 0, or -1 with errno: EMSGSIZE for a frame beyond the limit; EINVAL
 * for one that the other end would not receive as it is, because its end is in
 * it; EAGAIN when there is no room; ENOMEM; EPIPE, ECONNRESET and what else
 * send() says, now or before, which is there to stay.
 */
int ferry_stream_put_message(struct ferry_stream *s, const void *message,
			     size_t len);
int ferry_stream_put_line(struct ferry_stream *s, const char *line, size_t len);
int ferry_stream_put_until(struct ferry_stream *s, const void *delimiter,
			   size_t delimiter_len, const char *text, size_t len);
int ferry_stream_put_bytes(struct ferry_stream *s, const void *bytes,
			   size_t size);

/*
 * Send what waits.  Returns 0 when all has been given to the kernel; or -1 with
 * errno: EAGAIN, or as above.
 */
int ferry_stream_flush(struct ferry_stream *s);

/*
 * Say that we live whenever nothing else has been sent for @every_ms, and take
 * the peer for dead when nothing has come for @dead_ms, which must be more than
 * @every_ms and should be several times the peer's; @every_ms 0 ends it.  Both
 * ends must do so, and both must use messages: a sign of life has the length
 * 2^32 - 1 in the place of a message, and no content.  It is sent and looked
 * for while a message is awaited, and with ferry_stream_wants().
 *
 * Returns 0, or -1 with EINVAL for wrong times.  From then on other kinds of
 * frames are EINVAL.
 */
int ferry_stream_heartbeat(struct ferry_stream *s, int every_ms, int dead_ms);

/* Free the stream, and return its descriptor, which is the caller's again. */
int ferry_stream_release(struct ferry_stream *s);

/* Free the stream and close its descriptor at once; NULL is nothing. */
void ferry_stream_close(struct ferry_stream *s);

/* ------------------------------------------------------------------ */
/* An end that knows what has arrived */

/*
 * Close @fd gracefully: end the stream, throw away what the peer still sends,
 * and wait up to @timeout_ms, for ever if it is negative, until the peer's host
 * has acknowledged everything, the end included.  @fd is closed in any case.
 *
 * Returns 0; or -1 with errno when it is not known to have arrived: ETIMEDOUT,
 * ECONNRESET, ...  Whether the peer's program has read it, only its answer
 * tells.
 */
int ferry_finish(int fd, int timeout_ms);

/*
 * Send what waits in the stream, and then the same, all in @timeout_ms.  It is
 * freed and its descriptor closed in any case.  Returns what ferry_finish()
 * returns, and what ferry_stream_flush() does but EAGAIN.
 */
int ferry_stream_finish(struct ferry_stream *s, int timeout_ms);

struct ferry_ending;

/*
 * Begin what ferry_finish() does.  Returns an object to which @fd now belongs,
 * the caller's to free; or NULL with ENOMEM, and @fd is still the caller's.
 */
struct ferry_ending *ferry_ending_new(int fd, int timeout_ms);
void ferry_ending_wants(const struct ferry_ending *ending,
			struct ferry_wants *wants);

/*
 * Go on.  Returns 0 when all has arrived; or -1 with errno: EINPROGRESS when it
 * is to be called again; else what ferry_finish() says, EINVAL after its end.
 * But with EINPROGRESS the descriptor has been closed.
 */
int ferry_ending_step(struct ferry_ending *ending);

/* Free it, and close the descriptor if it is open still; NULL is nothing. */
void ferry_ending_free(struct ferry_ending *ending);

/* The library's version, as "1.2.3". */
const char *ferry_version(void);

#ifdef __cplusplus
}
#endif

#endif /* FERRY_FERRY_H */
