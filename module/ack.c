// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an acknowledgment means to the sender: the fifth step of RFC 9293
 * section 3.10.7.4.
 *
 * It may change the window, acknowledge data, measure the round-trip time, or
 * say that something is missing.  What that means for the congestion window
 * is recovery.c's and the algorithm's business; here the counters are kept
 * and the lost segments marked.
 *
 * Context: socket lock held, in BH or while the backlog is worked off.
 */
#include "ferry.h"
#include "trace.h"

/**
 * ferry_mark_skb_lost() - a piece of the stream is held to be lost
 * @sk: the socket
 * @skb: in rtx_queue
 */
void ferry_mark_skb_lost(struct sock *sk, struct sk_buff *skb)
{
	struct ferry_cong *ca = &ferry_csk(sk)->cong;
	struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);

	if (cb->marks & FERRY_SKB_RETRANS) {
		cb->marks &= ~FERRY_SKB_RETRANS;
		ca->retrans_out -= cb->segs;
	}
	if (!(cb->marks & FERRY_SKB_LOST)) {
		cb->marks |= FERRY_SKB_LOST;
		ca->lost_out += cb->segs;
	}
	ca->sacked_out = min(ca->sacked_out, ca->packets_out - ca->lost_out);
}

/**
 * ferry_mark_lost() - mark what recovery.c holds to be lost
 * @sk: the socket
 * @verdict: its verdict
 */
void ferry_mark_lost(struct sock *sk, enum ferry_verdict verdict)
{
	struct sk_buff *skb;

	if (verdict == FERRY_HEAD_LOST) {
		skb = ferry_rtx_front(sk, 1);
		if (skb)
			ferry_mark_skb_lost(sk, skb);
	} else if (verdict == FERRY_ALL_LOST) {
		for (skb = ferry_rtx_head(sk); skb; skb = skb_rb_next(skb))
			ferry_mark_skb_lost(sk, skb);
	}
}

/* Segments of a piece that the peer has not acknowledged. */
static u32 segs_left(const struct ferry_skb_cb *cb, u32 snd_una)
{
	u32 left = cb->end_seq - snd_una;

	return min_t(u32, cb->segs, max(DIV_ROUND_UP(left, cb->mss), 1U));
}

/*
 * Free what is acknowledged.  A piece that is acknowledged in part stays whole
 * until it has to be sent again; only its segments are counted.
 */
static void clean_rtx_queue(struct sock *sk, struct ferry_ack_sample *sample)
{
	struct ferry_sock *fp = ferry_sk(sk);
	u32 una = fp->snd_una, now = ferry_clock_us(), segs;
	struct ferry_skb_cb *cb;
	struct sk_buff *skb;
	bool measured = false;

	while ((skb = ferry_rtx_head(sk))) {
		cb = FERRY_SKB_CB(skb);
		if (!seq_before(cb->seq, una))
			break;
		/* The oldest counts, and none if one was sent twice (Karn). */
		if (!measured && !(cb->marks & FERRY_SKB_EVER_RETRANS))
			sample->rtt_us = max(now - cb->sent_us, 1U);
		else if (cb->marks & FERRY_SKB_EVER_RETRANS)
			sample->rtt_us = 0;
		measured = true;

		segs = seq_after(cb->end_seq, una) ? segs_left(cb, una) : 0;
		ferry_rtx_adjust(sk, cb->marks, segs - cb->segs);
		sample->acked += cb->segs - segs;
		cb->segs = segs;
		if (segs)
			break;
		ferry_rtx_free(sk, skb);
	}
}

static void take_rtt(struct ferry_conn_sock *csk, u32 rtt_us)
{
	if (!rtt_us)
		return;
	ferry_rtt_sample(&csk->rtt, rtt_us);
	csk->cong.srtt_us = csk->rtt.srtt_us >> 3;
}

/* Returns true if the peer's window is another one now. */
static bool update_window(struct ferry_sock *fp, const struct ferry_skb_cb *cb)
{
	u32 wnd = cb->window;

	if (!(cb->flags & FERRY_SYN))
		wnd <<= fp->snd_wscale;
	if (!seq_after(cb->ack_seq, fp->snd_una) &&
	    !seq_after(cb->seq, fp->snd_wl1) &&
	    (cb->seq != fp->snd_wl1 || wnd <= fp->snd_wnd))
		return false;

	fp->snd_wl1 = cb->seq;
	if (wnd == fp->snd_wnd)
		return false;
	fp->snd_wnd = wnd;
	if (wnd > fp->max_window) {
		fp->max_window = wnd;
		ferry_sync_mss(&fp->conn.inet.sk, fp->conn.pmtu);
	}
	return true;
}

/* Window probes: the window has opened, or it is still closed. */
static void probe_answered(struct sock *sk)
{
	const struct sk_buff *skb = ferry_send_head(sk);
	const struct ferry_sock *fp = ferry_sk(sk);

	if (!skb || fp->conn.pending != FERRY_TIMER_PROBE)
		return;
	ferry_probe_answered(sk, !seq_after(FERRY_SKB_CB(skb)->seq +
					    min_t(u32, skb->len, fp->mss),
					    ferry_wnd_end(fp)));
}

static void data_acknowledged(struct sock *sk, struct ferry_ack_sample *sample,
			      u32 acked_bytes)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	enum ferry_verdict verdict;

	fp->bytes_acked += acked_bytes;
	clean_rtx_queue(sk, sample);
	take_rtt(csk, sample->rtt_us);
	csk->retransmits = 0;
	csk->backoff = 0;
	csk->retrans_stamp = 0;
	sk_dst_confirm(sk);

	verdict = ferry_recovery_ack(&csk->cong, fp->snd_una, sample);
	ferry_mark_lost(sk, verdict);
	if (verdict == FERRY_HEAD_LOST)
		ferry_retransmit_front(sk);
	ferry_rearm_rto(sk);
	ferry_sndbuf_expand(sk);

	/* Pairs with the barrier in ferry_poll(). */
	smp_mb();
	if (sk->sk_socket && test_bit(SOCK_NOSPACE, &sk->sk_socket->flags))
		sk->sk_write_space(sk);
}

/* RFC 5681 section 2: this is how a duplicate ACK looks. */
static bool is_dupack(const struct ferry_sock *fp, const struct sk_buff *skb,
		      bool new_window)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);

	return !new_window && cb->seq == cb->end_seq &&
	       !(cb->flags & FERRY_SYN) && cb->ack_seq == fp->snd_una &&
	       fp->conn.cong.packets_out;
}

/**
 * ferry_ack() - process the acknowledgment in a segment
 * @sk: the socket
 * @skb: an acceptable segment with the ACK bit
 * @o: its options
 *
 * machine.c has seen to it that it acknowledges nothing that was never sent.
 */
void ferry_ack(struct sock *sk, struct sk_buff *skb,
	       const struct ferry_options *o)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_cong *ca = &csk->cong;
	struct ferry_ack_sample sample = {
		.prior_in_flight = ferry_cong_in_flight(ca),
	};
	u32 prior_una = fp->snd_una;
	enum ferry_verdict verdict;
	bool new_window, was_closed = !fp->snd_wnd;
	u8 ca_state = ca->state;

	/* An old one says nothing, but its data may be new. */
	if (unlikely(seq_before(cb->ack_seq, prior_una)))
		return;

	csk->probes_out = 0;
	WRITE_ONCE(sk->sk_err_soft, 0);
	csk->last_ack = (u32)jiffies;
	new_window = update_window(fp, cb);
	if (unlikely(was_closed && fp->snd_wnd) && ca->packets_out) {
		/* What it did not take goes again now, not after a back-off. */
		csk->backoff = 0;
		ferry_rearm_rto(sk);
	}
	if (seq_after(cb->ack_seq, prior_una)) {
		fp->snd_una = cb->ack_seq;
		if (seq_between(fp->snd_up, prior_una, fp->snd_una))
			fp->snd_up = fp->snd_una;
		data_acknowledged(sk, &sample, cb->ack_seq - prior_una);
	} else if (is_dupack(fp, skb, new_window)) {
		verdict = ferry_recovery_dupack(ca, fp->snd_una, fp->snd_nxt);
		ferry_mark_lost(sk, verdict);
		if (verdict == FERRY_HEAD_LOST) {
			ferry_retransmit_front(sk);
			ferry_rearm_rto(sk);
		}
		if (ca_state != ca->state && ca->state == FERRY_CA_RECOVERY)
			ferry_count(sock_net(sk), FAST_RECOVERY);
	}
	ferry_pace_update(sk);
	ferry_retransmit_lost(sk);
	if (!ca->packets_out)
		probe_answered(sk);
	if (ca->state != ca_state)
		trace_ferry_cong(sk, ca_state);
	trace_ferry_ack(sk, cb->ack_seq, sample.acked);
}
