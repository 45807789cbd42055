// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of mtu_search.c: over every path that there is, the search ends with
 * what the path carries, and asks few questions.
 */
#include <kunit/test.h>
#include <linux/log2.h>

#include "../compat.h"
#include "../mtu_search.h"

#define BASE		1076
#define THRESHOLD	8

/* Search on a path that carries @mtu; returns the number of probes. */
static int search(struct kunit *test, struct ferry_mtu_search *s, u32 mtu)
{
	u32 size, passed = s->low;
	int probes = 0;

	while ((size = ferry_mtu_search_next(s, THRESHOLD))) {
		KUNIT_EXPECT_GE(test, size, passed);
		KUNIT_EXPECT_LE(test, size, s->high);
		ferry_mtu_search_sent(s, size, 1, 1 + size);
		/* One at a time. */
		KUNIT_EXPECT_EQ(test, ferry_mtu_search_next(s, THRESHOLD), 0U);
		if (size <= mtu) {
			ferry_mtu_search_passed(s);
			passed = size;
		} else {
			ferry_mtu_search_lost(s);
		}
		if (++probes > 32)
			break;
	}
	return probes;
}

static void mtu_search_finds_what_every_path_carries(struct kunit *test)
{
	struct ferry_mtu_search s;
	u32 mtu;

	for (mtu = BASE; mtu <= 9000; mtu++) {
		ferry_mtu_search_begin(&s, BASE, 9000, 7);
		KUNIT_EXPECT_LE(test, search(test, &s, mtu),
				(int)ilog2(9000 - BASE) + 1);
		KUNIT_EXPECT_LE(test, s.low, mtu);
		KUNIT_EXPECT_GT(test, s.low + THRESHOLD, mtu);
		KUNIT_EXPECT_EQ(test, s.since, 7U);
	}
}

static void mtu_search_needs_a_range(struct kunit *test)
{
	struct ferry_mtu_search s;

	ferry_mtu_search_begin(&s, BASE, BASE + THRESHOLD - 1, 0);
	KUNIT_EXPECT_EQ(test, ferry_mtu_search_next(&s, THRESHOLD), 0U);
	ferry_mtu_search_begin(&s, BASE, BASE + THRESHOLD, 0);
	KUNIT_EXPECT_EQ(test, ferry_mtu_search_next(&s, THRESHOLD),
			BASE + THRESHOLD / 2U);
	/* The base is too much for a small device. */
	ferry_mtu_search_begin(&s, BASE, 576, 0);
	KUNIT_EXPECT_EQ(test, s.low, 576U);
	KUNIT_EXPECT_EQ(test, ferry_mtu_search_next(&s, THRESHOLD), 0U);
}

static void mtu_search_obeys_the_route(struct kunit *test)
{
	struct ferry_mtu_search s;

	ferry_mtu_search_begin(&s, BASE, 9000, 0);
	KUNIT_EXPECT_EQ(test, ferry_mtu_search_limit(&s, 9000), (u32)BASE);
	/* A router has spoken after all. */
	KUNIT_EXPECT_EQ(test, ferry_mtu_search_limit(&s, 1400), (u32)BASE);
	KUNIT_EXPECT_EQ(test, s.high, 1400U);
	KUNIT_EXPECT_EQ(test, ferry_mtu_search_limit(&s, 576), 576U);
	KUNIT_EXPECT_EQ(test, ferry_mtu_search_next(&s, THRESHOLD), 0U);
	/* What it allows later has to be found out by another search. */
	KUNIT_EXPECT_EQ(test, ferry_mtu_search_limit(&s, 9000), (u32)BASE);
	KUNIT_EXPECT_EQ(test, s.high, 576U);
}

static void mtu_search_halves_in_a_black_hole(struct kunit *test)
{
	struct ferry_mtu_search s;

	ferry_mtu_search_begin(&s, 9000, 9000, 0);
	ferry_mtu_search_black_hole(&s, 52, 1024, 48);
	KUNIT_EXPECT_EQ(test, s.low, 1024U + 52);
	ferry_mtu_search_black_hole(&s, 52, 1024, 48);
	KUNIT_EXPECT_EQ(test, s.low, 512U + 52);
	ferry_mtu_search_black_hole(&s, 52, 1024, 300);
	KUNIT_EXPECT_EQ(test, s.low, 300U + 52);
	ferry_mtu_search_black_hole(&s, 52, 1024, 48);
	ferry_mtu_search_black_hole(&s, 52, 1024, 48);
	ferry_mtu_search_black_hole(&s, 52, 1024, 48);
	KUNIT_EXPECT_EQ(test, s.low, 48U + 52);
	/* It may be right again one day. */
	search(test, &s, 1400);
	KUNIT_EXPECT_LE(test, s.low, 1400U);
	KUNIT_EXPECT_GT(test, s.low + THRESHOLD, 1400U);
}

static struct kunit_case mtu_search_cases[] = {
	KUNIT_CASE(mtu_search_finds_what_every_path_carries),
	KUNIT_CASE(mtu_search_needs_a_range),
	KUNIT_CASE(mtu_search_obeys_the_route),
	KUNIT_CASE(mtu_search_halves_in_a_black_hole),
	{}
};

static struct kunit_suite mtu_search_suite = {
	.name = "ferry_mtu_search",
	.test_cases = mtu_search_cases,
};

kunit_test_suites(&mtu_search_suite);
