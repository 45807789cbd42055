// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of compress.c: which ACKs wait.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../compress.h"

#define HOLE	1000U

/* So many segments of one run in a row; how many of their ACKs are held. */
static u32 held_of(struct ferry_compress *c, u32 segs, u32 rcv_nxt, u32 max)
{
	u32 n = 0;

	while (segs--)
		n += ferry_compress_holds(c, rcv_nxt, false, max);
	return n;
}

static void compress_first_three_are_sent(struct kunit *test)
{
	struct ferry_compress c = { };

	KUNIT_EXPECT_EQ(test, 0, held_of(&c, 3, HOLE, 44));
	KUNIT_EXPECT_EQ(test, 1, held_of(&c, 1, HOLE, 44));
	KUNIT_EXPECT_EQ(test, 9, held_of(&c, 9, HOLE, 44));
	KUNIT_EXPECT_EQ(test, 10, c.held);
}

static void compress_no_more_than_allowed(struct kunit *test)
{
	struct ferry_compress c = { };

	KUNIT_EXPECT_EQ(test, 5, held_of(&c, 20, HOLE, 5));
	/* The one that is sent tells of them all, and five more may wait. */
	c.held = 0;
	KUNIT_EXPECT_EQ(test, 5, held_of(&c, 6, HOLE, 5));

	c = (struct ferry_compress){ };
	KUNIT_EXPECT_EQ(test, 0, held_of(&c, 20, HOLE, 0));
	/* The number must not wrap. */
	c = (struct ferry_compress){ };
	KUNIT_EXPECT_EQ(test, 255, held_of(&c, 1000, HOLE, 1000));
}

static void compress_each_hole_begins_anew(struct kunit *test)
{
	struct ferry_compress c = { };

	held_of(&c, 10, HOLE, 44);
	c.held = 0;
	KUNIT_EXPECT_EQ(test, 0, held_of(&c, 3, HOLE + 1, 44));
	KUNIT_EXPECT_EQ(test, 1, held_of(&c, 1, HOLE + 1, 44));
}

/* A run that one ACK tells of, and that is lost, would never be heard of. */
static void compress_tells_of_every_run(struct kunit *test)
{
	struct ferry_compress c = { };
	u32 i;

	held_of(&c, 3, HOLE, 44);
	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_FALSE(test, ferry_compress_holds(&c, HOLE, true,
							      44));
		c.held = 0;
		KUNIT_EXPECT_EQ(test, i, held_of(&c, i, HOLE, 44));
	}
}

static void compress_waits_for_a_part_of_a_round_trip(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, 500000, ferry_compress_delay_ns(10000, 0,
							      1000000));
	KUNIT_EXPECT_EQ(test, 250000, ferry_compress_delay_ns(10000, 5000,
							      1000000));
	KUNIT_EXPECT_EQ(test, 500000, ferry_compress_delay_ns(10000, 50000,
							      1000000));
	KUNIT_EXPECT_EQ(test, 1000000, ferry_compress_delay_ns(10000000, 0,
							       1000000));
	KUNIT_EXPECT_EQ(test, U32_MAX, ferry_compress_delay_ns(U32_MAX, 0,
							       U32_MAX));
	KUNIT_EXPECT_EQ(test, 0, ferry_compress_delay_ns(0, 5000, 1000000));
}

static struct kunit_case compress_cases[] = {
	KUNIT_CASE(compress_first_three_are_sent),
	KUNIT_CASE(compress_no_more_than_allowed),
	KUNIT_CASE(compress_each_hole_begins_anew),
	KUNIT_CASE(compress_tells_of_every_run),
	KUNIT_CASE(compress_waits_for_a_part_of_a_round_trip),
	{}
};

static struct kunit_suite compress_suite = {
	.name = "ferry_compress",
	.test_cases = compress_cases,
};

kunit_test_suites(&compress_suite);
