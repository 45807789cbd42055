// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of cong/aimd.c, and how the test of an algorithm looks: the hooks one
 * by one, and a whole transfer over the simulated link.
 */
#include <kunit/test.h>

#include "simlink.h"

/* The algorithm is in a module of its own, which is loaded by its name. */
static int aimd_test_init(struct kunit *test)
{
	test->priv = (void *)ferry_cong_get("aimd", true);
	KUNIT_ASSERT_TRUE(test, !!test->priv);
	return 0;
}

static void aimd_test_exit(struct kunit *test)
{
	if (test->priv)
		ferry_cong_put(test->priv);
}

static void aimd_loss_costs_a_third(struct kunit *test)
{
	const struct ferry_cong_ops *aimd = test->priv;
	struct ferry_cong ca = { .snd_cwnd = 30 };

	KUNIT_EXPECT_EQ(test, aimd->ssthresh(&ca), 20U);
	ca.snd_cwnd = 2;
	KUNIT_EXPECT_EQ(test, aimd->ssthresh(&ca), 2U);
}

static void aimd_one_more_in_a_round_trip(struct kunit *test)
{
	struct ferry_ack_sample sample = { .acked = 20, .acked_sacked = 20 };
	const struct ferry_cong_ops *aimd = test->priv;
	struct ferry_cong ca = {
		.snd_cwnd = 20, .snd_ssthresh = 20, .cwnd_limited = true,
	};

	aimd->cong_avoid(&ca, &sample);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 21U);
	ca.cwnd_limited = false;
	aimd->cong_avoid(&ca, &sample);
	KUNIT_EXPECT_EQ(test, ca.snd_cwnd, 21U);
}

/* 300 segments, of which the 100th is lost once. */
static void aimd_sim_one_loss(struct kunit *test)
{
	struct simlink *sim = kunit_kzalloc(test, sizeof(*sim), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, !!sim);
	simlink_init(sim, 300);
	ferry_cong_use(&sim->ca, test->priv);
	set_bit(100, sim->drop);
	KUNIT_EXPECT_TRUE_MSG(test, simlink_run(sim), "%s", sim->broken);
	KUNIT_EXPECT_EQ(test, sim->retransmissions, 1U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
}

static struct kunit_case aimd_cases[] = {
	KUNIT_CASE(aimd_loss_costs_a_third),
	KUNIT_CASE(aimd_one_more_in_a_round_trip),
	KUNIT_CASE(aimd_sim_one_loss),
	{}
};

static struct kunit_suite aimd_suite = {
	.name = "ferry_aimd",
	.init = aimd_test_init,
	.exit = aimd_test_exit,
	.test_cases = aimd_cases,
};

kunit_test_suites(&aimd_suite);
