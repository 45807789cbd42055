// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processes that do what a program says, call by call, and note what came
 * of it.
 *
 * They run on one processor and never at once: the one that has the turn makes
 * its calls while the other waits, and over loopback a segment has arrived when
 * the call that sent it returns.  So the same program does the same every time,
 * but for the timers; no call waits for longer than a few milliseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

/* The longest that a blocking call may wait. */
#define PATIENCE_US 4000
#define BUFFER 32768
/* A process that does not answer has been caught by a call for ever. */
#define HANGS 424242

enum order { ORDER_RUN, ORDER_END };

struct turn {
	__u8 order;
	__u8 from;
	__u8 to;
};

/* What driver and processes share. */
struct board {
	struct program program;
	struct outcome out[FUZZ_CALLS];
	__u32 run;
};

struct worker {
	pid_t pid;
	int orders;
	int done;
};

/*
 * Two processes in a network namespace of their own, so that what one protocol
 * leaves behind is never in the other's way, even if both are TCP.
 */
struct fuzz_pair {
	int proto;
	int ns;
	struct board *board;
	struct worker worker[2];
	int mail[2];	/* for descriptors that one gives to the other */
};

/* ------------------------------------------------------------------ */
/* In a process */

static struct board *board;
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
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	int value = op->arg[1] & 8 ? 0x102 : 0, type = fuzz_control(op->arg[3]);
	struct iovec iov[4];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = vector(op, iov) };

	if (type) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = type;
		control.head.cmsg_len = op->arg[3] >= 240 ? 3 :
					CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &value, sizeof(value));
	}
	return sendmsg(slot[op->slot], &m, fuzz_send_flags(op->arg[2]));
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

static int do_give(const struct op *op)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { "", 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &slot[op->slot], sizeof(int));
	return sendmsg(box, &m, MSG_DONTWAIT);
}

static int do_take(int where)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	int fd;

	if (recvmsg(box, &m, MSG_DONTWAIT) < 0)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (!c)
		return -2;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (where < 0)
		close(fd);
	else
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
		at = fuzz_addr(a[0], a[1], a[2], board->run);
		return bind(fd, &at.sa, at.len);
	case CALL_LISTEN:
		return listen(fd, fuzz_backlog(a[0]));
	case CALL_CONNECT:
		at = fuzz_addr(a[0], a[1], a[2], board->run);
		return connect(fd, &at.sa, at.len);
	case CALL_ACCEPT:
		return do_accept(op, o);
	case CALL_SEND:
		fill(index, fuzz_size(a[0]));
		return send(fd, buffer, fuzz_size(a[0]), fuzz_send_flags(a[1]));
	case CALL_SENDTO:
		fill(index, fuzz_size(a[0]));
		at = fuzz_addr(a[2], a[3], 0, board->run);
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
		return do_give(op);
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

/* Nothing of a program outlasts it, not even TIME_WAIT. */
static void clear(void)
{
	struct linger reset = { .l_onoff = 1 };
	int i;

	while (do_take(-1) != -1)
		continue;
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

static void obey(const struct turn *turn)
{
	struct outcome *o;
	unsigned int i;
	long long ret;

	if (turn->order != ORDER_RUN) {
		clear();
		return;
	}
	for (i = turn->from; i < turn->to; i++) {
		o = &board->out[i];
		errno = 0;
		ret = perform(&board->program.op[i], i, o);
		o->err = ret < 0 ? errno : 0;
		o->signals = signals;
		signals = 0;
		o->ret = ret;
	}
}

static void work(int orders, int done)
{
	static const int caught[] = { SIGPIPE, SIGURG, SIGIO };
	struct sigaction act = {
		.sa_handler = count_signal, .sa_flags = SA_RESTART,
	};
	long page = sysconf(_SC_PAGESIZE);
	struct turn turn;
	unsigned int i;

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

	while (read(orders, &turn, sizeof(turn)) == sizeof(turn)) {
		obey(&turn);
		if (write(done, "", 1) != 1)
			break;
	}
	_exit(0);
}

/* ------------------------------------------------------------------ */
/* In the driver */

static void start_worker(struct fuzz_pair *pair, int self)
{
	struct worker *w = &pair->worker[self];
	int orders[2], done[2];

	if (pipe2(orders, O_CLOEXEC) || pipe2(done, O_CLOEXEC))
		die("pipe");
	fflush(NULL);
	w->pid = fork();
	if (w->pid < 0)
		die("fork");
	if (!w->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(orders[1]);
		close(done[0]);
		if (setns(pair->ns, CLONE_NEWNET))
			die("setns");
		board = pair->board;
		box = pair->mail[self];
		proto = pair->proto;
		work(orders[0], done[1]);
	}
	close(orders[0]);
	close(done[1]);
	w->orders = orders[1];
	w->done = done[0];
}

/**
 * fuzz_start() - start two processes in a network namespace of their own
 * @proto: protocol of their sockets
 *
 * Any address of 127.0.0.0/8 and of fd01::/64 is local there.
 */
struct fuzz_pair *fuzz_start(int proto)
{
	struct fuzz_pair *pair = calloc(1, sizeof(*pair));
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (!pair || sched_setaffinity(0, sizeof(one), &one))
		die("sched_setaffinity");
	own_namespace();
	pair->ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (pair->ns < 0)
		die("open the network namespace");
	run("ip -6 route add local fd01::/64 dev lo");
	write_file("/proc/sys/net/ipv6/ip_nonlocal_bind", "1");
	pair->proto = proto;
	pair->board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pair->board == MAP_FAILED)
		die("mmap");
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair->mail))
		die("socketpair");
	start_worker(pair, 0);
	start_worker(pair, 1);
	return pair;
}

static bool tell(struct fuzz_pair *pair, int self, enum order order,
		 unsigned int from, unsigned int to)
{
	struct turn turn = { .order = order, .from = from, .to = to };
	struct worker *w = &pair->worker[self];
	struct pollfd p = { .fd = w->done, .events = POLLIN };
	char byte;

	if (write(w->orders, &turn, sizeof(turn)) != sizeof(turn))
		die("a process of the fuzzer is gone");
	if (poll(&p, 1, SOON_MS) != 1)
		return false;
	if (read(w->done, &byte, 1) != 1)
		die("a process of the fuzzer has died");
	return true;
}

static void end_worker(struct fuzz_pair *pair, int self)
{
	struct worker *w = &pair->worker[self];

	kill(w->pid, SIGKILL);
	waitpid(w->pid, NULL, 0);
	close(w->orders);
	close(w->done);
}

static void replace_worker(struct fuzz_pair *pair, int self)
{
	end_worker(pair, self);
	start_worker(pair, self);
}

/**
 * fuzz_run() - run a program
 * @pair: who runs it
 * @p: the program
 * @run: a number that no earlier run of this pair had; addresses follow from
 *	it
 * @out: what each call did
 */
void fuzz_run(struct fuzz_pair *pair, const struct program *p, __u32 run,
	      struct outcome *out)
{
	unsigned int from, to;
	int self;

	memset(pair->board, 0, sizeof(*pair->board));
	pair->board->program = *p;
	pair->board->run = run;
	for (from = 0; from < p->len; from = to) {
		self = p->op[from].who;
		for (to = from + 1; to < p->len && p->op[to].who == self; to++)
			continue;
		if (!tell(pair, self, ORDER_RUN, from, to)) {
			pair->board->out[from].extra = HANGS;
			replace_worker(pair, self);
			break;
		}
	}
	for (self = 0; self < 2; self++)
		if (!tell(pair, self, ORDER_END, 0, 0))
			replace_worker(pair, self);
	memcpy(out, pair->board->out, sizeof(pair->board->out));
}

/**
 * fuzz_stop() - end the two processes
 * @pair: who; freed
 */
void fuzz_stop(struct fuzz_pair *pair)
{
	int self;

	for (self = 0; self < 2; self++) {
		end_worker(pair, self);
		close(pair->mail[self]);
	}
	munmap(pair->board, sizeof(*board));
	close(pair->ns);
	free(pair);
}
