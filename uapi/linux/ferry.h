/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Ferry: a TCP-class reliable byte stream on an IP protocol of its own.
 *
 *	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_FERRY);	(or AF_INET6)
 *
 * From there on the socket API is TCP's.  Option numbers are TCP's too, at
 * level SOL_FERRY; level SOL_TCP is an alias on a Ferry socket, so a program
 * that was written for TCP needs no change but its socket() call.
 */
#ifndef _UAPI_LINUX_FERRY_H
#define _UAPI_LINUX_FERRY_H

/* RFC 3692 leaves 253 and 254 to experiments. */
#ifndef IPPROTO_FERRY
#define IPPROTO_FERRY		253
#endif
#ifndef SOL_FERRY
#define SOL_FERRY		253
#endif

/*
 * Socket options.  The numbers equal TCP's wherever the meaning does; what is
 * not listed here answers ENOPROTOOPT.
 */
#define FERRY_NODELAY		1	/* int: no Nagle delay */
#define FERRY_MAXSEG		2	/* int: bytes, upper bound for the MSS */
#define FERRY_CORK		3	/* int: hold partial segments back */
#define FERRY_KEEPIDLE		4	/* int: seconds idle before probing */
#define FERRY_KEEPINTVL		5	/* int: seconds between probes */
#define FERRY_KEEPCNT		6	/* int: probes before giving up */
#define FERRY_SYNCNT		7	/* int: SYN retransmissions */
#define FERRY_LINGER2		8	/* int: seconds in FIN_WAIT2 */
#define FERRY_WINDOW_CLAMP	10	/* int: bytes, bound of the window */
#define FERRY_INFO		11	/* struct tcp_info, read only */
#define FERRY_CONGESTION	13	/* string: congestion control's name */
#define FERRY_USER_TIMEOUT	18	/* int: milliseconds unacknowledged */

/* Room for a congestion control's name, terminating zero included. */
#define FERRY_CA_NAME_MAX	16

#endif /* _UAPI_LINUX_FERRY_H */
