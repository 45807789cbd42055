// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proportional rate reduction: how much to send while the window shrinks
 * (RFC 6937, and the heuristics of its revision).
 *
 * From the window when the trouble began to the slow start threshold it goes
 * evenly: for each segment delivered, the fraction ssthresh / prior window of
 * one may be sent.  If more is lost than that, less than the threshold is in
 * flight; then the deficit is made up.  While every ACK moves SND.UNA on and
 * nothing new is lost, the path has room: one segment more than was delivered
 * may go for each ACK (PRR-SSRB).  Otherwise only what was delivered (PRR-CRB).
 */
#include <linux/kernel.h>
#include <linux/math64.h>

#include "compat.h"
#include "recovery.h"

/**
 * ferry_prr_start() - the window is to be reduced
 * @rec: recovery state
 * @ca: congestion state
 * @snd_nxt: SND.NXT; the reduction is over when it is acknowledged
 *
 * RFC 6937 section 3.  Pure; socket lock held.
 */
void ferry_prr_start(struct ferry_recovery *rec, struct ferry_cong *ca,
		     u32 snd_nxt)
{
	ca->high_seq = snd_nxt;
	ca->snd_cwnd_cnt = 0;
	ca->prior_cwnd = ca->snd_cwnd;
	ca->snd_ssthresh = ca->ops->ssthresh(ca);
	ca->cwr_due = true;
	rec->prr_delivered = 0;
	rec->prr_out = 0;
	rec->tlp = 0;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_prr_start);

/**
 * ferry_prr_delivered() - an ACK during the reduction
 * @rec: recovery state
 * @ca: congestion state; @snd_cwnd is set so that what may be sent fits
 * @delivered: segments that the ACK has delivered
 * @lost: segments that it has shown to be lost
 * @advanced: SND.UNA has moved on
 *
 * RFC 6937 section 3.  Pure; socket lock held.
 */
void ferry_prr_delivered(struct ferry_recovery *rec, struct ferry_cong *ca,
			 u32 delivered, u32 lost, bool advanced)
{
	u32 in_flight = ferry_cong_in_flight(ca);
	s32 room = ca->snd_ssthresh - in_flight;
	s32 count;

	if (!delivered || !ca->prior_cwnd)
		return;
	rec->prr_delivered += delivered;
	if (room < 0) {
		u64 share = (u64)ca->snd_ssthresh * rec->prr_delivered;

		count = (s32)DIV_ROUND_UP_ULL(share, ca->prior_cwnd) -
			(s32)rec->prr_out;
	} else {
		count = max_t(s32, rec->prr_delivered - rec->prr_out,
			      delivered);
		if (advanced && !lost)
			count++;
		count = min(count, room);
	}
	/* The fast retransmit goes out whatever this says. */
	count = max(count, rec->prr_out ? 0 : 1);
	ca->snd_cwnd = in_flight + count;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_prr_delivered);

/**
 * ferry_prr_end() - the reduction is complete
 * @rec: recovery state
 * @ca: congestion state
 *
 * RFC 6937 section 3.  Pure; socket lock held.
 */
void ferry_prr_end(const struct ferry_recovery *rec, struct ferry_cong *ca)
{
	if (ca->ops->cong_control)
		return;
	if (ca->snd_ssthresh < FERRY_SSTHRESH_MAX &&
	    (ca->state == FERRY_CA_CWR || rec->undo))
		ca->snd_cwnd = ca->snd_ssthresh;
	if (ca->ops->event)
		ca->ops->event(ca, FERRY_CA_EVENT_COMPLETE_CWR);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_prr_end);
