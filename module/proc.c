// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a namespace shows of itself in /proc/net:
 *
 *	ferry_stat	counters (mib.c)
 *	ferry, ferry6	sockets, in the format of tcp and tcp6
 *
 * Every line of ferry and ferry6 is a listener, a half-open connection, a
 * connection, or one in TIME_WAIT.  Columns, units and widths are those of
 * /proc/net/tcp, so that programs which read that can read this.  Sockets are
 * not locked for it: two columns may be from different moments, and while
 * connections come and go one may be missing or be there twice.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>

#include "ferry.h"

/* The second half of a line; units and names are /proc/net/tcp's. */
struct proc_line {
	u8 state;
	u32 tx_queue;
	u32 rx_queue;
	u8 timer;		/* 0 none, 1 retransmission, 2 keep-alive, */
	long when;		/* 3 TIME_WAIT, 4 window probe; jiffies */
	u8 retransmits;
	uid_t uid;
	u8 probes;
	unsigned long inode;
	int references;
};

/**
 * struct proc_walk - how far a reader has come
 * @p: the kernel's, must be first
 * @place: in the hashes, of @sk
 * @sk: the socket in hand, referenced
 * @num: its number in the list, from 0
 * @pos: the same as a file position
 */
struct proc_walk {
	struct seq_net_private p;
	struct ferry_hash_place place;
	struct sock *sk;
	int num;
	loff_t pos;
};

static sa_family_t family_of(const struct seq_file *seq)
{
	return (uintptr_t)pde_data(file_inode(seq->file));
}

/* Take the socket at @place, or the first of our family behind it. */
static struct sock *take(struct seq_file *seq)
{
	struct proc_walk *walk = seq->private;
	struct net *net = seq_file_net(seq);
	struct sock *sk;

	while ((sk = ferry_hash_walk(net, &walk->place))) {
		if (sk->sk_family == family_of(seq))
			break;
		ferry_put(sk);
		walk->place.nth++;
	}
	walk->sk = sk;
	return sk;
}

static void let_go(struct proc_walk *walk)
{
	if (walk->sk)
		ferry_put(walk->sk);
	walk->sk = NULL;
}

static void *proc_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct proc_walk *walk = seq->private;

	if (v == SEQ_START_TOKEN) {
		memset(&walk->place, 0, sizeof(walk->place));
		walk->num = 0;
	} else {
		let_go(walk);
		walk->place.nth++;
		walk->num++;
	}
	walk->pos = ++*pos;
	return take(seq);
}

static void *proc_start(struct seq_file *seq, loff_t *pos)
{
	struct proc_walk *walk = seq->private;
	loff_t target = *pos, at = 0;
	void *v = SEQ_START_TOKEN;

	/* Mostly a reader goes on where the last buffer was full. */
	if (target && target == walk->pos)
		return take(seq);
	while (v && at < target)
		v = proc_next(seq, v, &at);
	return v;
}

static void proc_stop(struct seq_file *seq, void *v)
{
	let_go(seq->private);
}

/**
 * ferry_timer_shown() - the one timer that is shown of a socket
 * @sk: full socket
 * @when: until it expires, jiffies
 *
 * Return: as in /proc/net/tcp and inet_diag: 0 none, 1 retransmission,
 * 2 keep-alive, 4 window probe.
 */
u8 ferry_timer_shown(const struct sock *sk, long *when)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 now = jiffies;

	switch (READ_ONCE(csk->pending)) {
	case FERRY_TIMER_NONE:
		*when = 0;
		if (!csk->keepalive_armed)
			return 0;
		*when = (s32)(csk->keepalive_at - now);
		return 2;
	case FERRY_TIMER_PROBE:
		*when = (s32)(csk->retransmit_at - now);
		return 4;
	default:
		*when = (s32)(csk->retransmit_at - now);
		return 1;
	}
}
EXPORT_SYMBOL_GPL(ferry_timer_shown);

static void fill_sock(struct seq_file *seq, struct sock *sk,
		      struct proc_line *line)
{
	const struct ferry_sock *fp = ferry_sk(sk);

	line->state = inet_sk_state_load(sk);
	line->uid = from_kuid_munged(seq_user_ns(seq), ferry_sock_uid(sk));
	line->inode = sock_i_ino(sk);
	line->references = refcount_read(&sk->sk_refcnt) - 1;
	if (line->state == TCP_LISTEN) {
		line->rx_queue = READ_ONCE(sk->sk_ack_backlog);
		return;
	}
	line->tx_queue = READ_ONCE(fp->write_seq) - READ_ONCE(fp->snd_una);
	line->rx_queue = max_t(int, READ_ONCE(fp->rcv_nxt) -
				    READ_ONCE(fp->copied_seq), 0);
	line->retransmits = fp->conn.retransmits;
	line->probes = fp->conn.probes_out;
	line->timer = ferry_timer_shown(sk, &line->when);
}

static void fill_request(struct seq_file *seq,
			 const struct ferry_request_sock *req,
			 struct proc_line *line)
{
	line->state = TCP_SYN_RECV;
	line->timer = 1;
	line->when = req->timer.expires - jiffies;
	line->retransmits = req->retransmits;
	line->uid = from_kuid_munged(seq_user_ns(seq),
				     ferry_sock_uid(req->listener));
}

static void fill_timewait(const struct ferry_timewait_sock *tw,
			  struct proc_line *line)
{
	line->state = READ_ONCE(tw->substate);
	line->timer = 3;
	line->when = tw->timer.expires - jiffies;
	line->references = refcount_read(&tw->common.skc_refcnt) - 1;
}

static void show_addresses(struct seq_file *seq, const struct sock_common *c)
{
#if IS_ENABLED(CONFIG_IPV6)
	const __be32 *local = c->skc_v6_rcv_saddr.s6_addr32;
	const __be32 *remote = c->skc_v6_daddr.s6_addr32;

	if (c->skc_family == AF_INET6) {
		seq_printf(seq, "%08X%08X%08X%08X:%04X %08X%08X%08X%08X:%04X",
			   local[0], local[1], local[2], local[3], c->skc_num,
			   remote[0], remote[1], remote[2], remote[3],
			   ntohs(c->skc_dport));
		return;
	}
#endif
	seq_printf(seq, "%08X:%04X %08X:%04X", c->skc_rcv_saddr, c->skc_num,
		   c->skc_daddr, ntohs(c->skc_dport));
}

/* What only full sockets have. */
static void show_more(struct seq_file *seq, const struct sock *sk)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	const struct ferry_cong *ca = &csk->cong;
	int ssthresh = ca->snd_ssthresh;
	u32 rto_us;

	rcu_read_lock();
	rto_us = ferry_rto_us(sk);
	rcu_read_unlock();
	if (sk->sk_state == TCP_LISTEN)
		ssthresh = 0;	/* TCP's limit of fast opens */
	else if (ca->snd_ssthresh >= FERRY_SSTHRESH_MAX)
		ssthresh = -1;
	seq_printf(seq, " %lu %lu %u %u %d",
		   jiffies_to_clock_t(usecs_to_jiffies(rto_us)),
		   jiffies_to_clock_t(csk->ato),
		   csk->quick_acks << 1 | csk->pingpong, ca->snd_cwnd,
		   ssthresh);
}

static int show_sock(struct seq_file *seq, struct sock *sk)
{
	const struct proc_walk *walk = seq->private;
	struct proc_line line = { };

	if (sk->sk_state == TCP_TIME_WAIT)
		fill_timewait(ferry_tw(sk), &line);
	else if (sk->sk_state == TCP_NEW_SYN_RECV)
		fill_request(seq, ferry_req(sk), &line);
	else
		fill_sock(seq, sk, &line);

	seq_printf(seq, "%4d: ", walk->num);
	show_addresses(seq, &sk->__sk_common);
	seq_printf(seq, " %02X %08X:%08X %02X:%08lX %08X %5u %8d %lu %d %pK",
		   line.state, line.tx_queue, line.rx_queue, line.timer,
		   jiffies_delta_to_clock_t(line.when), line.retransmits,
		   line.uid, line.probes, line.inode, line.references, sk);
	if (sk_fullsock(sk))
		show_more(seq, sk);
	return 0;
}

static int proc_show4(struct seq_file *seq, void *v)
{
	/* All lines of /proc/net/tcp are 150 characters long. */
	seq_setwidth(seq, 149);
	if (v == SEQ_START_TOKEN)
		seq_puts(seq, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
	else
		show_sock(seq, v);
	seq_pad(seq, '\n');
	return 0;
}

static int proc_show6(struct seq_file *seq, void *v)
{
	if (v == SEQ_START_TOKEN)
		seq_puts(seq, "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
	else
		show_sock(seq, v);
	seq_putc(seq, '\n');
	return 0;
}

static const struct seq_operations proc_ops4 = {
	.start	= proc_start,
	.next	= proc_next,
	.stop	= proc_stop,
	.show	= proc_show4,
};

static const struct seq_operations proc_ops6 = {
	.start	= proc_start,
	.next	= proc_next,
	.stop	= proc_stop,
	.show	= proc_show6,
};

/**
 * ferry_proc_init() - create the files of a namespace
 * @net: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int ferry_proc_init(struct net *net)
{
	if (!proc_create_net_single("ferry_hash", 0444, net->proc_net,
				    ferry_hash_show, NULL))
		return -ENOMEM;
	if (!proc_create_net_single("ferry_stat", 0444, net->proc_net,
				    ferry_mib_show, NULL))
		goto remove_hash;
	if (!proc_create_net_data("ferry", 0444, net->proc_net, &proc_ops4,
				  sizeof(struct proc_walk),
				  (void *)(uintptr_t)AF_INET))
		goto remove_stat;
	if (!proc_create_net_data("ferry6", 0444, net->proc_net, &proc_ops6,
				  sizeof(struct proc_walk),
				  (void *)(uintptr_t)AF_INET6))
		goto remove_ferry;
	return 0;

remove_ferry:
	remove_proc_entry("ferry", net->proc_net);
remove_stat:
	remove_proc_entry("ferry_stat", net->proc_net);
remove_hash:
	remove_proc_entry("ferry_hash", net->proc_net);
	return -ENOMEM;
}

/**
 * ferry_proc_exit() - remove them
 * @net: the namespace
 */
void ferry_proc_exit(struct net *net)
{
	remove_proc_entry("ferry6", net->proc_net);
	remove_proc_entry("ferry", net->proc_net);
	remove_proc_entry("ferry_stat", net->proc_net);
	remove_proc_entry("ferry_hash", net->proc_net);
}
