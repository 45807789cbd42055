// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one of the fuzzer's processes does: the calls of a program, on the
 * descriptors in its slots, and what came of each.
 *
 * No call waits for longer than a few milliseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "control.h"
#include "fuzz.h"

/* The longest that a blocking call may wait. */
#define PATIENCE_US 4000
#define BUFFER 32768

static __u32 this_run;		/* the number of the program */
static int box;			/* the mail */
static int proto;
static int slot[FUZZ_SLOTS];
static volatile sig_atomic_t signals;
static int watching;		/* an epoll descriptor */
static char *nowhere;		/* a page that is there and one that is not */
static char buffer[BUFFER];
static int source;		/* a file to send from */

/* How many is a matter of time: those that wait are one. */
static void count_signal(int number)
{
	signals |= number == SIGPIPE ? 1 : number == SIGURG ? 2 : 4;
}

static __u32 hash(const void *data, size_t len)
{
	const __u8 *p = data;
	__u32 h = 2166136261U;

	while (len--)
		h = (h ^ *p++) * 16777619U;
	return h;
}

static void fill(unsigned int index, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		buffer[i] = index * 37 + i * 7 + (i >> 8);
}

static void put(unsigned int where, int fd)
{
	if (slot[where] >= 0)
		close(slot[where]);
	slot[where] = fd;
}

/* Every socket gives up soon, and none waits to fill its segments. */
static void tame(int fd)
{
	struct timeval patience = { .tv_usec = PATIENCE_US };
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* An address that a call gave: ports that the kernel chose are all alike. */
static void note_addr(struct outcome *o, struct sockaddr_storage *a,
		      socklen_t had, socklen_t len)
{
	__be16 *port = &((struct sockaddr_in *)a)->sin_port;

	if (!fuzz_port_known(ntohs(*port)))
		*port = 0xffff;
	o->extra = len;
	o->bytes = hash(a, len < had ? len : had);
}

static int make_socket(const struct op *op)
{
	int type = SOCK_STREAM, fd;

	if (op->arg[1] % 4)
		type |= SOCK_NONBLOCK;
	fd = socket(op->arg[0] % 2 ? AF_INET6 : AF_INET, type, proto);
	if (fd < 0)
		return -1;
	tame(fd);
	put(op->slot, fd);
	return 0;
}

static int do_accept(const struct op *op, struct outcome *o)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);
	int flags = op->arg[1] % 4 ? SOCK_NONBLOCK : 0, fd;

	if (op->arg[1] >= 250)
		flags = 0x55555;
	fd = accept4(slot[op->slot], (struct sockaddr *)&a, &len, flags);
	if (fd < 0)
		return -1;
	note_addr(o, &a, sizeof(a), len);
	put(op->arg[0] % FUZZ_SLOTS, fd);
	return 0;
}

static unsigned int vector(const struct op *op, struct iovec *iov)
{
	unsigned int n = op->arg[1] % 4, i;
	int size = fuzz_size(op->arg[0]);

	for (i = 0; i < n; i++)
		iov[i] = (struct iovec){ buffer + i * size, size };
	return n;
}

/* What came beside the bytes: all but the time. */
static __u32 hash_control(struct msghdr *m)
{
	__u32 seen[64] = { m->msg_flags, m->msg_namelen, m->msg_controllen };
	struct cmsghdr *c;
	unsigned int n = 3;

	for (c = CMSG_FIRSTHDR(m); c && n < 50; c = CMSG_NXTHDR(m, c)) {
		seen[n++] = c->cmsg_level;
		seen[n++] = c->cmsg_type;
		seen[n++] = c->cmsg_len;
		/* The start of a struct sock_extended_err, or less. */
		if (c->cmsg_level != SOL_SOCKET)
			memcpy(&seen[n], CMSG_DATA(c),
			       c->cmsg_len < CMSG_LEN(16) ?
				       c->cmsg_len - CMSG_LEN(0) : 16);
		n += 4;
	}
	return hash(seen, n * sizeof(seen[0]));
}

static ssize_t do_sendmsg(const struct op *op)
{
	int value = op->arg[1] & 8 ? 0x102 : 0, type = fuzz_control(op->arg[3]);
	struct control control;
	struct iovec iov[4];

	control_int(&control, SOL_SOCKET, type, value);
	if (op->arg[3] >= 240)
		control.head.cmsg_len = 3;
	if (!type)
		control.msg.msg_controllen = 0;
	control.msg.msg_iov = iov;
	control.msg.msg_iovlen = vector(op, iov);
	return sendmsg(slot[op->slot], &control.msg,
		       fuzz_send_flags(op->arg[2]));
}

static unsigned int messages(const struct op *op, struct mmsghdr *m,
			     struct iovec *iov)
{
	unsigned int n = vector(op, iov), i;

	memset(m, 0, 4 * sizeof(*m));
	for (i = 0; i < n; i++) {
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	return n;
}

static int do_sendmmsg(const struct op *op, struct outcome *o)
{
	struct mmsghdr m[4];
	struct iovec iov[4];
	unsigned int n = messages(op, m, iov), i;
	int ret = sendmmsg(slot[op->slot], m, n, fuzz_send_flags(op->arg[2]));

	for (i = 0; i < n && (int)i < ret; i++)
		o->extra += m[i].msg_len;
	return ret;
}

static int do_recvmmsg(const struct op *op, struct outcome *o)
{
	struct mmsghdr m[4];
	struct iovec iov[4];
	unsigned int n = messages(op, m, iov), i;
	int ret;

	memset(buffer, 0x5a, 4 * 8000);
	ret = recvmmsg(slot[op->slot], m, n, fuzz_recv_flags(op->arg[2]), NULL);
	for (i = 0; i < n && (int)i < ret; i++)
		o->extra = o->extra * 31 + m[i].msg_len;
	o->bytes = hash(buffer, 4 * 8000);
	return ret;
}

static ssize_t do_recvmsg(const struct op *op, struct outcome *o)
{
	struct sockaddr_storage name = { 0 };
	char control[256];
	struct iovec iov[4];
	struct msghdr m = {
		.msg_name = &name, .msg_namelen = sizeof(name),
		.msg_iov = iov, .msg_iovlen = vector(op, iov),
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(slot[op->slot], &m, fuzz_recv_flags(op->arg[2]));

	if (n >= 0)
		o->extra = hash_control(&m);
	return n;
}

static ssize_t do_splice(const struct op *op)
{
	ssize_t n, got;
	int p[2], err;

	if (pipe(p))
		return -1;
	n = splice(slot[op->slot], NULL, p[1], NULL, fuzz_size(op->arg[0]),
		   SPLICE_F_NONBLOCK);
	err = errno;
	if (n > 0) {
		got = read(p[0], buffer, sizeof(buffer));
		if (got != n)
			n = -2;
	}
	close(p[0]);
	close(p[1]);
	errno = err;
	return n;
}

static ssize_t do_splice_in(const struct op *op)
{
	ssize_t n, size = fuzz_size(op->arg[0]);
	int p[2], err;

	if (pipe(p))
		return -1;
	if (size && write(p[1], buffer, size) != size)
		die("write to a pipe");
	n = splice(p[0], NULL, slot[op->slot], NULL, size,
		   SPLICE_F_NONBLOCK |
			   (op->arg[1] % 2 ? SPLICE_F_MORE : 0));
	err = errno;
	close(p[0]);
	close(p[1]);
	errno = err;
	return n;
}

/* NULL, an address where nothing is, and the end of what is mapped. */
static char *wild(const struct op *op)
{
	long page = sysconf(_SC_PAGESIZE);

	switch (op->arg[2] % 3) {
	case 0:
		return NULL;
	case 1:
		return nowhere + page;
	default:
		/* One byte more than what is there, or fewer. */
		return nowhere + page - op->arg[3];
	}
}

static int do_select(const struct op *op, struct outcome *o)
{
	struct timeval now = { 0 };
	fd_set in, out, except;
	int fd = slot[op->slot], ret;

	if (fd < 0)
		return -3;
	FD_ZERO(&in);
	FD_SET(fd, &in);
	out = in;
	except = in;
	ret = select(fd + 1, op->arg[0] % 8 == 2 ? NULL : &in,
		     op->arg[0] % 8 == 3 ? NULL : &out,
		     op->arg[0] % 8 == 4 ? NULL : &except, &now);
	if (ret >= 0)
		o->extra = FD_ISSET(fd, &in) << 2 | FD_ISSET(fd, &out) << 1 |
			   FD_ISSET(fd, &except);
	return ret;
}

static int do_watch(const struct op *op)
{
	struct epoll_event e = {
		.events = fuzz_events(op->arg[0]) |
			  (op->arg[1] % 2 ? 0 : EPOLLET),
		.data.u32 = op->slot,
	};
	int fd = slot[op->slot];
	int ret = epoll_ctl(watching, EPOLL_CTL_ADD, fd, &e);

	if (ret && errno == EEXIST)
		ret = epoll_ctl(watching, EPOLL_CTL_MOD, fd, &e);
	return ret;
}

static int do_wait(struct outcome *o)
{
	struct epoll_event e[2 * FUZZ_SLOTS];
	int n = epoll_wait(watching, e, 2 * FUZZ_SLOTS, 0), i;

	/* The order does not matter. */
	for (i = 0; i < n; i++)
		o->extra += (e[i].events & ~EPOLLET) * (e[i].data.u32 * 7 + 1);
	return n;
}

static int do_epoll(const struct op *op, struct outcome *o)
{
	struct epoll_event e = { .events = fuzz_events(op->arg[0]) };
	int ep = epoll_create1(0), ret, err;

	ret = epoll_ctl(ep, EPOLL_CTL_ADD, slot[op->slot], &e);
	if (!ret) {
		e.events = 0;
		ret = epoll_wait(ep, &e, 1, 0);
		o->extra = ret > 0 ? e.events : 0;
	}
	err = errno;
	close(ep);
	errno = err;
	return ret;
}

static int do_take(int where)
{
	int fd = take_fd(box, MSG_DONTWAIT);

	if (fd < 0)
		return fd;
	put(where, fd);
	return 0;
}

static int do_getsockopt(const struct op *op, struct outcome *o)
{
	const struct sockopt *so = &fuzz_options[op->arg[0] % fuzz_num_options];
	socklen_t len = fuzz_optlen(op->arg[2]);
	int ret;

	memset(buffer, 0x5a, 64);
	ret = getsockopt(slot[op->slot], so->level, so->option,
			 op->arg[3] >= 240 ? NULL : buffer,
			 op->arg[3] >= 252 ? NULL : &len);
	if (so->value) {
		o->extra = len;
		o->bytes = hash(buffer, 64);
	}
	return ret;
}

/*
 * Before 6.7 the kernel decides about some options at SOL_SOCKET by itself, and
 * does not ask a protocol that it does not know: see Documentation/sockets.md.
 */
static bool is_tcps_alone(const struct sockopt *so, int value)
{
	static int old = -1;
	int major = 0, minor = 0;
	struct utsname u;

	if (old < 0) {
		if (uname(&u) ||
		    sscanf(u.release, "%d.%d", &major, &minor) != 2)
			die("which kernel is this?");
		old = major < 6 || (major == 6 && minor < 7);
	}
	return old && so->level == SOL_SOCKET &&
	       (so->option == SO_ZEROCOPY ||
		(so->option == SO_TIMESTAMPING &&
		 value & SOF_TIMESTAMPING_OPT_ID));
}

static int do_setsockopt(const struct op *op)
{
	const struct sockopt *so = &fuzz_options[op->arg[0] % fuzz_num_options];
	int value[8] = { fuzz_values[op->arg[1] % fuzz_num_values] };
	int option = so->option, len = fuzz_optlen(op->arg[2]);

	/* What is not to be set may still be refused. */
	if ((!so->set || is_tcps_alone(so, value[0])) && len >= (int)sizeof(int))
		len = 3;
	return setsockopt(slot[op->slot], so->level, option,
			  op->arg[3] >= 240 ? NULL : value, len);
}

static int do_ioctl(const struct op *op, struct outcome *o)
{
	int arg[16] = { op->arg[1] % 2 };
	bool value;
	unsigned long request = fuzz_request(op->arg[0], &value);
	int ret;

	if (request == SIOCSPGRP && arg[0])
		arg[0] = getpid();
	ret = ioctl(slot[op->slot], request,
		    op->arg[2] >= 240 ? NULL : arg);
	if (value)
		o->extra = arg[0] == getpid() ? -1 : arg[0];
	return ret;
}

static long long perform(const struct op *op, unsigned int index,
			 struct outcome *o)
{
	struct sockaddr_storage name = { 0 };
	const __u8 *a = op->arg;
	int fd = slot[op->slot];
	struct iovec iov[4];
	struct pollfd p;
	struct addr at;
	socklen_t len;
	off_t zero = 0;
	ssize_t n;
	int flags;

	switch (op->call) {
	case CALL_SOCKET:
		return make_socket(op);
	case CALL_BIND:
		at = fuzz_addr(a[0], a[1], a[2], this_run);
		return bind(fd, &at.sa, at.len);
	case CALL_LISTEN:
		return listen(fd, fuzz_backlog(a[0]));
	case CALL_CONNECT:
		at = fuzz_addr(a[0], a[1], a[2], this_run);
		return connect(fd, &at.sa, at.len);
	case CALL_ACCEPT:
		return do_accept(op, o);
	case CALL_SEND:
		fill(index, fuzz_size(a[0]));
		return send(fd, buffer, fuzz_size(a[0]), fuzz_send_flags(a[1]));
	case CALL_SENDTO:
		fill(index, fuzz_size(a[0]));
		at = fuzz_addr(a[2], a[3], 0, this_run);
		return sendto(fd, buffer, fuzz_size(a[0]),
			      fuzz_send_flags(a[1]), &at.sa, at.len);
	case CALL_WRITEV:
		fill(index, sizeof(buffer));
		return writev(fd, iov, vector(op, iov));
	case CALL_SENDMSG:
		fill(index, sizeof(buffer));
		return do_sendmsg(op);
	case CALL_SENDMMSG:
		fill(index, sizeof(buffer));
		return do_sendmmsg(op, o);
	case CALL_SPLICE_IN:
		fill(index, sizeof(buffer));
		return do_splice_in(op);
	case CALL_SEND_WILD:
		return send(fd, a[2] % 3 ? nowhere + sysconf(_SC_PAGESIZE) :
					   NULL,
			    fuzz_size(a[0]), fuzz_send_flags(a[1]));
	case CALL_RECVMMSG:
		return do_recvmmsg(op, o);
	case CALL_RECV_WILD:
		return recv(fd, wild(op), fuzz_size(a[0]),
			    fuzz_recv_flags(a[1]));
	case CALL_SENDFILE:
		return sendfile(fd, source, &zero, fuzz_size(a[0]));
	case CALL_RECV:
		n = recv(fd, buffer, fuzz_size(a[0]), fuzz_recv_flags(a[1]));
		if (n > 0 && !(fuzz_recv_flags(a[1]) & MSG_TRUNC))
			o->bytes = hash(buffer, n);
		return n;
	case CALL_RECVMSG:
		n = do_recvmsg(op, o);
		if (n > 0 && !(fuzz_recv_flags(a[2]) & MSG_TRUNC))
			o->bytes = hash(buffer, n);
		return n;
	case CALL_READV:
		n = readv(fd, iov, vector(op, iov));
		if (n > 0)
			o->bytes = hash(buffer, n);
		return n;
	case CALL_SPLICE:
		n = do_splice(op);
		if (n > 0)
			o->bytes = hash(buffer, n);
		return n;
	case CALL_SHUTDOWN:
		return shutdown(fd, a[0] % 4);
	case CALL_CLOSE:
		slot[op->slot] = -1;
		return close(fd);
	case CALL_DUP:
		flags = dup(fd);
		if (flags >= 0)
			put(a[0] % FUZZ_SLOTS, flags);
		return flags < 0 ? -1 : 0;
	case CALL_GIVE:
		return give_fd(box, fd, MSG_DONTWAIT);
	case CALL_TAKE:
		return do_take(op->slot);
	case CALL_POLL:
		p = (struct pollfd){ .fd = fd, .events = fuzz_events(a[0]) };
		n = poll(&p, 1, 0);
		o->extra = p.revents;
		return n;
	case CALL_SELECT:
		return do_select(op, o);
	case CALL_EPOLL:
		return do_epoll(op, o);
	case CALL_WATCH:
		return do_watch(op);
	case CALL_WAIT:
		return do_wait(o);
	case CALL_SETSOCKOPT:
		return do_setsockopt(op);
	case CALL_GETSOCKOPT:
		return do_getsockopt(op, o);
	case CALL_IOCTL:
		return do_ioctl(op, o);
	case CALL_FCNTL:
		if (a[1] >= 128)
			return fcntl(fd, F_SETOWN, a[0] % 2 ? getpid() : 0);
		flags = fcntl(fd, F_GETFL);
		if (flags < 0)
			return -1;
		return fcntl(fd, F_SETFL, a[0] % 2 ? flags & ~O_NONBLOCK :
						     flags | O_NONBLOCK);
	case CALL_GETSOCKNAME:
	case CALL_GETPEERNAME:
		len = fuzz_optlen(a[2]) < 0 ? INT_MIN : sizeof(name);
		n = op->call == CALL_GETSOCKNAME ?
			    getsockname(fd, (struct sockaddr *)&name, &len) :
			    getpeername(fd, (struct sockaddr *)&name, &len);
		if (!n)
			note_addr(o, &name, sizeof(name), len);
		return n;
	}
	return -1;
}

/*
 * TCP sends what MSG_MORE held back when a segment comes, but not when one comes
 * on its fast path, which depends on how memory was accounted: see
 * Documentation/protocol.md.  So it goes before any segment can come.  What is
 * held by TCP_CORK stays, in TCP as in Ferry.
 */
static void let_go(void)
{
	int i, off = 0, corked;
	socklen_t len;

	for (i = 0; i < FUZZ_SLOTS; i++) {
		len = sizeof(corked);
		if (slot[i] >= 0 &&
		    !getsockopt(slot[i], IPPROTO_TCP, TCP_CORK, &corked,
				&len) && !corked)
			setsockopt(slot[i], IPPROTO_TCP, TCP_CORK, &off,
				   sizeof(off));
	}
}

static bool is_sending(const struct op *op)
{
	return op->call >= CALL_SEND && op->call <= CALL_SEND_WILD;
}

void fuzz_calls(const struct program *p, unsigned int from, unsigned int to,
		__u32 number, struct outcome *out)
{
	const struct op *op;
	int holder = -1;
	unsigned int i;
	long long ret;

	this_run = number;
	for (i = from; i < to; i++) {
		op = &p->op[i];
		if (holder >= 0 &&
		    (op->slot != holder || op->call == CALL_DUP ||
		     op->call == CALL_GIVE)) {
			let_go();
			holder = -1;
		}
		errno = 0;
		ret = perform(op, i, &out[i]);
		out[i].err = ret < 0 ? errno : 0;
		out[i].signals = signals;
		signals = 0;
		out[i].ret = ret;
		if (is_sending(op))
			holder = op->slot;
	}
	if (holder >= 0)
		let_go();
}

void fuzz_forget(void)
{
	struct linger reset = { .l_onoff = 1 };
	int fd, i;

	while ((fd = take_fd(box, MSG_DONTWAIT)) != -1)
		if (fd >= 0)
			close(fd);
	for (i = 0; i < FUZZ_SLOTS; i++) {
		if (slot[i] < 0)
			continue;
		setsockopt(slot[i], SOL_SOCKET, SO_LINGER, &reset,
			   sizeof(reset));
		close(slot[i]);
		slot[i] = -1;
	}
	close(watching);
	watching = epoll_create1(EPOLL_CLOEXEC);
	signals = 0;
}

void fuzz_begin(int protocol, int mail)
{
	static const int caught[] = { SIGPIPE, SIGURG, SIGIO };
	struct sigaction act = {
		.sa_handler = count_signal, .sa_flags = SA_RESTART,
	};
	long page = sysconf(_SC_PAGESIZE);
	unsigned int i;

	proto = protocol;
	box = mail;
	for (i = 0; i < ARRAY_SIZE(caught); i++)
		sigaction(caught[i], &act, NULL);
	for (i = 0; i < FUZZ_SLOTS; i++)
		slot[i] = -1;
	nowhere = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	watching = epoll_create1(EPOLL_CLOEXEC);
	if (nowhere == MAP_FAILED || munmap(nowhere + page, page) ||
	    watching < 0)
		die("no memory");
	fill(99, sizeof(buffer));
	source = memfd_create("source", 0);
	if (source < 0 ||
	    write(source, buffer, sizeof(buffer)) != sizeof(buffer))
		die("memfd");
}
