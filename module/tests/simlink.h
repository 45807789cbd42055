/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A simulated link between a sender and a receiver, for tests of congestion
 * control and loss recovery.
 *
 * Time is virtual and everything that happens is scripted, so a run gives the
 * same numbers always and everywhere.  The link sends one segment at a time,
 * has a queue with a limit, and delays; ACKs are only delayed.  The sender
 * does what a socket does around the pure logic: it keeps the state of every
 * segment, marks what recovery.c says is lost, and sends while the window has
 * room.  The receiver acknowledges every segment at once, cumulatively.
 *
 * Segments are counted from 0; transmissions too, with retransmissions.
 */
#ifndef _FERRY_SIMLINK_H
#define _FERRY_SIMLINK_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/types.h>

#include "../cong.h"
#include "../rtt.h"

#define SIMLINK_SEGMENTS	512	/* most that a run can transfer */
#define SIMLINK_LOG		2048	/* most transmissions of a run */
#define SIMLINK_EVENTS		1024	/* most that can be on its way */
#define SIMLINK_MSS		1000

/**
 * struct simlink_tx - one transmission
 * @time_us: when it was handed to the link
 * @segment: which segment
 * @again: it is a retransmission
 */
struct simlink_tx {
	u64 time_us;
	u32 segment;
	bool again;
};

struct simlink_event {
	struct list_head list;
	u64 time_us;
	bool is_ack;
	u32 number;
};

struct simlink_segment {
	u64 sent_us;
	bool lost;
	bool retrans;
	bool again;
	bool received;
};

/**
 * struct simlink - a link, its script, and what happened on it
 * @segments: script: how many segments the application sends
 * @tx_us: script: time that the link needs for a segment
 * @delay_us: script: one-way delay, the same in both directions
 * @late_us: script: extra delay of the transmissions in @late
 * @queue: script: segments that the link's queue holds, 0 for no limit
 * @app_limit: script: most segments that the application has out at a time,
 *	0 for no limit
 * @isn: script: sequence number of the first byte
 * @drop: script: transmissions that the link loses
 * @late: script: transmissions that the link delays by @late_us
 * @ack_drop: script: ACKs that get lost, counted from 0
 * @ack_twice: script: ACKs that arrive twice
 * @ca: congestion state; set the window after simlink_init() to start
 *	elsewhere than at the initial window
 * @rtt: round-trip time estimator
 * @una: first segment that is not acknowledged
 * @nxt: first segment that was not sent yet
 * @rcv_nxt: first segment that the receiver waits for
 * @backoff: time-outs in a row
 * @now_us: virtual time
 * @rto_us: when the retransmission timer expires, 0 if it is not running
 * @link_free_us: when the link has sent everything that waits
 * @fast_retransmits: recoveries begun by duplicate ACKs
 * @partial_acks: partial ACKs seen in those
 * @timeouts: expirations of the retransmission timer
 * @retransmissions: segments sent again
 * @needless: segments that the receiver got twice
 * @acks: ACKs that the receiver sent
 * @txs: number of entries in @log
 * @log: every transmission in order
 * @cwnd_at: the window right after @una became the index, 0 if it never did
 * @broken: the first rule that was broken, or NULL
 * @seg: the state of every segment
 * @pending: what is on its way, by time
 * @unused: free events
 * @events: memory for them
 */
struct simlink {
	u32 segments;
	u32 tx_us;
	u32 delay_us;
	u32 late_us;
	u32 queue;
	u32 app_limit;
	u32 isn;
	DECLARE_BITMAP(drop, SIMLINK_LOG);
	DECLARE_BITMAP(late, SIMLINK_LOG);
	DECLARE_BITMAP(ack_drop, SIMLINK_LOG);
	DECLARE_BITMAP(ack_twice, SIMLINK_LOG);

	struct ferry_cong ca;
	struct ferry_rtt rtt;
	u32 una;
	u32 nxt;
	u32 rcv_nxt;
	u32 backoff;
	u64 now_us;
	u64 rto_us;
	u64 link_free_us;

	u32 fast_retransmits;
	u32 partial_acks;
	u32 timeouts;
	u32 retransmissions;
	u32 needless;
	u32 acks;
	u32 txs;
	struct simlink_tx log[SIMLINK_LOG];
	u32 cwnd_at[SIMLINK_SEGMENTS + 1];
	const char *broken;

	struct simlink_segment seg[SIMLINK_SEGMENTS];
	struct list_head pending;
	struct list_head unused;
	struct simlink_event events[SIMLINK_EVENTS];
};

void simlink_init(struct simlink *sim, u32 segments);
bool simlink_run(struct simlink *sim);
u32 simlink_seq(const struct simlink *sim, u32 segment);

#endif /* _FERRY_SIMLINK_H */
