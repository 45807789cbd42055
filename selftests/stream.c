// SPDX-License-Identifier: GPL-2.0-only
/*
 * Byte streams that check themselves; lib.h says what each function is for.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib.h"

static __u64 stream_word(__u64 stream, __u64 index)
{
	__u64 z = (stream << 48) + (index + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

void stream_fill(__u64 stream, __u64 pos, void *buf, size_t len)
{
	unsigned char *p = buf;

	while (len) {
		__u64 word = stream_word(stream, pos / 8);
		size_t skip = pos % 8;
		size_t n = 8 - skip < len ? 8 - skip : len;

		memcpy(p, (unsigned char *)&word + skip, n);
		p += n;
		pos += n;
		len -= n;
	}
}

ssize_t stream_check(__u64 stream, __u64 pos, const void *buf,
		     size_t len)
{
	const unsigned char *p = buf;
	size_t done = 0;

	while (done < len) {
		__u64 word = stream_word(stream, (pos + done) / 8);
		size_t skip = (pos + done) % 8;
		size_t n = 8 - skip < len - done ? 8 - skip : len - done;
		unsigned char *w = (unsigned char *)&word + skip;

		if (memcmp(p + done, w, n)) {
			while (p[done] == *w) {
				done++;
				w++;
			}
			return done;
		}
		done += n;
	}
	return -1;
}

#define CHUNK 65536

static bool wrong_byte(__u64 stream, __u64 pos, const unsigned char *buf,
		       size_t len)
{
	ssize_t bad = stream_check(stream, pos, buf, len);
	unsigned char want;

	if (bad < 0)
		return false;
	stream_fill(stream, pos + bad, &want, 1);
	fprintf(stderr,
		"# stream %llu: byte %llu is 0x%02x and should be 0x%02x\n",
		(unsigned long long)stream, (unsigned long long)pos + bad,
		buf[bad], want);
	return true;
}

bool send_stream(int fd, __u64 stream, __u64 pos, __u64 len)
{
	unsigned char buf[CHUNK];

	while (len) {
		size_t n = len < CHUNK ? len : CHUNK;
		ssize_t sent;

		stream_fill(stream, pos, buf, n);
		sent = send(fd, buf, n, MSG_NOSIGNAL);
		if (sent <= 0) {
			fprintf(stderr,
				"# send at byte %llu: %zd, errno %s\n",
				(unsigned long long)pos, sent,
				errno_name(errno));
			return false;
		}
		pos += sent;
		len -= sent;
	}
	return true;
}

bool recv_stream(int fd, __u64 stream, __u64 pos, __u64 len)
{
	unsigned char buf[CHUNK];

	while (len) {
		ssize_t n;

		if (!wait_for(fd, POLLIN, 6 * SOON_MS)) {
			fprintf(stderr, "# no byte %llu in time\n",
				(unsigned long long)pos);
			return false;
		}
		n = recv(fd, buf, len < CHUNK ? len : CHUNK, 0);
		if (n <= 0) {
			fprintf(stderr, "# recv at byte %llu: %zd, errno %s\n",
				(unsigned long long)pos, n,
				n ? errno_name(errno) : "none");
			return false;
		}
		if (wrong_byte(stream, pos, buf, n))
			return false;
		pos += n;
		len -= n;
	}
	return true;
}

struct end {
	int fd;
	__u64 sends;		/* which stream */
	__u64 gets;
	__u64 sent;
	__u64 got;
	bool saw_end;
};

static bool end_send(struct end *e, __u64 bytes)
{
	unsigned char buf[CHUNK];
	__u64 left = bytes - e->sent;
	size_t n = left < CHUNK ? left : CHUNK;
	ssize_t sent;

	stream_fill(e->sends, e->sent, buf, n);
	sent = send(e->fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		return errno == EAGAIN;
	e->sent += sent;
	if (e->sent == bytes && shutdown(e->fd, SHUT_WR))
		return false;
	return true;
}

static bool end_recv(struct end *e, __u64 bytes)
{
	unsigned char buf[CHUNK];
	ssize_t n = recv(e->fd, buf, CHUNK, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN;
	if (n == 0) {
		e->saw_end = true;
		if (e->got == bytes)
			return true;
		errno = ENODATA;
		return false;
	}
	if (wrong_byte(e->gets, e->got, buf, n)) {
		errno = EBADMSG;
		return false;
	}
	e->got += n;
	if (e->got <= bytes)
		return true;
	errno = EOVERFLOW;
	return false;
}

bool pump(int from, int to, __u64 *sent, __u64 *got, __u64 until, int stall_ms)
{
	unsigned char buf[65536];
	ssize_t n;

	while (*got < until) {
		struct pollfd p[2] = {
			{ .fd = from, .events = POLLOUT },
			{ .fd = to, .events = POLLIN },
		};

		if (poll(p, 2, stall_ms) <= 0) {
			fprintf(stderr, "# stuck: %llu sent, %llu received\n",
				(unsigned long long)*sent,
				(unsigned long long)*got);
			return false;
		}
		if (p[0].revents) {
			stream_fill(1, *sent, buf, sizeof(buf));
			n = send(from, buf, sizeof(buf),
				 MSG_DONTWAIT | MSG_NOSIGNAL);
			if (n < 0 && errno != EAGAIN)
				die("send");
			*sent += n > 0 ? n : 0;
		}
		if (p[1].revents) {
			n = recv(to, buf, sizeof(buf), MSG_DONTWAIT);
			if (n < 0 ? errno != EAGAIN :
				    !n || stream_check(1, *got, buf, n) >= 0)
				die("recv %zd at byte %llu", n,
				    (unsigned long long)*got);
			*got += n > 0 ? n : 0;
		}
	}
	return true;
}

bool exchange(int a, int b, __u64 bytes, int stall_ms)
{
	struct end e[2] = {
		{ .fd = a, .sends = 1, .gets = 2 },
		{ .fd = b, .sends = 2, .gets = 1 },
	};
	struct pollfd p[2];
	const char *why = "nothing moved for too long";
	int i;

	while (!e[0].saw_end || !e[1].saw_end) {
		errno = ETIMEDOUT;
		for (i = 0; i < 2; i++) {
			p[i].fd = e[i].saw_end && e[i].sent == bytes ? -1 :
								       e[i].fd;
			p[i].events = e[i].saw_end ? 0 : POLLIN;
			if (e[i].sent < bytes)
				p[i].events |= POLLOUT;
		}
		if (poll(p, 2, stall_ms) <= 0)
			goto failed;
		for (i = 0; i < 2; i++) {
			if (p[i].revents & (POLLIN | POLLERR) &&
			    !end_recv(&e[i], bytes)) {
				why = "receive";
				goto failed;
			}
			if (p[i].revents & POLLOUT && e[i].sent < bytes &&
			    !end_send(&e[i], bytes)) {
				why = "send";
				goto failed;
			}
		}
	}
	return true;
failed:
	fprintf(stderr, "# %s: errno %s\n", why, errno_name(errno));
	for (i = 0; i < 2; i++)
		fprintf(stderr,
			"# end %d: sent %llu of %llu, received %llu%s\n", i,
			(unsigned long long)e[i].sent,
			(unsigned long long)bytes,
			(unsigned long long)e[i].got,
			e[i].saw_end ? ", saw the end" : "");
	return false;
}
