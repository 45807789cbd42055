// SPDX-License-Identifier: GPL-2.0-only
/*
 * AIMD: one segment more in each round trip, a third less at a loss.
 *
 * The algorithm that Documentation/congestion-control.md builds.
 */
#include <linux/minmax.h>
#include <linux/module.h>

#include "../compat.h"
#include "../cong.h"

static u32 aimd_ssthresh(struct ferry_cong *ca)
{
	return max(ca->snd_cwnd * 2 / 3, 2U);
}

static void aimd_cong_avoid(struct ferry_cong *ca,
			    const struct ferry_ack_sample *sample)
{
	u32 acked = sample->acked_sacked;

	/* A window that is not used says nothing and must not grow. */
	if (!ferry_cong_is_limited(ca))
		return;
	if (ferry_cong_in_slow_start(ca))
		acked = ferry_cong_slow_start(ca, acked);
	if (acked)
		ferry_cong_avoid_ai(ca, ca->snd_cwnd, acked);
}

static struct ferry_cong_ops aimd = {
	.ssthresh	= aimd_ssthresh,
	.cong_avoid	= aimd_cong_avoid,
	.name		= "aimd",
	.flags		= FERRY_CONG_NON_RESTRICTED,
	.owner		= THIS_MODULE,
};

static int __init aimd_init(void)
{
	return ferry_cong_register(&aimd);
}

static void __exit aimd_exit(void)
{
	ferry_cong_unregister(&aimd);
}

module_init(aimd_init);
module_exit(aimd_exit);
MODULE_DESCRIPTION("AIMD congestion control for Ferry: an example");
MODULE_LICENSE("GPL");
