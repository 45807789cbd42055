/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loss recovery: what was sent, what has arrived, what is lost, and how much
 * may be sent while it is repaired.
 *
 * Everything here is pure: it works on the structs below and on the control
 * blocks of the segments in the queue, and reads no clock.  Who calls in does
 * the sending, sets the timer and gives the memory, so that KUnit can run all
 * of it over a simulated link.
 *
 *	scoreboard.c	the queue of what was sent, its marks and counters
 *	sack.c		SACK blocks and D-SACK (RFC 2018, RFC 2883)
 *	rack.c		what is lost, by time (RFC 8985)
 *	tlp.c		the tail loss probe (RFC 8985)
 *	prr.c		how much to send during recovery (RFC 6937)
 *	undo.c		it was no loss: Eifel, D-SACK; how much reordering there is
 *	newreno.c	what is lost, without SACK (RFC 6582)
 *	loss.c		the retransmission timer, and F-RTO (RFC 5682)
 *	recovery.c	the states: open, disorder, CWR, recovery, loss
 *
 * The socket lock protects all of it.
 */
#ifndef _FERRY_RECOVERY_H
#define _FERRY_RECOVERY_H

#include <linux/list.h>
#include <linux/rbtree.h>

#include "cong.h"
#include "rtt.h"
#include "segment.h"
#include "skb.h"

/* RFC 5681 section 3.2: this many duplicate ACKs mean a loss. */
#define FERRY_DUPTHRESH		3U
/* However much the network reorders, more is not waited for. */
#define FERRY_REORDERING_MAX	300U
/* RFC 8985 section 6.2, step 4: a wider window lasts so many recoveries. */
#define FERRY_REO_WND_PERSIST	16U

/**
 * enum ferry_retransmit_reason - why something is sent again
 * @FERRY_RTX_SYN: the SYN's timer has expired
 * @FERRY_RTX_SYNACK: the SYN-ACK's timer, or the SYN has come again
 * @FERRY_RTX_FAST: ACKs say that it was lost
 * @FERRY_RTX_REO: it is still missing after the reordering window (RFC 8985)
 * @FERRY_RTX_RTO: the retransmission timer has expired
 * @FERRY_RTX_SLOW_START: lost with what that timer has repeated
 * @FERRY_RTX_FRTO: the same; the time-out may have been spurious, but there was
 *	no new data to find out with (RFC 5682)
 * @FERRY_RTX_TLP: the tail loss probe (RFC 8985)
 * @FERRY_RTX_PROBE: is the peer's window open again?
 * @FERRY_RTX_KEEPALIVE: is the peer there?
 * @FERRY_RTX_MTU: it was larger than the path allows
 */
enum ferry_retransmit_reason {
	FERRY_RTX_SYN,
	FERRY_RTX_SYNACK,
	FERRY_RTX_FAST,
	FERRY_RTX_REO,
	FERRY_RTX_RTO,
	FERRY_RTX_SLOW_START,
	FERRY_RTX_FRTO,
	FERRY_RTX_TLP,
	FERRY_RTX_PROBE,
	FERRY_RTX_KEEPALIVE,
	FERRY_RTX_MTU,
};

/**
 * struct ferry_rack - RACK's view of the connection (RFC 8985 section 5.2)
 * @sent_us: when the segment was sent that was sent last of all delivered
 * @end_seq: the end of that segment
 * @rtt_us: its round-trip time, microseconds
 * @round: &ferry_cong.delivered when @reo_wnd_mult last changed
 * @reo_wnd_mult: the reordering window, in quarters of the smallest RTT
 * @reo_wnd_persist: recoveries until @reo_wnd_mult becomes 1 again
 * @valid: a segment has been delivered, the first three fields count
 * @dsack_seen: something was sent again in vain since @round
 */
struct ferry_rack {
	u32 sent_us;
	u32 end_seq;
	u32 rtt_us;
	u32 round;
	u8 reo_wnd_mult;
	u8 reo_wnd_persist;
	u8 valid:1,
	   dsack_seen:1;
};

/**
 * struct ferry_recovery - what a connection keeps for loss recovery
 * @queue: sent and not acknowledged, by sequence number
 * @by_time: those of them that are neither SACKed nor waiting to be sent
 *	again, in the order in which they were sent last
 * @rack: for RACK
 * @sack_high: end of the highest SACKed segment, if there is one
 * @recover: without SACK: SND.NXT when the last trouble was noticed (RFC 6582),
 *	valid with @recovering
 * @lost_seq: nothing before it waits to be sent again, valid with
 *	@lost_pending
 * @prr_delivered: segments delivered since the reduction began (RFC 6937)
 * @prr_out: segments sent since
 * @undo_una: SND.UNA when the reduction began, valid with @undo
 * @undo_retrans: segments sent again since, of which it is not known that they
 *	were sent in vain; negative if others were under way before
 * @retrans_ms: the timestamp clock when the first of them was sent, valid with
 *	@retransmitted
 * @tlp_end: SND.NXT when a probe was sent, valid with @tlp
 * @reordering: the largest distance seen at which segments arrived out of
 *	order, in segments
 * @undo: the last reduction may turn out to be needless
 * @retransmitted: something was sent again in this episode
 * @frto: find out if the time-out was spurious (RFC 5682)
 * @tlp: a tail loss probe is not yet answered
 * @tlp_retrans: it was a retransmission
 * @lost_pending: something lost may wait to be sent again
 * @reord_seen: the network has been seen to reorder
 * @recovering: SND.UNA has not passed @recover
 * @reneged: the receiver has thrown away what it had SACKed
 * @reason: why what waits to be sent again was held to be lost, one of &enum
 *	ferry_retransmit_reason
 */
struct ferry_recovery {
	struct rb_root queue;
	struct list_head by_time;
	struct ferry_rack rack;
	union {
		u32 sack_high;
		u32 recover;
	};
	u32 lost_seq;
	u32 prr_delivered;
	u32 prr_out;
	u32 undo_una;
	s32 undo_retrans;
	u32 retrans_ms;
	u32 tlp_end;
	u16 reordering;
	u8 undo:1,
	   retransmitted:1,
	   frto:1,
	   tlp:1,
	   tlp_retrans:1,
	   lost_pending:1,
	   reord_seen:1,
	   recovering:1;
	u8 reneged:1,
	   reason:4;
};

/**
 * struct ferry_recovery_ops - what recovery needs from its owner
 * @cut: cut a piece in two; returns the rest, in no queue, described like the
 *	front but for its range; or NULL without memory, and nothing changed
 * @free: a piece is acknowledged, in no queue, and not needed any more
 */
struct ferry_recovery_ops {
	struct sk_buff *(*cut)(struct ferry_recovery *rec, struct sk_buff *skb,
			       u32 len);
	void (*free)(struct ferry_recovery *rec, struct sk_buff *skb);
};

/**
 * enum ferry_next - what to send after an ACK, before anything else
 * @FERRY_NEXT_NOTHING: nothing special
 * @FERRY_NEXT_RETRANSMIT: what is lost, as far as the window goes
 * @FERRY_NEXT_FIRST: the first segment, whatever the window says, and then the
 *	same (RFC 6582 section 3.2)
 * @FERRY_NEXT_NEW: new data; if there is none, what is lost (F-RTO)
 */
enum ferry_next {
	FERRY_NEXT_NOTHING,
	FERRY_NEXT_RETRANSMIT,
	FERRY_NEXT_FIRST,
	FERRY_NEXT_NEW,
};

/**
 * struct ferry_ack_state - an ACK while it is worked off
 * @rec: the connection's recovery state
 * @ca: its congestion state; @now_us is set
 * @ops: its owner
 * @sample: what congestion control will hear
 * @prior_una: SND.UNA before the ACK
 * @snd_una: SND.UNA
 * @ack_seq: SEG.ACK; below @prior_una if another ACK has overtaken this one
 * @snd_nxt: SND.NXT
 * @max_window: the largest window that the peer ever announced
 * @ts_ecr_ms: the echoed timestamp in terms of @now_ms, valid with @has_ts_ecr
 * @now_ms: the timestamp clock
 * @sack: SACK is in use
 * @has_ts_ecr: there is an echoed timestamp
 * @has_new_data: there is unsent data that the peer's window allows
 * @dupack: it may be a duplicate ACK: no data, no new window (RFC 5681)
 * @retransmits: the timer has expired since the last progress
 * @mtu_probe: the segment at @snd_una is a probe of the path MTU
 * @prior_state: &ferry_cong.state before
 * @prior_delivered: &ferry_cong.delivered before
 * @prior_lost: &ferry_cong.lost before
 * @reord_seq: lowest segment delivered after a higher one
 * @oldest_us: when the oldest segment that it acknowledges was sent, valid
 *	with @timed
 * @newest_us: when the latest was
 * @sack_oldest_us: the same for those that it SACKs, valid with @sack_timed
 * @sack_newest_us: see @sack_oldest_us
 * @dsack_segs: segments that it reports as duplicates (RFC 2883)
 * @dupacks: segments that left the network by it, without SACK
 * @acked: something was acknowledged
 * @sacked: something was SACKed
 * @dsack_tlp: the duplicate is the probe
 * @timed: see @oldest_us
 * @sack_timed: see @sack_oldest_us
 * @retrans_acked: some of it was sent more than once
 * @orig_delivered: a segment below @high_seq arrived that was sent once
 * @reneging: the first segment was SACKed and is not acknowledged
 * @advanced: RACK has learned something
 * @lost_retrans: a retransmission was lost
 * @rearm: result: the retransmission timer starts anew
 * @measured: result: there was a measurement of the round-trip time
 * @undone: result: a reduction was taken back
 * @spurious: result: so was a time-out
 * @via: result: the state between @prior_state and the last one, for a reduction
 *	of the window that those two do not show; else @prior_state
 * @mtu_probe_lost: result: that probe is missing, before anything else was
 * @next: result: what to send
 * @reo_timeout_us: result: when RACK wants to look again, 0 for never
 */
struct ferry_ack_state {
	struct ferry_recovery *rec;
	struct ferry_cong *ca;
	const struct ferry_recovery_ops *ops;
	struct ferry_ack_sample sample;
	u32 prior_una;
	u32 snd_una;
	u32 ack_seq;
	u32 snd_nxt;
	u32 max_window;
	u32 ts_ecr_ms;
	u32 now_ms;
	bool sack;
	bool has_ts_ecr;
	bool has_new_data;
	bool dupack;
	bool retransmits;
	bool mtu_probe;

	u8 prior_state;
	u32 prior_delivered;
	u32 prior_lost;
	u32 reord_seq;
	u32 oldest_us;
	u32 newest_us;
	u32 sack_oldest_us;
	u32 sack_newest_us;
	u32 dsack_segs;
	u8 dupacks;
	bool acked;
	bool sacked;
	bool dsack_tlp;
	bool timed;
	bool sack_timed;
	bool retrans_acked;
	bool orig_delivered;
	bool reneging;
	bool advanced;
	bool lost_retrans;

	bool rearm;
	bool measured;
	bool undone;
	bool spurious;
	u8 via;
	bool mtu_probe_lost;
	enum ferry_next next;
	u32 reo_timeout_us;
};

/* The time of the event that is worked off, microseconds; wraps. */
static inline u32 ferry_recovery_now(const struct ferry_cong *ca)
{
	return ca->now_us;
}

static inline bool ferry_cong_in_reduction(const struct ferry_cong *ca)
{
	return ca->state == FERRY_CA_CWR || ca->state == FERRY_CA_RECOVERY;
}

static inline bool ferry_una_advanced(const struct ferry_ack_state *st)
{
	return st->snd_una != st->prior_una;
}

/* scoreboard.c */
void ferry_board_insert(struct ferry_recovery *rec, struct sk_buff *skb);
void ferry_board_remove(struct ferry_recovery *rec, struct sk_buff *skb);
struct sk_buff *ferry_board_find(const struct ferry_recovery *rec, u32 seq);
void ferry_board_adjust(struct ferry_cong *ca, u8 marks, int delta);
struct sk_buff *ferry_board_cut(struct ferry_recovery *rec,
				struct ferry_cong *ca,
				const struct ferry_recovery_ops *ops,
				u32 snd_una, struct sk_buff *skb, u32 len);
bool ferry_board_mark_lost(struct ferry_recovery *rec, struct ferry_cong *ca,
			   struct sk_buff *skb);
void ferry_board_sent_again(struct ferry_recovery *rec, struct ferry_cong *ca,
			    struct sk_buff *skb);
struct sk_buff *ferry_board_next_lost(struct ferry_recovery *rec,
				      struct sk_buff *skb);
void ferry_board_forget_losses(struct ferry_recovery *rec,
			       struct ferry_cong *ca);
void ferry_board_delivered(struct ferry_ack_state *st, struct sk_buff *skb,
			   u32 end_seq, u32 segs);
void ferry_board_clean(struct ferry_ack_state *st);

/* sack.c */
void ferry_sack_blocks(struct ferry_ack_state *st,
		       struct ferry_sack_block *blocks, unsigned int n);

/* rack.c */
void ferry_rack_init(struct ferry_rack *rack);
bool ferry_rack_delivered(struct ferry_rack *rack, u32 now_us, u32 min_rtt_us,
			  u32 sent_us, u32 end_seq, bool retrans);
u32 ferry_rack_reo_wnd(const struct ferry_recovery *rec,
		       const struct ferry_cong *ca);
void ferry_rack_adapt(struct ferry_rack *rack, u32 prior_delivered,
		      u32 delivered);
s32 ferry_rack_remaining(const struct ferry_rack *rack, u32 reo_wnd,
			 u32 now_us, u32 sent_us);
u32 ferry_rack_detect(struct ferry_recovery *rec, struct ferry_cong *ca,
		      bool *lost_retrans);

/* tlp.c */
u32 ferry_tlp_timeout(const struct ferry_recovery *rec,
		      const struct ferry_cong *ca, bool sack, u32 delack_us);
void ferry_tlp_sent(struct ferry_recovery *rec, u32 snd_nxt, bool retrans);
void ferry_tlp_ack(struct ferry_ack_state *st);

/* prr.c */
void ferry_prr_start(struct ferry_recovery *rec, struct ferry_cong *ca,
		     u32 snd_nxt);
void ferry_prr_delivered(struct ferry_recovery *rec, struct ferry_cong *ca,
			 u32 delivered, u32 lost, bool advanced);
void ferry_prr_end(const struct ferry_recovery *rec, struct ferry_cong *ca);

/* undo.c */
void ferry_undo_start(struct ferry_recovery *rec, const struct ferry_cong *ca,
		      u32 snd_una);
void ferry_undo_sent_again(struct ferry_recovery *rec, u32 segs, u32 now_ms);
void ferry_undo_in_vain(struct ferry_recovery *rec, u32 end_seq, u32 segs);
bool ferry_undo_is_due(const struct ferry_ack_state *st);
bool ferry_undo_was_delayed(const struct ferry_ack_state *st);
void ferry_undo(struct ferry_ack_state *st, bool forget_losses);
void ferry_reordering_seen(struct ferry_ack_state *st, u32 low_seq);

/* newreno.c */
void ferry_newreno_note(struct ferry_recovery *rec, u32 snd_nxt, bool sack);
void ferry_newreno_dupack(struct ferry_ack_state *st);
void ferry_newreno_acked(struct ferry_ack_state *st);
void ferry_newreno_lost(struct ferry_ack_state *st);

/* loss.c */
void ferry_loss_ack(struct ferry_ack_state *st);
void ferry_recovery_timeout(struct ferry_recovery *rec, struct ferry_cong *ca,
			    u32 snd_una, u32 snd_nxt, bool sack, bool again);

/* recovery.c */
void ferry_recovery_set_state(struct ferry_cong *ca, u8 state);
u32 ferry_recovery_ssthresh(const struct ferry_cong *ca);
void ferry_recovery_forget(struct ferry_recovery *rec,
			   const struct ferry_cong *ca);
bool ferry_recovery_end(struct ferry_ack_state *st);
void ferry_recovery_send_lost(struct ferry_ack_state *st,
			      enum ferry_retransmit_reason reason);
void ferry_recovery_init(struct ferry_recovery *rec);
void ferry_recovery_ack(struct ferry_ack_state *st,
			struct ferry_sack_block *blocks, unsigned int n);
bool ferry_recovery_reo_timeout(struct ferry_recovery *rec,
				struct ferry_cong *ca,
				u32 snd_una, u32 snd_nxt, u32 *reo_timeout_us);
void ferry_recovery_enter_cwr(struct ferry_recovery *rec,
			      struct ferry_cong *ca, u32 snd_nxt);
void ferry_recovery_resegmented(struct ferry_recovery *rec,
				struct ferry_cong *ca, u32 snd_nxt);
void ferry_recovery_probe_lost(struct ferry_ack_state *st);

#endif /* _FERRY_RECOVERY_H */
