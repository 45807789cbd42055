// SPDX-License-Identifier: GPL-2.0-only
/*
 * It was no loss: how that shows, and what is taken back.
 *
 * A segment that was only late makes the sender retransmit and reduce its
 * window in vain.  Two things tell: the ACK that fills the hole echoes a
 * timestamp from before the retransmission, so the original caused it (Eifel,
 * RFC 3522); or each retransmission of the episode is reported as a duplicate
 * (D-SACK, RFC 3708).  Then window and threshold go back to what they were.
 *
 * How far segments overtake each other is remembered: a network that reorders
 * by so much is not suspected of a loss any earlier.
 */
#include <linux/kernel.h>

#include "compat.h"
#include "recovery.h"

/**
 * ferry_undo_start() - a reduction begins that may turn out to be needless
 * @rec: recovery state
 * @ca: congestion state
 * @snd_una: SND.UNA
 *
 * What is being retransmitted already cannot be told from what follows.  Pure;
 * socket lock held.
 */
void ferry_undo_start(struct ferry_recovery *rec, const struct ferry_cong *ca,
		      u32 snd_una)
{
	rec->undo = 1;
	rec->undo_una = snd_una;
	rec->undo_retrans = (s32)ca->retrans_out ?: -1;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_undo_start);

/**
 * ferry_undo_sent_again() - something is retransmitted
 * @rec: recovery state
 * @segs: how many segments
 * @now_ms: the timestamp that it carries
 *
 * Pure; socket lock held.
 */
void ferry_undo_sent_again(struct ferry_recovery *rec, u32 segs, u32 now_ms)
{
	if (!rec->retransmitted)
		rec->retrans_ms = now_ms;
	rec->retransmitted = 1;
	rec->undo_retrans = max(rec->undo_retrans, 0) + segs;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_undo_sent_again);

/**
 * ferry_undo_in_vain() - the peer had it already when it came again
 * @rec: recovery state
 * @end_seq: the end of it
 * @segs: how many segments
 *
 * Pure; socket lock held.
 */
void ferry_undo_in_vain(struct ferry_recovery *rec, u32 end_seq, u32 segs)
{
	if (rec->undo && rec->undo_retrans > 0 &&
	    seq_after(end_seq, rec->undo_una))
		rec->undo_retrans = max_t(s32, rec->undo_retrans - segs, 0);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_undo_in_vain);

/**
 * ferry_undo_was_delayed() - has the original arrived?
 * @st: an ACK that moves SND.UNA on
 *
 * RFC 3522 section 3.2, step 5; or nothing was sent again that could have.
 * Pure; socket lock held.
 *
 * Return: true if the ACK was caused by what was sent before the first
 * retransmission.
 */
bool ferry_undo_was_delayed(const struct ferry_ack_state *st)
{
	const struct ferry_recovery *rec = st->rec;

	if (rec->retransmitted)
		return st->has_ts_ecr &&
		       seq_before(st->ts_ecr_ms, rec->retrans_ms);
	/* Without SACK that is forgotten a little before the episode ends. */
	return st->sack || seq_before(st->snd_una, st->ca->high_seq);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_undo_was_delayed);

/**
 * ferry_undo_is_due() - was the reduction needless?
 * @st: the ACK
 *
 * Pure; socket lock held.
 *
 * Return: true if so.
 */
bool ferry_undo_is_due(const struct ferry_ack_state *st)
{
	const struct ferry_recovery *rec = st->rec;

	return rec->undo && (!rec->undo_retrans || ferry_undo_was_delayed(st));
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_undo_is_due);

/**
 * ferry_undo() - take the reduction back
 * @st: the ACK
 * @forget_losses: what is marked lost is not
 *
 * RFC 4015 section 4.1.  Pure; socket lock held.
 */
void ferry_undo(struct ferry_ack_state *st, bool forget_losses)
{
	struct ferry_cong *ca = st->ca;

	if (forget_losses)
		ferry_board_forget_losses(st->rec, ca);
	if (ca->prior_ssthresh) {
		ca->snd_cwnd = ca->ops->undo_cwnd ?
				       ca->ops->undo_cwnd(ca) :
				       max(ca->snd_cwnd, ca->prior_cwnd);
		ca->snd_ssthresh = max(ca->snd_ssthresh, ca->prior_ssthresh);
		ca->cwr_due = false;
		st->undone = true;
	}
	st->rec->undo = 0;
	/* What is lost in truth has to be found again. */
	st->advanced = true;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_undo);

/**
 * ferry_reordering_seen() - a segment has arrived after one sent later
 * @st: the ACK
 * @low_seq: its first sequence number
 *
 * Pure; socket lock held.
 */
void ferry_reordering_seen(struct ferry_ack_state *st, u32 low_seq)
{
	struct ferry_recovery *rec = st->rec;
	u32 high = st->ca->sacked_out ? rec->sack_high : st->snd_una;
	u32 distance;

	if (!seq_before(low_seq, high))
		return;
	distance = DIV_ROUND_UP(high - low_seq, st->ca->mss);
	if (distance > rec->reordering)
		rec->reordering = min(distance, FERRY_REORDERING_MAX);
	rec->reord_seen = 1;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_reordering_seen);
