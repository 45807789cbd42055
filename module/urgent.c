// SPDX-License-Identifier: GPL-2.0-only
/*
 * Urgent data, as Linux TCP does it (RFC 9293 section 3.8.5, RFC 6093).
 *
 * The last byte that is written with MSG_OOB is urgent: until it has been
 * acknowledged, segments before it carry the URG bit and a pointer to what
 * comes after it.  A pointer is for one segment, so nothing goes in packets of
 * several meanwhile, and Nagle's rule does not hold anything back.
 *
 * The receiver takes the urgent byte out of the stream: MSG_OOB reads it, and
 * an ordinary read stops in front of it once (SIOCATMARK) and then skips it.
 * With SO_OOBINLINE it stays in the stream.  There is only one: a later
 * pointer replaces an earlier one, whose byte is then an ordinary one.
 *
 * RFC 6093 advises new programs against all this: the pointer is lost in
 * middleboxes, and systems disagree whether it points to the urgent byte or
 * behind it.  net.ferry.stdurg chooses; all send and expect the latter.
 *
 * Context: socket lock held.
 */
#include "ferry.h"

/* A second urgent byte comes while the first, already passed, is next. */
static void skip_old_byte(struct sock *sk)
{
	struct sk_buff *skb = skb_peek(&sk->sk_receive_queue);
	struct ferry_sock *fp = ferry_sk(sk);

	WRITE_ONCE(fp->copied_seq, fp->copied_seq + 1);
	if (skb && !seq_before(fp->copied_seq, FERRY_SKB_CB(skb)->end_seq)) {
		__skb_unlink(skb, &sk->sk_receive_queue);
		consume_skb(skb);
	}
}

static void pointer_received(struct sock *sk, u32 seq)
{
	struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_urgent *u = &fp->urgent;

	if (!ferry_urgent_is_news(u, seq, fp->copied_seq, fp->rcv_nxt))
		return;
	sk_send_sigurg(sk);
	if (ferry_urgent_at_mark(u, fp->copied_seq) &&
	    !sock_flag(sk, SOCK_URGINLINE) && fp->copied_seq != fp->rcv_nxt)
		skip_old_byte(sk);
	WRITE_ONCE(u->seq, seq);
	WRITE_ONCE(u->data, FERRY_URGENT_AWAITED);
}

/**
 * ferry_urgent_rcv() - the sixth step of RFC 9293 section 3.10.7.4
 * @sk: the socket
 * @skb: an acceptable segment, whose data is not yet queued
 */
void ferry_urgent_rcv(struct sock *sk, const struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	const struct tcphdr *th = ferry_hdr(skb);
	struct ferry_urgent *u = &ferry_sk(sk)->urgent;
	u32 offset;
	u8 byte;

	if (cb->flags & FERRY_URG)
		pointer_received(sk, ferry_urgent_byte(cb->seq,
						       ntohs(th->urg_ptr),
			READ_ONCE(ferry_net(sock_net(sk))->sysctl.stdurg)));
	if (u->data != FERRY_URGENT_AWAITED)
		return;
	offset = u->seq - cb->seq + ferry_hdr_len(th);
	if (offset < ferry_hdr_len(th) || offset >= skb->len ||
	    skb_copy_bits(skb, offset, &byte, 1))
		return;
	WRITE_ONCE(u->data, FERRY_URGENT_VALID | byte);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_data_ready(sk);
}

/**
 * ferry_recv_urgent() - recv() with MSG_OOB
 * @sk: the socket
 * @msg: where to
 * @size: bytes of room
 * @flags: MSG_*
 *
 * Return: bytes, 1 at most; 0 at the end of the stream; -EINVAL if there is
 * none, it has been read, or it is in the stream; -EAGAIN if it is announced
 * and not yet here; -ENOTCONN or -EFAULT.
 */
int ferry_recv_urgent(struct sock *sk, struct msghdr *msg, size_t size,
		      int flags)
{
	struct ferry_urgent *u = &ferry_sk(sk)->urgent;
	u8 byte = u->data;

	if (sock_flag(sk, SOCK_URGINLINE) || !u->data ||
	    u->data == FERRY_URGENT_READ)
		return -EINVAL;
	if (sk->sk_state == TCP_CLOSE && !sock_flag(sk, SOCK_DONE))
		return -ENOTCONN;
	if (u->data & FERRY_URGENT_VALID) {
		if (!(flags & MSG_PEEK))
			WRITE_ONCE(u->data, FERRY_URGENT_READ);
		msg->msg_flags |= MSG_OOB;
		if (!size) {
			msg->msg_flags |= MSG_TRUNC;
			return 0;
		}
		if (!(flags & MSG_TRUNC) && memcpy_to_msg(msg, &byte, 1))
			return -EFAULT;
		return 1;
	}
	if (sk->sk_state == TCP_CLOSE || sk->sk_shutdown & RCV_SHUTDOWN)
		return 0;
	return -EAGAIN;
}

/**
 * ferry_urgent_step() - how far may an ordinary read go?
 * @sk: the socket
 * @seq: next sequence number to be read; moved beyond the urgent byte if that
 *	is there and not part of the stream
 * @offset: the same in its segment
 * @n: bytes in the segment that could be read
 *
 * Return: bytes to be read from @offset on.
 */
u32 ferry_urgent_step(const struct sock *sk, u32 *seq, u32 *offset, u32 n)
{
	const struct ferry_urgent *u = &ferry_sk(sk)->urgent;
	u32 ahead = u->seq - *seq;

	if (!u->data || ahead >= n)
		return n;
	if (ahead)
		return ahead;
	if (sock_flag(sk, SOCK_URGINLINE))
		return n;
	WRITE_ONCE(*seq, *seq + 1);
	(*offset)++;
	return n - 1;
}

/**
 * ferry_urgent_passed() - something was read: was the urgent byte, too?
 * @sk: the socket
 */
void ferry_urgent_passed(struct sock *sk)
{
	struct ferry_sock *fp = ferry_sk(sk);

	if (fp->urgent.data && seq_after(fp->copied_seq, fp->urgent.seq))
		WRITE_ONCE(fp->urgent.data, 0);
}

/**
 * ferry_urgent_queued() - bytes that one read returns, for FIONREAD
 * @sk: the socket
 *
 * Return: what is queued, or what of it comes before the urgent byte.
 */
int ferry_urgent_queued(const struct sock *sk)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	const struct ferry_urgent *u = &fp->urgent;

	if (sock_flag(sk, SOCK_URGINLINE) || !u->data ||
	    seq_before(u->seq, fp->copied_seq) ||
	    !seq_before(u->seq, fp->rcv_nxt))
		return ferry_recv_queued(sk);
	return u->seq - fp->copied_seq;
}
