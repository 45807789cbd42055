// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of loss recovery with SACK, RACK and PRR: whole transfers over the
 * simulated link; and of the pure functions beneath them by themselves.
 *
 * The link checks after every event that the counters are the sums over the
 * scoreboard, and that what is marked SACKed has arrived.
 */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "../compat.h"
#include "../segment.h"
#include "simlink.h"

#define RTT_US	20100

static u64 first_again_us(const struct simlink *sim)
{
	u32 i;

	for (i = 0; i < sim->txs; i++)
		if (sim->log[i].again)
			return sim->log[i].time_us;
	return 0;
}

/* RACK: as soon as three later ones have come; whatever the piece's size. */
static void every_single_loss_is_repaired_at_once(struct kunit *test)
{
	static const u32 gso[] = { 1, 3, 20 };
	unsigned int i;
	u32 lost;

	for (i = 0; i < ARRAY_SIZE(gso); i++) {
		for (lost = 0; lost < 17; lost++) {
			struct simlink *sim = simlink_steady(test, 200, 20, true);

			sim->gso = gso[i];
			simlink_drop(sim, lost, lost);
			simlink_transfer(test, sim);
			KUNIT_EXPECT_EQ_MSG(test, sim->retransmissions, 1U,
					    "loss %u in %u", lost, gso[i]);
			KUNIT_EXPECT_EQ(test, sim->fast_retransmits, 1U);
			KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
			KUNIT_EXPECT_EQ(test, sim->needless, 0U);
			KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 10U);
			/* The ACK of segment lost + 3. */
			KUNIT_EXPECT_EQ_MSG(test, first_again_us(sim),
					    (u64)RTT_US + 100 * (lost + 3),
					    "loss %u in %u", lost, gso[i]);
		}
	}
}

/* All holes of a window are filled within one round trip after the first. */
static void many_losses_take_one_round_trip(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 300, 40, true);
	u64 first = 0, last = 0;
	u32 i;

	for (i = 5; i < 35; i += 3)
		simlink_drop(sim, i, i);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->retransmissions, 10U);
	KUNIT_EXPECT_EQ(test, sim->needless, 0U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
	KUNIT_EXPECT_EQ(test, sim->fast_retransmits, 1U);
	for (i = 0; i < sim->txs; i++) {
		if (!sim->log[i].again)
			continue;
		first = first ?: sim->log[i].time_us;
		last = sim->log[i].time_us;
	}
	KUNIT_EXPECT_LT(test, last - first, (u64)RTT_US);
}

/* The retransmission is lost, too: RACK sees it a round trip later. */
static void lost_retransmission_needs_no_timeout(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 300, 20, true);
	u32 i;

	/* Which transmission is the retransmission of 5? */
	simlink_drop(sim, 5, 5);
	simlink_transfer(test, sim);
	for (i = 0; i < sim->txs && !sim->log[i].again; i++)
		;
	sim = simlink_steady(test, 300, 20, true);
	simlink_drop(sim, 5, 5);
	simlink_drop(sim, i, i);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->retransmissions, 2U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
	KUNIT_EXPECT_EQ(test, sim->needless, 0U);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 10U);
}

/* The receiver throws away what it had SACKed: it gets it again. */
static void reneging_is_survived(struct kunit *test)
{
	u32 at;

	for (at = 3; at < 30; at++) {
		struct simlink *sim = simlink_steady(test, 60, 20, true);

		simlink_drop(sim, 4, 4);
		sim->renege_at = at;
		simlink_transfer(test, sim);
	}
}

/* PRR: never more than one segment for two delivered, while above ssthresh. */
static void window_shrinks_in_proportion(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 300, 40, true);
	u32 i, sent = 0;
	u64 start;

	simlink_drop(sim, 0, 0);
	simlink_transfer(test, sim);
	start = first_again_us(sim);
	for (i = 0; i < sim->txs; i++)
		if (sim->log[i].time_us >= start &&
		    sim->log[i].time_us < start + 3600)
			sent++;
	/* 37 ACKs come in that time. */
	KUNIT_EXPECT_GE(test, sent, 17U);
	KUNIT_EXPECT_LE(test, sent, 20U);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 20U);
}

/* Every pattern of losses in the first eleven transmissions. */
static void every_pattern_of_losses(struct kunit *test)
{
	unsigned long pattern;
	const char *fault;

	for (pattern = 0; pattern < 2048; pattern++) {
		struct simlink *sim = simlink_steady(test, 12, 8, true);

		sim->gso = 1 + pattern % 4;
		sim->drop[0] = pattern;
		fault = simlink_fault(sim);
		if (!fault && sim->needless)
			fault = "something was sent twice without need";
		if (fault) {
			KUNIT_FAIL(test, "losses %03lx: %s", pattern, fault);
			return;
		}
		if (!(pattern % 64))
			cond_resched();
	}
}

/* Loss, reordering, duplicates, lost and duplicated ACKs, all at once. */
static void everything_goes_wrong(struct kunit *test)
{
	const char *fault;
	u32 seed, i;

	for (seed = 0; seed < 400; seed++) {
		struct simlink *sim = simlink_steady(test, 100, 10, true);
		u32 percent = seed % 30;
		struct rnd_state rnd;

		prandom_seed_state(&rnd, seed);
		sim->isn = -prandom_u32_state(&rnd) % (120 * SIMLINK_MSS);
		sim->ca.high_seq = sim->isn;
		sim->ca.usage_seq = sim->isn;
		sim->late_us = prandom_u32_state(&rnd) % 50000;
		sim->queue = 5 + prandom_u32_state(&rnd) % 50;
		sim->gso = 1 + prandom_u32_state(&rnd) % 12;
		sim->timestamps = seed % 2;
		if (seed % 7 == 0)
			sim->renege_at = 1 + prandom_u32_state(&rnd) % 90;
		for (i = 0; i < SIMLINK_LOG; i++) {
			if (prandom_u32_state(&rnd) % 100 < percent)
				__set_bit(i, sim->drop);
			if (prandom_u32_state(&rnd) % 100 < percent)
				__set_bit(i, sim->late);
			if (prandom_u32_state(&rnd) % 100 < percent)
				__set_bit(i, sim->twice);
			if (prandom_u32_state(&rnd) % 100 < percent)
				__set_bit(i, sim->ack_drop);
			if (prandom_u32_state(&rnd) % 100 < percent)
				__set_bit(i, sim->ack_twice);
		}
		fault = simlink_fault(sim);
		if (fault) {
			KUNIT_FAIL(test, "seed %u: %s", seed, fault);
			return;
		}
		cond_resched();
	}
}

/* RFC 6937 section 3, on numbers alone. */
static void prr_by_numbers(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 1, 20, true);
	struct ferry_recovery *rec = &sim->rec;
	struct ferry_cong *ca = &sim->ca;

	ferry_prr_start(rec, ca, 5000);
	KUNIT_EXPECT_EQ(test, ca->snd_ssthresh, 10U);
	KUNIT_EXPECT_EQ(test, ca->prior_cwnd, 20U);
	KUNIT_EXPECT_EQ(test, ca->high_seq, 5000U);

	/* Entering: 16 in flight, one delivered; the fast retransmit goes. */
	ca->packets_out = 20;
	ca->sacked_out = 3;
	ca->lost_out = 1;
	ferry_prr_delivered(rec, ca, 1, 1, false);
	KUNIT_EXPECT_EQ(test, ca->snd_cwnd, 17U);
	rec->prr_out = 1;
	ca->retrans_out = 1;
	/* ceil(10 * 2 / 20) - 1: nothing; ceil(10 * 3 / 20) - 1: one. */
	ca->sacked_out = 4;
	ferry_prr_delivered(rec, ca, 1, 0, false);
	KUNIT_EXPECT_EQ(test, ca->snd_cwnd, 16U);
	ca->sacked_out = 5;
	ferry_prr_delivered(rec, ca, 1, 0, false);
	KUNIT_EXPECT_EQ(test, ca->snd_cwnd, 16U);
	/* Nothing delivered, nothing changes. */
	ferry_prr_delivered(rec, ca, 0, 0, false);
	KUNIT_EXPECT_EQ(test, ca->snd_cwnd, 16U);

	/* Below the threshold: 4 in flight, 8 delivered, 8 out. */
	ca->packets_out = 20;
	ca->sacked_out = 10;
	ca->lost_out = 6;
	ca->retrans_out = 0;
	rec->prr_delivered = 7;
	rec->prr_out = 8;
	ferry_prr_delivered(rec, ca, 1, 2, false);
	KUNIT_EXPECT_EQ(test, ca->snd_cwnd, 5U);	/* CRB */
	ferry_prr_delivered(rec, ca, 1, 0, true);
	KUNIT_EXPECT_EQ(test, ca->snd_cwnd, 6U);	/* SSRB */
	/* No more than up to the threshold. */
	ferry_prr_delivered(rec, ca, 9, 0, true);
	KUNIT_EXPECT_EQ(test, ca->snd_cwnd, 10U);
}

/* RFC 8985 section 6.2, step 2: what was sent later counts, ties by number. */
static void rack_keeps_the_latest(struct kunit *test)
{
	struct ferry_rack rack;

	ferry_rack_init(&rack);
	KUNIT_EXPECT_TRUE(test, ferry_rack_delivered(&rack, 1000, ~0U, 100, 5, false));
	KUNIT_EXPECT_EQ(test, rack.sent_us, 100U);
	KUNIT_EXPECT_EQ(test, rack.rtt_us, 900U);
	ferry_rack_delivered(&rack, 1100, 900, 100, 7, false);
	KUNIT_EXPECT_EQ(test, rack.end_seq, 7U);
	ferry_rack_delivered(&rack, 1100, 900, 50, 9, false);
	KUNIT_EXPECT_EQ(test, rack.end_seq, 7U);
	/* Faster than the path: the ACK is for the original. */
	KUNIT_EXPECT_FALSE(test, ferry_rack_delivered(&rack, 1200, 900, 500, 11, true));
	KUNIT_EXPECT_EQ(test, rack.end_seq, 7U);
	KUNIT_EXPECT_TRUE(test, ferry_rack_delivered(&rack, 1500, 900, 500, 11, true));
	KUNIT_EXPECT_EQ(test, rack.end_seq, 11U);
	/* The clock wraps. */
	ferry_rack_init(&rack);
	ferry_rack_delivered(&rack, 10, ~0U, 0xfffffff0, 5, false);
	ferry_rack_delivered(&rack, 30, ~0U, 5, 6, false);
	KUNIT_EXPECT_EQ(test, rack.sent_us, 5U);
	KUNIT_EXPECT_EQ(test, rack.rtt_us, 25U);
}

/* RFC 8985 section 6.2, step 4. */
static void rack_window(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 1, 20, true);
	struct ferry_recovery *rec = &sim->rec;
	struct ferry_cong *ca = &sim->ca;

	KUNIT_EXPECT_EQ(test, ferry_rack_reo_wnd(rec, ca), 0U);
	ferry_rtt_sample(&ca->rtt, 40000);
	ferry_rtt_min_sample(&ca->rtt, 40000, 0);
	KUNIT_EXPECT_EQ(test, ferry_rack_reo_wnd(rec, ca), 10000U);
	/* Three have overtaken, or recovery is under way. */
	ca->sacked_out = 3;
	KUNIT_EXPECT_EQ(test, ferry_rack_reo_wnd(rec, ca), 0U);
	ca->sacked_out = 2;
	ca->state = FERRY_CA_RECOVERY;
	KUNIT_EXPECT_EQ(test, ferry_rack_reo_wnd(rec, ca), 0U);
	/* Unless the network reorders. */
	rec->reord_seen = 1;
	KUNIT_EXPECT_EQ(test, ferry_rack_reo_wnd(rec, ca), 10000U);
	rec->rack.reo_wnd_mult = 3;
	KUNIT_EXPECT_EQ(test, ferry_rack_reo_wnd(rec, ca), 30000U);
	/* At most SRTT. */
	rec->rack.reo_wnd_mult = 255;
	KUNIT_EXPECT_EQ(test, ferry_rack_reo_wnd(rec, ca), 40000U);
}

/* Each round trip with a D-SACK widens it; it lasts for 16 recoveries. */
static void rack_window_adapts(struct kunit *test)
{
	struct ferry_rack rack;

	ferry_rack_init(&rack);
	rack.dsack_seen = 1;
	ferry_rack_adapt(&rack, 10, 20);
	KUNIT_EXPECT_EQ(test, (int)rack.reo_wnd_mult, 2);
	KUNIT_EXPECT_EQ(test, (int)rack.reo_wnd_persist, 16);
	/* The same round trip. */
	rack.dsack_seen = 1;
	ferry_rack_adapt(&rack, 15, 25);
	KUNIT_EXPECT_EQ(test, (int)rack.reo_wnd_mult, 2);
	rack.dsack_seen = 1;
	ferry_rack_adapt(&rack, 20, 40);
	KUNIT_EXPECT_EQ(test, (int)rack.reo_wnd_mult, 3);
	rack.reo_wnd_persist = 0;
	ferry_rack_adapt(&rack, 50, 60);
	KUNIT_EXPECT_EQ(test, (int)rack.reo_wnd_mult, 1);
}

/* What was delivered before a pause says nothing of what is sent after it. */
static void rack_forgets_what_is_over(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 100, 20, true);

	simlink_drop(sim, 5, 5);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_FALSE(test, sim->rec.rack.valid);
}

static struct kunit_case sack_cases[] = {
	KUNIT_CASE(prr_by_numbers),
	KUNIT_CASE(rack_keeps_the_latest),
	KUNIT_CASE(rack_window),
	KUNIT_CASE(rack_window_adapts),
	KUNIT_CASE(rack_forgets_what_is_over),
	KUNIT_CASE(every_single_loss_is_repaired_at_once),
	KUNIT_CASE(many_losses_take_one_round_trip),
	KUNIT_CASE(lost_retransmission_needs_no_timeout),
	KUNIT_CASE(reneging_is_survived),
	KUNIT_CASE(window_shrinks_in_proportion),
	KUNIT_CASE(every_pattern_of_losses),
	KUNIT_CASE(everything_goes_wrong),
	{}
};

static struct kunit_suite sack_suite = {
	.name = "ferry_sack",
	.init = simlink_test_init,
	.test_cases = sack_cases,
};

kunit_test_suites(&sack_suite);
