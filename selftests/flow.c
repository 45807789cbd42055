// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flow of data and its end: a reader that stops, small buffers, half-close,
 * resets, and what poll() says at every step.  Each scenario runs over TCP and
 * over Ferry, and what a program can see must be the same.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "ktest.h"
#include "lib.h"

/*
 * Over loopback TCP and Ferry by themselves; over the bridge between two hosts
 * Ferry to TCP, and TCP to Ferry.  Tests about the data take all four.
 */
#define WAYS 4

FIXTURE(flow) {
	struct transcript log[WAYS];
};

FIXTURE_VARIANT(flow) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(flow, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(flow, v6) { .fam = V6 };

FIXTURE_SETUP(flow)
{
	own_namespace();
}

FIXTURE_TEARDOWN(flow)
{
}

static int proto_of(int which)
{
	return which ? ferry() : IPPROTO_TCP;
}

static int ways(void)
{
	return can_bridge() && ferry() != IPPROTO_TCP ? WAYS : 2;
}

static enum ends ends_of(int way)
{
	static const enum ends ends[WAYS] = {
		TCP_TO_TCP, FERRY_TO_FERRY, FERRY_TO_TCP, TCP_TO_FERRY,
	};

	return ends[way];
}

/* Go to where the listener is to be; returns where that is. */
static struct addr enter_server(struct hosts *h, enum family fam, int way)
{
	if (!ends_differ(ends_of(way)))
		return loopback(fam, 0);
	hosts_make(h, 1500);
	hosts_bridge(h, ends_of(way) == TCP_TO_FERRY);
	hosts_enter(h, 1);
	return host_addr(1, fam, 0);
}

static void enter_client(struct hosts *h, int way)
{
	if (ends_differ(ends_of(way)))
		hosts_enter(h, 0);
}

/* fd[0] has connected to fd[1]. */
static void pair(enum family fam, int way, int fd[2])
{
	struct hosts h;
	struct addr at = enter_server(&h, fam, way);
	int l = listen_at(&at, ends_proto(ends_of(way), 1), 1);

	enter_client(&h, way);
	fd[0] = dial(&at, ends_proto(ends_of(way), 0));
	if (fd[0] < 0)
		die("%s: connect", ends_name(ends_of(way)));
	fd[1] = accept_one(l);
	close(l);
}

/* All of them are what the first, TCP's, is. */
static bool same_transcripts(const struct transcript *log)
{
	bool same = true;
	int i;

	for (i = 1; i < ways(); i++) {
		if (same_transcript(&log[0], &log[i]))
			continue;
		fprintf(stderr, "# that was %s\n", ends_name(ends_of(i)));
		same = false;
	}
	return same;
}

/* Send until the socket takes not one byte more; how much it took. */
static __u64 fill(int fd, __u64 stream)
{
	unsigned char buf[16384];
	size_t size = sizeof(buf);
	bool waited = false;
	__u64 pos = 0;
	ssize_t n;

	for (;;) {
		stream_fill(stream, pos, buf, size);
		n = send(fd, buf, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0) {
			pos += n;
			waited = false;
			continue;
		}
		if (errno != EAGAIN)
			die("send at byte %llu", (unsigned long long)pos);
		if (size > 1) {
			size = 1;
			continue;
		}
		if (waited)
			return pos;
		/*
		 * What was on its way may arrive and make room, and not so
		 * much that poll() would speak of it.
		 */
		wait_for(fd, POLLOUT, 200);
		waited = true;
		size = sizeof(buf);
	}
}

TEST_F(flow, stopped_reader_polling)
{
	int i;

	for (i = 0; i < ways(); i++) {
		struct transcript *t = &self->log[i];
		__u64 sent;
		int fd[2];

		pair(variant->fam, i, fd);
		note_poll(t, "sender at first", fd[0], POLLOUT);
		note_poll(t, "reader at first", fd[1], 0);
		sent = fill(fd[0], 1);
		EXPECT_LT(10000, sent);
		note_poll(t, "sender when full", fd[0], 0);
		note_poll(t, "reader with data", fd[1], POLLIN);
		note_ret(t, "send when full",
			 send(fd[0], "x", 1, MSG_DONTWAIT));
		EXPECT_STREQ("EAGAIN", errno_name(errno));

		ASSERT_TRUE(recv_stream(fd[1], 1, 0, sent))
			TH_LOG("%s", ends_name(ends_of(i)));
		note_poll(t, "sender when drained", fd[0], POLLOUT);
		note_poll(t, "reader when drained", fd[1], 0);
		note_ret(t, "recv when drained",
			 recv(fd[1], &sent, 1, MSG_DONTWAIT));
		ASSERT_TRUE(exchange(fd[0], fd[1], 100000, SOON_MS));
	}
	EXPECT_TRUE(same_transcripts(self->log));
}

#define STOPPED_BYTES (8 << 20)

struct blocked_sender {
	int fd;
	int told;
};

static int send_then_tell(void *arg)
{
	struct blocked_sender *s = arg;

	if (!send_stream(s->fd, 1, 0, STOPPED_BYTES))
		return 1;
	return write(s->told, "", 1) != 1;
}

TEST_F(flow, stopped_reader_blocks_the_sender)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct addr at = loopback(variant->fam, 0);
		struct blocked_sender s;
		int l, peer, told[2];
		pid_t child;

		l = listen_at(&at, proto_of(i), 1);
		set_int(l, SOL_SOCKET, SO_RCVBUF, 65536);
		s.fd = open_socket(variant->fam, proto_of(i));
		set_int(s.fd, SOL_SOCKET, SO_SNDBUF, 65536);
		ASSERT_EQ(0, connect(s.fd, &at.sa, at.len));
		peer = accept_one(l);
		ASSERT_EQ(0, pipe(told));
		s.told = told[1];
		child = spawn(send_then_tell, &s);

		/*
		 * Long enough for a few window probes, and nothing says that
		 * the sender got through.
		 */
		ASSERT_NE(0, wait_for(peer, POLLIN, SOON_MS));
		EXPECT_EQ(0, wait_for(told[0], POLLIN, 1500))
			TH_LOG("%s took %d bytes that nobody read",
			       proto_name(proto_of(i)), STOPPED_BYTES);
		ASSERT_TRUE(recv_stream(peer, 1, 0, STOPPED_BYTES));
		EXPECT_NE(0, wait_for(told[0], POLLIN, SOON_MS));
		EXPECT_EQ(0, reap(child, SOON_MS));
	}
}

TEST_F(flow, reader_that_stops_again_and_again)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct addr at = loopback(variant->fam, 0);
		struct blocked_sender s;
		int l, k, peer, told[2];
		__u64 pos = 0;
		pid_t child;

		l = listen_at(&at, proto_of(i), 1);
		set_int(l, SOL_SOCKET, SO_RCVBUF, 8192);
		s.fd = open_socket(variant->fam, proto_of(i));
		set_int(s.fd, SOL_SOCKET, SO_SNDBUF, 16384);
		ASSERT_EQ(0, connect(s.fd, &at.sa, at.len));
		peer = accept_one(l);
		ASSERT_EQ(0, pipe(told));
		s.told = told[1];
		child = spawn(send_then_tell, &s);
		for (k = 0; k < 5; k++) {
			ASSERT_TRUE(recv_stream(peer, 1, pos, 30000 + 7 * k));
			pos += 30000 + 7 * k;
			EXPECT_EQ(0, wait_for(told[0], POLLIN, 300));
		}
		ASSERT_TRUE(recv_stream(peer, 1, pos, STOPPED_BYTES - pos));
		EXPECT_EQ(0, reap(child, SOON_MS));
	}
}

TEST_F(flow, smallest_buffers)
{
	int i;

	for (i = 0; i < ways(); i++) {
		struct transcript *t = &self->log[i];
		struct hosts h;
		struct addr at = enter_server(&h, variant->fam, i);
		int l = open_socket(variant->fam, ends_proto(ends_of(i), 1));
		int fd, peer;

		set_int(l, SOL_SOCKET, SO_RCVBUF, 1);
		set_int(l, SOL_SOCKET, SO_SNDBUF, 1);
		ASSERT_EQ(0, bind(l, &at.sa, at.len));
		ASSERT_EQ(0, listen(l, 1));
		at = local_addr(l);
		enter_client(&h, i);
		fd = open_socket(variant->fam, ends_proto(ends_of(i), 0));
		set_int(fd, SOL_SOCKET, SO_RCVBUF, 1);
		set_int(fd, SOL_SOCKET, SO_SNDBUF, 1);
		ASSERT_EQ(0, connect(fd, &at.sa, at.len));
		peer = accept_one(l);
		note(t, "SO_RCVBUF %d and %d",
		     get_int(fd, SOL_SOCKET, SO_RCVBUF),
		     get_int(peer, SOL_SOCKET, SO_RCVBUF));
		note(t, "SO_SNDBUF %d and %d",
		     get_int(fd, SOL_SOCKET, SO_SNDBUF),
		     get_int(peer, SOL_SOCKET, SO_SNDBUF));
		ASSERT_TRUE(exchange(fd, peer, 100000, 3 * SOON_MS))
			TH_LOG("%s", ends_name(ends_of(i)));
	}
	EXPECT_TRUE(same_transcripts(self->log));
}

TEST_F(flow, half_close_lets_the_other_way_go_on)
{
	static const char * const who[] = { "client", "server" };
	int first, i;
	char c;

	for (first = 0; first < 2; first++) {
		for (i = 0; i < ways(); i++) {
			struct transcript *t = &self->log[i];
			int fd[2], one, two;

			pair(variant->fam, i, fd);
			one = fd[first];
			two = fd[!first];
			note(t, "%s closes first", who[first]);
			ASSERT_TRUE(send_stream(one, 1, 0, 5000));
			ASSERT_EQ(0, shutdown(one, SHUT_WR));
			note_poll(t, "who closed", one, 0);
			note_poll(t, "the other", two, POLLIN | POLLRDHUP);
			note_ret(t, "send after shutdown",
				 send(one, "x", 1, MSG_NOSIGNAL));
			EXPECT_STREQ("EPIPE", errno_name(errno));
			ASSERT_TRUE(recv_stream(two, 1, 0, 5000));
			note_ret(t, "end of data", recv(two, &c, 1, 0));
			note_ret(t, "and again", recv(two, &c, 1, 0));
			note_poll(t, "the other at the end", two, POLLIN);

			ASSERT_TRUE(send_stream(two, 2, 0, 200000 / 4));
			ASSERT_TRUE(recv_stream(one, 2, 0, 200000 / 4));
			ASSERT_EQ(0, shutdown(two, SHUT_WR));
			note_ret(t, "end of data back", recv(one, &c, 1, 0));
			note_poll(t, "who closed, both shut", one, POLLHUP);
			note_poll(t, "the other, both shut", two, POLLHUP);
			note_ret(t, "shutdown again", shutdown(one, SHUT_WR));
			note_ret(t, "shutdown reading",
				 shutdown(two, SHUT_RD));
			note_ret(t, "send", send(two, "x", 1, MSG_NOSIGNAL));
			note_so_error(t, one);
			note_so_error(t, two);
			close(one);
			close(two);
		}
	}
	EXPECT_TRUE(same_transcripts(self->log));
}

TEST_F(flow, shutdown_of_reading)
{
	int i;
	char c;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		int fd[2];

		connected_pair(variant->fam, proto_of(i), fd);
		ASSERT_EQ(1, send(fd[0], "a", 1, 0));
		ASSERT_NE(0, wait_for(fd[1], POLLIN, SOON_MS));
		note_ret(t, "SHUT_RD", shutdown(fd[1], SHUT_RD));
		note_poll(t, "after SHUT_RD", fd[1], POLLIN);
		note_ret(t, "queued byte", recv(fd[1], &c, 1, MSG_DONTWAIT));
		note_ret(t, "then", recv(fd[1], &c, 1, MSG_DONTWAIT));
		note_ret(t, "peer sends", send(fd[0], "b", 1, MSG_NOSIGNAL));
		wait_for(fd[1], POLLIN, SOON_MS);
		note_ret(t, "late byte", recv(fd[1], &c, 1, MSG_DONTWAIT));
		note_ret(t, "bad how", shutdown(fd[1], 3));
		note_ret(t, "negative how", shutdown(fd[1], -1));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, shutdown_wakes_a_blocked_reader)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct blocked_sender s = { 0 };
		int fd[2];
		char c;

		connected_pair(variant->fam, proto_of(i), fd);
		s.fd = dup(fd[1]);
		ASSERT_EQ(0, shutdown(s.fd, SHUT_RDWR));
		note_ret(t, "own recv", recv(fd[1], &c, 1, 0));
		note_poll(t, "own", fd[1], POLLHUP);
		note_poll(t, "peer's", fd[0], POLLRDHUP);
		note_ret(t, "peer's recv", recv(fd[0], &c, 1, 0));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

static void read_of_reset(struct transcript *t, int fd)
{
	char c;

	note_poll(t, "after reset", fd, POLLHUP);
	note_ret(t, "recv", recv(fd, &c, 1, MSG_DONTWAIT));
	note_ret(t, "recv again", recv(fd, &c, 1, MSG_DONTWAIT));
	note_ret(t, "send", send(fd, "x", 1, MSG_NOSIGNAL));
	note_poll(t, "at the end", fd, 0);
	note_so_error(t, fd);
}

TEST_F(flow, close_with_unread_data_resets)
{
	int i;
	char c;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		int fd[2];

		connected_pair(variant->fam, proto_of(i), fd);
		ASSERT_TRUE(send_stream(fd[0], 1, 0, 1000));
		ASSERT_TRUE(recv_stream(fd[1], 1, 0, 999));
		close(fd[1]);
		ASSERT_NE(0, wait_for_all(fd[0], POLLERR, SOON_MS) & POLLERR);
		EXPECT_EQ(-1, recv(fd[0], &c, 1, 0));
		EXPECT_STREQ("ECONNRESET", errno_name(errno));
		read_of_reset(t, fd[0]);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, reset_keeps_or_drops_what_was_queued_as_tcp_does)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct linger abort = { .l_onoff = 1 };
		struct transcript *t = &self->log[i];
		char buf[100];
		int fd[2];

		connected_pair(variant->fam, proto_of(i), fd);
		ASSERT_TRUE(send_stream(fd[0], 1, 0, 50));
		ASSERT_NE(0, wait_for(fd[1], POLLIN, SOON_MS));
		setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &abort,
			   sizeof(abort));
		close(fd[0]);
		note_poll(t, "data, then reset", fd[1], POLLERR | POLLHUP);
		note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), 0));
		note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), 0));
		note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), 0));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, linger_zero_resets)
{
	int i;

	for (i = 0; i < ways(); i++) {
		struct linger abort = { .l_onoff = 1 };
		struct transcript *t = &self->log[i];
		int fd[2];

		pair(variant->fam, i, fd);
		ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &abort,
					sizeof(abort)));
		close(fd[1]);
		ASSERT_NE(0, wait_for_all(fd[0], POLLERR, SOON_MS) & POLLERR);
		EXPECT_EQ(ECONNRESET, get_int(fd[0], SOL_SOCKET, SO_ERROR));
		read_of_reset(t, fd[0]);
	}
	EXPECT_TRUE(same_transcripts(self->log));
}

TEST_F(flow, linger_waits_for_the_last_byte)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct linger patient = { .l_onoff = 1, .l_linger = 30 };
		struct transcript *t = &self->log[i];
		int fd[2];
		char c;

		connected_pair(variant->fam, proto_of(i), fd);
		ASSERT_EQ(0, setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &patient,
					sizeof(patient)));
		ASSERT_TRUE(send_stream(fd[0], 1, 0, 10000));
		note_ret(t, "close", close(fd[0]));
		ASSERT_TRUE(recv_stream(fd[1], 1, 0, 10000));
		note_ret(t, "end", recv(fd[1], &c, 1, 0));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

static sig_atomic_t pipe_signals;

static void count_pipe_signal(int sig)
{
	(void)sig;
	pipe_signals++;
}

TEST_F(flow, write_after_the_peer_has_gone)
{
	int i;

	signal(SIGPIPE, count_pipe_signal);
	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		int fd[2];

		pipe_signals = 0;
		connected_pair(variant->fam, proto_of(i), fd);
		close(fd[1]);
		note_poll(t, "peer closed", fd[0], POLLIN | POLLRDHUP);
		note_ret(t, "first write", write(fd[0], "x", 1));
		note_poll(t, "answered by a reset", fd[0], POLLERR | POLLHUP);
		note_ret(t, "second write", write(fd[0], "x", 1));
		EXPECT_STREQ("EPIPE", errno_name(errno));
		note(t, "SIGPIPE came %d times", (int)pipe_signals);
		EXPECT_EQ(1, pipe_signals);
		note_ret(t, "send quietly", send(fd[0], "x", 1, MSG_NOSIGNAL));
		EXPECT_EQ(1, pipe_signals);
		note_ret(t, "recv", recv(fd[0], &i, 0, MSG_DONTWAIT));
		note_so_error(t, fd[0]);
		close(fd[0]);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

static void note_epoll(struct transcript *t, const char *what, int ep,
		       bool expected)
{
	struct epoll_event e[4] = { 0 };
	int n = epoll_wait(ep, e, 4, expected ? SOON_MS : 0);

	note(t, "epoll %s: %d event%s %s", what, n, n == 1 ? "" : "s",
	     n > 0 ? poll_name(e[0].events) : "");
}

TEST_F(flow, epoll_edges)
{
	int i;
	char c[10];

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct epoll_event e = {
			.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		};
		int ep = epoll_create1(0);
		int fd[2];

		connected_pair(variant->fam, proto_of(i), fd);
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fd[1], &e));
		note_epoll(t, "on adding", ep, true);
		note_epoll(t, "without an event", ep, false);
		ASSERT_EQ(3, send(fd[0], "abc", 3, 0));
		note_epoll(t, "on data", ep, true);
		note_epoll(t, "with data left", ep, false);
		ASSERT_EQ(1, recv(fd[1], c, 1, 0));
		note_epoll(t, "after reading a part", ep, false);
		ASSERT_EQ(3, send(fd[0], "def", 3, 0));
		note_epoll(t, "on more data", ep, true);
		ASSERT_EQ(5, recv(fd[1], c, 10, 0));
		note_epoll(t, "after reading all", ep, false);
		ASSERT_EQ(0, shutdown(fd[0], SHUT_WR));
		note_epoll(t, "on the peer's FIN", ep, true);
		note_epoll(t, "without an event", ep, false);
		ASSERT_EQ(0, shutdown(fd[1], SHUT_WR));
		note_epoll(t, "on the last close", ep, true);
		close(ep);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, epoll_edge_when_room_appears)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct epoll_event e = { .events = EPOLLOUT | EPOLLET };
		int ep = epoll_create1(0);
		__u64 sent;
		int fd[2];

		connected_pair(variant->fam, proto_of(i), fd);
		sent = fill(fd[0], 1);
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fd[0], &e));
		note_epoll(t, "when full", ep, false);
		ASSERT_TRUE(recv_stream(fd[1], 1, 0, sent));
		note_epoll(t, "when drained", ep, true);
		close(ep);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, epoll_level)
{
	int i;
	char c[10];

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP };
		int ep = epoll_create1(0);
		int fd[2];

		connected_pair(variant->fam, proto_of(i), fd);
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fd[1], &e));
		note_epoll(t, "on adding", ep, false);
		ASSERT_EQ(2, send(fd[0], "ab", 2, 0));
		note_epoll(t, "on data", ep, true);
		note_epoll(t, "with data left", ep, true);
		ASSERT_EQ(2, recv(fd[1], c, 10, 0));
		note_epoll(t, "after reading all", ep, false);
		close(fd[0]);
		note_epoll(t, "on the peer's FIN", ep, true);
		note_epoll(t, "still", ep, true);
		close(ep);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, receive_flags)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		char buf[32] = "";
		int fd[2];

		connected_pair(variant->fam, proto_of(i), fd);
		note_ret(t, "nothing yet",
			 recv(fd[1], buf, 1, MSG_DONTWAIT));
		EXPECT_STREQ("EAGAIN", errno_name(errno));
		note_ret(t, "zero bytes of nothing",
			 recv(fd[1], buf, 0, MSG_DONTWAIT));
		ASSERT_EQ(5, send(fd[0], "hello", 5, 0));
		ASSERT_NE(0, wait_for(fd[1], POLLIN, SOON_MS));
		note_ret(t, "FIONREAD", queue_in(fd[1]));
		EXPECT_EQ(5, queue_in(fd[1]));
		EXPECT_EQ(3, recv(fd[1], buf, 3, MSG_PEEK));
		EXPECT_EQ(5, recv(fd[1], buf, sizeof(buf), MSG_PEEK));
		EXPECT_EQ(0, memcmp(buf, "hello", 5));
		EXPECT_EQ(2, recv(fd[1], buf, 2, 0));
		EXPECT_EQ(3, recv(fd[1], buf, sizeof(buf), MSG_PEEK));
		EXPECT_EQ(0, memcmp(buf, "llo", 3));
		note_ret(t, "FIONREAD", queue_in(fd[1]));
		note_ret(t, "MSG_TRUNC",
			 recv(fd[1], NULL, 2, MSG_TRUNC));
		note_ret(t, "MSG_WAITALL without enough, not waiting",
			 recv(fd[1], buf, 10, MSG_WAITALL | MSG_DONTWAIT));
		note_ret(t, "MSG_OOB of none", recv(fd[1], buf, 1, MSG_OOB));
		note_ret(t, "MSG_ERRQUEUE of none",
			 recv(fd[1], buf, 1, MSG_ERRQUEUE));
		ASSERT_EQ(3, send(fd[0], "end", 3, 0));
		ASSERT_EQ(0, shutdown(fd[0], SHUT_WR));
		note_ret(t, "MSG_WAITALL cut short by the end",
			 recv(fd[1], buf, 10, MSG_WAITALL));
		note_ret(t, "MSG_WAITALL at the end",
			 recv(fd[1], buf, 10, MSG_WAITALL));
		note_ret(t, "MSG_PEEK at the end",
			 recv(fd[1], buf, 10, MSG_PEEK));
		note_ret(t, "FIONREAD at the end", queue_in(fd[1]));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

static int send_in_parts(void *arg)
{
	int fd = *(int *)arg;
	int i;

	for (i = 0; i < 10; i++) {
		/* Until the reader has had the last part. */
		while (queue_out(fd))
			wait_for(fd, POLLHUP, 1);
		if (!send_stream(fd, 1, i * 1000, 1000))
			return 1;
	}
	return 0;
}

TEST_F(flow, waitall_waits_for_all)
{
	int i;

	for (i = 0; i < 2; i++) {
		unsigned char buf[10000];
		pid_t child;
		int fd[2];

		connected_pair(variant->fam, proto_of(i), fd);
		child = spawn(send_in_parts, &fd[0]);
		EXPECT_EQ(10000, recv(fd[1], buf, 10000, MSG_WAITALL));
		EXPECT_EQ(-1, stream_check(1, 0, buf, 10000));
		EXPECT_EQ(0, reap(child, SOON_MS));
	}
}

static bool queue_out_empty(void *fd)
{
	return !queue_out(*(int *)fd);
}

TEST_F(flow, queue_lengths)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		__u64 sent;
		int fd[2];

		connected_pair(variant->fam, proto_of(i), fd);
		note_ret(t, "SIOCOUTQ at first", queue_out(fd[0]));
		note_ret(t, "SIOCINQ at first", queue_in(fd[1]));
		ASSERT_TRUE(send_stream(fd[0], 1, 0, 3000));
		EXPECT_TRUE(wait_until(queue_out_empty, &fd[0], SOON_MS))
			TH_LOG("%s: %d bytes unacknowledged",
			       proto_name(proto_of(i)), queue_out(fd[0]));
		note_ret(t, "SIOCINQ", queue_in(fd[1]));
		sent = 3000 + fill(fd[0], 2);
		EXPECT_LT(0, queue_out(fd[0]));
		EXPECT_LE(sent, (__u64)queue_in(fd[1]) + queue_out(fd[0]));
		note_ret(t, "SIOCOUTQ of a listener", ({
			struct addr at = loopback(variant->fam, 0);
			int l = listen_at(&at, proto_of(i), 1);
			int n, ret = ioctl(l, TIOCOUTQ, &n);

			close(l);
			ret;
		}));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, receive_timeout)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct timeval tv = { .tv_usec = 200000 };
		struct transcript *t = &self->log[i];
		long long start;
		int fd[2];
		char c;

		connected_pair(variant->fam, proto_of(i), fd);
		ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &tv,
					sizeof(tv)));
		start = now_ms();
		note_ret(t, "recv", recv(fd[1], &c, 1, 0));
		EXPECT_STREQ("EAGAIN", errno_name(errno));
		EXPECT_LE(190, now_ms() - start);
		ASSERT_EQ(0, setsockopt(fd[0], SOL_SOCKET, SO_SNDTIMEO, &tv,
					sizeof(tv)));
		fill(fd[0], 1);
		note_ret(t, "send", send(fd[0], &c, 1, 0));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, calls_on_an_unconnected_socket)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		int fd = open_socket(variant->fam, proto_of(i));
		struct addr at = loopback(variant->fam, 0);
		char c = 0;

		note_poll(t, "fresh", fd, 0);
		note_ret(t, "recv", recv(fd, &c, 1, MSG_DONTWAIT));
		note_ret(t, "send", send(fd, &c, 1, MSG_NOSIGNAL));
		note_ret(t, "send zero", send(fd, &c, 0, MSG_NOSIGNAL));
		note_ret(t, "shutdown", shutdown(fd, SHUT_RDWR));
		note_ret(t, "accept", accept(fd, NULL, NULL));
		note_poll(t, "after shutdown", fd, 0);
		close(fd);

		fd = listen_at(&at, proto_of(i), 1);
		note_poll(t, "listener", fd, 0);
		note_ret(t, "recv of a listener",
			 recv(fd, &c, 1, MSG_DONTWAIT));
		note_ret(t, "send of a listener",
			 send(fd, &c, 1, MSG_NOSIGNAL));
		set_nonblocking(fd, true);
		note_ret(t, "accept of none", accept(fd, NULL, NULL));
		EXPECT_STREQ("EAGAIN", errno_name(errno));
		note_ret(t, "listen again", listen(fd, 5));
		note_ret(t, "shutdown of a listener", shutdown(fd, SHUT_RDWR));
		note_poll(t, "after it", fd, 0);
		note_ret(t, "accept after it", accept(fd, NULL, NULL));
		note_ret(t, "listen after it", listen(fd, 5));
		close(fd);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, accept_timeout)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct timeval tv = { .tv_usec = 100000 };
		struct addr at = loopback(variant->fam, 0);
		int l = listen_at(&at, proto_of(i), 1);

		ASSERT_EQ(0, setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv,
					sizeof(tv)));
		note_ret(&self->log[i], "accept", accept(l, NULL, NULL));
		EXPECT_STREQ("EAGAIN", errno_name(errno));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, closing_a_listener_resets_who_was_not_accepted)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct addr at = loopback(variant->fam, 0);
		int l = listen_at(&at, proto_of(i), 4);
		int fd = dial(&at, proto_of(i));

		ASSERT_LE(0, fd);
		ASSERT_NE(0, wait_for(l, POLLIN, SOON_MS));
		close(l);
		ASSERT_NE(0, wait_for_all(fd, POLLERR, SOON_MS) & POLLERR);
		EXPECT_EQ(ECONNRESET, get_int(fd, SOL_SOCKET, SO_ERROR));
		read_of_reset(&self->log[i], fd);
		ASSERT_EQ(-1, dial(&at, proto_of(i)));
		EXPECT_STREQ("ECONNREFUSED", errno_name(errno));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, one_port_one_owner)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct addr at = loopback(variant->fam, 0);
		int one = open_socket(variant->fam, proto_of(i));
		int two = open_socket(variant->fam, proto_of(i));
		int three = open_socket(variant->fam, proto_of(i));

		ASSERT_EQ(0, bind(one, &at.sa, at.len));
		at = local_addr(one);
		note_ret(t, "bind to a bound port", bind(two, &at.sa, at.len));
		EXPECT_STREQ("EADDRINUSE", errno_name(errno));
		set_int(two, SOL_SOCKET, SO_REUSEADDR, 1);
		note_ret(t, "with SO_REUSEADDR here alone",
			 bind(two, &at.sa, at.len));
		set_int(one, SOL_SOCKET, SO_REUSEADDR, 1);
		note_ret(t, "with SO_REUSEADDR on both",
			 bind(two, &at.sa, at.len));
		note_ret(t, "listen of the first", listen(one, 1));
		note_ret(t, "listen of the second", listen(two, 1));
		set_int(three, SOL_SOCKET, SO_REUSEADDR, 1);
		note_ret(t, "bind with a listener there",
			 bind(three, &at.sa, at.len));
		close(one);
		close(two);
		note_ret(t, "bind once they have gone",
			 bind(three, &at.sa, at.len));
		close(three);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, reuseport_shares_a_port)
{
	int i, k;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct addr at = loopback(variant->fam, 0);
		int got[2] = { 0 };
		int l[3];

		for (k = 0; k < 3; k++) {
			l[k] = open_socket(variant->fam, proto_of(i));
			if (k < 2)
				set_int(l[k], SOL_SOCKET, SO_REUSEPORT, 1);
			note_ret(t, "bind", bind(l[k], &at.sa, at.len));
			at = local_addr(l[0]);
			if (k < 2)
				note_ret(t, "listen", listen(l[k], 64));
		}
		for (k = 0; k < 64; k++)
			ASSERT_LE(0, dial(&at, proto_of(i)));
		for (k = 0; k < 2; k++) {
			set_nonblocking(l[k], true);
			while (accept(l[k], NULL, NULL) >= 0)
				got[k]++;
		}
		EXPECT_EQ(64, got[0] + got[1]);
		EXPECT_LT(0, got[0]);
		EXPECT_LT(0, got[1]);
		note(t, "accepted in all: %d", got[0] + got[1]);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, a_server_restarts_while_time_wait_lasts)
{
	int i;
	char c;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct addr at = loopback(variant->fam, 0);
		int l = listen_at(&at, proto_of(i), 1);
		int fd = dial(&at, proto_of(i));
		int peer = accept_one(l);
		int again;

		ASSERT_LE(0, fd);
		/* The server's side closes first and keeps TIME_WAIT. */
		close(peer);
		EXPECT_EQ(0, recv(fd, &c, 1, 0));
		close(fd);
		close(l);

		again = open_socket(variant->fam, proto_of(i));
		note_ret(t, "bind during TIME_WAIT",
			 bind(again, &at.sa, at.len));
		EXPECT_STREQ("EADDRINUSE", errno_name(errno));
		set_int(again, SOL_SOCKET, SO_REUSEADDR, 1);
		note_ret(t, "with SO_REUSEADDR", bind(again, &at.sa, at.len));
		note_ret(t, "listen", listen(again, 1));
		fd = dial(&at, proto_of(i));
		EXPECT_LE(0, fd);
		peer = accept_one(again);
		EXPECT_TRUE(exchange(fd, peer, 1000, SOON_MS));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(flow, tcp_info_tells_the_truth)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct tcp_info info = { 0 };
		socklen_t len = sizeof(info);
		int fd[2];

		connected_pair(variant->fam, proto_of(i), fd);
		ASSERT_TRUE(send_stream(fd[0], 1, 0, 100000));
		ASSERT_TRUE(recv_stream(fd[1], 1, 0, 100000));
		EXPECT_TRUE(wait_until(queue_out_empty, &fd[0], SOON_MS));
		note_ret(t, "getsockopt", getsockopt(fd[0], SOL_TCP, TCP_INFO,
						     &info, &len));
		/* On a slow machine either may have probed for a lost tail. */
		note(t, "state %d retransmits %u unacked %u", info.tcpi_state,
		     info.tcpi_retransmits, info.tcpi_unacked);
		EXPECT_LT(0, info.tcpi_rtt);
		EXPECT_GT(1000000, info.tcpi_rtt);
		EXPECT_LT(0, info.tcpi_snd_cwnd);
		EXPECT_LT(500, info.tcpi_snd_mss);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_HARNESS_MAIN
