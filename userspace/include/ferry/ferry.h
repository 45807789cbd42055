/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libferry: the calls around a byte-stream socket that every program needs and
 * that are easily got wrong: connecting to a name whose first address does not
 * answer, listening on both address families, and moving a given number of
 * bytes past short counts and interrupted calls.
 *
 * The library opens Ferry sockets unless told otherwise.  A socket that it
 * hands out is an ordinary descriptor, the caller's to use and to close.
 * There is no global state; every function may be called from any thread.
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
 * Connect to @port of @host, trying each address that the name has until one
 * answers.
 *
 * @host may be a name or a numeric address of either family; @port a number
 * or a service name.  @timeout_ms bounds all attempts together, each address
 * getting an equal share of what is left; a negative one leaves it to the
 * kernel to give up.  Looking the name up is not part of that time.
 *
 * Returns a blocking, close-on-exec socket, or -1 with errno of the last
 * attempt: ENOENT when the name has no address, EAGAIN when it could not be
 * looked up now, EPROTONOSUPPORT when the module is not loaded, ETIMEDOUT,
 * ECONNREFUSED and whatever else connect() says.
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
 * Returns a close-on-exec listener, or -1 with errno.
 */
int ferry_listen(const char *host, const char *port, int backlog);
int ferry_listen_protocol(const char *host, const char *port, int backlog,
			  int protocol);

/*
 * Accept a connection, past signals and past connections that ended before
 * they were accepted.  Returns a blocking, close-on-exec socket, or -1 with
 * errno.
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
 * EMSGSIZE, with nothing sent, if the length does not fit into four bytes.
 */
int ferry_send_message(int fd, const void *buf, size_t len);

/*
 * Receive a message of at most @limit bytes into @buf, and how long it is into
 * *@len.  Waits for all of it.
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

/* The library's version, as "1.2.3". */
const char *ferry_version(void);

#ifdef __cplusplus
}
#endif

#endif /* FERRY_FERRY_H */
