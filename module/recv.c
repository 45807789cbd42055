// SPDX-License-Identifier: GPL-2.0-only
/*
 * recvmsg(): from the receive queue to the application.
 *
 * The queue holds what came in order, each segment with its sequence numbers;
 * copied_seq says how far the application has read.
 */
#include <linux/sched/signal.h>
#include <net/busy_poll.h>

#include "ferry.h"

/**
 * ferry_recv_queued() - bytes that could be read now
 * @sk: the socket
 *
 * Context: socket lock held, or the answer may be old.
 *
 * Return: bytes.
 */
int ferry_recv_queued(const struct sock *sk)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	int queued = READ_ONCE(fp->rcv_nxt) - READ_ONCE(fp->copied_seq);

	/* The FIN has a sequence number, but is no byte. */
	if (queued > 0 && sock_flag(sk, SOCK_DONE))
		queued--;
	return max(queued, 0);
}

/* The segment with @seq in it, or the FIN at @seq; NULL if there is none. */
static struct sk_buff *find_segment(struct sock *sk, u32 seq, u32 *offset)
{
	struct ferry_skb_cb *cb;
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		cb = FERRY_SKB_CB(skb);
		*offset = seq - cb->seq;
		if (*offset < skb->len ||
		    (cb->flags & FERRY_FIN && *offset == skb->len))
			return skb;
	}
	return NULL;
}

static void consume(struct sock *sk, struct sk_buff *skb)
{
	__skb_unlink(skb, &sk->sk_receive_queue);
	/* As sock_rfree(), but nothing is given back before the answer. */
	atomic_sub(skb->truesize, &sk->sk_rmem_alloc);
	sk_forward_alloc_add(sk, skb->truesize);
	skb->destructor = NULL;
	skb->sk = NULL;
	__kfree_skb(skb);
}

/* Why there is nothing more to read: 0 is the end, else an errno. */
static int nothing_to_read(struct sock *sk, long timeout)
{
	if (sock_flag(sk, SOCK_DONE))
		return 0;
	if (sk->sk_err)
		return sock_error(sk);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return 0;
	if (sk->sk_state == TCP_CLOSE)
		return -ENOTCONN;
	if (!timeout)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(timeout);
	return 1;
}

/* With some bytes in hand, would a wait for more be right? */
static bool may_wait(const struct sock *sk, long timeout)
{
	return !sk->sk_err && sk->sk_state != TCP_CLOSE &&
	       !(sk->sk_shutdown & RCV_SHUTDOWN) && timeout &&
	       !signal_pending(current);
}

/*
 * FERRY_INQ, and io_uring in its own way: what is left, or that the end of the
 * stream is.
 */
static void tell_inq(struct sock *sk, struct msghdr *msg)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	int left = fp->rcv_nxt - fp->copied_seq;

	if (!left && sock_flag(sk, SOCK_DONE))
		left = 1;
	if (msg->msg_get_inq)
		msg->msg_inq = left;
	if (ferry_csk(sk)->tell_inq)
		put_cmsg(msg, SOL_TCP, FERRY_CM_INQ, sizeof(left), &left);
}

static int recv_locked(struct sock *sk, struct msghdr *msg, size_t size,
		       int flags, long timeout, struct ferry_rx_stamps *stamps)
{
	int target = sock_rcvlowat(sk, flags & MSG_WAITALL, size);
	struct ferry_sock *fp = ferry_sk(sk);
	bool peek = flags & MSG_PEEK;
	u32 peek_off = peek ? max(sk_peek_offset(sk, flags), 0) : 0;
	u32 peek_seq = fp->copied_seq + peek_off;
	u32 *seq = peek ? &peek_seq : &fp->copied_seq;
	u32 offset, n, before, skipped = 0;
	struct sk_buff *skb;
	int copied = 0, err;
	bool has_data;

	do {
		/* A read that has something ends in front of what is urgent. */
		if (unlikely(ferry_urgent_at_mark(&fp->urgent, *seq))) {
			if (copied)
				break;
			if (signal_pending(current))
				return timeout ? sock_intr_errno(timeout) :
						 -EAGAIN;
		}
		skb = find_segment(sk, *seq, &offset);
		if (!skb) {
			if (copied >= target && !READ_ONCE(sk->sk_backlog.tail))
				break;
			if (copied && !may_wait(sk, timeout))
				break;
			if (!copied) {
				err = nothing_to_read(sk, timeout);
				if (err <= 0)
					return err;
			}
			if (copied >= target) {
				/* Segments wait in the backlog: take them. */
				release_sock(sk);
				lock_sock(sk);
			} else {
				if (copied)
					ferry_rcvbuf_tune(sk);
				ferry_ack_after_read(sk, copied);
				ferry_mem_reclaim(sk);
				skb = skb_peek_tail(&sk->sk_receive_queue);
				err = sk_wait_data(sk, &timeout, skb);
				if (err < 0)
					return copied ?: err;
			}
			/* Somebody else may have read meanwhile. */
			if (peek && peek_seq != fp->copied_seq + peek_off +
						copied + skipped)
				peek_seq = fp->copied_seq + peek_off + copied +
					   skipped;
			continue;
		}

		before = *seq;
		has_data = offset < skb->len;
		n = min_t(u32, skb->len - offset, size);
		n = ferry_urgent_step(sk, seq, &offset, n);
		skipped += *seq - before;
		if (n && !(flags & MSG_TRUNC)) {
			err = skb_copy_datagram_msg(skb, offset, msg, n);
			if (err) {
				if (!copied)
					copied = -EFAULT;
				break;
			}
		}
		WRITE_ONCE(*seq, *seq + n);
		copied += n;
		size -= n;
		if (peek)
			sk_peek_offset_fwd(sk, n);
		else
			sk_peek_offset_bwd(sk, n);
		ferry_urgent_passed(sk);
		/* Even a read of nothing learns when it came, as TCP's does. */
		if (has_data)
			ferry_tstamp_note(stamps, skb);
		if (offset + n < skb->len)
			continue;
		if (FERRY_SKB_CB(skb)->flags & FERRY_FIN) {
			WRITE_ONCE(*seq, *seq + 1);
			if (!peek)
				consume(sk, skb);
			break;
		}
		if (!peek)
			consume(sk, skb);
	} while (size);
	if (copied > 0 && !peek) {
		ferry_rcvbuf_tune(sk);
		ferry_ack_after_read(sk, copied);
	}
	return copied;
}

/**
 * ferry_recvmsg() - recv()
 * @sock: the socket
 * @msg: where to
 * @size: bytes of room
 * @flags: MSG_*
 *
 * RFC 9293 section 3.10.3.
 *
 * Context: process context.
 *
 * Return: bytes, 0 at the end of the stream, or -ENOTCONN, -EAGAIN, -EINTR,
 * -EFAULT, -EINVAL from ferry_recv_urgent(), or the error that ended the connection.
 */
int ferry_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
		  int flags)
{
	struct ferry_rx_stamps stamps = {};
	struct sock *sk = sock->sk;
	int ret;

	msg->msg_namelen = 0;
	if (flags & MSG_ERRQUEUE)
		return ferry_recv_error(sk, msg, size);
	if (sk_can_busy_loop(sk) && sk->sk_state == TCP_ESTABLISHED &&
	    skb_queue_empty_lockless(&sk->sk_receive_queue))
		sk_busy_loop(sk, flags & MSG_DONTWAIT);

	lock_sock(sk);
	ret = -ENOTCONN;
	if (sk->sk_state == TCP_LISTEN)
		goto out;
	if (flags & MSG_OOB)
		ret = ferry_recv_urgent(sk, msg, size, flags);
	else
		ret = recv_locked(sk, msg, size, flags,
				  sock_rcvtimeo(sk, flags & MSG_DONTWAIT),
				  &stamps);
	if (ret >= 0) {
		ferry_tstamp_tell(sk, msg, &stamps);
		tell_inq(sk, msg);
	}
	ferry_mem_reclaim(sk);
out:
	release_sock(sk);
	return ret;
}
