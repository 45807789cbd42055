// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scoreboard: what was sent and is not acknowledged.
 *
 * The queue holds pieces of up to 64 KB, as they were sent.  Their control
 * blocks say how many segments of each are still counted, and FERRY_SKB_*
 * marks say what is known of them.  A piece has the same marks all over: where
 * SACK or a loss is about a part of it, it is cut there, between segments.
 * The counters in struct ferry_cong are the sums over all pieces, always:
 *
 *	packets_out	all segments
 *	sacked_out	those with SACKED
 *	lost_out	those with LOST
 *	retrans_out	those with RETRANS
 *
 * Without SACK no piece is marked SACKED, and sacked_out counts duplicate ACKs.
 *
 * Pieces that are on their way are also in a list by the time when they were
 * sent, for RACK, which so looks at the oldest only.  A piece leaves it when it
 * is SACKed or held to be lost, and comes back when it is sent again.
 *
 * Of a run of SACKed pieces, the first knows where the run ends (@run_end), so
 * that the same SACK block, which comes with many ACKs, is passed over at once.
 */
#include <linux/kernel.h>

#include "compat.h"
#include "recovery.h"

/* A queued piece has no route and no owner; its list is kept there. */
static void leave_time_list(struct sk_buff *skb)
{
	list_del_init(&skb->tcp_tsorted_anchor);
}

/**
 * ferry_board_insert() - something has been sent for the first time
 * @rec: recovery state
 * @skb: the piece; the caller counts its segments
 *
 * Pure; socket lock held.
 */
void ferry_board_insert(struct ferry_recovery *rec, struct sk_buff *skb)
{
	struct rb_node **p = &rec->queue.rb_node, *parent = NULL;
	u32 seq = FERRY_SKB_CB(skb)->seq;

	while (*p) {
		parent = *p;
		if (seq_before(seq, FERRY_SKB_CB(rb_to_skb(parent))->seq))
			p = &parent->rb_left;
		else
			p = &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, &rec->queue);
	list_add_tail(&skb->tcp_tsorted_anchor, &rec->by_time);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_board_insert);

/**
 * ferry_board_remove() - take a piece out of the queue
 * @rec: recovery state
 * @skb: the piece, its segments no longer counted
 *
 * Pure; socket lock held.
 */
void ferry_board_remove(struct ferry_recovery *rec, struct sk_buff *skb)
{
	rb_erase(&skb->rbnode, &rec->queue);
	list_del(&skb->tcp_tsorted_anchor);
	/* Where the list was, others expect a route and a destructor. */
	skb->_skb_refdst = 0;
	skb->destructor = NULL;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_board_remove);

/**
 * ferry_board_find() - the piece with a sequence number
 * @rec: recovery state
 * @seq: sequence number
 *
 * Return: the piece that contains @seq, or the first behind it, or NULL.
 */
struct sk_buff *ferry_board_find(const struct ferry_recovery *rec, u32 seq)
{
	struct rb_node *p = rec->queue.rb_node;
	struct sk_buff *skb, *found = NULL;

	while (p) {
		skb = rb_to_skb(p);
		if (seq_after(FERRY_SKB_CB(skb)->end_seq, seq)) {
			found = skb;
			p = p->rb_left;
		} else {
			p = p->rb_right;
		}
	}
	return found;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_board_find);

/**
 * ferry_board_adjust() - a piece has more or fewer segments now
 * @ca: congestion state, which has the counters
 * @marks: the piece's FERRY_SKB_* bits
 * @delta: by how many
 *
 * Pure; socket lock held.
 */
void ferry_board_adjust(struct ferry_cong *ca, u8 marks, int delta)
{
	ca->packets_out += delta;
	if (marks & FERRY_SKB_SACKED)
		ca->sacked_out += delta;
	if (marks & FERRY_SKB_LOST)
		ca->lost_out += delta;
	if (marks & FERRY_SKB_RETRANS)
		ca->retrans_out += delta;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_board_adjust);

/* Segments of a piece that are not acknowledged. */
static u32 segs_left(const struct sk_buff *skb, u32 snd_una)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	u32 len = skb->len;

	if (!seq_after(cb->end_seq, snd_una))
		return 0;
	if (seq_before(cb->seq, snd_una))
		len -= min(len, snd_una - cb->seq);
	/* A FIN that has a segment of its own, or is all that is left. */
	return max(DIV_ROUND_UP(len, cb->mss), 1U);
}

/**
 * ferry_board_cut() - cut a piece in two
 * @rec: recovery state
 * @ca: congestion state, which has the counters
 * @ops: who does it
 * @snd_una: SND.UNA
 * @skb: the piece; keeps the front
 * @len: bytes that stay in @skb; more than 0 and less than its length
 *
 * Pure; socket lock held.
 *
 * Return: the rest, or NULL without memory, and then nothing has changed.
 */
struct sk_buff *ferry_board_cut(struct ferry_recovery *rec,
				struct ferry_cong *ca,
				const struct ferry_recovery_ops *ops,
				u32 snd_una, struct sk_buff *skb, u32 len)
{
	bool timed = !list_empty(&skb->tcp_tsorted_anchor);
	struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct sk_buff *rest;
	u32 old_segs;

	rest = ops->cut(rec, skb, len);
	if (!rest)
		return NULL;
	old_segs = cb->segs;
	cb->segs = segs_left(skb, snd_una);
	FERRY_SKB_CB(rest)->segs = segs_left(rest, snd_una);
	ferry_board_adjust(ca, cb->marks,
			   cb->segs + FERRY_SKB_CB(rest)->segs - old_segs);

	ferry_board_insert(rec, rest);
	if (timed)
		list_move(&rest->tcp_tsorted_anchor, &skb->tcp_tsorted_anchor);
	else
		leave_time_list(rest);
	return rest;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_board_cut);

/**
 * ferry_board_mark_lost() - a piece is held to be lost
 * @rec: recovery state
 * @ca: congestion state, which has the counters
 * @skb: the piece
 *
 * Pure; socket lock held.
 *
 * Return: true if it was a retransmission that got lost.
 */
bool ferry_board_mark_lost(struct ferry_recovery *rec, struct ferry_cong *ca,
			   struct sk_buff *skb)
{
	struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	bool again = cb->marks & FERRY_SKB_RETRANS;

	if (cb->marks & FERRY_SKB_SACKED ||
	    (cb->marks & FERRY_SKB_LOST && !again))
		return false;
	if (again) {
		cb->marks &= ~FERRY_SKB_RETRANS;
		ca->retrans_out -= cb->segs;
	}
	if (!(cb->marks & FERRY_SKB_LOST)) {
		cb->marks |= FERRY_SKB_LOST;
		ca->lost_out += cb->segs;
	}
	ca->lost += cb->segs;
	leave_time_list(skb);
	if (!rec->lost_pending || seq_before(cb->seq, rec->lost_seq))
		rec->lost_seq = cb->seq;
	rec->lost_pending = 1;
	return again;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_board_mark_lost);

/**
 * ferry_board_sent_again() - a piece has been retransmitted
 * @rec: recovery state
 * @ca: congestion state, which has the counters
 * @skb: the piece
 *
 * Pure; socket lock held.
 */
void ferry_board_sent_again(struct ferry_recovery *rec, struct ferry_cong *ca,
			    struct sk_buff *skb)
{
	struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);

	if (!(cb->marks & FERRY_SKB_RETRANS))
		ca->retrans_out += cb->segs;
	cb->marks |= FERRY_SKB_RETRANS | FERRY_SKB_EVER_RETRANS;
	list_move_tail(&skb->tcp_tsorted_anchor, &rec->by_time);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_board_sent_again);

/**
 * ferry_board_next_lost() - what has to be sent again next
 * @rec: recovery state
 * @skb: the piece that was returned before, or NULL
 *
 * Pure; socket lock held.
 *
 * Return: the first lost piece behind @skb that was not sent again, or NULL.
 */
struct sk_buff *ferry_board_next_lost(struct ferry_recovery *rec,
				      struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb;

	if (!rec->lost_pending)
		return NULL;
	skb = skb ? skb_rb_next(skb) : ferry_board_find(rec, rec->lost_seq);
	while (skb) {
		cb = FERRY_SKB_CB(skb);
		if ((cb->marks & (FERRY_SKB_LOST | FERRY_SKB_RETRANS |
				  FERRY_SKB_SACKED)) == FERRY_SKB_LOST) {
			rec->lost_seq = cb->seq;
			return skb;
		}
		if (cb->marks & FERRY_SKB_SACKED &&
		    seq_after(cb->run_end, cb->end_seq))
			skb = ferry_board_find(rec, cb->run_end);
		else
			skb = skb_rb_next(skb);
	}
	rec->lost_pending = 0;
	return NULL;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_board_next_lost);

/**
 * ferry_board_forget_losses() - nothing was lost after all
 * @rec: recovery state
 * @ca: congestion state, which has the counters
 *
 * What waited to be sent again is on its way, as it always was.
 *
 * Pure; socket lock held.
 */
void ferry_board_forget_losses(struct ferry_recovery *rec,
			       struct ferry_cong *ca)
{
	struct ferry_skb_cb *cb;
	struct sk_buff *skb;

	for (skb = skb_rb_last(&rec->queue); skb; skb = skb_rb_prev(skb)) {
		cb = FERRY_SKB_CB(skb);
		if (!(cb->marks & FERRY_SKB_LOST))
			continue;
		cb->marks &= ~FERRY_SKB_LOST;
		/* It was sent before all others that are on their way. */
		if (list_empty(&skb->tcp_tsorted_anchor))
			list_add(&skb->tcp_tsorted_anchor, &rec->by_time);
	}
	ca->lost_out = 0;
	rec->lost_pending = 0;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_board_forget_losses);

/**
 * ferry_board_delivered() - segments of a piece have arrived
 * @st: the ACK that tells
 * @skb: the piece, not SACKed before
 * @end_seq: sequence number after the last of them
 * @segs: how many
 *
 * What RACK, the rate sample and the RTT learn from it.  Once for each segment.
 *
 * Pure; socket lock held.
 */
void ferry_board_delivered(struct ferry_ack_state *st, struct sk_buff *skb,
			   u32 end_seq, u32 segs)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	bool again = cb->marks & FERRY_SKB_EVER_RETRANS;

	if (st->sack) {
		st->ca->delivered += segs;
		if (st->sample.ece)
			st->ca->delivered_ce += segs;
	}
	if (ferry_rack_delivered(&st->rec->rack, ferry_recovery_now(st->ca),
				 ferry_rtt_min(&st->ca->rtt), cb->sent_us,
				 end_seq, again))
		st->advanced = true;
	ferry_rate_delivered(st->ca, &cb->tx, cb->sent_us, end_seq, again,
			     &st->sample);
}

/* Something was acknowledged that was not SACKed before. */
static void acknowledged_unsacked(struct ferry_ack_state *st,
				  struct sk_buff *skb, u32 end_seq, u32 segs)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	u32 seq = seq_before(cb->seq, st->prior_una) ? st->prior_una : cb->seq;

	if (cb->marks & FERRY_SKB_EVER_RETRANS) {
		st->retrans_acked = true;
	} else {
		st->newest_us = cb->sent_us;
		if (!st->timed)
			st->oldest_us = cb->sent_us;
		st->timed = true;
		if (seq_before(seq, st->reord_seq))
			st->reord_seq = seq;
		if (!seq_after(end_seq, st->ca->high_seq))
			st->orig_delivered = true;
	}
	ferry_board_delivered(st, skb, end_seq, segs);
}

/**
 * ferry_board_clean() - free what is acknowledged
 * @st: the ACK
 *
 * A piece that is acknowledged in part stays whole until it has to be cut for
 * another reason; only its segments are counted.
 *
 * Pure; socket lock held.
 */
void ferry_board_clean(struct ferry_ack_state *st)
{
	struct ferry_recovery *rec = st->rec;
	struct ferry_skb_cb *cb;
	struct sk_buff *skb;
	u32 left, segs, end;

	while ((skb = skb_rb_first(&rec->queue))) {
		cb = FERRY_SKB_CB(skb);
		if (!seq_before(cb->seq, st->snd_una))
			break;
		left = min_t(u32, segs_left(skb, st->snd_una), cb->segs);
		segs = cb->segs - left;
		end = left ? st->snd_una : cb->end_seq;
		if (segs && !(cb->marks & FERRY_SKB_SACKED))
			acknowledged_unsacked(st, skb, end, segs);
		else if (segs && cb->marks & FERRY_SKB_EVER_RETRANS)
			st->retrans_acked = true;

		ferry_board_adjust(st->ca, cb->marks, -(int)segs);
		st->sample.acked += segs;
		st->acked |= segs;
		cb->segs = left;
		if (left)
			break;
		ferry_board_remove(rec, skb);
		st->ops->free(rec, skb);
	}
	skb = skb_rb_first(&rec->queue);
	st->reneging = skb && FERRY_SKB_CB(skb)->marks & FERRY_SKB_SACKED;
	/*
	 * What is sent from here on was sent later than all of that; after half
	 * an hour without a word, a clock of 32 bits would say it was earlier.
	 */
	if (!skb)
		rec->rack.valid = 0;
}
