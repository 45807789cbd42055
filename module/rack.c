// SPDX-License-Identifier: GPL-2.0-only
/*
 * RACK: which segments are lost, by time (RFC 8985).
 *
 * Segments that were sent later than others mostly arrive later.  So when one
 * has been delivered, those that were sent before it and are still missing are
 * lost, once a round trip and a little more has passed since.  That little more,
 * the reordering window, is for networks that reorder: a quarter of the
 * smallest round-trip time, and more if D-SACK shows that this was too short.
 * As long as no reordering has been seen, it is zero during recovery, and when
 * as many segments as three duplicate ACKs stand for have overtaken.
 *
 * It does not matter whether a segment was sent for the first time or again,
 * so a lost retransmission is found in the same way.
 */
#include <linux/kernel.h>

#include "compat.h"
#include "recovery.h"

/* RFC 8985 section 5.2: was segment 1 sent after segment 2? */
static bool sent_after(u32 sent1, u32 end1, u32 sent2, u32 end2)
{
	return seq_after(sent1, sent2) ||
	       (sent1 == sent2 && seq_after(end1, end2));
}

/**
 * ferry_rack_init() - nothing is known yet
 * @rack: RACK's state
 *
 * Pure; any context.
 */
void ferry_rack_init(struct ferry_rack *rack)
{
	memset(rack, 0, sizeof(*rack));
	rack->reo_wnd_mult = 1;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rack_init);

/**
 * ferry_rack_delivered() - a segment has been delivered
 * @rack: RACK's state
 * @now_us: the time
 * @min_rtt_us: smallest round-trip time in microseconds, ~0 if unknown
 * @sent_us: when it was sent last
 * @end_seq: its end
 * @again: it was sent more than once
 *
 * RFC 8985 section 6.2, step 2.  When a segment that was sent again is
 * acknowledged faster than is possible, it was the original that arrived.
 * Pure; socket lock held.
 *
 * Return: true if it may show others to be lost.
 */
bool ferry_rack_delivered(struct ferry_rack *rack, u32 now_us, u32 min_rtt_us,
			  u32 sent_us, u32 end_seq, bool again)
{
	u32 rtt_us = now_us - sent_us;

	if (again && min_rtt_us != ~0U && rtt_us < min_rtt_us)
		return false;
	rack->rtt_us = rtt_us;
	if (!rack->valid ||
	    sent_after(sent_us, end_seq, rack->sent_us, rack->end_seq)) {
		rack->sent_us = sent_us;
		rack->end_seq = end_seq;
		rack->valid = 1;
	}
	return true;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rack_delivered);

/**
 * ferry_rack_reo_wnd() - the reordering window
 * @rec: recovery state
 * @ca: congestion state
 *
 * RFC 8985 section 6.2, step 4.  Pure; socket lock held.
 *
 * Return: microseconds.
 */
u32 ferry_rack_reo_wnd(const struct ferry_recovery *rec,
		       const struct ferry_cong *ca)
{
	u32 min_us = ferry_rtt_min(&ca->rtt);

	if (!rec->reord_seen && (ca->state >= FERRY_CA_RECOVERY ||
				 ca->sacked_out >= rec->reordering))
		return 0;
	if (min_us == ~0U)
		return 0;
	return min_t(u64, (u64)(min_us / 4) * rec->rack.reo_wnd_mult,
		     ferry_cong_srtt_us(ca));
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rack_reo_wnd);

/**
 * ferry_rack_adapt() - a round trip with a D-SACK: wait longer
 * @rack: RACK's state
 * @prior_delivered: &ferry_cong.delivered when the segment was sent that was
 *	delivered now
 * @delivered: &ferry_cong.delivered
 *
 * RFC 8985 section 6.2, step 4: once in a round trip at most.  Pure; socket
 * lock held.
 */
void ferry_rack_adapt(struct ferry_rack *rack, u32 prior_delivered,
		      u32 delivered)
{
	/* A round trip has not passed since: it is the same trouble. */
	if (seq_before(prior_delivered, rack->round))
		rack->dsack_seen = 0;
	if (rack->dsack_seen) {
		rack->dsack_seen = 0;
		rack->reo_wnd_mult = min(rack->reo_wnd_mult + 1, U8_MAX);
		rack->reo_wnd_persist = FERRY_REO_WND_PERSIST;
		rack->round = delivered;
	} else if (!rack->reo_wnd_persist) {
		rack->reo_wnd_mult = 1;
	}
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rack_adapt);

/**
 * ferry_rack_remaining() - how long until a segment counts as lost?
 * @rack: RACK's state
 * @reo_wnd: the reordering window in microseconds
 * @now_us: the time
 * @sent_us: when the segment was sent last
 *
 * Pure; any context.
 *
 * Return: microseconds; 0 or less if it is lost.
 */
s32 ferry_rack_remaining(const struct ferry_rack *rack, u32 reo_wnd,
			 u32 now_us, u32 sent_us)
{
	return rack->rtt_us + reo_wnd - (now_us - sent_us);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rack_remaining);

/**
 * ferry_rack_detect() - mark what is lost
 * @rec: recovery state
 * @ca: congestion state
 * @lost_retrans: set to true if a retransmission was lost
 *
 * RFC 8985 section 6.2, step 5.  Looks at the segments in the order in which
 * they were sent, and stops at the first that was sent after what RACK knows.
 * Pure; socket lock held.
 *
 * Return: microseconds until more may be lost, 0 if nothing is suspicious.
 */
u32 ferry_rack_detect(struct ferry_recovery *rec, struct ferry_cong *ca,
		      bool *lost_retrans)
{
	u32 reo_wnd = ferry_rack_reo_wnd(rec, ca);
	const struct ferry_rack *rack = &rec->rack;
	struct sk_buff *skb, *next;
	struct ferry_skb_cb *cb;
	s32 left, timeout = 0;

	if (!rack->valid)
		return 0;
	list_for_each_entry_safe(skb, next, &rec->by_time,
				 tcp_tsorted_anchor) {
		cb = FERRY_SKB_CB(skb);
		if (!sent_after(rack->sent_us, rack->end_seq, cb->sent_us,
				cb->end_seq))
			break;
		left = ferry_rack_remaining(rack, reo_wnd,
					    ferry_recovery_now(ca),
					    cb->sent_us);
		if (left > 0)
			timeout = max(timeout, left);
		else if (ferry_board_mark_lost(rec, ca, skb))
			*lost_retrans = true;
	}
	return timeout;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rack_detect);
