// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an acknowledgment means to the sender: the fifth step of RFC 9293
 * section 3.10.7.4.
 *
 * It may change the window, acknowledge data, measure the round-trip time, or
 * say that something is missing.  What that means is recovery.c's business and
 * the algorithm's; here it is told what came, and what it decides is done.
 *
 * Context: socket lock held, in BH or while the backlog is worked off.
 */
#include "ferry.h"
#include "trace.h"

/*
 * A segment that acknowledges no more and is no newer may have been overtaken,
 * so it makes the window only larger; but a peer that has run out of memory
 * closes it this way.  Returns true if the window is another one now.
 */
static bool update_window(struct ferry_sock *fp, const struct ferry_skb_cb *cb)
{
	u32 wnd = cb->window;

	if (!(cb->flags & FERRY_SYN))
		wnd <<= fp->snd_wscale;
	if (!seq_after(cb->ack_seq, fp->snd_una) &&
	    !seq_after(cb->seq, fp->snd_wl1) &&
	    (cb->seq != fp->snd_wl1 || (wnd && wnd <= fp->snd_wnd)))
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
					    min_t(u32, skb->len, ferry_mss(fp)),
					    ferry_wnd_end(fp)));
}

static void data_acknowledged(struct sock *sk, const struct ferry_ack_state *st)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);

	if (seq_between(fp->snd_up, st->prior_una, st->snd_una))
		fp->snd_up = st->snd_una;
	fp->bytes_acked += st->snd_una - st->prior_una;
	csk->retransmits = 0;
	csk->retrans_stamp = 0;
	sk_dst_confirm(sk);
	ferry_sndbuf_expand(sk);
}

static void show_states(struct sock *sk, const struct ferry_ack_state *st)
{
	const u8 states[] = { st->prior_state, st->via, st->ca->state };
	unsigned int i;

	for (i = 1; i < ARRAY_SIZE(states); i++) {
		if (states[i] == states[i - 1])
			continue;
		trace_ferry_cong(sk, states[i - 1], states[i]);
		if (states[i] == FERRY_CA_RECOVERY)
			ferry_count(sock_net(sk), FAST_RECOVERY);
		if (states[i - 1] == FERRY_CA_LOSS)
			ferry_trouble_rto_over(ferry_sk(sk));
	}
}

/* What counters, FERRY_INFO and tracepoints show of it. */
static void show_events(struct sock *sk, const struct ferry_ack_state *st)
{
	struct net *net = sock_net(sk);

	trace_ferry_ack(sk, st->ack_seq, st->sample.acked);
	if (unlikely(st->ca->state != st->prior_state ||
		     st->via != st->prior_state))
		show_states(sk, st);
	if (unlikely(st->dsack_segs)) {
		ferry_count(net, DSACKS);
		ferry_trouble_dsack(ferry_sk(sk), st->dsack_segs);
	}
	if (unlikely(st->undone))
		ferry_count(net, UNDONE);
	if (unlikely(st->spurious))
		ferry_count(net, SPURIOUS_TIMEOUTS);
	if (unlikely(st->reneging))
		ferry_count(net, SACK_RENEGING);
}

static void rearm_timer(struct sock *sk, const struct ferry_ack_state *st)
{
	/* A receiver that reneges may still fill the hole itself. */
	if (unlikely(st->reneging) && ferry_una_advanced(st))
		ferry_timer_arm(sk, FERRY_TIMER_RETRANS,
				max(usecs_to_jiffies(st->ca->rtt.srtt_us / 16),
				    msecs_to_jiffies(10)));
	else if (st->reo_timeout_us)
		ferry_rearm_reo(sk, st->reo_timeout_us);
	else if (st->rearm)
		ferry_rearm_loss_timer(sk, true);
}

/* Send again what is lost; or first, after a time-out, something new. */
static void send_again(struct sock *sk, const struct ferry_ack_state *st)
{
	struct ferry_sock *fp = ferry_sk(sk);
	bool nodelay = fp->nodelay;

	switch (st->next) {
	case FERRY_NEXT_NOTHING:
		return;
	case FERRY_NEXT_NEW:
		/* A small segment tells as well whether the timer was wrong. */
		fp->nodelay = 1;
		ferry_push(sk, false);
		fp->nodelay = nodelay;
		if (seq_after(fp->snd_nxt, st->ca->high_seq))
			return;
		fp->recovery.frto = 0;
		fp->recovery.reason = FERRY_RTX_FRTO;
		ferry_retransmit_lost(sk);
		return;
	case FERRY_NEXT_FIRST:
		if (!ferry_retransmit_front(sk, FERRY_RTX_FAST))
			ferry_rearm_rto(sk);
		fallthrough;
	case FERRY_NEXT_RETRANSMIT:
		ferry_retransmit_lost(sk);
	}
}

/* Recovery.c decides what an ACK means, here it is done. */
static void process_ack(struct sock *sk, struct sk_buff *skb,
			const struct ferry_options *o, bool new_window)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_sack_block blocks[FERRY_SACK_BLOCKS_MAX];
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_cong *ca = &csk->cong;
	bool overtaken = seq_before(cb->ack_seq, fp->snd_una);
	struct ferry_ack_state st = {
		.rec = &fp->recovery,
		.ca = ca,
		.ops = &ferry_sent_ops,
		.sample.prior_in_flight = ferry_cong_in_flight(ca),
		.sample.ece = fp->ecn_ok && cb->flags & FERRY_ECE &&
			      !(cb->flags & FERRY_SYN) && !overtaken,
		.prior_una = fp->snd_una,
		.snd_una = overtaken ? fp->snd_una : cb->ack_seq,
		.ack_seq = cb->ack_seq,
		.snd_nxt = fp->snd_nxt,
		.max_window = fp->max_window,
		.sack = fp->sack_ok,
		.dupack = !new_window && cb->seq == cb->end_seq &&
			  !(cb->flags & FERRY_SYN) && !overtaken,
		.has_new_data = ferry_send_head(sk) &&
				seq_after(ferry_wnd_end(fp), fp->snd_nxt),
	};
	unsigned int i;

	if (o->has_timestamp && o->ts_ecr && !overtaken) {
		st.has_ts_ecr = true;
		st.ts_ecr_ms = o->ts_ecr - fp->ts_offset;
		st.now_ms = ferry_ts_of_us(ca->now_us);
	}
	for (i = 0; i < o->num_sacks; i++)
		blocks[i] = ferry_options_sack((const u8 *)(ferry_hdr(skb) + 1),
					       o, i);
	if (unlikely(READ_ONCE(sk->sk_tsflags)))
		ferry_tstamp_acked(sk, fp->snd_una, st.snd_una);
	fp->snd_una = st.snd_una;
	st.mtu_probe = unlikely(csk->searches_mtu) &&
		       ferry_mtu_probe_is_first(sk);
	ferry_recovery_ack(&st, blocks, o->num_sacks);

	if (st.measured)
		csk->backoff = 0;
	if (ferry_una_advanced(&st))
		data_acknowledged(sk, &st);
	show_events(sk, &st);
	rearm_timer(sk, &st);
	ferry_pace_update(sk);
	if (unlikely(csk->searches_mtu)) {
		if (st.mtu_probe_lost)
			ferry_mtu_probe_lost(sk);
		else
			ferry_mtu_probe_acked(sk);
	}
	send_again(sk, &st);
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
	bool new_window, was_closed = !fp->snd_wnd;

	/* Of one that was overtaken what came twice counts: that is told once. */
	if (unlikely(seq_before(cb->ack_seq, fp->snd_una))) {
		if (o->num_sacks)
			process_ack(sk, skb, o, false);
		else
			trace_ferry_ack(sk, cb->ack_seq, 0);
		return;
	}

	csk->probes_out = 0;
	WRITE_ONCE(sk->sk_err_soft, 0);
	csk->last_ack = (u32)jiffies;
	new_window = update_window(fp, cb);
	if (unlikely(was_closed && fp->snd_wnd) && csk->cong.packets_out) {
		/* What it did not take goes again now, not after a back-off. */
		csk->backoff = 0;
		ferry_rearm_rto(sk);
		ferry_retransmit_lost(sk);
	}
	/* With nothing under way, a second ACK may still answer the probe. */
	if (csk->cong.packets_out || o->num_sacks || fp->recovery.tlp)
		process_ack(sk, skb, o, new_window);
	else
		trace_ferry_ack(sk, cb->ack_seq, 0);
	if (!csk->cong.packets_out)
		probe_answered(sk);
}
