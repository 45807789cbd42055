// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of rtt.c: RFC 6298 worked by hand.
 *
 * SRTT is compared times 8 and RTTVAR times 4, which is how they are kept.
 * In the derivations all times are in milliseconds.
 */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "../compat.h"
#include "../rtt.h"

static void samples(struct ferry_rtt *rtt, u32 sample_us, unsigned int count)
{
	while (count--)
		ferry_rtt_sample(rtt, sample_us);
}

/* RFC 6298 (2.1) */
static void rtt_init_one_second(struct kunit *test)
{
	struct ferry_rtt rtt;

	memset(&rtt, 0xa5, sizeof(rtt));
	ferry_rtt_init(&rtt);
	KUNIT_EXPECT_EQ(test, rtt.srtt_us, 0U);
	KUNIT_EXPECT_EQ(test, rtt.rttvar_us, 1000000U);
	KUNIT_EXPECT_EQ(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), 1000000U);
}

/*
 * (2.2), R = 100:
 *	SRTT = 100, RTTVAR = 100 / 2 = 50, RTO = 100 + 4 * 50 = 300
 */
static void rtt_sample_first_measurement(struct kunit *test)
{
	struct ferry_rtt rtt;

	ferry_rtt_init(&rtt);
	ferry_rtt_sample(&rtt, 100000);
	KUNIT_EXPECT_EQ(test, rtt.srtt_us, 8 * 100000U);
	KUNIT_EXPECT_EQ(test, rtt.rttvar_us, 4 * 50000U);
	KUNIT_EXPECT_EQ(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), 300000U);
}

/*
 * (2.3), starting from R = 800: SRTT = 800, RTTVAR = 400, RTO = 2400.
 *
 * R' = 400:
 *	RTTVAR = 3/4 * 400 + 1/4 * |800 - 400| = 300 + 100 = 400
 *	SRTT   = 7/8 * 800 + 1/8 * 400 = 700 + 50 = 750
 *	RTO    = 750 + 4 * 400 = 2350
 * R' = 1150:
 *	RTTVAR = 3/4 * 400 + 1/4 * |750 - 1150| = 300 + 100 = 400
 *	SRTT   = 7/8 * 750 + 1/8 * 1150 = 656.25 + 143.75 = 800
 *	RTO    = 800 + 4 * 400 = 2400
 * R' = 800:
 *	RTTVAR = 3/4 * 400 + 1/4 * 0 = 300
 *	SRTT   = 800
 *	RTO    = 800 + 4 * 300 = 2000
 * R' = 2400:
 *	RTTVAR = 3/4 * 300 + 1/4 * |800 - 2400| = 225 + 400 = 625
 *	SRTT   = 7/8 * 800 + 1/8 * 2400 = 700 + 300 = 1000
 *	RTO    = 1000 + 4 * 625 = 3500
 * With the new SRTT in place of the old one RTTVAR would be 575 in the last
 * step; (2.3) wants it updated first.
 */
static void rtt_sample_next_measurements(struct kunit *test)
{
	static const struct {
		u32 sample_us, srtt_us, rttvar_us, min_us, rto_us;
	} steps[] = {
		{ 800000, 800000, 400000, 800000, 2400000 },
		{ 400000, 750000, 400000, 400000, 2350000 },
		{ 1150000, 800000, 400000, 400000, 2400000 },
		{ 800000, 800000, 300000, 400000, 2000000 },
		{ 2400000, 1000000, 625000, 400000, 3500000 },
	};
	struct ferry_rtt rtt;
	unsigned int i;

	ferry_rtt_init(&rtt);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		ferry_rtt_sample(&rtt, steps[i].sample_us);
		KUNIT_EXPECT_EQ_MSG(test, rtt.srtt_us, 8 * steps[i].srtt_us,
				    "step %u", i);
		KUNIT_EXPECT_EQ_MSG(test, rtt.rttvar_us, 4 * steps[i].rttvar_us,
				    "step %u", i);
		KUNIT_EXPECT_EQ_MSG(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), steps[i].rto_us,
				    "step %u", i);
	}
}

/*
 * R = 80: SRTT = 80, RTTVAR = 40, 4 * RTTVAR = 160 is below 200,
 *	RTO = 80 + 200 = 280
 * R' = 80: RTTVAR = 30, RTO still 280.
 */
static void rtt_sample_variance_term_at_least_200ms(struct kunit *test)
{
	struct ferry_rtt rtt;

	ferry_rtt_init(&rtt);
	ferry_rtt_sample(&rtt, 80000);
	KUNIT_EXPECT_EQ(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), 280000U);
	ferry_rtt_sample(&rtt, 80000);
	KUNIT_EXPECT_EQ(test, rtt.rttvar_us, 4 * 30000U);
	KUNIT_EXPECT_EQ(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), 280000U);

	/* A path without variance: the bound is all that is left. */
	samples(&rtt, 80000, 1000);
	KUNIT_EXPECT_EQ(test, rtt.srtt_us, 8 * 80000U);
	KUNIT_EXPECT_LE(test, rtt.rttvar_us, 4U);
	KUNIT_EXPECT_EQ(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), 280000U);
}

static void rtt_sample_smallest_is_kept(struct kunit *test)
{
	struct ferry_rtt rtt;

	ferry_rtt_init(&rtt);
	ferry_rtt_sample(&rtt, 5000);
	ferry_rtt_sample(&rtt, 3000);
	ferry_rtt_sample(&rtt, 9000);
}

/* A clock that did not move between segment and ACK is still a sample. */
static void rtt_sample_of_zero_counts(struct kunit *test)
{
	struct ferry_rtt rtt;

	ferry_rtt_init(&rtt);
	ferry_rtt_sample(&rtt, 0);
	KUNIT_EXPECT_NE(test, rtt.srtt_us, 0U);
	KUNIT_EXPECT_EQ(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), 200001U);

	/* It does not make the next sample the first one again. */
	ferry_rtt_sample(&rtt, 8000);
	KUNIT_EXPECT_LT(test, rtt.srtt_us, 8 * 8000U);
	samples(&rtt, 0, 1000);
	KUNIT_EXPECT_NE(test, rtt.srtt_us, 0U);
}

static void rtt_sample_rto_at_most_120s(struct kunit *test)
{
	struct ferry_rtt rtt;

	/* R = 60 s: RTO = 60 + 4 * 30 = 180 s without the bound. */
	ferry_rtt_init(&rtt);
	ferry_rtt_sample(&rtt, 60000000);
	KUNIT_EXPECT_EQ(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), 120000000U);

	/* R = 30 s: RTO = 30 + 4 * 15 = 90 s. */
	ferry_rtt_init(&rtt);
	ferry_rtt_sample(&rtt, 30000000);
	KUNIT_EXPECT_EQ(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), 90000000U);
}

static void rtt_sample_extremes_do_not_overflow(struct kunit *test)
{
	struct ferry_rtt rtt;
	unsigned int i;

	ferry_rtt_init(&rtt);
	samples(&rtt, U32_MAX, 200);
	KUNIT_EXPECT_EQ(test, rtt.srtt_us, 8 * FERRY_RTO_MAX_US);
	KUNIT_EXPECT_EQ(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), FERRY_RTO_MAX_US);

	/* From one end to the other and back, the widest swings there are. */
	for (i = 0; i < 1000; i++) {
		ferry_rtt_sample(&rtt, i & 1 ? U32_MAX : 0);
		KUNIT_EXPECT_LE(test, rtt.srtt_us, 8 * FERRY_RTO_MAX_US);
		KUNIT_EXPECT_LE(test, rtt.rttvar_us, 4 * FERRY_RTO_MAX_US);
		KUNIT_EXPECT_GE(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), FERRY_RTO_MIN_US);
		KUNIT_EXPECT_LE(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), FERRY_RTO_MAX_US);
	}

	/* The way down from the top ends at the bottom. */
	samples(&rtt, 1000, 1000);
	KUNIT_EXPECT_LE(test, rtt.srtt_us, 8 * 1007U);
	KUNIT_EXPECT_LE(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), 202000U);
}

/* One step of (2.3) in 44.20 fixed point, without any of rtt.c's shortcuts. */
static void exact_step(u64 *srtt, u64 *rttvar, u64 sample)
{
	u64 delta = *srtt > sample ? *srtt - sample : sample - *srtt;

	*rttvar = (3 * *rttvar + delta) / 4;
	*srtt = (7 * *srtt + sample) / 8;
}

/* Rounding costs at most a few microseconds, however long it goes on. */
static void rtt_sample_tracks_exact_arithmetic(struct kunit *test)
{
	u64 srtt = 50000ULL << 20, rttvar = 25000ULL << 20;
	struct rnd_state rnd;
	struct ferry_rtt rtt;
	unsigned int i;

	prandom_seed_state(&rnd, 6298);
	ferry_rtt_init(&rtt);
	ferry_rtt_sample(&rtt, 50000);
	for (i = 0; i < 10000; i++) {
		u32 sample = 1 + prandom_u32_state(&rnd) % 1000000;
		s64 error;

		ferry_rtt_sample(&rtt, sample);
		exact_step(&srtt, &rttvar, (u64)sample << 20);
		error = (s64)rtt.srtt_us - (s64)(srtt >> 17);
		if (abs(error) > 8 * 8) {
			KUNIT_FAIL(test, "SRTT off by %lld/8 us at %u", error, i);
			return;
		}
		error = (s64)rtt.rttvar_us - (s64)(rttvar >> 18);
		if (abs(error) > 4 * 16) {
			KUNIT_FAIL(test, "RTTVAR off by %lld/4 us at %u", error,
				   i);
			return;
		}
	}
}

/* (5.5): 1, 2, 4, 8 ... seconds, and no more than 120. */
static void rtt_backoff_doubles_up_to_120s(struct kunit *test)
{
	static const u32 seconds[] = { 1, 2, 4, 8, 16, 32, 64, 120, 120 };
	struct ferry_rtt rtt;
	unsigned int i;

	ferry_rtt_init(&rtt);
	for (i = 0; i < ARRAY_SIZE(seconds); i++)
		KUNIT_EXPECT_EQ_MSG(test, ferry_rtt_backoff(&rtt, FERRY_RTO_MIN_US, i),
				    seconds[i] * 1000000, "back-off %u", i);
	/* The estimate itself does not back off. */
	KUNIT_EXPECT_EQ(test, ferry_rtt_rto(&rtt, FERRY_RTO_MIN_US), 1000000U);
}

static void rtt_backoff_of_an_estimate(struct kunit *test)
{
	struct ferry_rtt rtt;

	ferry_rtt_init(&rtt);
	ferry_rtt_sample(&rtt, 100000);
	KUNIT_EXPECT_EQ(test, ferry_rtt_backoff(&rtt, FERRY_RTO_MIN_US, 0), 300000U);
	KUNIT_EXPECT_EQ(test, ferry_rtt_backoff(&rtt, FERRY_RTO_MIN_US, 3), 2400000U);
	KUNIT_EXPECT_EQ(test, ferry_rtt_backoff(&rtt, FERRY_RTO_MIN_US, 8), 76800000U);
	KUNIT_EXPECT_EQ(test, ferry_rtt_backoff(&rtt, FERRY_RTO_MIN_US, 9), 120000000U);
}

static void rtt_backoff_extremes_do_not_overflow(struct kunit *test)
{
	struct ferry_rtt rtt;
	unsigned int n;

	ferry_rtt_init(&rtt);
	for (n = 7; n < 100; n++)
		KUNIT_EXPECT_EQ_MSG(test, ferry_rtt_backoff(&rtt, FERRY_RTO_MIN_US, n),
				    FERRY_RTO_MAX_US, "back-off %u", n);
	samples(&rtt, U32_MAX, 10);
	for (n = 0; n < 100; n++)
		KUNIT_EXPECT_EQ_MSG(test, ferry_rtt_backoff(&rtt, FERRY_RTO_MIN_US, n),
				    FERRY_RTO_MAX_US, "back-off %u", n);
	KUNIT_EXPECT_EQ(test, ferry_rtt_backoff(&rtt, FERRY_RTO_MIN_US, UINT_MAX),
			FERRY_RTO_MAX_US);
}

/* The smallest of the last 150 to 300 seconds; the clock wraps meanwhile. */
static void rtt_min_forgets_the_old_path(struct kunit *test)
{
	const u32 window = FERRY_RTT_MIN_WINDOW_US;
	u32 t = -window / 2;
	struct ferry_rtt rtt;

	ferry_rtt_init(&rtt);
	KUNIT_EXPECT_EQ(test, ferry_rtt_min(&rtt), U32_MAX);
	ferry_rtt_min_sample(&rtt, 20000, t);
	ferry_rtt_min_sample(&rtt, 30000, t + 1);
	KUNIT_EXPECT_EQ(test, ferry_rtt_min(&rtt), 20000U);
	ferry_rtt_min_sample(&rtt, 10000, t + 2);
	KUNIT_EXPECT_EQ(test, ferry_rtt_min(&rtt), 10000U);
	/* A longer way now: for a while the old minimum still counts. */
	ferry_rtt_min_sample(&rtt, 50000, t + window - 1);
	KUNIT_EXPECT_EQ(test, ferry_rtt_min(&rtt), 10000U);
	ferry_rtt_min_sample(&rtt, 50000, t + window);
	KUNIT_EXPECT_EQ(test, ferry_rtt_min(&rtt), 10000U);
	ferry_rtt_min_sample(&rtt, 60000, t + 2 * window);
	KUNIT_EXPECT_EQ(test, ferry_rtt_min(&rtt), 50000U);
	/* Nothing came for long: there is nothing to remember. */
	ferry_rtt_min_sample(&rtt, 70000, t + 4 * window);
	KUNIT_EXPECT_EQ(test, ferry_rtt_min(&rtt), 70000U);
}

static struct kunit_case rtt_cases[] = {
	KUNIT_CASE(rtt_init_one_second),
	KUNIT_CASE(rtt_sample_first_measurement),
	KUNIT_CASE(rtt_sample_next_measurements),
	KUNIT_CASE(rtt_sample_variance_term_at_least_200ms),
	KUNIT_CASE(rtt_sample_smallest_is_kept),
	KUNIT_CASE(rtt_sample_of_zero_counts),
	KUNIT_CASE(rtt_sample_rto_at_most_120s),
	KUNIT_CASE(rtt_sample_extremes_do_not_overflow),
	KUNIT_CASE(rtt_sample_tracks_exact_arithmetic),
	KUNIT_CASE(rtt_backoff_doubles_up_to_120s),
	KUNIT_CASE(rtt_backoff_of_an_estimate),
	KUNIT_CASE(rtt_backoff_extremes_do_not_overflow),
	KUNIT_CASE(rtt_min_forgets_the_old_path),
	{}
};

static struct kunit_suite rtt_suite = {
	.name = "ferry_rtt",
	.test_cases = rtt_cases,
};

kunit_test_suites(&rtt_suite);
