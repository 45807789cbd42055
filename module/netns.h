/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Ferry keeps for each network namespace.
 */
#ifndef _FERRY_NETNS_H
#define _FERRY_NETNS_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/list_nulls.h>
#include <linux/percpu_counter.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/inet_hashtables.h>
#include <net/netns/generic.h>

struct ctl_table_header;
struct ferry_cong_ops;
struct ferry_mib;

/**
 * struct ferry_bind_share - a share of the ports in use, by their low bits
 * @lock: protects the share and the buckets in it
 * @count: number of buckets
 * @mask: number of chains, a power of two, less one
 * @chains: of &struct ferry_bind_bucket
 * @first: the chain with which it starts
 */
struct ferry_bind_share {
	spinlock_t lock;	/* of the share */
	u32 count;
	u32 mask;
	struct hlist_head *chains;
	struct hlist_head first;
};

/**
 * struct ferry_ehash_table - chains of connections
 * @next: the larger table that takes its place, NULL if there is none yet
 * @mask: number of chains, a power of two, less one
 * @rcu: readers may still walk it when it is given up
 * @chains: by the low bits of the hash
 */
struct ferry_ehash_table {
	struct ferry_ehash_table __rcu *next;
	u32 mask;
	struct rcu_head rcu;
	struct hlist_nulls_head chains[];
};

/**
 * struct ferry_ehash_share - a share of all connections, by their hash
 * @lock: protects the share's chains, and what follows
 * @count: connections and mini sockets in it
 * @table: where they are
 */
struct ferry_ehash_share {
	spinlock_t lock;	/* of the share */
	u32 count;
	struct ferry_ehash_table *table;
};

#define FERRY_EHASH_SHARES	128	/* a power of two */

/**
 * struct ferry_sysctl - settings under net.ferry
 * @syn_retries: retransmissions of a SYN
 * @synack_retries: retransmissions of a SYN-ACK
 * @retries1: retransmissions before another route is looked for
 * @retries2: retransmissions before a connection is given up
 * @orphan_retries: the same without a file descriptor; 0: 8
 * @max_orphans: connections without a file descriptor
 * @max_tw_buckets: connections in TIME_WAIT, or in FIN_WAIT2 without a file
 *	descriptor
 * @fin_timeout: time in FIN_WAIT2 without a file descriptor, jiffies
 * @keepalive_time: idle time before the first keep-alive probe, jiffies
 * @keepalive_intvl: time between keep-alive probes, jiffies
 * @keepalive_probes: keep-alive probes before a connection is given up
 * @timewait_reuse: connect() may have the place of a TIME_WAIT: 1 of any, 2 of
 *	one over loopback
 * @timewait_reuse_delay: when it has lasted for longer than this, milliseconds
 * @max_syn_backlog: half-open connections of a listener
 * @syncookies: 1: send SYN cookies when the half-open queue is full; 2: always
 * @abort_on_overflow: reset, rather than retry, when the accept queue is full
 * @challenge_ack_limit: challenge ACKs in a second, INT_MAX for no limit
 * @invalid_ratelimit: time between two answers of one connection to segments
 *	that do not fit, jiffies
 * @fwmark_accept: a connection has the mark of the SYN if its listener has none
 * @l3mdev_accept: sockets bound to no device take what comes from an l3 domain
 * @window_scaling: offer the window scale option
 * @timestamps: offer timestamps: 0 no, 1 with an offset for each connection,
 *	2 without
 * @sack: permit SACK
 * @comp_sack_delay_ns: for how long an ACK for what is beyond a hole may wait,
 *	nanoseconds
 * @comp_sack_slack_ns: how much later its timer may expire, nanoseconds
 * @comp_sack_nr: how many of them may wait for one
 * @ecn: 0 no ECN, 1 ask for it, 2 agree to it
 * @stdurg: the urgent pointer is that of the urgent byte, not of the next
 * @mtu_probing: 1: find the path MTU by probes when large segments seem to
 *	vanish; 2: always
 * @base_mss: payload of a segment when that begins, bytes
 * @mtu_probe_floor: payload below which it never goes, bytes
 * @probe_interval: time after which a path may carry more than it did, seconds
 * @probe_threshold: what is not worth a probe, bytes
 * @moderate_rcvbuf: the receive buffer grows with what is read
 * @wmem: send buffer: minimum, default, maximum in bytes
 * @rmem: receive buffer: minimum, default, maximum in bytes
 */
struct ferry_sysctl {
	int syn_retries;
	int synack_retries;
	int retries1;
	int retries2;
	int orphan_retries;
	int max_orphans;
	int max_tw_buckets;
	int fin_timeout;
	int keepalive_time;
	int keepalive_intvl;
	int keepalive_probes;
	int timewait_reuse;
	int timewait_reuse_delay;
	int max_syn_backlog;
	int syncookies;
	int abort_on_overflow;
	int challenge_ack_limit;
	int invalid_ratelimit;
	int fwmark_accept;
	int l3mdev_accept;
	int window_scaling;
	int timestamps;
	int sack;
	u32 comp_sack_delay_ns;
	u32 comp_sack_slack_ns;
	int comp_sack_nr;
	int ecn;
	int stdurg;
	int mtu_probing;
	int base_mss;
	int mtu_probe_floor;
	u32 probe_interval;
	int probe_threshold;
	int moderate_rcvbuf;
	int wmem[3];
	int rmem[3];
};

/* Room for the names of all congestion controls. */
#define FERRY_CA_LIST_MAX	256

/**
 * struct ferry_net - a network namespace's share
 * @ehash: connections, half-open connections and TIME_WAIT
 * @ehash_shares: the same for writers
 * @ehash_grow: work that makes @ehash larger
 * @lhash: listeners by port
 * @lhash_lock: protects @lhash for writers; readers use RCU
 * @bhash: ports in use
 * @orphans: connections without a file descriptor
 * @timewaits: TIME_WAIT mini sockets
 * @challenge_stamp: second in which @challenge_count counts
 * @challenge_count: challenge ACKs left in this second
 * @sysctl: settings
 * @sysctl_header: their registration
 * @cong_default: congestion control of new sockets (congctl.c)
 * @cong_allowed: names of those that anybody may choose; if nobody has written
 *	it, those that were a default without being allowed otherwise
 * @cong_list_written: somebody has
 * @mib: counters
 */
struct ferry_net {
	struct ferry_ehash_table __rcu *ehash;
	struct ferry_ehash_share *ehash_shares;
	struct work_struct ehash_grow;
	struct hlist_nulls_head *lhash;
	spinlock_t lhash_lock;		/* of lhash, for writers */
	struct ferry_bind_share *bhash;
	struct percpu_counter orphans;
	atomic_t timewaits;
	u32 challenge_stamp;
	atomic_t challenge_count;
	struct ferry_sysctl sysctl;
	struct ctl_table_header *sysctl_header;
	const struct ferry_cong_ops __rcu *cong_default;
	char cong_allowed[FERRY_CA_LIST_MAX];
	bool cong_list_written;
	struct ferry_mib __percpu *mib;
};

extern unsigned int ferry_net_id;

static inline struct ferry_net *ferry_net(const struct net *net)
{
	return net_generic(net, ferry_net_id);
}

/* The same, where RCU is held anyway: each segment that comes asks for it. */
static inline struct ferry_net *ferry_net_rcu(const struct net *net)
{
	return rcu_dereference(net->gen)->ptr[ferry_net_id];
}

/**
 * ferry_mib_add() - count events
 * @fn: the share of the namespace where they happened
 * @item: what happened
 * @n: how often
 *
 * Context: any.
 */
static inline void ferry_mib_add(const struct ferry_net *fn,
				 enum ferry_mib_item item, unsigned int n)
{
	this_cpu_add(fn->mib->count[item], n);
}

#define ferry_count(net, item) \
	ferry_mib_add(ferry_net(net), FERRY_MIB_##item, 1)

/* What a chain of a table ends in; no two tables have the same number. */
static inline unsigned long ferry_ehash_end(const struct ferry_ehash_table *t,
					    u32 slot)
{
	return t->mask + 1 + slot;
}

/* Chains in the hash of listeners. */
#define FERRY_LHASH_SIZE	64

static inline struct hlist_nulls_head *
ferry_lhash_chain(const struct ferry_net *fn, u16 port)
{
	return &fn->lhash[port % FERRY_LHASH_SIZE];
}

/* What the chain of a port ends in. */
static inline unsigned long ferry_lhash_end(u16 port)
{
	return LISTENING_NULLS_BASE + port % FERRY_LHASH_SIZE;
}

int ferry_netns_init(void);
void ferry_netns_exit(void);
int ferry_sysctl_init(struct net *net);
void ferry_sysctl_exit(struct net *net);

#endif /* _FERRY_NETNS_H */
