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
 * Writers of @lhash hold its lock.  Those of @ehash hold the lock of a share,
 * of which there is a fixed number; a share holds the connections whose hash
 * ends in its number, and thus whole chains of a table of any size.
 *
 * @ehash grows: when there are more connections than chains, a work item
 * makes a larger table and moves everything, share by share.  The rules:
 *
 * - The new table is made known as @next of the old one first.  Then each share
 *   is moved under its lock, which also says in which table it is: a writer
 *   uses that one.  When all are moved the new table becomes @ehash, and the
 *   old one goes after a grace period.
 * - A reader that does not find its connection in a table goes on to the next
 *   one, if there is any.  Writers of a move and readers order their accesses
 *   so that who misses what has moved away sees @next.
 * - A chain is moved from its end.  The connection is made the first of its
 *   new chain and only then cut off the old one, so that at any time a reader
 *   reaches it in one of them.  A reader that stands on it at that moment goes
 *   on in the new chain, notices so at the end, and begins again.
 * - No two tables have a chain with the same end.
 *
 * It does not shrink: it has eight bytes for each connection that the
 * namespace ever had at one time, which is a fraction of one connection's
 * memory, and goes with the namespace.
 */
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/rculist_nulls.h>
#include <net/addrconf.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/l3mdev.h>
#include <net/sock_reuseport.h>

#include "ferry.h"

#define EHASH_MIN	256U		/* chains; powers of two */
#define EHASH_MAX	0x1000000U

static struct ferry_ehash_table *new_table(u32 size)
{
	struct ferry_ehash_table *t;
	u32 i;

	t = kvmalloc(struct_size(t, chains, size), GFP_KERNEL | __GFP_NOWARN);
	if (!t)
		return NULL;
	RCU_INIT_POINTER(t->next, NULL);
	t->mask = size - 1;
	for (i = 0; i < size; i++)
		INIT_HLIST_NULLS_HEAD(&t->chains[i], ferry_ehash_end(t, i));
	return t;
}

static struct hlist_nulls_head *chain_of(struct ferry_ehash_table *t, u32 hash)
{
	return &t->chains[hash & t->mask];
}

/* All of a chain goes to another table, its share locked. */
static void move_chain(struct hlist_nulls_head *from,
		       struct ferry_ehash_table *to)
{
	struct hlist_nulls_node *node, *end, **link;
	const struct sock *sk;

	while (!is_a_nulls(from->first)) {
		node = from->first;
		while (!is_a_nulls(node->next))
			node = node->next;
		link = node->pprev;
		end = node->next;
		sk = hlist_nulls_entry(node, struct sock, sk_nulls_node);
		hlist_nulls_add_head_rcu(node, chain_of(to, sk->sk_hash));
		/* Who sees it cut off sees where it went, and @next. */
		smp_store_release(link, end);
	}
}

static void ehash_grow(struct work_struct *work)
{
	struct ferry_net *fn = container_of(work, struct ferry_net, ehash_grow);
	struct ferry_ehash_table *new, *old;
	struct ferry_ehash_share *share;
	u32 count = 0, i, slot;

	old = rcu_dereference_protected(fn->ehash, 1);
	for (i = 0; i < FERRY_EHASH_SHARES; i++)
		count += READ_ONCE(fn->ehash_shares[i].count);
	if (count <= old->mask || old->mask >= EHASH_MAX - 1)
		return;
	new = new_table(min_t(u32, roundup_pow_of_two(count + 1), EHASH_MAX));
	if (!new)
		return;

	rcu_assign_pointer(old->next, new);
	for (i = 0; i < FERRY_EHASH_SHARES; i++) {
		share = &fn->ehash_shares[i];
		spin_lock_bh(&share->lock);
		for (slot = i; slot <= old->mask; slot += FERRY_EHASH_SHARES)
			move_chain(&old->chains[slot], new);
		share->table = new;
		spin_unlock_bh(&share->lock);
		cond_resched();
	}
	rcu_assign_pointer(fn->ehash, new);
	kvfree_rcu(old, rcu);
}

static int ehash_init(struct ferry_net *fn)
{
	struct ferry_ehash_table *t = new_table(EHASH_MIN);
	u32 i;

	BUILD_BUG_ON(EHASH_MIN < FERRY_EHASH_SHARES);
	BUILD_BUG_ON(2 * EHASH_MAX > LISTENING_NULLS_BASE);
	fn->ehash_shares = kvmalloc_array(FERRY_EHASH_SHARES,
					  sizeof(*fn->ehash_shares),
					  GFP_KERNEL);
	if (!t || !fn->ehash_shares) {
		kvfree(fn->ehash_shares);
		kvfree(t);
		return -ENOMEM;
	}
	for (i = 0; i < FERRY_EHASH_SHARES; i++) {
		spin_lock_init(&fn->ehash_shares[i].lock);
		fn->ehash_shares[i].count = 0;
		fn->ehash_shares[i].table = t;
	}
	rcu_assign_pointer(fn->ehash, t);
	INIT_WORK(&fn->ehash_grow, ehash_grow);
	return 0;
}

static void ehash_free(struct ferry_net *fn)
{
	cancel_work_sync(&fn->ehash_grow);
	kvfree(rcu_dereference_protected(fn->ehash, 1));
	kvfree(fn->ehash_shares);
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

	if (ehash_init(fn))
		return -ENOMEM;
	fn->lhash = kvmalloc_array(FERRY_LHASH_SIZE, sizeof(*fn->lhash),
				   GFP_KERNEL);
	fn->bhash = ferry_bind_alloc();
	if (!fn->lhash || !fn->bhash) {
		kvfree(fn->bhash);
		kvfree(fn->lhash);
		ehash_free(fn);
		return -ENOMEM;
	}

	/* A listener may become a connection: no chain of both has one end. */
	for (i = 0; i < FERRY_LHASH_SIZE; i++)
		INIT_HLIST_NULLS_HEAD(&fn->lhash[i], LISTENING_NULLS_BASE + i);
	spin_lock_init(&fn->lhash_lock);
	return 0;
}

static struct ferry_ehash_share *share_of(const struct ferry_net *fn, u32 hash)
{
	return &fn->ehash_shares[hash & (FERRY_EHASH_SHARES - 1)];
}

/**
 * ferry_hash_stat() - how full the hash of connections is
 * @fn: the namespace's share of Ferry
 * @chains: number of chains
 * @count: connections and mini sockets
 * @longest: length of the longest chain
 *
 * Context: process context.
 */
void ferry_hash_stat(struct ferry_net *fn, u32 *chains, u32 *count,
		     u32 *longest)
{
	const struct hlist_nulls_node *node;
	const struct ferry_ehash_table *t;
	struct ferry_ehash_share *share;
	u32 i, slot, length;

	*count = 0;
	*longest = 0;
	for (i = 0; i < FERRY_EHASH_SHARES; i++) {
		share = &fn->ehash_shares[i];
		spin_lock_bh(&share->lock);
		t = share->table;
		for (slot = i; slot <= t->mask; slot += FERRY_EHASH_SHARES) {
			length = 0;
			for (node = t->chains[slot].first; !is_a_nulls(node);
			     node = node->next)
				length++;
			*longest = max(*longest, length);
		}
		*count += share->count;
		*chains = t->mask + 1;
		spin_unlock_bh(&share->lock);
		cond_resched();
	}
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
	struct ferry_ehash_share *share;
	struct ferry_ehash_table *t;
	struct sock *sk = NULL;
	u32 slot, last;

	for (; place->slot < FERRY_LHASH_SIZE; place->slot++, place->nth = 0) {
		spin_lock_bh(&fn->lhash_lock);
		sk = chain_nth(&fn->lhash[place->slot], place->nth);
		spin_unlock_bh(&fn->lhash_lock);
		if (sk)
			return sk;
	}
	for (;; place->slot++, place->nth = 0) {
		slot = place->slot - FERRY_LHASH_SIZE;
		share = share_of(fn, slot);
		spin_lock_bh(&share->lock);
		t = share->table;
		last = t->mask;
		if (slot <= last)
			sk = chain_nth(&t->chains[slot], place->nth);
		spin_unlock_bh(&share->lock);
		if (sk || slot >= last)
			return sk;
		/* After a crowd most of the chains are empty. */
		if (!(slot & 255))
			cond_resched();
	}
}
EXPORT_SYMBOL_GPL(ferry_hash_walk);

/**
 * ferry_hash_exit() - the namespace ends: end what holds no reference to it
 * @net: the namespace, without sockets
 *
 * Context: process context.
 */
void ferry_hash_exit(struct net *net)
{
	struct ferry_hash_place place = { };
	struct ferry_net *fn = ferry_net(net);
	struct sock *sk;

	while ((sk = ferry_hash_walk(net, &place))) {
		if (WARN_ON(sk->sk_state != TCP_TIME_WAIT))
			break;
		ferry_timewait_shutdown(ferry_tw(sk));
		ferry_put(sk);
	}
	/* A timer may have emptied a chain and not be through with it. */
	synchronize_rcu();
	ferry_bind_free(fn->bhash);
	kvfree(fn->lhash);
	ehash_free(fn);
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

/* Are there so many that it is worth while to see if the table is full? */
static bool crowded(const struct ferry_ehash_share *share)
{
	u32 chains = (share->table->mask + 1) / FERRY_EHASH_SHARES;

	return share->count > chains + chains / 4 + 4;
}

static void ehash_add(struct ferry_net *fn, struct sock *sk)
{
	struct ferry_ehash_share *share = share_of(fn, sk->sk_hash);

	__sk_nulls_add_node_rcu(sk, chain_of(share->table, sk->sk_hash));
	share->count++;
	if (unlikely(crowded(share)))
		schedule_work(&fn->ehash_grow);
	if (sk_fullsock(sk))
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
}

static bool ehash_del(struct ferry_net *fn, struct sock *sk)
{
	if (!__sk_nulls_del_node_init_rcu(sk))
		return false;
	share_of(fn, sk->sk_hash)->count--;
	if (sk_fullsock(sk))
		sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
	return true;
}

static void replace_node(struct hlist_nulls_node *old,
			 struct hlist_nulls_node *new)
{
	struct hlist_nulls_node *next = old->next;

	new->next = next;
	new->pprev = old->pprev;
	/* Who finds @new finds what comes after it. */
	smp_store_release(new->pprev, new);
	if (!is_a_nulls(next))
		WRITE_ONCE(next->pprev, &new->next);
	/* A reader that stands on @old goes on from there. */
	WRITE_ONCE(old->pprev, NULL);
}

/*
 * Not by adding one and removing the other: a reader that is between the head
 * of the chain and @old would find neither.
 */
static void ehash_replace(struct sock *old, struct sock *new)
{
	replace_node(&old->sk_nulls_node, &new->sk_nulls_node);
	sock_prot_inuse_add(sock_net(old), old->sk_prot,
			    sk_fullsock(new) - sk_fullsock(old));
}

/*
 * One with the same addresses and ports as @sk that takes segments from the
 * same device; or NULL.  The share is locked.
 */
static struct sock *find_twin(const struct ferry_ehash_share *share,
			      const struct sock *sk,
			      const struct ferry_af_ops *af)
{
	struct net *net = sock_net(sk);
	int dif = sk->sk_bound_dev_if;
	int sdif = l3mdev_master_ifindex_by_index(net, dif);
	const struct hlist_nulls_node *node;
	struct sock *other;

	sk_nulls_for_each(other, node, chain_of(share->table, sk->sk_hash)) {
		if (other->sk_hash == sk->sk_hash &&
		    af->same_tuple(&other->__sk_common, &sk->__sk_common) &&
		    ferry_bound_dev_eq(net, other->sk_bound_dev_if, dif, sdif))
			return other;
	}
	return NULL;
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
	struct ferry_ehash_share *share;
	bool unique;

	sk->sk_hash = af->hash(&sk->__sk_common);
	share = share_of(fn, sk->sk_hash);
	spin_lock_bh(&share->lock);
	unique = !find_twin(share, sk, af);
	if (unique)
		ehash_add(fn, sk);
	spin_unlock_bh(&share->lock);
	return unique;
}

/**
 * ferry_hash_connect() - the same for connect(): a twin in TIME_WAIT may yield
 * @sk: addresses and ports are set, sk_hash is not
 * @chosen: the program wants this port and no other
 * @tw: the one whose place @sk has taken, with the hash's reference; or NULL
 *
 * Context: process context, socket lock held.
 *
 * Return: false if another one has the same addresses and ports.
 */
bool ferry_hash_connect(struct sock *sk, bool chosen,
			struct ferry_timewait_sock **tw)
{
	const struct ferry_af_ops *af = ferry_af(sk);
	struct ferry_net *fn = ferry_net(sock_net(sk));
	struct ferry_ehash_share *share;
	struct sock *twin;
	bool yields;

	sk->sk_hash = af->hash(&sk->__sk_common);
	share = share_of(fn, sk->sk_hash);
	spin_lock_bh(&share->lock);
	twin = find_twin(share, sk, af);
	yields = twin && twin->sk_state == TCP_TIME_WAIT &&
		 ferry_timewait_yield(ferry_tw(twin), sk, chosen);
	if (!twin)
		ehash_add(fn, sk);
	else if (yields)
		ehash_replace(twin, sk);
	spin_unlock_bh(&share->lock);
	*tw = yields ? ferry_tw(twin) : NULL;
	return !twin || yields;
}

/**
 * ferry_hash_replace() - put one (mini) socket in the place of another
 * @old: hashed, or no longer so
 * @new: has the same addresses, ports and sk_hash
 *
 * A reader finds one of them.
 *
 * Context: BH or process.
 *
 * Return: false, and nothing done, if @old is no longer hashed.
 */
bool ferry_hash_replace(struct sock *old, struct sock *new)
{
	struct ferry_net *fn = ferry_net(sock_net(old));
	struct ferry_ehash_share *share = share_of(fn, old->sk_hash);
	bool hashed;

	spin_lock_bh(&share->lock);
	hashed = !sk_unhashed(old);
	if (hashed)
		ehash_replace(old, new);
	spin_unlock_bh(&share->lock);
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
	struct ferry_ehash_share *share = share_of(fn, sk->sk_hash);
	bool hashed;

	spin_lock_bh(&share->lock);
	hashed = ehash_del(fn, sk);
	spin_unlock_bh(&share->lock);
	return hashed;
}
