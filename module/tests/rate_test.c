// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of rate.c: what a sample says of the network, and when it is not to be
 * believed.
 */
#include <kunit/test.h>

#include "../rate.h"

#define NO_RTT		(~0U)

/* A connection that has delivered 100 segments by the time 5000. */
static struct ferry_cong after_100(void)
{
	struct ferry_cong ca = {
		.now_us = 5000, .delivered = 100, .delivered_us = 5000,
		.first_tx_us = 4000, .packets_out = 10, .mss = 1000,
	};

	return ca;
}

/* The rate that is shown in thousands of bytes, without what rounding takes. */
static u64 shown_kb(const struct ferry_cong *ca)
{
	return (ferry_rate_shown(ca) + 500) / 1000;
}

static void rate_sent_notes_the_state(struct kunit *test)
{
	struct ferry_cong ca = after_100();
	struct ferry_rate_tx tx;

	ca.delivered_ce = 7;
	ca.now_us = 6000;
	ferry_rate_sent(&ca, &tx);
	KUNIT_EXPECT_EQ(test, tx.delivered, 100U);
	KUNIT_EXPECT_EQ(test, (u32)tx.delivered_ce, 7U);
	KUNIT_EXPECT_EQ(test, tx.delivered_us, 5000U);
	KUNIT_EXPECT_EQ(test, tx.first_tx_us, 4000U);
	KUNIT_EXPECT_FALSE(test, tx.app_limited);
	ca.app_limited = 90;
	ferry_rate_sent(&ca, &tx);
	KUNIT_EXPECT_TRUE(test, tx.app_limited);
}

/* The time in which nothing was on its way is not part of any sample. */
static void rate_sent_after_idle_starts_anew(struct kunit *test)
{
	struct ferry_cong ca = after_100();
	struct ferry_rate_tx tx;

	ca.packets_out = 0;
	ca.now_us = 9000000;
	ferry_rate_sent(&ca, &tx);
	KUNIT_EXPECT_EQ(test, tx.delivered_us, 9000000U);
	KUNIT_EXPECT_EQ(test, tx.first_tx_us, 9000000U);
}

/* Ten segments in ten milliseconds of ACKs. */
static void rate_sample_is_deliveries_over_time(struct kunit *test)
{
	struct ferry_ack_sample sample = {};
	struct ferry_cong ca = after_100();
	struct ferry_rate_tx tx;

	ferry_rate_sent(&ca, &tx);
	ca.now_us = 15000;
	ca.delivered = 110;
	ferry_rate_delivered(&ca, &tx, 5000, 1, false, &sample);
	ferry_rate_generate(&ca, 1, 0, 8000, &sample);
	KUNIT_EXPECT_EQ(test, sample.delivered, 10);
	KUNIT_EXPECT_EQ(test, sample.interval_us, 10000);
	KUNIT_EXPECT_EQ(test, sample.prior_delivered, 100U);
	KUNIT_EXPECT_EQ(test, sample.acked_sacked, 1U);
	KUNIT_EXPECT_EQ(test, ca.delivered_us, 15000U);
	KUNIT_EXPECT_EQ(test, ca.first_tx_us, 5000U);
	/* 10 * 1000 bytes in 10 ms */
	KUNIT_EXPECT_EQ(test, shown_kb(&ca), 1000ULL);
}

/* ACKs that were held up and come at once do not make the network faster. */
static void rate_is_not_above_the_rate_of_sending(struct kunit *test)
{
	struct ferry_ack_sample sample = {};
	struct ferry_cong ca = after_100();
	struct ferry_rate_tx tx;

	ca.delivered_us = 30000;
	ca.now_us = 30000;
	ferry_rate_sent(&ca, &tx);
	ca.now_us = 31000;
	ca.delivered = 120;
	ferry_rate_delivered(&ca, &tx, 30000, 1, false, &sample);
	ferry_rate_generate(&ca, 20, 0, NO_RTT, &sample);
	KUNIT_EXPECT_EQ(test, sample.delivered, 20);
	/* From 4000, when the flight began, to 30000. */
	KUNIT_EXPECT_EQ(test, sample.interval_us, 26000);
}

static void rate_sample_is_of_the_segment_sent_last(struct kunit *test)
{
	struct ferry_cong ca = after_100();
	struct ferry_ack_sample sample = {};
	struct ferry_rate_tx old = { .delivered = 80, .delivered_us = 3000 };
	struct ferry_rate_tx new = { .delivered = 90, .delivered_us = 4000 };

	ferry_rate_delivered(&ca, &old, 3100, 30, true, &sample);
	ferry_rate_delivered(&ca, &new, 4100, 20, false, &sample);
	KUNIT_EXPECT_EQ(test, sample.prior_delivered, 90U);
	KUNIT_EXPECT_FALSE(test, sample.is_retrans);
	ferry_rate_delivered(&ca, &old, 3100, 30, true, &sample);
	KUNIT_EXPECT_EQ(test, sample.prior_delivered, 90U);
	/* In the same microsecond the one further on counts. */
	ferry_rate_delivered(&ca, &old, 4100, 19, true, &sample);
	KUNIT_EXPECT_EQ(test, sample.prior_delivered, 90U);
	ferry_rate_delivered(&ca, &old, 4100, 21, true, &sample);
	KUNIT_EXPECT_EQ(test, sample.prior_delivered, 80U);
	KUNIT_EXPECT_TRUE(test, sample.is_retrans);
}

static void rate_without_delivery_is_unknown(struct kunit *test)
{
	struct ferry_ack_sample sample = {};
	struct ferry_cong ca = after_100();

	ca.now_us = 9000;
	ferry_rate_generate(&ca, 0, 3, 1000, &sample);
	KUNIT_EXPECT_LT(test, sample.delivered, 0);
	KUNIT_EXPECT_LT(test, sample.interval_us, 0);
	KUNIT_EXPECT_EQ(test, sample.losses, 3U);
	KUNIT_EXPECT_EQ(test, ca.delivered_us, 5000U);
	KUNIT_EXPECT_EQ(test, ferry_rate_shown(&ca), 0ULL);
}

/* An ACK sooner than any round trip belongs to an earlier transmission. */
static void rate_interval_below_the_rtt_is_not_true(struct kunit *test)
{
	struct ferry_ack_sample sample = {};
	struct ferry_cong ca = after_100();
	struct ferry_rate_tx tx;

	ferry_rate_sent(&ca, &tx);
	ca.now_us = 15000;
	ca.delivered = 110;
	ferry_rate_delivered(&ca, &tx, 5000, 1, true, &sample);
	ferry_rate_generate(&ca, 1, 0, 10001, &sample);
	KUNIT_EXPECT_LT(test, sample.interval_us, 0);
	KUNIT_EXPECT_EQ(test, ca.rate, 0U);
}

/* The mark lasts until all that was in flight has been delivered. */
static void rate_app_limited_for_a_flight(struct kunit *test)
{
	struct ferry_ack_sample sample = {};
	struct ferry_cong ca = after_100();

	ferry_rate_app_limited(&ca);
	KUNIT_EXPECT_EQ(test, ca.app_limited, 110U);
	ca.delivered = 110;
	ferry_rate_generate(&ca, 10, 0, NO_RTT, &sample);
	KUNIT_EXPECT_EQ(test, ca.app_limited, 110U);
	ca.delivered = 111;
	ferry_rate_generate(&ca, 1, 0, NO_RTT, &sample);
	KUNIT_EXPECT_EQ(test, ca.app_limited, 0U);

	/* 0 means "not limited", also when the counter has wrapped. */
	ca.delivered = -10;
	ferry_rate_app_limited(&ca);
	KUNIT_EXPECT_EQ(test, ca.app_limited, 1U);
}

/* A slow application does not hide how fast the network was. */
static void rate_shown_keeps_the_better_of_limited_samples(struct kunit *test)
{
	struct ferry_ack_sample sample = {};
	struct ferry_cong ca = after_100();
	struct ferry_rate_tx tx = { .delivered = 90, .delivered_us = 4000,
				    .first_tx_us = 4000 };

	ferry_rate_delivered(&ca, &tx, 4000, 1, false, &sample);
	ferry_rate_generate(&ca, 1, 0, NO_RTT, &sample);
	KUNIT_EXPECT_EQ(test, shown_kb(&ca), 10000ULL);

	sample = (struct ferry_ack_sample){};
	tx.app_limited = 1;
	tx.delivered = 99;
	ferry_rate_delivered(&ca, &tx, 4001, 1, false, &sample);
	ferry_rate_generate(&ca, 1, 0, NO_RTT, &sample);
	KUNIT_EXPECT_TRUE(test, sample.is_app_limited);
	KUNIT_EXPECT_EQ(test, shown_kb(&ca), 10000ULL);
	KUNIT_EXPECT_FALSE(test, ca.rate_app_limited);

	/* Faster than what is known: that is news. */
	sample = (struct ferry_ack_sample){};
	tx.delivered = 80;
	ferry_rate_delivered(&ca, &tx, 4001, 1, false, &sample);
	ferry_rate_generate(&ca, 1, 0, NO_RTT, &sample);
	KUNIT_EXPECT_EQ(test, shown_kb(&ca), 20000ULL);
	KUNIT_EXPECT_TRUE(test, ca.rate_app_limited);
}

/* Counters and clock run over 2^32, and 2^31 for delivered_ce. */
static void rate_wraps(struct kunit *test)
{
	struct ferry_ack_sample sample = {};
	struct ferry_cong ca = {
		.now_us = 0x1fffffff0, .delivered = -5, .packets_out = 10,
		.delivered_ce = 0x7ffffffe, .delivered_us = 0xfffffff0,
		.first_tx_us = 0xffffffe0,
	};
	struct ferry_rate_tx tx;

	ferry_rate_sent(&ca, &tx);
	ca.now_us = 0x200000010;
	ca.delivered = 5;
	ca.delivered_ce = 0x80000001;
	ferry_rate_delivered(&ca, &tx, 0xfffffff0, 1, false, &sample);
	ferry_rate_generate(&ca, 1, 0, NO_RTT, &sample);
	KUNIT_EXPECT_EQ(test, sample.delivered, 10);
	KUNIT_EXPECT_EQ(test, sample.delivered_ce, 3);
	KUNIT_EXPECT_EQ(test, sample.interval_us, 0x20);
}

static struct kunit_case rate_cases[] = {
	KUNIT_CASE(rate_sent_notes_the_state),
	KUNIT_CASE(rate_sent_after_idle_starts_anew),
	KUNIT_CASE(rate_sample_is_deliveries_over_time),
	KUNIT_CASE(rate_is_not_above_the_rate_of_sending),
	KUNIT_CASE(rate_sample_is_of_the_segment_sent_last),
	KUNIT_CASE(rate_without_delivery_is_unknown),
	KUNIT_CASE(rate_interval_below_the_rtt_is_not_true),
	KUNIT_CASE(rate_app_limited_for_a_flight),
	KUNIT_CASE(rate_shown_keeps_the_better_of_limited_samples),
	KUNIT_CASE(rate_wraps),
	{}
};

static struct kunit_suite rate_suite = {
	.name = "ferry_rate",
	.test_cases = rate_cases,
};

kunit_test_suites(&rate_suite);
