// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that was written for TCP, for ferryize.c to run over Ferry, with no
 * word of Ferry in it.  It is linked dynamically; statically, as tcp_static; and
 * once more dynamically, as tcp_raw, without the C library's socket(), as Go's
 * programs are.
 *
 *	tcp_program listen PORT
 *	tcp_program connect ADDRESS PORT
 *
 * It sets its socket up in the ways that programs do, waits for it in an epoll
 * set that it has put the socket into before connect() or listen(), says hello,
 * and prints what it then finds out about the socket.  Sockets of other kinds it
 * must get as it asks for them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DATA 0x123456789abcdefULL

#ifdef RAW
#define socket(family, type, protocol) \
	((int)syscall(SYS_socket, family, type, protocol))

/* What Go's linker leaves in a program. */
asm(".pushsection .note.go.buildid, \"a\", @note\n"
	".balign 4\n"
	".long 4, 4, 4\n"
	".asciz \"Go\"\n"
	".balign 4\n"
	".asciz \"id.\"\n"
	".popsection");
#endif

static void fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

static int set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

static int get(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value;

	return getsockopt(fd, level, name, &value, &len) ? -errno : value;
}

static void set_up(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 7 };

	if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
	    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) ||
	    set(fd, SOL_SOCKET, SO_RCVBUF, 100000) ||
	    set(fd, IPPROTO_TCP, TCP_NODELAY, 1) ||
	    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 77) ||
	    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 60000) ||
	    set(fd, IPPROTO_IP, IP_TOS, 0x10) ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4))
		fail("setsockopt");
}

static void print(int fd)
{
	struct linger linger;
	socklen_t len = sizeof(linger);
	char name[16] = "";

	getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len);
	len = sizeof(name);
	getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len);
	printf("keepalive %d rcvbuf %d nodelay %d keepidle %d timeout %d ",
	       get(fd, SOL_SOCKET, SO_KEEPALIVE),
	       get(fd, SOL_SOCKET, SO_RCVBUF),
	       get(fd, IPPROTO_TCP, TCP_NODELAY),
	       get(fd, IPPROTO_TCP, TCP_KEEPIDLE),
	       get(fd, IPPROTO_TCP, TCP_USER_TIMEOUT));
	printf("tos %d linger %d cong %s sndbuf locked %d flags %#x cloexec %d\n",
	       get(fd, IPPROTO_IP, IP_TOS), linger.l_linger, name,
	       get(fd, SOL_SOCKET, 72 /* SO_BUF_LOCK */) & 1,
	       fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
}

/* The next event must be this one. */
static void await(int epoll, unsigned int event)
{
	struct epoll_event e;
	int n;

	do {
		n = epoll_wait(epoll, &e, 1, 60000);
	} while (n < 0 && errno == EINTR);
	if (n != 1 || !(e.events & event) || e.data.u64 != DATA) {
		printf("epoll: %d events, %#x\n", n, n > 0 ? e.events : 0);
		exit(1);
	}
}

/* A socket that is not TCP's.  Not every kernel has MPTCP. */
static void check_other(int family, int type, int protocol, int expected)
{
	int fd = socket(family, type, protocol);

	if (fd >= 0 && get(fd, SOL_SOCKET, SO_PROTOCOL) != expected)
		fail("another socket");
	if (fd < 0 && protocol != IPPROTO_MPTCP)
		fail("no other socket");
	close(fd);
}

int main(int argc, char **argv)
{
	struct epoll_event e = { .data.u64 = DATA };
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_TCP);
	int epoll = epoll_create1(0), peer;
	char buf[5];

	if (argc < 3 || fd < 0)
		fail("socket");
	check_other(AF_UNIX, SOCK_STREAM, 0, 0);
	check_other(AF_INET, SOCK_STREAM, IPPROTO_MPTCP, IPPROTO_MPTCP);
	check_other(AF_INET, SOCK_DGRAM, 0, IPPROTO_UDP);
	check_other(AF_INET6, SOCK_RAW, IPPROTO_TCP, IPPROTO_TCP);
	to.sin_port = htons(atoi(argv[argc - 1]));
	set_up(fd);
	if (!strcmp(argv[1], "listen")) {
		if (bind(fd, (void *)&to, sizeof(to)))
			fail("bind");
		e.events = EPOLLIN;
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
		if (listen(fd, 5))
			fail("listen");
		printf("ready\n");
		fflush(stdout);
		await(epoll, EPOLLIN);
		peer = accept(fd, NULL, NULL);
		if (peer < 0)
			fail("accept");
	} else {
		inet_pton(AF_INET, argv[2], &to.sin_addr);
		e.events = EPOLLOUT;
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
		if (connect(fd, (void *)&to, sizeof(to)) &&
		    errno != EINPROGRESS)
			fail("connect");
		await(epoll, EPOLLOUT);
		errno = get(fd, SOL_SOCKET, SO_ERROR);
		if (errno)
			fail("connect");
		peer = fd;
	}
	print(fd);
	fcntl(peer, F_SETFL, fcntl(peer, F_GETFL) & ~O_NONBLOCK);
	if (send(peer, "hello", 5, 0) != 5 ||
	    recv(peer, buf, 5, MSG_WAITALL) != 5)
		fail("transfer");
	printf("%.5s, protocol %d\n", buf, get(peer, SOL_SOCKET, SO_PROTOCOL));
	return 0;
}
