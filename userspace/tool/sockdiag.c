// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The list of sockets, by netlink: a request, and messages until one says that
 * they are all.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sockdiag.h"

static int ask(int fd, const struct sockdiag_query *q)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 req;
		struct rtattr filter;
	} r = {
		.header.nlmsg_type = SOCK_DIAG_BY_FAMILY,
		.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		.header.nlmsg_len = NLMSG_LENGTH(sizeof(r.req)),
		.req.sdiag_family = q->family,
		.req.sdiag_protocol = q->protocol,
		.req.idiag_states = q->states,
		.req.idiag_ext = q->extensions,
		.filter.rta_type = INET_DIAG_REQ_BYTECODE,
		.filter.rta_len = RTA_LENGTH(q->filter_len),
	};
	struct iovec parts[] = {
		{ &r, r.header.nlmsg_len },
		{ (void *)q->filter, q->filter_len },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 1 };

	if (q->filter) {
		parts[0].iov_len = sizeof(r);
		r.header.nlmsg_len = sizeof(r) + q->filter_len;
		msg.msg_iovlen = 2;
	}
	return sendmsg(fd, &msg, 0) < 0 ? -1 : 0;
}

static void take(const struct nlmsghdr *h,
		 void (*each)(const struct sockdiag_sock *s, void *arg),
		 void *arg)
{
	struct sockdiag_sock s = { .msg = NLMSG_DATA(h), .v6only = -1 };
	struct ferry_info info;
	int left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*s.msg));
	const struct rtattr *a = (const void *)(s.msg + 1);

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		const void *data = RTA_DATA(a);
		size_t len = RTA_PAYLOAD(a);

		switch (a->rta_type) {
		case INET_DIAG_SKMEMINFO:
			if (len >= SK_MEMINFO_VARS * sizeof(__u32))
				s.memory = data;
			break;
		case INET_DIAG_CONG:
			s.congestion = data;
			break;
		case INET_DIAG_SKV6ONLY:
			s.v6only = *(const __u8 *)data;
			break;
		case INET_DIAG_INFO:
			/* An older or newer module's may differ in length. */
			memset(&info, 0, sizeof(info));
			memcpy(&info, data,
			       len < sizeof(info) ? len : sizeof(info));
			s.info = &info;
			break;
		}
	}
	each(&s, arg);
}

int sockdiag_dump(const struct sockdiag_query *q,
		  void (*each)(const struct sockdiag_sock *s, void *arg),
		  void *arg)
{
	static struct nlmsghdr buf[(1 << 15) / sizeof(struct nlmsghdr)];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			NETLINK_SOCK_DIAG);
	int err = 0;

	if (fd < 0)
		return -1;
	if (ask(fd, q)) {
		err = errno;
		goto out;
	}
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *h = buf;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = n ? errno : EPROTO;
			goto out;
		}
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			const struct nlmsgerr *e = NLMSG_DATA(h);

			/* Both carry an error, or 0. */
			if (h->nlmsg_type == NLMSG_DONE ||
			    h->nlmsg_type == NLMSG_ERROR) {
				err = e->error < 0 ? -e->error : 0;
				goto out;
			}
			if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY)
				take(h, each, arg);
		}
	}
out:
	close(fd);
	errno = err;
	return err ? -1 : 0;
}
