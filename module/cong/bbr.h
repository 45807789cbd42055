/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * BBR: what its two files share, bbr.c (the modes) and bbr_model.c (the path).
 *
 * Gains are in units of 1/256, bandwidths in segments per microsecond times
 * 2^24.  Times are microseconds and wrap.
 */
#ifndef _FERRY_BBR_H
#define _FERRY_BBR_H

#include <linux/bits.h>
#include <linux/win_minmax.h>

#include "../cong.h"

#define BW_SCALE		24
#define BW_UNIT			BIT(BW_SCALE)
#define GAIN_SCALE		8
#define GAIN_UNIT		256U
#define HIGH_GAIN		(GAIN_UNIT * 2885 / 1000 + 1)	/* 2/ln(2) */
#define CYCLE_LEN		8

enum bbr_mode {
	BBR_STARTUP,
	BBR_DRAIN,
	BBR_PROBE_BW,
	BBR_PROBE_RTT,
};

/**
 * struct bbr - what BBR keeps of a connection
 * @bw: the greatest delivery rates of the last rounds
 * @min_rtt_us: the smallest round-trip time of the last ten seconds
 * @min_rtt_stamp_us: when it was measured
 * @probe_rtt_done_us: when PROBE_RTT ends, 0 if not known yet
 * @rounds: round trips so far
 * @next_round: &ferry_cong.delivered at which the next one begins
 * @cycle_us: when the phase of PROBE_BW began
 * @prior_cwnd: the window before recovery or PROBE_RTT
 * @full_bw: the bandwidth that STARTUP tries to exceed
 * @ack_epoch_us: since when deliveries are compared with the bandwidth
 * @ack_epoch_acked: segments delivered since
 * @extra_acked: segments delivered at once beyond the bandwidth, the most in
 *	each of two windows of EXTRA_ACKED_ROUNDS
 * @pacing_gain: of the pacing rate
 * @cwnd_gain: of the BDP
 * @mode: one of &enum bbr_mode
 * @cycle: the phase of PROBE_BW
 * @full_bw_rounds: rounds in which STARTUP did not exceed @full_bw
 * @prev_state: &ferry_cong.state at the last ACK
 * @extra_acked_rounds: rounds of the current window of @extra_acked
 * @extra_acked_now: which of the two that is
 * @round_start: this ACK begins a round trip
 * @round_done: a round trip of PROBE_RTT has passed
 * @packet_conservation: the first round of recovery: one in, one out
 * @idle_restart: the application was silent: a small RTT says nothing new
 * @full_bw_reached: the path was filled once
 * @has_seen_rtt: the initial pacing rate came from a measured time
 */
struct bbr {
	struct minmax bw;
	u32 min_rtt_us;
	u32 min_rtt_stamp_us;
	u32 probe_rtt_done_us;
	u32 rounds;
	u32 next_round;
	u32 cycle_us;
	u32 prior_cwnd;
	u32 full_bw;
	u32 ack_epoch_us;
	u32 ack_epoch_acked;
	u16 extra_acked[2];
	u16 pacing_gain;
	u16 cwnd_gain;
	u8 mode;
	u8 cycle;
	u8 full_bw_rounds;
	u8 prev_state;
	u8 extra_acked_rounds;
	u8 extra_acked_now:1,
	   round_start:1,
	   round_done:1,
	   packet_conservation:1,
	   idle_restart:1,
	   full_bw_reached:1,
	   has_seen_rtt:1;
};

static inline struct bbr *bbr_of(struct ferry_cong *ca)
{
	return ferry_cong_priv(ca, struct bbr);
}

/* Segments per microsecond times 2^24. */
static inline u32 bbr_max_bw(const struct bbr *bbr)
{
	return minmax_get(&bbr->bw);
}

u32 bbr_bdp(const struct ferry_cong *ca, const struct bbr *bbr, u32 gain);
u32 bbr_with_quanta(const struct ferry_cong *ca, const struct bbr *bbr,
		    u32 cwnd);
u32 bbr_inflight(const struct ferry_cong *ca, const struct bbr *bbr, u32 gain);
u32 bbr_extra_acked_cwnd(const struct bbr *bbr);
void bbr_update_bw(struct ferry_cong *ca,
		   const struct ferry_ack_sample *sample);
void bbr_update_extra_acked(struct ferry_cong *ca,
			    const struct ferry_ack_sample *sample);
void bbr_init_pacing_rate(struct ferry_cong *ca);
void bbr_set_pacing_rate(struct ferry_cong *ca, u32 gain);
u32 bbr_min_tso_segs(const struct ferry_cong *ca);

#endif /* _FERRY_BBR_H */
