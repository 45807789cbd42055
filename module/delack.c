// SPDX-License-Identifier: GPL-2.0-only
/*
 * When to acknowledge (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2).
 *
 * At once: every second full segment, what fills a hole, a FIN where ours
 * has gone, the first segments of a connection, after an idle time, after what
 * came twice or after a mark, whose sender may wait for nothing else, and every
 * segment while the window grows.  Otherwise an ACK waits for data or our FIN
 * to go the same way, or for a time that follows the time between segments:
 * 40 ms where they come fast, up to 200 ms where they do not.  An application
 * that answers what it reads ("pingpong") carries its ACKs that way, so for it
 * the first segments are not special.
 *
 * Where the application does not keep up, the window does not move with what
 * comes; then its reading sends the ACK, and one ACK serves many segments.
 *
 * The ACKs for what comes beyond a hole go at once, too, or wait for each other
 * if net.ferry.comp_sack_nr allows it, for a twentieth of a round trip or a
 * millisecond (compress.c); a timer of high resolution sends the one that is
 * left.
 *
 * Context: socket lock held.
 */
#include "ferry.h"

/* The next segments are acknowledged one by one: they may be all there are. */
static void quick_acks(struct sock *sk, u8 most)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 n = ferry_sk(sk)->rcv_wnd / (2 * csk->rcv_mss) ?: 2;

	csk->quick_acks = max_t(u32, csk->quick_acks, min_t(u32, n, most));
}

static u32 rto(const struct sock *sk)
{
	return min_t(u32, usecs_to_jiffies(ferry_rto_us(sk)), U16_MAX);
}

/* Follow the time between segments, so that an ACK can wait for the second. */
static void measure_interval(struct sock *sk, u32 interval)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (!csk->ato) {
		quick_acks(sk, FERRY_QUICK_ACKS);
		csk->ato = FERRY_ATO_MIN;
	} else if (interval <= FERRY_ATO_MIN / 2) {
		csk->ato = csk->ato / 2 + FERRY_ATO_MIN / 2;
	} else if (interval < csk->ato) {
		csk->ato = min(csk->ato / 2 + interval, rto(sk));
	} else if (interval > rto(sk)) {
		/* The sender was idle, and begins with a small window again. */
		quick_acks(sk, FERRY_QUICK_ACKS);
	}
}

/**
 * ferry_ack_open() - a connection opens: how large will the peer's segments be?
 * @sk: the socket
 *
 * At least as large as this, until some have come.
 */
void ferry_ack_open(struct sock *sk)
{
	struct ferry_sock *fp = ferry_sk(sk);
	u32 mss = min3((u32)ferry_mss_offer(sk), ferry_mss(fp),
		       FERRY_MSS_DEFAULT);

	fp->conn.rcv_mss = max(min(mss, fp->rcv_wnd / 2), FERRY_MSS_MIN);
	fp->rcv_smaller = 0;
}

/*
 * How large are the peer's segments?  A larger one tells at once, a smaller
 * one when the next has the same length: it might be the rest of a write.
 */
static void measure_mss(struct ferry_sock *fp, u32 size, u8 flags)
{
	bool rest = flags & (FERRY_PSH | FERRY_FIN | FERRY_URG);
	u16 before = fp->rcv_smaller;

	fp->rcv_smaller = 0;
	if (size > fp->conn.rcv_mss) {
		fp->conn.rcv_mss = min_t(u32, size, U16_MAX);
	} else if (size < fp->conn.rcv_mss &&
		   (size >= FERRY_MSS_DEFAULT ||
		    (size >= FERRY_MSS_MIN && !rest))) {
		if (size == before)
			fp->conn.rcv_mss = size;
		fp->rcv_smaller = size;
	}
}

/**
 * ferry_ack_owed() - data has come
 * @sk: the socket
 * @skb: the segment
 */
void ferry_ack_owed(struct sock *sk, const struct sk_buff *skb)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 size = skb_shinfo(skb)->gso_size ?: skb->len;

	measure_mss(ferry_sk(sk), size, FERRY_SKB_CB(skb)->flags);
	measure_interval(sk, (u32)jiffies - csk->last_rcv);
	csk->ack_pending = 1;
	csk->last_rcv = (u32)jiffies;
	/* Nothing may follow what ends a write, however large it is. */
	if (size < csk->rcv_mss || FERRY_SKB_CB(skb)->flags & FERRY_PSH)
		csk->ack_small = 1;
	ferry_rcv_ssthresh_grow(sk, skb);
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
}

/**
 * ferry_ack_quickly() - the peer may send little until it hears from here
 * @sk: the socket
 * @most: how many segments are to be acknowledged at once
 *
 * It has lost ACKs, or was told to send less.
 */
void ferry_ack_quickly(struct sock *sk, u8 most)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	csk->pingpong = 0;
	quick_acks(sk, most);
	/* Unless no data has come, which begins all this. */
	if (csk->ato)
		csk->ato = FERRY_ATO_MIN;
}

/**
 * ferry_ack_with_answer() - the peer has said all: our last word comes soon
 * @sk: the socket
 *
 * Most applications close when they have read to the end, and the FIN carries
 * the ACK.
 */
void ferry_ack_with_answer(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	csk->ack_pending = 1;
	csk->pingpong = 1;
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
		ferry_delack_start(sk, FERRY_DELACK_MAX);
}

/*
 * Wait for data to carry the ACK, or for a second segment, but not for longer
 * than a round trip: then the sender might wait for nothing else.
 */
static void ack_later(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	/* 0 for a FIN before any data: the next tick, as Linux TCP. */
	u32 ato = csk->ato, longest = HZ / 2;
	u32 rtt_us = ferry_cong_srtt_us(&csk->cong);

	if (ato > FERRY_ATO_MIN) {
		if (csk->pingpong || csk->ack_small)
			longest = FERRY_DELACK_MAX;
		if (rtt_us)
			longest = min_t(u32, longest,
					max_t(u32, FERRY_ATO_MIN,
					      usecs_to_jiffies(rtt_us)));
		ato = min(ato, longest);
	}
	ato = min_t(u32, ato, FERRY_DELACK_MAX);
	if (csk->delack_armed) {
		s32 left = csk->delack_at - (u32)jiffies;

		/* It has waited nearly long enough. */
		if (left <= (s32)(ato / 4)) {
			ferry_send_ack(sk);
			return;
		}
		if (left <= (s32)ato)
			return;
	}
	ferry_delack_start(sk, ato);
}

/* Has the window moved with what has come, or will the reader have to read? */
static bool window_follows(const struct sock *sk)
{
	return ferry_recv_queued(sk) < READ_ONCE(sk->sk_rcvlowat) ||
	       ferry_window_to_offer(sk) >= ferry_sk(sk)->rcv_wnd;
}

/* As many SACK blocks fit beside timestamps. */
#define BLOCKS_OF_AN_ACK	3

/* Note which run has changed.  Is it another one, of as many as an ACK tells? */
static bool note_run(struct ferry_trouble *t)
{
	struct ferry_sack_block blocks[FERRY_SACK_BLOCKS_MAX];

	if (t->compress.run == t->ofo.recent[0])
		return false;
	t->compress.run = t->ofo.recent[0];
	return ferry_ofo_blocks(&t->ofo, blocks) >= BLOCKS_OF_AN_ACK;
}

/* May an ACK for what came beyond a hole wait?  Then the timer runs. */
static bool compress(struct sock *sk)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;
	struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_trouble *t = fp->trouble;
	bool news;

	/* Without SACK, each has to be seen; and of duplicates one is kept. */
	if (!fp->sack_ok || t->ofo.duplicate.start != t->ofo.duplicate.end)
		return false;
	news = note_run(t);
	if (!ferry_compress_holds(&t->compress, fp->rcv_nxt, news,
				  READ_ONCE(sysctl->comp_sack_nr)))
		return false;
	if (!hrtimer_is_queued(&t->timer)) {
		u64 delay = ferry_compress_delay_ns(fp->rcv_rtt_us,
				ferry_cong_srtt_us(&fp->conn.cong),
				READ_ONCE(sysctl->comp_sack_delay_ns));

		sock_hold(sk);
		hrtimer_start_range_ns(&t->timer, ns_to_ktime(delay),
				       READ_ONCE(sysctl->comp_sack_slack_ns),
				       HRTIMER_MODE_REL_PINNED_SOFT);
	}
	return true;
}

/**
 * ferry_compress_end() - no ACK waits any more for what came beyond a hole
 * @sk: the socket
 *
 * A timer that has just expired finds nothing to send.
 */
void ferry_compress_end(struct sock *sk)
{
	struct ferry_trouble *t = ferry_sk(sk)->trouble;

	if (likely(!t))
		return;
	if (t->compress.held)
		ferry_mib_add(ferry_net(sock_net(sk)),
			      FERRY_MIB_ACK_COMPRESSED, t->compress.held);
	t->compress.held = 0;
	/*
	 * It may run even if none is held: an owner that lets go sends the one
	 * for which it had expired, after segments of the backlog started it.
	 */
	if (hrtimer_is_queued(&t->timer) &&
	    hrtimer_try_to_cancel(&t->timer) == 1)
		__sock_put(sk);
}

/**
 * ferry_compress_send() - the timer has expired: one ACK for those that wait
 * @sk: the socket
 */
void ferry_compress_send(struct sock *sk)
{
	struct ferry_trouble *t = ferry_sk(sk)->trouble;

	if (!t || !t->compress.held)
		return;
	/* This one is sent. */
	t->compress.held--;
	ferry_send_ack(sk);
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
	    (fp->rcv_nxt - fp->rcv_wup > csk->rcv_mss && window_follows(sk)) ||
	    unlikely(ferry_route_quickack(sk)))
		ferry_send_ack(sk);
	else if (likely(ferry_ofo_empty(ferry_ofo(fp))))
		ack_later(sk);
	else if (!compress(sk))
		ferry_send_ack(sk);
}

/**
 * ferry_ack_sent() - a segment that goes out carries an ACK
 * @sk: the socket
 */
void ferry_ack_sent(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (csk->ack_pending && csk->quick_acks && !--csk->quick_acks)
		csk->ato = FERRY_ATO_MIN;
	csk->ack_pending = 0;
	csk->ack_now = 0;
	csk->ack_small = 0;
	ferry_delack_stop(sk);
	ferry_compress_end(sk);
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
	if (now - csk->last_rcv < csk->ato)
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
				     TCPF_FIN_WAIT2 | TCPF_CLOSE_WAIT)))
		return;
	/* The sender of a small segment that was read may wait for its ACK. */
	if (csk->ack_pending &&
	    (fp->rcv_nxt - fp->rcv_wup > csk->rcv_mss ||
	     (copied > 0 && csk->ack_small && !csk->pingpong &&
	      !atomic_read(&sk->sk_rmem_alloc)))) {
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
 * ferry_set_quickack() - FERRY_QUICKACK
 * @sk: the socket
 * @val: 0: wait for data to carry the next ACK; odd: do not, from now on;
 *	other: send the one that is owed, then wait
 */
void ferry_set_quickack(struct sock *sk, int val)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	csk->pingpong = !val;
	if (!val || !csk->ack_pending ||
	    !((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		return;
	csk->ack_small = 1;
	ferry_ack_after_read(sk, 1);
	csk->pingpong = !(val & 1);
}

/**
 * ferry_ack_timeout() - the timer has expired
 * @sk: the socket
 *
 * Nothing went the other way in time, so this is no conversation; or the
 * second segment takes longer.
 */
void ferry_ack_timeout(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN) ||
	    !csk->ack_pending)
		return;
	if (csk->pingpong)
		csk->ato = FERRY_ATO_MIN;
	else
		csk->ato = min(2U * csk->ato, rto(sk));
	csk->pingpong = 0;
	ferry_send_ack(sk);
}
