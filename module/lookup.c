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
 * struct lookup_key - what a segment's socket is looked up by
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
	const struct in6_addr *laddr6;
	const struct in6_addr *raddr6;
	__be32 laddr;
	__be32 raddr;
	u16 num;
	__be16 dport;
	int dif;
	int sdif;
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
			if (!refcount_inc_not_zero(&sk->sk_refcnt))
				return NULL;
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

/* The same for listeners; @score is negative for one that does not fit. */
static __always_inline struct sock *
find_listener(const struct ferry_net *fn, const struct lookup_key *key,
	      int (*score)(const struct sock *sk,
			   const struct lookup_key *key))
{
	const struct hlist_nulls_node *node;
	struct sock *sk, *best;
	int s, best_score;

again:
	best = NULL;
	best_score = -1;
	sk_nulls_for_each_rcu(sk, node, ferry_lhash_chain(fn, key->num)) {
		if (sk->sk_num != key->num || sk->sk_state != TCP_LISTEN)
			continue;
		s = score(sk, key);
		if (s > best_score) {
			best = sk;
			best_score = s;
		}
	}
	if (get_nulls_value(node) != ferry_lhash_end(key->num))
		goto again;
	return best;
}

/* One of those that share address and port with @sk. */
static struct sock *select_of_group(struct sock *sk, u32 hash,
				    const struct sk_buff *skb,
				    const struct tcphdr *th)
{
	struct sock *other;

	other = reuseport_select_sock(sk, hash, (struct sk_buff *)skb,
				      ferry_hdr_len(th));
	return IS_ERR_OR_NULL(other) ? sk : other;
}

static bool same_device(const struct sock *sk, const struct lookup_key *key)
{
	return !sk->sk_bound_dev_if || sk->sk_bound_dev_if == key->dif ||
	       sk->sk_bound_dev_if == key->sdif;
}

/* The more a listener asks for, the better it fits. */
static int score_device(const struct sock *sk, const struct lookup_key *key)
{
	int score = 0;

	if (!inet_sk_bound_dev_eq(sock_net(sk), sk->sk_bound_dev_if, key->dif,
				  key->sdif))
		return -1;
	if (sk->sk_bound_dev_if)
		score += 4;
	if (READ_ONCE(sk->sk_incoming_cpu) == raw_smp_processor_id())
		score++;
	return score;
}

static int score4(const struct sock *sk, const struct lookup_key *key)
{
	int score;

	if (ipv6_only_sock(sk))
		return -1;
	score = score_device(sk, key);
	if (score < 0)
		return -1;
	if (sk->sk_rcv_saddr) {
		if (sk->sk_rcv_saddr != key->laddr)
			return -1;
		score += 16;
	}
	return score + (sk->sk_family == AF_INET ? 8 : 0);
}

static bool match4(const struct sock *sk, const struct lookup_key *key)
{
	return sk->sk_daddr == key->raddr && sk->sk_rcv_saddr == key->laddr &&
	       sk->sk_dport == key->dport && sk->sk_num == key->num &&
	       same_device(sk, key);
}

static u32 hash4(const struct net *net, const struct lookup_key *key)
{
	return ferry_hash4(net, key->laddr, key->num, key->raddr, key->dport);
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
	const struct lookup_key key = {
		.laddr	= ip_hdr(skb)->daddr,
		.raddr	= ip_hdr(skb)->saddr,
		.num	= ntohs(th->dest),
		.dport	= th->source,
		.dif	= inet_iif(skb),
		.sdif	= inet_sdif(skb),
	};
	struct sock *sk;

	if (!listen)
		return find_connection(ferry_net(net), hash4(net, &key), &key,
				       match4);
	sk = find_listener(ferry_net(net), &key, score4);
	if (sk && sk->sk_reuseport)
		sk = select_of_group(sk, hash4(net, &key), skb, th);
	return sk;
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
	const struct lookup_key key = {
		.laddr	= iph->saddr,
		.raddr	= iph->daddr,
		.num	= ntohs(th->source),
		.dport	= th->dest,
		.dif	= dif,
		.sdif	= sdif,
	};

	return find_connection(ferry_net(net), hash4(net, &key), &key, match4);
}

#if IS_ENABLED(CONFIG_IPV6)
static int score6(const struct sock *sk, const struct lookup_key *key)
{
	int score;

	if (sk->sk_family != AF_INET6)
		return -1;
	score = score_device(sk, key);
	if (score < 0)
		return -1;
	if (!ipv6_addr_any(&sk->sk_v6_rcv_saddr)) {
		if (!ipv6_addr_equal(&sk->sk_v6_rcv_saddr, key->laddr6))
			return -1;
		score += 16;
	}
	return score;
}

static bool match6(const struct sock *sk, const struct lookup_key *key)
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
	const struct lookup_key key = {
		.laddr6	= &ipv6_hdr(skb)->daddr,
		.raddr6	= &ipv6_hdr(skb)->saddr,
		.num	= ntohs(th->dest),
		.dport	= th->source,
		.dif	= inet6_iif(skb),
		.sdif	= inet6_sdif(skb),
	};
	struct sock *sk;

	if (!listen)
		return find_connection(ferry_net(net), hash6(net, &key), &key,
				       match6);
	sk = find_listener(ferry_net(net), &key, score6);
	if (sk && sk->sk_reuseport)
		sk = select_of_group(sk, hash6(net, &key), skb, th);
	return sk;
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
	const struct lookup_key key = {
		.laddr6	= &iph->saddr,
		.raddr6	= &iph->daddr,
		.num	= ntohs(th->source),
		.dport	= th->dest,
		.dif	= dif,
		.sdif	= sdif,
	};

	return find_connection(ferry_net(net), hash6(net, &key), &key, match6);
}
#endif
