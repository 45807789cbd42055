// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a connection ends: half-close, close, resets, lingering, and what the
 * other side is told, and when.  Each scenario runs over TCP and over Ferry, and
 * what a program can see must be the same.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ktest.h"
#include "ways.h"

FIXTURE(ending) {
	struct transcript log[WAYS];
};

FIXTURE_VARIANT(ending) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(ending, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(ending, v6) { .fam = V6 };

FIXTURE_SETUP(ending)
{
	own_namespace();
}

FIXTURE_TEARDOWN(ending)
{
}

TEST_F(ending, half_close_lets_the_other_way_go_on)
{
	static const char * const who[] = { "client", "server" };
	int first, i;
	char c;

	for (first = 0; first < 2; first++) {
		for (i = 0; i < ways(); i++) {
			struct transcript *t = &self->log[i];
			int fd[2], one, two;

			ways_pair(variant->fam, i, fd);
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

TEST_F(ending, shutdown_of_reading)
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

static int reads_the_end(void *fd)
{
	char c;

	return recv(*(int *)fd, &c, 1, 0);
}

static bool is_asleep(void *pid)
{
	char path[40], text[512];
	const char *state;

	snprintf(path, sizeof(path), "/proc/%d/stat", *(pid_t *)pid);
	if (!read_file(path, text, sizeof(text)))
		die("read %s", path);
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

TEST_F(ending, shutdown_wakes_a_blocked_reader)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		pid_t child;
		int fd[2];
		char c;

		connected_pair(variant->fam, proto_of(i), fd);
		child = spawn(reads_the_end, &fd[1]);
		ASSERT_TRUE(wait_until(is_asleep, &child, SOON_MS));
		ASSERT_EQ(0, shutdown(fd[1], SHUT_RDWR));
		EXPECT_EQ(0, reap(child, SOON_MS));
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

TEST_F(ending, close_with_unread_data_resets)
{
	int i;
	char c;

	for (i = 0; i < ways(); i++) {
		struct transcript *t = &self->log[i];
		int fd[2];

		ways_pair(variant->fam, i, fd);
		ASSERT_TRUE(send_stream(fd[0], 1, 0, 1000));
		ASSERT_TRUE(recv_stream(fd[1], 1, 0, 999));
		close(fd[1]);
		ASSERT_NE(0, wait_for_all(fd[0], POLLERR, SOON_MS) & POLLERR);
		EXPECT_EQ(-1, recv(fd[0], &c, 1, 0));
		EXPECT_STREQ("ECONNRESET", errno_name(errno));
		read_of_reset(t, fd[0]);
	}
	EXPECT_TRUE(same_transcripts(self->log));
}

TEST_F(ending, reset_keeps_or_drops_what_was_queued_as_tcp_does)
{
	int i;

	for (i = 0; i < ways(); i++) {
		struct transcript *t = &self->log[i];
		char buf[100];
		int fd[2];

		ways_pair(variant->fam, i, fd);
		ASSERT_TRUE(send_stream(fd[0], 1, 0, 50));
		ASSERT_NE(0, wait_for(fd[1], POLLIN, SOON_MS));
		abort_connection(fd[0]);
		note_poll(t, "data, then reset", fd[1], POLLERR | POLLHUP);
		note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), 0));
		note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), 0));
		note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), 0));
	}
	EXPECT_TRUE(same_transcripts(self->log));
}

TEST_F(ending, linger_zero_resets)
{
	int i;

	for (i = 0; i < ways(); i++) {
		struct transcript *t = &self->log[i];
		int fd[2];

		ways_pair(variant->fam, i, fd);
		abort_connection(fd[1]);
		ASSERT_NE(0, wait_for_all(fd[0], POLLERR, SOON_MS) & POLLERR);
		EXPECT_EQ(ECONNRESET, get_int(fd[0], SOL_SOCKET, SO_ERROR));
		read_of_reset(t, fd[0]);
	}
	EXPECT_TRUE(same_transcripts(self->log));
}

TEST_F(ending, linger_waits_for_the_last_byte)
{
	int i;

	for (i = 0; i < ways(); i++) {
		struct linger patient = { .l_onoff = 1, .l_linger = 30 };
		struct transcript *t = &self->log[i];
		int fd[2];
		char c;

		ways_pair(variant->fam, i, fd);
		ASSERT_EQ(0, setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &patient,
					sizeof(patient)));
		ASSERT_TRUE(send_stream(fd[0], 1, 0, 10000));
		note_ret(t, "close", close(fd[0]));
		ASSERT_TRUE(recv_stream(fd[1], 1, 0, 10000));
		note_ret(t, "end", recv(fd[1], &c, 1, 0));
	}
	EXPECT_TRUE(same_transcripts(self->log));
}

static sig_atomic_t pipe_signals;

static void count_pipe_signal(int sig)
{
	(void)sig;
	pipe_signals++;
}

TEST_F(ending, write_after_the_peer_has_gone)
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

TEST_F(ending, closing_a_listener_resets_who_was_not_accepted)
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

TEST_F(ending, a_server_restarts_while_time_wait_lasts)
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

TEST_HARNESS_MAIN
