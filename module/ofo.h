/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What has come beyond a hole, and what SACK tells of it.  No sockets.
 */
#ifndef _FERRY_OFO_H
#define _FERRY_OFO_H

#include <linux/rbtree.h>
#include <linux/skbuff.h>

#include "segment.h"

/**
 * struct ferry_ofo - segments beyond a hole
 * @tree: by sequence number
 * @last: the last in @tree, NULL if that is empty
 * @duplicate: what has come twice and is to be told of (RFC 2883); empty if
 *	its ends are equal
 * @recent: where the runs begin that have changed last, the latest first; what
 *	is left over repeats the first.  A run that has gone may still stand
 *	here: it is not found then
 *
 * All zero is an empty one.
 */
struct ferry_ofo {
	struct rb_root tree;
	struct sk_buff *last;
	struct ferry_sack_block duplicate;
	u32 recent[FERRY_SACK_BLOCKS_MAX];
};

bool ferry_ofo_insert(struct ferry_ofo *q, struct sk_buff *skb,
		      struct sk_buff_head *covered);
void ferry_ofo_grown(struct ferry_ofo *q);
void ferry_ofo_take_first(struct ferry_ofo *q, struct sk_buff *skb);
struct sk_buff *ferry_ofo_take_last(struct ferry_ofo *q);
void ferry_ofo_duplicate(struct ferry_ofo *q, u32 start, u32 end);
unsigned int ferry_ofo_blocks(const struct ferry_ofo *q,
			      struct ferry_sack_block *blocks);

/* A connection on which nothing has ever come out of order has no queue. */
static inline bool ferry_ofo_empty(const struct ferry_ofo *q)
{
	return !q || RB_EMPTY_ROOT(&q->tree);
}

/* Has ferry_ofo_blocks() anything to say? */
static inline bool ferry_ofo_has_blocks(const struct ferry_ofo *q)
{
	return q && (!RB_EMPTY_ROOT(&q->tree) ||
		     q->duplicate.start != q->duplicate.end);
}

#endif /* _FERRY_OFO_H */
