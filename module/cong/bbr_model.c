// SPDX-License-Identifier: GPL-2.0-only
/*
 * BBR's model of the path: what is measured at each ACK, and the pace and the
 * amount in flight that follow from it.
 *
 * The bandwidth is the most that was delivered in a time over the last ten
 * round trips; a rate that the application has kept low counts only if it is
 * more.  The BDP is that times the smallest round-trip time, which bbr.c keeps,
 * as it decides when to measure it anew.  To that comes room for what hosts
 * delay: packets of many segments, and ACKs that come in bursts, by as much as
 * was seen in the last five to ten round trips.
 *
 * Context: socket lock held.
 */
#include <linux/math64.h>
#include <linux/time64.h>

#include "../compat.h"
#include "../segment.h"
#include "bbr.h"

#define BW_ROUNDS		(CYCLE_LEN + 2)	/* window of the bandwidth */
/* Pace below what was measured: a queue that is not built need not drain. */
#define PACING_MARGIN_PERCENT	1
/* Below this, 1.2 Mbit/s, a packet is one segment. */
#define MIN_TSO_RATE		150000U
/* What is delivered in bursts: over so many rounds, and at most so long. */
#define EXTRA_ACKED_ROUNDS	5
#define EXTRA_ACKED_MAX_US	(100 * (u32)USEC_PER_MSEC)
#define ACK_EPOCH_MAX		0xfffffU

/* Bytes per second at a bandwidth times a gain. */
static unsigned long pacing_rate(const struct ferry_cong *ca, u64 bw, u32 gain)
{
	u64 rate = (bw * ca->mss * gain) >> GAIN_SCALE;

	rate *= USEC_PER_SEC / 100 * (100 - PACING_MARGIN_PERCENT);
	return min_t(u64, rate >> BW_SCALE, ULONG_MAX);
}

/**
 * bbr_init_pacing_rate() - before anything is delivered
 * @ca: congestion state
 *
 * The initial window in a round trip, or in a millisecond if none is known.
 */
void bbr_init_pacing_rate(struct ferry_cong *ca)
{
	struct bbr *bbr = bbr_of(ca);
	u32 rtt_us = USEC_PER_MSEC;

	if (ferry_cong_srtt_us(ca)) {
		rtt_us = ferry_cong_srtt_us(ca);
		bbr->has_seen_rtt = 1;
	}
	ca->pacing_rate = pacing_rate(ca, div_u64((u64)ca->snd_cwnd * BW_UNIT,
						  rtt_us), HIGH_GAIN);
}

/**
 * bbr_set_pacing_rate() - follow the bandwidth
 * @ca: congestion state
 * @gain: times 1/256
 *
 * Until the path was filled once, the rate does not fall.
 */
void bbr_set_pacing_rate(struct ferry_cong *ca, u32 gain)
{
	struct bbr *bbr = bbr_of(ca);
	unsigned long rate = pacing_rate(ca, bbr_max_bw(bbr), gain);

	if (!bbr->has_seen_rtt && ferry_cong_srtt_us(ca))
		bbr_init_pacing_rate(ca);
	if (bbr->full_bw_reached || rate > ca->pacing_rate)
		ca->pacing_rate = rate;
}

/**
 * bbr_min_tso_segs() - see &ferry_cong_ops.min_tso_segs
 * @ca: congestion state
 *
 * Return: segments.
 */
u32 bbr_min_tso_segs(const struct ferry_cong *ca)
{
	return ca->pacing_rate < MIN_TSO_RATE ? 1 : 2;
}

/**
 * bbr_bdp() - what the path holds without a queue
 * @ca: congestion state
 * @bbr: BBR's state
 * @gain: times 1/256
 *
 * Return: segments, rounded up.
 */
u32 bbr_bdp(const struct ferry_cong *ca, const struct bbr *bbr, u32 gain)
{
	u64 product;

	/* No round-trip time yet: there was no ACK for new data. */
	if (bbr->min_rtt_us == ~0U)
		return FERRY_INIT_CWND;
	product = (u64)bbr_max_bw(bbr) * bbr->min_rtt_us;
	product = (product * gain) >> GAIN_SCALE;
	return (product + BW_UNIT - 1) >> BW_SCALE;
}

/**
 * bbr_with_quanta() - room for what the hosts delay
 * @ca: congestion state
 * @bbr: BBR's state
 * @cwnd: segments
 *
 * A packet being built here, one on its way, one being taken apart there, and
 * an even number for delayed ACKs.
 *
 * Return: segments.
 */
u32 bbr_with_quanta(const struct ferry_cong *ca, const struct bbr *bbr,
		    u32 cwnd)
{
	u32 segs = min_t(unsigned long, ca->pacing_rate >> 10, 65535) / ca->mss;

	cwnd += 3 * clamp(segs, bbr_min_tso_segs(ca), 127U);
	cwnd = (cwnd + 1) & ~1U;
	if (bbr->mode == BBR_PROBE_BW && bbr->cycle == 0)
		cwnd += 2;
	return cwnd;
}

/**
 * bbr_inflight() - how much may be in flight
 * @ca: congestion state
 * @bbr: BBR's state
 * @gain: times 1/256
 *
 * Return: segments.
 */
u32 bbr_inflight(const struct ferry_cong *ca, const struct bbr *bbr, u32 gain)
{
	return bbr_with_quanta(ca, bbr, bbr_bdp(ca, bbr, gain));
}

/**
 * bbr_update_bw() - an ACK: measure the bandwidth
 * @ca: congestion state
 * @sample: what the ACK has told
 *
 * A round trip is over when what was sent at its start is delivered.
 */
void bbr_update_bw(struct ferry_cong *ca,
		   const struct ferry_ack_sample *sample)
{
	struct bbr *bbr = bbr_of(ca);
	u64 bw;

	bbr->round_start = 0;
	if (sample->delivered < 0 || sample->interval_us <= 0)
		return;
	if (!seq_before(sample->prior_delivered, bbr->next_round)) {
		bbr->next_round = ca->delivered;
		bbr->rounds++;
		bbr->round_start = 1;
		bbr->packet_conservation = 0;
	}
	bw = div_u64((u64)sample->delivered * BW_UNIT, sample->interval_us);
	if (!sample->is_app_limited || bw >= bbr_max_bw(bbr))
		minmax_running_max(&bbr->bw, BW_ROUNDS, bbr->rounds,
				   min_t(u64, bw, U32_MAX));
}

/**
 * bbr_update_extra_acked() - an ACK: how much more than the bandwidth says?
 * @ca: congestion state
 * @sample: what the ACK has told
 */
void bbr_update_extra_acked(struct ferry_cong *ca,
			    const struct ferry_ack_sample *sample)
{
	struct bbr *bbr = bbr_of(ca);
	u32 expected, extra;

	if (!sample->acked_sacked || sample->delivered < 0 ||
	    sample->interval_us <= 0)
		return;
	if (bbr->round_start &&
	    ++bbr->extra_acked_rounds >= EXTRA_ACKED_ROUNDS) {
		bbr->extra_acked_rounds = 0;
		bbr->extra_acked_now = !bbr->extra_acked_now;
		bbr->extra_acked[bbr->extra_acked_now] = 0;
	}

	expected = ((u64)bbr_max_bw(bbr) *
		    (ca->delivered_us - bbr->ack_epoch_us)) >> BW_SCALE;
	if (bbr->ack_epoch_acked <= expected ||
	    bbr->ack_epoch_acked + sample->acked_sacked >= ACK_EPOCH_MAX) {
		bbr->ack_epoch_us = ca->delivered_us;
		bbr->ack_epoch_acked = 0;
		expected = 0;
	}
	bbr->ack_epoch_acked += sample->acked_sacked;
	extra = min(bbr->ack_epoch_acked - expected, ca->snd_cwnd);
	extra = min_t(u32, extra, U16_MAX);
	if (extra > bbr->extra_acked[bbr->extra_acked_now])
		bbr->extra_acked[bbr->extra_acked_now] = extra;
}

/**
 * bbr_extra_acked_cwnd() - room for ACKs that come in bursts
 * @bbr: BBR's state
 *
 * Return: segments; none until the path was filled once.
 */
u32 bbr_extra_acked_cwnd(const struct bbr *bbr)
{
	u32 most = ((u64)bbr_max_bw(bbr) * EXTRA_ACKED_MAX_US) >> BW_SCALE;

	if (!bbr->full_bw_reached)
		return 0;
	return min(max(bbr->extra_acked[0], bbr->extra_acked[1]), most);
}
