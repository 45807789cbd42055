// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flow of data: a reader that stops, small buffers, flags of recv(), lengths of
 * queues, and what poll() and epoll say at every step.  Each scenario runs over
 * TCP and over Ferry, and what a program can see must be the same.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "ktest.h"
#include "ways.h"

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
		 * What was on its way, or goes again after a time-out, may
		 * arrive and make room, and not so much that poll() would
		 * speak of it.
		 */
		wait_for(fd, POLLOUT, 1000);
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

		ways_pair(variant->fam, i, fd);
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

/* More than the buffers that these tests ask for can hold. */
#define STOPPED_BYTES (2 << 20)

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

	for (i = 0; i < ways(); i++) {
		struct addr at = enter_server(variant->fam, i);
		struct blocked_sender s;
		int l, peer, told[2];
		pid_t child;

		l = listen_at(&at, ends_proto(ends_of(i), 1), 1);
		set_int(l, SOL_SOCKET, SO_RCVBUF, 65536);
		enter_client(i);
		s.fd = open_socket(variant->fam, ends_proto(ends_of(i), 0));
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
			       ends_name(ends_of(i)), STOPPED_BYTES);
		ASSERT_TRUE(recv_stream(peer, 1, 0, STOPPED_BYTES));
		EXPECT_NE(0, wait_for(told[0], POLLIN, SOON_MS));
		EXPECT_EQ(0, reap(child, SOON_MS));
	}
}

TEST_F(flow, reader_that_stops_again_and_again)
{
	int i;

	for (i = 0; i < ways(); i++) {
		struct addr at = enter_server(variant->fam, i);
		struct blocked_sender s;
		int l, k, peer, told[2];
		__u64 pos = 0;
		pid_t child;

		l = listen_at(&at, ends_proto(ends_of(i), 1), 1);
		set_int(l, SOL_SOCKET, SO_RCVBUF, 8192);
		enter_client(i);
		s.fd = open_socket(variant->fam, ends_proto(ends_of(i), 0));
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
		struct addr at = enter_server(variant->fam, i);
		int l = open_socket(variant->fam, ends_proto(ends_of(i), 1));
		int fd, peer;

		set_int(l, SOL_SOCKET, SO_RCVBUF, 1);
		set_int(l, SOL_SOCKET, SO_SNDBUF, 1);
		ASSERT_EQ(0, bind(l, &at.sa, at.len));
		ASSERT_EQ(0, listen(l, 1));
		at = local_addr(l);
		enter_client(i);
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

	for (i = 0; i < ways(); i++) {
		struct transcript *t = &self->log[i];
		struct epoll_event e = { .events = EPOLLOUT | EPOLLET };
		int ep = epoll_create1(0);
		__u64 sent;
		int fd[2];

		ways_pair(variant->fam, i, fd);
		sent = fill(fd[0], 1);
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, fd[0], &e));
		note_epoll(t, "when full", ep, false);
		ASSERT_TRUE(recv_stream(fd[1], 1, 0, sent));
		note_epoll(t, "when drained", ep, true);
		close(ep);
	}
	EXPECT_TRUE(same_transcripts(self->log));
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

	for (i = 0; i < ways(); i++) {
		struct transcript *t = &self->log[i];
		char buf[32] = "";
		int fd[2];

		ways_pair(variant->fam, i, fd);
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
	EXPECT_TRUE(same_transcripts(self->log));
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

	for (i = 0; i < ways(); i++) {
		unsigned char buf[10000];
		pid_t child;
		int fd[2];

		ways_pair(variant->fam, i, fd);
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
		start = ticked_ms();
		note_ret(t, "recv", recv(fd[1], &c, 1, 0));
		EXPECT_STREQ("EAGAIN", errno_name(errno));
		EXPECT_LE(190, ticked_ms() - start);
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
