// SPDX-License-Identifier: GPL-2.0-only
/*
 * BBR, version 1: draft-cardwell-iccrg-bbr-congestion-control-00.
 *
 * It does not wait for losses.  It measures the path: the most that was ever
 * delivered in a time (max_bw, over ten round trips), and the smallest
 * round-trip time (min_rtt, over ten seconds).  Their product, the BDP, is
 * what the path holds without a queue.  It sends at the pace of max_bw and
 * keeps about twice the BDP in flight at most.
 *
 *	STARTUP --> DRAIN --> PROBE_BW <--> PROBE_RTT
 *
 * STARTUP sends 2/ln(2) = 2.89 times faster than it measures, which doubles the
 * rate each round trip, until three rounds in a row do not bring a quarter
 * more.  DRAIN lets the queue that this has made run empty.  PROBE_BW goes
 * through eight phases of a min_rtt each: one a quarter faster, to see whether
 * there is more, one a quarter slower, to take back what that has queued, and
 * six at the pace measured.  When min_rtt is ten seconds old, PROBE_RTT sends
 * four segments at a time for 200 ms, to see the path empty.
 *
 * Here are the modes and the window; what is measured is in bbr_model.c.
 */
#include <linux/inet_diag.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/time64.h>

#include "../compat.h"
#include "../rate.h"
#include "../segment.h"
#include "bbr.h"

#define DRAIN_GAIN		(GAIN_UNIT * 1000 / 2885)
#define CWND_GAIN		(GAIN_UNIT * 2)
#define MIN_RTT_WINDOW_US	(10 * (u32)USEC_PER_SEC)
#define PROBE_RTT_US		(200 * (u32)USEC_PER_MSEC)
#define CWND_MIN		4U
#define FULL_BW_GAIN		(GAIN_UNIT * 5 / 4)
#define FULL_BW_ROUNDS		3

static const u16 pacing_gain_cycle[CYCLE_LEN] = {
	GAIN_UNIT * 5 / 4, GAIN_UNIT * 3 / 4, GAIN_UNIT, GAIN_UNIT,
	GAIN_UNIT, GAIN_UNIT, GAIN_UNIT, GAIN_UNIT,
};

static void save_cwnd(struct ferry_cong *ca)
{
	struct bbr *bbr = bbr_of(ca);

	if (bbr->prev_state < FERRY_CA_RECOVERY && bbr->mode != BBR_PROBE_RTT)
		bbr->prior_cwnd = ca->snd_cwnd;
	else
		bbr->prior_cwnd = max(bbr->prior_cwnd, ca->snd_cwnd);
}

static void next_phase(struct ferry_cong *ca)
{
	struct bbr *bbr = bbr_of(ca);

	bbr->cycle = (bbr->cycle + 1) % CYCLE_LEN;
	bbr->cycle_us = ca->delivered_us;
}

static bool is_next_phase(const struct ferry_cong *ca, const struct bbr *bbr,
			  const struct ferry_ack_sample *sample)
{
	bool full = ca->delivered_us - bbr->cycle_us > bbr->min_rtt_us;
	u32 flight = sample->prior_in_flight;

	if (bbr->pacing_gain == GAIN_UNIT)
		return full;
	/* Probing lasts until the queue had time to grow. */
	if (bbr->pacing_gain > GAIN_UNIT)
		return full && (sample->losses ||
				flight >= bbr_inflight(ca, bbr,
						       bbr->pacing_gain));
	return full || flight <= bbr_inflight(ca, bbr, GAIN_UNIT);
}

/* At any phase but the one that drains, so that flows do not go in step. */
static void enter_probe_bw(struct ferry_cong *ca)
{
	struct bbr *bbr = bbr_of(ca);

	bbr->mode = BBR_PROBE_BW;
	bbr->cycle = CYCLE_LEN - 1 - get_random_u32() % (CYCLE_LEN - 1);
	next_phase(ca);
}

static void enter_normal_mode(struct ferry_cong *ca)
{
	struct bbr *bbr = bbr_of(ca);

	if (bbr->full_bw_reached)
		enter_probe_bw(ca);
	else
		bbr->mode = BBR_STARTUP;
}

static void check_full_bw(struct bbr *bbr,
			  const struct ferry_ack_sample *sample)
{
	u32 want = ((u64)bbr->full_bw * FULL_BW_GAIN) >> GAIN_SCALE;

	if (bbr->full_bw_reached || !bbr->round_start || sample->is_app_limited)
		return;
	if (bbr_max_bw(bbr) >= want) {
		bbr->full_bw = bbr_max_bw(bbr);
		bbr->full_bw_rounds = 0;
		return;
	}
	bbr->full_bw_reached = ++bbr->full_bw_rounds >= FULL_BW_ROUNDS;
}

static void check_drain(struct ferry_cong *ca)
{
	struct bbr *bbr = bbr_of(ca);

	if (bbr->mode == BBR_STARTUP && bbr->full_bw_reached) {
		bbr->mode = BBR_DRAIN;
		ca->snd_ssthresh = bbr_inflight(ca, bbr, GAIN_UNIT);
	}
	if (bbr->mode == BBR_DRAIN &&
	    ferry_cong_in_flight(ca) <= bbr_inflight(ca, bbr, GAIN_UNIT))
		enter_probe_bw(ca);
}

static void check_probe_rtt_done(struct ferry_cong *ca)
{
	struct bbr *bbr = bbr_of(ca);
	u32 now_us = ca->now_us;

	/* It lies no further ahead, but after a long pause it may seem to. */
	if (!bbr->probe_rtt_done_us ||
	    bbr->probe_rtt_done_us - now_us <= PROBE_RTT_US)
		return;
	bbr->min_rtt_stamp_us = now_us;
	ca->snd_cwnd = max(ca->snd_cwnd, bbr->prior_cwnd);
	enter_normal_mode(ca);
}

static void probe_rtt(struct ferry_cong *ca)
{
	struct bbr *bbr = bbr_of(ca);

	/* What is delivered now says nothing of the bandwidth. */
	ferry_rate_app_limited(ca);
	if (!bbr->probe_rtt_done_us) {
		if (ferry_cong_in_flight(ca) > CWND_MIN)
			return;
		bbr->probe_rtt_done_us = ((u32)ca->now_us + PROBE_RTT_US) ?: 1;
		bbr->round_done = 0;
		bbr->next_round = ca->delivered;
		return;
	}
	if (bbr->round_start)
		bbr->round_done = 1;
	if (bbr->round_done)
		check_probe_rtt_done(ca);
}

static void update_min_rtt(struct ferry_cong *ca,
			   const struct ferry_ack_sample *sample)
{
	struct bbr *bbr = bbr_of(ca);
	u32 now_us = ca->now_us;
	bool expired;

	expired = bbr->min_rtt_us != ~0U &&
		  now_us - bbr->min_rtt_stamp_us > MIN_RTT_WINDOW_US;
	if (sample->rtt_us && (sample->rtt_us < bbr->min_rtt_us ||
			       (expired && !sample->is_ack_delayed))) {
		bbr->min_rtt_us = sample->rtt_us;
		bbr->min_rtt_stamp_us = now_us;
	}
	if (expired && !bbr->idle_restart && bbr->mode != BBR_PROBE_RTT) {
		save_cwnd(ca);
		bbr->mode = BBR_PROBE_RTT;
		bbr->probe_rtt_done_us = 0;
	}
	if (bbr->mode == BBR_PROBE_RTT)
		probe_rtt(ca);
	if (sample->delivered > 0)
		bbr->idle_restart = 0;
}

static void update_gains(struct bbr *bbr)
{
	static const u16 pacing[] = {
		[BBR_STARTUP] = HIGH_GAIN, [BBR_DRAIN] = DRAIN_GAIN,
		[BBR_PROBE_RTT] = GAIN_UNIT,
	};
	static const u16 cwnd[] = {
		[BBR_STARTUP] = HIGH_GAIN, [BBR_DRAIN] = HIGH_GAIN,
		[BBR_PROBE_BW] = CWND_GAIN, [BBR_PROBE_RTT] = GAIN_UNIT,
	};

	bbr->pacing_gain = bbr->mode == BBR_PROBE_BW ?
			   pacing_gain_cycle[bbr->cycle] : pacing[bbr->mode];
	bbr->cwnd_gain = cwnd[bbr->mode];
}

/*
 * In recovery: what is lost leaves the window, and in its first round only
 * what is delivered is replaced.  Returns true if that decides the window.
 */
static bool recovery_cwnd(struct ferry_cong *ca,
			  const struct ferry_ack_sample *sample, u32 *cwnd)
{
	u32 flight = ferry_cong_in_flight(ca) + sample->acked_sacked;
	struct bbr *bbr = bbr_of(ca);
	u8 prev = bbr->prev_state;

	*cwnd = ca->snd_cwnd;
	if (sample->losses)
		*cwnd -= min(sample->losses, *cwnd - 1);
	if (ca->state == FERRY_CA_RECOVERY && prev != FERRY_CA_RECOVERY) {
		bbr->packet_conservation = 1;
		bbr->next_round = ca->delivered;
		*cwnd = flight;
	} else if (prev >= FERRY_CA_RECOVERY &&
		   ca->state < FERRY_CA_RECOVERY) {
		*cwnd = max(*cwnd, bbr->prior_cwnd);
		bbr->packet_conservation = 0;
	}
	bbr->prev_state = ca->state;
	if (bbr->packet_conservation)
		*cwnd = max(*cwnd, flight);
	return bbr->packet_conservation;
}

static void set_cwnd(struct ferry_cong *ca,
		     const struct ferry_ack_sample *sample)
{
	u32 acked = sample->acked_sacked, cwnd = ca->snd_cwnd, target;
	struct bbr *bbr = bbr_of(ca);

	if (acked && !recovery_cwnd(ca, sample, &cwnd)) {
		target = bbr_bdp(ca, bbr, bbr->cwnd_gain) +
			 bbr_extra_acked_cwnd(bbr);
		target = bbr_with_quanta(ca, bbr, target);
		if (bbr->full_bw_reached)
			cwnd = min(cwnd + acked, target);
		else if (cwnd < target || ca->delivered < FERRY_INIT_CWND)
			cwnd += acked;
		cwnd = max(cwnd, CWND_MIN);
	}
	if (bbr->mode == BBR_PROBE_RTT)
		cwnd = min(cwnd, CWND_MIN);
	ca->snd_cwnd = cwnd;
}

static void bbr_cong_control(struct ferry_cong *ca,
			     const struct ferry_ack_sample *sample)
{
	struct bbr *bbr = bbr_of(ca);

	bbr_update_bw(ca, sample);
	bbr_update_extra_acked(ca, sample);
	if (bbr->mode == BBR_PROBE_BW && is_next_phase(ca, bbr, sample))
		next_phase(ca);
	check_full_bw(bbr, sample);
	check_drain(ca);
	update_min_rtt(ca, sample);
	update_gains(bbr);
	bbr_set_pacing_rate(ca, bbr->pacing_gain);
	set_cwnd(ca, sample);
}

/* A loss alone says nothing; but the window may be needed again. */
static u32 bbr_ssthresh(struct ferry_cong *ca)
{
	save_cwnd(ca);
	return ca->snd_ssthresh;
}

static u32 bbr_undo_cwnd(struct ferry_cong *ca)
{
	struct bbr *bbr = bbr_of(ca);

	/* What seemed to be a full path was a false alarm. */
	bbr->full_bw = 0;
	bbr->full_bw_rounds = 0;
	return ca->snd_cwnd;
}

static void bbr_set_state(struct ferry_cong *ca, u8 new_state)
{
	struct bbr *bbr = bbr_of(ca);

	if (new_state != FERRY_CA_LOSS)
		return;
	bbr->prev_state = FERRY_CA_LOSS;
	bbr->full_bw = 0;
	bbr->round_start = 1;
}

static void bbr_event(struct ferry_cong *ca, enum ferry_ca_event event)
{
	struct bbr *bbr = bbr_of(ca);

	if (event != FERRY_CA_EVENT_TX_START || !ca->app_limited)
		return;
	bbr->idle_restart = 1;
	bbr->ack_epoch_us = ca->now_us;
	bbr->ack_epoch_acked = 0;
	if (bbr->mode == BBR_PROBE_BW)
		bbr_set_pacing_rate(ca, GAIN_UNIT);
	else if (bbr->mode == BBR_PROBE_RTT)
		check_probe_rtt_done(ca);
}

static void bbr_init(struct ferry_cong *ca)
{
	struct bbr *bbr = bbr_of(ca);

	bbr->min_rtt_us = ferry_cong_srtt_us(ca) ?: ~0U;
	bbr->min_rtt_stamp_us = ca->now_us;
	bbr->next_round = ca->delivered;
	bbr->cycle_us = ca->now_us;
	bbr->ack_epoch_us = ca->now_us;
	minmax_reset(&bbr->bw, 0, 0);
	bbr_init_pacing_rate(ca);
	update_gains(bbr);
	ca->needs_pacing = true;
}

static size_t bbr_get_info(const struct ferry_cong *ca,
			   union tcp_cc_info *info)
{
	const struct bbr *bbr = (const struct bbr *)ca->priv;
	u64 bw = (u64)bbr_max_bw(bbr) * ca->mss * USEC_PER_SEC >> BW_SCALE;

	info->bbr.bbr_bw_lo = lower_32_bits(bw);
	info->bbr.bbr_bw_hi = upper_32_bits(bw);
	info->bbr.bbr_min_rtt = bbr->min_rtt_us;
	info->bbr.bbr_pacing_gain = bbr->pacing_gain;
	info->bbr.bbr_cwnd_gain = bbr->cwnd_gain;
	return sizeof(info->bbr);
}

static struct ferry_cong_ops bbr_ops = {
	.ssthresh	= bbr_ssthresh,
	.cong_control	= bbr_cong_control,
	.undo_cwnd	= bbr_undo_cwnd,
	.set_state	= bbr_set_state,
	.event		= bbr_event,
	.min_tso_segs	= bbr_min_tso_segs,
	.init		= bbr_init,
	.get_info	= bbr_get_info,
	.name		= "bbr",
	.flags		= FERRY_CONG_NON_RESTRICTED,
	.sndbuf_factor	= 3,
	.owner		= THIS_MODULE,
};

static int __init bbr_module_init(void)
{
	return ferry_cong_register(&bbr_ops);
}

static void __exit bbr_module_exit(void)
{
	ferry_cong_unregister(&bbr_ops);
}

module_init(bbr_module_init);
module_exit(bbr_module_exit);
MODULE_DESCRIPTION("BBR congestion control for Ferry");
MODULE_LICENSE("GPL");
