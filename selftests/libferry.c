// SPDX-License-Identifier: GPL-2.0-only
/*
 * libferry: messages with a limit, and a close that knows what arrived; over
 * TCP and over Ferry.  The rest of the library has programs of its own.
 */
#include <errno.h>
#include <ferry/ferry.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

FIXTURE(libferry) {
	int proto;
	int fd[2];
};

FIXTURE_VARIANT(libferry) {
	bool ferry;
};

FIXTURE_VARIANT_ADD(libferry, tcp) { .ferry = false };
FIXTURE_VARIANT_ADD(libferry, ferry) { .ferry = true };

FIXTURE_SETUP(libferry)
{
	self->proto = proto_of(variant->ferry);
	own_namespace();
	connected_pair(V4, self->proto, self->fd);
}

FIXTURE_TEARDOWN(libferry)
{
}

static const size_t sizes[] = { 0, 1, 4, 1000, 1460, 70000, 3000000, 0, 2 };

static int send_all_sizes(void *arg)
{
	int fd = *(int *)arg;
	char *buf = malloc(3000000);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		stream_fill(i, 0, buf, sizes[i]);
		if (ferry_send_message(fd, buf, sizes[i]))
			return 1;
	}
	return ferry_finish(fd, SOON_MS) ? 2 : 0;
}

TEST_F(libferry, messages_come_as_they_were_sent)
{
	char *buf = malloc(3000000);
	size_t len;
	unsigned int i;
	pid_t peer;

	/* Neither end may be confused by a descriptor that does not wait. */
	set_nonblocking(self->fd[0], true);
	set_nonblocking(self->fd[1], true);
	peer = spawn(send_all_sizes, &self->fd[0]);
	close(self->fd[0]);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(1, ferry_recv_message(self->fd[1], buf, 3000000,
						&len));
		ASSERT_EQ(sizes[i], len);
		EXPECT_EQ(-1, stream_check(i, 0, buf, len));
	}
	EXPECT_EQ(0, ferry_recv_message(self->fd[1], buf, 3000000, &len));
	EXPECT_EQ(0, reap(peer, SOON_MS));
}

TEST_F(libferry, nobody_exceeds_the_limit)
{
	char buf[16] = "0123456789abcdef";
	size_t len;

	ASSERT_EQ(0, ferry_send_message(self->fd[0], buf, 8));
	ASSERT_EQ(0, ferry_send_message(self->fd[0], buf, 9));
	EXPECT_EQ(1, ferry_recv_message(self->fd[1], buf, 8, &len));
	EXPECT_EQ(-1, ferry_recv_message(self->fd[1], buf, 8, &len));
	EXPECT_EQ(EMSGSIZE, errno);
	EXPECT_EQ(9, len);
	EXPECT_EQ(0, memcmp(buf + 8, "89abcdef", 8));
}

TEST_F(libferry, an_end_within_a_message_is_an_error)
{
	static const char part[] = { 0, 0, 0, 9, 'x' };
	char buf[16];
	size_t len, i;

	for (i = 1; i <= sizeof(part); i++) {
		int fd[2];

		connected_pair(V4, self->proto, fd);
		ASSERT_EQ((ssize_t)i, send(fd[0], part, i, 0));
		close(fd[0]);
		EXPECT_EQ(-1, ferry_recv_message(fd[1], buf, sizeof(buf),
						 &len));
		EXPECT_EQ(EPROTO, errno);
		close(fd[1]);
	}
}

TEST_F(libferry, a_peer_that_has_gone_is_an_error_and_no_signal)
{
	const struct linger reset = { .l_onoff = 1 };
	char c = 0;
	int i;

	setsockopt(self->fd[1], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(self->fd[1]);
	ASSERT_NE(0, wait_for(self->fd[0], POLLHUP, SOON_MS));
	for (i = 0; i < 2; i++)
		EXPECT_EQ(-1, ferry_send_message(self->fd[0], &c, 1));
	EXPECT_EQ(EPIPE, errno);
}

TEST_F(libferry, finish_knows_that_all_has_arrived)
{
	char buf[30000];		/* fits into the first window */
	size_t got = 0;
	ssize_t n;

	memset(buf, 'x', sizeof(buf));
	ASSERT_EQ(0, ferry_write_all(self->fd[0], buf, sizeof(buf)));
	/* What nobody reads is no reason for a reset. */
	ASSERT_EQ(5, send(self->fd[1], "hello", 5, 0));
	ASSERT_NE(0, wait_for(self->fd[0], POLLIN, SOON_MS));
	EXPECT_EQ(0, ferry_finish(self->fd[0], SOON_MS));
	EXPECT_EQ(-1, close(self->fd[0]));
	while ((n = recv(self->fd[1], buf, sizeof(buf), 0)) > 0)
		got += n;
	EXPECT_EQ(0, n);
	EXPECT_EQ(sizeof(buf), got);
}

TEST_F(libferry, finish_knows_that_not_all_has_arrived)
{
	char buf[4096] = "";

	/* More than the peer takes without reading. */
	set_nonblocking(self->fd[0], true);
	while (send(self->fd[0], buf, sizeof(buf), 0) > 0)
		;
	EXPECT_EQ(-1, ferry_finish(self->fd[0], 300));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_EQ(-1, close(self->fd[0]));
}

/* Step until it is over, as an event loop would; 0 or an errno. */
static int end_of(struct ferry_ending *e)
{
	struct ferry_wants wants;

	while (ferry_ending_step(e)) {
		if (errno != EINPROGRESS)
			return errno;
		ferry_ending_wants(e, &wants);
		if (ferry_await(&wants))
			return errno;
	}
	return 0;
}

TEST_F(libferry, an_ending_needs_nobody_to_wait_for_it)
{
	struct ferry_ending *e = ferry_ending_new(self->fd[0], SOON_MS);
	char c;

	EXPECT_EQ(0, end_of(e));
	EXPECT_EQ(-1, close(self->fd[0]));
	EXPECT_EQ(0, recv(self->fd[1], &c, 1, 0));
	EXPECT_EQ(-1, ferry_ending_step(e));
	EXPECT_EQ(EINVAL, errno);
	ferry_ending_free(e);
}

TEST_F(libferry, a_reset_after_the_peers_end_is_noticed)
{
	char buf[4096] = "";
	struct ferry_ending *e;

	set_nonblocking(self->fd[0], true);
	while (send(self->fd[0], buf, sizeof(buf), 0) > 0)
		;
	shutdown(self->fd[1], SHUT_WR);
	ASSERT_NE(0, wait_for(self->fd[0], POLLRDHUP, SOON_MS));
	e = ferry_ending_new(self->fd[0], -1);
	ASSERT_EQ(-1, ferry_ending_step(e));
	ASSERT_EQ(EINPROGRESS, errno);
	abort_connection(self->fd[1]);
	EXPECT_EQ(ECONNRESET, end_of(e));
	EXPECT_EQ(-1, close(self->fd[0]));
	ferry_ending_free(e);
}

TEST_HARNESS_MAIN
