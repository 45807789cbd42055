// SPDX-License-Identifier: GPL-2.0-only
/*
 * CUBIC: the congestion control of RFC 9438.
 *
 * After a loss the window falls to 0.7 of what it was, and then follows a
 * cubic function of time: fast at first, flat around the window at which the
 * loss happened (W_max), then faster and faster to find out what is new:
 *
 *	W_cubic(t) = C * (t - K)^3 + W_max
 *
 * K is the time at which W_max is reached again.  The time is what counts and
 * not the number of ACKs, so connections with different round-trip times share
 * a link better than with Reno, and long paths are filled sooner.
 *
 * On short paths Reno would be faster.  So W_est, the window that Reno would
 * have with the same reductions, is followed, too, and the larger one counts.
 *
 * The first slow start is HyStart++'s (hystart.c).  Times are milliseconds,
 * windows segments; C = 0.4 segments per second cubed is 1 segment in
 * 2,500,000,000 ms^3.
 */
#include <linux/bits.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/time64.h>

#include "../compat.h"
#include "../cong.h"
#include "hystart.h"

#define C_INVERSE_MS3		2500000000U
/* Far enough from K for every link, and its cube fits into 64 bits. */
#define TIME_MAX_MS		BIT_ULL(20)
#define W_EST_SHIFT		20

/**
 * struct cubic - what CUBIC keeps of a connection
 * @epoch_us: when congestion avoidance began, 0 if it has not
 * @acked_us: when something was acknowledged last, or sent after a pause
 * @w_est: the window of Reno, times 2^W_EST_SHIFT (RFC 9438 section 4.3)
 * @w_max: the window before the last reduction, or less for fast convergence
 *	(section 4.7); 0 if none
 * @cwnd_prior: the window before the last reduction
 * @origin: where the cubic function is flat
 * @k_ms: K, when it is there, counted from @epoch_us
 * @min_rtt_us: the smallest round-trip time, ~0 if none was measured
 * @hs: HyStart++
 */
struct cubic {
	u64 epoch_us;
	u64 acked_us;
	u64 w_est;
	u32 w_max;
	u32 cwnd_prior;
	u32 origin;
	u32 k_ms;
	u32 min_rtt_us;
	struct ferry_hystart hs;
};

/* The largest number whose cube is at most @x, one bit at a time. */
static u32 cube_root(u64 x)
{
	u64 root = 0, candidate;
	int bit;

	for (bit = 20; bit >= 0; bit--) {
		candidate = root | 1ULL << bit;
		if (candidate * candidate * candidate <= x)
			root = candidate;
	}
	return root;
}

static void start_epoch(struct cubic *cubic, const struct ferry_cong *ca)
{
	cubic->epoch_us = ca->now_us;
	cubic->w_est = (u64)ca->snd_cwnd << W_EST_SHIFT;
	if (ca->snd_cwnd < cubic->w_max) {
		cubic->origin = cubic->w_max;
		cubic->k_ms = cube_root((u64)C_INVERSE_MS3 *
					(cubic->w_max - ca->snd_cwnd));
	} else {
		cubic->origin = ca->snd_cwnd;
		cubic->k_ms = 0;
	}
}

/* W_cubic one round trip from now: where the window should be by then. */
static u32 w_cubic(const struct cubic *cubic, const struct ferry_cong *ca)
{
	u32 rtt_us = cubic->min_rtt_us == ~0U ? 0 : cubic->min_rtt_us;
	u64 t = div_u64(ca->now_us - cubic->epoch_us + rtt_us, USEC_PER_MSEC);
	u64 off = t < cubic->k_ms ? cubic->k_ms - t : t - cubic->k_ms;
	u32 delta;

	off = min(off, TIME_MAX_MS);
	delta = div_u64(off * off * off, C_INVERSE_MS3);
	if (t >= cubic->k_ms)
		return cubic->origin + delta;
	return cubic->origin - min(delta, cubic->origin);
}

/*
 * Reno with a factor of 0.7 adds 3 * (1 - 0.7) / (1 + 0.7) = 9 / 17 segments
 * in a round trip to be as fast as Reno with 0.5; beyond the last window it
 * adds one, as Reno does.
 */
static u32 w_est(struct cubic *cubic, const struct ferry_cong *ca, u32 acked)
{
	u64 growth = (u64)acked << W_EST_SHIFT;

	if (cubic->w_est >> W_EST_SHIFT < cubic->cwnd_prior)
		growth = div_u64(growth * 9, 17);
	cubic->w_est += div_u64(growth, ca->snd_cwnd);
	return cubic->w_est >> W_EST_SHIFT;
}

/* How many segments must be acknowledged for the window to grow by one? */
static u32 segments_for_one(struct cubic *cubic, const struct ferry_cong *ca,
			    u32 acked)
{
	u32 cwnd = ca->snd_cwnd, target, needed;

	if (!cubic->epoch_us)
		start_epoch(cubic, ca);
	target = max(w_cubic(cubic, ca), w_est(cubic, ca, acked));
	/* In the flat part hardly at all, but never not at all. */
	needed = target > cwnd ? cwnd / (target - cwnd) : 100 * cwnd;
	/* Without a loss nothing is known of the path: 5 % a round trip. */
	if (!cubic->w_max)
		needed = min(needed, 20U);
	/* Half a window a round trip is the most (section 4.4). */
	return max(needed, 2U);
}

static void cubic_cong_avoid(struct ferry_cong *ca,
			     const struct ferry_ack_sample *sample)
{
	struct cubic *cubic = ferry_cong_priv(ca, struct cubic);
	u32 acked = sample->acked_sacked;

	if (!ferry_cong_is_limited(ca))
		return;
	if (ferry_cong_in_slow_start(ca)) {
		if (ca->snd_ssthresh == FERRY_SSTHRESH_MAX)
			acked = ferry_hystart_growth(&cubic->hs, acked);
		acked = ferry_cong_slow_start(ca, acked);
		if (!acked)
			return;
	}
	ferry_cong_avoid_ai(ca, segments_for_one(cubic, ca, acked), acked);
}

/* RFC 9438 sections 4.6 and 4.7 */
static u32 cubic_ssthresh(struct ferry_cong *ca)
{
	struct cubic *cubic = ferry_cong_priv(ca, struct cubic);
	u32 cwnd = ca->snd_cwnd;

	/* Less than last time: somebody else wants a share; leave more. */
	if (cwnd < cubic->w_max)
		cubic->w_max = div_u64((u64)cwnd * 17, 20);
	else
		cubic->w_max = cwnd;
	cubic->cwnd_prior = cwnd;
	cubic->epoch_us = 0;
	return max_t(u32, div_u64((u64)cwnd * 7, 10), 2);
}

static void cubic_pkts_acked(struct ferry_cong *ca,
			     const struct ferry_ack_sample *sample)
{
	struct cubic *cubic = ferry_cong_priv(ca, struct cubic);

	cubic->acked_us = ca->now_us;
	if (sample->rtt_us)
		cubic->min_rtt_us = min(cubic->min_rtt_us, sample->rtt_us);
	if (ca->snd_ssthresh == FERRY_SSTHRESH_MAX)
		ferry_hystart_ack(&cubic->hs, ca, sample->rtt_us);
}

static void cubic_init(struct ferry_cong *ca)
{
	struct cubic *cubic = ferry_cong_priv(ca, struct cubic);

	cubic->min_rtt_us = ~0U;
	ferry_hystart_init(&cubic->hs, ca);
}

/* After a time-out the path may be another one (section 4.8). */
static void cubic_set_state(struct ferry_cong *ca, u8 new_state)
{
	struct cubic *cubic = ferry_cong_priv(ca, struct cubic);

	if (new_state == FERRY_CA_LOSS) {
		cubic->epoch_us = 0;
		cubic->w_max = 0;
		cubic->min_rtt_us = ~0U;
	}
}

/* The time in which nothing was sent does not count (section 5.8). */
static void cubic_event(struct ferry_cong *ca, enum ferry_ca_event event)
{
	struct cubic *cubic = ferry_cong_priv(ca, struct cubic);

	if (event != FERRY_CA_EVENT_TX_START)
		return;
	if (cubic->epoch_us)
		cubic->epoch_us += ca->now_us - cubic->acked_us;
	cubic->acked_us = ca->now_us;
}

struct ferry_cong_ops ferry_cubic = {
	.ssthresh	= cubic_ssthresh,
	.cong_avoid	= cubic_cong_avoid,
	.pkts_acked	= cubic_pkts_acked,
	.set_state	= cubic_set_state,
	.event		= cubic_event,
	.init		= cubic_init,
	.name		= "cubic",
	.flags		= FERRY_CONG_NON_RESTRICTED,
	.owner		= THIS_MODULE,
};
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cubic);
