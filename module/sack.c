// SPDX-License-Identifier: GPL-2.0-only
/*
 * SACK: which segments beyond a hole the peer has (RFC 2018), and which it got
 * twice (D-SACK, RFC 2883).
 *
 * A block is believed only if it lies in what is outstanding.  Segments count
 * as SACKed when a block covers them whole; a piece that a block covers in part
 * is cut at the segment's edge.  The first block is the news, the others repeat
 * what earlier ACKs said, so whole runs of SACKed pieces are stepped over.
 *
 * The receiver may take back what it has SACKed; only the cumulative
 * acknowledgment frees a piece.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>

#include "compat.h"
#include "recovery.h"

/* The end of the highest SACKed segment, SND.UNA if there is none. */
static u32 highest(const struct ferry_ack_state *st)
{
	return st->ca->sacked_out ? st->rec->sack_high : st->snd_una;
}

/* Does a block lie in what was sent and is not acknowledged? */
static bool is_valid(const struct ferry_ack_state *st,
		     const struct ferry_sack_block *b)
{
	return seq_before(b->start, b->end) &&
	       seq_after(b->start, st->snd_una) &&
	       !seq_after(b->end, st->snd_nxt);
}

/*
 * RFC 2883 section 4: the first block reports a duplicate if it is below the
 * acknowledgment number or within the second one.
 */
static bool is_dsack(const struct ferry_ack_state *st,
		     const struct ferry_sack_block *blocks, unsigned int n)
{
	u32 len = blocks[0].end - blocks[0].start;

	if (!len || len > st->max_window ||
	    seq_after(blocks[0].end, st->snd_nxt))
		return false;
	if (seq_before(blocks[0].start, st->ack_seq))
		return true;
	return n > 1 && !seq_before(blocks[0].start, blocks[1].start) &&
	       !seq_after(blocks[0].end, blocks[1].end);
}

/* The peer got something twice: which of our retransmissions was needless? */
static void duplicate_arrived(struct ferry_ack_state *st,
			      const struct ferry_sack_block *b)
{
	struct ferry_recovery *rec = st->rec;
	u32 segs = DIV_ROUND_UP(b->end - b->start, st->ca->mss);
	struct ferry_skb_cb *cb;
	struct sk_buff *skb;

	st->dsack_segs = segs;
	if (rec->tlp && segs == 1 && b->end == rec->tlp_end)
		st->dsack_tlp = true;
	else if (rec->reord_seen)
		rec->rack.dsack_seen = 1;

	if (!seq_after(b->end, st->prior_una)) {
		ferry_undo_in_vain(rec, b->end, segs);
		return;
	}
	for (skb = ferry_board_find(rec, b->start);
	     skb && !seq_after(FERRY_SKB_CB(skb)->end_seq, b->end);
	     skb = skb_rb_next(skb)) {
		cb = FERRY_SKB_CB(skb);
		if (seq_before(cb->seq, b->start) ||
		    !(cb->marks & FERRY_SKB_EVER_RETRANS))
			continue;
		ferry_undo_in_vain(rec, cb->end_seq, cb->segs);
		if (cb->marks & FERRY_SKB_SACKED &&
		    seq_before(cb->seq, st->reord_seq))
			st->reord_seq = cb->seq;
		/* Both have arrived, so nothing of it is on its way. */
		if ((cb->marks & (FERRY_SKB_RETRANS | FERRY_SKB_LOST)) ==
		    FERRY_SKB_RETRANS) {
			cb->marks &= ~FERRY_SKB_RETRANS;
			st->ca->retrans_out -= cb->segs;
		}
	}
}

/* The peer has all of a piece that was not SACKed before. */
static void mark_sacked(struct ferry_ack_state *st, struct sk_buff *skb)
{
	struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_recovery *rec = st->rec;
	struct ferry_cong *ca = st->ca;

	if (!(cb->marks & FERRY_SKB_EVER_RETRANS)) {
		/* It overtook nothing, but others that were sent later have. */
		if (seq_before(cb->seq, highest(st)) &&
		    seq_before(cb->seq, st->reord_seq))
			st->reord_seq = cb->seq;
		if (!seq_after(cb->end_seq, ca->high_seq))
			st->orig_delivered = true;
		if (!st->sack_timed)
			st->sack_oldest_us = cb->sent_us;
		st->sack_newest_us = cb->sent_us;
		st->sack_timed = true;
	}
	if (cb->marks & FERRY_SKB_LOST) {
		ca->lost_out -= cb->segs;
		/* Whichever of the two it was, the other is gone. */
		if (cb->marks & FERRY_SKB_RETRANS) {
			cb->marks &= ~FERRY_SKB_RETRANS;
			ca->retrans_out -= cb->segs;
		}
		cb->marks &= ~FERRY_SKB_LOST;
	}
	ferry_board_delivered(st, skb, cb->end_seq, cb->segs);
	if (!ca->sacked_out || seq_after(cb->end_seq, rec->sack_high))
		rec->sack_high = cb->end_seq;
	ca->sacked_out += cb->segs;
	cb->marks |= FERRY_SKB_SACKED;
	cb->run_end = cb->end_seq;
	list_del_init(&skb->tcp_tsorted_anchor);
	st->sacked = true;
}

/*
 * Cut a piece so that it holds only whole segments that the block covers.
 * Returns what does, or NULL if nothing does or memory is short; @next is
 * where to go on.
 */
static struct sk_buff *cut_to_block(struct ferry_ack_state *st,
				    struct sk_buff *skb,
				    const struct ferry_sack_block *b,
				    struct sk_buff **next)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	u32 from = 0, to = skb->len;

	*next = skb_rb_next(skb);
	if (!seq_before(cb->seq, b->start) && !seq_after(cb->end_seq, b->end))
		return skb;
	if (seq_before(cb->seq, b->start))
		from = roundup(b->start - cb->seq, cb->mss);
	/* A FIN cannot be cut off, so its segment is covered whole or not. */
	if (seq_after(cb->end_seq, b->end))
		to = rounddown(min(b->end - cb->seq, skb->len - 1), cb->mss);
	if (!skb->len || from >= to)
		return NULL;

	if (from) {
		skb = ferry_board_cut(st->rec, st->ca, st->ops, st->snd_una,
				      skb, from);
		if (!skb)
			return NULL;
		to -= from;
	}
	if (to < skb->len) {
		*next = ferry_board_cut(st->rec, st->ca, st->ops, st->snd_una,
					skb, to);
		if (!*next)
			return NULL;
	}
	return skb;
}

/* Mark what a block covers. */
static void apply_block(struct ferry_ack_state *st,
			const struct ferry_sack_block *b)
{
	struct sk_buff *skb, *next, *run = NULL;
	struct ferry_recovery *rec = st->rec;
	struct ferry_skb_cb *cb;
	u32 run_end = 0;

	for (skb = ferry_board_find(rec, b->start);
	     skb && seq_before(FERRY_SKB_CB(skb)->seq, b->end); skb = next) {
		cb = FERRY_SKB_CB(skb);
		if (cb->marks & FERRY_SKB_SACKED) {
			next = seq_after(cb->run_end, cb->end_seq) ?
				       ferry_board_find(rec, cb->run_end) :
				       skb_rb_next(skb);
		} else {
			skb = cut_to_block(st, skb, b, &next);
			if (!skb)
				continue;
			mark_sacked(st, skb);
			cb = FERRY_SKB_CB(skb);
		}
		if (!run || run_end != cb->seq)
			run = skb;
		run_end = cb->run_end;
		FERRY_SKB_CB(run)->run_end = run_end;
	}
}

/* By sequence number, so that what one ACK brings is not taken for disorder. */
static void sort_blocks(struct ferry_sack_block *blocks, unsigned int n)
{
	unsigned int i, j;

	for (i = 1; i < n; i++)
		for (j = i; j && seq_before(blocks[j].start,
					    blocks[j - 1].start); j--)
			swap(blocks[j], blocks[j - 1]);
}

/**
 * ferry_sack_blocks() - the SACK option of an ACK
 * @st: the ACK; SND.UNA is new, what it acknowledges is still in the queue
 * @blocks: the blocks in the order of the option, host byte order; sorted here
 * @n: how many, 1 or more
 *
 * Pure; socket lock held.
 */
void ferry_sack_blocks(struct ferry_ack_state *st,
		       struct ferry_sack_block *blocks, unsigned int n)
{
	unsigned int i = 0;

	if (is_dsack(st, blocks, n)) {
		duplicate_arrived(st, &blocks[0]);
		i = 1;
	}
	/* What else is in an ACK that was overtaken, later ones know better. */
	if (seq_before(st->ack_seq, st->prior_una))
		return;
	sort_blocks(blocks + i, n - i);
	for (; i < n; i++)
		if (is_valid(st, &blocks[i]))
			apply_block(st, &blocks[i]);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_sack_blocks);
