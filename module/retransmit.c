// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was sent and is not acknowledged, and sending it again.
 *
 * rtx_queue is a tree of the pieces that ferry_push() let through, by sequence
 * number.  A piece keeps its control block: how many of its segments are still
 * counted, and what is held of them (FERRY_SKB_*).  Whoever changes the marks
 * or the number of segments of a piece changes the counters of struct
 * ferry_cong with them.  What is lost is cut along its segments and sent again
 * as clones, oldest first, as far as the congestion window goes.
 *
 * Context: socket lock held, in process context or BH.
 */
#include <linux/skbuff.h>

#include "ferry.h"
#include "trace.h"

/**
 * ferry_rtx_insert() - add to the retransmission queue
 * @sk: the socket
 * @skb: what was sent
 */
void ferry_rtx_insert(struct sock *sk, struct sk_buff *skb)
{
	struct rb_root *root = &ferry_sk(sk)->rtx_queue;
	struct rb_node **p = &root->rb_node, *parent = NULL;
	u32 seq = FERRY_SKB_CB(skb)->seq;

	while (*p) {
		parent = *p;
		if (seq_before(seq, FERRY_SKB_CB(rb_to_skb(parent))->seq))
			p = &parent->rb_left;
		else
			p = &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, root);
}

/**
 * ferry_rtx_adjust() - the segments of a sent piece have become more or fewer
 * @sk: the socket
 * @marks: the piece's FERRY_SKB_* bits
 * @delta: by how many
 */
void ferry_rtx_adjust(struct sock *sk, u8 marks, int delta)
{
	struct ferry_cong *ca = &ferry_csk(sk)->cong;

	ca->packets_out += delta;
	if (marks & FERRY_SKB_LOST)
		ca->lost_out += delta;
	if (marks & FERRY_SKB_RETRANS)
		ca->retrans_out += delta;
}

/**
 * ferry_rtx_free() - forget a sent piece
 * @sk: the socket
 * @skb: in rtx_queue, its segments no longer counted
 */
void ferry_rtx_free(struct sock *sk, struct sk_buff *skb)
{
	rb_erase(&skb->rbnode, &ferry_sk(sk)->rtx_queue);
	ferry_free_write_skb(sk, skb);
}

/* Cut off what has been acknowledged; returns what is left of the piece. */
static struct sk_buff *trim_acked(struct sock *sk, struct sk_buff *skb)
{
	u32 acked = ferry_sk(sk)->snd_una - FERRY_SKB_CB(skb)->seq;
	struct sk_buff *rest;

	if ((s32)acked <= 0 || acked >= skb->len)
		return skb;
	if (ferry_fragment(sk, skb, acked, true, GFP_ATOMIC))
		return NULL;
	rest = skb_rb_next(skb);
	ferry_rtx_adjust(sk, FERRY_SKB_CB(skb)->marks,
			 -FERRY_SKB_CB(skb)->segs);
	ferry_rtx_free(sk, skb);
	return rest;
}

/**
 * ferry_rtx_front() - make the first unacknowledged segments a piece of theirs
 * @sk: the socket
 * @max_segs: how many, 1 or more
 *
 * Return: a piece that starts at SND.UNA and has at most @max_segs segments;
 * or NULL if nothing is outstanding or there is no memory.
 */
struct sk_buff *ferry_rtx_front(struct sock *sk, u32 max_segs)
{
	struct sk_buff *skb = ferry_rtx_head(sk);
	u32 len;

	if (!skb)
		return NULL;
	skb = trim_acked(sk, skb);
	if (!skb)
		return NULL;
	len = max_segs * FERRY_SKB_CB(skb)->mss;
	if (skb->len > len && ferry_fragment(sk, skb, len, true, GFP_ATOMIC))
		return NULL;
	return skb;
}

/* For the tracepoint, from the state that recovery is in. */
static enum ferry_retransmit_reason
retransmit_reason(const struct ferry_conn_sock *csk,
		  const struct ferry_skb_cb *cb)
{
	if (cb->flags & FERRY_SYN)
		return FERRY_RTX_SYN;
	if (csk->cong.state == FERRY_CA_LOSS)
		return csk->cong.snd_cwnd == 1 ? FERRY_RTX_RTO :
						 FERRY_RTX_SLOW_START;
	/* Without trouble, only a smaller MSS makes anything lost. */
	return csk->cong.state == FERRY_CA_RECOVERY ? FERRY_RTX_FAST :
						      FERRY_RTX_MTU;
}

/* Send a piece again, as much of it as the peer's window allows. */
static int retransmit(struct sock *sk, struct sk_buff *skb, u32 max_segs)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	u32 window, len = max_segs * cb->mss;
	int err;

	if (ferry_is_urgent(fp))
		len = cb->mss;
	if (!seq_before(cb->seq, ferry_wnd_end(fp))) {
		/* The first one goes even so: its ACK opens the window. */
		if (seq_after(cb->seq, fp->snd_una))
			return -EAGAIN;
		window = cb->mss;
	} else {
		window = ferry_wnd_end(fp) - cb->seq;
	}
	if (len > window)
		len = rounddown(window, cb->mss) ?: window;
	if (skb->len > len) {
		err = ferry_fragment(sk, skb, len, true, GFP_ATOMIC);
		if (err)
			return err;
	}

	err = ferry_transmit(sk, skb, true);
	if (err)
		return err;
	if (!(cb->marks & FERRY_SKB_RETRANS))
		csk->cong.retrans_out += cb->segs;
	cb->marks |= FERRY_SKB_RETRANS | FERRY_SKB_EVER_RETRANS;
	if (!csk->retrans_stamp)
		csk->retrans_stamp = (u32)jiffies ?: 1;
	fp->total_retrans += cb->segs;
	fp->bytes_retrans += skb->len;
	trace_ferry_retransmit(&sk->__sk_common, cb->seq, cb->end_seq,
			       retransmit_reason(csk, cb));
	ferry_mib_add(sock_net(sk), FERRY_MIB_RETRANS_SEGS, cb->segs);
	return 0;
}

/**
 * ferry_retransmit_front() - send the first unacknowledged segment again
 * @sk: the socket
 *
 * Whatever the congestion window says.
 *
 * Return: 0, -ENOMEM or what ferry_transmit() says.
 */
int ferry_retransmit_front(struct sock *sk)
{
	struct sk_buff *skb = ferry_rtx_front(sk, 1);

	return skb ? retransmit(sk, skb, 1) : -ENOMEM;
}

/**
 * ferry_retransmit_lost() - send again what is lost, as far as the window goes
 * @sk: the socket
 */
void ferry_retransmit_lost(struct sock *sk)
{
	struct ferry_cong *ca = &ferry_csk(sk)->cong;
	struct sk_buff *skb, *next;
	u32 in_flight;

	if (ca->lost_out <= ca->retrans_out)
		return;
	for (skb = ferry_rtx_head(sk); skb; skb = next) {
		in_flight = ferry_cong_in_flight(ca);
		if (in_flight >= ca->snd_cwnd || ferry_pace_holds(sk) ||
		    ferry_tsq_holds(sk, skb, 1))
			return;
		if ((FERRY_SKB_CB(skb)->marks &
		     (FERRY_SKB_LOST | FERRY_SKB_RETRANS)) == FERRY_SKB_LOST) {
			skb = trim_acked(sk, skb);
			if (!skb ||
			    retransmit(sk, skb, ca->snd_cwnd - in_flight))
				return;
		}
		next = skb_rb_next(skb);
	}
}

/**
 * ferry_rtx_resegment() - the MSS has become smaller: send again what is lost
 * @sk: the socket
 *
 * Packets that were too large say nothing about congestion, so the window
 * stays.
 */
void ferry_rtx_resegment(struct sock *sk)
{
	struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_skb_cb *cb;
	struct sk_buff *skb;
	u32 left, segs;

	for (skb = ferry_rtx_head(sk); skb; skb = skb_rb_next(skb)) {
		cb = FERRY_SKB_CB(skb);
		if (cb->mss <= fp->mss || skb->len <= fp->mss)
			continue;
		left = min(cb->end_seq - fp->snd_una, cb->end_seq - cb->seq);
		segs = DIV_ROUND_UP(left, fp->mss);
		ferry_rtx_adjust(sk, cb->marks, segs - cb->segs);
		cb->mss = fp->mss;
		cb->segs = segs;
		ferry_mark_skb_lost(sk, skb);
	}
	ferry_retransmit_lost(sk);
}
