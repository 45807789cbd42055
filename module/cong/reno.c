// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reno: the congestion control of RFC 5681.
 *
 * In slow start the window grows by what is delivered, which doubles it
 * every round trip; in congestion avoidance by one segment every round trip.
 * A loss halves it.  Every other algorithm is measured against this one, and
 * it is the one to read first.
 */
#include <linux/module.h>

#include "../compat.h"
#include "../cong.h"

/*
 * Half of an odd window is so many segments and a half.  The half is not lost:
 * it counts towards the next segment by which the window will grow.
 */
static u32 reno_ssthresh(struct ferry_cong *ca)
{
	u32 ssthresh = max(ca->snd_cwnd / 2, 2U);

	if (ca->snd_cwnd & 1)
		ca->snd_cwnd_cnt = ssthresh / 2;
	return ssthresh;
}

/**
 * ferry_reno_cong_avoid() - the growth of Reno, for algorithms that share it
 * @ca: congestion state
 * @sample: what the ACK has told
 *
 * RFC 5681 section 3.1; see &ferry_cong_ops.cong_avoid.
 */
void ferry_reno_cong_avoid(struct ferry_cong *ca,
			   const struct ferry_ack_sample *sample)
{
	u32 acked = sample->acked_sacked;

	if (!ferry_cong_is_limited(ca))
		return;
	if (ferry_cong_in_slow_start(ca)) {
		acked = ferry_cong_slow_start(ca, acked);
		if (!acked)
			return;
	}
	ferry_cong_avoid_ai(ca, ca->snd_cwnd, acked);
}
EXPORT_SYMBOL_GPL(ferry_reno_cong_avoid);

struct ferry_cong_ops ferry_reno = {
	.ssthresh	= reno_ssthresh,
	.cong_avoid	= ferry_reno_cong_avoid,
	.name		= "reno",
	.flags		= FERRY_CONG_NON_RESTRICTED,
	.owner		= THIS_MODULE,
};
EXPORT_SYMBOL_FERRY_KUNIT(ferry_reno);
