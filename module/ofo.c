// SPDX-License-Identifier: GPL-2.0-only
/*
 * What has come beyond a hole, and what SACK tells of it (RFC 2018, RFC 2883).
 *
 * Segments wait in a tree by sequence number.  They may overlap, but none lies
 * within another.  Segments that leave no gap between them are a run, and a
 * run is a SACK block.  So that a block can be told without walking along its
 * run, the first segment of a run knows where it ends, and the last one where
 * it begins; what the others know is out of date.
 *
 * The sender learns most from what has changed last: the runs are told in that
 * order, and the four latest are remembered by where they begin.
 *
 * Context: whatever protects the tree, in Ferry the socket lock.
 */
#include "ferry.h"
#include "ofo.h"

/* The segment with the highest number that is not above @seq, or NULL. */
static struct sk_buff *at_or_before(const struct ferry_ofo *q, u32 seq)
{
	struct rb_node *node = q->tree.rb_node;
	struct sk_buff *found = NULL, *skb;

	if (q->last && !seq_after(FERRY_SKB_CB(q->last)->seq, seq))
		return q->last;
	while (node) {
		skb = rb_to_skb(node);
		if (seq_after(FERRY_SKB_CB(skb)->seq, seq)) {
			node = node->rb_left;
		} else {
			found = skb;
			node = node->rb_right;
		}
	}
	return found;
}

static bool begins_run(struct sk_buff *skb)
{
	struct sk_buff *prev = skb_rb_prev(skb);

	return !prev || seq_before(FERRY_SKB_CB(prev)->end_seq,
				   FERRY_SKB_CB(skb)->seq);
}

static bool ends_run(struct sk_buff *skb)
{
	struct sk_buff *next = skb_rb_next(skb);

	return !next || seq_before(FERRY_SKB_CB(skb)->end_seq,
				   FERRY_SKB_CB(next)->seq);
}

/* A run has changed, or has come into being. */
static void note_run(struct ferry_ofo *q, u32 start, u32 end)
{
	u32 recent[FERRY_SACK_BLOCKS_MAX];
	unsigned int i, n = 1;

	FERRY_SKB_CB(at_or_before(q, start))->run.end = end;
	FERRY_SKB_CB(at_or_before(q, end - 1))->run.start = start;

	for (i = 0; i < ARRAY_SIZE(recent); i++)
		recent[i] = start;
	for (i = 0; i < ARRAY_SIZE(recent) && n < ARRAY_SIZE(recent); i++) {
		if (i && q->recent[i] == q->recent[0])
			break;
		if (q->recent[i] - start >= end - start)
			recent[n++] = q->recent[i];
	}
	memcpy(q->recent, recent, sizeof(recent));
}

/*
 * Nothing new has come to the run with @seq in it, but its block goes first.
 * A run that is not among the latest is not looked for.
 */
static void note_again(struct ferry_ofo *q, u32 seq)
{
	const struct ferry_skb_cb *cb;
	struct sk_buff *skb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(q->recent); i++) {
		skb = at_or_before(q, q->recent[i]);
		if (!skb)
			continue;
		cb = FERRY_SKB_CB(skb);
		if (cb->seq == q->recent[i] &&
		    seq - cb->seq < cb->run.end - cb->seq) {
			note_run(q, cb->seq, cb->run.end);
			return;
		}
	}
}

/**
 * ferry_ofo_duplicate() - some of the stream has come twice
 * @q: the queue
 * @start: first sequence number
 * @end: sequence number after the last
 *
 * RFC 2883 section 4: one range is told of, the first until it has been told,
 * and what adjoins it.
 */
void ferry_ofo_duplicate(struct ferry_ofo *q, u32 start, u32 end)
{
	struct ferry_sack_block *d = &q->duplicate;

	if (d->start == d->end) {
		d->start = start;
		d->end = end;
	} else if (!seq_after(start, d->end) && !seq_after(d->start, end)) {
		if (seq_before(start, d->start))
			d->start = start;
		if (seq_after(end, d->end))
			d->end = end;
	}
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_ofo_duplicate);

static void link_skb(struct ferry_ofo *q, struct sk_buff *skb)
{
	struct rb_node **p = &q->tree.rb_node, *parent = NULL;
	u32 seq = FERRY_SKB_CB(skb)->seq;

	while (*p) {
		parent = *p;
		if (seq_before(seq, FERRY_SKB_CB(rb_to_skb(parent))->seq))
			p = &parent->rb_left;
		else
			p = &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, &q->tree);
	if (!skb_rb_next(skb))
		q->last = skb;
}

/**
 * struct meeting - the segments that a new one overlaps or adjoins
 * @first: the first of them, or NULL
 * @covered: up to here they leave nothing new of it
 * @run_start: where the run begins that it is going to be part of
 * @run_end: where that ends
 */
struct meeting {
	struct sk_buff *first;
	u32 covered;
	u32 run_start;
	u32 run_end;
};

static void meet(const struct ferry_ofo *q, u32 seq, u32 end_seq,
		 struct meeting *m)
{
	struct sk_buff *skb = at_or_before(q, seq);
	const struct ferry_skb_cb *cb;
	bool found_start = false;

	*m = (struct meeting){
		.covered = seq, .run_start = seq, .run_end = end_seq,
	};
	if (!skb)
		skb = skb_rb_first(&q->tree);
	else if (seq_before(FERRY_SKB_CB(skb)->end_seq, seq))
		skb = skb_rb_next(skb);
	for (; skb; skb = skb_rb_next(skb)) {
		cb = FERRY_SKB_CB(skb);
		if (seq_after(cb->seq, end_seq))
			break;
		if (!m->first)
			m->first = skb;
		if (!seq_after(cb->seq, m->covered) &&
		    seq_after(cb->end_seq, m->covered))
			m->covered = cb->end_seq;
		if (!found_start && ends_run(skb)) {
			found_start = true;
			if (seq_before(cb->run.start, m->run_start))
				m->run_start = cb->run.start;
		}
		if (begins_run(skb) && seq_after(cb->run.end, m->run_end))
			m->run_end = cb->run.end;
	}
}

/**
 * ferry_ofo_insert() - a segment beyond a hole
 * @q: the queue
 * @skb: the segment; not empty
 * @covered: what it makes superfluous is added here
 *
 * What comes twice is noted for D-SACK.
 *
 * Return: false if it brings nothing new; then it is the caller's still.
 */
bool ferry_ofo_insert(struct ferry_ofo *q, struct sk_buff *skb,
		      struct sk_buff_head *covered)
{
	u32 seq = FERRY_SKB_CB(skb)->seq, end_seq = FERRY_SKB_CB(skb)->end_seq;
	const struct ferry_skb_cb *cb;
	struct sk_buff *met, *next;
	struct meeting m;

	meet(q, seq, end_seq, &m);
	if (!seq_before(m.covered, end_seq)) {
		ferry_ofo_duplicate(q, seq, end_seq);
		note_again(q, seq);
		return false;
	}
	for (met = m.first; met; met = next) {
		cb = FERRY_SKB_CB(met);
		if (!seq_before(cb->seq, end_seq))
			break;
		if (seq_after(cb->end_seq, seq))
			ferry_ofo_duplicate(q, seq_after(cb->seq, seq) ?
						       cb->seq : seq,
					    seq_before(cb->end_seq, end_seq) ?
						       cb->end_seq : end_seq);
		next = skb_rb_next(met);
		if (seq_before(cb->seq, seq) || seq_after(cb->end_seq, end_seq))
			continue;
		if (met == q->last)
			q->last = skb_rb_prev(met);
		rb_erase(&met->rbnode, &q->tree);
		__skb_queue_tail(covered, met);
	}
	link_skb(q, skb);
	note_run(q, m.run_start, m.run_end);
	return true;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_ofo_insert);

/**
 * ferry_ofo_grown() - something was appended to the last segment
 * @q: the queue
 */
void ferry_ofo_grown(struct ferry_ofo *q)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(q->last);

	note_run(q, cb->run.start, cb->end_seq);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_ofo_grown);

/**
 * ferry_ofo_take_first() - take the first segment out
 * @q: the queue
 * @skb: the first; the rest of its run has to be taken out, too
 */
void ferry_ofo_take_first(struct ferry_ofo *q, struct sk_buff *skb)
{
	if (skb == q->last)
		q->last = NULL;
	rb_erase(&skb->rbnode, &q->tree);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_ofo_take_first);

/**
 * ferry_ofo_take_last() - take the last segment out: memory is short
 * @q: the queue, not empty
 *
 * RFC 2018 section 8 allows that: it was not acknowledged.
 *
 * Return: the segment.
 */
struct sk_buff *ferry_ofo_take_last(struct ferry_ofo *q)
{
	struct sk_buff *skb = q->last, *prev = skb_rb_prev(skb);
	u32 run_start = FERRY_SKB_CB(skb)->run.start;
	bool alone = begins_run(skb);

	rb_erase(&skb->rbnode, &q->tree);
	q->last = prev;
	if (!alone) {
		FERRY_SKB_CB(prev)->run.start = run_start;
		FERRY_SKB_CB(at_or_before(q, run_start))->run.end =
			FERRY_SKB_CB(prev)->end_seq;
	}
	return skb;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_ofo_take_last);

/**
 * ferry_ofo_blocks() - what SACK has to tell
 * @q: the queue
 * @blocks: room for FERRY_SACK_BLOCKS_MAX
 *
 * RFC 2018 section 4: the run that has changed last comes first, then the
 * others in that order; RFC 2883: a duplicate stands before them.
 *
 * Return: how many.
 */
unsigned int ferry_ofo_blocks(const struct ferry_ofo *q,
			      struct ferry_sack_block *blocks)
{
	const struct sk_buff *skb;
	unsigned int i, n = 0;

	if (q->duplicate.start != q->duplicate.end)
		blocks[n++] = q->duplicate;
	for (i = 0; i < FERRY_SACK_BLOCKS_MAX && n < FERRY_SACK_BLOCKS_MAX;
	     i++) {
		if (i && q->recent[i] == q->recent[0])
			break;
		skb = at_or_before(q, q->recent[i]);
		if (!skb || FERRY_SKB_CB(skb)->seq != q->recent[i])
			continue;
		blocks[n].start = q->recent[i];
		blocks[n++].end = FERRY_SKB_CB(skb)->run.end;
	}
	return n;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_ofo_blocks);
