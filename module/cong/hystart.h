/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HyStart++: leaving the first slow start before it hurts (RFC 9406).
 */
#ifndef _FERRY_HYSTART_H
#define _FERRY_HYSTART_H

#include "../cong.h"

/**
 * struct ferry_hystart - part of the private state of an algorithm
 * @round_end: &ferry_cong.delivered at which the round trip is over
 * @round_min_us: smallest round-trip time of this round in microseconds, ~0
 *	if none
 * @last_min_us: the same of the round before
 * @css_baseline_us: @round_min_us when Conservative Slow Start began
 * @samples: round-trip times measured in this round
 * @css_rounds: rounds that Conservative Slow Start still lasts, 0 if it is not
 *	under way
 * @css_acked: segments acknowledged in it and not yet counted
 */
struct ferry_hystart {
	u32 round_end;
	u32 round_min_us;
	u32 last_min_us;
	u32 css_baseline_us;
	u8 samples;
	u8 css_rounds;
	u8 css_acked;
};

void ferry_hystart_init(struct ferry_hystart *hs, const struct ferry_cong *ca);
void ferry_hystart_ack(struct ferry_hystart *hs, struct ferry_cong *ca,
		       u32 rtt_us);
u32 ferry_hystart_growth(struct ferry_hystart *hs, u32 acked);

#endif /* _FERRY_HYSTART_H */
