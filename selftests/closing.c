// SPDX-License-Identifier: GPL-2.0-only
/*
 * What close() leaves behind: lingering, data that was not read or not sent,
 * connections without a descriptor, TIME_WAIT, and how many of them there may
 * be.
 *
 * Runs with --reproducible on user-mode Linux only, see sides.h.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "sides.h"

/* Virtual time. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT (7 * 86400)

FIXTURE(closing) {
	struct side side[2];
};

FIXTURE_VARIANT(closing) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(closing, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(closing, v6) { .fam = V6 };

FIXTURE_SETUP(closing)
{
	sides_open(self->side, variant->fam);
}

FIXTURE_TEARDOWN(closing)
{
	sides_close(self->side);
}

static void linger(struct side *side, int seconds)
{
	struct linger l = { .l_onoff = 1, .l_linger = seconds };
	struct side *s;

	for (s = side; s < side + 2; s++)
		if (setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)))
			die("SO_LINGER");
}

TEST_F(closing, linger_zero_resets)
{
	establish(self->side);
	send_bytes(self->side, 10);
	linger(self->side, 0);
	close_and_wait(self->side);
	watch(self->side, MINUTE, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(closing, linger_ends_in_time)
{
	establish(self->side);
	send_bytes(self->side, 10);
	linger(self->side, 7);
	close_and_wait(self->side);
	watch(self->side, 10 * MINUTE, NULL);
	ask(self->side);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "close returns"));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

TEST_F(closing, linger_ends_when_all_is_acknowledged)
{
	establish(self->side);
	send_bytes(self->side, 10);
	linger(self->side, 60);
	close_and_wait(self->side);
	watch(self->side, 3 * SECOND, NULL);
	watch(self->side, 10 * SECOND, acknowledges);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "close returns"));
}

TEST_F(closing, unread_data_resets)
{
	struct segment out, in;
	struct side *s;

	establish(self->side);
	for (s = self->side; s < self->side + 2; s++) {
		out = segment(s, ACK | PSH);
		out.len = 10;
		wire_send(&s->w, &out);
		s->snd += 10;
		take(s, &in, ACK);
	}
	linger(self->side, 60);
	close_and_wait(self->side);
	watch(self->side, MINUTE, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
}

/* Ours may come and carry the ACK, so it waits a little. */
TEST_F(closing, a_fin_is_acknowledged_soon)
{
	establish(self->side);
	say_both(self->side, FIN | ACK);
	watch(self->side, SECOND, NULL);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "ACK"));
}

TEST_F(closing, a_fin_is_acknowledged_by_ours)
{
	establish(self->side);
	say_both(self->side, FIN | ACK);
	close_all(self->side);
	watch(self->side, SECOND, acknowledges);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "FIN|ACK"));
}

/* Everything that was written arrives, and then the FIN. */
TEST_F(closing, unsent_data_is_sent)
{
	establish_with_a_byte(self->side);
	window_of(self->side, 0);
	say_both(self->side, ACK);
	send_bytes(self->side, 1500);
	close_all(self->side);
	watch(self->side, 10 * SECOND, repeats);
	window_of(self->side, 60000);
	say_both(self->side, ACK);
	watch(self->side, 10 * SECOND, acknowledges);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "FIN|PSH|ACK seq 1001 len 500"));
}

/* TCP's limit is the host's, and only the first namespace shows it. */
static void allow_orphans(struct side *side, int first_ns, const char *value)
{
	struct side host = { .ns = first_ns };

	enter(&host);
	set_sysctl(IPPROTO_TCP, "max_orphans", value);
	enter(&side[1]);
	if (side[1].w.proto != IPPROTO_TCP)
		set_sysctl(ferry(), "max_orphans", value);
}

FIXTURE(orphans) {
	struct side side[2];
	int first_ns;
	char limit[32];
};

FIXTURE_SETUP(orphans)
{
	self->first_ns = open("/proc/thread-self/ns/net",
			      O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->first_ns);
	ASSERT_TRUE(read_file("/proc/sys/net/ipv4/tcp_max_orphans",
			      self->limit, sizeof(self->limit)));
	sides_open(self->side, V4);
}

FIXTURE_TEARDOWN(orphans)
{
	allow_orphans(self->side, self->first_ns, self->limit);
	sides_close(self->side);
}

TEST_F(orphans, one_too_many_is_reset_when_its_timer_expires)
{
	establish(self->side);
	send_bytes(self->side, 10);
	close_all(self->side);
	watch(self->side, 2 * SECOND, NULL);
	allow_orphans(self->side, self->first_ns, "0");
	watch(self->side, HOUR, NULL);
	ask(self->side);
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST|ACK"));
}

TEST_F(orphans, one_too_many_is_reset_when_it_is_closed)
{
	int i;

	for (i = 0; i < 2; i++) {
		self->side[0].mine++;
		self->side[1].mine++;
		establish(self->side);
		send_bytes(self->side, 10);
		close_all(self->side);
		/* TCP counts its orphans ten times a second. */
		watch(self->side, 250, NULL);
		allow_orphans(self->side, self->first_ns, "0");
	}
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST|ACK"));
}

static void time_wait(struct side *side)
{
	struct segment in;

	establish(side);
	close(side[0].listener);
	close(side[1].listener);
	fin_wait2(side);
	say_both(side, FIN | ACK);
	/* An ACK, or a RST if there is no room for it in TIME_WAIT. */
	wire_await(&side[0].w, &in);
	wire_await(&side[1].w, &in);
}

TEST_F(closing, time_wait_has_a_limit)
{
	struct side then[4][2];
	unsigned int i;

	setting(self->side, "max_tw_buckets", "2");
	for (i = 0; i < ARRAY_SIZE(then); i++) {
		self->side[0].mine++;
		self->side[1].mine++;
		time_wait(self->side);
		memcpy(then[i], self->side, sizeof(then[i]));
	}
	sides_start();
	for (i = 0; i < ARRAY_SIZE(then); i++) {
		int k;

		for (k = 0; k < 2; k++) {
			struct side *s = &self->side[k];

			s->mine = then[i][k].mine;
			s->port = then[i][k].port;
			s->snd = then[i][k].snd;
			s->rcv = then[i][k].rcv;
			s->their_iss = then[i][k].their_iss;
		}
		note(&self->side[0].log, "connection %u", i);
		note(&self->side[1].log, "connection %u", i);
		ask_until_gone(self->side, SYN, 1000, 1);
	}
	EXPECT_TRUE(sides_same(self->side));
	EXPECT_TRUE(sides_saw(self->side, "RST"));
	EXPECT_TRUE(sides_saw(self->side, "ACK seq 2"));
}

TEST_HARNESS_MAIN
