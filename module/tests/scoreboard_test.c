// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of scoreboard.c by itself; every transfer over the simulated link checks
 * it, too (simlink.c).
 */
#include <kunit/test.h>
#include <linux/skbuff.h>

#include "../compat.h"
#include "../segment.h"
#include "simlink.h"

static struct sk_buff *piece(struct kunit *test, struct simlink *sim,
			     u32 first, u32 segs, u32 sent_us)
{
	struct sk_buff *skb = alloc_skb(0, GFP_KERNEL);
	struct ferry_skb_cb *cb;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, skb);
	skb->len = segs * SIMLINK_MSS;
	cb = FERRY_SKB_CB(skb);
	memset(cb, 0, sizeof(*cb));
	cb->seq = simlink_seq(sim, first);
	cb->end_seq = simlink_seq(sim, first + segs);
	cb->mss = SIMLINK_MSS;
	cb->segs = segs;
	cb->sent_us = sent_us;
	ferry_board_insert(&sim->rec, skb);
	sim->ca.packets_out += segs;
	return skb;
}

static struct sk_buff *cut_at(struct simlink *sim, struct sk_buff *skb,
			      u32 segs)
{
	return ferry_board_cut(&sim->rec, &sim->ca, &simlink_ops,
			       simlink_seq(sim, sim->una), skb,
			       segs * SIMLINK_MSS);
}

static void free_all(struct simlink *sim)
{
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&sim->rec.queue))) {
		ferry_board_remove(&sim->rec, skb);
		simlink_ops.free(&sim->rec, skb);
	}
}

static void find_by_sequence_number(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 1, 20, true);
	struct sk_buff *a, *b;

	/* Across the end of the numbers, and not in order. */
	sim->isn = -2 * SIMLINK_MSS;
	b = piece(test, sim, 4, 4, 2);
	a = piece(test, sim, 0, 4, 1);
	KUNIT_EXPECT_PTR_EQ(test, ferry_board_find(&sim->rec, sim->isn), a);
	KUNIT_EXPECT_PTR_EQ(test, ferry_board_find(&sim->rec,
						   simlink_seq(sim, 4) - 1), a);
	KUNIT_EXPECT_PTR_EQ(test, ferry_board_find(&sim->rec,
						   simlink_seq(sim, 4)), b);
	KUNIT_EXPECT_NULL(test, ferry_board_find(&sim->rec,
						 simlink_seq(sim, 8)));
	free_all(sim);
}

/* However a piece is cut, the sums stay, and both parts keep the marks. */
static void cut_keeps_the_sums(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 1, 20, true);
	struct ferry_cong *ca = &sim->ca;
	struct sk_buff *skb, *rest;
	u32 at;

	for (at = 1; at < 6; at++) {
		skb = piece(test, sim, 0, 6, 1);
		ferry_board_mark_lost(&sim->rec, ca, skb);
		rest = cut_at(sim, skb, at);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, rest);
		KUNIT_EXPECT_EQ(test, (u32)FERRY_SKB_CB(skb)->segs, at);
		KUNIT_EXPECT_EQ(test, (u32)FERRY_SKB_CB(rest)->segs, 6 - at);
		KUNIT_EXPECT_EQ(test, ca->packets_out, 6U);
		KUNIT_EXPECT_EQ(test, ca->lost_out, 6U);
		KUNIT_EXPECT_PTR_EQ(test, skb_rb_next(skb), rest);
		KUNIT_EXPECT_TRUE(test, list_empty(&sim->rec.by_time));
		free_all(sim);
		ca->packets_out = 0;
		ca->lost_out = 0;
	}
	/* What is acknowledged of the front does not count any more. */
	skb = piece(test, sim, 0, 6, 1);
	sim->una = 2;
	FERRY_SKB_CB(skb)->segs = 4;
	ca->packets_out = 4;
	rest = cut_at(sim, skb, 5);
	KUNIT_EXPECT_EQ(test, (int)FERRY_SKB_CB(skb)->segs, 3);
	KUNIT_EXPECT_EQ(test, (int)FERRY_SKB_CB(rest)->segs, 1);
	KUNIT_EXPECT_EQ(test, ca->packets_out, 4U);
	free_all(sim);
}

/* Lost, sent again, lost again: each change moves the counters once. */
static void marks_and_counters(struct kunit *test)
{
	struct simlink *sim = simlink_steady(test, 1, 20, true);
	struct ferry_recovery *rec = &sim->rec;
	struct ferry_cong *ca = &sim->ca;
	struct sk_buff *a, *b, *c;

	a = piece(test, sim, 0, 3, 1);
	b = piece(test, sim, 3, 2, 2);
	c = piece(test, sim, 5, 4, 3);
	KUNIT_EXPECT_NULL(test, ferry_board_next_lost(rec, NULL));
	KUNIT_EXPECT_FALSE(test, ferry_board_mark_lost(rec, ca, c));
	KUNIT_EXPECT_FALSE(test, ferry_board_mark_lost(rec, ca, a));
	KUNIT_EXPECT_FALSE(test, ferry_board_mark_lost(rec, ca, a));
	KUNIT_EXPECT_EQ(test, ca->lost_out, 7U);
	KUNIT_EXPECT_EQ(test, ca->lost, 7U);
	KUNIT_EXPECT_EQ(test, ferry_cong_in_flight(ca), 2U);
	/* The lowest first, whichever was marked first. */
	KUNIT_EXPECT_PTR_EQ(test, ferry_board_next_lost(rec, NULL), a);
	KUNIT_EXPECT_PTR_EQ(test, ferry_board_next_lost(rec, a), c);
	ferry_board_sent_again(rec, ca, a);
	KUNIT_EXPECT_EQ(test, ca->retrans_out, 3U);
	KUNIT_EXPECT_PTR_EQ(test, ferry_board_next_lost(rec, NULL), c);
	/* By time it is behind the one that was only sent once. */
	KUNIT_EXPECT_PTR_EQ(test, list_first_entry(&rec->by_time,
						   struct sk_buff,
						   tcp_tsorted_anchor), b);
	KUNIT_EXPECT_TRUE(test, ferry_board_mark_lost(rec, ca, a));
	KUNIT_EXPECT_EQ(test, ca->retrans_out, 0U);
	KUNIT_EXPECT_EQ(test, ca->lost_out, 7U);
	KUNIT_EXPECT_EQ(test, ca->lost, 10U);
	KUNIT_EXPECT_PTR_EQ(test, ferry_board_next_lost(rec, NULL), a);

	ferry_board_forget_losses(rec, ca);
	KUNIT_EXPECT_EQ(test, ca->lost_out, 0U);
	KUNIT_EXPECT_NULL(test, ferry_board_next_lost(rec, NULL));
	KUNIT_EXPECT_EQ(test, ferry_cong_in_flight(ca), 9U);
	free_all(sim);
}

static struct kunit_case scoreboard_cases[] = {
	KUNIT_CASE(find_by_sequence_number),
	KUNIT_CASE(cut_keeps_the_sums),
	KUNIT_CASE(marks_and_counters),
	{}
};

static struct kunit_suite scoreboard_suite = {
	.name = "ferry_scoreboard",
	.init = simlink_test_init,
	.test_cases = scoreboard_cases,
};

kunit_test_suites(&scoreboard_suite);
