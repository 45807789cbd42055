// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivery rate estimation, draft-cheng-iccrg-delivery-rate-estimation.
 *
 * An ACK says that something has been delivered.  How fast the network took it
 * is the number of segments delivered between two moments: when the segment
 * that the ACK is about was sent, and now.  So each segment takes along, when
 * it is sent, the counter of what was delivered by then and the time of it;
 * when it is delivered, the difference is a rate sample, a round trip long.
 *
 * The sender cannot have delivered faster than it sent, but ACKs can be
 * compressed on their way and look faster.  So the interval is the longer of
 * the two: the time in which the segments were sent, and the time in which
 * their ACKs came.
 *
 * While the application has less to send than the window allows, the samples
 * say how fast the application is; they are marked until everything that was
 * in flight at that moment has been delivered.
 *
 * Times are microseconds and, like the counters, wrap: only differences count.
 * The socket lock protects all of it.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/time64.h>

#include "compat.h"
#include "rate.h"
#include "segment.h"

/**
 * ferry_rate_sent() - a segment is about to be sent, for the first time or not
 * @ca: congestion state; @now_us is set, @packets_out does not count it yet
 * @tx: to be kept with the segment
 *
 * draft-cheng section 3.2.  Pure; socket lock held.
 */
void ferry_rate_sent(struct ferry_cong *ca, struct ferry_rate_tx *tx)
{
	if (!ca->packets_out) {
		/* The first of a flight: nothing was sent or came before. */
		ca->first_tx_us = ca->now_us;
		ca->delivered_us = ca->now_us;
	}
	tx->first_tx_us = ca->first_tx_us;
	tx->delivered_us = ca->delivered_us;
	tx->delivered = ca->delivered;
	tx->delivered_ce = ca->delivered_ce;
	tx->app_limited = ca->app_limited != 0;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rate_sent);

/**
 * ferry_rate_delivered() - an ACK or SACK covers a segment for the first time
 * @ca: congestion state
 * @tx: what ferry_rate_sent() stored when the segment was sent last
 * @sent_us: when that was
 * @end_seq: sequence number of its end
 * @retrans: it was sent more than once
 * @sample: the sample of this ACK, zeroed before the first call
 *
 * Of all segments that an ACK delivers, the one sent last makes the sample.
 * Once for each segment: not when it is acknowledged after it was SACKed.
 * draft-cheng section 3.3.  Pure; socket lock held.
 */
void ferry_rate_delivered(struct ferry_cong *ca,
			  const struct ferry_rate_tx *tx, u32 sent_us,
			  u32 end_seq, bool retrans,
			  struct ferry_ack_sample *sample)
{
	if (sample->sampled && !seq_after(sent_us, sample->sent_us) &&
	    (sent_us != sample->sent_us ||
	     !seq_after(end_seq, sample->end_seq)))
		return;

	sample->sampled = true;
	sample->sent_us = sent_us;
	sample->end_seq = end_seq;
	sample->prior_delivered = tx->delivered;
	sample->prior_delivered_ce = tx->delivered_ce;
	sample->prior_us = tx->delivered_us;
	sample->is_app_limited = tx->app_limited;
	sample->is_retrans = retrans;
	/* How long it took to send them; the ACKs may have taken longer. */
	sample->interval_us = sent_us - tx->first_tx_us;
	ca->first_tx_us = sent_us;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rate_delivered);

/* Keep the sample for FERRY_INFO, unless the application made it small. */
static void show_sample(struct ferry_cong *ca,
			const struct ferry_ack_sample *sample)
{
	u64 rate = (u64)sample->delivered << FERRY_RATE_SHIFT;

	/* Less than a microsecond is as good as one. */
	rate = div_u64(rate, max(sample->interval_us, 1));
	if (sample->is_app_limited && rate < ca->rate)
		return;
	ca->rate = min_t(u64, rate, U32_MAX);
	ca->rate_app_limited = sample->is_app_limited;
}

/**
 * ferry_rate_generate() - an ACK has been worked off: what is the rate?
 * @ca: congestion state; @delivered, @delivered_ce and @now_us are up to date
 * @delivered: segments that the ACK has newly delivered
 * @losses: segments that it has shown to be lost
 * @min_rtt_us: the smallest round-trip time of late in microseconds, ~0 if
 *	none is known
 * @sample: what ferry_rate_delivered() began
 *
 * draft-cheng section 3.3.  An interval below the smallest round-trip time
 * cannot be true: ACKs for what was sent again may be those for the original.
 * Pure; socket lock held.
 */
void ferry_rate_generate(struct ferry_cong *ca, u32 delivered, u32 losses,
			 u32 min_rtt_us, struct ferry_ack_sample *sample)
{
	u32 now_us = ca->now_us;

	/* All that was sent while the application had no more is through. */
	if (ca->app_limited && seq_after(ca->delivered, ca->app_limited))
		ca->app_limited = 0;
	if (delivered)
		ca->delivered_us = now_us;
	sample->acked_sacked = delivered;
	sample->losses = losses;

	if (!sample->sampled) {
		sample->delivered = -1;
		sample->interval_us = -1;
		return;
	}
	sample->delivered = ca->delivered - sample->prior_delivered;
	sample->delivered_ce = (ca->delivered_ce -
				sample->prior_delivered_ce) & S32_MAX;
	sample->interval_us = max_t(u32, sample->interval_us,
				    now_us - sample->prior_us);
	if (min_rtt_us != ~0U && (u32)sample->interval_us < min_rtt_us) {
		sample->interval_us = -1;
		return;
	}
	show_sample(ca, sample);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rate_generate);

/**
 * ferry_rate_app_limited() - the application has nothing more to send
 * @ca: congestion state
 *
 * To be called when the window has room, what is lost is sent again, and the
 * application does not fill it.  draft-cheng section 3.4.  Pure; socket lock
 * held.
 */
void ferry_rate_app_limited(struct ferry_cong *ca)
{
	ca->app_limited = (ca->delivered + ferry_cong_in_flight(ca)) ?: 1;
}
EXPORT_SYMBOL_GPL(ferry_rate_app_limited);

/**
 * ferry_rate_shown() - the delivery rate as FERRY_INFO shows it
 * @ca: congestion state
 *
 * Return: bytes per second, 0 if there was no sample.
 */
u64 ferry_rate_shown(const struct ferry_cong *ca)
{
	return (u64)ca->rate * ca->mss * USEC_PER_SEC >> FERRY_RATE_SHIFT;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rate_shown);
