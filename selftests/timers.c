// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers at their true length, in virtual time: how often and when a segment
 * is sent again, a probe goes out, a connection is given up or forgotten.
 *
 * Runs with --reproducible on user-mode Linux only, where two idle hours take
 * no time.
 */
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "sides.h"

/* Virtual time: the two-hour keep-alive is only one of many. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT (7 * 86400)

FIXTURE(timers) {
	struct side side[2];
};

FIXTURE_VARIANT(timers) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(timers, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(timers, v6) { .fam = V6 };

FIXTURE_SETUP(timers)
{
	sides_open(self->side, variant->fam);
}

FIXTURE_TEARDOWN(timers)
{
	sides_close(self->side);
}

TEST_F(timers, syn)
{
	connect_to_nobody(self->side, 0, 0, 0);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, syn_by_setting)
{
	setting(self->side, "syn_retries", "2");
	connect_to_nobody(self->side, 0, 0, 0);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, syn_by_option)
{
	connect_to_nobody(self->side, SOL_TCP, TCP_SYNCNT, 9);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, syn_until_user_timeout)
{
	connect_to_nobody(self->side, SOL_TCP, TCP_USER_TIMEOUT, 9000);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

/* When is a half-open connection forgotten?  Then its ACK is answered by RST. */
static void last_ack_at(struct side *side, int ms)
{
	watch(side, ms, NULL);
	say_both(side, ACK);
	watch(side, SECOND, NULL);
}

TEST_F(timers, syn_ack)
{
	half_open(self->side, 0, 0);
	last_ack_at(self->side, 70000);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(timers, syn_ack_almost_forgotten)
{
	half_open(self->side, 0, 0);
	last_ack_at(self->side, 62900);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_FALSE(sides_saw(self->side, "RST"));
}

TEST_F(timers, syn_ack_by_setting)
{
	setting(self->side, "synack_retries", "2");
	half_open(self->side, 0, 0);
	last_ack_at(self->side, 7500);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(timers, syn_ack_by_option)
{
	half_open(self->side, TCP_SYNCNT, 7);
	last_ack_at(self->side, 5 * MINUTE);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(timers, retransmission)
{
	establish(self->side);
	send_bytes(self->side, 10);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, retransmission_by_setting)
{
	setting(self->side, "retries2", "4");
	establish(self->side);
	send_bytes(self->side, 10);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

/* A stream of a few segments need not double its time-outs at first. */
TEST_F(timers, retransmission_of_a_thin_stream)
{
	establish(self->side);
	option(self->side, SOL_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1);
	send_bytes(self->side, 10);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, retransmission_until_user_timeout)
{
	establish(self->side);
	option(self->side, SOL_TCP, TCP_USER_TIMEOUT, 10 * SECOND);
	send_bytes(self->side, 10);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, retransmission_of_a_fin)
{
	establish(self->side);
	shutdown(self->side[0].fd, SHUT_WR);
	shutdown(self->side[1].fd, SHUT_WR);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, orphan)
{
	establish(self->side);
	send_bytes(self->side, 10);
	close_all(self->side);
	watch(self->side, HOUR, NULL);
	ask(self->side);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(timers, orphan_by_setting)
{
	setting(self->side, "orphan_retries", "3");
	establish(self->side);
	send_bytes(self->side, 10);
	close_all(self->side);
	watch(self->side, HOUR, NULL);
	ask(self->side);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(timers, orphan_late)
{
	establish(self->side);
	send_bytes(self->side, 10);
	watch(self->side, 5 * MINUTE, NULL);
	close_all(self->side);
	watch(self->side, HOUR, NULL);
	ask(self->side);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(timers, orphan_until_user_timeout)
{
	establish(self->side);
	option(self->side, SOL_TCP, TCP_USER_TIMEOUT, 3 * MINUTE);
	send_bytes(self->side, 10);
	close_all(self->side);
	watch(self->side, HOUR, NULL);
	ask(self->side);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

static void shut_the_window(struct side *side)
{
	window_of(side, 0);
	say_both(side, ACK);
}

/* The peer's window is closed, and data waits for it. */
static void close_the_window(struct side *side)
{
	establish_with_a_byte(side);
	shut_the_window(side);
	send_bytes(side, 10);
}

TEST_F(timers, probes_without_answer)
{
	close_the_window(self->side);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ACK seq 0 len 0"));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, probes_without_answer_by_setting)
{
	setting(self->side, "retries2", "4");
	close_the_window(self->side);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, probes_without_answer_until_user_timeout)
{
	close_the_window(self->side);
	option(self->side, SOL_TCP, TCP_USER_TIMEOUT, 10 * SECOND);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, probes_with_answer)
{
	close_the_window(self->side);
	watch(self->side, 3 * HOUR, repeats);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ACK seq 0 len 0"));
	EXPECT_FALSE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, probes_with_answer_until_user_timeout)
{
	close_the_window(self->side);
	option(self->side, SOL_TCP, TCP_USER_TIMEOUT, 10 * SECOND);
	watch(self->side, HOUR, repeats);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, probes_of_an_orphan)
{
	close_the_window(self->side);
	close_all(self->side);
	watch(self->side, HOUR, repeats);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ACK seq 0 len 0"));
}

TEST_F(timers, probes_of_an_orphan_by_setting)
{
	setting(self->side, "orphan_retries", "3");
	close_the_window(self->side);
	close_all(self->side);
	watch(self->side, HOUR, repeats);
	EXPECT_TRUE(sides_same(self->side));
}

/* Data is on its way, and the peer takes its window back. */
TEST_F(timers, window_taken_back)
{
	establish_with_a_byte(self->side);
	send_bytes(self->side, 10);
	shut_the_window(self->side);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, keepalive)
{
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	watch(self->side, 10 * HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, keepalive_by_setting)
{
	setting(self->side, "keepalive_time", "100");
	setting(self->side, "keepalive_intvl", "7");
	setting(self->side, "keepalive_probes", "3");
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, keepalive_by_option)
{
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	option(self->side, SOL_TCP, TCP_KEEPIDLE, 50);
	option(self->side, SOL_TCP, TCP_KEEPINTVL, 11);
	option(self->side, SOL_TCP, TCP_KEEPCNT, 4);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, keepalive_until_user_timeout)
{
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	option(self->side, SOL_TCP, TCP_KEEPIDLE, 50);
	option(self->side, SOL_TCP, TCP_KEEPINTVL, 11);
	option(self->side, SOL_TCP, TCP_USER_TIMEOUT, 2 * MINUTE);
	watch(self->side, HOUR, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ETIMEDOUT"));
}

TEST_F(timers, keepalive_with_answer)
{
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	watch(self->side, 10 * HOUR, repeats);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_FALSE(sides_saw(self->side, "ETIMEDOUT"));
}

/* The time counts from when the peer was last heard of. */
TEST_F(timers, keepalive_after_traffic)
{
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	option(self->side, SOL_TCP, TCP_KEEPIDLE, 50);
	watch(self->side, 30 * SECOND, NULL);
	send_bytes(self->side, 10);
	watch(self->side, 3 * MINUTE, acknowledges);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "len 0"));
}

/* Half of the time has gone by: only the other half is left. */
TEST_F(timers, keepalive_after_a_while)
{
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	watch(self->side, 30 * SECOND, NULL);
	option(self->side, SOL_TCP, TCP_KEEPIDLE, 60);
	option(self->side, SOL_TCP, TCP_KEEPINTVL, 11);
	watch(self->side, 40 * SECOND, repeats);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "len 0"));
}

/* All of it, and more: the probe goes out at once. */
TEST_F(timers, keepalive_overdue)
{
	establish(self->side);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	watch(self->side, 30 * SECOND, NULL);
	option(self->side, SOL_TCP, TCP_KEEPIDLE, 20);
	watch(self->side, 3 * SECOND, repeats);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "len 0"));
}

/* To ask for it once more changes nothing. */
TEST_F(timers, keepalive_twice)
{
	establish(self->side);
	option(self->side, SOL_TCP, TCP_KEEPIDLE, 60);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	watch(self->side, 30 * SECOND, NULL);
	option(self->side, SOL_SOCKET, SO_KEEPALIVE, 1);
	watch(self->side, 40 * SECOND, repeats);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "len 0"));
}

TEST_F(timers, fin_wait2)
{
	establish(self->side);
	fin_wait2(self->side);
	ask_until_gone(self->side, ACK, 1, 5 * MINUTE);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(timers, fin_wait2_by_setting)
{
	setting(self->side, "fin_timeout", "15");
	establish(self->side);
	fin_wait2(self->side);
	ask_until_gone(self->side, ACK, 1, 5 * MINUTE);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(timers, fin_wait2_by_option)
{
	establish(self->side);
	option(self->side, SOL_TCP, TCP_LINGER2, 20);
	fin_wait2(self->side);
	ask_until_gone(self->side, ACK, 1, 5 * MINUTE);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(timers, fin_wait2_longest)
{
	establish(self->side);
	option(self->side, SOL_TCP, TCP_LINGER2, 120);
	fin_wait2(self->side);
	ask_until_gone(self->side, ACK, 1, 5 * MINUTE);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(timers, fin_wait2_without)
{
	establish(self->side);
	option(self->side, SOL_TCP, TCP_LINGER2, -1);
	fin_wait2(self->side);
	ask_until_gone(self->side, ACK, 1, MINUTE);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(timers, time_wait)
{
	struct side *s;

	establish(self->side);
	for (s = self->side; s < self->side + 2; s++)
		close(s->listener);
	fin_wait2(self->side);
	say_both(self->side, FIN | ACK);
	ask_until_gone(self->side, SYN, 1000, 5 * MINUTE);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(timers, time_wait_begins_anew)
{
	struct side *s;

	establish(self->side);
	for (s = self->side; s < self->side + 2; s++)
		close(s->listener);
	fin_wait2(self->side);
	say_both(self->side, FIN | ACK);
	watch(self->side, 40 * SECOND, NULL);
	for (s = self->side; s < self->side + 2; s++) {
		s->snd--;
		say(s, FIN | ACK);
	}
	watch(self->side, SECOND, NULL);
	ask_until_gone(self->side, SYN, 1000, 5 * MINUTE);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_HARNESS_MAIN
