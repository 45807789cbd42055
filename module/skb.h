/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Ferry writes into the skbs of its queues.
 */
#ifndef _FERRY_SKB_H
#define _FERRY_SKB_H

#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/ip.h>

#include "rate.h"
#include "segment.h"

/**
 * struct ferry_skb_cb - what Ferry knows of a segment, in skb->cb
 * @ip: what the IP layer knows; zero in segments that are handed to it
 * @tx: queued segments: the state of delivery when it was sent last
 * @run_end: SACKed segments: the peer has everything from @seq up to here
 * @run: segments beyond a hole: the run that they are part of (ofo.c)
 * @seq: first sequence number; SYN and FIN count one each
 * @end_seq: sequence number after the last
 * @ack_seq: received segments: SEG.ACK
 * @isn: a received SYN for a connection in TIME_WAIT: the ISN to answer with,
 *	else 0
 * @window: received segments: SEG.WND, not scaled
 * @sent_us: queued segments: when it was sent last, ferry_clock_us()
 * @mss: queued segments: bytes in each packet that it will become
 * @segs: queued segments: number of packets not yet acknowledged
 * @flags: control bits
 * @marks: queued segments: FERRY_SKB_* bits
 *
 * A received header is read once, into this; the receive queue, the write
 * queue and the retransmission queue all hold segments described by it.
 */
struct ferry_skb_cb {
	union {
		union {
			struct inet_skb_parm h4;
			struct inet6_skb_parm h6;
		} ip;
		struct {
			struct ferry_rate_tx tx;	/* rate.h */
			u32 run_end;
		};
		struct ferry_sack_block run;
	};
	u32 seq;
	u32 end_seq;
	union {
		struct {
			u32 ack_seq;
			u32 isn;
			u16 window;
		};
		struct {
			u32 sent_us;
			u16 mss;
			u16 segs;
		};
	};
	u8 flags;
	u8 marks;
};

#define FERRY_SKB_LOST		0x01	/* held to be lost */
#define FERRY_SKB_RETRANS	0x02	/* sent again, and on its way */
#define FERRY_SKB_EVER_RETRANS	0x04	/* sent again at any time (Karn) */
#define FERRY_SKB_SACKED	0x08	/* the peer has it, beyond a hole */
#define FERRY_SKB_TSTAMP_ACK	0x10	/* report when its tskey is acknowledged */

#define FERRY_SKB_CB(skb)	((struct ferry_skb_cb *)(skb)->cb)

#endif /* _FERRY_SKB_H */
