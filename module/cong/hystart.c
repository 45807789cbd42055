// SPDX-License-Identifier: GPL-2.0-only
/*
 * HyStart++, RFC 9406.
 *
 * Slow start doubles the window until something is lost, and then what is lost
 * can be as much as the path holds.  But before the queue of the bottleneck is
 * full it grows, and with it the round-trip time.  So the smallest time of
 * each round is compared with that of the round before.  If it is larger by an
 * eighth, the window goes on to grow at a quarter of the speed (Conservative
 * Slow Start); if that lasts for five rounds, slow start is over; if the time
 * falls back, it was jitter, and slow start goes on.
 *
 * The smallest of eight times counts, since single ones say little.
 */
#include <linux/kernel.h>
#include <linux/time64.h>

#include "../compat.h"
#include "../segment.h"
#include "hystart.h"

/* RFC 9406 section 4.3 */
#define MIN_RTT_THRESH_US	(4 * (u32)USEC_PER_MSEC)
#define MAX_RTT_THRESH_US	(16 * (u32)USEC_PER_MSEC)
#define MIN_RTT_DIVISOR		8
#define N_RTT_SAMPLE		8
#define CSS_GROWTH_DIVISOR	4
#define CSS_ROUNDS		5

static void start_round(struct ferry_hystart *hs, const struct ferry_cong *ca)
{
	hs->last_min_us = hs->round_min_us;
	hs->round_min_us = ~0U;
	hs->samples = 0;
	hs->round_end = ca->delivered + ferry_cong_in_flight(ca);
}

/**
 * ferry_hystart_init() - slow start begins
 * @hs: state of HyStart++
 * @ca: congestion state
 */
void ferry_hystart_init(struct ferry_hystart *hs, const struct ferry_cong *ca)
{
	*hs = (struct ferry_hystart){ .round_min_us = ~0U };
	start_round(hs, ca);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_hystart_init);

static void watch_slow_start(struct ferry_hystart *hs)
{
	u32 thresh;

	if (hs->last_min_us == ~0U)
		return;
	thresh = clamp(hs->last_min_us / MIN_RTT_DIVISOR, MIN_RTT_THRESH_US,
		       MAX_RTT_THRESH_US);
	if (hs->round_min_us >= hs->last_min_us + thresh) {
		hs->css_baseline_us = hs->round_min_us;
		hs->css_rounds = CSS_ROUNDS;
		hs->css_acked = 0;
	}
}

/**
 * ferry_hystart_ack() - an ACK has come in the first slow start
 * @hs: state of HyStart++
 * @ca: congestion state; its threshold becomes its window when slow start is
 *	over
 * @rtt_us: round-trip time that it measured in microseconds, 0 if none
 *
 * RFC 9406 section 4.2.  Pure; socket lock held.
 */
void ferry_hystart_ack(struct ferry_hystart *hs, struct ferry_cong *ca,
		       u32 rtt_us)
{
	if (rtt_us) {
		hs->round_min_us = min(hs->round_min_us, rtt_us);
		if (hs->samples < N_RTT_SAMPLE)
			hs->samples++;
		if (hs->samples == N_RTT_SAMPLE) {
			if (!hs->css_rounds)
				watch_slow_start(hs);
			else if (hs->round_min_us < hs->css_baseline_us)
				hs->css_rounds = 0;
		}
	}

	if (seq_before(ca->delivered, hs->round_end))
		return;
	start_round(hs, ca);
	if (hs->css_rounds && !--hs->css_rounds)
		ca->snd_ssthresh = ca->snd_cwnd;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_hystart_ack);

/**
 * ferry_hystart_growth() - by how much may slow start grow the window?
 * @hs: state of HyStart++
 * @acked: segments newly delivered
 *
 * Return: segments.
 */
u32 ferry_hystart_growth(struct ferry_hystart *hs, u32 acked)
{
	if (!hs->css_rounds)
		return acked;
	acked += hs->css_acked;
	hs->css_acked = acked % CSS_GROWTH_DIVISOR;
	return acked / CSS_GROWTH_DIVISOR;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_hystart_growth);
