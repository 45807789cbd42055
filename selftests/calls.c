// SPDX-License-Identifier: GPL-2.0-only
/*
 * The calls that a program may make beside send() and recv(): each scenario
 * runs over TCP and over Ferry, and both must say the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "ktest.h"
#include "lib.h"

static void note_select(struct transcript *t, int fd)
{
	struct timeval now = { 0 };
	fd_set set[3];
	int i, n;

	for (i = 0; i < 3; i++) {
		FD_ZERO(&set[i]);
		FD_SET(fd, &set[i]);
	}
	n = select(fd + 1, &set[0], &set[1], &set[2], &now);
	note(t, "select %d:%s%s%s", n, FD_ISSET(fd, &set[0]) ? " read" : "",
	     FD_ISSET(fd, &set[1]) ? " write" : "",
	     FD_ISSET(fd, &set[2]) ? " except" : "");
}

static void with_select(struct transcript *t, int proto)
{
	struct addr at = loopback(V4, 0);
	int fd[2], l = listen_at(&at, proto, 3), s = open_socket(V4, proto);

	note_select(t, s);
	note_select(t, l);
	fd[0] = dial(&at, proto);
	wait_for(l, POLLIN, SOON_MS);
	note_select(t, l);
	fd[1] = accept_one(l);
	note_select(t, fd[1]);
	if (send(fd[0], "x", 1, MSG_OOB) != 1)
		die("send");
	wait_for(fd[1], POLLPRI, SOON_MS);
	note_select(t, fd[1]);
	shutdown(fd[0], SHUT_WR);
	wait_for(fd[1], POLLRDHUP, SOON_MS);
	note_select(t, fd[1]);
	note_select(t, fd[0]);
	close(fd[0]);
	close(fd[1]);
	close(l);
	close(s);
}

TEST(select_sets)
{
	EXPECT_TRUE(same_play(with_select, "except"));
}

/* What the signal handler does: end the wait, or nothing. */
static volatile sig_atomic_t alarms;
static int alarm_sends = -1;

static void on_alarm(int number)
{
	(void)number;
	alarms++;
	/* Enough of them have been restarted: let the call end. */
	if (alarm_sends >= 0 && alarms == 3 &&
	    write(alarm_sends, "data", 4) != 4)
		_exit(3);
}

static void set_alarm(bool restart, bool on)
{
	struct sigaction act = {
		.sa_handler = on_alarm, .sa_flags = restart ? SA_RESTART : 0,
	};
	struct itimerval again = {
		.it_interval.tv_usec = on ? 20000 : 0,
		.it_value.tv_usec = on ? 20000 : 0,
	};

	alarms = 0;
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &again, NULL);
}

static void interrupted(struct transcript *t, int proto, bool restart,
			bool bounded)
{
	struct timeval bound = { .tv_sec = SOON_MS / 1000 };
	struct addr at = loopback(V4, 0);
	int l = listen_at(&at, proto, 3), fd[2];
	static char big[8 << 20];
	char buf[16];
	ssize_t n;

	connected_pair(V4, proto, fd);
	if (bounded) {
		setsockopt(fd[0], SOL_SOCKET, SO_RCVTIMEO, &bound,
			   sizeof(bound));
		setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
	}
	note(t, "SA_RESTART %d, bounded %d", restart, bounded);
	alarm_sends = restart && !bounded ? fd[1] : -1;
	set_alarm(restart, true);
	note_ret(t, "recv", recv(fd[0], buf, sizeof(buf), 0));
	if (alarm_sends < 0) {
		note_ret(t, "accept", accept(l, NULL, NULL));
		/* Part of it was sent before: that is what it returns. */
		note(t, "send a part %d", send(fd[0], big, sizeof(big), 0) > 0);
	}
	/* Until nothing more fits; restarted, it would wait for ever. */
	if (!restart) {
		do
			n = send(fd[0], big, sizeof(big), 0);
		while (n > 0);
		note_ret(t, "send", n);
	}
	set_alarm(restart, false);
	note(t, "alarms %d", alarms > 0);
	close(fd[0]);
	close(fd[1]);
	close(l);
}

static void signals(struct transcript *t, int proto)
{
	interrupted(t, proto, false, false);
	interrupted(t, proto, true, false);
	interrupted(t, proto, true, true);
}

TEST(interrupted_and_restarted)
{
	EXPECT_TRUE(same_play(signals, "EINTR"));
}

static void fill_file(int fd, size_t len)
{
	char buf[4096];
	size_t i;

	for (i = 0; i < len; i += sizeof(buf)) {
		stream_fill(1, i, buf, sizeof(buf));
		if (write(fd, buf, sizeof(buf)) != sizeof(buf))
			die("write");
	}
}

static bool read_all(int fd, size_t len)
{
	char buf[4096];
	ssize_t n;
	size_t i;

	for (i = 0; i < len; i += n) {
		n = read(fd, buf, sizeof(buf));
		if (n <= 0 || stream_check(1, i, buf, n) >= 0)
			return false;
	}
	return true;
}

/* A file into a socket, and from the other through a pipe into a file. */
static void spliced(struct transcript *t, int proto)
{
	const size_t len = 1 << 20;
	int file = memfd_create("from", 0), to = memfd_create("to", 0);
	int fd[2], p[2], status;
	ssize_t n, sent;
	off_t at = 0;
	pid_t pid;

	connected_pair(V6, proto, fd);
	if (file < 0 || to < 0 || pipe(p))
		die("memfd");
	fill_file(file, len);
	set_nonblocking(fd[1], true);
	note_ret(t, "nothing there", splice(fd[1], NULL, p[1], NULL, 100, 0));
	set_nonblocking(fd[1], false);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		while (at < (off_t)len / 2)
			if (sendfile(fd[0], file, &at, len / 2 - at) <= 0)
				_exit(1);
		/* The second half by way of a pipe. */
		while (at < (off_t)len) {
			n = splice(file, &at, p[1], NULL, 8192, 0);
			for (; n > 0; n -= sent) {
				sent = splice(p[0], NULL, fd[0], NULL, n,
					      SPLICE_F_MORE);
				if (sent <= 0)
					_exit(2);
			}
		}
		_exit(0);
	}
	close(fd[0]);
	close(p[0]);
	close(p[1]);
	if (pipe(p))
		die("pipe");
	at = 0;
	while ((n = splice(fd[1], NULL, p[1], NULL, 65536, 0)) > 0)
		if (splice(p[0], NULL, to, NULL, n, 0) != n)
			die("splice into a file");
	note_ret(t, "at the end", n);
	waitpid(pid, &status, 0);
	note(t, "sender %d", status);
	lseek(to, 0, SEEK_SET);
	note(t, "equal %d", read_all(to, len));
	note_ret(t, "with an offset",
		 splice(fd[1], &at, p[1], NULL, 100, 0));
	note_ret(t, "after the end",
		 splice(fd[1], NULL, p[1], NULL, 100, 0));
	close(fd[1]);
	close(p[0]);
	close(p[1]);
	close(file);
	close(to);
}

TEST(sendfile_and_splice)
{
	EXPECT_TRUE(same_play(spliced, "equal 1"));
}

/* dup(), fork() and SCM_RIGHTS: the FIN goes when the last one is closed. */
static void shared(struct transcript *t, int proto)
{
	int fd[2], copy, box[2], status;
	char buf[8];
	pid_t pid;

	connected_pair(V4, proto, fd);
	copy = dup(fd[0]);
	close(fd[0]);
	note_ret(t, "by the copy", send(copy, "dup", 3, 0));
	note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), 0));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, box))
		die("socketpair");
	fflush(NULL);
	pid = fork();
	if (!pid) {
		int got;

		close(copy);
		close(fd[1]);
		got = take_fd(box[1], 0);
		if (send(got, "child", 5, 0) != 5)
			_exit(1);
		_exit(recv(got, buf, sizeof(buf), 0) == 3 ? 0 : 2);
	}
	if (give_fd(box[0], copy, 0) != 1)
		die("sendmsg");
	close(copy);
	note_ret(t, "from the child", recv(fd[1], buf, 5, MSG_WAITALL));
	note_poll(t, "no end yet", fd[1], POLLOUT);
	note_ret(t, "to the child", send(fd[1], "end", 3, 0));
	waitpid(pid, &status, 0);
	note(t, "child %d", status);
	/* The descriptor on its way was the last. */
	note_poll(t, "closed", fd[1], POLLRDHUP);
	note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), 0));
	close(fd[1]);
	close(box[0]);
	close(box[1]);
}

TEST(dup_fork_and_rights)
{
	EXPECT_TRUE(same_play(shared, "child 0"));
}

static bool got_signal(void *arg)
{
	(void)arg;
	return alarms > 0;
}

static void note_sigio(struct transcript *t, const char *what)
{
	note(t, "%s: SIGIO %d", what, wait_until(got_signal, NULL, SOON_MS));
	alarms = 0;
}

/* FIOASYNC and an owner: each event sends SIGIO. */
static void asynchronous(struct transcript *t, int proto)
{
	struct sigaction act = {
		.sa_handler = on_alarm, .sa_flags = SA_RESTART,
	};
	struct addr at = loopback(V4, 0);
	int l = listen_at(&at, proto, 3), fd[2], on = 1, off = 0;
	char buf[8];

	alarm_sends = -1;
	alarms = 0;
	sigaction(SIGIO, &act, NULL);
	note_ret(t, "F_SETOWN", fcntl(l, F_SETOWN, getpid()));
	note_ret(t, "FIOASYNC", ioctl(l, FIOASYNC, &on));
	fd[0] = dial(&at, proto);
	note_sigio(t, "a connection");
	fd[1] = accept_one(l);
	fcntl(fd[1], F_SETOWN, getpid());
	ioctl(fd[1], FIOASYNC, &on);
	note(t, "O_ASYNC %d", !!(fcntl(fd[1], F_GETFL) & O_ASYNC));
	alarms = 0;
	if (send(fd[0], "x", 1, 0) != 1)
		die("send");
	note_sigio(t, "data");
	note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), 0));
	alarms = 0;
	shutdown(fd[0], SHUT_WR);
	note_sigio(t, "the end");
	ioctl(fd[1], FIOASYNC, &off);
	alarms = 0;
	close(fd[0]);
	wait_for(fd[1], POLLHUP, 50);
	note(t, "not any more: %d", alarms);
	close(fd[1]);
	close(l);
	signal(SIGIO, SIG_IGN);
}

TEST(fioasync)
{
	EXPECT_TRUE(same_play(asynchronous, "data: SIGIO 1"));
}

static void many_at_once(struct transcript *t, int proto)
{
	char text[4][8] = { "one", "two", "three", "four" };
	struct mmsghdr m[4] = { 0 };
	struct iovec iov[4];
	struct timespec none = { 0 };
	int fd[2], i;

	connected_pair(V4, proto, fd);
	for (i = 0; i < 4; i++) {
		iov[i] = (struct iovec){ text[i], strlen(text[i]) };
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	note_ret(t, "sendmmsg", sendmmsg(fd[0], m, 4, 0));
	note(t, "%u %u %u %u", m[0].msg_len, m[1].msg_len, m[2].msg_len,
	     m[3].msg_len);
	shutdown(fd[0], SHUT_WR);
	wait_for_all(fd[1], POLLIN | POLLRDHUP, SOON_MS);
	for (i = 0; i < 4; i++)
		iov[i].iov_len = 4;
	note_ret(t, "recvmmsg", recvmmsg(fd[1], m, 4, MSG_WAITFORONE, &none));
	note(t, "%u %u %u %u, %.4s", m[0].msg_len, m[1].msg_len, m[2].msg_len,
	     m[3].msg_len, text[0]);
	note_ret(t, "sendmmsg", sendmmsg(fd[0], m, 4, MSG_NOSIGNAL));
	close(fd[0]);
	close(fd[1]);
}

TEST(sendmmsg_and_recvmmsg)
{
	EXPECT_TRUE(same_play(many_at_once, "3 3 5 4"));
}

/* Bytes from many places into many: in what order, and how many. */
static void vectors(struct transcript *t, int proto)
{
	char in[5][4] = { "" };
	struct iovec from[3] = { { "ab", 2 }, { "", 0 }, { "cdefg", 5 } };
	struct iovec to[5] = { { in[0], 1 }, { in[1], 0 }, { in[2], 3 },
			       { in[3], 2 }, { in[4], 4 } };
	struct msghdr m = { .msg_iov = from, .msg_iovlen = 3 };
	struct iovec bad[2] = { { "x", 1 }, { (void *)8, 1 } };
	/* The compiler would warn of what is to be refused. */
	struct iovec *volatile nowhere = (void *)8;
	volatile int negative = -1, many = 1025;
	struct sockaddr_storage name;
	int fd[2];

	connected_pair(V4, proto, fd);
	note_ret(t, "writev", writev(fd[0], from, 3));
	wait_for(fd[1], POLLIN, SOON_MS);
	note_ret(t, "readv", readv(fd[1], to, 4));
	note(t, "%.1s %.3s %.2s", in[0], in[2], in[3]);
	note_ret(t, "the rest", readv(fd[1], to + 4, 1));
	note_ret(t, "sendmsg", sendmsg(fd[0], &m, 0));
	wait_for(fd[1], POLLIN, SOON_MS);
	m = (struct msghdr){
		.msg_iov = to, .msg_iovlen = 5,
		.msg_name = &name, .msg_namelen = sizeof(name),
	};
	note_ret(t, "recvmsg", recvmsg(fd[1], &m, 0));
	note(t, "%.1s %.3s %.2s %.1s", in[0], in[2], in[3], in[4]);
	note(t, "name %u, flags %#x", m.msg_namelen, m.msg_flags);
	note_ret(t, "none", writev(fd[0], from, 0));
	note_ret(t, "negative", writev(fd[0], from, negative));
	note_ret(t, "too many", writev(fd[0], from, many));
	note_ret(t, "partly nowhere", writev(fd[0], bad, 2));
	note_ret(t, "nowhere", writev(fd[0], bad + 1, 1));
	bad[1] = (struct iovec){ in, -1 };
	note_ret(t, "too long", writev(fd[0], bad, 2));
	note_ret(t, "list nowhere", readv(fd[1], nowhere, 2));
	close(fd[0]);
	close(fd[1]);
}

TEST(readv_writev_sendmsg_and_recvmsg)
{
	EXPECT_TRUE(same_play(vectors, "a bcd ef"));
}

static void note_name(struct transcript *t, const char *what, int fd)
{
	struct addr a = { .len = sizeof(a) };
	int ret = getsockname(fd, &a.sa, &a.len);

	note(t, "%s: %d, port %s", what, ret, port_of(&a) ? "set" : "0");
	a.len = sizeof(a.v6);
	note_ret(t, "   peer", getpeername(fd, &a.sa, &a.len));
}

/* connect(AF_UNSPEC) makes a socket new again, whatever it was. */
static void undone(struct transcript *t, int proto)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct addr at = loopback(V4, 0);
	int fd[2], l, s;
	char buf[8];

	connected_pair(V4, proto, fd);
	if (send(fd[1], "unread", 6, 0) != 6)
		die("send");
	wait_for(fd[0], POLLIN, SOON_MS);
	note_name(t, "before", fd[0]);
	note_ret(t, "connected", connect(fd[0], &none, sizeof(none)));
	note_name(t, "after", fd[0]);
	note_poll(t, "it", fd[0], 0);
	note_poll(t, "its peer", fd[1], POLLERR | POLLHUP);
	note_so_error(t, fd[1]);
	note_ret(t, "recv", recv(fd[0], buf, sizeof(buf), 0));
	note_ret(t, "send", send(fd[0], buf, 1, MSG_NOSIGNAL));
	l = listen_at(&at, proto, 1);
	note_ret(t, "connect again", connect(fd[0], &at.sa, at.len));
	s = accept_one(l);
	note_ret(t, "send", send(s, "new", 3, 0));
	note_ret(t, "recv", recv(fd[0], buf, sizeof(buf), 0));
	close(s);
	note_ret(t, "a listener", connect(l, &none, sizeof(none)));
	note_name(t, "a listener", l);
	note_ret(t, "accept", accept4(l, NULL, NULL, SOCK_NONBLOCK));
	s = open_socket(V6, proto);
	note_ret(t, "nothing", connect(s, &none, sizeof(none)));
	note_ret(t, "too short", connect(s, &none, 1));
	close(s);
	close(l);
	close(fd[0]);
	close(fd[1]);
}

TEST(connect_to_nobody)
{
	EXPECT_TRUE(same_play(undone, "its peer: IN|OUT|ERR"));
}

/* One descriptor or address that is none, in each call that takes it. */
static void note_bad(struct transcript *t, const char *what, int fd, void *p,
		     socklen_t *len)
{
	struct msghdr *m = p;
	char buf[8];

	note(t, "%s", what);
	note_ret(t, "bind", bind(fd, p, 16));
	note_ret(t, "connect", connect(fd, p, 16));
	note_ret(t, "getsockname", getsockname(fd, p, len));
	note_ret(t, "getpeername", getpeername(fd, p, len));
	note_ret(t, "accept", accept4(fd, p, len, SOCK_NONBLOCK));
	note_ret(t, "listen", listen(fd, 1));
	note_ret(t, "send", send(fd, p, 8, MSG_DONTWAIT | MSG_NOSIGNAL));
	note_ret(t, "sendto", sendto(fd, buf, 1, MSG_NOSIGNAL, p, 16));
	note_ret(t, "sendmsg", sendmsg(fd, m, MSG_DONTWAIT | MSG_NOSIGNAL));
	note_ret(t, "recv", recv(fd, p, 8, MSG_DONTWAIT));
	note_ret(t, "recvfrom", recvfrom(fd, buf, 1, MSG_DONTWAIT, p, len));
	note_ret(t, "recvmsg", recvmsg(fd, m, MSG_DONTWAIT));
	note_ret(t, "setsockopt", setsockopt(fd, IPPROTO_TCP, 3, p, 4));
	note_ret(t, "getsockopt", getsockopt(fd, IPPROTO_TCP, 3, p, len));
	note_ret(t, "ioctl", ioctl(fd, FIONREAD, p));
	note_ret(t, "shutdown", shutdown(fd, 3));
	note_ret(t, "splice", splice(fd, p, fd, NULL, 10, SPLICE_F_NONBLOCK));
	note_ret(t, "sendfile", sendfile(fd, fd, p, 10));
}

static void bad_arguments(struct transcript *t, int proto)
{
	char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	socklen_t len = 16, huge = 0x7fffffff, negative = -1;
	struct addr at = loopback(V4, 0);
	static char memory[4096];
	int fd[2], p[2], closed;

	connected_pair(V4, proto, fd);
	if (page == MAP_FAILED || pipe(p) || send(fd[1], "x", 1, 0) != 1)
		die("setup");
	wait_for(fd[0], POLLIN, SOON_MS);
	set_nonblocking(fd[0], true);
	note_bad(t, "NULL", fd[0], NULL, &len);
	note_bad(t, "not mapped", fd[0], page, &len);
	note_bad(t, "the kernel's", fd[0], (void *)-4096, &len);
	note_bad(t, "NULL lengths", fd[0], memory, NULL);
	note_bad(t, "lengths not mapped", fd[0], memory, (void *)page);
	note_bad(t, "huge lengths", fd[0], memory, &huge);
	note_bad(t, "negative lengths", fd[0], memory, &negative);
	closed = dup(fd[0]);
	close(closed);
	note_bad(t, "a closed descriptor", closed, memory, &len);
	note_bad(t, "a pipe", p[0], memory, &len);
	note_bad(t, "none", -1, memory, &len);
	note_ret(t, "huge send", send(fd[1], page, -1UL, MSG_DONTWAIT));
	note_ret(t, "huge recv", recv(fd[1], page, -1UL, MSG_DONTWAIT));
	note_ret(t, "bind to a part", bind(fd[1], &at.sa, 3));
	note_ret(t, "bind to too much", bind(fd[1], &at.sa, 4096));
	note_ret(t, "connect to a part", connect(fd[1], &at.sa, 3));
	note_ret(t, "connect to a negative length",
		 connect(fd[1], &at.sa, -1));
	munmap(page, 4096);
	close(fd[0]);
	close(fd[1]);
	close(p[0]);
	close(p[1]);
}

TEST(bad_pointers_lengths_and_descriptors)
{
	EXPECT_TRUE(same_play(bad_arguments, "EFAULT"));
}

/* TCP_DEFER_ACCEPT: a connection that says nothing does not wake accept(). */
static void deferred(struct transcript *t, int proto)
{
	struct addr at = loopback(V4, 0);
	int l = listen_at(&at, proto, 3), fd, got;

	set_int(l, IPPROTO_TCP, 9 /* TCP_DEFER_ACCEPT */, 5);
	note(t, "seconds %d", get_int(l, IPPROTO_TCP, 9));
	fd = dial(&at, proto);
	note(t, "silent: %d", wait_for(l, POLLIN, 50));
	note_ret(t, "send", send(fd, "hello", 5, 0));
	note_poll(t, "talks", l, POLLIN);
	got = accept_one(l);
	note_ret(t, "waits", recv(got, &at, sizeof(at), MSG_DONTWAIT));
	close(fd);
	close(got);
	close(l);
}

TEST(defer_accept)
{
	EXPECT_TRUE(same_play(deferred, "waits: 5"));
}

/* A 32-bit program does the same as this one would: see calls32.c. */
static void narrow(struct transcript *t, int proto)
{
	char number[8], line[200];
	int out[2], status;
	FILE *f;
	pid_t pid;

	if (pipe(out))
		die("pipe");
	snprintf(number, sizeof(number), "%d", proto);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(out[1], 1);
		execl("/tests/calls32", "calls32", number, NULL);
		_exit(errno == ENOEXEC ? 125 : 126);
	}
	close(out[1]);
	f = fdopen(out[0], "r");
	while (fgets(line, sizeof(line), f))
		note(t, "%s", strtok(line, "\n"));
	fclose(f);
	waitpid(pid, &status, 0);
	note(t, "status %d", status >> 8);
}

TEST(programs_of_32_bits)
{
	struct transcript t = { 0 };

	narrow(&t, IPPROTO_TCP);
	/* The debug kernel cannot run any. */
	if (!strcmp(t.text, "status 125\n"))
		return;
	EXPECT_TRUE(same_play(narrow, "status 0"));
}

TEST_HARNESS_MAIN
