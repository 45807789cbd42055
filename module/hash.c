// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hashes in which a segment's socket is found; lookup.c finds it.
 *
 * There are two in each namespace.  @ehash holds whatever has a peer: full
 * sockets, requests and TIME_WAIT, by addresses and ports.  @lhash holds the
 * listeners, by port.
 *
 * Readers hold nothing but RCU.  A socket may be freed and its memory reused,
 * as a socket again, while a reader looks at it, or a listener may become a
 * connection; so a chain ends in its own number ("nulls"), by which a reader
 * notices that it was led into another chain, and begins again.  Listeners are
 * freed after a grace period only.
 *
 * Writers hold the lock of the chain.  One lock serves several chains of
 * @ehash, one serves all of @lhash.
 */
#include <linux/random.h>
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

static siphash_key_t hash_key __ro_after_init;
static siphash_key_t isn_key __ro_after_init;
static siphash_key_t ts_key __ro_after_init;

/**
 * ferry_hash_seed() - choose the secrets of the hash, ISNs and timestamps
 *
 * Not by net_get_random_once(): it holds the module for a while after its
 * first use, so that a module just loaded could not be unloaded.
 */
void __init ferry_hash_seed(void)
{
	get_random_bytes(&hash_key, sizeof(hash_key));
	get_random_bytes(&isn_key, sizeof(isn_key));
	get_random_bytes(&ts_key, sizeof(ts_key));
}

/**
 * ferry_hash_init() - empty hashes for a namespace
 * @fn: the namespace's share
 *
 * Return: 0 or -ENOMEM.
 */
int ferry_hash_init(struct ferry_net *fn)
{
	unsigned int i;

	fn->ehash = kvmalloc_array(EHASH_SIZE, sizeof(*fn->ehash), GFP_KERNEL);
	fn->ehash_locks = kvmalloc_array(EHASH_LOCKS, sizeof(*fn->ehash_locks),
					 GFP_KERNEL);
	fn->lhash = kvmalloc_array(FERRY_LHASH_SIZE, sizeof(*fn->lhash), GFP_KERNEL);
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
	for (i = 0; i < FERRY_LHASH_SIZE; i++)
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

/* Number @nth of a chain whose lock is held, referenced; NULL at the end. */
static struct sock *chain_nth(const struct hlist_nulls_head *chain, u32 nth)
{
	const struct hlist_nulls_node *node;
	struct sock *sk;

	sk_nulls_for_each(sk, node, chain) {
		/* One that is on its way to be freed does not count. */
		if (nth || !refcount_inc_not_zero(&sk->sk_refcnt)) {
			nth -= !!nth;
			continue;
		}
		return sk;
	}
	return NULL;
}

/**
 * ferry_hash_walk() - the socket at a place in the hashes, or the next one
 * @net: namespace
 * @place: the place, all zero at the beginning; where it was found on return
 *
 * Listeners come first.  The next one is asked for with @place->nth + 1.
 * Nothing is locked between two calls: what comes or goes meanwhile may be
 * missed, and what moves may be seen twice.
 *
 * Context: process context.
 *
 * Return: a full or mini socket with a reference, for ferry_put(); or NULL.
 */
struct sock *ferry_hash_walk(struct net *net, struct ferry_hash_place *place)
{
	struct ferry_net *fn = ferry_net(net);
	struct sock *sk;
	u32 slot;

	for (; place->slot < FERRY_LHASH_SIZE; place->slot++, place->nth = 0) {
		spin_lock_bh(&fn->lhash_lock);
		sk = chain_nth(&fn->lhash[place->slot], place->nth);
		spin_unlock_bh(&fn->lhash_lock);
		if (sk)
			return sk;
	}
	for (; (slot = place->slot - FERRY_LHASH_SIZE) <= fn->ehash_mask;
	     place->slot++, place->nth = 0) {
		if (hlist_nulls_empty(&fn->ehash[slot]))
			continue;
		spin_lock_bh(ehash_lock(fn, slot));
		sk = chain_nth(&fn->ehash[slot], place->nth);
		spin_unlock_bh(ehash_lock(fn, slot));
		if (sk)
			return sk;
	}
	return NULL;
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

/**
 * ferry_ts_offset() - where the timestamps of a connection begin
 * @net: namespace
 * @hash: hash of the connection's addresses and ports
 *
 * RFC 7323 section 7.1: a secret, so that the clock does not tell how long
 * this host has been up; the same for each connection on the same addresses
 * and ports, so that the next one can be told from the old (RFC 6191).
 *
 * Return: what to add to the clock; 0 if net.ferry.timestamps is 2.
 */
u32 ferry_ts_offset(const struct net *net, u32 hash)
{
	if (READ_ONCE(ferry_net(net)->sysctl.timestamps) != 1)
		return 0;
	return siphash_1u32(hash, &ts_key);
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
	struct hlist_nulls_head *chain = ferry_lhash_chain(fn, sk->sk_num);
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
