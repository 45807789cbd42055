// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time stamps: when packets came and went, as SO_TIMESTAMP, SO_TIMESTAMPNS and
 * SO_TIMESTAMPING ask for (Documentation/networking/timestamping.rst of the
 * kernel).
 *
 * A read says when the last segment that it took bytes from had come.  A write
 * can ask for the times at which its last byte was given to the queueing
 * discipline (SCHED), to the device (SND), and was acknowledged (ACK); they
 * come back through the error queue.  That byte's number is the tskey of the
 * skb it is in.
 *
 * The kernel subtracts from a tskey the one at which SOF_TIMESTAMPING_OPT_ID
 * began, sk_tskey, only for TCP.  So here the key is kept relative to it.
 *
 * Context: socket lock held.
 */
#include <linux/errqueue.h>
#include <net/tcp.h>

#include "ferry.h"

static u32 key_seq(const struct sock *sk, const struct sk_buff *skb)
{
	return skb_shinfo(skb)->tskey + atomic_read(&sk->sk_tskey);
}

/**
 * ferry_tstamp_key_init() - SOF_TIMESTAMPING_OPT_ID was switched on
 * @sk: the socket
 * @written: count from what is written from now on, not from what is
 *	acknowledged
 */
void ferry_tstamp_key_init(struct sock *sk, bool written)
{
	const struct ferry_sock *fp = ferry_sk(sk);

	atomic_set(&sk->sk_tskey, written ? fp->write_seq : fp->snd_una);
}

/**
 * ferry_tstamp_begin() - something is to be written that will be stamped
 * @sk: the socket
 *
 * Where the kernel does not let us see that SOF_TIMESTAMPING_OPT_ID was
 * switched on (solsocket.c), the first byte written after that is number 0.
 */
void ferry_tstamp_begin(struct sock *sk)
{
	if (READ_ONCE(sk->sk_tsflags) & SOF_TIMESTAMPING_OPT_ID &&
	    !atomic_read(&sk->sk_tskey))
		ferry_tstamp_key_init(sk, true);
}

/**
 * ferry_tstamp_written() - the last byte written is to be stamped
 * @sk: the socket
 * @tsflags: SOF_TIMESTAMPING_*: of the socket, or of this one call
 */
void ferry_tstamp_written(struct sock *sk, u32 tsflags)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);
	struct ferry_skb_cb *cb;

	if (!skb)
		skb = ferry_rtx_tail(sk);
	if (!skb || !tsflags)
		return;
	cb = FERRY_SKB_CB(skb);
	__sock_tx_timestamp(tsflags, &skb_shinfo(skb)->tx_flags);
	if (tsflags & SOF_TIMESTAMPING_TX_ACK)
		cb->marks |= FERRY_SKB_TSTAMP_ACK;
	if (tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK)
		skb_shinfo(skb)->tskey = cb->seq + skb->len - 1 -
					 atomic_read(&sk->sk_tskey);
}

/**
 * ferry_tstamp_cut() - a piece was cut: which part has the byte?
 * @sk: the socket
 * @skb: the first part
 * @rest: the second, which has the marks of the first, but no tskey
 */
void ferry_tstamp_cut(const struct sock *sk, struct sk_buff *skb,
		      struct sk_buff *rest)
{
	u8 flags = skb_shinfo(skb)->tx_flags & SKBTX_ANY_TSTAMP;

	if (likely(!flags && !(FERRY_SKB_CB(skb)->marks &
			       FERRY_SKB_TSTAMP_ACK)))
		return;
	if (seq_before(key_seq(sk, skb), FERRY_SKB_CB(rest)->seq)) {
		FERRY_SKB_CB(rest)->marks &= ~FERRY_SKB_TSTAMP_ACK;
		return;
	}
	FERRY_SKB_CB(skb)->marks &= ~FERRY_SKB_TSTAMP_ACK;
	skb_shinfo(skb)->tx_flags &= ~flags;
	skb_shinfo(rest)->tx_flags |= flags;
	skb_shinfo(rest)->tskey = skb_shinfo(skb)->tskey;
}

/**
 * ferry_tstamp_segment() - a packet was segmented: this segment has the byte?
 * @sk: whose packet it was, or NULL
 * @skb: the packet
 * @seg: a segment of it
 * @seq: the segment's sequence number
 * @len: bytes of data in it
 *
 * Context: any.
 */
void ferry_tstamp_segment(const struct sock *sk, const struct sk_buff *skb,
			  struct sk_buff *seg, u32 seq, u32 len)
{
	u8 flags = skb_shinfo(skb)->tx_flags & SKBTX_ANY_TSTAMP;

	if (likely(!flags) || !sk || key_seq(sk, skb) - seq >= len)
		return;
	skb_shinfo(seg)->tx_flags |= flags;
	skb_shinfo(seg)->tskey = skb_shinfo(skb)->tskey;
}

/* The kernel wants to see TCP's mark in what it makes a report of. */
static void report_ack(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *clone = ferry_clone_sent(skb);

	if (!clone)
		return;
	/* A copy does not have them. */
	skb_shinfo(clone)->tx_flags |= skb_shinfo(skb)->tx_flags &
				       SKBTX_ANY_TSTAMP;
	skb_shinfo(clone)->tskey = skb_shinfo(skb)->tskey;
	/* On the scoreboard this was part of a tree. */
	clone->dev = NULL;
	memset(clone->cb, 0, sizeof(clone->cb));
	TCP_SKB_CB(clone)->txstamp_ack = 1;
	__skb_tstamp_tx(clone, NULL, NULL, sk, SCM_TSTAMP_ACK);
	kfree_skb(clone);
}

/**
 * ferry_tstamp_acked() - report what an ACK says about stamped bytes
 * @sk: the socket; what is acknowledged is still on the scoreboard
 * @una: SND.UNA before
 * @ack: and after
 */
void ferry_tstamp_acked(struct sock *sk, u32 una, u32 ack)
{
	struct sk_buff *skb = ferry_rtx_head(sk);

	for (; skb && seq_before(FERRY_SKB_CB(skb)->seq, ack);
	     skb = skb_rb_next(skb))
		if (FERRY_SKB_CB(skb)->marks & FERRY_SKB_TSTAMP_ACK &&
		    key_seq(sk, skb) - una < ack - una)
			report_ack(sk, skb);
}

static void put_old_stamp(struct msghdr *msg, struct sock *sk,
			  struct timespec64 ts)
{
	bool new = sock_flag(sk, SOCK_TSTAMP_NEW);

	if (sock_flag(sk, SOCK_RCVTSTAMPNS)) {
		struct __kernel_timespec wide = {
			.tv_sec = ts.tv_sec, .tv_nsec = ts.tv_nsec,
		};
		struct __kernel_old_timespec narrow = {
			.tv_sec = ts.tv_sec, .tv_nsec = ts.tv_nsec,
		};

		if (new)
			put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPNS_NEW,
				 sizeof(wide), &wide);
		else
			put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMPNS_OLD,
				 sizeof(narrow), &narrow);
	} else {
		struct __kernel_sock_timeval wide = {
			.tv_sec = ts.tv_sec,
			.tv_usec = ts.tv_nsec / NSEC_PER_USEC,
		};
		struct __kernel_old_timeval narrow = {
			.tv_sec = ts.tv_sec,
			.tv_usec = ts.tv_nsec / NSEC_PER_USEC,
		};

		if (new)
			put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMP_NEW,
				 sizeof(wide), &wide);
		else
			put_cmsg(msg, SOL_SOCKET, SO_TIMESTAMP_OLD,
				 sizeof(narrow), &narrow);
	}
}

/**
 * ferry_tstamp_note() - bytes are read from a segment: remember its times
 * @stamps: what is remembered
 * @skb: the segment
 */
void ferry_tstamp_note(struct ferry_rx_stamps *stamps,
		       const struct sk_buff *skb)
{
	ktime_t hw = skb_shinfo(skb)->hwtstamps.hwtstamp;

	if (likely(!skb->tstamp && !hw))
		return;
	stamps->sw = skb->tstamp;
	stamps->hw = hw;
}

/**
 * ferry_tstamp_tell() - tell the reader what was remembered
 * @sk: the socket
 * @msg: what is returned to the reader
 * @stamps: what was remembered
 */
void ferry_tstamp_tell(struct sock *sk, struct msghdr *msg,
		       const struct ferry_rx_stamps *stamps)
{
	u32 tsflags = READ_ONCE(sk->sk_tsflags);
	ktime_t sw = stamps->sw, hw = stamps->hw;

	if (likely(!sw && !hw))
		return;
	if (sw && sock_flag(sk, SOCK_RCVTSTAMP))
		put_old_stamp(msg, sk, ktime_to_timespec64(sw));
	if (!(tsflags & SOF_TIMESTAMPING_SOFTWARE))
		sw = 0;
	if (!(tsflags & SOF_TIMESTAMPING_RAW_HARDWARE))
		hw = 0;
	if (sw || hw)
		ferry_put_timestamping(msg, sock_flag(sk, SOCK_TSTAMP_NEW),
				       sw, hw);
}
