// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPv6: packets in and out, routes and addresses; and sockets of AF_INET6
 * whose peer is an IPv4 host (RFC 3493 section 3.7), which go over to IPv4's
 * table of operations.
 */
#include <linux/icmpv6.h>
#include <linux/errqueue.h>
#include <net/addrconf.h>
#include <net/dsfield.h>
#include <net/inet6_hashtables.h>
#include <net/inet_ecn.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/transp_v6.h>

#include "ferry.h"

static void v6_checksum_start(struct sk_buff *skb, const struct in6_addr *saddr,
			      const struct in6_addr *daddr)
{
	struct tcphdr *th = ferry_hdr(skb);

	th->check = ~csum_ipv6_magic(saddr, daddr, skb->len, ferry_protocol,
				     0);
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
}

static void v6_checksum(struct sock *sk, struct sk_buff *skb)
{
	v6_checksum_start(skb, &inet6_sk(sk)->saddr, &sk->sk_v6_daddr);
}

static void v6_flow(struct sock *sk, struct flowi6 *fl6)
{
	const struct ipv6_pinfo *np = inet6_sk(sk);
	const struct inet_sock *inet = inet_sk(sk);

	memset(fl6, 0, sizeof(*fl6));
	fl6->flowi6_proto = sk->sk_protocol;
	fl6->daddr = sk->sk_v6_daddr;
	fl6->saddr = np->saddr;
	fl6->flowlabel = np->flow_label;
	fl6->flowi6_oif = sk->sk_bound_dev_if;
	fl6->flowi6_mark = READ_ONCE(sk->sk_mark);
	fl6->fl6_sport = inet->inet_sport;
	fl6->fl6_dport = inet->inet_dport;
	fl6->flowi6_uid = sk_uid(sk);
	security_sk_classify_flow(sk, flowi6_to_flowi_common(fl6));
}

static struct dst_entry *v6_route_flow(struct sock *sk, struct flowi6 *fl6)
{
	struct in6_addr *final_p, final;
	struct dst_entry *dst;

	rcu_read_lock();
	final_p = fl6_update_dst(fl6, rcu_dereference(inet6_sk(sk)->opt),
				 &final);
	rcu_read_unlock();
	dst = ip6_dst_lookup_flow(sock_net(sk), sk, fl6, final_p);
	if (!IS_ERR(dst))
		ip6_dst_store(sk, dst, NULL, NULL);
	else
		sk->sk_route_caps = 0;
	return dst;
}

static struct dst_entry *v6_route(struct sock *sk)
{
	struct dst_entry *dst = __sk_dst_check(sk, inet6_sk(sk)->dst_cookie);
	struct flowi6 fl6;

	if (!dst) {
		v6_flow(sk, &fl6);
		dst = v6_route_flow(sk, &fl6);
	}
	return IS_ERR(dst) ? NULL : dst;
}

static int v6_xmit(struct sock *sk, struct sk_buff *skb, struct flowi *unused)
{
	struct ipv6_pinfo *np = inet6_sk(sk);
	struct dst_entry *dst;
	struct flowi6 fl6;
	int err;

	dst = v6_route(sk);
	if (!dst) {
		WRITE_ONCE(sk->sk_err_soft, EHOSTUNREACH);
		ferry_drop(sk, skb, FERRY_DROP_NO_ROUTE);
		return -EHOSTUNREACH;
	}
	v6_flow(sk, &fl6);
	rcu_read_lock();
	skb_dst_set_noref(skb, dst);
	err = ip6_xmit(sk, skb, &fl6, READ_ONCE(sk->sk_mark),
		       rcu_dereference(np->opt), np->tclass,
		       READ_ONCE(sk->sk_priority));
	rcu_read_unlock();
	return err;
}

/* RFC 4291 section 2.5.5.2: an IPv4 host in IPv6's clothes */
static int v6_connect_mapped(struct sock *sk, const struct sockaddr_in6 *sin6)
{
	struct sockaddr_in sin = {
		.sin_family		= AF_INET,
		.sin_port		= sin6->sin6_port,
		.sin_addr.s_addr	= sin6->sin6_addr.s6_addr32[3],
	};
	int err;

	if (ipv6_only_sock(sk))
		return -ENETUNREACH;
	err = ferry_ipv4_ops.connect(sk, (struct sockaddr *)&sin, sizeof(sin));
	if (err)
		return err;
	ferry_csk(sk)->is_ipv4 = 1;
	ipv6_addr_set_v4mapped(inet_sk(sk)->inet_saddr, &inet6_sk(sk)->saddr);
	return 0;
}

/*
 * An address of link scope needs to know which link.  Of the @len bytes that
 * the program gave, the scope may not be one: RFC 2133 had none.
 */
static int v6_bind_link(struct sock *sk, const struct sockaddr_in6 *sin6,
			int len, int type)
{
	if (!(type & IPV6_ADDR_LINKLOCAL))
		return 0;
	if (len >= (int)sizeof(*sin6) && sin6->sin6_scope_id) {
		if (!sk_dev_equal_l3scope(sk, sin6->sin6_scope_id))
			return -EINVAL;
		sk->sk_bound_dev_if = sin6->sin6_scope_id;
	}
	return sk->sk_bound_dev_if ? 0 : -EINVAL;
}

/*
 * The flow label and traffic class that IPV6_FLOWINFO_SEND takes from the
 * address of connect().  A label that somebody has for himself alone is not
 * for this socket (RFC 6437 section 3 leaves that to the host).
 */
static int v6_flow_info(struct sock *sk, const struct sockaddr_in6 *sin6,
			__be32 *info)
{
	struct ip6_flowlabel *label;

	*info = 0;
	if (!inet6_test_bit(SNDFLOW, sk))
		return 0;
	*info = sin6->sin6_flowinfo & IPV6_FLOWINFO_MASK;
	IP6_ECN_flow_init(*info);
	if (!(*info & IPV6_FLOWLABEL_MASK))
		return 0;
	label = fl6_sock_lookup(sk, *info);
	if (IS_ERR(label))
		return -EINVAL;
	fl6_sock_release(label);
	return 0;
}

static int v6_connect(struct sock *sk, struct sockaddr *addr, int len)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)addr;
	struct ipv6_pinfo *np = inet6_sk(sk);
	struct in6_addr daddr;
	struct dst_entry *dst;
	struct flowi6 fl6;
	__be32 flow_info;
	int type, err;

	if (len < SIN6_LEN_RFC2133)
		return -EINVAL;
	if (sin6->sin6_family != AF_INET6)
		return -EAFNOSUPPORT;
	err = v6_flow_info(sk, sin6, &flow_info);
	if (err)
		return err;

	daddr = sin6->sin6_addr;
	if (ipv6_addr_any(&daddr)) {
		if (ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr))
			ipv6_addr_set_v4mapped(htonl(INADDR_LOOPBACK), &daddr);
		else
			daddr = in6addr_loopback;
	}
	type = ipv6_addr_type(&daddr);
	if (type & IPV6_ADDR_MULTICAST)
		return -ENETUNREACH;
	if (type == IPV6_ADDR_MAPPED) {
		struct sockaddr_in6 mapped = *sin6;

		mapped.sin6_addr = daddr;
		return v6_connect_mapped(sk, &mapped);
	}
	err = v6_bind_link(sk, sin6, len, type);
	if (err)
		return err;

	sk->sk_v6_daddr = daddr;
	inet_sk(sk)->inet_dport = sin6->sin6_port;
	np->flow_label = flow_info;
	if (!ipv6_addr_any(&sk->sk_v6_rcv_saddr))
		np->saddr = sk->sk_v6_rcv_saddr;

	sk->sk_gso_type = FERRY_GSO_V6;
	v6_flow(sk, &fl6);
	dst = v6_route_flow(sk, &fl6);
	if (IS_ERR(dst)) {
		inet_sk(sk)->inet_dport = 0;
		return PTR_ERR(dst);
	}
	if (ipv6_addr_any(&sk->sk_v6_rcv_saddr)) {
		sk->sk_v6_rcv_saddr = fl6.saddr;
		np->saddr = fl6.saddr;
	}
	/* So that no IPv4 packet ever matches. */
	inet_sk(sk)->inet_rcv_saddr = LOOPBACK4_IPV6;
	inet_sk(sk)->inet_saddr = LOOPBACK4_IPV6;
	sk->sk_daddr = LOOPBACK4_IPV6;
	return 0;
}

static u32 v6_hash(const struct sock_common *c)
{
	return ferry_hash6(read_pnet(&c->skc_net), &c->skc_v6_rcv_saddr,
			   c->skc_num, &c->skc_v6_daddr, c->skc_dport);
}

static bool v6_same_tuple(const struct sock_common *a,
			  const struct sock_common *b)
{
	return a->skc_portpair == b->skc_portpair &&
	       a->skc_family == b->skc_family &&
	       ipv6_addr_equal(&a->skc_v6_daddr, &b->skc_v6_daddr) &&
	       ipv6_addr_equal(&a->skc_v6_rcv_saddr, &b->skc_v6_rcv_saddr);
}

static void v6_request_init(struct ferry_request_sock *req,
			    const struct sock *listener,
			    const struct sk_buff *skb)
{
	struct sock_common *c = &req->common;

	c->skc_daddr = LOOPBACK4_IPV6;
	c->skc_rcv_saddr = LOOPBACK4_IPV6;
	c->skc_v6_daddr = ipv6_hdr(skb)->saddr;
	c->skc_v6_rcv_saddr = ipv6_hdr(skb)->daddr;
	if (inet6_test_bit(REPFLOW, listener))
		req->flow_label = ip6_flowlabel(ipv6_hdr(skb));
	if (ipv6_addr_type(&c->skc_v6_daddr) & IPV6_ADDR_LINKLOCAL) {
		req->oif = inet6_iif(skb);
		c->skc_bound_dev_if = req->oif;
	}
}

static void v6_request_flow(const struct sock *listener,
			    const struct ferry_request_sock *req,
			    struct flowi6 *fl6)
{
	const struct sock_common *c = &req->common;

	memset(fl6, 0, sizeof(*fl6));
	fl6->flowi6_proto = ferry_protocol;
	fl6->daddr = c->skc_v6_daddr;
	fl6->saddr = c->skc_v6_rcv_saddr;
	fl6->flowlabel = req->flow_label;
	fl6->flowi6_oif = c->skc_bound_dev_if ?: req->oif;
	fl6->flowi6_mark = req->mark;
	fl6->fl6_dport = c->skc_dport;
	fl6->fl6_sport = htons(c->skc_num);
	fl6->flowi6_uid = sk_uid(listener);
}

static struct dst_entry *v6_request_route(const struct sock *listener,
					  const struct ferry_request_sock *req)
{
	struct net *net = read_pnet(&req->common.skc_net);
	struct in6_addr *final_p, final;
	struct dst_entry *dst;
	struct flowi6 fl6;

	v6_request_flow(listener, req, &fl6);
	rcu_read_lock();
	final_p = fl6_update_dst(&fl6, rcu_dereference(inet6_sk(listener)->opt),
				 &final);
	rcu_read_unlock();
	dst = ip6_dst_lookup_flow(net, listener, &fl6, final_p);
	return IS_ERR(dst) ? NULL : dst;
}

/* With the listener's IPv6 options, which chose the route, too. */
static void v6_request_xmit(const struct sock *listener,
			    const struct ferry_request_sock *req,
			    struct sk_buff *skb, struct dst_entry *dst)
{
	const struct ipv6_pinfo *np = inet6_sk(listener);
	struct flowi6 fl6;

	v6_request_flow(listener, req, &fl6);
	v6_checksum_start(skb, &fl6.saddr, &fl6.daddr);
	skb_dst_set(skb, dst);
	ferry_checksum_for_device(skb, dst);
	rcu_read_lock();
	ip6_xmit(listener, skb, &fl6, req->mark, rcu_dereference(np->opt),
		 np->tclass, READ_ONCE(listener->sk_priority));
	rcu_read_unlock();
}

/* Send a finished segment that no full socket owns. */
static void v6_send(struct net *net, const struct sock *sk,
		    struct sk_buff *skb, struct dst_entry *dst,
		    const struct in6_addr *saddr, const struct in6_addr *daddr,
		    u8 tclass, __be32 flow_label)
{
	struct ipv6hdr *iph;
	u16 len = skb->len;

	v6_checksum_start(skb, saddr, daddr);
	skb_dst_set(skb, dst);
	ferry_checksum_for_device(skb, dst);
	iph = skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	ip6_flow_hdr(iph, tclass, flow_label);
	iph->payload_len = htons(len);
	iph->nexthdr = ferry_protocol;
	iph->hop_limit = ip6_dst_hoplimit(dst);
	iph->saddr = *saddr;
	iph->daddr = *daddr;
	skb->protocol = htons(ETH_P_IPV6);
	skb->dev = dst->dev;
	ip6_local_out(net, (struct sock *)sk, skb);
}

/**
 * ferry_ipv6_child_init() - the IPv6 part of a child, of either family
 * @child: the child, a raw copy of @listener
 * @listener: the listener
 *
 * What the copy points at belongs to the listener.
 *
 * Context: BH, child's lock held.
 */
void ferry_ipv6_child_init(struct sock *child, const struct sock *listener)
{
	struct ferry6_sock *child6 =
		container_of(child, struct ferry6_sock, ferry.conn.inet.sk);
	struct ipv6_pinfo *np = &child6->inet6;

	inet_sk(child)->pinet6 = np;
	*np = *inet6_sk(listener);
	np->ipv6_mc_list = NULL;
	np->ipv6_ac_list = NULL;
	np->pktoptions = NULL;
	np->rxpmtu = NULL;
	RCU_INIT_POINTER(np->opt, NULL);
	ferry_reset_flow_labels(child);
}

static void v6_child_init(struct sock *child, const struct sock *listener,
			  const struct ferry_request_sock *req,
			  const struct sk_buff *skb)
{
	struct ipv6_txoptions *opt;

	ferry_ipv6_child_init(child, listener);
	inet_sk(child)->inet_daddr = LOOPBACK4_IPV6;
	inet_sk(child)->inet_saddr = LOOPBACK4_IPV6;
	inet_sk(child)->inet_rcv_saddr = LOOPBACK4_IPV6;
	child->sk_v6_daddr = req->common.skc_v6_daddr;
	child->sk_v6_rcv_saddr = req->common.skc_v6_rcv_saddr;
	inet6_sk(child)->saddr = child->sk_v6_rcv_saddr;
	inet6_sk(child)->mcast_oif = inet6_iif(skb);
	inet6_sk(child)->mcast_hops = ipv6_hdr(skb)->hop_limit;
	inet6_sk(child)->rcv_flowinfo = ip6_flowinfo(ipv6_hdr(skb));
	if (inet6_test_bit(REPFLOW, listener))
		inet6_sk(child)->flow_label = ip6_flowlabel(ipv6_hdr(skb));
	child->sk_gso_type = FERRY_GSO_V6;

	rcu_read_lock();
	opt = rcu_dereference(inet6_sk(listener)->opt);
	if (opt)
		RCU_INIT_POINTER(inet6_sk(child)->opt,
				 ipv6_dup_options(child, opt));
	rcu_read_unlock();
}

/* Does a RST go back with the flow label of what it answers? */
static bool v6_reflects_label(const struct net *net, const struct sock *sk)
{
	if (!sk)
		return net->ipv6.sysctl.flowlabel_reflect &
		       FLOWLABEL_REFLECT_TCP_RESET;
	return sk_fullsock(sk) && sk->sk_family == AF_INET6 &&
	       inet6_test_bit(REPFLOW, sk);
}

static void v6_reply(struct net *net, const struct sock *sk,
		     const struct sk_buff *in, const struct tcphdr *th)
{
	const struct ipv6hdr *iph = ipv6_hdr(in);
	struct ferry_reply_flow flow;
	struct dst_entry *dst;
	struct sk_buff *skb;
	struct flowi6 fl6;

	/* Never answer what was not for this host alone. */
	if (!sk && !ipv6_unicast_destination(in))
		return;
	if (ipv6_addr_type(&iph->saddr) & (IPV6_ADDR_MULTICAST |
					   IPV6_ADDR_MAPPED) ||
	    ipv6_addr_any(&iph->saddr))
		return;

	ferry_reply_flow(&flow, net, sk, in, ipv6_get_dsfield(iph));
	flow.mark = IP6_REPLY_MARK(net, in->mark) ?: flow.mark;
	if (th->rst && v6_reflects_label(net, sk))
		flow.flow_label = ip6_flowlabel(iph);
	memset(&fl6, 0, sizeof(fl6));
	fl6.flowi6_proto = ferry_protocol;
	fl6.daddr = iph->saddr;
	fl6.saddr = iph->daddr;
	fl6.flowlabel = flow.flow_label;
	fl6.flowi6_oif = flow.oif;
	if (!fl6.flowi6_oif &&
	    ipv6_addr_type(&iph->saddr) & IPV6_ADDR_LINKLOCAL)
		fl6.flowi6_oif = inet6_iif(in);
	fl6.flowi6_mark = flow.mark;
	fl6.fl6_dport = ferry_hdr(in)->source;
	fl6.fl6_sport = ferry_hdr(in)->dest;
	fl6.flowi6_uid = sock_net_uid(net, flow.sk);
	dst = ip6_dst_lookup_flow(net, flow.sk, &fl6, NULL);
	if (IS_ERR(dst))
		return;
	skb = ferry_reply_skb(&flow, in, th);
	if (!skb) {
		dst_release(dst);
		return;
	}
	v6_send(net, flow.sk, skb, dst, &iph->daddr, &iph->saddr, flow.tos,
		flow.flow_label);
}

static int v6_rcv(struct sk_buff *skb)
{
	struct net *net = dev_net(skb->dev);

	/* RFC 9293 MUST-57: only what is for this host alone */
	if (skb->pkt_type != PACKET_HOST || !ipv6_unicast_destination(skb)) {
		ferry_drop_net(net, skb, FERRY_DROP_OTHER_HOST);
		return 0;
	}
	if (!ferry_header_ok(skb)) {
		ferry_drop_net(net, skb, FERRY_DROP_HEADER);
		return 0;
	}
	if (skb_checksum_init(skb, ferry_protocol, ip6_compute_pseudo) ||
	    skb_checksum_complete(skb)) {
		ferry_drop_net(net, skb, FERRY_DROP_CHECKSUM);
		return 0;
	}
	/* A mapped address is no address on the wire. */
	if (ipv6_addr_v4mapped(&ipv6_hdr(skb)->saddr)) {
		ferry_drop_net(net, skb, FERRY_DROP_MAPPED);
		return 0;
	}
	return ferry_demux(skb, &ferry_ipv6_ops);
}

static int v6_err(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type,
		  u8 code, int offset, __be32 info)
{
	const struct ipv6hdr *iph = (const struct ipv6hdr *)skb->data;
	struct ferry_icmp msg = {
		.th = (const struct tcphdr *)(skb->data + offset),
		.daddr = (const u8 *)&iph->daddr,
		.info = ntohl(info), .origin = SO_EE_ORIGIN_ICMP6,
		.type = type, .code = code,
		.no_way = type == ICMPV6_DEST_UNREACH &&
			  code == ICMPV6_NOROUTE,
	};
	struct net *net = dev_net(skb->dev);
	struct sock *sk;

	if (type == NDISC_REDIRECT)
		return 0;
	msg.ends_request = icmpv6_err_convert(type, code, &msg.err);
	if (type == ICMPV6_PKT_TOOBIG) {
		msg.mtu = msg.info;
		if (msg.mtu < IPV6_MIN_MTU)
			return 0;
	}

	sk = ferry_lookup6_sent(net, iph, msg.th, inet6_iif(skb),
				inet6_sdif(skb));
	if (!sk)
		return -ENOENT;
	ferry_icmp_rcv(sk, skb, &msg);
	return 0;
}

const struct ferry_af_ops ferry_ipv6_ops = {
	.lookup		= ferry_lookup6,
	.xmit		= v6_xmit,
	.route		= v6_route,
	.checksum	= v6_checksum,
	.connect	= v6_connect,
	.request_init	= v6_request_init,
	.request_route	= v6_request_route,
	.request_xmit	= v6_request_xmit,
	.child_init	= v6_child_init,
	.reply		= v6_reply,
	.secret		= ferry_secret6,
	.hash		= v6_hash,
	.same_tuple	= v6_same_tuple,
	.setsockopt	= ipv6_setsockopt,
	.getsockopt	= ipv6_getsockopt,
	.header_len	= sizeof(struct ipv6hdr),
	.family		= AF_INET6,
};

static const struct inet6_protocol protocol6 = {
	.handler	= v6_rcv,
	.err_handler	= v6_err,
	.flags		= INET6_PROTO_NOPOLICY | INET6_PROTO_FINAL,
};

/**
 * ferry_ipv6_init() - receive IPv6 packets of our protocol
 *
 * Return: 0, or -EEXIST if somebody else has the protocol number.
 */
int __init ferry_ipv6_init(void)
{
	return inet6_add_protocol(&protocol6, ferry_protocol) ? -EEXIST : 0;
}

/**
 * ferry_ipv6_exit() - stop to receive; on return no packet is on its way in
 */
void ferry_ipv6_exit(void)
{
	inet6_del_protocol(&protocol6, ferry_protocol);
}
