// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Messages over a byte stream: each one has its length before it, four bytes,
 * the most significant first.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "inside.h"

/* Both parts in one segment, if they fit: one call, and what it leaves. */
int ferry_send_message(int fd, const void *buf, size_t len)
{
	uint32_t head = htonl(len);
	struct iovec parts[] = {
		{ &head, sizeof(head) },
		{ (void *)buf, len },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };
	size_t done;
	ssize_t n;

	if (len >= FRAME_BEAT) {
		errno = EMSGSIZE;
		return -1;
	}
	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN)
		return -1;
	done = n < 0 ? 0 : n;
	if (done < sizeof(head)) {
		if (ferry_write_all(fd, (char *)&head + done,
				    sizeof(head) - done))
			return -1;
		done = sizeof(head);
	}
	done -= sizeof(head);
	return ferry_write_all(fd, (const char *)buf + done, len - done);
}

int ferry_recv_message(int fd, void *buf, size_t limit, size_t *len)
{
	uint32_t head;
	ssize_t n;

	do {
		n = ferry_read_exactly(fd, &head, sizeof(head));
		if (n <= 0)
			return n;
		if (n < (ssize_t)sizeof(head)) {
			errno = EPROTO;
			return -1;
		}
		*len = ntohl(head);
	} while (*len == FRAME_BEAT);
	/* Before anything of it is read: the peer does not decide how much. */
	if (*len > limit) {
		errno = EMSGSIZE;
		return -1;
	}
	n = ferry_read_exactly(fd, buf, *len);
	if (n < 0)
		return -1;
	if ((size_t)n < *len) {
		errno = EPROTO;
		return -1;
	}
	return 1;
}
