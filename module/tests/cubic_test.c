// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of cong/cubic.c: the window over time, against RFC 9438's formulas
 * worked out by hand.
 */
#include <kunit/test.h>
#include <linux/time64.h>

#include "../cong.h"

#define START_US	5000000ULL

/* A full window in congestion avoidance, and a loss behind it. */
static void start(struct ferry_cong *ca, u32 w_max)
{
	*ca = (struct ferry_cong){};
	ferry_cong_init(ca, 1000);
	ca->now_us = START_US;
	ferry_cong_use(ca, &ferry_cubic);
	ca->cwnd_limited = true;
	ca->snd_cwnd = w_max;
	ca->snd_ssthresh = ca->ops->ssthresh(ca);
	ca->snd_cwnd = ca->snd_ssthresh;
}

/* Until @ms after the start: an ACK for every segment, none at a time. */
static void run(struct ferry_cong *ca, u32 rtt_us, u64 ms)
{
	struct ferry_ack_sample sample = { .acked = 1, .acked_sacked = 1 };
	u64 end_us = START_US + ms * USEC_PER_MSEC;
	u32 i, flight;

	sample.rtt_us = rtt_us;
	while (ca->now_us < end_us) {
		flight = ca->snd_cwnd;
		for (i = 0; i < flight; i++) {
			ca->delivered++;
			ca->packets_out = ca->snd_cwnd;
			ca->now_us += rtt_us / flight;
			ca->ops->pkts_acked(ca, &sample);
			ca->ops->cong_avoid(ca, &sample);
		}
	}
}

static void cubic_reduces_to_seven_tenths(struct kunit *test)
{
	static const u32 want[][2] = {
		{ 1000, 700 }, { 10, 7 }, { 3, 2 }, { 2, 2 }, { 1, 2 },
		{ 2000000000, 1400000000 },
	};
	struct ferry_cong ca = {};
	unsigned int i;

	ferry_cong_init(&ca, 1000);
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		ca.snd_cwnd = want[i][0];
		ferry_cong_use(&ca, &ferry_cubic);
		KUNIT_EXPECT_EQ(test, ca.ops->ssthresh(&ca), want[i][1]);
	}
}

/*
 * W_max = 1000: K = cbrt(300 / 0.4) = 9.086 s.  W(K) = 1000, W(K - 4) = 974.4,
 * W(K + 4) = 1025.6.  The window trails the function by about a round trip.
 */
static void cubic_follows_the_function(struct kunit *test)
{
	struct ferry_cong ca;

	start(&ca, 1000);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 700U);
	run(&ca, 100000, 5086);
	KUNIT_EXPECT_GE(test, ca.snd_cwnd, 970U);
	KUNIT_EXPECT_LE(test, ca.snd_cwnd, 980U);
	run(&ca, 100000, 9086);
	KUNIT_EXPECT_GE(test, ca.snd_cwnd, 996U);
	KUNIT_EXPECT_LE(test, ca.snd_cwnd, 1001U);
	run(&ca, 100000, 13086);
	KUNIT_EXPECT_GE(test, ca.snd_cwnd, 1018U);
	KUNIT_EXPECT_LE(test, ca.snd_cwnd, 1028U);
}

/* Fast at first, flat around W_max, fast again. */
static void cubic_is_concave_then_convex(struct kunit *test)
{
	u32 growth[6], before, i;
	struct ferry_cong ca;

	start(&ca, 1000);
	run(&ca, 100000, 300);
	for (i = 0; i < 6; i++) {
		before = ca.snd_cwnd;
		run(&ca, 100000, 300 + (i + 1) * 3000);
		growth[i] = ca.snd_cwnd - before;
	}
	KUNIT_EXPECT_GT(test, growth[0], growth[1]);
	KUNIT_EXPECT_GT(test, growth[1], growth[2]);
	KUNIT_EXPECT_LT(test, growth[3], growth[4]);
	KUNIT_EXPECT_LT(test, growth[4], growth[5]);
}

/* The time counts, not the round trips: four times as many, the same window. */
static void cubic_does_not_depend_on_the_rtt(struct kunit *test)
{
	struct ferry_cong near, far;

	start(&near, 2000);
	start(&far, 2000);
	run(&near, 50000, 8000);
	run(&far, 200000, 8000);
	KUNIT_EXPECT_LE(test, abs((int)(near.snd_cwnd - far.snd_cwnd)), 20);
}

/*
 * On a short path it is as fast as Reno with its own factor: from 28, 9/17 of
 * a segment in a round trip of 1 ms to the 40 of the last loss, then one.
 */
static void cubic_is_not_slower_than_reno(struct kunit *test)
{
	struct ferry_cong ca;

	start(&ca, 40);
	run(&ca, 1000, 10);
	KUNIT_EXPECT_GE(test, ca.snd_cwnd, 31U);
	KUNIT_EXPECT_LE(test, ca.snd_cwnd, 34U);
	run(&ca, 1000, 60);
	KUNIT_EXPECT_GE(test, ca.snd_cwnd, 68U);
	KUNIT_EXPECT_LE(test, ca.snd_cwnd, 80U);
}

/* A second loss below the first: W_max = 0.85 of it, and so K is shorter. */
static void cubic_fast_convergence_leaves_room(struct kunit *test)
{
	struct ferry_cong slow, fast;

	start(&slow, 700);
	start(&fast, 1000);
	KUNIT_EXPECT_EQ(test, fast.ops->ssthresh(&fast), 490U);
	fast.snd_ssthresh = 490;
	fast.snd_cwnd = 490;
	/* Flat around 595 and around 700. */
	run(&fast, 100000, 7000);
	run(&slow, 100000, 7000);
	KUNIT_EXPECT_LE(test, fast.snd_cwnd, 615U);
	KUNIT_EXPECT_GE(test, fast.snd_cwnd, 585U);
	KUNIT_EXPECT_GE(test, slow.snd_cwnd, 680U);
}

/* However long ago the loss: half a window in a round trip at most. */
static void cubic_growth_has_a_bound(struct kunit *test)
{
	struct ferry_ack_sample sample = { .acked_sacked = 100 };
	struct ferry_cong ca;

	start(&ca, 100);
	ca.ops->cong_avoid(&ca, &sample);
	ca.now_us += 3600ULL * USEC_PER_SEC;
	ca.snd_cwnd = 100;
	ca.snd_cwnd_cnt = 0;
	ca.ops->cong_avoid(&ca, &sample);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 150U);
}

/* Idle time is not growth: the epoch moves along. */
static void cubic_idle_does_not_count(struct kunit *test)
{
	struct ferry_cong ca, idle;

	start(&ca, 1000);
	run(&ca, 100000, 3000);
	idle = ca;
	/* More than 32 bits of microseconds. */
	idle.now_us += 7200ULL * USEC_PER_SEC;
	ferry_cong_event(&idle, FERRY_CA_EVENT_TX_START);
	run(&ca, 100000, 4000);
	run(&idle, 100000, 7204000);
	KUNIT_EXPECT_LE(test, abs((int)(ca.snd_cwnd - idle.snd_cwnd)), 3);
}

static void cubic_application_limited_does_not_grow(struct kunit *test)
{
	struct ferry_ack_sample sample = { .acked_sacked = 100 };
	struct ferry_cong ca;

	start(&ca, 100);
	ca.cwnd_limited = false;
	ca.now_us += 10 * USEC_PER_SEC;
	ca.ops->cong_avoid(&ca, &sample);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 70U);
}

/* After a time-out nothing is known: slow start to the threshold, 5 % then. */
static void cubic_timeout_forgets(struct kunit *test)
{
	struct ferry_cong ca;
	u32 before;

	start(&ca, 1000);
	ca.ops->set_state(&ca, FERRY_CA_LOSS);
	ca.snd_cwnd = 1;
	run(&ca, 100000, 1200);
	KUNIT_EXPECT_GE(test, ca.snd_cwnd, 700U);
	before = ca.snd_cwnd;
	run(&ca, 100000, 1300);
	KUNIT_EXPECT_GE(test, ca.snd_cwnd, before * 104 / 100);
	KUNIT_EXPECT_LE(test, ca.snd_cwnd, before * 111 / 100);
}

/* Slow start is HyStart++'s: a growing round-trip time ends it. */
static void cubic_slow_start_ends_without_loss(struct kunit *test)
{
	struct ferry_cong ca = {};
	u64 ms = 0;

	ferry_cong_init(&ca, 1000);
	ca.now_us = START_US;
	ferry_cong_use(&ca, &ferry_cubic);
	ca.cwnd_limited = true;
	while (ms < 500)
		run(&ca, 100000, ms += 100);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 320U);
	while (ms < 1500)
		run(&ca, 120000, ms += 120);
	KUNIT_EXPECT_LT(test, ca.snd_ssthresh, FERRY_SSTHRESH_MAX);
}

static struct kunit_case cubic_cases[] = {
	KUNIT_CASE(cubic_reduces_to_seven_tenths),
	KUNIT_CASE(cubic_follows_the_function),
	KUNIT_CASE(cubic_is_concave_then_convex),
	KUNIT_CASE(cubic_does_not_depend_on_the_rtt),
	KUNIT_CASE(cubic_is_not_slower_than_reno),
	KUNIT_CASE(cubic_fast_convergence_leaves_room),
	KUNIT_CASE(cubic_growth_has_a_bound),
	KUNIT_CASE(cubic_idle_does_not_count),
	KUNIT_CASE(cubic_application_limited_does_not_grow),
	KUNIT_CASE(cubic_timeout_forgets),
	KUNIT_CASE(cubic_slow_start_ends_without_loss),
	{}
};

static struct kunit_suite cubic_suite = {
	.name = "ferry_cubic",
	.test_cases = cubic_cases,
};

kunit_test_suites(&cubic_suite);
