// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding the socket for a segment.
 *
 * A connection is found by addresses and ports; a listener by its port, and
 * of several the one that asks for most.  Both are the same for IPv4 and IPv6
 * but for the comparison of addresses.
 *
 * Nothing but RCU is held; hash.c says how the chains bear that.  Of @ehash a
 * reader takes a reference and then looks a second time: what it found may
 * have been freed and come back as another one.
 */
#include <linux/rculist.h>
#include <linux/rculist_nulls.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/sock_reuseport.h>

#include "ferry.h"

/**
 * struct lookup_key - what a segment's connection is looked up by
 * @laddr6: our address, if it is of IPv6
 * @raddr6: the peer's
 * @laddr: our address, if it is of IPv4
 * @raddr: the peer's
 * @num: our port
 * @dport: the peer's port
 * @dif: device on which the segment came
 * @sdif: the same for an l3 domain
 */
struct lookup_key {
	union {
		struct {
			const struct in6_addr *laddr6;
			const struct in6_addr *raddr6;
		};
		struct {
			__be32 laddr;
			__be32 raddr;
		};
	};
	u16 num;
	__be16 dport;
	int dif;
	int sdif;
};

/**
 * struct segment_key - and what its listener is looked up by, besides
 * @tuple: addresses, ports and devices
 * @hash: hash of addresses and ports, for a group of listeners
 * @skb: the segment, for the filter of a group
 * @header_len: bytes of its header, which the filter does not see
 */
struct segment_key {
	struct lookup_key tuple;
	u32 hash;
	const struct sk_buff *skb;
	unsigned int header_len;
};

/*
 * @match is known where this is called, so that no indirect call is left.
 */
static __always_inline struct sock *
find_connection(const struct ferry_net *fn, u32 hash,
		const struct lookup_key *key,
		bool (*match)(const struct sock *sk,
			      const struct lookup_key *key))
{
	const struct ferry_ehash_table *t;
	const struct hlist_nulls_node *node;
	struct sock *sk;
	u32 slot;

again:
	t = rcu_dereference(fn->ehash);
	do {
		slot = hash & t->mask;
		sk_nulls_for_each_rcu(sk, node, &t->chains[slot]) {
			if (sk->sk_hash != hash || !match(sk, key))
				continue;
			/* It has left the chain; another may have its place. */
			if (!refcount_inc_not_zero(&sk->sk_refcnt))
				goto again;
			if (sk->sk_hash == hash && match(sk, key))
				return sk;
			ferry_put(sk);
			goto again;
		}
		if (get_nulls_value(node) != ferry_ehash_end(t, slot))
			goto again;
		/* What has left this chain while we looked is in the next. */
		smp_rmb();
		t = rcu_dereference(t->next);
	} while (unlikely(t));
	return NULL;
}

/* One of those that share address and port with @sk, or NULL. */
static struct sock *select_of_group(struct sock *sk,
				    const struct segment_key *key)
{
	struct sock *other;

	if (!sk->sk_reuseport)
		return NULL;
	other = reuseport_select_sock(sk, key->hash, (struct sk_buff *)key->skb,
				      key->header_len);
	return IS_ERR(other) ? NULL : other;
}

/*
 * The same for listeners, with @any those that are bound to no address, else
 * only those bound to ours.  @score is negative for one that does not fit.  Of
 * equals the first in the chain is taken, which is the newest; but a group is
 * taken as soon as one of its members is better than what came before, as TCP
 * does.
 */
static __always_inline struct sock *
find_listener(const struct ferry_net *fn, const struct segment_key *key,
	      bool any, int (*score)(const struct sock *sk,
				     const struct lookup_key *key, bool any))
{
	const struct hlist_nulls_node *node;
	struct sock *sk, *best, *other;
	u16 num = key->tuple.num;
	int s, best_score;

again:
	best = NULL;
	best_score = -1;
	sk_nulls_for_each_rcu(sk, node, ferry_lhash_chain(fn, num)) {
		if (sk->sk_num != num || sk->sk_state != TCP_LISTEN)
			continue;
		s = score(sk, &key->tuple, any);
		if (s <= best_score)
			continue;
		other = select_of_group(sk, key);
		if (other)
			return other;
		best = sk;
		best_score = s;
	}
	if (get_nulls_value(node) != ferry_lhash_end(num))
		goto again;
	return best;
}

static __always_inline bool same_device(const struct sock *sk, const struct lookup_key *key)
{
	/* Most take what comes on any device. */
	return likely(!(sk->sk_bound_dev_if | key->sdif)) ||
	       ferry_bound_dev_eq(sock_net(sk), sk->sk_bound_dev_if, key->dif,
				  key->sdif);
}

/* The more a listener asks for, the better it fits: a point for each. */
static int score_device(const struct sock *sk, const struct lookup_key *key)
{
	if (!same_device(sk, key))
		return -1;
	return !!sk->sk_bound_dev_if +
	       (READ_ONCE(sk->sk_incoming_cpu) == raw_smp_processor_id());
}

static int score4(const struct sock *sk, const struct lookup_key *key,
		  bool any)
{
	int score;

	if (ipv6_only_sock(sk) ||
	    sk->sk_rcv_saddr != (any ? htonl(INADDR_ANY) : key->laddr))
		return -1;
	score = score_device(sk, key);
	if (score < 0)
		return -1;
	return score + (sk->sk_family == AF_INET);
}

static __always_inline bool match4(const struct sock *sk,
				   const struct lookup_key *key)
{
	return sk->sk_daddr == key->raddr && sk->sk_rcv_saddr == key->laddr &&
	       sk->sk_dport == key->dport && sk->sk_num == key->num &&
	       same_device(sk, key);
}

static u32 hash4(const struct net *net, const struct lookup_key *key)
{
	return ferry_hash4(net, key->laddr, key->num, key->raddr, key->dport);
}

/* A listener at our address goes before one at any. */
static struct sock *find_listener4(const struct ferry_net *fn,
				   const struct segment_key *key)
{
	return find_listener(fn, key, false, score4) ?:
	       find_listener(fn, key, true, score4);
}

/**
 * ferry_lookup4() - the socket for an IPv4 segment
 * @net: namespace in which it came
 * @skb: the segment; the network header is set
 * @th: its header
 * @listen: look for a listener, and only for one
 *
 * Context: RCU read side.
 *
 * Return: a full or mini socket, with a reference unless it is a listener; or
 * NULL.
 */
struct sock *ferry_lookup4(struct net *net, const struct sk_buff *skb,
			   const struct tcphdr *th, bool listen)
{
	const struct ferry_net *fn = ferry_net_rcu(net);
	const struct lookup_key tuple = {
		.laddr	= ip_hdr(skb)->daddr,
		.raddr	= ip_hdr(skb)->saddr,
		.num	= ntohs(th->dest),
		.dport	= th->source,
		.dif	= inet_iif(skb),
		.sdif	= inet_sdif(skb),
	};
	u32 hash = hash4(net, &tuple);

	if (!listen)
		return find_connection(fn, hash, &tuple, match4);
	return find_listener4(fn, &(struct segment_key){
		.tuple = tuple, .hash = hash, .skb = skb,
		.header_len = ferry_hdr_len(th),
	});
}

/**
 * ferry_lookup4_sent() - the connection that has sent a segment
 * @net: namespace
 * @iph: network header of what was sent
 * @th: its header; only the ports are read
 * @dif: device on which news of it came
 * @sdif: the same for an l3 domain
 *
 * Context: RCU read side.
 *
 * Return: a full or mini socket with a reference, or NULL.
 */
struct sock *ferry_lookup4_sent(struct net *net, const struct iphdr *iph,
				const struct tcphdr *th, int dif, int sdif)
{
	const struct lookup_key tuple = {
		.laddr	= iph->saddr,
		.raddr	= iph->daddr,
		.num	= ntohs(th->source),
		.dport	= th->dest,
		.dif	= dif,
		.sdif	= sdif,
	};

	return find_connection(ferry_net_rcu(net), hash4(net, &tuple), &tuple,
			       match4);
}
EXPORT_SYMBOL_GPL(ferry_lookup4_sent);

#if IS_ENABLED(CONFIG_IPV6)
static int score6(const struct sock *sk, const struct lookup_key *key,
		  bool any)
{
	if (sk->sk_family != AF_INET6 ||
	    !ipv6_addr_equal(&sk->sk_v6_rcv_saddr,
			     any ? &in6addr_any : key->laddr6))
		return -1;
	return score_device(sk, key);
}

static __always_inline bool match6(const struct sock *sk,
				   const struct lookup_key *key)
{
	return sk->sk_family == AF_INET6 &&
	       sk->sk_dport == key->dport && sk->sk_num == key->num &&
	       ipv6_addr_equal(&sk->sk_v6_daddr, key->raddr6) &&
	       ipv6_addr_equal(&sk->sk_v6_rcv_saddr, key->laddr6) &&
	       same_device(sk, key);
}

static u32 hash6(const struct net *net, const struct lookup_key *key)
{
	return ferry_hash6(net, key->laddr6, key->num, key->raddr6,
			   key->dport);
}

static struct sock *find_listener6(const struct ferry_net *fn,
				   const struct segment_key *key)
{
	return find_listener(fn, key, false, score6) ?:
	       find_listener(fn, key, true, score6);
}

/**
 * ferry_lookup6() - the socket for an IPv6 segment
 * @net: namespace in which it came
 * @skb: the segment; the network header is set, IP6CB is intact
 * @th: its header
 * @listen: look for a listener, and only for one
 *
 * Context: RCU read side.
 *
 * Return: a full or mini socket, with a reference unless it is a listener; or
 * NULL.
 */
struct sock *ferry_lookup6(struct net *net, const struct sk_buff *skb,
			   const struct tcphdr *th, bool listen)
{
	const struct ferry_net *fn = ferry_net_rcu(net);
	const struct lookup_key tuple = {
		.laddr6	= &ipv6_hdr(skb)->daddr,
		.raddr6	= &ipv6_hdr(skb)->saddr,
		.num	= ntohs(th->dest),
		.dport	= th->source,
		.dif	= inet6_iif(skb),
		.sdif	= inet6_sdif(skb),
	};
	u32 hash = hash6(net, &tuple);

	if (!listen)
		return find_connection(fn, hash, &tuple, match6);
	return find_listener6(fn, &(struct segment_key){
		.tuple = tuple, .hash = hash, .skb = skb,
		.header_len = ferry_hdr_len(th),
	});
}

/**
 * ferry_lookup6_sent() - the connection that has sent a segment
 * @net: namespace
 * @iph: network header of what was sent
 * @th: its header; only the ports are read
 * @dif: device on which news of it came
 * @sdif: the same for an l3 domain
 *
 * Context: RCU read side.
 *
 * Return: a full or mini socket with a reference, or NULL.
 */
struct sock *ferry_lookup6_sent(struct net *net, const struct ipv6hdr *iph,
				const struct tcphdr *th, int dif, int sdif)
{
	const struct lookup_key tuple = {
		.laddr6	= &iph->saddr,
		.raddr6	= &iph->daddr,
		.num	= ntohs(th->source),
		.dport	= th->dest,
		.dif	= dif,
		.sdif	= sdif,
	};

	return find_connection(ferry_net_rcu(net), hash6(net, &tuple), &tuple,
			       match6);
}
EXPORT_SYMBOL_GPL(ferry_lookup6_sent);
#endif
