// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reno: the congestion control of RFC 5681.
 *
 * In slow start the window grows by what is acknowledged, which doubles it
 * every round trip; in congestion avoidance by one segment every round trip.
 * A loss halves it.  Every other algorithm is measured against this one, and
 * it is the one to read first.
 */
#include <linux/module.h>

#include "../compat.h"
#include "../cong.h"

static u32 reno_ssthresh(struct ferry_cong *ca)
{
	return max(ca->snd_cwnd / 2, 2U);
}

static void reno_cong_avoid(struct ferry_cong *ca,
			    const struct ferry_ack_sample *sample)
{
	u32 acked = sample->acked;

	if (!ferry_cong_is_limited(ca))
		return;
	if (ferry_cong_in_slow_start(ca)) {
		acked = ferry_cong_slow_start(ca, acked);
		if (!acked)
			return;
	}
	ferry_cong_avoid_ai(ca, ca->snd_cwnd, acked);
}

struct ferry_cong_ops ferry_reno = {
	.ssthresh	= reno_ssthresh,
	.cong_avoid	= reno_cong_avoid,
	.name		= "reno",
	.flags		= FERRY_CONG_NON_RESTRICTED,
	.owner		= THIS_MODULE,
};
EXPORT_SYMBOL_FERRY_KUNIT(ferry_reno);
