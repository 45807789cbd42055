// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding the socket for a segment.
 *
 * Two hashes in each namespace.  @ehash holds whatever has a peer: full
 * sockets, requests and TIME_WAIT, by addresses and ports.  @lhash holds the
 * listeners, by port.
 *
 * Readers hold nothing but RCU.  A socket may be freed and its memory reused,
 * as a socket again, while a reader looks at it, or a listener may become a
 * connection; so a chain ends in its own number ("nulls"), by which a reader
 * notices that it was led into another chain, and begins again.  A reader of
 * @ehash takes a reference and then looks a second time.  Listeners are freed
 * after a grace period only, so a reader of @lhash needs no reference.
 *
 * Writers hold the lock of the chain.  One lock serves several chains.
 */
#include <linux/jhash.h>
#include <linux/rculist.h>
#include <linux/rculist_nulls.h>
#include <linux/siphash.h>
#include <net/addrconf.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/sock_reuseport.h>

#include "ferry.h"

#define EHASH_SIZE	4096
#define EHASH_LOCKS	64
#define LHASH_SIZE	64

static siphash_key_t hash_key __read_mostly;
static siphash_key_t isn_key __read_mostly;

/**
 * ferry_hash_init() - empty hashes for a namespace
 * @fn: the namespace's share
 *
 * Return: 0 or -ENOMEM.
 */
int ferry_hash_init(struct ferry_net *fn)
{
	unsigned int i;

	net_get_random_once(&hash_key, sizeof(hash_key));
	net_get_random_once(&isn_key, sizeof(isn_key));

	fn->ehash = kvmalloc_array(EHASH_SIZE, sizeof(*fn->ehash), GFP_KERNEL);
	fn->ehash_locks = kvmalloc_array(EHASH_LOCKS, sizeof(*fn->ehash_locks),
					 GFP_KERNEL);
	fn->lhash = kvmalloc_array(LHASH_SIZE, sizeof(*fn->lhash), GFP_KERNEL);
	fn->bhash = ferry_bind_alloc();
	if (!fn->ehash || !fn->ehash_locks || !fn->lhash || !fn->bhash) {
		kvfree(fn->bhash);
		kvfree(fn->lhash);
		kvfree(fn->ehash_locks);
		kvfree(fn->ehash);
		return -ENOMEM;
	}

	fn->ehash_mask = EHASH_SIZE - 1;
	for (i = 0; i < EHASH_SIZE; i++)
		INIT_HLIST_NULLS_HEAD(&fn->ehash[i], i);
	/* A listener may become a connection: no chain of both has one end. */
	for (i = 0; i < LHASH_SIZE; i++)
		INIT_HLIST_NULLS_HEAD(&fn->lhash[i], LISTENING_NULLS_BASE + i);
	for (i = 0; i < EHASH_LOCKS; i++)
		spin_lock_init(&fn->ehash_locks[i]);
	spin_lock_init(&fn->lhash_lock);
	return 0;
}

static spinlock_t *ehash_lock(const struct ferry_net *fn, u32 hash)
{
	return &fn->ehash_locks[hash & (EHASH_LOCKS - 1)];
}

static struct hlist_nulls_head *ehash_chain(const struct ferry_net *fn,
					    u32 hash)
{
	return &fn->ehash[hash & fn->ehash_mask];
}

/* The first connection of a chain, referenced; NULL if it is empty. */
static struct sock *ehash_first(struct ferry_net *fn, u32 slot)
{
	struct hlist_nulls_node *node;
	struct sock *sk = NULL;

	spin_lock_bh(ehash_lock(fn, slot));
	node = fn->ehash[slot].first;
	if (!is_a_nulls(node)) {
		sk = hlist_nulls_entry(node, struct sock, sk_nulls_node);
		refcount_inc(&sk->sk_refcnt);
	}
	spin_unlock_bh(ehash_lock(fn, slot));
	return sk;
}

/**
 * ferry_hash_exit() - the namespace ends: end what holds no reference to it
 * @net: the namespace, without sockets
 *
 * Context: process context.
 */
void ferry_hash_exit(struct net *net)
{
	struct ferry_net *fn = ferry_net(net);
	struct sock *sk;
	u32 slot;

	for (slot = 0; slot <= fn->ehash_mask; slot++) {
		while ((sk = ehash_first(fn, slot))) {
			if (WARN_ON(sk->sk_state != TCP_TIME_WAIT))
				break;
			ferry_timewait_shutdown(ferry_tw(sk));
			ferry_put(sk);
		}
	}
	/* A timer may have emptied a chain and not be through with it. */
	synchronize_rcu();
	kvfree(fn->bhash);
	kvfree(fn->lhash);
	kvfree(fn->ehash_locks);
	kvfree(fn->ehash);
}

/**
 * ferry_hash4() - hash of an IPv4 connection
 * @net: namespace
 * @laddr: our address
 * @lport: our port
 * @raddr: the peer's address
 * @rport: the peer's port
 *
 * Return: 32 bits, not predictable from outside.
 */
u32 ferry_hash4(const struct net *net, __be32 laddr, u16 lport, __be32 raddr,
		__be16 rport)
{
	return siphash_3u32((__force u32)laddr, (__force u32)raddr,
			    (u32)lport << 16 | (__force u32)rport,
			    &hash_key) ^ net_hash_mix(net);
}

#if IS_ENABLED(CONFIG_IPV6)
/**
 * ferry_hash6() - hash of an IPv6 connection
 * @net: namespace
 * @laddr: our address
 * @lport: our port
 * @raddr: the peer's address
 * @rport: the peer's port
 *
 * Return: 32 bits, not predictable from outside.
 */
u32 ferry_hash6(const struct net *net, const struct in6_addr *laddr, u16 lport,
		const struct in6_addr *raddr, __be16 rport)
{
	struct {
		struct in6_addr laddr;
		struct in6_addr raddr;
		u32 ports;
		u32 zero;
	} __aligned(SIPHASH_ALIGNMENT) key = {
		.laddr = *laddr,
		.raddr = *raddr,
		.ports = (u32)lport << 16 | (__force u32)rport,
	};

	return siphash(&key, sizeof(key), &hash_key) ^ net_hash_mix(net);
}
#endif

/**
 * ferry_isn() - initial sequence number
 * @hash: hash of the connection's addresses and ports
 *
 * RFC 6528: a clock, so that a new connection on the same ports starts above
 * the old one, plus a secret function of addresses and ports, so that nobody
 * can guess it from another connection.  The clock ticks every 64 ns.
 *
 * Return: the number.
 */
u32 ferry_isn(u32 hash)
{
	return siphash_1u32(hash, &isn_key) + (u32)(ktime_get_ns() >> 6);
}

static u32 lhash_slot(u16 port)
{
	return port & (LHASH_SIZE - 1);
}

static struct hlist_nulls_head *lhash_chain(const struct ferry_net *fn,
					    u16 port)
{
	return &fn->lhash[lhash_slot(port)];
}

/* What the chain of a port ends in. */
static unsigned long lhash_end(u16 port)
{
	return LISTENING_NULLS_BASE + lhash_slot(port);
}

static bool bound_to_any(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return ipv6_addr_any(&sk->sk_v6_rcv_saddr);
#endif
	return !sk->sk_rcv_saddr;
}

static bool same_address(const struct sock *a, const struct sock *b)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (a->sk_family == AF_INET6)
		return ipv6_addr_equal(&a->sk_v6_rcv_saddr,
				       &b->sk_v6_rcv_saddr);
#endif
	return a->sk_rcv_saddr == b->sk_rcv_saddr;
}

/* Join the group of listeners that share address and port, or found one. */
static int join_reuseport(struct sock *sk, const struct hlist_nulls_head *chain)
{
	const struct hlist_nulls_node *node;
	struct sock *other;

	if (!sk->sk_reuseport)
		return 0;
	sk_nulls_for_each(other, node, chain) {
		if (other != sk && other->sk_reuseport &&
		    other->sk_family == sk->sk_family &&
		    ipv6_only_sock(other) == ipv6_only_sock(sk) &&
		    other->sk_bound_dev_if == sk->sk_bound_dev_if &&
		    other->sk_num == sk->sk_num &&
		    uid_eq(sk_uid(other), sk_uid(sk)) &&
		    same_address(sk, other))
			return reuseport_add_sock(sk, other, bound_to_any(sk));
	}
	return reuseport_alloc(sk, bound_to_any(sk));
}

/**
 * ferry_hash_listener() - let segments find a listener
 * @sk: socket in state LISTEN with a port
 *
 * Context: process context, socket lock held.
 *
 * Return: 0 or -ENOMEM.
 */
int ferry_hash_listener(struct sock *sk)
{
	struct ferry_net *fn = ferry_net(sock_net(sk));
	struct hlist_nulls_head *chain = lhash_chain(fn, sk->sk_num);
	int err;

	sock_set_flag(sk, SOCK_RCU_FREE);
	spin_lock_bh(&fn->lhash_lock);
	err = join_reuseport(sk, chain);
	if (!err) {
		/* As in TCP, the more general family is looked at last. */
		if (sk->sk_family == AF_INET6 && sk->sk_reuseport)
			__sk_nulls_add_node_tail_rcu(sk, chain);
		else
			__sk_nulls_add_node_rcu(sk, chain);
	}
	spin_unlock_bh(&fn->lhash_lock);
	if (!err)
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
	return err;
}

/**
 * ferry_unhash() - segments do not find the socket any more
 * @sk: full socket; nothing happens if it is in no hash
 *
 * Context: socket lock held.
 */
void ferry_unhash(struct sock *sk)
{
	struct ferry_net *fn = ferry_net(sock_net(sk));

	if (sk_unhashed(sk))
		return;
	if (sk->sk_state == TCP_LISTEN) {
		if (rcu_access_pointer(sk->sk_reuseport_cb))
			reuseport_stop_listen_sock(sk);
		spin_lock_bh(&fn->lhash_lock);
		__sk_nulls_del_node_init_rcu(sk);
		spin_unlock_bh(&fn->lhash_lock);
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	} else {
		ferry_hash_remove(sk);
	}
}

static void ehash_add(struct ferry_net *fn, struct sock *sk)
{
	__sk_nulls_add_node_rcu(sk, ehash_chain(fn, sk->sk_hash));
	if (sk_fullsock(sk))
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
}

static bool ehash_del(struct sock *sk)
{
	if (!__sk_nulls_del_node_init_rcu(sk))
		return false;
	if (sk_fullsock(sk))
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	return true;
}

/**
 * ferry_hash_insert() - add a full or mini socket unless there is a twin
 * @sk: addresses and ports are set, sk_hash is not
 * @af: address family of its packets
 *
 * Context: BH or process.
 *
 * Return: false if another one has the same addresses and ports.
 */
bool ferry_hash_insert(struct sock *sk, const struct ferry_af_ops *af)
{
	struct ferry_net *fn = ferry_net(sock_net(sk));
	const struct hlist_nulls_node *node;
	struct sock *other;
	bool unique = true;

	sk->sk_hash = af->hash(&sk->__sk_common);
	spin_lock_bh(ehash_lock(fn, sk->sk_hash));
	sk_nulls_for_each(other, node, ehash_chain(fn, sk->sk_hash)) {
		if (other->sk_hash == sk->sk_hash &&
		    af->same_tuple(&other->__sk_common, &sk->__sk_common)) {
			unique = false;
			break;
		}
	}
	if (unique)
		ehash_add(fn, sk);
	spin_unlock_bh(ehash_lock(fn, sk->sk_hash));
	return unique;
}

/**
 * ferry_hash_replace() - put one (mini) socket in the place of another
 * @old: hashed, or no longer so
 * @new: has the same addresses, ports and sk_hash
 *
 * No reader finds neither: @new is added before @old goes.
 *
 * Context: BH or process.
 *
 * Return: false, and nothing done, if @old is no longer hashed.
 */
bool ferry_hash_replace(struct sock *old, struct sock *new)
{
	struct ferry_net *fn = ferry_net(sock_net(old));
	bool hashed;

	spin_lock_bh(ehash_lock(fn, old->sk_hash));
	hashed = !sk_unhashed(old);
	if (hashed) {
		ehash_add(fn, new);
		ehash_del(old);
	}
	spin_unlock_bh(ehash_lock(fn, old->sk_hash));
	return hashed;
}

/**
 * ferry_hash_remove() - take a connection or mini socket out
 * @sk: full or mini socket
 *
 * Context: BH or process.
 *
 * Return: true if it was there: then the hash's reference to a mini socket is
 * the caller's.
 */
bool ferry_hash_remove(struct sock *sk)
{
	struct ferry_net *fn = ferry_net(sock_net(sk));
	bool hashed;

	spin_lock_bh(ehash_lock(fn, sk->sk_hash));
	hashed = ehash_del(sk);
	spin_unlock_bh(ehash_lock(fn, sk->sk_hash));
	return hashed;
}

static bool same_device(const struct sock *sk, int dif, int sdif)
{
	return !sk->sk_bound_dev_if || sk->sk_bound_dev_if == dif ||
	       sk->sk_bound_dev_if == sdif;
}

/* What a connection is looked up by; the addresses are of one family. */
struct ehash_key {
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
 * The lookup is the same for both families but for @match, which is known
 * where this is called, so that no indirect call is left.
 */
static __always_inline struct sock *
ehash_lookup(const struct ferry_net *fn, u32 hash, const struct ehash_key *key,
	     bool (*match)(const struct sock *sk, const struct ehash_key *key))
{
	const u32 slot = hash & fn->ehash_mask;
	const struct hlist_nulls_node *node;
	struct sock *sk;

again:
	sk_nulls_for_each_rcu(sk, node, &fn->ehash[slot]) {
		if (sk->sk_hash != hash || !match(sk, key))
			continue;
		if (!refcount_inc_not_zero(&sk->sk_refcnt))
			return NULL;
		if (sk->sk_hash == hash && match(sk, key))
			return sk;
		/* It was freed and has come back as another one. */
		ferry_put(sk);
		goto again;
	}
	if (get_nulls_value(node) != slot)
		goto again;
	return NULL;
}

/* The more a listener asks for, the better it fits; -1 if it does not. */
static int score_device(const struct sock *sk, int dif, int sdif)
{
	int score = 0;

	if (!inet_sk_bound_dev_eq(sock_net(sk), sk->sk_bound_dev_if, dif, sdif))
		return -1;
	if (sk->sk_bound_dev_if)
		score += 4;
	if (READ_ONCE(sk->sk_incoming_cpu) == raw_smp_processor_id())
		score++;
	return score;
}

static int score4(const struct sock *sk, __be32 daddr, int dif, int sdif)
{
	int score;

	if (ipv6_only_sock(sk))
		return -1;
	score = score_device(sk, dif, sdif);
	if (score < 0)
		return -1;
	if (sk->sk_rcv_saddr) {
		if (sk->sk_rcv_saddr != daddr)
			return -1;
		score += 16;
	}
	return score + (sk->sk_family == AF_INET ? 8 : 0);
}

static struct sock *listener4(const struct ferry_net *fn,
			      const struct sk_buff *skb,
			      const struct tcphdr *th, int dif, int sdif)
{
	const struct iphdr *iph = ip_hdr(skb);
	u16 port = ntohs(th->dest);
	const struct hlist_nulls_node *node;
	struct sock *sk, *best;
	int score, best_score;

again:
	best = NULL;
	best_score = -1;
	sk_nulls_for_each_rcu(sk, node, lhash_chain(fn, port)) {
		if (sk->sk_num != port || sk->sk_state != TCP_LISTEN)
			continue;
		score = score4(sk, iph->daddr, dif, sdif);
		if (score > best_score) {
			best = sk;
			best_score = score;
		}
	}
	if (get_nulls_value(node) != lhash_end(port))
		goto again;
	if (best && best->sk_reuseport) {
		u32 hash = ferry_hash4(sock_net(best), iph->daddr, port,
				       iph->saddr, th->source);

		sk = reuseport_select_sock(best, hash, (struct sk_buff *)skb,
					   ferry_hdr_len(th));
		if (!IS_ERR_OR_NULL(sk))
			best = sk;
	}
	return best;
}

static bool match4(const struct sock *sk, const struct ehash_key *key)
{
	return sk->sk_daddr == key->raddr && sk->sk_rcv_saddr == key->laddr &&
	       sk->sk_dport == key->dport && sk->sk_num == key->num &&
	       same_device(sk, key->dif, key->sdif);
}

/* The connection between our @laddr and @lport and the peer's, referenced. */
static struct sock *connection4(struct net *net, __be32 laddr, __be16 lport,
				__be32 raddr, __be16 rport, int dif, int sdif)
{
	const struct ehash_key key = {
		.laddr	= laddr,
		.raddr	= raddr,
		.num	= ntohs(lport),
		.dport	= rport,
		.dif	= dif,
		.sdif	= sdif,
	};

	return ehash_lookup(ferry_net(net),
			    ferry_hash4(net, laddr, key.num, raddr, rport),
			    &key, match4);
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
	const struct iphdr *iph = ip_hdr(skb);
	int dif = inet_iif(skb), sdif = inet_sdif(skb);

	if (listen)
		return listener4(ferry_net(net), skb, th, dif, sdif);
	return connection4(net, iph->daddr, th->dest, iph->saddr, th->source,
			   dif, sdif);
}

/**
 * ferry_lookup4_sent() - the socket that has sent a segment
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
	return connection4(net, iph->saddr, th->source, iph->daddr, th->dest,
			   dif, sdif);
}

#if IS_ENABLED(CONFIG_IPV6)
static int score6(const struct sock *sk, const struct in6_addr *daddr, int dif,
		  int sdif)
{
	int score;

	if (sk->sk_family != AF_INET6)
		return -1;
	score = score_device(sk, dif, sdif);
	if (score < 0)
		return -1;
	if (!ipv6_addr_any(&sk->sk_v6_rcv_saddr)) {
		if (!ipv6_addr_equal(&sk->sk_v6_rcv_saddr, daddr))
			return -1;
		score += 16;
	}
	return score;
}

static struct sock *listener6(const struct ferry_net *fn,
			      const struct sk_buff *skb,
			      const struct tcphdr *th, int dif, int sdif)
{
	const struct ipv6hdr *iph = ipv6_hdr(skb);
	u16 port = ntohs(th->dest);
	const struct hlist_nulls_node *node;
	struct sock *sk, *best;
	int score, best_score;

again:
	best = NULL;
	best_score = -1;
	sk_nulls_for_each_rcu(sk, node, lhash_chain(fn, port)) {
		if (sk->sk_num != port || sk->sk_state != TCP_LISTEN)
			continue;
		score = score6(sk, &iph->daddr, dif, sdif);
		if (score > best_score) {
			best = sk;
			best_score = score;
		}
	}
	if (get_nulls_value(node) != lhash_end(port))
		goto again;
	if (best && best->sk_reuseport) {
		u32 hash = ferry_hash6(sock_net(best), &iph->daddr, port,
				       &iph->saddr, th->source);

		sk = reuseport_select_sock(best, hash, (struct sk_buff *)skb,
					   ferry_hdr_len(th));
		if (!IS_ERR_OR_NULL(sk))
			best = sk;
	}
	return best;
}

static bool match6(const struct sock *sk, const struct ehash_key *key)
{
	return sk->sk_family == AF_INET6 &&
	       sk->sk_dport == key->dport && sk->sk_num == key->num &&
	       ipv6_addr_equal(&sk->sk_v6_daddr, key->raddr6) &&
	       ipv6_addr_equal(&sk->sk_v6_rcv_saddr, key->laddr6) &&
	       same_device(sk, key->dif, key->sdif);
}

static struct sock *connection6(struct net *net, const struct in6_addr *laddr,
				__be16 lport, const struct in6_addr *raddr,
				__be16 rport, int dif, int sdif)
{
	const struct ehash_key key = {
		.laddr6	= laddr,
		.raddr6	= raddr,
		.num	= ntohs(lport),
		.dport	= rport,
		.dif	= dif,
		.sdif	= sdif,
	};

	return ehash_lookup(ferry_net(net),
			    ferry_hash6(net, laddr, key.num, raddr, rport),
			    &key, match6);
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
	const struct ipv6hdr *iph = ipv6_hdr(skb);
	int dif = inet6_iif(skb), sdif = inet6_sdif(skb);

	if (listen)
		return listener6(ferry_net(net), skb, th, dif, sdif);
	return connection6(net, &iph->daddr, th->dest, &iph->saddr, th->source,
			   dif, sdif);
}

/**
 * ferry_lookup6_sent() - the socket that has sent a segment
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
	return connection6(net, &iph->saddr, th->source, &iph->daddr, th->dest,
			   dif, sdif);
}
#endif
