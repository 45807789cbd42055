// SPDX-License-Identifier: GPL-2.0-only
/*
 * When to acknowledge (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2).
 *
 * At once: every second full segment, anything out of order, a FIN, and the
 * first segments of a connection, whose sender is in slow start and waits for
 * nothing else.  Otherwise an ACK waits for data to go the same way, or for
 * 40 ms.  An application that answers what it reads ("pingpong") carries its
 * ACKs that way, so for it the first segments are not special.
 *
 * Context: socket lock held.
 */
#include "ferry.h"

/**
 * ferry_ack_owed() - data has come
 * @sk: the socket
 * @skb: the segment
 */
void ferry_ack_owed(struct sock *sk, const struct sk_buff *skb)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 size = skb_shinfo(skb)->gso_size ?: skb->len;

	csk->ack_pending = 1;
	csk->last_rcv = (u32)jiffies;
	if (size > csk->rcv_mss)
		csk->rcv_mss = min_t(u32, size, U16_MAX);
}

/**
 * ferry_ack_at_once() - acknowledge as soon as the segment is processed
 * @sk: the socket
 */
void ferry_ack_at_once(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	csk->ack_pending = 1;
	csk->ack_now = 1;
	csk->pingpong = 0;
}

/**
 * ferry_ack_retry() - acknowledge later, by the timer or with data
 * @sk: the socket
 */
void ferry_ack_retry(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	csk->ack_pending = 1;
	if (!csk->delack_armed)
		ferry_delack_start(sk, FERRY_DELACK_TIME);
}

/**
 * ferry_ack_check() - a segment has been processed: is it time?
 * @sk: the socket
 */
void ferry_ack_check(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	const struct ferry_sock *fp = ferry_sk(sk);

	if (!csk->ack_pending)
		return;
	if (csk->ack_now || (csk->quick_acks && !csk->pingpong) ||
	    fp->rcv_nxt - fp->rcv_wup > csk->rcv_mss)
		ferry_send_ack(sk);
	else
		ferry_ack_retry(sk);
}

/**
 * ferry_ack_sent() - a segment that goes out carries an ACK
 * @sk: the socket
 */
void ferry_ack_sent(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (csk->ack_pending && csk->quick_acks)
		csk->quick_acks--;
	csk->ack_pending = 0;
	csk->ack_now = 0;
	ferry_delack_stop(sk);
}

/**
 * ferry_ack_data_sent() - a segment that goes out carries data
 * @sk: the socket
 */
void ferry_ack_data_sent(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 now = jiffies;

	csk->last_snd = now;
	if (now - csk->last_rcv < FERRY_DELACK_TIME)
		csk->pingpong = 1;
}

/**
 * ferry_ack_after_read() - the application has made room
 * @sk: the socket
 * @copied: bytes that it has read
 *
 * The peer hears of the room when the window has doubled at least, so that a
 * slow reader does not cause a segment for every few bytes (MUST-39); and an
 * ACK that is owed for two segments goes with it.
 */
void ferry_ack_after_read(struct sock *sk, int copied)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	const struct ferry_sock *fp = ferry_sk(sk);
	u32 old, new;

	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 |
				     TCPF_FIN_WAIT2)))
		return;
	if (csk->ack_pending && fp->rcv_nxt - fp->rcv_wup > csk->rcv_mss) {
		ferry_send_ack(sk);
		return;
	}
	if (copied <= 0 || sk->sk_shutdown & RCV_SHUTDOWN)
		return;

	old = ferry_receive_window(fp);
	if (2 * old > ferry_window_from_space(READ_ONCE(sk->sk_rcvbuf)))
		return;
	new = ferry_window_to_offer(sk);
	if (new && new >= 2 * old)
		ferry_send_ack(sk);
}

/**
 * ferry_ack_timeout() - the timer has expired
 * @sk: the socket
 *
 * Nothing went the other way in time, so this is no conversation.
 */
void ferry_ack_timeout(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN) ||
	    !csk->ack_pending)
		return;
	csk->pingpong = 0;
	ferry_send_ack(sk);
}
