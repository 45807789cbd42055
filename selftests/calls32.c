// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 32-bit program without a C library, which a 64-bit system need not have:
 * it makes socket calls by number over the protocol that it is told and prints
 * what they return.  calls.c runs it for TCP and for Ferry.
 */
#define SYS_EXIT	1
#define SYS_WRITE	4
#define SYS_IOCTL	54
#define SYS_POLL	168
#define SYS_SOCKET	359
#define SYS_BIND	361
#define SYS_CONNECT	362
#define SYS_LISTEN	363
#define SYS_ACCEPT4	364
#define SYS_GETSOCKOPT	365
#define SYS_SETSOCKOPT	366
#define SYS_GETSOCKNAME	367
#define SYS_SENDMSG	370
#define SYS_RECVFROM	371
#define SYS_RECVMSG	372
#define SYS_SHUTDOWN	373

#define SOL_SOCKET	1
#define SO_RCVTIMEO_OLD	20
#define IPPROTO_TCP	6
#define TCP_MAXSEG	2
#define TCP_INFO	11
#define TCP_CONGESTION	13
#define TCP_INQ		36
#define SIOCINQ		0x541b

struct iovec32 {
	void *base;
	unsigned int len;
};

struct msghdr32 {
	void *name;
	int namelen;
	struct iovec32 *iov;
	unsigned int iovlen;
	void *control;
	unsigned int controllen;
	unsigned int flags;
};

static int call(int number, int a, int b, int c, int d, int e)
{
	int ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory");
	return ret;
}

#define P(p)	((int)(p))

static void print(const char *what, int value)
{
	char text[80];
	int n = 0, digits = 0, negative = value < 0;
	unsigned int u = negative ? -value : value;
	char number[12];

	while (what[n]) {
		text[n] = what[n];
		n++;
	}
	text[n++] = ' ';
	if (negative)
		text[n++] = '-';
	do {
		number[digits++] = '0' + u % 10;
		u /= 10;
	} while (u);
	while (digits)
		text[n++] = number[--digits];
	text[n++] = '\n';
	call(SYS_WRITE, 1, P(text), n, 0, 0);
}

/* A control message that a 32-bit program can read. */
static void read_control(int fd)
{
	unsigned int control[40] = { 0 };
	char buf[100];
	struct iovec32 iov = { buf, 3 };
	struct msghdr32 m = {
		.iov = &iov, .iovlen = 1,
		.control = control, .controllen = sizeof(control),
	};

	print("recvmsg", call(SYS_RECVMSG, fd, P(&m), 0, 0, 0));
	print("controllen", m.controllen);
	print("first length", control[0]);
	print("first level", control[1]);
	print("first type", control[2]);
}

static void connected(int out, int in)
{
	char buf[100] = "0123456789";
	struct iovec32 iov[2] = { { buf, 6 }, { buf + 6, 4 } };
	struct msghdr32 m = { .iov = iov, .iovlen = 2 };
	struct { int fd; short events; short revents; } p = { in, 1, 0 };
	int timeout[2] = { 0, 20000 }, on = 1, queued = 0;

	print("sendmsg", call(SYS_SENDMSG, out, P(&m), 0, 0, 0));
	print("poll", call(SYS_POLL, P(&p), 1, 5000, 0, 0));
	print("mask", p.revents);
	print("SIOCINQ", call(SYS_IOCTL, in, SIOCINQ, P(&queued), 0, 0));
	print("queued", queued);
	print("TCP_INQ", call(SYS_SETSOCKOPT, in, IPPROTO_TCP, TCP_INQ, P(&on),
			      4));
	read_control(in);
	print("recvfrom", call(SYS_RECVFROM, in, P(buf), 100, 0, 0));
	print("SO_RCVTIMEO", call(SYS_SETSOCKOPT, in, SOL_SOCKET,
				  SO_RCVTIMEO_OLD, P(timeout), 8));
	print("recvfrom", call(SYS_RECVFROM, in, P(buf), 100, 0, 0));
	print("recvfrom nowhere", call(SYS_RECVFROM, in, 8, 100, 0x40, 0));
	print("sendmsg nowhere", call(SYS_SENDMSG, out, 8, 0, 0, 0));
	print("shutdown", call(SYS_SHUTDOWN, out, 1, 0, 0, 0));
	print("recvfrom", call(SYS_RECVFROM, in, P(buf), 100, 0, 0));
	print("recvfrom", call(SYS_RECVFROM, in, P(buf), 100, 0, 0));
}

static void options(int fd)
{
	char text[200];
	int value = 1000, len = 4;

	print("MAXSEG", call(SYS_SETSOCKOPT, fd, IPPROTO_TCP, TCP_MAXSEG,
			     P(&value), 4));
	value = 0;
	print("MAXSEG", call(SYS_GETSOCKOPT, fd, IPPROTO_TCP, TCP_MAXSEG,
			     P(&value), P(&len)));
	print("value", value);
	len = sizeof(text);
	print("CONGESTION", call(SYS_GETSOCKOPT, fd, IPPROTO_TCP,
				 TCP_CONGESTION, P(text), P(&len)));
	print("length", len);
	len = sizeof(text);
	print("INFO", call(SYS_GETSOCKOPT, fd, IPPROTO_TCP, TCP_INFO, P(text),
			   P(&len)));
	print("length", len);
	print("state", text[0]);
	print("no address", call(SYS_GETSOCKOPT, fd, IPPROTO_TCP, TCP_INFO, 0,
				 P(&len)));
	print("bad length", call(SYS_SETSOCKOPT, fd, IPPROTO_TCP, TCP_MAXSEG,
				 P(&value), 3));
}

static int run(int proto)
{
	unsigned short at[8] = { 2, 0, 0x007f, 0x0100 };	/* 127.0.0.1 */
	int l, out, in, len = sizeof(at);

	l = call(SYS_SOCKET, 2, 1, proto, 0, 0);
	out = call(SYS_SOCKET, 2, 1, proto, 0, 0);
	if (l < 0 || out < 0)
		return 1;
	options(out);
	print("bind", call(SYS_BIND, l, P(at), 16, 0, 0));
	print("listen", call(SYS_LISTEN, l, 3, 0, 0, 0));
	print("getsockname", call(SYS_GETSOCKNAME, l, P(at), P(&len), 0, 0));
	print("connect", call(SYS_CONNECT, out, P(at), 16, 0, 0));
	in = call(SYS_ACCEPT4, l, 0, 0, 0, 0);
	if (in < 0)
		return 2;
	connected(out, in);
	return 0;
}

void start(const int *stack);

/* The stack holds argc, argv[0], argv[1] ...: a number in decimal. */
void start(const int *stack)
{
	const char *text = (const char *)stack[2];
	int proto = 0;

	while (*text)
		proto = proto * 10 + *text++ - '0';
	call(SYS_EXIT, run(proto), 0, 0, 0, 0);
}

__asm__(".globl _start\n"
	"_start:\n"
	"	mov %esp, %eax\n"
	"	and $-16, %esp\n"
	"	sub $12, %esp\n"
	"	push %eax\n"
	"	call start\n");
