// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of undo.c and of F-RTO: reductions of the window that turn out to have
 * been needless, and such that only look like it.
 */
#include <kunit/test.h>

#include "../compat.h"
#include "../segment.h"
#include "simlink.h"

static void transfer_and_count(struct kunit *test, struct simlink *sim,
			       u32 undone)
{
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->undone, undone);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
	if (undone)
		KUNIT_EXPECT_GE(test, sim->ca.snd_cwnd, 40U);
}

/* Retransmissions are counted from the reduction on, and back by D-SACK. */
static void undo_by_numbers(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 1, 20, true);
	struct ferry_recovery *rec = &sim->rec;
	struct ferry_ack_state st = {
		.rec = rec, .ca = &sim->ca, .sack = true, .snd_una = 1000,
	};

	KUNIT_EXPECT_FALSE(test, ferry_undo_is_due(&st));
	ferry_undo_start(rec, &sim->ca, 1000);
	ferry_undo_sent_again(rec, 2, 50);
	ferry_undo_sent_again(rec, 1, 60);
	KUNIT_EXPECT_EQ(test, rec->undo_retrans, 3);
	KUNIT_EXPECT_EQ(test, rec->retrans_ms, 50U);
	/* From before the reduction. */
	ferry_undo_in_vain(rec, 1000, 1);
	KUNIT_EXPECT_EQ(test, rec->undo_retrans, 3);
	ferry_undo_in_vain(rec, 2000, 1);
	KUNIT_EXPECT_FALSE(test, ferry_undo_is_due(&st));
	ferry_undo_in_vain(rec, 4000, 5);
	KUNIT_EXPECT_EQ(test, rec->undo_retrans, 0);
	KUNIT_EXPECT_TRUE(test, ferry_undo_is_due(&st));
	/* RFC 3522: an echo from before the first retransmission. */
	ferry_undo_start(rec, &sim->ca, 1000);
	ferry_undo_sent_again(rec, 1, 70);
	st.has_ts_ecr = true;
	st.ts_ecr_ms = 50;
	KUNIT_EXPECT_FALSE(test, ferry_undo_is_due(&st));
	st.ts_ecr_ms = 49;
	KUNIT_EXPECT_TRUE(test, ferry_undo_is_due(&st));
}

/*
 * Segment 5 is late by a few places.  The first time it is taken for lost; the
 * timestamp undoes that, and from then on so much disorder is waited for.
 */
static void reordering_is_learned(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 400, 40, true);
	u32 i;

	sim->timestamps = true;
	sim->late_us = 700;
	__set_bit(5, sim->late);
	for (i = 100; i < 400; i += 50)
		__set_bit(i, sim->late);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_TRUE(test, sim->rec.reord_seen);
	KUNIT_EXPECT_LE(test, sim->needless, 1U);
	KUNIT_EXPECT_EQ(test, sim->undone, 1U);
	KUNIT_EXPECT_EQ(test, sim->timeouts, 0U);
	KUNIT_EXPECT_GE(test, sim->rec.reordering, 7U);
	KUNIT_EXPECT_GE(test, sim->ca.snd_cwnd, 40U);
}

/* With timestamps, the ACK of the original undoes before its D-SACK comes. */
static void eifel_undoes_at_once(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 400, 40, true);

	sim->timestamps = true;
	sim->late_us = 4000;
	__set_bit(5, sim->late);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->undone, 1U);
	KUNIT_EXPECT_EQ(test, sim->fast_retransmits, 1U);
	KUNIT_EXPECT_GE(test, sim->ca.snd_cwnd, 40U);
}

/* Without timestamps each retransmission has to be reported as a duplicate. */
static void dsack_undoes(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 400, 40, true);

	sim->late_us = 4000;
	__set_bit(5, sim->late);
	transfer_and_count(test, sim, 1);
	KUNIT_EXPECT_EQ(test, sim->needless, 1U);

	/* Of two only one was needless: the other loss was one. */
	sim = simlink_steady(test, 400, 40, true);
	sim->late_us = 4000;
	__set_bit(5, sim->late);
	simlink_drop(sim, 8, 8);
	transfer_and_count(test, sim, 0);
	KUNIT_EXPECT_EQ(test, sim->needless, 1U);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 20U);
}

/*
 * Whichever ACK others overtake: what it says of a duplicate counts, and what
 * was acknowledged since is not taken for one.
 */
static void overtaken_ack_tells_of_duplicates(struct kunit *test)
{
	u32 ack;

	for (ack = 0; ack < 100; ack++) {
		struct simlink *sim = simlink_steady(test, 400, 40, true);

		sim->late_us = 4000;
		__set_bit(5, sim->late);
		__set_bit(ack, sim->ack_late);
		transfer_and_count(test, sim, 1);

		sim = simlink_steady(test, 400, 40, true);
		sim->late_us = 4000;
		simlink_drop(sim, 5, 5);
		__set_bit(ack, sim->ack_late);
		transfer_and_count(test, sim, 0);
		KUNIT_EXPECT_FALSE_MSG(test, sim->rec.reord_seen, "ACK %u", ack);
	}
}

/* What is lost is lost, and its retransmission proves nothing else. */
static void real_loss_is_not_undone(struct kunit *test)
{
	u32 timestamps;

	for (timestamps = 0; timestamps < 2; timestamps++) {
		struct simlink *sim = simlink_steady(test, 400, 40, true);

		sim->timestamps = timestamps;
		simlink_drop(sim, 5, 7);
		transfer_and_count(test, sim, 0);
		KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 20U);
	}
}

/*
 * The path is silent for a second, and then everything arrives.  What was sent
 * before the time-out is SACKed or acknowledged though it was not sent again:
 * F-RTO undoes it, and next to nothing goes out twice.
 */
static void spurious_timeout_is_undone(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 200, 20, true);
	u32 i, cwnd = 0;

	sim->late_us = 1000000;
	/* A round trip for an RTT first, then the spike. */
	bitmap_set(sim->late, 20, 30);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_GE(test, sim->timeouts, 1U);
	KUNIT_EXPECT_EQ(test, sim->spurious, 1U);
	KUNIT_EXPECT_LE(test, sim->needless, 4U);
	/* Slow start and a threshold of 10 would be far from it by then. */
	for (i = 21; i < 60; i++)
		cwnd = max(cwnd, sim->cwnd_at[i]);
	KUNIT_EXPECT_GE(test, cwnd, 20U);
}

/* A real time-out: everything was lost, and slow start sends it again. */
static void real_timeout_is_not_undone(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 200, 20, true);

	simlink_drop(sim, 20, 44);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_GE(test, sim->timeouts, 1U);
	KUNIT_EXPECT_EQ(test, sim->spurious, 0U);
	KUNIT_EXPECT_EQ(test, sim->needless, 0U);
}

/* Without new data there is nothing to find out with: all of it goes again. */
static void frto_needs_new_data(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 20, 20, false);

	sim->late_us = 1000000;
	bitmap_set(sim->late, 10, 10);
	simlink_transfer(test, sim);
	KUNIT_EXPECT_EQ(test, sim->spurious, 0U);
	KUNIT_EXPECT_EQ(test, sim->retransmissions, 10U);
	KUNIT_EXPECT_EQ(test, sim->ca.snd_ssthresh, 10U);
}

static struct kunit_case undo_cases[] = {
	KUNIT_CASE(undo_by_numbers),
	KUNIT_CASE(reordering_is_learned),
	KUNIT_CASE(eifel_undoes_at_once),
	KUNIT_CASE(dsack_undoes),
	KUNIT_CASE(overtaken_ack_tells_of_duplicates),
	KUNIT_CASE(real_loss_is_not_undone),
	{}
};

static struct kunit_suite undo_suite = {
	.name = "ferry_undo",
	.init = simlink_test_init,
	.test_cases = undo_cases,
};

static struct kunit_case frto_cases[] = {
	KUNIT_CASE(spurious_timeout_is_undone),
	KUNIT_CASE(real_timeout_is_not_undone),
	KUNIT_CASE(frto_needs_new_data),
	{}
};

static struct kunit_suite frto_suite = {
	.name = "ferry_frto",
	.init = simlink_test_init,
	.test_cases = frto_cases,
};

kunit_test_suites(&undo_suite, &frto_suite);
