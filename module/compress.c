// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACK compression: of many ACKs for what comes beyond a hole, a few are enough.
 *
 * Each segment beyond a hole has something to tell, but the sender learns the
 * same from one ACK for all that came within a small part of a round trip, and
 * both ends have less to do.  The first three are sent at once: they are what a
 * sender without RACK waits for.  Then ACKs wait; delack.c has the timer for it.
 *
 * An ACK has room for three runs of what has come.  Where there are so many, one
 * is sent as soon as another run changes than the last time: so each is told
 * about three times, and some ACKs may be lost.  A sender that never heard of a
 * run would send it again, and take what it hears of it later for reordering.
 *
 * Pure; socket lock held.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/time64.h>

#include "compat.h"
#include "compress.h"
#include "recovery.h"

/* They wait for this part of a round trip. */
#define RTT_PART	20

/**
 * ferry_compress_holds() - a segment has come beyond a hole: may its ACK wait?
 * @c: what was told already
 * @rcv_nxt: RCV.NXT
 * @news: it is of another run than the last, and there are three or more
 * @max: so many may wait
 *
 * Return: true if so, and it is counted; false if an ACK is to be sent now,
 * which tells what the others would have told, too.
 */
bool ferry_compress_holds(struct ferry_compress *c, u32 rcv_nxt, bool news,
			  u32 max)
{
	if (c->held >= min_t(u32, max, U8_MAX))
		return false;
	if (c->rcv_nxt != rcv_nxt) {
		c->rcv_nxt = rcv_nxt;
		c->told = 0;
	}
	if (c->told < FERRY_DUPTHRESH) {
		c->told++;
		return false;
	}
	if (news)
		return false;
	c->held++;
	return true;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_compress_holds);

/**
 * ferry_compress_delay_ns() - for how long they may wait
 * @rcv_rtt_us: round-trip time as the receiver sees it, 0 if unknown
 * @srtt_us: as the sender has measured it, 0 if unknown
 * @max_ns: the longest
 *
 * Return: nanoseconds; 0 if nothing is known, as Linux TCP.
 */
u64 ferry_compress_delay_ns(u32 rcv_rtt_us, u32 srtt_us, u32 max_ns)
{
	u32 rtt_us = srtt_us ? min(rcv_rtt_us, srtt_us) : rcv_rtt_us;

	return min_t(u64, (u64)rtt_us * (NSEC_PER_USEC / RTT_PART), max_ns);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_compress_delay_ns);
