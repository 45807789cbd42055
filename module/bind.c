// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local ports: who may share one, and which one to choose.
 *
 * Every port in use has a bucket with a list of its owners: sockets, and
 * connections in TIME_WAIT.  bind() and listen() compare a newcomer with each
 * of them, by the rules of SO_REUSEADDR and SO_REUSEPORT.  connect() without
 * bind() may share a port that others got in the same way, as long as the
 * connections differ in their peer.
 *
 * Buckets are found by hash.  A share of the ports has a lock, which also
 * protects the buckets' owners, and chains of its own, which get more when the
 * share has more buckets than chains.
 */
#include <linux/random.h>
#include <net/inet_hashtables.h>
#include <net/ip.h>
#include <net/l3mdev.h>

#include "ferry.h"

#define SHARES		64U	/* a power of two */

/* RFC 6056 section 3.3.4: table of counters, one for a few peers each */
#define PORT_COUNTERS	65536
static u16 port_counters[PORT_COUNTERS];

/**
 * struct ferry_bind_bucket - a port in use
 * @node: in its chain
 * @owners: sockets and TIME_WAIT mini sockets, by skc_bind_node
 * @port: the port
 * @chosen: an owner came by bind(), so connect() does not pick the port
 */
struct ferry_bind_bucket {
	struct hlist_node node;
	struct hlist_head owners;
	u16 port;
	bool chosen;
};

/**
 * ferry_bind_alloc() - empty hash of ports
 *
 * Return: the hash, to be freed with ferry_bind_free(), or NULL.
 */
struct ferry_bind_share *ferry_bind_alloc(void)
{
	struct ferry_bind_share *bhash;
	unsigned int i;

	bhash = kvcalloc(SHARES, sizeof(*bhash), GFP_KERNEL);
	if (!bhash)
		return NULL;
	for (i = 0; i < SHARES; i++) {
		spin_lock_init(&bhash[i].lock);
		bhash[i].chains = &bhash[i].first;
	}
	return bhash;
}

static void free_chains(const struct ferry_bind_share *share)
{
	if (share->chains != &share->first)
		kfree(share->chains);
}

/**
 * ferry_bind_free() - the namespace ends
 * @bhash: no port is in use; or NULL
 */
void ferry_bind_free(struct ferry_bind_share *bhash)
{
	unsigned int i;

	for (i = 0; bhash && i < SHARES; i++)
		free_chains(&bhash[i]);
	kvfree(bhash);
}

static struct ferry_bind_share *share_of(const struct net *net, u16 port)
{
	return &ferry_net(net)->bhash[port % SHARES];
}

static struct hlist_head *chain_of(const struct ferry_bind_share *share,
				   u16 port)
{
	return &share->chains[port / SHARES & share->mask];
}

static struct ferry_bind_bucket *find_bucket(struct ferry_bind_share *share,
					     u16 port)
{
	struct ferry_bind_bucket *b;

	hlist_for_each_entry(b, chain_of(share, port), node) {
		if (b->port == port)
			return b;
	}
	return NULL;
}

/* Twice as many chains; without memory for them it works on, slower. */
static void grow(struct ferry_bind_share *share)
{
	u32 old_size = share->mask + 1, size = max(2 * old_size, 8U), i;
	struct ferry_bind_share new = { .mask = size - 1 };
	struct ferry_bind_bucket *b;
	struct hlist_node *next;

	new.chains = kcalloc(size, sizeof(*new.chains),
			     GFP_ATOMIC | __GFP_NOWARN);
	if (!new.chains)
		return;
	for (i = 0; i < old_size; i++) {
		hlist_for_each_entry_safe(b, next, &share->chains[i], node)
			hlist_add_head(&b->node, chain_of(&new, b->port));
	}
	free_chains(share);
	share->chains = new.chains;
	share->mask = new.mask;
}

static struct ferry_bind_bucket *new_bucket(struct ferry_bind_share *share,
					    u16 port)
{
	struct ferry_bind_bucket *b = kmalloc(sizeof(*b), GFP_ATOMIC);

	if (!b)
		return NULL;
	if (share->count > share->mask)
		grow(share);
	INIT_HLIST_HEAD(&b->owners);
	b->port = port;
	b->chosen = false;
	hlist_add_head(&b->node, chain_of(share, port));
	share->count++;
	return b;
}

static void own(struct sock *sk, struct ferry_bind_bucket *b)
{
	inet_sk(sk)->inet_num = b->port;
	inet_sk(sk)->inet_sport = htons(b->port);
	hlist_add_head(&sk->sk_bind_node, &b->owners);
	ferry_csk(sk)->bind_bucket = b;
}

static void disown(struct ferry_bind_share *share, struct hlist_node *owner,
		   struct ferry_bind_bucket *b)
{
	__hlist_del(owner);
	if (hlist_empty(&b->owners)) {
		hlist_del(&b->node);
		share->count--;
		kfree(b);
	}
}

static bool takes_ipv4(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return !ipv6_only_sock(sk) &&
		       (ipv6_addr_any(&sk->sk_v6_rcv_saddr) ||
			ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr));
#endif
	return true;
}

static bool takes_ipv6(const struct sock *sk)
{
	return sk->sk_family == AF_INET6 &&
	       !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr);
}

/* Is there an address that belongs to both? */
static bool addresses_overlap(const struct sock *a, const struct sock *b)
{
	if (takes_ipv4(a) && takes_ipv4(b) &&
	    (!a->sk_rcv_saddr || !b->sk_rcv_saddr ||
	     a->sk_rcv_saddr == b->sk_rcv_saddr))
		return true;
#if IS_ENABLED(CONFIG_IPV6)
	if (takes_ipv6(a) && takes_ipv6(b) &&
	    (ipv6_addr_any(&a->sk_v6_rcv_saddr) ||
	     ipv6_addr_any(&b->sk_v6_rcv_saddr) ||
	     ipv6_addr_equal(&a->sk_v6_rcv_saddr, &b->sk_v6_rcv_saddr)))
		return true;
#endif
	return false;
}

/* Of the device that a socket is bound to; ports belong to a domain. */
static int l3_domain(const struct sock *sk)
{
	struct net *net = sock_net(sk);

	if (!sk->sk_bound_dev_if ||
	    READ_ONCE(ferry_net(net)->sysctl.l3mdev_accept))
		return 0;
	return l3mdev_master_ifindex_by_index(net, sk->sk_bound_dev_if);
}

/*
 * May @sk not share its port with @other?  @other may be in TIME_WAIT.  With
 * @strict, when any other port would do, overlapping addresses are enough.
 */
static bool conflicts(const struct sock *sk, const struct sock *other,
		      bool strict)
{
	if (other == sk)
		return false;
	if (sk->sk_bound_dev_if && other->sk_bound_dev_if &&
	    sk->sk_bound_dev_if != other->sk_bound_dev_if)
		return false;
	if (l3_domain(sk) != l3_domain(other))
		return false;
	if (!strict && sk->sk_reuse && other->sk_reuse &&
	    other->sk_state != TCP_LISTEN)
		return false;
	if (!strict && sk->sk_reuseport && other->sk_reuseport &&
	    (other->sk_state == TCP_TIME_WAIT ||
	     uid_eq(sk_uid(sk), sk_uid(other))))
		return false;
	return addresses_overlap(sk, other);
}

static bool bucket_conflicts(const struct sock *sk,
			     const struct ferry_bind_bucket *b, bool strict)
{
	const struct sock *other;

	hlist_for_each_entry(other, &b->owners, sk_bind_node) {
		if (conflicts(sk, other, strict))
			return true;
	}
	return false;
}

/* Take a port, or keep it if it is held and nobody objects. */
static int take_port(struct sock *sk, u16 port, bool strict)
{
	struct ferry_bind_share *share = share_of(sock_net(sk), port);
	struct ferry_bind_bucket *b;
	int err = 0;

	spin_lock_bh(&share->lock);
	b = find_bucket(share, port);
	if (b && bucket_conflicts(sk, b, strict)) {
		err = -EADDRINUSE;
	} else if (!ferry_csk(sk)->bind_bucket) {
		if (!b)
			b = new_bucket(share, port);
		if (b)
			own(sk, b);
		else
			err = -ENOMEM;
	}
	if (!err)
		b->chosen = true;
	spin_unlock_bh(&share->lock);
	return err;
}

/*
 * The @i-th port to try in a range.  Each comes once, and those of one parity
 * first if the range is even: connect() prefers even ports, bind() odd ones,
 * so that they do not get into each other's way.
 */
static int nth_port(int low, int count, u32 offset, int i)
{
	u32 step = 2 * i;

	if (!(count & 1) && i >= count / 2)
		step++;
	return low + (offset + step) % count;
}

static int take_any_port(struct sock *sk, bool strict)
{
	int low, high, count, i, port;
	u32 offset;

	inet_sk_get_local_port_range(sk, &low, &high);
	count = high - low + 1;
	offset = (get_random_u32_below(count) & ~1U) + !(low & 1);
	for (i = 0; i < count; i++) {
		port = nth_port(low, count, offset, i);
		if (inet_is_local_reserved_port(sock_net(sk), port))
			continue;
		if (!take_port(sk, port, strict))
			return 0;
		if (!(i & 255))
			cond_resched();
	}
	return -EADDRINUSE;
}

/**
 * ferry_get_port() - bind() or listen() wants a port
 * @sk: the socket
 * @port: the port, 0 for any
 *
 * Context: process context, socket lock held.
 *
 * Return: 0, -EADDRINUSE or -ENOMEM.
 */
int ferry_get_port(struct sock *sk, unsigned short port)
{
	int err;

	if (port)
		return take_port(sk, port, false);
	err = take_any_port(sk, true);
	if (err && READ_ONCE(sock_net(sk)->ipv4.sysctl_ip_autobind_reuse))
		err = take_any_port(sk, false);
	return err;
}

/**
 * ferry_put_port() - give the port back
 * @sk: the socket; nothing happens if it has none
 *
 * Context: socket lock held.
 */
void ferry_put_port(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_bind_share *share;

	if (!csk->bind_bucket)
		return;
	share = share_of(sock_net(sk), inet_sk(sk)->inet_num);
	spin_lock_bh(&share->lock);
	disown(share, &sk->sk_bind_node, csk->bind_bucket);
	csk->bind_bucket = NULL;
	inet_sk(sk)->inet_num = 0;
	spin_unlock_bh(&share->lock);
}

/**
 * ferry_inherit_port() - a child owns the port of its listener
 * @listener: the listener, perhaps closing at this moment
 * @child: a connection with the listener's port number
 *
 * Context: BH, child's lock held.
 *
 * Return: 0 or -ENOMEM.
 */
int ferry_inherit_port(const struct sock *listener, struct sock *child)
{
	u16 port = inet_sk(child)->inet_num;
	struct ferry_bind_share *share = share_of(sock_net(child), port);
	struct ferry_bind_bucket *b;

	spin_lock_bh(&share->lock);
	b = find_bucket(share, port);
	if (!b)
		b = new_bucket(share, port);
	if (b) {
		b->chosen = true;
		own(child, b);
	}
	spin_unlock_bh(&share->lock);
	return b ? 0 : -ENOMEM;
}

/**
 * ferry_bind_move() - TIME_WAIT owns the port as well
 * @sk: the connection
 * @tw: its mini socket
 *
 * Context: BH disabled, socket lock held.
 */
void ferry_bind_move(struct sock *sk, struct ferry_timewait_sock *tw)
{
	struct ferry_bind_bucket *b = ferry_csk(sk)->bind_bucket;
	struct ferry_bind_share *share;

	share = share_of(sock_net(sk), b->port);
	spin_lock_bh(&share->lock);
	tw->bind_bucket = b;
	hlist_add_head(&tw->common.skc_bind_node, &b->owners);
	spin_unlock_bh(&share->lock);
}

/**
 * ferry_bind_release() - TIME_WAIT is over
 * @tw: the mini socket
 *
 * Context: BH or process.
 */
void ferry_bind_release(struct ferry_timewait_sock *tw)
{
	struct ferry_bind_share *share;

	share = share_of(read_pnet(&tw->common.skc_net), tw->common.skc_num);
	spin_lock_bh(&share->lock);
	disown(share, &tw->common.skc_bind_node, tw->bind_bucket);
	spin_unlock_bh(&share->lock);
}

/* Share or take @port for a connection; the hash decides if it is unique. */
static int connect_port(struct sock *sk, u16 port)
{
	struct ferry_bind_share *share = share_of(sock_net(sk), port);
	struct ferry_timewait_sock *tw = NULL;
	struct ferry_bind_bucket *b;
	int err = 0;

	spin_lock_bh(&share->lock);
	b = find_bucket(share, port);
	if (b && b->chosen) {
		err = -EADDRINUSE;
	} else if (!b) {
		b = new_bucket(share, port);
		if (!b)
			err = -ENOMEM;
	}
	if (!err) {
		own(sk, b);
		if (!ferry_hash_connect(sk, false, &tw)) {
			disown(share, &sk->sk_bind_node, b);
			ferry_csk(sk)->bind_bucket = NULL;
			inet_sk(sk)->inet_num = 0;
			inet_sk(sk)->inet_sport = 0;
			err = -EADDRINUSE;
		}
	}
	spin_unlock_bh(&share->lock);
	if (tw)
		ferry_timewait_replaced(tw);
	return err;
}

/* The program has chosen the port, and holds it. */
static int connect_chosen_port(struct sock *sk)
{
	struct ferry_timewait_sock *tw;

	if (!ferry_hash_connect(sk, true, &tw))
		return -EADDRNOTAVAIL;
	if (tw)
		ferry_timewait_replaced(tw);
	return 0;
}

/* Another start for the next connection to this peer, and not the next one. */
static void count_port(u16 *counter, int steps)
{
	steps = max_t(int, steps, get_random_u32_below(8));
	WRITE_ONCE(*counter, READ_ONCE(*counter) + 2 * steps + 2);
}

/**
 * ferry_bind_connect() - a port for connect(), and the place in the hash
 * @sk: socket with both addresses and the peer's port
 *
 * RFC 6056 section 3.3.4, double-hash port selection: the search starts at a
 * secret function of both addresses and the peer's port, plus a counter of
 * which each peer shares one with few others.  Connections to one peer use
 * the ports in turn, and nobody can predict them from those to another.
 *
 * If the connection takes the place of one in TIME_WAIT, write_seq becomes its
 * ISN.
 *
 * Context: process context, socket lock held.
 *
 * Return: 0, -EADDRNOTAVAIL or -ENOMEM.
 */
int ferry_bind_connect(struct sock *sk)
{
	const struct ferry_af_ops *af = ferry_af(sk);
	int low, high, count, i, port, err;
	u32 offset;
	u64 secret;
	u16 *counter;

	if (inet_sk(sk)->inet_num)
		return connect_chosen_port(sk);

	inet_sk_get_local_port_range(sk, &low, &high);
	count = high - low + 1;
	/* RFC 6056; of a connection with port 0, which is none. */
	secret = af->secret(&sk->__sk_common);
	counter = &port_counters[secret % PORT_COUNTERS];
	offset = (u32)(secret >> 32) % count + READ_ONCE(*counter);
	offset = ((offset % count) & ~1U) + (low & 1);
	for (i = 0; i < count; i++) {
		port = nth_port(low, count, offset, i);
		if (inet_is_local_reserved_port(sock_net(sk), port))
			continue;
		err = connect_port(sk, port);
		if (!err)
			count_port(counter, i);
		if (err != -EADDRINUSE)
			return err;
		if (!(i & 255))
			cond_resched();
	}
	return -EADDRNOTAVAIL;
}
