/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Congestion control: what an algorithm sees and what it may change.
 *
 * An algorithm is a table of hooks, &struct ferry_cong_ops, in a module of its
 * own or in ferry.ko.  It works on &struct ferry_cong, a plain struct without
 * a socket in it, so that KUnit can run it over a simulated link.  All counts
 * are in segments of one MSS, as in Linux TCP.  Nothing here reads a clock:
 * who calls in sets @now_us first.
 *
 * The socket lock protects a connection's &struct ferry_cong; the list of
 * algorithms is under a spinlock for writers and RCU for readers.
 */
#ifndef _FERRY_CONG_H
#define _FERRY_CONG_H

#include <linux/build_bug.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <linux/ferry.h>

#include "rtt.h"

struct module;
union tcp_cc_info;
struct ferry_cong;

/* What a socket starts with unless somebody says otherwise; always there. */
#define FERRY_CONG_DEFAULT	"cubic"
/* RFC 6928 */
#define FERRY_INIT_CWND		10U
#define FERRY_SSTHRESH_MAX	0x7fffffffU
/* Bytes that an algorithm may keep for itself in every connection. */
#define FERRY_CONG_PRIV_SIZE	80

/**
 * enum ferry_ca_state - how far a connection is from trouble
 * @FERRY_CA_OPEN: nothing suspicious
 * @FERRY_CA_DISORDER: duplicate ACKs have come, too few to act on
 * @FERRY_CA_CWR: the window is being reduced, but nothing is lost: ECN
 *	(RFC 3168), or the sender's own queue was full
 * @FERRY_CA_RECOVERY: fast retransmit is under way (RFC 6582)
 * @FERRY_CA_LOSS: the retransmission timer expired (RFC 5681 section 3.1)
 *
 * The values are those of TCP_INFO's tcpi_ca_state.
 */
enum ferry_ca_state {
	FERRY_CA_OPEN,
	FERRY_CA_DISORDER,
	FERRY_CA_CWR,
	FERRY_CA_RECOVERY,
	FERRY_CA_LOSS,
};

/**
 * enum ferry_ca_event - what else an algorithm may want to know
 * @FERRY_CA_EVENT_TX_START: data goes out while nothing was in flight
 * @FERRY_CA_EVENT_CWND_RESTART: the same, and the window was reduced because
 *	the connection was idle (RFC 5681 section 4.1)
 * @FERRY_CA_EVENT_COMPLETE_CWR: a reduction of the window is complete
 * @FERRY_CA_EVENT_LOSS: the retransmission timer expired
 * @FERRY_CA_EVENT_ECN_NO_CE: received data was not marked by the network
 * @FERRY_CA_EVENT_ECN_IS_CE: received data was marked Congestion Experienced
 */
enum ferry_ca_event {
	FERRY_CA_EVENT_TX_START,
	FERRY_CA_EVENT_CWND_RESTART,
	FERRY_CA_EVENT_COMPLETE_CWR,
	FERRY_CA_EVENT_LOSS,
	FERRY_CA_EVENT_ECN_NO_CE,
	FERRY_CA_EVENT_ECN_IS_CE,
};

/* Bits of &struct ferry_cong_ops.flags. */
#define FERRY_CONG_NON_RESTRICTED	0x1	/* anybody may choose it */
#define FERRY_CONG_NEEDS_ECN		0x2	/* every packet is ECN-capable */

/**
 * struct ferry_ack_sample - what one ACK has told
 * @acked: segments newly acknowledged, cumulatively
 * @acked_sacked: segments newly delivered: acknowledged now and not SACKed
 *	before, or newly SACKed
 * @losses: segments newly held to be lost
 * @prior_in_flight: segments in the network before the ACK
 * @rtt_us: round-trip time measured by this ACK in microseconds, 0 if none
 * @delivered: segments delivered over @interval_us, negative if unknown
 * @delivered_ce: how many of them met congestion (ECN)
 * @interval_us: time in which they were delivered in microseconds, negative
 *	if unknown or too short to be true; @delivered / @interval_us is the
 *	delivery rate
 * @prior_delivered: &ferry_cong.delivered when the newest of them was sent;
 *	a round trip is over when it has reached what @delivered was at the
 *	start of the round
 * @prior_delivered_ce: &ferry_cong.delivered_ce then
 * @prior_us: &ferry_cong.delivered_us then
 * @sent_us: when that segment was sent; for rate.c alone
 * @end_seq: its end; for rate.c alone
 * @sampled: a segment was delivered, the five fields above are valid
 * @is_retrans: that segment had been sent more than once
 * @is_app_limited: the application, not the network, bounded the rate
 * @is_ack_delayed: the receiver may have held the ACK back: it is for one
 *	segment alone
 * @ece: the ACK carries ECE (RFC 3168)
 */
struct ferry_ack_sample {
	u32 acked;
	u32 acked_sacked;
	u32 losses;
	u32 prior_in_flight;
	u32 rtt_us;
	s32 delivered;
	s32 delivered_ce;
	s32 interval_us;
	u32 prior_delivered;
	u32 prior_delivered_ce;
	u32 prior_us;
	u32 sent_us;
	u32 end_seq;
	bool sampled;
	bool is_retrans;
	bool is_app_limited;
	bool is_ack_delayed;
	bool ece;
};

/**
 * struct ferry_cong_ops - a congestion control algorithm
 * @ssthresh: required; returns the slow start threshold in segments after a
 *	loss.  Called once for each window with a loss, before @snd_cwnd is
 *	reduced.
 * @cong_avoid: required without @cong_control; an ACK has acknowledged new
 *	data while the state was open or disorder, or slow start after a
 *	time-out is under way.  Grows @snd_cwnd, by what the ACK has delivered
 *	(@acked_sacked): what it acknowledges may have been SACKed, and have
 *	counted, while the window was reduced.
 * @cong_control: optional; takes the place of @cong_avoid and of every
 *	reduction by recovery.c.  Called for each ACK that delivers or loses
 *	something, in every state, and sets @snd_cwnd and, if it paces,
 *	@pacing_rate.
 * @pkts_acked: optional; an ACK has delivered something.  Called in every
 *	state, before @cong_avoid or @cong_control.
 * @undo_cwnd: optional; returns the window in segments to go back to when a
 *	reduction turns out to be needless.  Without it: @prior_cwnd, if that
 *	is larger.
 * @set_state: optional; the state is about to become @new_state (one of &enum
 *	ferry_ca_state), &ferry_cong.state is still the old one
 * @event: optional; one of &enum ferry_ca_event has happened
 * @min_tso_segs: optional; returns how many segments a packet to the stack
 *	should have at least, however slow the pacing; without it 2
 * @init: optional; the connection starts to use the algorithm.  The private
 *	area is zeroed before.  On a connection that is under way the other
 *	fields have their values; on a new one those of ferry_cong_init().
 * @release: optional; the connection stops to use the algorithm.
 * @get_info: optional; tells TCP_CC_INFO of its state and returns how many
 *	bytes of @info it has filled.  Socket lock held.
 * @name: how users call it, see FERRY_CONGESTION; "ferry_" and this name is
 *	the module alias that loads it
 * @flags: FERRY_CONG_* bits
 * @sndbuf_factor: congestion windows of data that the send buffer should
 *	hold; 0 means 2
 * @owner: THIS_MODULE
 * @list: for cong.c alone
 *
 * Every hook runs with the socket lock held, in BH or process context, and
 * must not sleep.
 */
struct ferry_cong_ops {
	u32 (*ssthresh)(struct ferry_cong *ca);
	void (*cong_avoid)(struct ferry_cong *ca,
			   const struct ferry_ack_sample *sample);
	void (*cong_control)(struct ferry_cong *ca,
			     const struct ferry_ack_sample *sample);
	void (*pkts_acked)(struct ferry_cong *ca,
			   const struct ferry_ack_sample *sample);
	u32 (*undo_cwnd)(struct ferry_cong *ca);
	void (*set_state)(struct ferry_cong *ca, u8 new_state);
	void (*event)(struct ferry_cong *ca, enum ferry_ca_event event);
	u32 (*min_tso_segs)(const struct ferry_cong *ca);
	void (*init)(struct ferry_cong *ca);
	void (*release)(struct ferry_cong *ca);
	size_t (*get_info)(const struct ferry_cong *ca,
			   union tcp_cc_info *info);

	char name[FERRY_CA_NAME_MAX];
	u8 flags;
	u8 sndbuf_factor;
	struct module *owner;
	struct list_head list;
};

/**
 * struct ferry_cong - the congestion state of a connection
 * @ops: the algorithm in use; the connection holds a reference to its module
 * @now_us: time of what is being processed, in microseconds of a monotonic
 *	clock
 * @pacing_rate: bytes per second that the sender should not exceed; output
 *	sets it from window and RTT, unless @ops has a cong_control hook
 * @snd_cwnd: congestion window, segments
 * @snd_ssthresh: slow start threshold, segments
 * @snd_cwnd_cnt: segments acknowledged since @snd_cwnd last grew by one
 * @prior_cwnd: @snd_cwnd before the last reduction, for undo
 * @prior_ssthresh: @snd_ssthresh before the last reduction, for undo; 0 if
 *	there is nothing to undo
 * @packets_out: segments sent and not yet acknowledged
 * @sacked_out: segments that have left the network without being acknowledged;
 *	one for each duplicate ACK while there is no SACK
 * @lost_out: segments among @packets_out held to be lost
 * @retrans_out: segments sent again and still on their way
 * @high_seq: SND.NXT when the trouble was noticed; RFC 6582 calls it "recover"
 * @max_packets_out: the most segments out in the last window of data
 * @usage_seq: SND.NXT at the start of that window
 * @delivered: segments delivered since the connection began, each counted
 *	once: by the ACK or SACK that first covers it; wraps
 * @delivered_ce: those of them that met congestion (ECN); wraps
 * @lost: segments ever held to be lost; wraps
 * @total_retrans: segments sent again
 * @app_limited: @delivered at which the last segment sent while the
 *	application had nothing to send will be delivered, 0 if it is past
 * @delivered_us: when @delivered last changed, or sending began
 * @first_tx_us: when the segment was sent that was last delivered, or sending
 *	began
 * @rtt: round-trip time of the path
 * @rate: the last rate sample worth to be shown, segments per microsecond,
 *	shifted by FERRY_RATE_SHIFT; 0 if there was none
 * @mss: bytes in a full segment
 * @state: one of &enum ferry_ca_state
 * @cwnd_limited: the window, and not the application, held data back
 * @rate_app_limited: @rate was application-limited
 * @needs_pacing: the algorithm wants its segments spread at @pacing_rate
 * @cwr_due: the window was reduced, and the next new segment says so (CWR)
 * @priv: the algorithm's own state
 */
struct ferry_cong {
	const struct ferry_cong_ops *ops;
	u64 now_us;
	unsigned long pacing_rate;
	u32 snd_cwnd;
	u32 snd_ssthresh;
	u32 snd_cwnd_cnt;
	u32 prior_cwnd;
	u32 prior_ssthresh;
	u32 packets_out;
	u32 sacked_out;
	u32 lost_out;
	u32 retrans_out;
	u32 high_seq;
	u32 max_packets_out;
	u32 usage_seq;
	u32 delivered;
	u32 delivered_ce;
	u32 lost;
	u32 total_retrans;
	u32 app_limited;
	u32 delivered_us;
	u32 first_tx_us;
	struct ferry_rtt rtt;
	u32 rate;
	u16 mss;
	u8 state;
	u8 cwnd_limited:1,
	   rate_app_limited:1,
	   needs_pacing:1,
	   cwr_due:1;
	u64 priv[FERRY_CONG_PRIV_SIZE / sizeof(u64)];
};

/**
 * ferry_cong_srtt_us() - the smoothed round-trip time
 * @ca: congestion state
 *
 * Return: microseconds, 0 if unknown.
 */
static inline u32 ferry_cong_srtt_us(const struct ferry_cong *ca)
{
	return ca->rtt.srtt_us >> 3;
}

/**
 * ferry_cong_priv() - the private area of an algorithm
 * @ca: congestion state
 * @type: the algorithm's own struct
 *
 * Return: pointer to a @type; its size is checked at compile time.
 */
#define ferry_cong_priv(ca, type)					\
({									\
	BUILD_BUG_ON(sizeof(type) > sizeof((ca)->priv));		\
	(type *)(ca)->priv;						\
})

/* Segments in the network: "pipe" in RFC 6675. */
static inline u32 ferry_cong_in_flight(const struct ferry_cong *ca)
{
	return ca->packets_out - ca->sacked_out - ca->lost_out +
	       ca->retrans_out;
}

static inline bool ferry_cong_in_slow_start(const struct ferry_cong *ca)
{
	return ca->snd_cwnd < ca->snd_ssthresh;
}

/* cong.c */
void ferry_cong_init(struct ferry_cong *ca, u32 mss);
void ferry_cong_usage(struct ferry_cong *ca, u32 snd_una, u32 snd_nxt,
		      bool limited);
bool ferry_cong_is_limited(const struct ferry_cong *ca);
void ferry_cong_restart(struct ferry_cong *ca, u32 rtos, u32 init_cwnd);
u32 ferry_cong_slow_start(struct ferry_cong *ca, u32 acked);
void ferry_cong_avoid_ai(struct ferry_cong *ca, u32 w, u32 acked);

int ferry_cong_register(struct ferry_cong_ops *ops);
void ferry_cong_unregister(struct ferry_cong_ops *ops);
int ferry_cong_register_builtin(void);
void ferry_cong_unregister_builtin(void);
const struct ferry_cong_ops *ferry_cong_get(const char *name, bool autoload);
const struct ferry_cong_ops *ferry_cong_get_by_key(u32 key);
void ferry_cong_names(char *to, size_t size, u32 flags);
void ferry_cong_put(const struct ferry_cong_ops *ops);
void ferry_cong_use(struct ferry_cong *ca, const struct ferry_cong_ops *ops);
void ferry_cong_event(struct ferry_cong *ca, enum ferry_ca_event event);
void ferry_cong_change(struct ferry_cong *ca,
		       const struct ferry_cong_ops *ops);
void ferry_cong_again(struct ferry_cong *ca);
void ferry_cong_inherit(struct ferry_cong *child,
			const struct ferry_cong *listener);
void ferry_cong_release(struct ferry_cong *ca);

/* cong/reno.c, cong/cubic.c: always there */
extern struct ferry_cong_ops ferry_reno;
extern struct ferry_cong_ops ferry_cubic;

void ferry_reno_cong_avoid(struct ferry_cong *ca,
			   const struct ferry_ack_sample *sample);

#endif /* _FERRY_CONG_H */
