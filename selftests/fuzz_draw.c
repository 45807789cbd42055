// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which programs there are: the tables of values that calls may get, and the
 * dice.  Most programs begin with two processes that connect, since sockets
 * that are nothing yet have few ways to differ; what follows is random.
 *
 * What depends on time or on the size of an object in memory is left out:
 * buffers so small that they decide how much a call moves, Nagle's delay,
 * waits without end.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fuzz.h"

/* Any argument means one of the values that there are. */
#define PICK(table, arg) ((table)[(arg) % ARRAY_SIZE(table)])

static const int sizes[] = { 1, 0, 10, 100, 1000, 1460, 3000, 8000 };

static const int send_flags[] = {
	0, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_MORE, MSG_EOR, MSG_CONFIRM,
	MSG_PEEK, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE,
	MSG_OOB, MSG_OOB | MSG_DONTWAIT, MSG_ZEROCOPY, MSG_BATCH,
	MSG_ZEROCOPY | MSG_MORE | MSG_DONTWAIT, MSG_TRUNC, MSG_WAITALL,
	MSG_DONTROUTE, MSG_ERRQUEUE,
};

static const int recv_flags[] = {
	MSG_DONTWAIT, 0, MSG_PEEK, MSG_PEEK | MSG_DONTWAIT,
	MSG_WAITALL, MSG_TRUNC | MSG_DONTWAIT, MSG_TRUNC | MSG_PEEK,
	MSG_WAITALL | MSG_DONTWAIT, MSG_WAITALL | MSG_PEEK,
	MSG_CMSG_CLOEXEC, MSG_ERRQUEUE | MSG_DONTWAIT,
	MSG_OOB, MSG_OOB | MSG_PEEK, MSG_OOB | MSG_TRUNC, MSG_ERRQUEUE,
	MSG_NOSIGNAL, MSG_WAITFORONE, MSG_WAITALL | MSG_TRUNC,
};

/* What is said with sendmsg() beside the bytes. */
static const int controls[] = {
	0, 0, SO_TIMESTAMPING, SO_MARK, SO_PRIORITY, SCM_RIGHTS, SCM_CREDENTIALS,
	SO_TXTIME, 99,
};

static const int events[] = {
	POLLIN | POLLOUT | POLLRDHUP | POLLPRI, POLLIN, POLLOUT, POLLRDHUP, 0,
	POLLIN | POLLRDNORM | POLLRDBAND | POLLOUT | POLLWRNORM | POLLWRBAND |
		POLLPRI | POLLRDHUP | POLLERR | POLLHUP,
};

static const int backlogs[] = { 5, 0, 1, -1, 128 };
static const int optlens[] = { 4, 4, 4, 8, 0, 1, 2, 3, 16, -1 };
static const __u16 ports[] = { 7001, 7001, 0, 7002, 80 };

#define O(l, n, s, v) { #n, l, n, s, v }

/*
 * Left out: what sets a time-out of ours aside, what makes a buffer small,
 * what tells two protocols apart on purpose (SO_PROTOCOL, SO_COOKIE,
 * TCP_INFO), and what Documentation/protocol.md says Ferry has not got.
 */
const struct sockopt fuzz_options[] = {
	O(SOL_SOCKET, SO_REUSEADDR, true, true),
	O(SOL_SOCKET, SO_REUSEPORT, true, true),
	O(SOL_SOCKET, SO_TYPE, true, true),
	O(SOL_SOCKET, SO_ERROR, true, true),
	O(SOL_SOCKET, SO_DONTROUTE, true, true),
	O(SOL_SOCKET, SO_BROADCAST, true, true),
	O(SOL_SOCKET, SO_SNDBUF, false, false),
	O(SOL_SOCKET, SO_RCVBUF, false, false),
	O(SOL_SOCKET, SO_KEEPALIVE, true, true),
	O(SOL_SOCKET, SO_OOBINLINE, true, true),
	O(SOL_SOCKET, SO_PRIORITY, true, true),
	O(SOL_SOCKET, SO_LINGER, true, true),
	O(SOL_SOCKET, SO_PASSCRED, true, true),
	O(SOL_SOCKET, SO_RCVLOWAT, true, true),
	O(SOL_SOCKET, SO_SNDLOWAT, true, true),
	O(SOL_SOCKET, SO_TIMESTAMP, true, true),
	O(SOL_SOCKET, SO_TIMESTAMPNS, true, true),
	O(SOL_SOCKET, SO_TIMESTAMPING, true, true),
	O(SOL_SOCKET, SO_TIMESTAMP_NEW, true, true),
	O(SOL_SOCKET, SO_ZEROCOPY, true, true),
	O(SOL_SOCKET, SO_BUSY_POLL, true, true),
	O(SOL_SOCKET, SO_INCOMING_CPU, true, true),
	O(SOL_SOCKET, SO_INCOMING_NAPI_ID, true, true),
	O(SOL_SOCKET, SO_MAX_PACING_RATE, false, true),
	O(SOL_SOCKET, SO_ATTACH_FILTER, true, true),
	O(SOL_SOCKET, SO_DETACH_FILTER, true, true),
	O(SOL_SOCKET, SO_RXQ_OVFL, true, true),
	O(SOL_SOCKET, SO_BINDTOIFINDEX, false, true),
	O(SOL_SOCKET, SO_RCVTIMEO, false, true),
	O(SOL_SOCKET, SO_MEMINFO, true, false),
	O(SOL_SOCKET, SO_ACCEPTCONN, true, true),
	O(SOL_SOCKET, SO_MARK, true, true),
	O(SOL_SOCKET, SO_DOMAIN, true, true),
	O(SOL_SOCKET, SO_PEEK_OFF, true, true),
	O(SOL_SOCKET, SO_LOCK_FILTER, false, true),
	O(SOL_SOCKET, SO_SELECT_ERR_QUEUE, true, true),
	O(SOL_SOCKET, SO_PEERNAME, true, false),
	O(IPPROTO_TCP, TCP_NODELAY, false, true),
	O(IPPROTO_TCP, TCP_MAXSEG, true, false),
	O(IPPROTO_TCP, TCP_CORK, true, true),
	O(IPPROTO_TCP, TCP_KEEPIDLE, true, true),
	O(IPPROTO_TCP, TCP_KEEPINTVL, true, true),
	O(IPPROTO_TCP, TCP_KEEPCNT, true, true),
	O(IPPROTO_TCP, TCP_SYNCNT, true, true),
	O(IPPROTO_TCP, TCP_LINGER2, true, true),
	O(IPPROTO_TCP, TCP_DEFER_ACCEPT, true, true),
	O(IPPROTO_TCP, TCP_QUICKACK, true, false),
	O(IPPROTO_TCP, TCP_WINDOW_CLAMP, false, false),
	O(IPPROTO_TCP, TCP_CONGESTION, false, false),
	O(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, true, true),
	O(IPPROTO_TCP, TCP_THIN_DUPACK, true, true),
	O(IPPROTO_TCP, TCP_USER_TIMEOUT, false, true),
	O(IPPROTO_TCP, TCP_TIMESTAMP, true, false),
	O(IPPROTO_TCP, TCP_NOTSENT_LOWAT, true, true),
	O(IPPROTO_TCP, TCP_INQ, true, true),
	O(IPPROTO_TCP, TCP_CC_INFO, true, true),
	O(IPPROTO_TCP, 15, true, true),
	O(IPPROTO_IP, IP_TOS, true, true),
	O(IPPROTO_IP, IP_TTL, true, true),
	O(IPPROTO_IP, IP_FREEBIND, true, true),
	O(IPPROTO_IP, IP_TRANSPARENT, true, true),
	O(IPPROTO_IP, IP_MTU, true, false),
	O(IPPROTO_IP, IP_MTU_DISCOVER, true, true),
	O(IPPROTO_IP, IP_RECVERR, true, true),
	O(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, true, true),
	O(IPPROTO_IP, IP_RECVTOS, true, true),
	O(IPPROTO_IP, IP_PKTINFO, true, true),
	O(IPPROTO_IP, IP_MINTTL, true, true),
	O(IPPROTO_IP, IP_OPTIONS, false, true),
	O(IPPROTO_IP, IP_MULTICAST_TTL, true, true),
	O(IPPROTO_IPV6, IPV6_V6ONLY, true, true),
	O(IPPROTO_IPV6, IPV6_TCLASS, true, true),
	O(IPPROTO_IPV6, IPV6_UNICAST_HOPS, true, true),
	O(IPPROTO_IPV6, IPV6_RECVERR, true, true),
	O(IPPROTO_IPV6, IPV6_MTU, true, false),
	O(IPPROTO_IPV6, IPV6_RECVPKTINFO, true, true),
	O(IPPROTO_IPV6, IPV6_RECVTCLASS, true, true),
	O(IPPROTO_IPV6, IPV6_DONTFRAG, true, true),
	O(IPPROTO_IPV6, IPV6_MINHOPCOUNT, true, true),
	O(IPPROTO_IPV6, 255, true, true),
	O(255, 1, true, true),
};

const unsigned int fuzz_num_options = ARRAY_SIZE(fuzz_options);

const int fuzz_values[] = {
	1, 0, 2, 100, -1, 255, 256, 65536, 0x7fffffff, -0x7fffffff - 1,
};

const unsigned int fuzz_num_values = ARRAY_SIZE(fuzz_values);

static const struct {
	unsigned long request;
	bool value;
} requests[] = {
	{ FIONREAD, true },
	{ SIOCATMARK, true },
	{ FIONBIO, false },
	{ FIOASYNC, false },
	{ SIOCSPGRP, false },
	{ SIOCGSTAMP_OLD, false },
	{ SIOCOUTQNSD, false },
	{ SIOCOUTQ, false },
	{ FIOGETOWN, true },
	{ SIOCGIFMTU, false },
	{ 0x5fff, false },
};

static const char *const calls[CALLS] = {
	[CALL_SOCKET] = "socket", [CALL_BIND] = "bind",
	[CALL_LISTEN] = "listen", [CALL_CONNECT] = "connect",
	[CALL_ACCEPT] = "accept4", [CALL_SEND] = "send",
	[CALL_SENDTO] = "sendto", [CALL_WRITEV] = "writev",
	[CALL_SENDMSG] = "sendmsg", [CALL_SENDMMSG] = "sendmmsg",
	[CALL_SPLICE_IN] = "splice to", [CALL_SEND_WILD] = "send from nowhere",
	[CALL_RECVMMSG] = "recvmmsg", [CALL_RECV_WILD] = "recv to nowhere",
	[CALL_SELECT] = "select", [CALL_WATCH] = "epoll_ctl",
	[CALL_WAIT] = "epoll_wait",
	[CALL_SENDFILE] = "sendfile", [CALL_RECV] = "recv",
	[CALL_RECVMSG] = "recvmsg", [CALL_READV] = "readv",
	[CALL_SPLICE] = "splice", [CALL_SHUTDOWN] = "shutdown",
	[CALL_CLOSE] = "close", [CALL_DUP] = "dup", [CALL_GIVE] = "give",
	[CALL_TAKE] = "take", [CALL_POLL] = "poll", [CALL_EPOLL] = "epoll",
	[CALL_SETSOCKOPT] = "setsockopt", [CALL_GETSOCKOPT] = "getsockopt",
	[CALL_IOCTL] = "ioctl", [CALL_FCNTL] = "fcntl",
	[CALL_GETSOCKNAME] = "getsockname", [CALL_GETPEERNAME] = "getpeername",
};

int fuzz_size(__u8 arg)
{
	return PICK(sizes, arg);
}

int fuzz_send_flags(__u8 arg)
{
	return PICK(send_flags, arg);
}

int fuzz_recv_flags(__u8 arg)
{
	return PICK(recv_flags, arg);
}

int fuzz_events(__u8 arg)
{
	return PICK(events, arg);
}

int fuzz_backlog(__u8 arg)
{
	return PICK(backlogs, arg);
}

int fuzz_optlen(__u8 arg)
{
	return PICK(optlens, arg);
}

int fuzz_control(__u8 arg)
{
	return PICK(controls, arg);
}

unsigned long fuzz_request(__u8 arg, bool *value)
{
	*value = PICK(requests, arg).value;
	return PICK(requests, arg).request;
}

bool fuzz_port_known(__u16 port)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ports); i++)
		if (ports[i] == port)
			return true;
	return false;
}

/* Every run has two hosts of its own in each family, all of them local. */
struct addr fuzz_addr(__u8 arg, __u8 port, __u8 len, __u32 run)
{
	__u32 host = run % 0x7ffff;
	__u16 p = PICK(ports, port);
	char text[64];
	struct addr a;

	switch (arg % 10) {
	default:
		snprintf(text, sizeof(text), "127.%u.%u.%u", 16 + (host >> 15),
			 (host >> 7) & 255, (host & 127) * 2);
		a = addr_of(text, p);
		break;
	case 1:
		a = any(V4, p);
		break;
	case 2:
		snprintf(text, sizeof(text), "127.%u.%u.%u", 16 + (host >> 15),
			 (host >> 7) & 255, (host & 127) * 2 + 1);
		a = addr_of(text, p);
		break;
	case 3:
		snprintf(text, sizeof(text), "fd01::%x:%x", host >> 16,
			 host & 0xffff);
		a = addr_of(text, p);
		break;
	case 4:
		a = any(V6, p);
		break;
	case 5:
		snprintf(text, sizeof(text), "::ffff:127.%u.%u.%u",
			 16 + (host >> 15), (host >> 7) & 255,
			 (host & 127) * 2);
		a = addr_of(text, p);
		break;
	case 6:		/* nobody's */
		a = addr_of("192.0.2.1", p);
		break;
	case 7:		/* everybody's */
		a = addr_of("224.0.0.1", p);
		break;
	case 8:
		a = addr_of("ff02::1", p);
		break;
	case 9:
		a = addr_of("127.0.0.1", p);
		a.sa.sa_family = AF_UNSPEC;
		break;
	}
	switch (len % 8) {
	case 5:
		a.len--;
		break;
	case 6:
		a.len = 2;
		break;
	case 7:
		a.len = sizeof(struct sockaddr_storage);
		break;
	}
	return a;
}

/* SplitMix64: small, and any seed will do. */
static __u64 roll(__u64 *state)
{
	__u64 z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void add(struct program *p, __u8 who, __u8 call, __u8 slot, __u8 a,
		__u8 b, __u8 c)
{
	p->op[p->len++] = (struct op){
		.who = who, .call = call, .slot = slot, .arg = { a, b, c },
	};
}

/* Process 0 listens, process 1 connects, process 0 accepts into slot 1. */
static void draw_opening(struct program *p, __u64 *dice)
{
	static const __u8 homes[] = { 0, 0, 3, 5 };
	__u8 home = homes[roll(dice) % ARRAY_SIZE(homes)];
	__u8 family = home == 0 ? 0 : 1;
	__u8 type = roll(dice) % 8;

	add(p, 0, CALL_SOCKET, 0, family, 0, 0);
	add(p, 0, CALL_BIND, 0, home, 0, 0);
	add(p, 0, CALL_LISTEN, 0, 0, 0, 0);
	add(p, 1, CALL_SOCKET, 0, family, type, 0);
	add(p, 1, CALL_CONNECT, 0, home, 0, 0);
	if (roll(dice) % 8)
		add(p, 0, CALL_ACCEPT, 0, 1, roll(dice) % 4, 0);
}

/* Calls by how often they should come. */
static const __u8 urn[] = {
	CALL_SOCKET, CALL_BIND, CALL_LISTEN, CALL_CONNECT, CALL_CONNECT,
	CALL_ACCEPT, CALL_ACCEPT, CALL_SEND, CALL_SEND, CALL_SEND, CALL_SEND,
	CALL_SEND, CALL_SENDTO, CALL_WRITEV, CALL_SENDFILE, CALL_SENDMSG,
	CALL_SENDMMSG, CALL_SPLICE_IN, CALL_SEND_WILD, CALL_RECV_WILD,
	CALL_RECVMMSG, CALL_SELECT, CALL_WATCH, CALL_WATCH, CALL_WAIT,
	CALL_WAIT, CALL_WAIT, CALL_SETSOCKOPT, CALL_SETSOCKOPT, CALL_RECV,
	CALL_RECV, CALL_RECV, CALL_RECV, CALL_RECV, CALL_RECVMSG, CALL_READV,
	CALL_SPLICE, CALL_SHUTDOWN, CALL_SHUTDOWN, CALL_CLOSE, CALL_CLOSE,
	CALL_DUP, CALL_GIVE, CALL_TAKE, CALL_POLL, CALL_POLL, CALL_POLL,
	CALL_EPOLL, CALL_SETSOCKOPT, CALL_SETSOCKOPT, CALL_GETSOCKOPT,
	CALL_GETSOCKOPT, CALL_IOCTL, CALL_FCNTL, CALL_GETSOCKNAME,
	CALL_GETPEERNAME,
};

/*
 * Two things that Linux TCP does and Ferry does not, see
 * Documentation/protocol.md: after connect() to an IPv4-mapped address has
 * failed, its SYN to an IPv6 address leaves as IPv4; and splice() from a socket
 * where an urgent byte is next says 0, as at the end.  So all addresses to
 * connect to are mapped or none is, and who sends urgent bytes reads otherwise.
 */
static void avoid_known(struct program *p)
{
	bool mapped = false, urgent = false;
	struct op *op;

	for (op = p->op; op < p->op + p->len; op++) {
		mapped |= op->call == CALL_CONNECT && op->arg[0] % 10 == 5;
		urgent |= (op->call == CALL_SEND || op->call == CALL_SENDTO ||
			   op->call == CALL_SEND_WILD) &&
			  fuzz_send_flags(op->arg[1]) & MSG_OOB;
		urgent |= (op->call == CALL_SENDMSG ||
			   op->call == CALL_SENDMMSG) &&
			  fuzz_send_flags(op->arg[2]) & MSG_OOB;
	}
	for (op = p->op; op < p->op + p->len; op++) {
		if (mapped && op->call == CALL_CONNECT &&
		    (op->arg[0] % 10 == 3 || op->arg[0] % 10 == 4 ||
		     op->arg[0] % 10 == 8))
			op->arg[0] = 5;
		if (urgent && op->call == CALL_SPLICE)
			op->call = CALL_READV;
	}
}

/**
 * fuzz_draw() - the program that a seed stands for
 * @p: the program
 * @seed: any number
 */
void fuzz_draw(struct program *p, __u64 seed)
{
	unsigned int len, i;
	struct op *op;

	memset(p, 0, sizeof(*p));
	if (roll(&seed) % 8)
		draw_opening(p, &seed);
	len = 4 + roll(&seed) % (FUZZ_CALLS - 4);
	while (p->len < len || p->len < 7) {
		op = &p->op[p->len++];
		op->who = roll(&seed) % 2;
		op->call = PICK(urn, roll(&seed));
		/* The first two slots are the ones that have something. */
		op->slot = roll(&seed) % (roll(&seed) % 4 ? 2 : FUZZ_SLOTS);
		for (i = 0; i < FUZZ_ARGS; i++)
			op->arg[i] = roll(&seed) % (roll(&seed) % 2 ? 2 : 256);
	}
	avoid_known(p);
}

/**
 * fuzz_print() - a call, as a person would write it
 * @f: where to
 * @op: the call
 */
void fuzz_print(FILE *f, const struct op *op)
{
	const __u8 *a = op->arg;
	struct addr at;
	bool value;

	fprintf(f, "%c: %s(%u", 'A' + op->who, calls[op->call], op->slot);
	switch (op->call) {
	case CALL_SOCKET:
		fprintf(f, ", %s, %s", a[0] % 2 ? "v6" : "v4",
			a[1] % 4 ? "nonblocking" : "blocking");
		break;
	case CALL_BIND:
	case CALL_CONNECT:
		at = fuzz_addr(a[0], a[1], a[2], 0);
		fprintf(f, ", family %d %s, %u", at.sa.sa_family, addr_text(&at),
			at.len);
		break;
	case CALL_LISTEN:
		fprintf(f, ", %d", fuzz_backlog(a[0]));
		break;
	case CALL_ACCEPT:
		fprintf(f, ", to %u%s%s", a[0] % FUZZ_SLOTS,
			a[1] % 4 ? ", SOCK_NONBLOCK" : "",
			a[1] >= 250 ? ", bad flags" : "");
		break;
	case CALL_SEND:
		fprintf(f, ", %d bytes, %#x", fuzz_size(a[0]),
			fuzz_send_flags(a[1]));
		break;
	case CALL_SENDTO:
		at = fuzz_addr(a[2], a[3], 0, 0);
		fprintf(f, ", %d bytes, %#x, %s", fuzz_size(a[0]),
			fuzz_send_flags(a[1]), addr_text(&at));
		break;
	case CALL_WRITEV:
	case CALL_READV:
	case CALL_RECVMSG:
	case CALL_RECVMMSG:
	case CALL_SENDMSG:
	case CALL_SENDMMSG:
		fprintf(f, ", %u times %d bytes", a[1] % 4, fuzz_size(a[0]));
		if (op->call == CALL_RECVMSG || op->call == CALL_RECVMMSG)
			fprintf(f, ", %#x", fuzz_recv_flags(a[2]));
		if (op->call == CALL_SENDMSG || op->call == CALL_SENDMMSG)
			fprintf(f, ", %#x", fuzz_send_flags(a[2]));
		if (op->call == CALL_SENDMSG)
			fprintf(f, ", control %d", fuzz_control(a[3]));
		break;
	case CALL_SEND_WILD:
	case CALL_RECV_WILD:
		fprintf(f, ", %d bytes, %#x, address %u", fuzz_size(a[0]),
			op->call == CALL_SEND_WILD ? fuzz_send_flags(a[1]) :
						     fuzz_recv_flags(a[1]),
			a[2] % 3);
		break;
	case CALL_RECV:
		fprintf(f, ", %d bytes, %#x", fuzz_size(a[0]),
			fuzz_recv_flags(a[1]));
		break;
	case CALL_SENDFILE:
	case CALL_SPLICE:
	case CALL_SPLICE_IN:
		fprintf(f, ", %d bytes", fuzz_size(a[0]));
		break;
	case CALL_SHUTDOWN:
		fprintf(f, ", %d", a[0] % 4);
		break;
	case CALL_DUP:
		fprintf(f, ", to %u", a[0] % FUZZ_SLOTS);
		break;
	case CALL_POLL:
	case CALL_EPOLL:
		fprintf(f, ", %#x", fuzz_events(a[0]));
		break;
	case CALL_WATCH:
		fprintf(f, ", %#x%s", fuzz_events(a[0]),
			a[1] % 2 ? "" : ", EPOLLET");
		break;
	case CALL_SETSOCKOPT:
		fprintf(f, ", %s, %d, %d bytes%s",
			PICK(fuzz_options, a[0]).name, PICK(fuzz_values, a[1]),
			fuzz_optlen(a[2]), a[3] >= 240 ? " at NULL" : "");
		break;
	case CALL_GETSOCKOPT:
		fprintf(f, ", %s, %d bytes", PICK(fuzz_options, a[0]).name,
			fuzz_optlen(a[2]));
		break;
	case CALL_IOCTL:
		fprintf(f, ", %#lx, %d", fuzz_request(a[0], &value), a[1] % 2);
		break;
	case CALL_FCNTL:
		fprintf(f, ", %s", a[1] >= 128 ? "F_SETOWN" :
			a[0] % 2 ? "blocking" : "nonblocking");
		break;
	case CALL_GETSOCKNAME:
	case CALL_GETPEERNAME:
		fprintf(f, ", %d bytes", fuzz_optlen(a[2]));
		break;
	}
	fprintf(f, ")");
}
