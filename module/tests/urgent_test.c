// SPDX-License-Identifier: GPL-2.0-only
/*
 * The urgent pointer: what is sent, and what a received one means.
 */
#include <kunit/test.h>

#include "../urgent.h"

static void pointer_is_the_distance_to_what_comes_after(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ferry_urgent_pointer(100, 101, 100), 1);
	KUNIT_EXPECT_EQ(test, ferry_urgent_pointer(100, 200, 100), 100);
	KUNIT_EXPECT_EQ(test, ferry_urgent_pointer(0xfffffff0, 0x10,
						   0xfffffff0), 0x20);
}

static void no_pointer_at_or_after_the_urgent_byte(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ferry_urgent_pointer(100, 100, 100), 0);
	KUNIT_EXPECT_EQ(test, ferry_urgent_pointer(101, 100, 200), 0);
}

/* Of what is further away than 16 bits say, the last segments tell. */
static void far_urgent_byte_is_announced_by_the_last_segments(struct kunit *t)
{
	KUNIT_EXPECT_EQ(t, ferry_urgent_pointer(0, 0xffff, 0), 0xffff);
	KUNIT_EXPECT_EQ(t, ferry_urgent_pointer(0, 0x10000, 0), 0xffff);
	KUNIT_EXPECT_EQ(t, ferry_urgent_pointer(0, 0x20000, 0xfffe), 0xffff);
	KUNIT_EXPECT_EQ(t, ferry_urgent_pointer(0, 0x20000, 0xffff), 0);
}

static void received_pointer_names_the_byte_before_it(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ferry_urgent_byte(100, 1, false), 100);
	KUNIT_EXPECT_EQ(test, ferry_urgent_byte(100, 1, true), 101);
	KUNIT_EXPECT_EQ(test, ferry_urgent_byte(100, 0, false), 100);
	KUNIT_EXPECT_EQ(test, ferry_urgent_byte(0xffffffff, 3, false), 1);
}

static void only_a_later_byte_is_news(struct kunit *test)
{
	struct ferry_urgent u = { .seq = 500 };

	KUNIT_EXPECT_TRUE(test, ferry_urgent_is_news(&u, 500, 400, 500));
	KUNIT_EXPECT_TRUE(test, ferry_urgent_is_news(&u, 600, 400, 500));
	KUNIT_EXPECT_FALSE(test, ferry_urgent_is_news(&u, 499, 400, 500));
	KUNIT_EXPECT_FALSE(test, ferry_urgent_is_news(&u, 399, 400, 300));
	u.data = FERRY_URGENT_AWAITED;
	KUNIT_EXPECT_FALSE(test, ferry_urgent_is_news(&u, 500, 400, 450));
	KUNIT_EXPECT_TRUE(test, ferry_urgent_is_news(&u, 501, 400, 450));
}

static void mark_is_where_the_urgent_byte_is_next(struct kunit *test)
{
	struct ferry_urgent u = { .seq = 500 };

	KUNIT_EXPECT_FALSE(test, ferry_urgent_at_mark(&u, 500));
	u.data = FERRY_URGENT_READ;
	KUNIT_EXPECT_TRUE(test, ferry_urgent_at_mark(&u, 500));
	KUNIT_EXPECT_FALSE(test, ferry_urgent_at_mark(&u, 499));
}

static struct kunit_case urgent_cases[] = {
	KUNIT_CASE(pointer_is_the_distance_to_what_comes_after),
	KUNIT_CASE(no_pointer_at_or_after_the_urgent_byte),
	KUNIT_CASE(far_urgent_byte_is_announced_by_the_last_segments),
	KUNIT_CASE(received_pointer_names_the_byte_before_it),
	KUNIT_CASE(only_a_later_byte_is_news),
	KUNIT_CASE(mark_is_where_the_urgent_byte_is_next),
	{}
};

static struct kunit_suite urgent_suite = {
	.name = "ferry_urgent",
	.test_cases = urgent_cases,
};

kunit_test_suites(&urgent_suite);
