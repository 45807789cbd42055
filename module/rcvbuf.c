// SPDX-License-Identifier: GPL-2.0-only
/*
 * How large the receive buffer is, and how much of it is promised.
 *
 * Growing with the sender: in one round trip a sender cannot send more than
 * one window.  So what the application reads in a round trip says what it
 * could use, and the buffer grows until the window is twice that ("dynamic
 * right-sizing"), unless the application has set SO_RCVBUF.  The round trip is
 * measured by the timestamps that the peer echoes.
 *
 * Not promising too much: small segments cost much more memory than their
 * payload.  So the window begins small, and grows with every segment up to
 * what the buffer could hold of segments like it.
 *
 * When memory is short all the same: the buffer is made larger if it may be,
 * wasteful segments are copied together, and at last what waits beyond a hole
 * is dropped.  What has been acknowledged is never lost.
 *
 * Context: socket lock held, in process context or BH.
 */
#include "ferry.h"

static bool may_tune(const struct sock *sk)
{
	return !(sk->sk_userlocks & SOCK_RCVBUF_LOCK);
}

static u32 largest(const struct sock *sk)
{
	return READ_ONCE(ferry_net(sock_net(sk))->sysctl.rmem[2]);
}

/**
 * ferry_rcvbuf_start() - the connection is established
 * @sk: the socket; its first window has been announced
 */
void ferry_rcvbuf_start(struct sock *sk)
{
	struct ferry_sock *fp = ferry_sk(sk);

	fp->rcvq_space = min(fp->rcv_wnd, FERRY_INIT_CWND * ferry_mss(fp));
	fp->rcvq_time = ferry_clock_us();
	fp->rcvq_seq = fp->copied_seq;
	fp->rcv_rtt_us = 0;
	fp->rcv_tsecr = 0;
}

/**
 * ferry_rcv_rtt() - measure the round trip as the receiver
 * @fp: the stream
 * @skb: a segment with data
 * @o: its options
 *
 * RFC 7323 section 4.1.  Only a full segment was sent as soon as the ACK that
 * allowed it came, and only the first that echoes a timestamp.
 */
void ferry_rcv_rtt(struct ferry_sock *fp, const struct sk_buff *skb,
		   const struct ferry_options *o)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	u32 ms;

	if (!o->has_timestamp || o->ts_ecr == fp->rcv_tsecr)
		return;
	fp->rcv_tsecr = o->ts_ecr;
	ms = ferry_ts_of_us(fp->conn.cong.now_us) -
	     (o->ts_ecr - fp->ts_offset);
	if (cb->end_seq - cb->seq < fp->conn.rcv_mss ||
	    ms > U32_MAX / USEC_PER_MSEC)
		return;
	fp->rcv_rtt_us = ferry_rcv_rtt_smooth(fp->rcv_rtt_us,
					      max(ms, 1U) * USEC_PER_MSEC);
}

/**
 * ferry_rcvbuf_tune() - the application has read: is the buffer large enough?
 * @sk: the socket
 */
void ferry_rcvbuf_tune(struct sock *sk)
{
	struct ferry_sock *fp = ferry_sk(sk);
	/* What was read came no later than that. */
	u32 now = fp->conn.cong.now_us, copied, wanted;
	/* Without timestamps, the handshake's or the sender's. */
	u32 rtt = fp->rcv_rtt_us ?: fp->conn.cong.rtt.srtt_us >> 3;

	if (!rtt || now - fp->rcvq_time < rtt)
		return;
	copied = fp->copied_seq - fp->rcvq_seq;
	if (copied > fp->rcvq_space) {
		wanted = ferry_rcvbuf_wanted(copied, fp->rcvq_space,
					     ferry_mss(fp), largest(sk));
		if (wanted > sk->sk_rcvbuf && may_tune(sk) &&
		    READ_ONCE(ferry_net(sock_net(sk))->sysctl.moderate_rcvbuf))
			WRITE_ONCE(sk->sk_rcvbuf, wanted);
		fp->rcvq_space = copied;
	}
	fp->rcvq_seq = fp->copied_seq;
	fp->rcvq_time = now;
}

/**
 * ferry_set_rcvlowat() - SO_RCVLOWAT
 * @sk: the socket
 * @bytes: how many a reader wants to be woken for
 *
 * No more than the window can be; the buffer grows so that it can be.
 *
 * Return: 0
 */
int ferry_set_rcvlowat(struct sock *sk, int bytes)
{
	u32 cap = may_tune(sk) ? largest(sk) : sk->sk_rcvbuf;

	bytes = min_t(u32, bytes, ferry_window_from_space(cap));
	WRITE_ONCE(sk->sk_rcvlowat, bytes ?: 1);
	if (ferry_is_readable(sk, sk->sk_rcvlowat))
		sk->sk_data_ready(sk);
	if (may_tune(sk) && 2 * bytes > sk->sk_rcvbuf)
		WRITE_ONCE(sk->sk_rcvbuf, 2 * bytes);
	return 0;
}

/**
 * ferry_rcv_ssthresh_grow() - a segment has come: promise more of the buffer
 * @sk: the socket
 * @skb: the segment, its header taken off
 *
 * The peer hears of it at once, with an ACK for each segment: as long as the
 * promise grows, the connection is young and its sender waits for ACKs.
 */
void ferry_rcv_ssthresh_grow(struct sock *sk, const struct sk_buff *skb)
{
	struct ferry_sock *fp = ferry_sk(sk);
	u32 old = fp->rcv_ssthresh;

	/* The last small one of many says nothing about the others. */
	if (skb->len < 128 || sk_under_memory_pressure(sk))
		return;
	if (fp->window_clamp && old >= fp->window_clamp)
		return;
	fp->rcv_ssthresh = ferry_rcv_ssthresh_after(old, sk->sk_rcvbuf,
						    skb->len, skb->truesize,
						    fp->conn.rcv_mss);
	if (fp->rcv_ssthresh > old)
		fp->conn.quick_acks |= 1;
}

static bool is_wasteful(const struct sk_buff *skb)
{
	return skb->truesize > 4 * skb->len &&
	       !(FERRY_SKB_CB(skb)->flags & FERRY_FIN);
}

/* The end of the wasteful ones that begin with @skb, and what they hold. */
static struct sk_buff *wasteful_run(const struct sk_buff_head *queue,
				    struct sk_buff *skb, u32 *len,
				    u32 *truesize)
{
	*len = 0;
	*truesize = 0;
	skb_queue_walk_from(queue, skb) {
		if (!is_wasteful(skb) ||
		    *len + skb->len > SKB_MAX_ORDER(0, 0))
			break;
		*len += skb->len;
		*truesize += skb->truesize;
	}
	return skb;
}

static void copy_run(struct sk_buff_head *queue, struct sk_buff *to,
		     struct sk_buff *skb, const struct sk_buff *end)
{
	struct ferry_skb_cb *cb = FERRY_SKB_CB(to);
	struct sk_buff *next;
	u32 skip;

	*cb = *FERRY_SKB_CB(skb);
	cb->end_seq = cb->seq;
	for (; skb != end; skb = next) {
		next = skb->next;
		/* It may begin with what the one before ends with. */
		skip = cb->end_seq - FERRY_SKB_CB(skb)->seq;
		if (skb->len > skip)
			skb_copy_bits(skb, skip,
				      skb_put(to, skb->len - skip),
				      skb->len - skip);
		cb->end_seq = FERRY_SKB_CB(skb)->end_seq;
		__skb_unlink(skb, queue);
		__kfree_skb(skb);
	}
}

/* Copy small segments that are not yet read together. */
static void collapse(struct sock *sk)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;
	struct sk_buff *skb = skb_peek(queue), *end, *to;
	u32 len, truesize;

	while (skb && skb != (struct sk_buff *)queue) {
		end = wasteful_run(queue, skb, &len, &truesize);
		if (end == skb) {
			skb = skb->next;
			continue;
		}
		if (truesize > SKB_TRUESIZE(len)) {
			to = alloc_skb(len, GFP_ATOMIC | __GFP_NOWARN);
			if (!to)
				return;
			if (to->truesize < truesize) {
				__skb_queue_before(queue, skb, to);
				skb_set_owner_r(to, sk);
				copy_run(queue, to, skb, end);
				ferry_count(sock_net(sk), COLLAPSED);
			} else {
				kfree_skb(to);
			}
		}
		skb = end;
	}
}

/* The latest first: its hole is the last to be filled. */
static void prune(struct sock *sk)
{
	struct ferry_ofo *ofo = ferry_ofo(ferry_sk(sk));

	while (!ferry_ofo_empty(ofo) &&
	       atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf)
		ferry_drop(sk, ferry_ofo_take_last(ofo), FERRY_DROP_OFO_PRUNED);
}

/**
 * ferry_rcvbuf_make_room() - a segment has come that may not fit
 * @sk: the socket
 *
 * Return: true if the buffer is not full, or not full any more.
 */
bool ferry_rcvbuf_make_room(struct sock *sk)
{
	int used = atomic_read(&sk->sk_rmem_alloc);
	struct ferry_sock *fp = ferry_sk(sk);

	if (likely(used <= sk->sk_rcvbuf))
		return true;
	fp->rcv_ssthresh = min(fp->rcv_ssthresh, 2U * ferry_mss(fp));
	fp->conn.quick_acks = 0;
	if (may_tune(sk) && !sk_under_memory_pressure(sk) &&
	    sk->sk_rcvbuf < largest(sk))
		WRITE_ONCE(sk->sk_rcvbuf, min_t(u32, used, largest(sk)));
	if (used > sk->sk_rcvbuf)
		collapse(sk);
	if (atomic_read(&sk->sk_rmem_alloc) > sk->sk_rcvbuf)
		prune(sk);
	return atomic_read(&sk->sk_rmem_alloc) <= sk->sk_rcvbuf;
}
