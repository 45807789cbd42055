/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Congestion control: what an algorithm sees and what it may change.
 *
 * An algorithm is a table of hooks, &struct ferry_cong_ops, in a module of its
 * own or in ferry.ko.  It works on &struct ferry_cong, a plain struct without
 * a socket in it, so that KUnit can run it over a simulated link.  All counts
 * are in segments of one MSS, as in Linux TCP.
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

struct module;
struct ferry_cong;

/* RFC 6928 */
#define FERRY_INIT_CWND		10U
#define FERRY_SSTHRESH_MAX	0x7fffffffU
/* Bytes that an algorithm may keep for itself in every connection. */
#define FERRY_CONG_PRIV_SIZE	104

/**
 * enum ferry_ca_state - how far a connection is from trouble
 * @FERRY_CA_OPEN: nothing suspicious
 * @FERRY_CA_DISORDER: duplicate ACKs have come, too few to act on
 * @FERRY_CA_RECOVERY: fast retransmit is under way (RFC 6582)
 * @FERRY_CA_LOSS: the retransmission timer expired (RFC 5681 section 3.1)
 */
enum ferry_ca_state {
	FERRY_CA_OPEN,
	FERRY_CA_DISORDER,
	FERRY_CA_RECOVERY,
	FERRY_CA_LOSS,
};

/**
 * struct ferry_ack_sample - what one ACK has told
 * @acked: segments newly acknowledged
 * @prior_in_flight: segments in the network before the ACK
 * @rtt_us: round-trip time measured by this ACK in microseconds, 0 if none
 */
struct ferry_ack_sample {
	u32 acked;
	u32 prior_in_flight;
	u32 rtt_us;
};

/**
 * struct ferry_cong_ops - a congestion control algorithm
 * @ssthresh: required; returns the slow start threshold in segments after a
 *	loss.  Called once for each window with a loss, before @snd_cwnd is
 *	reduced.  Socket lock held, BH context.
 * @cong_avoid: required; an ACK has acknowledged new data while the state was
 *	open or disorder, or slow start after a time-out is under way.  Grows
 *	@snd_cwnd.  Socket lock held, BH context.
 * @init: optional; the connection starts to use the algorithm.  The private
 *	area is zeroed before.  Socket lock held.
 * @release: optional; the connection stops to use the algorithm.
 * @name: how users call it, see FERRY_CONGESTION; "ferry_" and this name is
 *	the module alias that loads it
 * @owner: THIS_MODULE
 * @list: for cong.c alone
 */
struct ferry_cong_ops {
	u32 (*ssthresh)(struct ferry_cong *ca);
	void (*cong_avoid)(struct ferry_cong *ca,
			   const struct ferry_ack_sample *sample);
	void (*init)(struct ferry_cong *ca);
	void (*release)(struct ferry_cong *ca);

	char name[FERRY_CA_NAME_MAX];
	struct module *owner;
	struct list_head list;
};

/**
 * struct ferry_cong - the congestion state of a connection
 * @ops: the algorithm in use; the connection holds a reference to its module
 * @snd_cwnd: congestion window, segments
 * @snd_ssthresh: slow start threshold, segments
 * @snd_cwnd_cnt: segments acknowledged since @snd_cwnd last grew by one
 * @snd_cwnd_clamp: upper bound of @snd_cwnd
 * @packets_out: segments sent and not yet acknowledged
 * @sacked_out: segments that have left the network without being acknowledged;
 *	one for each duplicate ACK while there is no SACK
 * @lost_out: segments among @packets_out held to be lost
 * @retrans_out: segments sent again and still on their way
 * @high_seq: SND.NXT when the trouble was noticed; RFC 6582 calls it "recover"
 * @max_packets_out: the most segments out in the last window of data
 * @usage_seq: SND.NXT at the start of that window
 * @mss: bytes in a full segment
 * @srtt_us: smoothed round-trip time in microseconds, 0 if unknown
 * @state: one of &enum ferry_ca_state
 * @cwnd_limited: the window, and not the application, held data back
 * @priv: the algorithm's own state
 */
struct ferry_cong {
	const struct ferry_cong_ops *ops;
	u32 snd_cwnd;
	u32 snd_ssthresh;
	u32 snd_cwnd_cnt;
	u32 snd_cwnd_clamp;
	u32 packets_out;
	u32 sacked_out;
	u32 lost_out;
	u32 retrans_out;
	u32 high_seq;
	u32 max_packets_out;
	u32 usage_seq;
	u32 mss;
	u32 srtt_us;
	u8 state;
	bool cwnd_limited;
	u64 priv[FERRY_CONG_PRIV_SIZE / sizeof(u64)];
};

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
u32 ferry_cong_slow_start(struct ferry_cong *ca, u32 acked);
void ferry_cong_avoid_ai(struct ferry_cong *ca, u32 w, u32 acked);

int ferry_cong_register(struct ferry_cong_ops *ops);
void ferry_cong_unregister(struct ferry_cong_ops *ops);
const struct ferry_cong_ops *ferry_cong_get(const char *name, bool autoload);
void ferry_cong_put(const struct ferry_cong_ops *ops);
void ferry_cong_use(struct ferry_cong *ca, const struct ferry_cong_ops *ops);
void ferry_cong_change(struct ferry_cong *ca,
		       const struct ferry_cong_ops *ops);
void ferry_cong_inherit(struct ferry_cong *child,
			const struct ferry_cong *listener);
void ferry_cong_release(struct ferry_cong *ca);

/* cong/reno.c: the algorithm that is always there */
extern struct ferry_cong_ops ferry_reno;

#endif /* _FERRY_CONG_H */
