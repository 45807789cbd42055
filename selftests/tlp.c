// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tail loss probe (RFC 8985 section 7): when it goes out, and what its
 * answers tell.
 *
 * Runs with --reproducible on user-mode Linux only: there a round trip takes
 * what the peer waits, and clock and ticks never stand still.
 */
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ktest.h"
#include "play.h"

#define RTT_US		3000
/* What the probe waits beyond two round trips, so as not to meet the ACK. */
#define SLACK_US	2000

FIXTURE(tlp) {
	struct transcript log[2];
};

FIXTURE_VARIANT(tlp) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(tlp, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(tlp, v6) { .fam = V6 };

FIXTURE_SETUP(tlp)
{
}

FIXTURE_TEARDOWN(tlp)
{
}

/* Two segments are sent and come. */
static void two_come(struct __test_metadata *_metadata, struct play *pl)
{
	struct segment r;

	ASSERT_TRUE(send_stream(pl->fd, 2, 0, 2000));
	wire_await(&pl->w, &r);
	EXPECT_EQ(pl->rcv, r.seq);
	wire_await(&pl->w, &r);
	EXPECT_EQ(pl->rcv + 2000, r.seq + r.len);
}

/* That was all, and if one came twice, both have arrived: nothing was lost. */
static void say_twice(struct play *pl)
{
	usleep(RTT_US);
	pl->rcv += 2000;
	say(pl, ACK);
	say(pl, ACK);
}

/* The length of a tick. */
static long long tick_us(void)
{
	struct timespec ts;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &ts))
		die("no length of a tick");
	return ts.tv_nsec / 1000;
}

/* A connection whose round trip is known. */
static void warm_up(struct __test_metadata *_metadata, struct play *pl)
{
	struct segment r;
	int k;

	open_by_peer(pl, MSS | SACKOK);
	/* The SYN-ACK's round trip took nothing; a probe or two comes of that. */
	for (k = 0; k < 100; k++) {
		two_come(_metadata, pl);
		say_twice(pl);
		while (wire_recv(&pl->w, &r, 0))
			;
	}
}

/* Two segments are not acknowledged; when does the second come again? */
static long long probed_after(struct __test_metadata *_metadata,
			      struct play *pl)
{
	long long start = now_us();
	struct segment r;

	two_come(_metadata, pl);
	wire_await(&pl->w, &r);
	EXPECT_EQ(pl->rcv + 2000, r.seq + r.len);
	return now_us() - start;
}

/*
 * The kernel's timers count ticks.  One that stands from the segments before
 * may expire while the last tick of the wait is under way, which is too early.
 */
PLAY(tlp, waits_for_two_round_trips, false)
{
	const long long least = 2 * RTT_US + SLACK_US;
	long long waited;
	int k;

	warm_up(_metadata, pl);
	for (k = 0; k < 40; k++) {
		two_come(_metadata, pl);
		say_twice(pl);
		/* Somewhere else between two ticks each time. */
		usleep(k % 20 * 700);
		waited = probed_after(_metadata, pl);
		EXPECT_LE(least, waited)
			TH_LOG("%s, round %d", proto_name(pl->w.proto), k);
		EXPECT_GE(least + 2 * tick_us(), waited)
			TH_LOG("%s, round %d", proto_name(pl->w.proto), k);
		say_twice(pl);
	}
}

/*
 * A second ACK tells a sender that hears nothing of D-SACK that its probe
 * repaired nothing (section 7.4.2), although nothing is under way any more.
 * So the window stays, and what follows has a probe of its own.
 */
PLAY(tlp, second_ack_tells_that_nothing_was_lost, false)
{
	struct tcp_info info;
	int k;

	warm_up(_metadata, pl);
	for (k = 0; k < 5; k++) {
		EXPECT_GE(2 * RTT_US + SLACK_US + 2 * tick_us(),
			  probed_after(_metadata, pl));
		say_twice(pl);
	}
	read_tcp_info(pl->fd, &info, sizeof(info));
	EXPECT_LE(0x7fffffff, info.tcpi_snd_ssthresh);
	EXPECT_EQ(5, info.tcpi_total_retrans);
}

TEST_HARNESS_MAIN
