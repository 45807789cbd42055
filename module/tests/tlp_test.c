// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of tlp.c, the tail loss probe: its time by numbers, then transfers over
 * the simulated link whose end gets lost.
 */
#include <kunit/test.h>

#include "../compat.h"
#include "../segment.h"
#include "simlink.h"

/* RFC 8985 section 7.2: two round trips, and a delayed ACK for one segment. */
static void probe_timeout_by_numbers(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 1, 20, true);
	struct ferry_recovery *rec = &sim->rec;
	struct ferry_cong *ca = &sim->ca;

	KUNIT_EXPECT_EQ(test, ferry_tlp_timeout(rec, ca, true, 200000), 0U);
	ca->packets_out = 1;
	KUNIT_EXPECT_EQ(test, ferry_tlp_timeout(rec, ca, true, 200000),
			1000000U);
	ca->rtt.srtt_us = 30000 << 3;
	KUNIT_EXPECT_EQ(test, ferry_tlp_timeout(rec, ca, true, 200000),
			260000U);
	ca->packets_out = 2;
	KUNIT_EXPECT_EQ(test, ferry_tlp_timeout(rec, ca, true, 200000), 60000U);
	KUNIT_EXPECT_EQ(test, ferry_tlp_timeout(rec, ca, false, 200000), 0U);
	ca->state = FERRY_CA_RECOVERY;
	KUNIT_EXPECT_EQ(test, ferry_tlp_timeout(rec, ca, true, 200000), 0U);
	ca->state = FERRY_CA_CWR;
	KUNIT_EXPECT_EQ(test, ferry_tlp_timeout(rec, ca, true, 200000), 60000U);
	/* One probe at a time. */
	ferry_tlp_sent(rec, 1000, true);
	KUNIT_EXPECT_EQ(test, ferry_tlp_timeout(rec, ca, true, 200000), 0U);
	ca->packets_out = 0;
}

/*
 * The last segments are lost.  The probe goes out two round trips after the
 * last ACK, and what it shows to be lost a round trip later; the RTO would
 * take 200 ms more than a round trip.
 */
static void tail_loss_is_probed(struct kunit *test)
{
	u32 n;

	for (n = 1; n <= 10; n++) {
		struct simlink *sim = simlink_steady(test, 20, 20, true);

		simlink_drop(sim, 20 - n, 19);
		simlink_transfer(test, sim);
		KUNIT_EXPECT_EQ_MSG(test, sim->timeouts, 0U, "%u lost", n);
		KUNIT_EXPECT_EQ_MSG(test, sim->probes, 1U, "%u lost", n);
		KUNIT_EXPECT_EQ_MSG(test, sim->retransmissions, n, "%u lost", n);
		KUNIT_EXPECT_EQ_MSG(test, sim->needless, 0U, "%u lost", n);
		/* Of the last one alone only data behind it could tell. */
		KUNIT_EXPECT_EQ_MSG(test, sim->ca.snd_ssthresh,
				    n == 1 ? 20U : 10U, "%u lost", n);
		/* A single segment may wait for a delayed ACK. */
		KUNIT_EXPECT_LT_MSG(test, sim->now_us,
				    n == 1 ? 300000ULL : 200000ULL, "%u lost",
				    n);
	}
}

/* New data is the better probe. */
static void probe_sends_new_data_first(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 40, 4, true);

	/* All but the first of the window. */
	simlink_drop(sim, 1, 4);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
	KUNIT_EXPECT_GE(test, sim->probes, 1U);
	KUNIT_EXPECT_EQ(test, sim->log[5].segment, 5U);
	KUNIT_EXPECT_FALSE(test, sim->log[5].again);
}

/* The ACKs are lost, not the data: D-SACK says so, and nothing is reduced. */
static void probe_in_vain_reduces_nothing(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 20, 20, true);

	bitmap_set(sim->ack_drop, 15, 5);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->probes, 1U);
	KUNIT_EXPECT_EQ(test, sim->needless, 1U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 20U);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_cwnd, 21U);
}

/* A recovery that is over leaves nothing behind that would forbid a probe. */
static void tail_after_a_recovery_is_probed(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 60, 20, true);

	/* One loss and its repair, then the end: 60 is the last of all. */
	simlink_drop(sim, 5, 5);
	simlink_drop(sim, 58, 60);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->probes, 1U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
	KUNIT_EXPECT_EQ(test, sim->retransmissions, 4U);
	KUNIT_EXPECT_EQ(test, sim->needless, 0U);
}

/* The end of a piece of which the front is acknowledged already. */
static void probe_cuts_what_is_left(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 20, 20, true);

	sim->gso = 10;
	simlink_drop(sim, 19, 19);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->probes, 1U);
	KUNIT_EXPECT_EQ(test, sim->retransmissions, 1U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
}

static struct kunit_case tlp_cases[] = {
	KUNIT_CASE(probe_timeout_by_numbers),
	KUNIT_CASE(tail_loss_is_probed),
	KUNIT_CASE(probe_sends_new_data_first),
	KUNIT_CASE(probe_in_vain_reduces_nothing),
	KUNIT_CASE(tail_after_a_recovery_is_probed),
	KUNIT_CASE(probe_cuts_what_is_left),
	{}
};

static struct kunit_suite tlp_suite = {
	.name = "ferry_tlp",
	.init = simlink_test_init,
	.test_cases = tlp_cases,
};

kunit_test_suites(&tlp_suite);
