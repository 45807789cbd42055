/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loss recovery: what ACKs and the retransmission timer say about losses.
 * Pure: it decides on counters; ack.c and timers.c mark the segments.
 */
#ifndef _FERRY_RECOVERY_H
#define _FERRY_RECOVERY_H

#include "cong.h"

/* RFC 5681 section 3.2: this many duplicate ACKs mean a loss. */
#define FERRY_DUPTHRESH		3U

/**
 * enum ferry_verdict - what the caller has to mark as lost
 * @FERRY_NOTHING_LOST: nothing new
 * @FERRY_HEAD_LOST: the first segment that is not acknowledged
 * @FERRY_ALL_LOST: every segment that is not acknowledged
 */
enum ferry_verdict {
	FERRY_NOTHING_LOST,
	FERRY_HEAD_LOST,
	FERRY_ALL_LOST,
};

enum ferry_verdict ferry_recovery_dupack(struct ferry_cong *ca, u32 snd_una,
					 u32 snd_nxt);
enum ferry_verdict ferry_recovery_ack(struct ferry_cong *ca, u32 snd_una,
				      const struct ferry_ack_sample *sample);
enum ferry_verdict ferry_recovery_timeout(struct ferry_cong *ca, u32 snd_una,
					  u32 snd_nxt);

#endif /* _FERRY_RECOVERY_H */
