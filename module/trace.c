// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tracepoints of trace/events/ferry, made from trace.h, and what they need
 * when they are on.
 */
#include "ferry.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static void address4(struct sockaddr_in6 *to, __be32 addr, __be16 port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)to;

	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = addr;
	sin->sin_port = port;
}

static void address6(struct sockaddr_in6 *to, const struct in6_addr *addr,
		     __be16 port)
{
	to->sin6_family = AF_INET6;
	to->sin6_addr = *addr;
	to->sin6_port = port;
}

/**
 * ferry_trace_sock() - both ends of a full or mini socket
 * @c: the socket
 * @local: its own address, room for a struct sockaddr_in6
 * @remote: the peer's, likewise
 */
void ferry_trace_sock(const struct sock_common *c, void *local, void *remote)
{
	memset(local, 0, sizeof(struct sockaddr_in6));
	memset(remote, 0, sizeof(struct sockaddr_in6));
#if IS_ENABLED(CONFIG_IPV6)
	if (c->skc_family == AF_INET6) {
		address6(local, &c->skc_v6_rcv_saddr, htons(c->skc_num));
		address6(remote, &c->skc_v6_daddr, c->skc_dport);
		return;
	}
#endif
	address4(local, c->skc_rcv_saddr, htons(c->skc_num));
	address4(remote, c->skc_daddr, c->skc_dport);
}

/**
 * ferry_trace_segment() - what the headers of a segment say
 * @skb: the segment; its headers may be missing or short
 * @to: where to
 *
 * What is not there stays zero.
 */
void ferry_trace_segment(const struct sk_buff *skb, struct ferry_trace_hdr *to)
{
	const struct tcphdr *th = NULL;

	memset(to, 0, sizeof(*to));
	address4(&to->src, 0, 0);
	address4(&to->dst, 0, 0);
	if (!skb_transport_header_was_set(skb))
		return;
	if (skb_transport_header(skb) + sizeof(*th) <= skb_tail_pointer(skb))
		th = ferry_hdr(skb);
	if (th) {
		to->seq = ntohl(th->seq);
		to->ack = ntohl(th->ack_seq);
		to->flags = ferry_hdr_flags(th);
	}
	if (skb->protocol == htons(ETH_P_IP)) {
		address4(&to->src, ip_hdr(skb)->saddr, th ? th->source : 0);
		address4(&to->dst, ip_hdr(skb)->daddr, th ? th->dest : 0);
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		address6(&to->src, &ipv6_hdr(skb)->saddr, th ? th->source : 0);
		address6(&to->dst, &ipv6_hdr(skb)->daddr, th ? th->dest : 0);
	}
}
