// SPDX-License-Identifier: GPL-2.0-only
/*
 * The states of a sender, and what takes it from one to another.
 *
 *	open		nothing is suspicious
 *	disorder	something came out of order; new data keeps flowing
 *			(limited transmit, RFC 3042)
 *	CWR		the network, or a probe, told of congestion: the window is
 *			being reduced, nothing is lost
 *	recovery	something is lost and is sent again, while the window is
 *			reduced (RFC 6675, RFC 6582)
 *	loss		the timer has expired: slow start from one segment, unless
 *			F-RTO shows that nothing was lost (RFC 5682)
 *
 * Disorder and the states behind it end when what was outstanding at their
 * beginning (@high_seq) is acknowledged, or when the reason for them turns out
 * to be none (undo.c).
 *
 * With SACK, RACK says what is lost (rack.c); without it, duplicate ACKs do
 * (newreno.c).  What the timer does is in loss.c.
 */
#include <linux/kernel.h>
#include <linux/time64.h>

#include "compat.h"
#include "recovery.h"

/**
 * ferry_recovery_init() - nothing was sent yet
 * @rec: recovery state
 *
 * Pure; socket lock held.
 */
void ferry_recovery_init(struct ferry_recovery *rec)
{
	memset(rec, 0, sizeof(*rec));
	rec->queue = RB_ROOT;
	INIT_LIST_HEAD(&rec->by_time);
	ferry_rack_init(&rec->rack);
	rec->reordering = FERRY_DUPTHRESH;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_recovery_init);

/* Segments of which it is known that they are not on their way. */
static u32 left_out(const struct ferry_cong *ca)
{
	return ca->sacked_out + ca->lost_out;
}

/**
 * ferry_recovery_set_state() - go to another state, and tell the algorithm
 * @ca: congestion state
 * @state: one of &enum ferry_ca_state
 *
 * Pure; socket lock held.
 */
void ferry_recovery_set_state(struct ferry_cong *ca, u8 state)
{
	if (ca->ops->set_state)
		ca->ops->set_state(ca, state);
	ca->state = state;
}

/**
 * ferry_recovery_ssthresh() - the threshold to go back to
 * @ca: congestion state
 *
 * Pure; socket lock held.
 *
 * Return: segments: what to restore if it is a mistake to reduce it now.
 */
u32 ferry_recovery_ssthresh(const struct ferry_cong *ca)
{
	if (ferry_cong_in_reduction(ca))
		return ca->snd_ssthresh;
	return max(ca->snd_ssthresh, ca->snd_cwnd / 2 + ca->snd_cwnd / 4);
}

/* Is anything outstanding that was sent again? */
static bool any_sent_again(const struct ferry_recovery *rec,
			   const struct ferry_cong *ca)
{
	const struct sk_buff *skb = skb_rb_first(&rec->queue);

	return ca->retrans_out ||
	       (skb && FERRY_SKB_CB(skb)->marks & FERRY_SKB_EVER_RETRANS);
}

/**
 * ferry_recovery_forget() - an episode ends: nothing was sent again in it
 * @rec: recovery state
 * @ca: congestion state
 *
 * Unless it is still outstanding.  Pure; socket lock held.
 */
void ferry_recovery_forget(struct ferry_recovery *rec,
			   const struct ferry_cong *ca)
{
	if (!any_sent_again(rec, ca))
		rec->retransmitted = 0;
}

/* Open, or disorder if there is something left of it. */
static void keep_open(struct ferry_recovery *rec, struct ferry_cong *ca,
		      u32 snd_nxt)
{
	u8 state = FERRY_CA_OPEN;

	if (left_out(ca) || any_sent_again(rec, ca))
		state = FERRY_CA_DISORDER;
	if (state != ca->state) {
		ferry_recovery_set_state(ca, state);
		ca->high_seq = snd_nxt;
	}
}

/**
 * ferry_recovery_enter_cwr() - there was congestion, but no loss
 * @rec: recovery state
 * @ca: congestion state
 * @snd_nxt: SND.NXT
 *
 * RFC 3168 section 6.1.2: once in a window of data.  Pure; socket lock held.
 */
void ferry_recovery_enter_cwr(struct ferry_recovery *rec,
			      struct ferry_cong *ca, u32 snd_nxt)
{
	ca->prior_ssthresh = 0;
	if (ca->state >= FERRY_CA_CWR)
		return;
	rec->undo = 0;
	ferry_prr_start(rec, ca, snd_nxt);
	ferry_recovery_set_state(ca, FERRY_CA_CWR);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_recovery_enter_cwr);

/*
 * An ACK may end one reduction and begin the next, or do all of one; its first
 * state and its last would not tell.
 */
static void note_state(struct ferry_ack_state *st)
{
	if (st->via == st->prior_state)
		st->via = st->ca->state;
}

/**
 * ferry_recovery_probe_lost() - only the probe has repaired a loss
 * @st: the ACK that shows it
 *
 * RFC 8985 section 7.4.2: the window is reduced at once.  Pure; socket lock
 * held.
 */
void ferry_recovery_probe_lost(struct ferry_ack_state *st)
{
	struct ferry_recovery *rec = st->rec;
	struct ferry_cong *ca = st->ca;

	ferry_prr_start(rec, ca, st->snd_nxt);
	ferry_recovery_set_state(ca, FERRY_CA_CWR);
	note_state(st);
	ferry_prr_end(rec, ca);
	keep_open(rec, ca, st->snd_nxt);
}

/**
 * ferry_recovery_resegmented() - what was too large for the path is lost
 * @rec: recovery state
 * @ca: congestion state
 * @snd_nxt: SND.NXT
 *
 * They say nothing about congestion, so the window stays; but what is lost has
 * to be sent again before anything new.  RFC 1191 section 6.5.  Pure; socket
 * lock held.
 */
void ferry_recovery_resegmented(struct ferry_recovery *rec,
				struct ferry_cong *ca, u32 snd_nxt)
{
	if (ca->state == FERRY_CA_LOSS)
		return;
	ca->high_seq = snd_nxt;
	ca->snd_ssthresh = ferry_recovery_ssthresh(ca);
	ca->prior_ssthresh = 0;
	rec->undo = 0;
	rec->frto = 0;
	rec->reason = FERRY_RTX_MTU;
	ferry_recovery_set_state(ca, FERRY_CA_LOSS);
}

static void enter_recovery(struct ferry_recovery *rec, struct ferry_cong *ca,
			   u32 snd_una, u32 snd_nxt, bool ece)
{
	ca->prior_ssthresh = 0;
	ferry_undo_start(rec, ca, snd_una);
	if (!ferry_cong_in_reduction(ca)) {
		if (!ece)
			ca->prior_ssthresh = ferry_recovery_ssthresh(ca);
		ferry_prr_start(rec, ca, snd_nxt);
	}
	ferry_recovery_set_state(ca, FERRY_CA_RECOVERY);
}

/**
 * ferry_recovery_send_lost() - what is lost is to be sent again, at least
 * @st: the ACK
 * @reason: why it was held to be lost
 *
 * Pure; socket lock held.
 */
void ferry_recovery_send_lost(struct ferry_ack_state *st,
			      enum ferry_retransmit_reason reason)
{
	st->next = max(st->next, FERRY_NEXT_RETRANSMIT);
	st->rec->reason = reason;
}

static void find_losses(struct ferry_ack_state *st)
{
	struct ferry_cong *ca = st->ca;

	if (!ca->packets_out)
		return;
	if (st->sack) {
		if (st->advanced)
			st->reo_timeout_us =
				ferry_rack_detect(st->rec, ca,
						  &st->lost_retrans);
		st->advanced = false;
	} else if ((ca->state < FERRY_CA_RECOVERY && !st->rec->recovering &&
		    ca->sacked_out >= st->rec->reordering) ||
		   (ca->state == FERRY_CA_RECOVERY &&
		    ferry_una_advanced(st))) {
		ferry_newreno_lost(st);
	}
}

/**
 * ferry_recovery_end() - everything that was outstanding is acknowledged
 * @st: the ACK
 *
 * Pure; socket lock held.
 *
 * Return: true if the state has to stay a little: without SACK, duplicate ACKs
 * for what was sent before may still come (RFC 6582 section 4.1).
 */
bool ferry_recovery_end(struct ferry_ack_state *st)
{
	struct ferry_recovery *rec = st->rec;

	if (ferry_undo_is_due(st))
		ferry_undo(st, false);
	else if (rec->rack.reo_wnd_persist)
		rec->rack.reo_wnd_persist--;
	if (!st->sack && st->snd_una == st->ca->high_seq) {
		ferry_recovery_forget(rec, st->ca);
		return true;
	}
	ferry_recovery_set_state(st->ca, FERRY_CA_OPEN);
	rec->reneged = 0;
	return false;
}

static bool undo_by_dsack(struct ferry_ack_state *st)
{
	struct ferry_rack *rack = &st->rec->rack;

	if (!st->rec->undo || st->rec->undo_retrans)
		return false;
	rack->reo_wnd_persist = min(rack->reo_wnd_persist + 1U,
				    FERRY_REO_WND_PERSIST);
	ferry_undo(st, false);
	return true;
}

/*
 * SND.UNA has moved on in recovery.  If the original has filled the hole, it
 * was only late.  Returns true if nothing more should be marked lost.
 */
static bool undo_partial(struct ferry_ack_state *st)
{
	struct ferry_recovery *rec = st->rec;

	if (!rec->undo || !ferry_undo_was_delayed(st))
		return false;
	ferry_reordering_seen(st, st->prior_una);
	/* What was sent again is still to come, and would confuse. */
	if (st->ca->retrans_out)
		return true;
	ferry_recovery_forget(rec, st->ca);
	ferry_undo(st, true);
	keep_open(rec, st->ca, st->snd_nxt);
	return false;
}

/* Nothing is lost: what remains suspicious? */
static void try_to_open(struct ferry_ack_state *st)
{
	ferry_recovery_forget(st->rec, st->ca);
	if (st->sample.ece) {
		note_state(st);
		ferry_recovery_enter_cwr(st->rec, st->ca, st->snd_nxt);
	}
	if (st->ca->state != FERRY_CA_CWR)
		keep_open(st->rec, st->ca, st->snd_nxt);
}

/* An ACK beyond the end of the trouble. */
static bool ack_ends_state(struct ferry_ack_state *st)
{
	struct ferry_cong *ca = st->ca;

	switch (ca->state) {
	case FERRY_CA_CWR:
		/* The CWR bit has to reach the receiver (RFC 3168). */
		if (st->snd_una != ca->high_seq) {
			ferry_prr_end(st->rec, ca);
			ferry_recovery_set_state(ca, FERRY_CA_OPEN);
		}
		break;
	case FERRY_CA_RECOVERY:
		if (!st->sack)
			ca->sacked_out = 0;
		if (ferry_recovery_end(st))
			return true;
		ferry_prr_end(st->rec, ca);
		break;
	}
	return false;
}

static void ack_in_recovery(struct ferry_ack_state *st)
{
	struct ferry_cong *ca = st->ca;

	if (!ferry_una_advanced(st)) {
		if (!st->sack)
			ferry_newreno_dupack(st);
	} else if (undo_partial(st)) {
		return;
	}
	if (undo_by_dsack(st))
		try_to_open(st);
	find_losses(st);
	if (ca->state != FERRY_CA_RECOVERY) {
		if (!ca->lost_out)
			return;
		note_state(st);
		enter_recovery(st->rec, ca, st->snd_una, st->snd_nxt,
			       st->sample.ece);
	}
	ferry_recovery_send_lost(st, FERRY_RTX_FAST);
}

/* Something about the ACK, or the state, is not as it should be. */
static void ack_is_dubious(struct ferry_ack_state *st)
{
	struct ferry_cong *ca = st->ca;

	/* It has to be reduced for this, whatever else it was for. */
	if (st->sample.ece)
		ca->prior_ssthresh = 0;
	/* The timer is going to clear up what the receiver has. */
	if (st->reneging && ferry_una_advanced(st))
		return;
	if (ca->state == FERRY_CA_OPEN)
		st->rec->retransmitted = 0;
	else if (!seq_before(st->snd_una, ca->high_seq) && ack_ends_state(st))
		return;

	if (ca->state == FERRY_CA_RECOVERY) {
		ack_in_recovery(st);
		return;
	}
	if (ca->state == FERRY_CA_LOSS) {
		ferry_loss_ack(st);
		find_losses(st);
		if (ca->state != FERRY_CA_OPEN && !st->lost_retrans)
			return;
	}
	if (!st->sack) {
		if (ferry_una_advanced(st))
			ca->sacked_out = 0;
		ferry_newreno_dupack(st);
	}
	if (ca->state <= FERRY_CA_DISORDER)
		undo_by_dsack(st);
	find_losses(st);
	if (!ca->lost_out) {
		try_to_open(st);
		return;
	}
	/* It was too large; that says nothing of congestion (RFC 4821). */
	if (st->mtu_probe && ca->state < FERRY_CA_CWR) {
		st->mtu_probe_lost = true;
		return;
	}
	note_state(st);
	enter_recovery(st->rec, ca, st->snd_una, st->snd_nxt, st->sample.ece);
	ferry_newreno_note(st->rec, st->snd_nxt, st->sack);
	ferry_recovery_send_lost(st, FERRY_RTX_FAST);
}

/*
 * The oldest segment that the ACK is about counts for the estimator, and the
 * latest for congestion control and the smallest RTT.  None if one was sent
 * more than once (Karn), but a timestamp tells those apart (RFC 7323).
 */
static void measure_rtt(struct ferry_ack_state *st)
{
	struct ferry_rtt *rtt = &st->ca->rtt;
	u32 now = ferry_recovery_now(st->ca), rtt_us = 0, latest_us = 0;

	if (st->timed && !st->retrans_acked) {
		rtt_us = max(now - st->oldest_us, 1U);
		latest_us = max(now - st->newest_us, 1U);
	}
	if (st->sack_timed) {
		rtt_us = rtt_us ?: max(now - st->sack_oldest_us, 1U);
		latest_us = max(now - st->sack_newest_us, 1U);
	}
	if (!rtt_us && st->has_ts_ecr && st->acked) {
		rtt_us = max(st->now_ms - st->ts_ecr_ms, 1U);
		if (rtt_us >= FERRY_RTO_MAX_US / USEC_PER_MSEC)
			return;
		rtt_us *= USEC_PER_MSEC;
		latest_us = rtt_us;
	}
	if (!rtt_us)
		return;
	st->sample.rtt_us = latest_us;
	/* An ACK for a single segment may have been held back. */
	st->sample.is_ack_delayed = st->sample.acked == 1 &&
				    st->sample.prior_in_flight == 1;
	if (!st->sample.is_ack_delayed || latest_us < ferry_rtt_min(rtt))
		ferry_rtt_min_sample(rtt, latest_us, now);
	ferry_rtt_sample(rtt, rtt_us);
	st->measured = true;
}

static void control_window(struct ferry_ack_state *st)
{
	struct ferry_ack_sample *sample = &st->sample;
	struct ferry_cong *ca = st->ca;
	u32 delivered = ca->delivered - st->prior_delivered;
	u32 lost = ca->lost - st->prior_lost;
	bool news;

	ferry_rate_generate(ca, delivered, lost, ferry_rtt_min(&ca->rtt),
			    sample);
	if ((st->acked || st->sacked) && ca->ops->pkts_acked)
		ca->ops->pkts_acked(ca, sample);
	if (ca->ops->cong_control) {
		ca->ops->cong_control(ca, sample);
		return;
	}
	if (ferry_cong_in_reduction(ca)) {
		ferry_prr_delivered(st->rec, ca, delivered, lost,
				    ferry_una_advanced(st));
		return;
	}
	/* Where much is reordered, SACKed is as good as acknowledged. */
	news = st->acked ||
	       (st->sacked && st->rec->reordering > FERRY_DUPTHRESH);
	if (news)
		ca->ops->cong_avoid(ca, sample);
}

/* What was sent before the first segment has arrived: the path is alive. */
static bool sacked_older_than_head(const struct ferry_ack_state *st)
{
	const struct sk_buff *skb = skb_rb_first(&st->rec->queue);

	return st->sack_timed && skb &&
	       seq_before(st->sack_oldest_us, FERRY_SKB_CB(skb)->sent_us);
}

/**
 * ferry_recovery_ack() - an ACK has come
 * @st: the ACK; the fields that are not results are filled in
 * @blocks: its SACK blocks in host byte order; sorted here
 * @n: how many
 *
 * Brings scoreboard, round-trip time, state and congestion window up to date.
 * What is to be done then is in the results of @st.
 *
 * Pure; socket lock held.
 */
void ferry_recovery_ack(struct ferry_ack_state *st,
			struct ferry_sack_block *blocks, unsigned int n)
{
	struct ferry_recovery *rec = st->rec;
	struct ferry_cong *ca = st->ca;
	u32 prior_high = ca->sacked_out && st->sack ? rec->sack_high :
						      st->prior_una;

	st->prior_state = ca->state;
	st->via = ca->state;
	st->prior_delivered = ca->delivered;
	st->prior_lost = ca->lost;
	st->reord_seq = st->snd_nxt;
	if (n) {
		ferry_sack_blocks(st, blocks, n);
		if (ca->state != FERRY_CA_LOSS || rec->undo)
			ferry_reordering_seen(st, st->reord_seq);
		st->reord_seq = st->snd_nxt;
	}
	if (ferry_una_advanced(st)) {
		ferry_board_clean(st);
		if (!st->sack)
			ferry_newreno_acked(st);
		else if (seq_before(st->reord_seq, prior_high))
			ferry_reordering_seen(st, st->reord_seq);
	}
	measure_rtt(st);
	st->rearm = st->acked || sacked_older_than_head(st);
	if (st->sample.sampled)
		ferry_rack_adapt(&rec->rack, st->sample.prior_delivered,
				 ca->delivered);
	if (rec->tlp)
		ferry_tlp_ack(st);

	if (st->dupack && !ferry_una_advanced(st) && !st->dsack_segs &&
	    ca->packets_out)
		st->dupacks = 1;
	if (st->dupacks || st->sacked || st->dsack_segs || st->sample.ece ||
	    ca->state != FERRY_CA_OPEN)
		ack_is_dubious(st);
	control_window(st);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_recovery_ack);

/**
 * ferry_recovery_reo_timeout() - RACK has waited long enough
 * @rec: recovery state
 * @ca: congestion state; @now_us is set
 * @snd_una: SND.UNA
 * @snd_nxt: SND.NXT
 * @reo_timeout_us: set to when to look again in microseconds, 0 for never
 *
 * RFC 8985 section 6.3.  Pure; socket lock held.
 *
 * Return: true if something is lost and has to be sent again.
 */
bool ferry_recovery_reo_timeout(struct ferry_recovery *rec,
				struct ferry_cong *ca,
				u32 snd_una, u32 snd_nxt, u32 *reo_timeout_us)
{
	u32 lost = ca->lost;
	bool lost_retrans = false;

	*reo_timeout_us = ferry_rack_detect(rec, ca, &lost_retrans);
	if (ca->lost == lost)
		return false;
	rec->reason = FERRY_RTX_REO;
	if (ca->state != FERRY_CA_RECOVERY) {
		enter_recovery(rec, ca, snd_una, snd_nxt, false);
		if (!ca->ops->cong_control)
			ferry_prr_delivered(rec, ca, 1, ca->lost - lost,
					    false);
	}
	return true;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_recovery_reo_timeout);
