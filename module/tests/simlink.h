/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A simulated link between a sender and a receiver, for tests of congestion
 * control and loss recovery.
 *
 * Time is virtual and everything that happens is scripted, so a run gives the
 * same numbers always and everywhere.  The link sends one segment at a time,
 * has a queue with a limit, and delays; it loses, duplicates and delays single
 * segments, which so overtake each other.  ACKs are only delayed.
 *
 * The sender is loss recovery itself, with its scoreboard of skbs; the code
 * here does what a socket does around it: it sends while the window has room,
 * and keeps the timer.  The receiver acknowledges every segment at once, with
 * SACK, D-SACK and timestamps if the script says so.
 *
 * Segments are counted from 0; transmissions too, with retransmissions.
 */
#ifndef _FERRY_SIMLINK_H
#define _FERRY_SIMLINK_H

#include <linux/bitmap.h>
#include <linux/list.h>
#include <linux/types.h>

#include "../cong.h"
#include "../recovery.h"
#include "../rtt.h"

#define SIMLINK_SEGMENTS	512	/* most that a run can transfer */
#define SIMLINK_LOG		2048	/* most transmissions of a run */
#define SIMLINK_EVENTS		1024	/* most that can be on its way */
#define SIMLINK_MSS		1000
#define SIMLINK_BLOCKS		4

enum simlink_timer {
	SIMLINK_TIMER_NONE,
	SIMLINK_TIMER_RTO,
	SIMLINK_TIMER_REO,
	SIMLINK_TIMER_TLP,
};

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

struct kunit;

struct simlink_event {
	struct list_head list;
	u64 time_us;
	bool is_ack;
	u32 number;
	u32 ts_ms;
	u32 n;
	struct ferry_sack_block blocks[SIMLINK_BLOCKS];
};

/**
 * struct simlink - a link, its script, and what happened on it
 * @segments: script: how many segments the application sends
 * @tx_us: script: time that the link needs for a segment
 * @delay_us: script: one-way delay, the same in both directions
 * @late_us: script: extra delay of the transmissions in @late and @ack_late
 * @queue: script: segments that the link's queue holds, 0 for no limit
 * @app_limit: script: most segments that the application has out at a time,
 *	0 for no limit
 * @gso: script: most segments that are sent in a piece
 * @isn: script: sequence number of the first byte
 * @sack: script: SACK and D-SACK are in use
 * @timestamps: script: so are timestamps
 * @no_blocks: script: the receiver permits SACK and never sends any
 * @renege_at: script: when the receiver has got so many segments, it throws
 *	away all that wait for a hole to be filled; 0 for never
 * @drop: script: transmissions that the link loses
 * @late: script: transmissions that the link delays by @late_us
 * @twice: script: transmissions that arrive twice
 * @ack_drop: script: ACKs that get lost, counted from 0
 * @ack_twice: script: ACKs that arrive twice
 * @ack_late: script: ACKs that the link delays by @late_us
 * @rec: loss recovery
 * @ca: congestion state; set the window after simlink_init() to start
 *	elsewhere than at the initial window
 * @una: first segment that is not acknowledged
 * @nxt: first segment that was not sent yet
 * @rcv_nxt: first segment that the receiver waits for
 * @backoff: time-outs in a row
 * @timed_out: there was no progress since the last of them
 * @now_us: virtual time
 * @timer: what the timer stands for
 * @timer_us: when it expires
 * @link_free_us: when the link has sent everything that waits
 * @fast_retransmits: recoveries begun
 * @timeouts: expirations of the retransmission timer
 * @probes: tail loss probes
 * @reo_timeouts: losses found by the reordering timer
 * @undone: reductions taken back
 * @spurious: time-outs found to be spurious
 * @retransmissions: segments sent again
 * @needless: segments that the receiver got twice
 * @received: segments that it got
 * @acks: ACKs that the receiver sent
 * @txs: number of entries in @log
 * @log: every transmission in order
 * @cwnd_at: the window right after @una became the index, 0 if it never did
 * @broken: the first rule that was broken, or NULL
 * @got: what the receiver has
 * @recent: segments that came last beyond a hole, latest first
 * @ts_recent: timestamp that the receiver echoes
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
	u32 gso;
	u32 isn;
	bool sack;
	bool timestamps;
	bool no_blocks;
	u32 renege_at;
	DECLARE_BITMAP(drop, SIMLINK_LOG);
	DECLARE_BITMAP(late, SIMLINK_LOG);
	DECLARE_BITMAP(twice, SIMLINK_LOG);
	DECLARE_BITMAP(ack_drop, SIMLINK_LOG);
	DECLARE_BITMAP(ack_twice, SIMLINK_LOG);
	DECLARE_BITMAP(ack_late, SIMLINK_LOG);

	struct ferry_recovery rec;
	struct ferry_cong ca;
	u32 una;
	u32 nxt;
	u32 rcv_nxt;
	u32 backoff;
	bool timed_out;
	u64 now_us;
	enum simlink_timer timer;
	u64 timer_us;
	u64 link_free_us;

	u32 fast_retransmits;
	u32 timeouts;
	u32 probes;
	u32 reo_timeouts;
	u32 undone;
	u32 spurious;
	u32 retransmissions;
	u32 needless;
	u32 received;
	u32 acks;
	u32 txs;
	struct simlink_tx log[SIMLINK_LOG];
	u32 cwnd_at[SIMLINK_SEGMENTS + 1];
	const char *broken;

	DECLARE_BITMAP(got, SIMLINK_SEGMENTS);
	u32 recent[SIMLINK_BLOCKS];
	u32 ts_recent;
	struct list_head pending;
	struct list_head unused;
	struct simlink_event events[SIMLINK_EVENTS];
};

void simlink_init(struct simlink *sim, u32 segments);
bool simlink_run(struct simlink *sim);
const char *simlink_fault(struct simlink *sim);
u32 simlink_seq(const struct simlink *sim, u32 segment);

/* What the suites that use a link share. */
extern const struct ferry_recovery_ops simlink_ops;
int simlink_test_init(struct kunit *test);
struct simlink *simlink_steady(struct kunit *test, u32 segments, u32 cwnd,
			       bool sack);
void simlink_drop(struct simlink *sim, u32 first, u32 last);
void simlink_transfer(struct kunit *test, struct simlink *sim);

#endif /* _FERRY_SIMLINK_H */
