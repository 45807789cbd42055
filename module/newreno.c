// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is lost, without SACK (RFC 6582, NewReno).
 *
 * Each duplicate ACK counts one segment into @sacked_out, for one has left the
 * network, whichever it was; the third means that the first unacknowledged
 * segment is lost, and in recovery an ACK that does not reach @high_seq means
 * that the next one is, too.
 */
#include <linux/kernel.h>

#include "compat.h"
#include "recovery.h"

/**
 * ferry_newreno_note() - trouble was noticed
 * @rec: recovery state
 * @snd_nxt: SND.NXT
 * @sack: SACK is in use, and nothing has to be remembered
 *
 * RFC 6582 section 4.1: without SACK, what is outstanding now may cause
 * duplicate ACKs after it has been acknowledged, and they must not start
 * another recovery.  Pure; socket lock held.
 */
void ferry_newreno_note(struct ferry_recovery *rec, u32 snd_nxt, bool sack)
{
	if (sack)
		return;
	rec->recover = snd_nxt;
	rec->recovering = 1;
}

/*
 * Without SACK, more duplicate ACKs than segments that can have left the
 * network: what is lost has not, nor has the segment that they ask for.
 */
static void limit_dupacks(struct ferry_ack_state *st)
{
	struct ferry_cong *ca = st->ca;
	u32 holes = min(max(ca->lost_out, 1U), ca->packets_out);

	if (ca->sacked_out + holes <= ca->packets_out)
		return;
	ca->sacked_out = ca->packets_out - holes;
}

/**
 * ferry_newreno_dupack() - count a duplicate ACK, if this is one
 * @st: the ACK
 *
 * Pure; socket lock held.
 */
void ferry_newreno_dupack(struct ferry_ack_state *st)
{
	struct ferry_cong *ca = st->ca;
	u32 before = ca->sacked_out;

	if (!st->dupacks)
		return;
	ca->sacked_out += st->dupacks;
	limit_dupacks(st);
	if (ca->sacked_out > before)
		ca->delivered += ca->sacked_out - before;
}

/* A segment that filled the hole was not one of those that left before. */
static void remove_dupacks(struct ferry_ack_state *st)
{
	u32 acked = st->sample.acked;
	struct ferry_cong *ca = st->ca;

	if (acked) {
		ca->delivered += acked > ca->sacked_out ?
					 acked - ca->sacked_out : 1;
		ca->sacked_out -= min(acked - 1, ca->sacked_out);
	}
	limit_dupacks(st);
}

/**
 * ferry_newreno_acked() - SND.UNA has moved on
 * @st: the ACK
 *
 * Pure; socket lock held.
 */
void ferry_newreno_acked(struct ferry_ack_state *st)
{
	struct ferry_recovery *rec = st->rec;

	remove_dupacks(st);
	if (rec->recovering && seq_after(st->snd_una, rec->recover))
		rec->recovering = 0;
	/* Which of them has just arrived cannot be told. */
	if (st->retrans_acked)
		st->orig_delivered = false;
}

/**
 * ferry_newreno_lost() - the first segment is lost
 * @st: the ACK that says so
 *
 * RFC 6582 section 3.2.  Pure; socket lock held.
 */
void ferry_newreno_lost(struct ferry_ack_state *st)
{
	struct sk_buff *skb = skb_rb_first(&st->rec->queue);
	const struct ferry_skb_cb *cb;
	u32 len;

	if (!skb)
		return;
	cb = FERRY_SKB_CB(skb);
	if (cb->marks & FERRY_SKB_LOST)
		return;
	len = cb->mss;
	if (seq_before(cb->seq, st->snd_una))
		len += st->snd_una - cb->seq;
	if (skb->len > len &&
	    !ferry_board_cut(st->rec, st->ca, st->ops, st->snd_una, skb, len))
		return;
	ferry_board_mark_lost(st->rec, st->ca, skb);
	limit_dupacks(st);
	st->next = FERRY_NEXT_FIRST;
}
