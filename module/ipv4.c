// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPv4: packets in and out, routes and addresses.
 */
#include <linux/icmp.h>
#include <linux/errqueue.h>
#include <linux/random.h>
#include <net/icmp.h>
#include <net/inet_common.h>
#include <net/inet_ecn.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/secure_seq.h>

#include "ferry.h"

static void v4_checksum_start(struct sk_buff *skb, __be32 saddr, __be32 daddr)
{
	struct tcphdr *th = ferry_hdr(skb);

	th->check = ~csum_tcpudp_magic(saddr, daddr, skb->len, ferry_protocol,
				       0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
}

static void v4_checksum(struct sock *sk, struct sk_buff *skb)
{
	v4_checksum_start(skb, inet_sk(sk)->inet_saddr, sk->sk_daddr);
}

static int v4_xmit(struct sock *sk, struct sk_buff *skb, struct flowi *fl)
{
	int err;

	/* The route has just been looked at; the kernel would look again. */
	rcu_read_lock();
	skb_dst_set_noref(skb, __sk_dst_get(sk));
	err = ip_queue_xmit(sk, skb, fl);
	rcu_read_unlock();
	return err;
}

static struct dst_entry *v4_route(struct sock *sk)
{
	struct dst_entry *dst = __sk_dst_check(sk, 0);
	struct inet_sock *inet = inet_sk(sk);
	struct rtable *rt;

	if (dst)
		return dst;
	rt = ip_route_output_ports(sock_net(sk), &inet->cork.fl.u.ip4, sk,
				   sk->sk_daddr, inet->inet_saddr,
				   inet->inet_dport, inet->inet_sport,
				   sk->sk_protocol, ip_sock_rt_tos(sk),
				   sk->sk_bound_dev_if);
	if (IS_ERR(rt)) {
		sk->sk_route_caps = 0;
		return NULL;
	}
	sk_setup_caps(sk, &rt->dst);
	return &rt->dst;
}

/* The IP ID counts from here: it must not tell how much has been sent. */
static void v4_seed_id(struct inet_sock *inet)
{
	atomic_set(&inet->inet_id, get_random_u16());
}

static int v4_connect(struct sock *sk, struct sockaddr *addr, int len)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)addr;
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;
	struct rtable *rt;

	if (len < (int)sizeof(*sin))
		return -EINVAL;
	if (sin->sin_family != AF_INET)
		return -EAFNOSUPPORT;

	rt = ip_route_connect(fl4, sin->sin_addr.s_addr, inet->inet_saddr,
			      sk->sk_bound_dev_if, sk->sk_protocol,
			      inet->inet_sport, sin->sin_port, sk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	if (rt->rt_flags & (RTCF_MULTICAST | RTCF_BROADCAST)) {
		ip_rt_put(rt);
		return -ENETUNREACH;
	}

	if (!inet->inet_saddr) {
		inet->inet_saddr = fl4->saddr;
		sk_rcv_saddr_set(sk, fl4->saddr);
	}
	inet->inet_dport = sin->sin_port;
	sk_daddr_set(sk, fl4->daddr);
	v4_seed_id(inet);
	sk->sk_gso_type = FERRY_GSO_V4;
	sk_setup_caps(sk, &rt->dst);
	return 0;
}

/* Policy routing and IPsec may look at the port that has been chosen. */
static int v4_port_chosen(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	struct flowi4 *fl4 = &inet->cork.fl.u.ip4;
	struct rtable *rt;

	if (fl4->fl4_sport == inet->inet_sport)
		return 0;
	rt = ip_route_newports(fl4, NULL, fl4->fl4_sport, fl4->fl4_dport,
			       inet->inet_sport, inet->inet_dport, sk);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	sk_setup_caps(sk, &rt->dst);
	return 0;
}

static u32 v4_hash(const struct sock_common *c)
{
	return ferry_hash4(read_pnet(&c->skc_net), c->skc_rcv_saddr,
			   c->skc_num, c->skc_daddr, c->skc_dport);
}

static bool v4_same_tuple(const struct sock_common *a,
			  const struct sock_common *b)
{
	return a->skc_addrpair == b->skc_addrpair &&
	       a->skc_portpair == b->skc_portpair;
}

/* In an IPv6 socket the addresses stand in both forms. */
static void v4_map_addresses(struct sock_common *c)
{
#if IS_ENABLED(CONFIG_IPV6)
	ipv6_addr_set_v4mapped(c->skc_daddr, &c->skc_v6_daddr);
	ipv6_addr_set_v4mapped(c->skc_rcv_saddr, &c->skc_v6_rcv_saddr);
#endif
}

static void v4_request_init(struct ferry_request_sock *req,
			    const struct sock *listener,
			    const struct sk_buff *skb)
{
	struct sock_common *c = &req->common;

	c->skc_daddr = ip_hdr(skb)->saddr;
	c->skc_rcv_saddr = ip_hdr(skb)->daddr;
	v4_map_addresses(c);
	if (netif_index_is_l3_master(read_pnet(&c->skc_net), skb->skb_iif))
		req->oif = skb->skb_iif;
}

static struct dst_entry *v4_request_route(const struct sock *listener,
					  const struct ferry_request_sock *req)
{
	const struct sock_common *c = &req->common;
	struct flowi4 fl4;
	struct rtable *rt;

	flowi4_init_output(&fl4, c->skc_bound_dev_if ?: req->oif, req->mark,
			   ip_sock_rt_tos(listener), ip_sock_rt_scope(listener),
			   ferry_protocol, inet_sk_flowi_flags(listener),
			   c->skc_daddr, c->skc_rcv_saddr, c->skc_dport,
			   htons(c->skc_num), sk_uid(listener));
	rt = ip_route_output_flow(read_pnet(&c->skc_net), &fl4, listener);
	return IS_ERR(rt) ? NULL : &rt->dst;
}

/*
 * Send a finished segment that no full socket owns.  A @ttl below 0 is the
 * route's.
 */
static void v4_send(struct net *net, const struct sock *sk,
		    struct sk_buff *skb, struct dst_entry *dst, __be32 saddr,
		    __be32 daddr, u8 tos, int ttl)
{
	struct iphdr *iph;

	v4_checksum_start(skb, saddr, daddr);
	skb_dst_set(skb, dst);
	ferry_checksum_for_device(skb, dst);
	iph = skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	*iph = (struct iphdr) {
		.version	= 4,
		.ihl		= 5,
		.tos		= tos,
		.frag_off	= htons(IP_DF),
		.ttl		= ttl < 0 ? ip4_dst_hoplimit(dst) : ttl,
		.protocol	= ferry_protocol,
		.saddr		= saddr,
		.daddr		= daddr,
	};
	skb->protocol = htons(ETH_P_IP);
	ip_local_out(net, (struct sock *)sk, skb);
}

static void v4_request_xmit(const struct sock *listener,
			    const struct ferry_request_sock *req,
			    struct sk_buff *skb, struct dst_entry *dst)
{
	const struct inet_sock *inet = inet_sk(listener);
	const struct sock_common *c = &req->common;

	skb->mark = req->mark;
	skb->priority = READ_ONCE(listener->sk_priority);
	v4_send(read_pnet(&c->skc_net), listener, skb, dst, c->skc_rcv_saddr,
		c->skc_daddr, READ_ONCE(inet->tos), READ_ONCE(inet->uc_ttl));
}

static void v4_child_init(struct sock *child, const struct sock *listener,
			  const struct ferry_request_sock *req,
			  const struct sk_buff *skb)
{
	struct inet_sock *inet = inet_sk(child);

	/* For getsockopt(IP_PKTOPTIONS). */
	inet->mc_index = inet_iif(skb);
	inet->mc_ttl = ip_hdr(skb)->ttl;
	inet->rcv_tos = ip_hdr(skb)->tos;
	inet->inet_daddr = req->common.skc_daddr;
	inet->inet_rcv_saddr = req->common.skc_rcv_saddr;
	inet->inet_saddr = inet->inet_rcv_saddr;
	v4_seed_id(inet);
	child->sk_gso_type = FERRY_GSO_V4;
#if IS_ENABLED(CONFIG_IPV6)
	if (child->sk_family == AF_INET6) {
		ferry_ipv6_child_init(child, listener);
		v4_map_addresses(&child->__sk_common);
		inet6_sk(child)->saddr = child->sk_v6_rcv_saddr;
		inet6_sk(child)->mcast_oif = inet->mc_index;
		inet6_sk(child)->mcast_hops = inet->mc_ttl;
		inet6_sk(child)->rcv_flowinfo = 0;
	}
#endif
}

static void v4_reply(struct net *net, const struct sock *sk,
		     const struct sk_buff *in, const struct tcphdr *th)
{
	const struct iphdr *iph = ip_hdr(in);
	const struct rtable *in_rt = skb_rtable(in);
	struct ferry_reply_flow flow;
	struct sk_buff *skb;
	struct flowi4 fl4;
	struct rtable *rt;

	/* Never answer what was not for this host alone. */
	if (!sk && (!in_rt || in_rt->rt_type != RTN_LOCAL))
		return;

	ferry_reply_flow(&flow, net, sk, in, iph->tos);
	flow.mark = IP4_REPLY_MARK(net, in->mark) ?: flow.mark;
	flowi4_init_output(&fl4, flow.oif, flow.mark,
			   flow.tos & INET_DSCP_MASK, RT_SCOPE_UNIVERSE,
			   ferry_protocol, FLOWI_FLAG_ANYSRC, iph->saddr,
			   iph->daddr, ferry_hdr(in)->source,
			   ferry_hdr(in)->dest,
			   sock_net_uid(net, flow.sk));
	rt = ip_route_output_flow(net, &fl4, NULL);
	if (IS_ERR(rt))
		return;
	skb = ferry_reply_skb(&flow, in, th);
	if (!skb) {
		ip_rt_put(rt);
		return;
	}
	v4_send(net, flow.sk, skb, &rt->dst, iph->daddr, iph->saddr, flow.tos,
		-1);
}

static int v4_rcv(struct sk_buff *skb)
{
	struct net *net = dev_net(skb->dev);

	/* RFC 9293 MUST-57: only what is for this host alone */
	if (skb->pkt_type != PACKET_HOST ||
	    skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ferry_drop_net(net, skb, FERRY_DROP_OTHER_HOST);
		return 0;
	}
	if (!ferry_header_ok(skb)) {
		ferry_drop_net(net, skb, FERRY_DROP_HEADER);
		return 0;
	}
	if (skb_checksum_init(skb, ferry_protocol, inet_compute_pseudo) ||
	    skb_checksum_complete(skb)) {
		ferry_drop_net(net, skb, FERRY_DROP_CHECKSUM);
		return 0;
	}
	return ferry_demux(skb, &ferry_ipv4_ops);
}

/* What an ICMP message means to a connection, as Linux TCP sees it. */
static int v4_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	struct ferry_icmp msg = {
		.th = (const struct tcphdr *)(skb->data + iph->ihl * 4),
		.daddr = (const u8 *)&iph->daddr,
		.info = info, .origin = SO_EE_ORIGIN_ICMP,
		.type = icmp_hdr(skb)->type, .code = icmp_hdr(skb)->code,
	};
	struct net *net = dev_net(skb->dev);
	struct sock *sk;

	switch (msg.type) {
	case ICMP_DEST_UNREACH:
		if (msg.code > NR_ICMP_UNREACH)
			return 0;
		if (msg.code == ICMP_FRAG_NEEDED)
			msg.mtu = max(info, 68U);
		msg.err = icmp_err_convert[msg.code].errno;
		msg.no_way = msg.code == ICMP_NET_UNREACH ||
			     msg.code == ICMP_HOST_UNREACH;
		msg.ends_request = msg.no_way;
		break;
	case ICMP_TIME_EXCEEDED:
		msg.err = EHOSTUNREACH;
		msg.ends_request = true;
		break;
	case ICMP_PARAMETERPROB:
		msg.err = EPROTO;
		msg.ends_request = true;
		break;
	default:
		return 0;
	}

	sk = ferry_lookup4_sent(net, iph, msg.th, inet_iif(skb),
				inet_sdif(skb));
	if (!sk)
		return -ENOENT;
	ferry_icmp_rcv(sk, skb, &msg);
	return 0;
}

const struct ferry_af_ops ferry_ipv4_ops = {
	.lookup		= ferry_lookup4,
	.xmit		= v4_xmit,
	.route		= v4_route,
	.checksum	= v4_checksum,
	.connect	= v4_connect,
	.port_chosen	= v4_port_chosen,
	.request_init	= v4_request_init,
	.request_route	= v4_request_route,
	.request_xmit	= v4_request_xmit,
	.child_init	= v4_child_init,
	.reply		= v4_reply,
	.secret		= ferry_secret4,
	.hash		= v4_hash,
	.same_tuple	= v4_same_tuple,
	.setsockopt	= ip_setsockopt,
	.getsockopt	= ip_getsockopt,
	.header_len	= sizeof(struct iphdr),
	.family		= AF_INET,
};

static const struct net_protocol protocol4 = {
	.handler		= v4_rcv,
	.err_handler		= v4_err,
	.no_policy		= 1,
	.icmp_strict_tag_validation = 1,
};

/**
 * ferry_ipv4_init() - receive IPv4 packets of our protocol
 *
 * Return: 0, or -EEXIST if somebody else has the protocol number.
 */
int __init ferry_ipv4_init(void)
{
	return inet_add_protocol(&protocol4, ferry_protocol) ? -EEXIST : 0;
}

/**
 * ferry_ipv4_exit() - stop to receive; on return no packet is on its way in
 */
void ferry_ipv4_exit(void)
{
	inet_del_protocol(&protocol4, ferry_protocol);
}
