// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of cong/dctcp.c: how marks become a reduction (RFC 8257 section 3.3).
 */
#include <kunit/test.h>

#include "../cong.h"

static int dctcp_test_init(struct kunit *test)
{
	test->priv = (void *)ferry_cong_get("dctcp", true);
	KUNIT_ASSERT_TRUE(test, !!test->priv);
	return 0;
}

static void dctcp_test_exit(struct kunit *test)
{
	if (test->priv)
		ferry_cong_put(test->priv);
}

static void start(struct kunit *test, struct ferry_cong *ca)
{
	*ca = (struct ferry_cong){};
	ferry_cong_init(ca, 1460);
	ca->packets_out = 100;
	ca->snd_cwnd = 100;
	ca->snd_ssthresh = 100;
	ferry_cong_use(ca, test->priv);
}

/* A round trip of a hundred segments, ten an ACK, some of them marked. */
static void round_trip(struct ferry_cong *ca, u32 marked)
{
	struct ferry_ack_sample sample = { .acked = 10, .acked_sacked = 10 };
	u32 i;

	for (i = 0; i < 10; i++) {
		ca->delivered += 10;
		ca->delivered_ce += min(marked, 10U);
		marked -= min(marked, 10U);
		ca->ops->pkts_acked(ca, &sample);
	}
}

/* What is left of a window of 100. */
static u32 reduced(struct ferry_cong *ca)
{
	ca->snd_cwnd = 100;
	return ca->ops->ssthresh(ca);
}

static void dctcp_first_mark_halves(struct kunit *test)
{
	struct ferry_cong ca;

	start(test, &ca);
	KUNIT_EXPECT_EQ(test, reduced(&ca), 50U);
}

static void dctcp_all_marked_halves(struct kunit *test)
{
	struct ferry_cong ca;
	u32 i;

	start(test, &ca);
	for (i = 0; i < 200; i++)
		round_trip(&ca, 100);
	KUNIT_EXPECT_GE(test, reduced(&ca), 50U);
	KUNIT_EXPECT_LE(test, reduced(&ca), 51U);
}

/* A fifth is marked: a tenth off. */
static void dctcp_reduction_is_in_proportion(struct kunit *test)
{
	struct ferry_cong ca;
	u32 i;

	start(test, &ca);
	for (i = 0; i < 200; i++)
		round_trip(&ca, 20);
	KUNIT_EXPECT_GE(test, reduced(&ca), 90U);
	KUNIT_EXPECT_LE(test, reduced(&ca), 92U);
}

static void dctcp_without_marks_alpha_is_nothing(struct kunit *test)
{
	struct ferry_cong ca;
	u32 i;

	start(test, &ca);
	for (i = 0; i < 200; i++)
		round_trip(&ca, 0);
	KUNIT_EXPECT_EQ(test, reduced(&ca), 100U);
}

/* g = 1/16: after one round without marks 15/16 of alpha are left. */
static void dctcp_alpha_is_smoothed(struct kunit *test)
{
	struct ferry_cong ca;

	start(test, &ca);
	round_trip(&ca, 0);
	ca.snd_cwnd = 10000;
	/* 10000 * (1 - 960 / 2048) */
	KUNIT_EXPECT_EQ(test, ca.ops->ssthresh(&ca), 5313U);
}

static void dctcp_loss_halves_whatever_alpha_is(struct kunit *test)
{
	struct ferry_cong ca;
	u32 i;

	start(test, &ca);
	for (i = 0; i < 200; i++)
		round_trip(&ca, 0);
	ca.prior_cwnd = 100;
	ca.snd_ssthresh = ca.ops->ssthresh(&ca);
	ca.ops->set_state(&ca, FERRY_CA_RECOVERY);
	KUNIT_EXPECT_EQ(test, ca.snd_ssthresh, 50U);
	/* A mark, and no loss. */
	ca.snd_ssthresh = ca.ops->ssthresh(&ca);
	ca.ops->set_state(&ca, FERRY_CA_CWR);
	KUNIT_EXPECT_EQ(test, ca.snd_ssthresh, 100U);
	ca.ops->event(&ca, FERRY_CA_EVENT_LOSS);
	KUNIT_EXPECT_EQ(test, ca.snd_ssthresh, 50U);
}

static struct kunit_case dctcp_cases[] = {
	KUNIT_CASE(dctcp_first_mark_halves),
	KUNIT_CASE(dctcp_all_marked_halves),
	KUNIT_CASE(dctcp_reduction_is_in_proportion),
	KUNIT_CASE(dctcp_without_marks_alpha_is_nothing),
	KUNIT_CASE(dctcp_alpha_is_smoothed),
	KUNIT_CASE(dctcp_loss_halves_whatever_alpha_is),
	{}
};

static struct kunit_suite dctcp_suite = {
	.name = "ferry_dctcp",
	.init = dctcp_test_init,
	.exit = dctcp_test_exit,
	.test_cases = dctcp_cases,
};

kunit_test_suites(&dctcp_suite);
