/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The round-trip time estimator of RFC 6298.  Pure: no sockets, no clock.
 */
#ifndef _FERRY_RTT_H
#define _FERRY_RTT_H

#include <linux/minmax.h>
#include <linux/types.h>

/* RFC 6298 (2.1) and (2.5); the minimum is Linux's, see rtt.c. */
#define FERRY_RTO_INIT_US	1000000U
#define FERRY_RTO_FALLBACK_US	3000000U	/* (5.7) */
#define FERRY_RTO_MIN_US	200000U
#define FERRY_RTO_MAX_US	120000000U
/* Half of the time for which the smallest RTT is remembered. */
#define FERRY_RTT_MIN_WINDOW_US	150000000U

/**
 * struct ferry_rtt - what is known of the path's round-trip time
 * @srtt_us: SRTT in microseconds, times 8; 0 before the first sample
 * @rttvar_us: RTTVAR in microseconds, times 4; before the first sample, the
 *	RTO
 * @min_us: the smallest sample since @min_since_us in microseconds, ~0 before
 *	the first
 * @prior_min_us: the smallest of the time before that, ~0 if there was none
 * @min_since_us: when the present time for @min_us began
 */
struct ferry_rtt {
	u32 srtt_us;
	u32 rttvar_us;
	u32 min_us;
	u32 prior_min_us;
	u32 min_since_us;
};

void ferry_rtt_init(struct ferry_rtt *rtt);
void ferry_rtt_sample(struct ferry_rtt *rtt, u32 sample_us);
void ferry_rtt_min_sample(struct ferry_rtt *rtt, u32 sample_us, u32 now_us);
u32 ferry_rtt_backoff(const struct ferry_rtt *rtt, u32 least_us,
		      unsigned int backoff);

/**
 * ferry_rtt_rto() - the retransmission time-out, without back-off
 * @rtt: the estimator
 * @least_us: how much longer than SRTT it is at least, in microseconds; before
 *	the first sample there is none
 *
 * RFC 6298 (2.1) to (2.3).  Pure; any context.
 *
 * Return: microseconds.
 */
static inline u32 ferry_rtt_rto(const struct ferry_rtt *rtt, u32 least_us)
{
	if (!rtt->srtt_us)
		return rtt->rttvar_us;
	return min((rtt->srtt_us >> 3) + max(rtt->rttvar_us, least_us),
		   FERRY_RTO_MAX_US);
}

/* The smallest round-trip time of late in microseconds, ~0 if unknown. */
static inline u32 ferry_rtt_min(const struct ferry_rtt *rtt)
{
	return min(rtt->min_us, rtt->prior_min_us);
}

#endif /* _FERRY_RTT_H */
