// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEGMENT ARRIVES: RFC 9293 section 3.10.7, for full sockets.
 *
 * rcv_synchronized() takes the steps of section 3.10.7.4 in their order; the
 * names of the steps are those of the RFC.  RFC 5961 has hardened the second
 * and the fourth: what could be forged by somebody off the path is answered
 * with a challenge ACK, so that a real peer repeats it with exact numbers.
 *
 * Context: socket lock held, in BH or while the backlog is worked off.  The
 * caller holds a reference, so that the socket stays when it is destroyed.
 */
#include "ferry.h"
#include "trace.h"

#define SYN_AGAIN_TICKS		2

/**
 * ferry_may_answer() - may a segment that does not fit be answered?
 * @net: namespace, which has the limit
 * @skb: the segment
 * @last_answer: when the last one was, in jiffies, 0 if never; updated
 *
 * Two ends that disagree about a connection must not answer each other for
 * ever.  Data does not go round in such circles.
 *
 * Return: true if it may.
 */
bool ferry_may_answer(const struct net *net, const struct sk_buff *skb,
		      u32 *last_answer)
{
	const struct ferry_sysctl *sysctl = &ferry_net(net)->sysctl;
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	u32 now = jiffies, last = READ_ONCE(*last_answer);

	if (cb->seq != cb->end_seq && !(cb->flags & FERRY_SYN))
		return true;
	if (last && now - last < READ_ONCE(sysctl->invalid_ratelimit))
		return false;
	WRITE_ONCE(*last_answer, max(now, 1U));
	return true;
}

/**
 * ferry_may_challenge() - may a segment that may be forged be answered?
 * @net: namespace, which has the limits
 * @skb: the segment
 * @last_answer: as for ferry_may_answer(), which bounds these, too
 *
 * RFC 5961 section 7.  The limit for all connections together, if there is one,
 * changes every second, so that nobody can learn from it whether segments that
 * he forged have been answered.
 *
 * Return: true if it may; it is counted as answered.
 */
bool ferry_may_challenge(const struct net *net, const struct sk_buff *skb,
			 u32 *last_answer)
{
	struct ferry_net *fn = ferry_net(net);
	u32 limit = READ_ONCE(fn->sysctl.challenge_ack_limit);
	u32 second = (u32)jiffies / HZ;

	if (!ferry_may_answer(net, skb, last_answer))
		return false;
	if (limit != INT_MAX) {
		if (READ_ONCE(fn->challenge_stamp) != second) {
			WRITE_ONCE(fn->challenge_stamp, second);
			atomic_set(&fn->challenge_count,
				   min_t(u32, INT_MAX, limit / 2 +
					 get_random_u32_below(max(limit, 1U))));
		}
		if (atomic_dec_if_positive(&fn->challenge_count) < 0)
			return false;
	}
	ferry_count(net, CHALLENGE_ACKS);
	return true;
}

/**
 * ferry_step() - an event that is not an ordinary segment
 * @sk: the socket
 * @event: the event
 * @skb: the segment, or NULL if it is none; the caller frees it
 *
 * The reply goes first: what ends a connection forgets its numbers.
 *
 * Return: true if the connection has left the socket, which is in CLOSE.
 */
bool ferry_step(struct sock *sk, enum ferry_event event, struct sk_buff *skb)
{
	struct ferry_step step = ferry_machine(sk->sk_state, event);

	if (event == FERRY_SEG_RST)
		trace_ferry_reset(&sk->__sk_common, NULL, false);
	switch (step.reply) {
	case FERRY_SEND_SYN_ACK:
		ferry_send_syn_ack(sk);
		break;
	case FERRY_SEND_ACK:
		if (step.next == TCP_TIME_WAIT)
			ferry_send_ack(sk);
		else
			ferry_ack_at_once(sk);
		break;
	case FERRY_SEND_ACK_DELAYED:
		ferry_ack_with_answer(sk);
		break;
	case FERRY_SEND_ACK_LIMITED:
		if (ferry_may_answer(sock_net(sk), skb,
				     &ferry_csk(sk)->last_answer)) {
			ferry_data_outside(sk, skb);
			ferry_send_ack(sk);
		}
		break;
	case FERRY_SEND_CHALLENGE:
		if (ferry_may_challenge(sock_net(sk), skb,
					&ferry_csk(sk)->last_answer))
			ferry_send_ack(sk);
		break;
	case FERRY_SEND_RST:
		ferry_send_reset(sk);
		break;
	case FERRY_SEND_RST_BACK:
		ferry_reply_reset(sock_net(sk), ferry_af(sk), sk, skb);
		break;
	}
	if (step.next != sk->sk_state)
		ferry_enter(sk, step);
	return sk->sk_state == TCP_CLOSE;
}

/**
 * ferry_fin() - the peer's FIN has come in order
 * @sk: the socket; rcv_nxt counts the FIN
 *
 * RFC 9293 section 3.10.7.4, eighth step.
 */
void ferry_fin(struct sock *sk)
{
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	sock_set_flag(sk, SOCK_DONE);
	ferry_purge_ofo(sk);
	ferry_step(sk, FERRY_SEG_FIN, NULL);

	if (!sock_flag(sk, SOCK_DEAD)) {
		sk->sk_state_change(sk);
		/* No POLL_HUP while this end may still send. */
		if (sk->sk_shutdown == SHUTDOWN_MASK ||
		    sk->sk_state == TCP_CLOSE)
			sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_HUP);
		else
			sk_wake_async(sk, SOCK_WAKE_WAITD, POLL_IN);
	}
}

/* What the SYN or SYN-ACK of the peer says. */
static void read_peer_syn(struct sock *sk, const struct sk_buff *skb,
			  const struct ferry_options *o)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_sock *fp = ferry_sk(sk);

	ferry_options_agree(sk, skb, o);
	fp->rcv_nxt = cb->seq + 1;
	fp->rcv_wup = fp->rcv_nxt;
	fp->copied_seq = fp->rcv_nxt;
	/* RFC 7323 section 2.2: the window in a SYN is not scaled. */
	fp->snd_wnd = cb->window;
	fp->snd_wl1 = cb->seq;
	fp->max_window = fp->snd_wnd;
}

static void refuse(struct sock *sk, struct sk_buff *skb,
		   enum ferry_event event)
{
	int state = sk->sk_state;

	ferry_step(sk, event, skb);
	ferry_drop_event(sock_net(sk), sk, skb, state, event);
}

static enum ferry_event classify(const struct sock *sk,
				 const struct ferry_skb_cb *cb)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	const struct ferry_seg seg = {
		.seq = cb->seq, .end_seq = cb->end_seq, .ack = cb->ack_seq,
		.flags = cb->flags,
	};
	const struct ferry_expected expected = {
		.snd_una = fp->snd_una, .snd_nxt = fp->snd_nxt,
		.max_window = ferry_max_window(fp),
		.rcv_wup = fp->rcv_wup,
		.rcv_nxt = fp->rcv_nxt, .rcv_wnd = ferry_receive_window(fp),
	};

	return ferry_classify(sk->sk_state, &seg, &expected);
}

/*
 * The peer may still have an old connection between the same ports, which our
 * RST ends: the SYN is not left to wait for its second.  Once only, or who
 * answers all of them so would have many.
 */
static void ask_again_soon(struct sock *sk)
{
	if (!ferry_csk(sk)->retransmits)
		ferry_timer_arm(sk, FERRY_TIMER_RETRANS, SYN_AGAIN_TICKS);
}

/* RFC 9293 section 3.10.7.3 */
static void rcv_syn_sent(struct sock *sk, struct sk_buff *skb)
{
	enum ferry_event event = classify(sk, FERRY_SKB_CB(skb));
	struct ferry_options o;

	switch (event) {
	case FERRY_SEG_SYN:
		ferry_options_read(sk, skb, &o);
		read_peer_syn(sk, skb, &o);
		ferry_sync_mss(sk, ferry_csk(sk)->pmtu);
		ferry_step(sk, event, skb);
		break;
	case FERRY_SEG_SYN_ACK:
		ferry_options_read(sk, skb, &o);
		read_peer_syn(sk, skb, &o);
		ferry_ack(sk, skb, &o);
		ferry_finish_connect(sk, event);
		if (sk->sk_write_pending || ferry_csk(sk)->pingpong ||
		    ferry_csk(sk)->defer_accept) {
			/* Data that waits, or will soon, carries the ACK. */
			ferry_ack_quickly(sk, FERRY_QUICK_ACKS);
			ferry_csk(sk)->ato = FERRY_ATO_MIN;
			ferry_ack_retry(sk);
		} else {
			ferry_send_ack(sk);
		}
		ferry_push(sk, false);
		break;
	case FERRY_SEG_ACK_BAD:
	case FERRY_SEG_OUTSIDE_RST:
		if (FERRY_SKB_CB(skb)->flags & FERRY_ACK)
			ask_again_soon(sk);
		fallthrough;
	default:
		refuse(sk, skb, event);
		return;
	}
	/* Data in a SYN-ACK is not taken; the peer sends it again. */
	consume_skb(skb);
}

/* The peer has acknowledged our SYN: the passive or simultaneous open ends. */
static void syn_acknowledged(struct sock *sk, const struct ferry_skb_cb *cb)
{
	struct ferry_sock *fp = ferry_sk(sk);

	fp->snd_wl1 = cb->seq;
	fp->snd_wnd = cb->window;
	if (!(cb->flags & FERRY_SYN))
		fp->snd_wnd <<= fp->snd_wscale;
	fp->max_window = max(fp->max_window, fp->snd_wnd);
	ferry_finish_connect(sk, FERRY_SEG_ACK_SYN);
	/* It was called while the SYN was on its way, or before connect(). */
	if (sk->sk_shutdown & SEND_SHUTDOWN)
		ferry_shutdown(sk, SEND_SHUTDOWN);
}

/*
 * The peer has acknowledged our FIN.  Returns true if the connection has left
 * the full socket, which must not be touched any more.
 */
static bool fin_acknowledged(struct sock *sk, struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_sock *fp = ferry_sk(sk);
	u32 data_end = cb->end_seq - !!(cb->flags & FERRY_FIN);
	unsigned long timeout;

	if (ferry_step(sk, FERRY_SEG_ACK_FIN, NULL))
		return true;

	/* It was FIN_WAIT1 and is FIN_WAIT2. */
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
	sk_dst_confirm(sk);
	if (!sock_flag(sk, SOCK_DEAD)) {
		sk->sk_state_change(sk);
		return false;
	}

	/* RFC 1122 section 4.2.2.13: nobody is left to read this. */
	if (fp->conn.linger2 < 0 || (cb->end_seq != cb->seq &&
				     seq_after(data_end, fp->rcv_nxt))) {
		ferry_count(sock_net(sk), ABORT_ON_DATA);
		return ferry_step(sk, FERRY_SEG_DATA_LATE, skb);
	}
	timeout = ferry_fin_timeout(sk);
	if (timeout > FERRY_TIMEWAIT_LEN) {
		ferry_keepalive_start(sk, timeout - FERRY_TIMEWAIT_LEN);
		return false;
	}
	/* If its FIN is here as well, TIME_WAIT comes next, unless it is old. */
	if (cb->flags & FERRY_FIN) {
		ferry_keepalive_start(sk, timeout);
		return false;
	}
	ferry_time_wait(sk, TCP_FIN_WAIT2, timeout);
	return true;
}

/* Does the segment carry data for which there is no reader any more? */
static bool data_after_close(const struct sock *sk,
			     const struct ferry_skb_cb *cb)
{
	u32 data_end = cb->end_seq - !!(cb->flags & FERRY_FIN);

	return sk->sk_shutdown & RCV_SHUTDOWN &&
	       (1 << sk->sk_state) & (TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2) &&
	       cb->seq != cb->end_seq &&
	       seq_after(data_end, ferry_sk(sk)->rcv_nxt);
}

/*
 * Most segments need not be classified: an ACK, and perhaps data or a FIN,
 * within what is expected.
 */
static bool is_ordinary(const struct sock *sk, const struct ferry_skb_cb *cb)
{
	const struct ferry_sock *fp = ferry_sk(sk);

	return likely((cb->flags & (FERRY_ACK | FERRY_RST | FERRY_SYN)) ==
		      FERRY_ACK) &&
	       likely(ferry_seq_acceptable(cb->seq, cb->end_seq, fp->rcv_wup,
					   fp->rcv_nxt,
					   ferry_receive_window(fp))) &&
	       likely(seq_between(cb->ack_seq, fp->snd_una, fp->snd_nxt)) &&
	       likely(sk->sk_state != TCP_SYN_RECV);
}

/* There is room; writers hear of it when what was written before has gone. */
static void tell_writers(struct sock *sk)
{
	/* Pairs with the barrier in ferry_poll(). */
	smp_mb();
	if (sk->sk_socket && test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		sk->sk_write_space(sk);
}

/* RFC 9293 section 3.10.7.4 */
static void rcv_synchronized(struct sock *sk, struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_sock *fp = ferry_sk(sk);
	u32 wnd_end = ferry_wnd_end(fp), una = fp->snd_una;
	enum ferry_event event;
	struct ferry_options o;
	bool gates_moved;

	ferry_options_read(sk, skb, &o);
	if (ferry_paws_rejects(fp, cb, &o)) {
		ferry_count(sock_net(sk), PAWS);
		refuse(sk, skb, FERRY_SEG_OUTSIDE);
		return;
	}
	if (!is_ordinary(sk, cb)) {
		event = classify(sk, cb);
		if (event == FERRY_SEG_ACK_SYN) {
			syn_acknowledged(sk, cb);
		} else if (event != FERRY_SEG_ACK) {
			refuse(sk, skb, event);
			return;
		}
	}
	/* fifth, the ACK field */
	ferry_ack(sk, skb, &o);
	ferry_ts_update(fp, cb, &o);
	if (cb->seq != cb->end_seq)
		ferry_rcv_rtt(fp, skb, &o);
	if (unlikely(cb->flags & FERRY_CWR) && fp->ecn_ok)
		ferry_ecn_cwr(sk, cb);
	if (unlikely((1 << sk->sk_state) & (TCPF_FIN_WAIT1 | TCPF_CLOSING |
					    TCPF_LAST_ACK)) &&
	    fp->snd_una == fp->write_seq && fin_acknowledged(sk, skb)) {
		consume_skb(skb);
		return;
	}
	/* sixth, the URG bit */
	if (unlikely(cb->flags & FERRY_URG ||
		     fp->urgent.data == FERRY_URGENT_AWAITED))
		ferry_urgent_rcv(sk, skb);
	/* seventh and eighth, the data and the FIN bit */
	if (unlikely(data_after_close(sk, cb))) {
		ferry_count(sock_net(sk), ABORT_ON_DATA);
		refuse(sk, skb, FERRY_SEG_DATA_LATE);
		return;
	}
	/* Data in order, with an ACK that says nothing new, lets nothing out. */
	gates_moved = cb->seq == cb->end_seq || cb->flags & FERRY_FIN ||
		      cb->seq != fp->rcv_nxt || o.num_sacks ||
		      fp->snd_una != una || ferry_wnd_end(fp) != wnd_end;
	ferry_data_queue(sk, skb);
	if (sk->sk_state == TCP_CLOSE)
		return;

	if (gates_moved)
		ferry_push(sk, fp->cork);
	if (fp->snd_una != una)
		tell_writers(sk);
	ferry_ack_check(sk);
}

/**
 * ferry_rcv() - a segment for a full socket
 * @sk: the socket, locked
 * @skb: the segment; owned from here on
 *
 * Return: 0
 */
int ferry_rcv(struct sock *sk, struct sk_buff *skb)
{
	struct ferry_sock *fp = ferry_sk(sk);
	u16 segs = max_t(u16, 1, skb_shinfo(skb)->gso_segs);

	fp->conn.cong.now_us = ferry_clock_us();
	fp->segs_in += segs;
	if (skb->len > ferry_hdr_len(ferry_hdr(skb)))
		fp->data_segs_in += segs;
	switch (sk->sk_state) {
	case TCP_SYN_SENT:
		rcv_syn_sent(sk, skb);
		break;
	case TCP_CLOSE:
	case TCP_LISTEN:
		/* It waited in the backlog while the connection ended. */
		ferry_drop(sk, skb, FERRY_DROP_CLOSED);
		break;
	default:
		rcv_synchronized(sk, skb);
		break;
	}
	ferry_mem_reclaim(sk);
	return 0;
}
