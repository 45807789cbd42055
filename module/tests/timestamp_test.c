// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timestamps: which segment is older or newer than the last (RFC 7323 section
 * 5, RFC 6191).
 */
#include <kunit/test.h>

#include "../segment.h"

static void order_of_timestamps_across_the_wrap(struct kunit *test)
{
	static const u32 last[] = { 5, 0x7fffffff, 0x80000000, 0xffffffff };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(last); i++) {
		KUNIT_EXPECT_EQ(test, ferry_ts_compare(last[i], last[i], 0), 0);
		KUNIT_EXPECT_EQ(test, ferry_ts_compare(last[i] + 1, last[i], 0),
				1);
		KUNIT_EXPECT_EQ(test, ferry_ts_compare(last[i] - 1, last[i], 0),
				-1);
		KUNIT_EXPECT_EQ(test, ferry_ts_compare(last[i] + S32_MAX,
						       last[i], 0), 1);
		KUNIT_EXPECT_EQ(test, ferry_ts_compare(last[i] - S32_MAX,
						       last[i], 0), -1);
	}
}

static void nothing_is_older_than_no_timestamp(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ferry_ts_compare(0xfffffff0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, ferry_ts_compare(1, 0, 0), 1);
}

static void nothing_is_older_after_24_days(struct kunit *test)
{
	const u32 age = 24 * 24 * 3600;

	KUNIT_EXPECT_EQ(test, ferry_ts_compare(99, 100, age - 1), -1);
	KUNIT_EXPECT_EQ(test, ferry_ts_compare(99, 100, age), 0);
	KUNIT_EXPECT_EQ(test, ferry_ts_compare(101, 100, age), 1);
}

static void slack_forgives_so_many_ticks(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, ferry_ts_older(99, 100, 0, 1));
	KUNIT_EXPECT_TRUE(test, ferry_ts_older(98, 100, 0, 1));
	KUNIT_EXPECT_TRUE(test, ferry_ts_older(99, 100, 0, 0));
	KUNIT_EXPECT_FALSE(test, ferry_ts_older(0xfffffff0, 0x50, 0, 0x60));
	KUNIT_EXPECT_TRUE(test, ferry_ts_older(0xffffffef, 0x50, 0, 0x60));
}

static struct kunit_case timestamp_cases[] = {
	KUNIT_CASE(order_of_timestamps_across_the_wrap),
	KUNIT_CASE(nothing_is_older_than_no_timestamp),
	KUNIT_CASE(nothing_is_older_after_24_days),
	KUNIT_CASE(slack_forgives_so_many_ticks),
	{}
};

static struct kunit_suite timestamp_suite = {
	.name = "ferry_timestamp",
	.test_cases = timestamp_cases,
};

kunit_test_suites(&timestamp_suite);
