/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ferry's sockets, as the kernel lists them by netlink (sock_diag(7)).
 */
#ifndef FERRY_SOCKDIAG_H
#define FERRY_SOCKDIAG_H

#include <linux/ferry.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

/* A list of the states, as bits. */
#define SOCKDIAG_STATE(state)	(1U << (state))

struct sockdiag_query {
	int family;			/* AF_INET or AF_INET6 */
	int protocol;
	__u32 states;
	__u8 extensions;		/* SOCKDIAG_WANT() */
	const void *filter;		/* a program for the kernel, or NULL */
	unsigned int filter_len;
};

#define SOCKDIAG_WANT(attr)	(1U << ((attr) - 1))

/* One of them; what the kernel did not tell is NULL. */
struct sockdiag_sock {
	const struct inet_diag_msg *msg;
	const __u32 *memory;		/* SK_MEMINFO_VARS of them */
	const char *congestion;
	const struct ferry_info *info;
	int v6only;			/* -1: not known */
};

/*
 * Give each socket to @each.  Returns 0, or -1 with errno: ENOENT when the
 * kernel cannot list sockets of this protocol.
 */
int sockdiag_dump(const struct sockdiag_query *q,
		  void (*each)(const struct sockdiag_sock *s, void *arg),
		  void *arg);

#endif /* FERRY_SOCKDIAG_H */
