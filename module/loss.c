// SPDX-License-Identifier: GPL-2.0-only
/*
 * The retransmission timer has expired: slow start from one segment.
 *
 * The timer may have been too early.  Then segments arrive that were not sent
 * again, and F-RTO (RFC 5682) or timestamps show it; the window goes back to
 * what it was, and nothing more is sent twice.
 */
#include <linux/kernel.h>

#include "compat.h"
#include "recovery.h"

/* Was the time-out spurious?  @proven: F-RTO says so. */
static bool undo_loss(struct ferry_ack_state *st, bool proven)
{
	if (!proven && !ferry_undo_is_due(st))
		return false;
	ferry_undo(st, true);
	st->spurious = true;
	if (!st->sack && st->snd_una == st->ca->high_seq) {
		ferry_recovery_forget(st->rec, st->ca);
		return true;
	}
	if (proven || st->sack) {
		ferry_recovery_set_state(st->ca, FERRY_CA_OPEN);
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
			ferry_newreno_note(rec, st->snd_nxt, st->sack);
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

/**
 * ferry_loss_ack() - an ACK after a time-out
 * @st: the ACK
 *
 * Pure; socket lock held.
 */
void ferry_loss_ack(struct ferry_ack_state *st)
{
	bool recovered = !seq_before(st->snd_una, st->ca->high_seq);

	if (ferry_una_advanced(st) && undo_loss(st, false))
		return;
	if (st->rec->frto && forward_rto(st))
		return;
	if (recovered) {
		ferry_recovery_end(st);
		return;
	}
	if (!st->sack) {
		if (seq_after(st->snd_nxt, st->ca->high_seq) && st->dupacks)
			ferry_newreno_dupack(st);
		else if (ferry_una_advanced(st))
			st->ca->sacked_out = 0;
	}
	ferry_recovery_send_lost(st, FERRY_RTX_SLOW_START);
}

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
		ca->prior_ssthresh = ferry_recovery_ssthresh(ca);
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
	ferry_recovery_set_state(ca, FERRY_CA_LOSS);
	ca->high_seq = snd_nxt;
	ca->cwr_due = true;
	ferry_newreno_note(rec, snd_nxt, sack);
	rec->tlp = 0;
	rec->frto = fresh || again;
	rec->reason = FERRY_RTX_SLOW_START;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_recovery_timeout);
