// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dropping a segment.
 *
 * A segment that is not taken is counted under its reason in
 * /proc/net/ferry_stat, seen at the tracepoint ferry:ferry_drop, and freed
 * with the kernel's reason that comes closest, for skb:kfree_skb and
 * dropwatch.  What has done its work is no drop: consume_skb() frees it.
 */
#include "ferry.h"
#include "trace.h"

#define FERRY_DROP(id, name, skb_reason)	(name)
const char * const ferry_drop_names[FERRY_DROP_MAX] = {
#include "drop_list.h"
};

#undef FERRY_DROP
#define FERRY_DROP(id, name, skb_reason)	SKB_DROP_REASON_##skb_reason
static const u16 skb_reasons[FERRY_DROP_MAX] = {
#include "drop_list.h"
};

/**
 * ferry_drop_net() - drop a segment of no full socket
 * @net: where it is counted
 * @skb: the segment; freed
 * @why: the reason
 *
 * Context: any.
 */
void ferry_drop_net(const struct net *net, struct sk_buff *skb,
		    enum ferry_drop_reason why)
{
	this_cpu_inc(ferry_net(net)->mib->drops[why]);
	trace_ferry_drop(skb, ferry_drop_names[why]);
	kfree_skb_reason(skb, skb_reasons[why]);
}

/**
 * ferry_drop() - drop a segment of a full socket
 * @sk: the socket or the listener, whose SO_MEMINFO counts drops, too
 * @skb: the segment; freed
 * @why: the reason
 *
 * Context: any.
 */
void ferry_drop(struct sock *sk, struct sk_buff *skb,
		enum ferry_drop_reason why)
{
	sk_drops_skbadd(sk, skb);
	ferry_drop_net(sock_net(sk), skb, why);
}

/* FERRY_DROP_MAX if the segment has done its work. */
static enum ferry_drop_reason reason_of(int state, enum ferry_event event)
{
	bool listens = state == TCP_LISTEN, waits = state == TCP_TIME_WAIT;

	switch (event) {
	case FERRY_SEG_OUTSIDE:
		return waits ? FERRY_DROP_TIME_WAIT : FERRY_DROP_SEQUENCE;
	case FERRY_SEG_OUTSIDE_RST:
		if (listens)
			return FERRY_DROP_LISTEN_RESET;
		if (waits)
			return FERRY_DROP_TIME_WAIT_RESET;
		return state == TCP_SYN_SENT ? FERRY_DROP_RESET :
					       FERRY_DROP_SEQUENCE;
	case FERRY_SEG_RST_BLIND:
		return FERRY_DROP_RESET;
	case FERRY_SEG_SYN:
		return state == TCP_SYN_SENT ? FERRY_DROP_MAX : FERRY_DROP_SYN;
	case FERRY_SEG_FLAGS:
		return listens ? FERRY_DROP_LISTEN_FLAGS : FERRY_DROP_FLAGS;
	case FERRY_SEG_ACK_OLD:
		return FERRY_DROP_OLD_ACK;
	case FERRY_SEG_ACK_BAD:
		if (listens)
			return FERRY_DROP_LISTEN_ACK;
		return (1 << state) & (TCPF_SYN_SENT | TCPF_SYN_RECV |
				       TCPF_NEW_SYN_RECV) ?
		       FERRY_DROP_BAD_ACK : FERRY_DROP_ACK_UNSENT;
	case FERRY_SEG_DATA_LATE:
		return FERRY_DROP_AFTER_CLOSE;
	case FERRY_SEG_FIN:
		return waits ? FERRY_DROP_TIME_WAIT : FERRY_DROP_MAX;
	default:
		return FERRY_DROP_MAX;
	}
}

/**
 * ferry_drop_event() - free a segment that the state machine has dealt with
 * @net: where it is counted
 * @sk: the socket or the listener, or NULL
 * @skb: the segment; freed
 * @state: the state that it met
 * @event: what it was
 *
 * Context: any.
 */
void ferry_drop_event(const struct net *net, struct sock *sk,
		      struct sk_buff *skb, int state, enum ferry_event event)
{
	enum ferry_drop_reason why = reason_of(state, event);

	if (why == FERRY_DROP_MAX)
		consume_skb(skb);
	else if (sk)
		ferry_drop(sk, skb, why);
	else
		ferry_drop_net(net, skb, why);
}
