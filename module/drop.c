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
