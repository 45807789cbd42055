// SPDX-License-Identifier: GPL-2.0-only
/*
 * The retransmission time-out, computed as RFC 6298 says.
 *
 * SRTT is kept times 8 and RTTVAR times 4, so that the gains of 1/8 and 1/4
 * are shifts and the fractions are not lost.  The lower bound is Linux's, and
 * is applied where Linux applies it: to the variance term, so that the RTO is
 * always 200 ms above SRTT, or as much as the route says (rto_min).  RFC 6298's
 * one second for the whole RTO would make every recovery by time-out five times
 * as long; 200 ms is still longer than any delayed ACK of a peer.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>

#include "compat.h"
#include "rtt.h"

/**
 * ferry_rtt_init() - forget everything about the path
 * @rtt: the estimator
 *
 * RFC 6298 (2.1).  Pure; any context.
 */
void ferry_rtt_init(struct ferry_rtt *rtt)
{
	rtt->srtt_us = 0;
	rtt->rttvar_us = FERRY_RTO_INIT_US;
	rtt->min_us = U32_MAX;
	rtt->prior_min_us = U32_MAX;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rtt_init);

/**
 * ferry_rtt_sample() - take a measurement into account
 * @rtt: the estimator
 * @sample_us: the measured round-trip time in microseconds; the caller keeps
 *	Karn's rule and never passes one of a retransmitted segment
 *
 * RFC 6298 (2.2) to (2.5).  Pure; any context.
 */
void ferry_rtt_sample(struct ferry_rtt *rtt, u32 sample_us)
{
	/* Zero marks an estimator without a sample; the bound keeps the sums in 32 bits. */
	sample_us = clamp(sample_us, 1U, FERRY_RTO_MAX_US);

	if (!rtt->srtt_us) {
		rtt->srtt_us = sample_us << 3;
		rtt->rttvar_us = sample_us << 1;
	} else {
		u32 srtt = rtt->srtt_us >> 3;
		u32 delta = srtt > sample_us ? srtt - sample_us :
					       sample_us - srtt;

		/* (2.3) wants RTTVAR updated with the old SRTT. */
		rtt->rttvar_us += delta - (rtt->rttvar_us >> 2);
		rtt->srtt_us += sample_us - srtt;
	}
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rtt_sample);

/**
 * ferry_rtt_backoff() - the RTO after a number of time-outs in a row
 * @rtt: the estimator
 * @least_us: how much longer than SRTT it is at least, in microseconds
 * @backoff: number of time-outs without news from the peer
 *
 * RFC 6298 (5.5).  Pure; any context.
 *
 * Return: the RTO in microseconds, at most FERRY_RTO_MAX_US.
 */
u32 ferry_rtt_backoff(const struct ferry_rtt *rtt, u32 least_us,
		      unsigned int backoff)
{
	return min_t(u64, (u64)ferry_rtt_rto(rtt, least_us) <<
			  min(backoff, 31U), FERRY_RTO_MAX_US);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rtt_backoff);

/**
 * ferry_rtt_min_sample() - take a measurement into account for the minimum
 * @rtt: the estimator
 * @sample_us: the measured round-trip time in microseconds
 * @now_us: the time in microseconds, of any clock; wraps
 *
 * Routes change, so what was measured long ago does not count: the minimum is
 * that of the last 150 to 300 seconds.  Pure; any context.
 */
void ferry_rtt_min_sample(struct ferry_rtt *rtt, u32 sample_us, u32 now_us)
{
	u32 age = now_us - rtt->min_since_us;

	if (rtt->min_us == U32_MAX || age >= FERRY_RTT_MIN_WINDOW_US) {
		rtt->prior_min_us = age < 2 * FERRY_RTT_MIN_WINDOW_US ?
					    rtt->min_us : U32_MAX;
		rtt->min_us = sample_us;
		rtt->min_since_us = now_us;
	} else {
		rtt->min_us = min(rtt->min_us, sample_us);
	}
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rtt_min_sample);
