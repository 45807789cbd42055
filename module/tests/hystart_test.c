// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of cong/hystart.c: round trips with given times, one after the other.
 */
#include <kunit/test.h>

#include "../cong/hystart.h"

struct path {
	struct ferry_hystart hs;
	struct ferry_cong ca;
};

static void start(struct path *path)
{
	*path = (struct path){};
	path->ca.snd_cwnd = 10;
	path->ca.snd_ssthresh = FERRY_SSTHRESH_MAX;
	path->ca.packets_out = 10;
	ferry_hystart_init(&path->hs, &path->ca);
}

/* One round trip, an ACK for each segment: the window grows as it may. */
static void round_trip(struct path *path, u32 rtt_us)
{
	struct ferry_cong *ca = &path->ca;
	u32 end = path->hs.round_end;

	while (path->hs.round_end == end && ferry_cong_in_slow_start(ca)) {
		ca->delivered++;
		ca->packets_out = ca->snd_cwnd - 1;
		ferry_hystart_ack(&path->hs, ca, rtt_us);
		ca->snd_cwnd += ferry_hystart_growth(&path->hs, 1);
	}
}

static void hystart_steady_rtt_is_slow_start(struct kunit *test)
{
	struct path path;
	u32 i;

	start(&path);
	for (i = 0; i < 10; i++)
		round_trip(&path, 50000);
	/* One segment for each that was acknowledged. */
	KUNIT_EXPECT_EQ(test, path.ca.snd_cwnd, 10 + path.ca.delivered);
	KUNIT_EXPECT_GT(test, path.ca.snd_cwnd, 5000U);
	KUNIT_EXPECT_TRUE(test, ferry_cong_in_slow_start(&path.ca));
}

/* A queue grows: a quarter of the speed for five rounds, and out. */
static void hystart_growing_rtt_ends_slow_start(struct kunit *test)
{
	u32 before, acked, i, rtt_us = 50000;
	struct path path;

	start(&path);
	for (i = 0; i < 4; i++)
		round_trip(&path, rtt_us);
	KUNIT_EXPECT_EQ(test, (u32)path.hs.css_rounds, 0U);
	rtt_us += rtt_us / 8;
	before = path.ca.snd_cwnd;
	acked = path.ca.delivered;
	round_trip(&path, rtt_us);
	acked = path.ca.delivered - acked;
	KUNIT_EXPECT_GT(test, (u32)path.hs.css_rounds, 0U);
	/* Seven segments at full speed, before the eighth sample told. */
	KUNIT_EXPECT_EQ(test, path.ca.snd_cwnd, before + 7 + (acked - 7) / 4);
	for (i = 0; i < 3; i++)
		round_trip(&path, rtt_us);
	KUNIT_EXPECT_TRUE(test, ferry_cong_in_slow_start(&path.ca));
	round_trip(&path, rtt_us);
	KUNIT_EXPECT_FALSE(test, ferry_cong_in_slow_start(&path.ca));
	KUNIT_EXPECT_LT(test, path.ca.snd_cwnd, before * 4);
}

static void hystart_less_than_an_eighth_is_nothing(struct kunit *test)
{
	struct path path;
	u32 i;

	start(&path);
	for (i = 0; i < 4; i++)
		round_trip(&path, 80000);
	round_trip(&path, 89999);
	KUNIT_EXPECT_EQ(test, (u32)path.hs.css_rounds, 0U);
	round_trip(&path, 89999 + 80000 / 8 + 1250);
	KUNIT_EXPECT_GT(test, (u32)path.hs.css_rounds, 0U);
}

/* On short paths an eighth is noise: 4 ms at least; on long ones 16 at most. */
static void hystart_threshold_has_bounds(struct kunit *test)
{
	struct path path;

	start(&path);
	round_trip(&path, 1000);
	round_trip(&path, 4999);
	KUNIT_EXPECT_EQ(test, (u32)path.hs.css_rounds, 0U);
	round_trip(&path, 8999);
	KUNIT_EXPECT_GT(test, (u32)path.hs.css_rounds, 0U);

	start(&path);
	round_trip(&path, 400000);
	round_trip(&path, 415999);
	KUNIT_EXPECT_EQ(test, (u32)path.hs.css_rounds, 0U);
	round_trip(&path, 431999);
	KUNIT_EXPECT_GT(test, (u32)path.hs.css_rounds, 0U);
}

static void hystart_jitter_is_forgiven(struct kunit *test)
{
	struct path path;
	u32 i, before, acked;

	start(&path);
	for (i = 0; i < 3; i++)
		round_trip(&path, 50000);
	round_trip(&path, 60000);
	KUNIT_EXPECT_GT(test, (u32)path.hs.css_rounds, 0U);
	round_trip(&path, 50000);
	KUNIT_EXPECT_EQ(test, (u32)path.hs.css_rounds, 0U);
	before = path.ca.snd_cwnd;
	acked = path.ca.delivered;
	round_trip(&path, 50000);
	KUNIT_EXPECT_EQ(test, path.ca.snd_cwnd - before,
			path.ca.delivered - acked);
}

/* Seven bad samples and a good one: the smallest counts. */
static void hystart_wants_eight_samples(struct kunit *test)
{
	struct path path;
	u32 i;

	start(&path);
	for (i = 0; i < 3; i++)
		round_trip(&path, 50000);
	for (i = 0; i < 7; i++)
		ferry_hystart_ack(&path.hs, &path.ca, 90000);
	KUNIT_EXPECT_EQ(test, (u32)path.hs.css_rounds, 0U);
	ferry_hystart_ack(&path.hs, &path.ca, 50000);
	KUNIT_EXPECT_EQ(test, (u32)path.hs.css_rounds, 0U);
	/* An ACK without a time is no sample. */
	round_trip(&path, 0);
	KUNIT_EXPECT_EQ(test, (u32)path.hs.css_rounds, 0U);
}

static struct kunit_case hystart_cases[] = {
	KUNIT_CASE(hystart_steady_rtt_is_slow_start),
	KUNIT_CASE(hystart_growing_rtt_ends_slow_start),
	KUNIT_CASE(hystart_less_than_an_eighth_is_nothing),
	KUNIT_CASE(hystart_threshold_has_bounds),
	KUNIT_CASE(hystart_jitter_is_forgiven),
	KUNIT_CASE(hystart_wants_eight_samples),
	{}
};

static struct kunit_suite hystart_suite = {
	.name = "ferry_hystart",
	.test_cases = hystart_cases,
};

kunit_test_suites(&hystart_suite);
