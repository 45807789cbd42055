// SPDX-License-Identifier: GPL-2.0-only
/*
 * NewReno, RFC 6582, in the terms of RFC 6675's "pipe".
 *
 * A duplicate ACK says that a segment has left the network, not which one, so
 * each counts one segment into @sacked_out.  That makes room in the window and
 * lets a new segment go (limited transmit, RFC 3042; window inflation in RFC
 * 5681).  Three of them mean that the first unacknowledged segment is lost:
 * the window is halved once and the segment sent again.  An ACK that moves on
 * without reaching @high_seq is partial: the segment that it asks for was lost
 * from the same window and is sent at once.
 *
 * After a time-out everything unacknowledged is held to be lost, the window is
 * one segment, and slow start sends it all again.
 *
 * Whatever was sent before the trouble may still cause duplicate ACKs when it
 * has passed; they must not start a second recovery (RFC 6582 section 4.1).
 * So a new one begins only when SND.UNA has gone beyond @high_seq.
 */
#include <linux/kernel.h>

#include "compat.h"
#include "recovery.h"
#include "segment.h"

/*
 * How many can have left the network: not what is lost, and never the segment
 * that the duplicate ACKs ask for, even before it is marked.  ACKs that the
 * network has duplicated would count it otherwise.
 */
static u32 max_sacked(const struct ferry_cong *ca)
{
	u32 holes = max(ca->lost_out, 1U);

	return ca->packets_out - min(holes, ca->packets_out);
}

static void add_dupack(struct ferry_cong *ca)
{
	if (ca->sacked_out < max_sacked(ca))
		ca->sacked_out++;
}

/* A segment that filled the hole was not one of those that left before. */
static void remove_dupacks(struct ferry_cong *ca, u32 acked)
{
	if (acked)
		ca->sacked_out -= min(acked - 1, ca->sacked_out);
	ca->sacked_out = min(ca->sacked_out, max_sacked(ca));
}

static void reduce_window(struct ferry_cong *ca)
{
	ca->snd_ssthresh = ca->ops->ssthresh(ca);
	ca->snd_cwnd_cnt = 0;
}

/**
 * ferry_recovery_dupack() - a duplicate ACK has come
 * @ca: congestion state
 * @snd_una: SND.UNA
 * @snd_nxt: SND.NXT
 *
 * The caller has checked that it is one: it acknowledges nothing new, carries
 * no data, does not change the window, and data is outstanding (RFC 5681
 * section 2).  Pure; socket lock held.
 *
 * Return: what is lost.
 */
enum ferry_verdict ferry_recovery_dupack(struct ferry_cong *ca, u32 snd_una,
					 u32 snd_nxt)
{
	add_dupack(ca);
	if (ca->state >= FERRY_CA_RECOVERY)
		return FERRY_NOTHING_LOST;

	ca->state = FERRY_CA_DISORDER;
	if (ca->sacked_out < FERRY_DUPTHRESH ||
	    !seq_after(snd_una, ca->high_seq))
		return FERRY_NOTHING_LOST;

	reduce_window(ca);
	ca->snd_cwnd = ca->snd_ssthresh;
	ca->high_seq = snd_nxt;
	ca->state = FERRY_CA_RECOVERY;
	return FERRY_HEAD_LOST;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_recovery_dupack);

/**
 * ferry_recovery_ack() - an ACK has acknowledged new data
 * @ca: congestion state; @packets_out, @lost_out and @retrans_out no longer
 *	count what was acknowledged
 * @snd_una: SND.UNA after the ACK
 * @sample: what the ACK told
 *
 * Pure; socket lock held.
 *
 * Return: what is lost.
 */
enum ferry_verdict ferry_recovery_ack(struct ferry_cong *ca, u32 snd_una,
				      const struct ferry_ack_sample *sample)
{
	if (ca->state >= FERRY_CA_RECOVERY &&
	    seq_before(snd_una, ca->high_seq)) {
		remove_dupacks(ca, sample->acked);
		if (ca->state == FERRY_CA_RECOVERY)
			return FERRY_HEAD_LOST;
		/* Slow start: the next of what is lost goes out. */
		ca->ops->cong_avoid(ca, sample);
		return FERRY_NOTHING_LOST;
	}

	ca->sacked_out = 0;
	/* Stay close behind, or 2 GB from here it would be ahead again. */
	if (seq_after(snd_una, ca->high_seq))
		ca->high_seq = snd_una - 1;
	if (ca->state == FERRY_CA_RECOVERY) {
		/*
		 * RFC 6582 section 3.2, step 3, full acknowledgments, (1).
		 * What this ACK acknowledges was sent before the reduction, so
		 * the window does not grow by it.
		 */
		ca->snd_cwnd = min(ca->snd_ssthresh,
				   max(ferry_cong_in_flight(ca), 1U) + 1);
		ca->state = FERRY_CA_OPEN;
		return FERRY_NOTHING_LOST;
	}
	ca->state = FERRY_CA_OPEN;
	ca->ops->cong_avoid(ca, sample);
	return FERRY_NOTHING_LOST;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_recovery_ack);

/**
 * ferry_recovery_timeout() - the retransmission timer has expired
 * @ca: congestion state
 * @snd_una: SND.UNA
 * @snd_nxt: SND.NXT
 *
 * RFC 5681 section 3.1: the threshold is reduced once for a window of data, by
 * the fast retransmit or the first time-out, not by the time-outs that follow.
 * Pure; socket lock held.
 *
 * Return: what is lost.
 */
enum ferry_verdict ferry_recovery_timeout(struct ferry_cong *ca, u32 snd_una,
					  u32 snd_nxt)
{
	if (ca->state < FERRY_CA_RECOVERY || !seq_before(snd_una, ca->high_seq))
		reduce_window(ca);
	ca->snd_cwnd = 1;
	ca->snd_cwnd_cnt = 0;
	ca->sacked_out = 0;
	ca->high_seq = snd_nxt;
	ca->state = FERRY_CA_LOSS;
	return FERRY_ALL_LOST;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_recovery_timeout);
