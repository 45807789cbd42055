// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of recovery.c: first the three functions by themselves, then whole
 * transfers over the simulated link, with Reno.
 *
 * Where a trace is compared, the comment above the test derives it by hand.
 * On the link of simlink_init() the ACKs of a burst come 100 us apart, a round
 * trip takes 20.1 ms and what the queue adds, and all transmissions carry one
 * segment, so transmission n is segment n until the first retransmission.
 */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "../compat.h"
#include "../segment.h"
#include "simlink.h"

#define RTT_US	20100

static struct simlink *new_link(struct kunit *test, u32 segments)
{
	struct simlink *sim = test->priv;

	simlink_init(sim, segments);
	return sim;
}

static void expect_calm(struct kunit *test, const struct simlink *sim)
{
	KUNIT_EXPECT_EQ(test, sim->retransmissions, 0U);
	KUNIT_EXPECT_EQ(test, sim->fast_retransmits, 0U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
}

/* Each ACK adds one, so after k segments the window is 10 + k. */
static void sim_slow_start_doubles(struct kunit *test)
{
	struct simlink *sim = new_link(test, 500);
	u32 k;

	simlink_transfer(test, sim);
	expect_calm(test, sim);
	for (k = 1; k <= 200; k++)
		KUNIT_EXPECT_EQ(test, sim->cwnd_at[k], 10 + k);
	/* A round trip each: 10, then 20, then 40 segments. */
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[10], 20U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[30], 40U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[70], 80U);
	KUNIT_EXPECT_EQ(test, sim->log[10].time_us, (u64)RTT_US);
}

/* 20 segments for the first increase, 21 for the second, 22 for the third. */
static void sim_congestion_avoidance_adds_one(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 200, 20, false);

	simlink_transfer(test, sim);
	expect_calm(test, sim);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[19], 20U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[20], 21U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[40], 21U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[41], 22U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[62], 22U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[63], 23U);
}

/* Five at a time never fill the window of 10; it may double what is used. */
static void sim_application_limited_window_stays(struct kunit *test)
{
	struct simlink *sim = new_link(test, 500);

	sim->app_limit = 5;
	simlink_transfer(test, sim);
	expect_calm(test, sim);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_cwnd, 10U);

	sim = simlink_steady(test, 500, 20, false);
	sim->app_limit = 19;
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_cwnd, 20U);
}

/*
 * Segment 20 is lost in slow start.  Its predecessors bring the window to 30
 * and SND.NXT to 50.  Of segments 21 to 49 come 29 duplicate ACKs; the first
 * two send 50 and 51 (limited transmit), so there are two more.  The third
 * sends 20 again, as transmission 52; ssthresh and window are 15.
 *
 * From there on half a segment goes for each ACK (PRR): 53 to 55 with those of
 * 25, 27 and 29, at 41.7, 41.9 and 42.1 ms; 56 with that of 31, at 60.4, and 66
 * at 62.4.  The retransmission was queued behind 51, so then comes its ACK, of
 * everything up to 51: a full one, and the window is ssthresh.  Congestion
 * avoidance: 15 segments later it is 16, again 16 later 17.
 *
 * Times: the ACK of segment k of the first window comes at 20.1 + k / 10 ms,
 * and the link is busy from there, so that of 10 + k comes at 40.2 + k / 10,
 * and that of 30 + k at 60.3 + k / 10.
 */
static void expect_one_loss_trace(struct kunit *test, struct simlink *sim)
{
	u32 k;

	simlink_drop(sim, 20, 20);
	simlink_transfer(test, sim);
	for (k = 1; k <= 20; k++)
		KUNIT_EXPECT_EQ(test, sim->cwnd_at[k], 10 + k);
	for (k = 0; k < 52; k++)
		KUNIT_EXPECT_EQ(test, sim->log[k].segment, k);
	KUNIT_EXPECT_EQ(test, sim->log[52].segment, 20U);
	KUNIT_EXPECT_TRUE(test, sim->log[52].again);
	/* 50, 51 and the retransmission: one for each of three ACKs. */
	KUNIT_EXPECT_EQ(test, sim->log[51].time_us - sim->log[50].time_us, 100ULL);
	KUNIT_EXPECT_EQ(test, sim->log[52].time_us - sim->log[51].time_us, 100ULL);
	/* From the ACK of 23 on, one for two. */
	KUNIT_EXPECT_EQ(test, sim->log[52].time_us, 41500ULL);
	KUNIT_EXPECT_EQ(test, sim->log[53].time_us, 41700ULL);
	for (k = 53; k < 200; k++)
		KUNIT_EXPECT_EQ(test, sim->log[k].segment, k - 1);
	KUNIT_EXPECT_EQ(test, sim->log[66].time_us - sim->log[53].time_us, 20700ULL);

	for (k = 21; k < 52; k++)
		KUNIT_EXPECT_EQ(test, sim->cwnd_at[k], 0U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[52], 15U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[66], 15U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[67], 16U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[82], 16U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[83], 17U);

	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 15U);
	KUNIT_EXPECT_EQ(test, sim->fast_retransmits, 1U);
	KUNIT_EXPECT_EQ(test, sim->retransmissions, 1U);
	KUNIT_EXPECT_EQ(test, sim->needless, 0U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
}

static void sim_one_loss_halves_the_window(struct kunit *test)
{
	expect_one_loss_trace(test, new_link(test, 300));
}

/* The sequence numbers wrap in every phase of the same trace. */
static void sim_one_loss_across_the_wrap(struct kunit *test)
{
	static const u32 wraps_at[] = { 5, 20, 21, 50, 52, 60 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wraps_at); i++) {
		struct simlink *sim = new_link(test, 300);

		sim->isn = -wraps_at[i] * SIMLINK_MSS;
		sim->ca.high_seq = sim->isn - 1;
		sim->ca.usage_seq = sim->isn;
		expect_one_loss_trace(test, sim);
	}
}

/*
 * 20, 25 and 30 are lost.  A round trip after each retransmission its ACK asks
 * for the next hole.  27 + 2 duplicate ACKs send 52 to 63; the partial ACK of
 * 25 leaves 39 out, 25 of which have left and one is lost and sent again: 14
 * in flight, so one more goes along.  One halving, to 15, for all of them.
 */
static void sim_partial_acks_fill_one_hole_per_round_trip(struct kunit *test)
{
	struct simlink *sim = new_link(test, 300);
	u64 when[3] = {};
	u32 holes[3] = {}, found = 0, i;

	simlink_drop(sim, 20, 20);
	simlink_drop(sim, 25, 25);
	simlink_drop(sim, 30, 30);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->retransmissions, 3U);
	KUNIT_EXPECT_EQ(test, sim->fast_retransmits, 1U);
	KUNIT_EXPECT_EQ(test, sim->needless, 0U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 15U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[25], 15U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[30], 15U);

	for (i = 0; i < sim->txs && found < 3; i++) {
		if (!sim->log[i].again)
			continue;
		when[found] = sim->log[i].time_us;
		holes[found++] = i;
	}
	KUNIT_ASSERT_EQ(test, found, 3U);
	KUNIT_EXPECT_EQ(test, sim->log[holes[0]].segment, 20U);
	KUNIT_EXPECT_EQ(test, sim->log[holes[1]].segment, 25U);
	KUNIT_EXPECT_EQ(test, sim->log[holes[2]].segment, 30U);
	for (i = 1; i < 3; i++) {
		KUNIT_EXPECT_GE(test, when[i] - when[i - 1], (u64)RTT_US);
		KUNIT_EXPECT_LT(test, when[i] - when[i - 1], 2ULL * RTT_US);
	}
	KUNIT_EXPECT_EQ(test, sim->log[holes[1] - 1].segment, 63U);
	KUNIT_EXPECT_EQ(test, sim->log[holes[1] + 1].segment, 64U);
	KUNIT_EXPECT_EQ(test, sim->log[holes[1] + 1].time_us, when[1]);
}

/*
 * Reordering by two places is no loss; by three it cannot be told from one.
 * Then 5 is sent again, and limited transmit has brought SND.NXT to 27.  The
 * late 5 makes the ACK jump to 9, and every ACK from there to 26 is a partial
 * one that asks for something: 1 + 18 retransmissions, all of them needless.
 * RFC 6582 knows that of itself; only SACK or timestamps help.
 */
static void sim_reordering(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 200, 20, false);

	__set_bit(5, sim->late);
	sim->late_us = 250;
	simlink_transfer(test, sim);
	expect_calm(test, sim);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 20U);

	sim = simlink_steady(test, 200, 20, false);
	__set_bit(5, sim->late);
	sim->late_us = 350;
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->fast_retransmits, 1U);
	KUNIT_EXPECT_EQ(test, sim->needless, 19U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
}

/*
 * The first window is late by 1.05 s, so that the time-out is premature and
 * everything goes out twice.  The copies cause duplicate ACKs, of 10, which is
 * what SND.NXT was then: they must not look like a loss.
 */
static void sim_old_copies_start_no_recovery(struct kunit *test)
{
	struct simlink *sim = new_link(test, 200);

	bitmap_set(sim->late, 0, 10);
	sim->late_us = 1050000;
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 1U);
	KUNIT_EXPECT_GE(test, sim->needless, 3U);
	KUNIT_EXPECT_EQ(test, sim->fast_retransmits, 0U);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 5U);
}

/*
 * The whole first window is lost.  After the initial RTO of 1 s the first goes
 * again, and its ACK sends two new ones, 10 and 11: if the time-out was
 * spurious, they will not cause a duplicate ACK (F-RTO).  They do, so then slow
 * start sends the others again, in order.
 */
static void sim_timeout_slow_start_to_the_threshold(struct kunit *test)
{
	struct simlink *sim = new_link(test, 100);
	u32 k, again = 1;

	simlink_drop(sim, 0, 9);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 1U);
	KUNIT_EXPECT_EQ(test, sim->log[10].time_us, 1000000ULL);
	KUNIT_EXPECT_EQ(test, sim->log[10].segment, 0U);
	KUNIT_EXPECT_EQ(test, sim->log[11].time_us, 1000000ULL + RTT_US);
	KUNIT_EXPECT_EQ(test, sim->log[11].segment, 10U);
	KUNIT_EXPECT_EQ(test, sim->log[12].segment, 11U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[1], 2U);
	for (k = 13; k < sim->txs; k++)
		if (sim->log[k].again)
			KUNIT_EXPECT_EQ(test, sim->log[k].segment, again++);
	KUNIT_EXPECT_EQ(test, again, 10U);
	KUNIT_EXPECT_EQ(test, sim->retransmissions, 10U);
	KUNIT_EXPECT_EQ(test, sim->needless, 0U);
	KUNIT_EXPECT_EQ(test, sim->spurious, 0U);
	KUNIT_EXPECT_EQ(test, sim->fast_retransmits, 0U);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 5U);
}

/* RFC 6298 (5.5): at 1 s, 2 s later, 4 s later, 8 s later; one halving. */
static void sim_repeated_timeouts_back_off(struct kunit *test)
{
	struct simlink *sim = new_link(test, 100);
	u32 k;

	simlink_drop(sim, 0, 12);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 4U);
	for (k = 10; k <= 13; k++)
		KUNIT_EXPECT_EQ(test, sim->log[k].segment, 0U);
	KUNIT_EXPECT_EQ(test, sim->log[10].time_us, 1000000ULL);
	KUNIT_EXPECT_EQ(test, sim->log[11].time_us, 3000000ULL);
	KUNIT_EXPECT_EQ(test, sim->log[12].time_us, 7000000ULL);
	KUNIT_EXPECT_EQ(test, sim->log[13].time_us, 15000000ULL);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 5U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[1], 2U);
}

/*
 * The last of ten is lost.  The others have an RTT of 20.1 ms each, plus 0.1
 * for each place in the queue; the time-out is SRTT + 200 ms after the ACK of
 * the ninth, since the variance term is below its bound: SRTT + 4 * RTTVAR
 * starts at 20.1 + 40.2 and the samples are alike.
 */
static void sim_tail_loss_needs_the_timer(struct kunit *test)
{
	struct simlink *sim = new_link(test, 10);
	u64 wait;

	simlink_drop(sim, 9, 9);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 1U);
	KUNIT_EXPECT_EQ(test, sim->retransmissions, 1U);
	KUNIT_EXPECT_EQ(test, sim->log[10].segment, 9U);
	wait = sim->log[10].time_us - (RTT_US + 8 * 100);
	KUNIT_EXPECT_GE(test, wait, 200000ULL + RTT_US);
	KUNIT_EXPECT_LE(test, wait, 200000ULL + RTT_US + 8 * 100);
}

/* The retransmission is lost as well: only the timer can notice. */
static void sim_lost_retransmission_needs_the_timer(struct kunit *test)
{
	struct simlink *sim = new_link(test, 300);

	simlink_drop(sim, 20, 20);
	simlink_drop(sim, 52, 52);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->fast_retransmits, 1U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 1U);
	/* Both belong to the same window of data. */
	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 15U);
}

/*
 * Any one of a window of 20 is lost.  With more data behind, three duplicate
 * ACKs always come.  With none behind, they come up to segment 16; the last
 * three need the timer.
 */
static void sim_every_single_loss(struct kunit *test)
{
	u32 lost;

	for (lost = 0; lost < 20; lost++) {
		struct simlink *sim = simlink_steady(test, 200, 20, false);

		simlink_drop(sim, lost, lost);
		simlink_transfer(test, sim);
		KUNIT_EXPECT_EQ_MSG(test, sim->retransmissions, 1U, "loss %u", lost);
		KUNIT_EXPECT_EQ_MSG(test, sim->fast_retransmits, 1U, "loss %u", lost);
		KUNIT_EXPECT_EQ_MSG(test, sim->timeouts, 0U, "loss %u", lost);
		KUNIT_EXPECT_EQ_MSG(test, sim->ca.snd_ssthresh, 10U, "loss %u", lost);

		sim = simlink_steady(test, 20, 20, false);
		simlink_drop(sim, lost, lost);
		simlink_transfer(test, sim);
		KUNIT_EXPECT_EQ_MSG(test, sim->fast_retransmits,
				    lost <= 16 ? 1U : 0U, "loss %u", lost);
		KUNIT_EXPECT_EQ_MSG(test, sim->timeouts,
				    lost <= 16 ? 0U : 1U, "loss %u", lost);
		KUNIT_EXPECT_EQ_MSG(test, sim->ca.snd_ssthresh, 10U, "loss %u", lost);
	}
}

/* Two of the same window: one recovery, one retransmission for each. */
static void sim_every_double_loss_in_a_window(struct kunit *test)
{
	u32 a, b;

	for (a = 0; a < 20; a++) {
		for (b = a + 1; b < 20; b++) {
			struct simlink *sim = simlink_steady(test, 200, 20, false);

			simlink_drop(sim, a, a);
			simlink_drop(sim, b, b);
			simlink_transfer(test, sim);
			KUNIT_EXPECT_EQ_MSG(test, sim->retransmissions, 2U,
					    "losses %u %u", a, b);
			KUNIT_EXPECT_EQ_MSG(test, sim->fast_retransmits, 1U,
					    "losses %u %u", a, b);
			KUNIT_EXPECT_EQ_MSG(test, sim->timeouts, 0U,
					    "losses %u %u", a, b);
			KUNIT_EXPECT_EQ_MSG(test, sim->ca.snd_ssthresh, 10U,
					    "losses %u %u", a, b);
		}
	}
}

/* Wherever two transmissions are lost, retransmissions and tails included. */
static void sim_every_double_loss_anywhere(struct kunit *test)
{
	static const u32 windows[] = { 1, 2, 3, 4, 5, 10, 20 };
	const char *fault;
	unsigned int i;
	u32 a, b;

	for (i = 0; i < ARRAY_SIZE(windows); i++) {
		for (a = 0; a < 24; a++) {
			for (b = a; b < 26; b++) {
				struct simlink *sim;

				sim = simlink_steady(test, 22, windows[i], false);
				simlink_drop(sim, a, a);
				simlink_drop(sim, b, b);
				fault = simlink_fault(sim);
				if (!fault)
					continue;
				KUNIT_FAIL(test, "window %u, losses %u %u: %s",
					   windows[i], a, b, fault);
				return;
			}
		}
		cond_resched();
	}
}

/* Every pattern of losses in the first eleven transmissions. */
static void sim_every_pattern_of_losses(struct kunit *test)
{
	unsigned long pattern;
	const char *fault;

	for (pattern = 0; pattern < 2048; pattern++) {
		struct simlink *sim = simlink_steady(test, 12, 8, false);

		sim->drop[0] = pattern;
		fault = simlink_fault(sim);
		if (fault) {
			KUNIT_FAIL(test, "losses %03lx: %s", pattern, fault);
			return;
		}
		if (!(pattern % 64))
			cond_resched();
	}
}

/* More of the window is lost than is left: the fast retransmit goes all the same. */
static void sim_most_of_a_window_is_lost(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 200, 20, false);

	simlink_drop(sim, 0, 15);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->fast_retransmits, 1U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
	KUNIT_EXPECT_EQ(test, sim->retransmissions, 16U);
	KUNIT_EXPECT_EQ(test, sim->needless, 0U);
}

/*
 * 1 ms for a segment and 20 ms of delay: the wire holds 21, the queue 5 more.
 * Slow start overshoots that by up to two times, and loses a part of its last
 * round.  From then on the window swings between half of what the path holds,
 * 26, and the whole of it.
 */
static void sim_queue_overflow(struct kunit *test)
{
	struct simlink *sim = new_link(test, 500);
	u32 low = U32_MAX, high = 0, k;

	sim->tx_us = 1000;
	sim->queue = 5;
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->fast_retransmits, 2U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
	KUNIT_EXPECT_EQ(test, sim->needless, 0U);
	for (k = 200; k < sim->segments; k++) {
		if (!sim->cwnd_at[k])
			continue;
		low = min(low, sim->cwnd_at[k]);
		high = max(high, sim->cwnd_at[k]);
	}
	KUNIT_EXPECT_EQ(test, low, 13U);
	KUNIT_EXPECT_EQ(test, high, 26U);
}

/* Cumulative ACKs: every other one may get lost and nothing is sent again. */
static void sim_lost_acks_do_no_harm(struct kunit *test)
{
	struct simlink *sim = new_link(test, 301);
	u32 i;

	for (i = 1; i < SIMLINK_LOG; i += 2)
		__set_bit(i, sim->ack_drop);
	simlink_transfer(test, sim);
	expect_calm(test, sim);
	/* What counts is segments, not ACKs. */
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[11], 21U);
	KUNIT_EXPECT_EQ(test, sim->cwnd_at[31], 41U);
}

/* Every ACK comes twice, with every pattern of losses: no count underflows. */
static void sim_duplicated_acks(struct kunit *test)
{
	unsigned long pattern;
	const char *fault;

	for (pattern = 0; pattern < 512; pattern++) {
		struct simlink *sim = simlink_steady(test, 30, 6, false);

		bitmap_fill(sim->ack_twice, SIMLINK_LOG);
		sim->drop[0] = pattern;
		fault = simlink_fault(sim);
		if (fault) {
			KUNIT_FAIL(test, "losses %03lx: %s", pattern, fault);
			return;
		}
	}
}

/* Loss, reordering, lost and duplicated ACKs, all at once. */
static void sim_everything_goes_wrong(struct kunit *test)
{
	const char *fault;
	u32 seed, i;

	for (seed = 0; seed < 300; seed++) {
		struct simlink *sim = new_link(test, 100);
		u32 percent = seed % 30;
		struct rnd_state rnd;

		prandom_seed_state(&rnd, seed);
		sim->isn = -prandom_u32_state(&rnd) % (120 * SIMLINK_MSS);
		sim->ca.high_seq = sim->isn - 1;
		sim->ca.usage_seq = sim->isn;
		sim->late_us = prandom_u32_state(&rnd) % 50000;
		sim->queue = 5 + prandom_u32_state(&rnd) % 50;
		for (i = 0; i < SIMLINK_LOG; i++) {
			if (prandom_u32_state(&rnd) % 100 < percent)
				__set_bit(i, sim->drop);
			if (prandom_u32_state(&rnd) % 100 < percent)
				__set_bit(i, sim->late);
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

/* An ACK for @segments, of which none is on the scoreboard. */
static struct ferry_ack_state bare_ack(struct simlink *sim, u32 segments)
{
	return (struct ferry_ack_state){
		.rec = &sim->rec,
		.ca = &sim->ca,
		.prior_una = simlink_seq(sim, 0),
		.snd_una = simlink_seq(sim, segments),
		.ack_seq = simlink_seq(sim, segments),
		.snd_nxt = simlink_seq(sim, segments),
		.sack = true,
	};
}

/* RFC 8985 section 7.4.2: halved by the ACK that finds the connection open. */
static void reduction_for_a_probe_is_told(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 20, 20, true);
	struct ferry_ack_state st = bare_ack(sim, 2);

	ferry_tlp_sent(&sim->rec, simlink_seq(sim, 1), true);
	ferry_recovery_ack(&st, NULL, 0);
	KUNIT_EXPECT_EQ(test, st.prior_state, FERRY_CA_OPEN);
	KUNIT_EXPECT_EQ(test, st.via, FERRY_CA_CWR);
	KUNIT_EXPECT_EQ(test, sim->ca.state, FERRY_CA_OPEN);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_cwnd, 10U);

	st = bare_ack(sim, 2);
	ferry_recovery_ack(&st, NULL, 0);
	KUNIT_EXPECT_EQ(test, st.via, FERRY_CA_OPEN);
}

/* RFC 3168 section 6.1.2: the next window of data was marked, too. */
static void reduction_after_a_reduction_is_told(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 20, 20, true);
	struct ferry_ack_state st = bare_ack(sim, 2);

	ferry_recovery_enter_cwr(&sim->rec, &sim->ca, simlink_seq(sim, 1));
	st.sample.ece = true;
	ferry_recovery_ack(&st, NULL, 0);
	KUNIT_EXPECT_EQ(test, st.prior_state, FERRY_CA_CWR);
	KUNIT_EXPECT_EQ(test, st.via, FERRY_CA_OPEN);
	KUNIT_EXPECT_EQ(test, sim->ca.state, FERRY_CA_CWR);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 5U);
}

static struct kunit_case recovery_cases[] = {
	KUNIT_CASE(reduction_for_a_probe_is_told),
	KUNIT_CASE(reduction_after_a_reduction_is_told),
	KUNIT_CASE(sim_slow_start_doubles),
	KUNIT_CASE(sim_congestion_avoidance_adds_one),
	KUNIT_CASE(sim_application_limited_window_stays),
	KUNIT_CASE(sim_one_loss_halves_the_window),
	KUNIT_CASE(sim_one_loss_across_the_wrap),
	KUNIT_CASE(sim_partial_acks_fill_one_hole_per_round_trip),
	KUNIT_CASE(sim_reordering),
	KUNIT_CASE(sim_old_copies_start_no_recovery),
	KUNIT_CASE(sim_timeout_slow_start_to_the_threshold),
	KUNIT_CASE(sim_repeated_timeouts_back_off),
	KUNIT_CASE(sim_tail_loss_needs_the_timer),
	KUNIT_CASE(sim_lost_retransmission_needs_the_timer),
	KUNIT_CASE(sim_every_single_loss),
	KUNIT_CASE(sim_every_double_loss_in_a_window),
	KUNIT_CASE(sim_every_double_loss_anywhere),
	KUNIT_CASE(sim_every_pattern_of_losses),
	KUNIT_CASE(sim_most_of_a_window_is_lost),
	KUNIT_CASE(sim_queue_overflow),
	KUNIT_CASE(sim_lost_acks_do_no_harm),
	KUNIT_CASE(sim_duplicated_acks),
	KUNIT_CASE(sim_everything_goes_wrong),
	{}
};

static struct kunit_suite recovery_suite = {
	.name = "ferry_recovery",
	.init = simlink_test_init,
	.test_cases = recovery_cases,
};

kunit_test_suites(&recovery_suite);
