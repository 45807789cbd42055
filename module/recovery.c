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
 * With SACK, RACK says what is lost.  Without it each duplicate ACK counts one
 * segment into @sacked_out, for one has left the network, whichever it was; the
 * third means that the first unacknowledged segment is lost, and in recovery
 * an ACK that does not reach @high_seq means that the next one is, too (NewReno).
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

static void set_state(struct ferry_cong *ca, u8 state)
{
	if (ca->ops->set_state)
		ca->ops->set_state(ca, state);
	ca->state = state;
}

/* The threshold to go back to, if it was a mistake to reduce it. */
static u32 current_ssthresh(const struct ferry_cong *ca)
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

static void forget_retransmissions(struct ferry_recovery *rec,
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
		set_state(ca, state);
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
	set_state(ca, FERRY_CA_CWR);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_recovery_enter_cwr);

/**
 * ferry_recovery_probe_lost() - only the probe has repaired a loss
 * @rec: recovery state
 * @ca: congestion state
 * @snd_nxt: SND.NXT
 *
 * RFC 8985 section 7.4.2: the window is reduced at once.  Pure; socket lock
 * held.
 */
void ferry_recovery_probe_lost(struct ferry_recovery *rec,
			       struct ferry_cong *ca, u32 snd_nxt)
{
	ferry_prr_start(rec, ca, snd_nxt);
	set_state(ca, FERRY_CA_CWR);
	ferry_prr_end(rec, ca);
	keep_open(rec, ca, snd_nxt);
}

/**
 * ferry_recovery_resegmented() - segments too large for the path are marked lost
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
	ca->snd_ssthresh = current_ssthresh(ca);
	ca->prior_ssthresh = 0;
	rec->undo = 0;
	rec->frto = 0;
	rec->reason = FERRY_RTX_MTU;
	set_state(ca, FERRY_CA_LOSS);
}

/*
 * RFC 6582 section 4.1: without SACK, what is outstanding now may cause
 * duplicate ACKs after it has been acknowledged, and they must not start
 * another recovery.
 */
static void note_recover(struct ferry_recovery *rec, u32 snd_nxt, bool sack)
{
	if (sack)
		return;
	rec->recover = snd_nxt;
	rec->recovering = 1;
}

static void enter_recovery(struct ferry_recovery *rec, struct ferry_cong *ca,
			   u32 snd_una, u32 snd_nxt, bool ece)
{
	ca->prior_ssthresh = 0;
	ferry_undo_start(rec, ca, snd_una);
	if (!ferry_cong_in_reduction(ca)) {
		if (!ece)
			ca->prior_ssthresh = current_ssthresh(ca);
		ferry_prr_start(rec, ca, snd_nxt);
	}
	set_state(ca, FERRY_CA_RECOVERY);
}

/*
 * Without SACK, more duplicate ACKs than segments that can have left the
 * network: what is lost has not, nor has the segment that they ask for.
 */
static void limit_dupacks(struct ferry_ack_state *st)
{
	struct ferry_cong *ca = st->ca;
	u32 holes = min(max(ca->lost_out, 1U), ca->packets_out);

	if (ca->sacked_out + holes <= ca->packets_out)
		return;
	ca->sacked_out = ca->packets_out - holes;
}

static void add_dupacks(struct ferry_ack_state *st)
{
	struct ferry_cong *ca = st->ca;
	u32 before = ca->sacked_out;

	if (!st->dupacks)
		return;
	ca->sacked_out += st->dupacks;
	limit_dupacks(st);
	if (ca->sacked_out > before)
		ca->delivered += ca->sacked_out - before;
}

/* A segment that filled the hole was not one of those that left before. */
static void remove_dupacks(struct ferry_ack_state *st)
{
	u32 acked = st->sample.acked;
	struct ferry_cong *ca = st->ca;

	if (acked) {
		ca->delivered += acked > ca->sacked_out ?
					 acked - ca->sacked_out : 1;
		ca->sacked_out -= min(acked - 1, ca->sacked_out);
	}
	limit_dupacks(st);
}

/* What an ACK that moves SND.UNA on means to a sender without SACK. */
static void acked_without_sack(struct ferry_ack_state *st)
{
	struct ferry_recovery *rec = st->rec;

	remove_dupacks(st);
	if (rec->recovering && seq_after(st->snd_una, rec->recover))
		rec->recovering = 0;
	/* Which of them has just arrived cannot be told. */
	if (st->retrans_acked)
		st->orig_delivered = false;
}

/* RFC 6582: the first segment is lost. */
static void mark_head_lost(struct ferry_ack_state *st)
{
	struct sk_buff *skb = skb_rb_first(&st->rec->queue);
	const struct ferry_skb_cb *cb;
	u32 len;

	if (!skb)
		return;
	cb = FERRY_SKB_CB(skb);
	if (cb->marks & FERRY_SKB_LOST)
		return;
	len = cb->mss;
	if (seq_before(cb->seq, st->snd_una))
		len += st->snd_una - cb->seq;
	if (skb->len > len &&
	    !ferry_board_cut(st->rec, st->ca, st->ops, st->snd_una, skb, len))
		return;
	ferry_board_mark_lost(st->rec, st->ca, skb);
	limit_dupacks(st);
	st->next = FERRY_NEXT_FIRST;
}

/* What is lost is to be sent again, and perhaps more than that. */
static void send_lost(struct ferry_ack_state *st,
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
		mark_head_lost(st);
	}
}

/*
 * Everything that was outstanding has been acknowledged.  Returns true if the
 * state has to stay a little: without SACK, duplicate ACKs for what was sent
 * before may still come (RFC 6582 section 4.1).
 */
static bool end_episode(struct ferry_ack_state *st)
{
	struct ferry_recovery *rec = st->rec;

	if (ferry_undo_is_due(st))
		ferry_undo(st, false);
	else if (rec->rack.reo_wnd_persist)
		rec->rack.reo_wnd_persist--;
	if (!st->sack && st->snd_una == st->ca->high_seq) {
		forget_retransmissions(rec, st->ca);
		return true;
	}
	set_state(st->ca, FERRY_CA_OPEN);
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
	forget_retransmissions(rec, st->ca);
	ferry_undo(st, true);
	keep_open(rec, st->ca, st->snd_nxt);
	return false;
}

/* Was the time-out spurious?  @proven: F-RTO says so. */
static bool undo_loss(struct ferry_ack_state *st, bool proven)
{
	if (!proven && !ferry_undo_is_due(st))
		return false;
	ferry_undo(st, true);
	st->spurious = true;
	if (!st->sack && st->snd_una == st->ca->high_seq) {
		forget_retransmissions(st->rec, st->ca);
		return true;
	}
	if (proven || st->sack) {
		set_state(st->ca, FERRY_CA_OPEN);
		st->rec->reneged = 0;
	}
	return true;
}

/*
 * RFC 5682 section 3.1: after a time-out, an ACK for what was not sent again
 * shows that it was there all the time.  To cause such an ACK, new data goes
 * out instead of retransmissions.  Returns true if that settles it for now.
 */
static bool forward_rto(struct ferry_ack_state *st)
{
	struct ferry_recovery *rec = st->rec;
	struct ferry_cong *ca = st->ca;

	if (st->orig_delivered && undo_loss(st, true))
		return true;
	if (seq_after(st->snd_nxt, ca->high_seq)) {
		if (st->sacked || st->dupacks) {
			rec->frto = 0;
			note_recover(rec, st->snd_nxt, st->sack);
		}
	} else if (ferry_una_advanced(st) &&
		   seq_before(st->snd_una, ca->high_seq)) {
		ca->high_seq = st->snd_nxt;
		if (st->has_new_data) {
			st->next = FERRY_NEXT_NEW;
			return true;
		}
		rec->frto = 0;
	}
	return false;
}

static void ack_in_loss(struct ferry_ack_state *st)
{
	bool recovered = !seq_before(st->snd_una, st->ca->high_seq);

	if (ferry_una_advanced(st) && undo_loss(st, false))
		return;
	if (st->rec->frto && forward_rto(st))
		return;
	if (recovered) {
		end_episode(st);
		return;
	}
	if (!st->sack) {
		if (seq_after(st->snd_nxt, st->ca->high_seq) && st->dupacks)
			add_dupacks(st);
		else if (ferry_una_advanced(st))
			st->ca->sacked_out = 0;
	}
	send_lost(st, FERRY_RTX_SLOW_START);
}

/* Nothing is lost: what remains suspicious? */
static void try_to_open(struct ferry_ack_state *st)
{
	forget_retransmissions(st->rec, st->ca);
	if (st->sample.ece)
		ferry_recovery_enter_cwr(st->rec, st->ca, st->snd_nxt);
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
			set_state(ca, FERRY_CA_OPEN);
		}
		break;
	case FERRY_CA_RECOVERY:
		if (!st->sack)
			ca->sacked_out = 0;
		if (end_episode(st))
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
			add_dupacks(st);
	} else if (undo_partial(st)) {
		return;
	}
	if (undo_by_dsack(st))
		try_to_open(st);
	find_losses(st);
	if (ca->state != FERRY_CA_RECOVERY) {
		if (!ca->lost_out)
			return;
		enter_recovery(st->rec, ca, st->snd_una, st->snd_nxt,
			       st->sample.ece);
	}
	send_lost(st, FERRY_RTX_FAST);
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
		ack_in_loss(st);
		find_losses(st);
		if (ca->state != FERRY_CA_OPEN && !st->lost_retrans)
			return;
	}
	if (!st->sack) {
		if (ferry_una_advanced(st))
			ca->sacked_out = 0;
		add_dupacks(st);
	}
	if (ca->state <= FERRY_CA_DISORDER)
		undo_by_dsack(st);
	find_losses(st);
	if (!ca->lost_out) {
		try_to_open(st);
		return;
	}
	enter_recovery(st->rec, ca, st->snd_una, st->snd_nxt, st->sample.ece);
	note_recover(st->rec, st->snd_nxt, st->sack);
	send_lost(st, FERRY_RTX_FAST);
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
			acked_without_sack(st);
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

	if (st->dupack && !ferry_una_advanced(st) && !st->dsack &&
	    ca->packets_out)
		st->dupacks = 1;
	if (st->dupacks || st->sacked || st->dsack || st->sample.ece ||
	    ca->state != FERRY_CA_OPEN)
		ack_is_dubious(st);
	control_window(st);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_recovery_ack);

/*
 * Everything may be lost, but for what was sent less than a round trip ago.
 * If the first segment is SACKed, the receiver has lost what it had (RFC 2018
 * section 8).
 */
static void mark_all_lost(struct ferry_recovery *rec, struct ferry_cong *ca)
{
	struct sk_buff *head = skb_rb_first(&rec->queue), *skb;
	struct ferry_skb_cb *cb;
	bool reneged;

	reneged = head && FERRY_SKB_CB(head)->marks & FERRY_SKB_SACKED;
	if (reneged) {
		ca->sacked_out = 0;
		rec->reneged = 1;
	}
	for (skb = head; skb; skb = skb_rb_next(skb)) {
		cb = FERRY_SKB_CB(skb);
		if (reneged)
			cb->marks &= ~FERRY_SKB_SACKED;
		else if (skb != head &&
			 ferry_rack_remaining(&rec->rack, 0,
					      ferry_recovery_now(ca),
					      cb->sent_us) > 0)
			continue;
		ferry_board_mark_lost(rec, ca, skb);
	}
}

/**
 * ferry_recovery_timeout() - the retransmission timer has expired
 * @rec: recovery state
 * @ca: congestion state; @now_us is set
 * @snd_una: SND.UNA
 * @snd_nxt: SND.NXT
 * @sack: SACK is in use
 * @again: not for the first time since there was progress
 *
 * RFC 5681 section 3.1, RFC 6298 section 5.  The threshold is reduced once for
 * a window of data, by the fast retransmit or the first time-out.  The caller
 * sends the first segment again.  Pure; socket lock held.
 */
void ferry_recovery_timeout(struct ferry_recovery *rec, struct ferry_cong *ca,
			    u32 snd_una, u32 snd_nxt, bool sack, bool again)
{
	bool fresh = ca->state < FERRY_CA_RECOVERY;
	u32 sacked_out = ca->sacked_out;

	if (!sack)
		ca->sacked_out = 0;
	mark_all_lost(rec, ca);
	if (ca->state <= FERRY_CA_DISORDER ||
	    !seq_after(ca->high_seq, snd_una) ||
	    (ca->state == FERRY_CA_LOSS && !again)) {
		ca->prior_ssthresh = current_ssthresh(ca);
		ca->prior_cwnd = ca->snd_cwnd;
		ca->snd_ssthresh = ca->ops->ssthresh(ca);
		if (ca->ops->event)
			ca->ops->event(ca, FERRY_CA_EVENT_LOSS);
		ferry_undo_start(rec, ca, snd_una);
	}
	ca->snd_cwnd = ferry_cong_in_flight(ca) + 1;
	ca->snd_cwnd_cnt = 0;
	/* So much disorder should have shown the loss before: less is true. */
	if (ca->state <= FERRY_CA_DISORDER && sacked_out >= FERRY_DUPTHRESH)
		rec->reordering = min_t(u16, rec->reordering, FERRY_DUPTHRESH);
	set_state(ca, FERRY_CA_LOSS);
	ca->high_seq = snd_nxt;
	ca->cwr_due = true;
	note_recover(rec, snd_nxt, sack);
	rec->tlp = 0;
	rec->frto = fresh || again;
	rec->reason = FERRY_RTX_SLOW_START;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_recovery_timeout);

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
