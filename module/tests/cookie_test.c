// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of cookie.c: what goes in comes out, for as long as it should, and
 * nothing else does.
 */
#include <kunit/test.h>

#include "../compat.h"
#include "../cookie.h"
#include "../segment.h"

static const struct ferry_cookie_key key = {
	.base = { { 0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL } },
	.mac = { { 0x1716151413121110ULL, 0x1f1e1d1c1b1a1918ULL } },
};

/* Periods around every place where a counter of 8 or 32 bits wraps. */
static const u32 periods[] = {
	0, 1, 2, 127, 128, 254, 255, 256, 257, 511, 512, 29000000,
	U32_MAX - 1, U32_MAX,
};

static void mss_never_more_than_announced(struct kunit *test)
{
	u32 mss, last = 0;

	for (mss = FERRY_MSS_MIN; mss <= U16_MAX; mss++) {
		u16 carried = ferry_cookie_mss(mss);

		KUNIT_ASSERT_LE(test, (u32)carried, mss);
		KUNIT_ASSERT_GE(test, (u32)carried, last);
		KUNIT_ASSERT_EQ(test, ferry_cookie_mss(carried), carried);
		last = carried;
	}
	KUNIT_EXPECT_EQ(test, ferry_cookie_mss(0), FERRY_MSS_MIN);
}

static void mss_usual_ones_unchanged(struct kunit *test)
{
	static const u16 usual[] = { 536, 1220, 1440, 1460 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(usual); i++)
		KUNIT_EXPECT_EQ(test, ferry_cookie_mss(usual[i]), usual[i]);
}

static void check_accepts_what_make_made(struct kunit *test)
{
	u32 i, mss, age, isn, tuple;

	for (i = 0; i < ARRAY_SIZE(periods); i++) {
		for (mss = FERRY_MSS_MIN; mss < 10000; mss += 111) {
			isn = 0x9e3779b9U * (mss + i);
			tuple = 0x85ebca6bU * (mss ^ i);
			for (age = 0; age < FERRY_COOKIE_AGE_MAX; age++) {
				u32 c = ferry_cookie_make(&key, tuple, isn,
							  periods[i], mss);

				KUNIT_ASSERT_EQ(test,
						ferry_cookie_check(&key, tuple,
								   isn,
								   periods[i] +
								   age, c),
						ferry_cookie_mss(mss));
			}
		}
	}
}

static void check_refuses_old_and_future_ones(struct kunit *test)
{
	u32 i, age, c;

	for (i = 0; i < ARRAY_SIZE(periods); i++) {
		c = ferry_cookie_make(&key, 1, 2, periods[i], 1460);
		for (age = FERRY_COOKIE_AGE_MAX; age < 256; age++)
			KUNIT_ASSERT_EQ(test,
					ferry_cookie_check(&key, 1, 2,
							   periods[i] + age,
							   c), 0);
		/* The age has eight bits; the hash knows the whole period. */
		KUNIT_EXPECT_EQ(test,
				ferry_cookie_check(&key, 1, 2,
						   periods[i] + 256, c), 0);
	}
}

static void check_refuses_another_connection(struct kunit *test)
{
	u32 c = ferry_cookie_make(&key, 1, 2, 3, 1460);
	struct ferry_cookie_key other = key;
	u32 bit;

	for (bit = 0; bit < 32; bit++) {
		KUNIT_EXPECT_EQ(test, ferry_cookie_check(&key, 1 ^ BIT(bit), 2,
							 3, c), 0);
		KUNIT_EXPECT_EQ(test, ferry_cookie_check(&key, 1, 2 ^ BIT(bit),
							 3, c) &&
				      bit > 3, 0);
	}
	other.mac.key[0] ^= 1;
	KUNIT_EXPECT_EQ(test, ferry_cookie_check(&other, 1, 2, 3, c), 0);
	other = key;
	other.base.key[1] ^= 1;
	KUNIT_EXPECT_EQ(test, ferry_cookie_check(&other, 1, 2, 3, c), 0);
}

/* 2 periods of 8 sizes in 2^32: of 2^22 guesses a handful at most. */
static void check_refuses_guesses(struct kunit *test)
{
	u32 i, hits = 0;

	for (i = 0; i < 1U << 22; i++)
		hits += !!ferry_cookie_check(&key, 7, 8, 100, i * 0x9e3779b9U);
	KUNIT_EXPECT_LE(test, hits, 3U);
}

/* RFC 6528: from one minute to the next the numbers move on. */
static void numbers_move_on_with_the_clock(struct kunit *test)
{
	u32 period, c, last = ferry_cookie_make(&key, 5, 6, 0, 1460);

	for (period = 2; period < 200; period += 2) {
		c = ferry_cookie_make(&key, 5, 6, period, 1460);
		KUNIT_EXPECT_TRUE(test, seq_after(c, last));
		last = c;
	}
}

static void timestamp_carries_options(struct kunit *test)
{
	static const u32 clocks[] = {
		0, 1, 62, 63, 64, 65, 1000003, U32_MAX - 64, U32_MAX - 1,
		U32_MAX,
	};
	struct ferry_cookie_options in, out;
	u32 i, n, ts;

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		for (n = 0; n < 16 * 4; n++) {
			in = (struct ferry_cookie_options){
				.has_wscale = (n & 15) != 15,
				.wscale = (n & 15) != 15 ? n & 15 : 0,
				.sack = !!(n & 16),
				.ecn = !!(n & 32),
			};
			ts = ferry_cookie_ts_make(clocks[i], &in);
			KUNIT_ASSERT_LT(test, clocks[i] - ts, 64U);
			ferry_cookie_ts_read(ts, &out);
			KUNIT_ASSERT_TRUE(test,
					  in.has_wscale == out.has_wscale &&
					  in.wscale == out.wscale &&
					  in.sack == out.sack &&
					  in.ecn == out.ecn);
		}
	}
}

static struct kunit_case cookie_cases[] = {
	KUNIT_CASE(mss_never_more_than_announced),
	KUNIT_CASE(mss_usual_ones_unchanged),
	KUNIT_CASE(check_accepts_what_make_made),
	KUNIT_CASE(check_refuses_old_and_future_ones),
	KUNIT_CASE(check_refuses_another_connection),
	KUNIT_CASE(check_refuses_guesses),
	KUNIT_CASE(numbers_move_on_with_the_clock),
	KUNIT_CASE(timestamp_carries_options),
	{}
};

static struct kunit_suite cookie_suite = {
	.name = "ferry_cookie",
	.test_cases = cookie_cases,
};

kunit_test_suites(&cookie_suite);
