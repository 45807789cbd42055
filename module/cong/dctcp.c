// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCTCP: the congestion control of RFC 8257, for data centres.
 *
 * Switches there mark packets (ECN) as soon as a short queue has formed, and
 * the receiver echoes each mark.  DCTCP does not halve its window for a mark,
 * but reduces it by how many packets were marked: alpha is the share of them,
 * smoothed over round trips, and the window shrinks by half of alpha.  Few
 * marks, small steps: the queue stays short and the link full.
 *
 * The window grows as Reno's, and a loss halves it as Reno's; so without ECN
 * on the path or at the peer this is Reno.
 */
#include <linux/minmax.h>
#include <linux/module.h>

#include "../compat.h"
#include "../cong.h"
#include "../segment.h"

#define ALPHA_ONE	1024U	/* everything is marked */
#define SHIFT_G		4	/* g = 1/16, RFC 8257 section 4.2 */

/**
 * struct dctcp - what DCTCP keeps of a connection
 * @alpha: share of marked segments, of ALPHA_ONE
 * @round_end: &ferry_cong.delivered at which the round trip is over
 * @prior_delivered: &ferry_cong.delivered when it began
 * @prior_delivered_ce: &ferry_cong.delivered_ce then
 */
struct dctcp {
	u32 alpha;
	u32 round_end;
	u32 prior_delivered;
	u32 prior_delivered_ce;
};

static void start_round(struct dctcp *dctcp, const struct ferry_cong *ca)
{
	dctcp->prior_delivered = ca->delivered;
	dctcp->prior_delivered_ce = ca->delivered_ce;
	dctcp->round_end = ca->delivered + ferry_cong_in_flight(ca);
}

/* RFC 8257 section 3.3, steps 3 to 6: once in a round trip. */
static void dctcp_pkts_acked(struct ferry_cong *ca,
			     const struct ferry_ack_sample *sample)
{
	struct dctcp *dctcp = ferry_cong_priv(ca, struct dctcp);
	u32 delivered, marked;

	delivered = ca->delivered - dctcp->prior_delivered;
	if (!delivered || seq_before(ca->delivered, dctcp->round_end))
		return;
	marked = min(ca->delivered_ce - dctcp->prior_delivered_ce, delivered);
	/* Down to nothing in the end, where the shift would stop at 15. */
	dctcp->alpha -= max(dctcp->alpha >> SHIFT_G, min(dctcp->alpha, 1U));
	dctcp->alpha += (ALPHA_ONE >> SHIFT_G) * (u64)marked / delivered;
	dctcp->alpha = min(dctcp->alpha, ALPHA_ONE);
	start_round(dctcp, ca);
}

/* Section 3.3, step 9: cwnd * (1 - alpha / 2) */
static u32 dctcp_ssthresh(struct ferry_cong *ca)
{
	const struct dctcp *dctcp = ferry_cong_priv(ca, struct dctcp);
	u64 cut = (u64)ca->snd_cwnd * dctcp->alpha / (2 * ALPHA_ONE);

	return max(ca->snd_cwnd - (u32)cut, 2U);
}

/* Section 3.5: for a loss alpha does not matter. */
static void halve(struct ferry_cong *ca)
{
	ca->snd_ssthresh = max((ca->prior_cwnd ?: ca->snd_cwnd) / 2, 2U);
}

static void dctcp_set_state(struct ferry_cong *ca, u8 new_state)
{
	if (new_state == FERRY_CA_RECOVERY && ca->state < FERRY_CA_RECOVERY)
		halve(ca);
}

static void dctcp_event(struct ferry_cong *ca, enum ferry_ca_event event)
{
	if (event == FERRY_CA_EVENT_LOSS)
		halve(ca);
}

/* Nothing is known yet: the first mark counts in full (section 4.2). */
static void dctcp_init(struct ferry_cong *ca)
{
	struct dctcp *dctcp = ferry_cong_priv(ca, struct dctcp);

	dctcp->alpha = ALPHA_ONE;
	start_round(dctcp, ca);
}

static struct ferry_cong_ops dctcp_ops = {
	.ssthresh	= dctcp_ssthresh,
	.cong_avoid	= ferry_reno_cong_avoid,
	.pkts_acked	= dctcp_pkts_acked,
	.set_state	= dctcp_set_state,
	.event		= dctcp_event,
	.init		= dctcp_init,
	.name		= "dctcp",
	.flags		= FERRY_CONG_NEEDS_ECN,
	.owner		= THIS_MODULE,
};

static int __init dctcp_module_init(void)
{
	return ferry_cong_register(&dctcp_ops);
}

static void __exit dctcp_module_exit(void)
{
	ferry_cong_unregister(&dctcp_ops);
}

module_init(dctcp_module_init);
module_exit(dctcp_module_exit);
MODULE_DESCRIPTION("DCTCP congestion control for Ferry");
MODULE_LICENSE("GPL");
