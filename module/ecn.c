// SPDX-License-Identifier: GPL-2.0-only
/*
 * Explicit Congestion Notification (RFC 3168).
 *
 * A router that is about to drop a packet may mark it instead (CE), if the
 * packet says that its connection understands that (ECT).  The receiver then
 * sets ECE in every ACK until the sender, which takes ECE like a loss, tells
 * with CWR in its next new data that its window has become smaller.
 *
 * Packets with new data are marked ECT(0); retransmissions and segments
 * without data are not (sections 6.1.4 and 6.1.5), unless the algorithm wants
 * all of them to be (RFC 8257).  The mark is in the socket's type of service,
 * from where the IP layer copies it, as Linux TCP does it.
 *
 * An algorithm with FERRY_CONG_NEEDS_ECN hears of each arriving mark, and has
 * the receiver answer mark by mark: ECE then says whether the packets since
 * the last ACK were marked, and where that changes an ACK is sent for those
 * before (RFC 8257 section 3.2).
 *
 * Context: socket lock held.
 */
#include "ferry.h"

static bool needs_ecn(const struct ferry_conn_sock *csk)
{
	return csk->cong.ops->flags & FERRY_CONG_NEEDS_ECN;
}

/**
 * ferry_ecn_transmit() - ECN bits of an outgoing segment
 * @sk: the socket
 * @skb: the segment; its payload alone, described by its control block
 * @flags: its control bits
 *
 * Return: the control bits to send.
 */
u8 ferry_ecn_transmit(struct sock *sk, const struct sk_buff *skb, u8 flags)
{
	struct ferry_cong *ca = &ferry_csk(sk)->cong;
	struct ferry_sock *fp = ferry_sk(sk);

	if (flags & FERRY_SYN) {
		INET_ECN_dontxmit(sk);
		return ferry_syn_flags(sk, flags);
	}
	if (!fp->ecn_ok)
		return flags;

	if (skb->len && FERRY_SKB_CB(skb)->seq == fp->snd_nxt) {
		INET_ECN_xmit(sk);
		if (ca->cwr_due) {
			ca->cwr_due = false;
			flags |= FERRY_CWR;
		}
	} else if (!needs_ecn(ferry_csk(sk))) {
		INET_ECN_dontxmit(sk);
	}
	return fp->ecn_echo ? flags | FERRY_ECE : flags;
}

/**
 * ferry_ecn_cwr() - the sender has reduced its window
 * @sk: the socket
 * @cb: an acceptable segment with CWR
 *
 * RFC 3168 section 6.1.3.
 */
void ferry_ecn_cwr(struct sock *sk, const struct ferry_skb_cb *cb)
{
	if (!needs_ecn(ferry_csk(sk)))
		ferry_sk(sk)->ecn_echo = 0;
	/* Its window may be so small that it waits for this ACK. */
	if (cb->seq != cb->end_seq)
		ferry_ack_at_once(sk);
}

/* ECE follows the marks of single packets; see the top of the file. */
static void receive_exact(struct sock *sk, bool ce)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	ferry_cong_event(&csk->cong, ce ? FERRY_CA_EVENT_ECN_IS_CE :
					  FERRY_CA_EVENT_ECN_NO_CE);
	if (ce == ferry_sk(sk)->ecn_echo)
		return;
	/* What came before is acknowledged with the old mark. */
	if (csk->ack_pending)
		ferry_send_ack(sk);
	ferry_sk(sk)->ecn_echo = ce;
	ferry_ack_at_once(sk);
}

/**
 * ferry_ecn_receive() - ECN bits of a segment with data
 * @sk: the socket; rcv_nxt does not count the segment yet
 * @skb: the segment, which is going to be taken
 */
void ferry_ecn_receive(struct sock *sk, const struct sk_buff *skb)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	u8 mark = ferry_skb_dsfield(skb) & INET_ECN_MASK;
	struct ferry_sock *fp = ferry_sk(sk);

	if (!fp->ecn_ok)
		return;
	if (mark == INET_ECN_NOT_ECT) {
		/* Sent again, probably: the sender has lost something. */
		if (csk->ecn_seen)
			ferry_ack_quickly(sk, 2);
		return;
	}
	csk->ecn_seen = 1;
	if (needs_ecn(csk)) {
		receive_exact(sk, mark == INET_ECN_CE);
		return;
	}
	if (mark == INET_ECN_CE && !fp->ecn_echo) {
		fp->ecn_echo = 1;
		ferry_ack_quickly(sk, 2);
	}
}
