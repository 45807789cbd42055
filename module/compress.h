/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which ACKs for what comes beyond a hole may wait and be sent as one.  Pure:
 * no sockets, no clock.
 */
#ifndef _FERRY_COMPRESS_H
#define _FERRY_COMPRESS_H

#include <linux/types.h>

/**
 * struct ferry_compress - what has been told of a hole, and what waits
 * @rcv_nxt: the hole, as RCV.NXT
 * @run: where the run begins that changed last, see delack.c
 * @told: ACKs for this hole that were sent at once, FERRY_DUPTHRESH at most
 * @held: ACKs that wait, to be sent as one
 *
 * All zero is one for no hole.
 */
struct ferry_compress {
	u32 rcv_nxt;
	u32 run;
	u8 told;
	u8 held;
};

bool ferry_compress_holds(struct ferry_compress *c, u32 rcv_nxt, bool news,
			  u32 max);
u64 ferry_compress_delay_ns(u32 rcv_rtt_us, u32 srtt_us, u32 max_ns);

#endif /* _FERRY_COMPRESS_H */
