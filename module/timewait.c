// SPDX-License-Identifier: GPL-2.0-only
/*
 * TIME_WAIT: the side that closed first remembers the connection for 2 MSL.
 *
 * It keeps old segments from being taken for those of a new connection on the
 * same ports, and answers the peer's FIN again if its acknowledgment was lost
 * (RFC 9293 section 3.6.1).  That needs a fraction of a socket, so a mini
 * socket takes the socket's place in the hash.  A FIN_WAIT2 without a file
 * descriptor waits for nothing but the peer's FIN and becomes one, too.
 *
 * A busy or hostile peer cannot keep one alive for ever, nor end it early
 * with a RST in the wrong place.
 *
 * A new connection may come before the 2 MSL are over, where no old segment can
 * be taken for one of its own.  The peer's SYN says so with a number above
 * RCV.NXT (RFC 9293 MAY-2) or with a later timestamp (RFC 6191).  connect()
 * makes sure of it itself: its numbers begin beyond all that were sent, and
 * PAWS at the peer refuses what is older.  There it takes timestamps, and a
 * clock that has moved on by more than PAWS forgives: net.ferry.tw_reuse and
 * net.ferry.tw_reuse_delay.
 */
#include <linux/netdevice.h>

#include "ferry.h"
#include "trace.h"

/**
 * ferry_timewait_put() - give back a reference
 * @tw: the mini socket
 *
 * Context: any.
 */
void ferry_timewait_put(struct ferry_timewait_sock *tw)
{
	if (refcount_dec_and_test(&tw->common.skc_refcnt))
		kmem_cache_free(ferry_timewait_cache, tw);
}

/* The caller has taken it out of the hash. */
static void timewait_end(struct ferry_timewait_sock *tw)
{
	struct net *net = read_pnet(&tw->common.skc_net);

	trace_ferry_state(&tw->common, READ_ONCE(tw->substate), TCP_CLOSE);
	atomic_dec(&ferry_net(net)->timewaits);
	ferry_bind_release(tw);
	ferry_timewait_put(tw);
}

static void unhash(struct ferry_timewait_sock *tw)
{
	if (ferry_hash_remove(ferry_mini_sk(&tw->common)))
		timewait_end(tw);
}

static void tw_timer(struct timer_list *t)
{
	struct ferry_timewait_sock *tw = timer_container_of(tw, t, timer);

	unhash(tw);
	ferry_timewait_put(tw);
}

static void copy_identity(struct sock_common *to, const struct sock *sk)
{
	to->skc_addrpair = sk->sk_addrpair;
	to->skc_portpair = sk->sk_portpair;
	to->skc_hash = sk->sk_hash;
	to->skc_family = sk->sk_family;
	to->skc_reuse = sk->sk_reuse;
	to->skc_reuseport = sk->sk_reuseport;
	to->skc_ipv6only = sk->sk_ipv6only;
	to->skc_bound_dev_if = sk->sk_bound_dev_if;
	to->skc_prot = sk->sk_prot;
	atomic64_set(&to->skc_cookie, atomic64_read(&sk->sk_cookie));
	write_pnet(&to->skc_net, sock_net(sk));
#if IS_ENABLED(CONFIG_IPV6)
	to->skc_v6_daddr = sk->sk_v6_daddr;
	to->skc_v6_rcv_saddr = sk->sk_v6_rcv_saddr;
#endif
}

/* What the answers' IP headers take from the connection. */
static void copy_flow(struct ferry_timewait_sock *tw, const struct sock *sk)
{
	tw->mark = READ_ONCE(sk->sk_mark);
	tw->priority = READ_ONCE(sk->sk_priority);
	tw->txhash = READ_ONCE(sk->sk_txhash);
	tw->flow_label = 0;
	tw->tos = READ_ONCE(inet_sk(sk)->tos);
#if IS_ENABLED(CONFIG_IPV6)
	if (tw->af_ops->family == AF_INET6) {
		tw->flow_label = inet6_sk(sk)->flow_label &
				 IPV6_FLOWLABEL_MASK;
		tw->tos = inet6_sk(sk)->tclass;
	}
#endif
	tw->tos &= ~INET_ECN_MASK;
}

/* One more, if the namespace may have one more. */
static struct ferry_timewait_sock *timewait_alloc(struct net *net)
{
	struct ferry_net *fn = ferry_net(net);
	struct ferry_timewait_sock *tw;

	if (atomic_read(&fn->timewaits) >=
	    READ_ONCE(fn->sysctl.max_tw_buckets)) {
		ferry_count(net, TIME_WAIT_OVERFLOW);
		return NULL;
	}
	tw = kmem_cache_alloc(ferry_timewait_cache, GFP_ATOMIC);
	if (tw)
		atomic_inc(&fn->timewaits);
	else
		ferry_count(net, TIME_WAIT_FAILED);
	return tw;
}

/**
 * ferry_time_wait() - replace a connection by a mini socket and end it
 * @sk: the socket; the caller holds a reference besides the descriptor's
 * @substate: TCP_TIME_WAIT or TCP_FIN_WAIT2
 * @timeout: how long, in jiffies
 *
 * Without memory, or beyond net.ferry.max_tw_buckets, the connection is closed
 * at once; its peer then gets a RST if it has not finished.
 *
 * Context: BH disabled, socket lock held.
 */
void ferry_time_wait(struct sock *sk, u8 substate, unsigned long timeout)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_timewait_sock *tw;

	tw = timewait_alloc(sock_net(sk));
	if (!tw) {
		ferry_done(sk);
		return;
	}

	copy_identity(&tw->common, sk);
	tw->common.skc_state = TCP_TIME_WAIT;
	tw->af_ops = ferry_af(sk);
	copy_flow(tw, sk);
	tw->substate = substate;
	tw->snd_nxt = fp->snd_nxt;
	tw->max_window = ferry_max_window(fp);
	tw->rcv_nxt = fp->rcv_nxt;
	tw->rcv_wnd = ferry_receive_window(fp);
	tw->rcv_wscale = fp->rcv_wscale;
	tw->last_answer = 0;
	tw->has_tstamp = fp->has_tstamp;
	tw->ts_offset = fp->ts_offset;
	tw->ts_recent = fp->ts_recent;
	tw->ts_recent_stamp = fp->ts_recent_stamp;
	tw->since = ferry_ts_clock();
	tw->common.skc_nulls_node.pprev = NULL;
	timer_setup(&tw->timer, tw_timer, 0);

	ferry_bind_move(sk, tw);
	/* The hash's, the timer's. */
	refcount_set(&tw->common.skc_refcnt, 2);
	/* Whoever finds it finds its timer running, and it runs long enough. */
	local_bh_disable();
	mod_timer(&tw->timer, jiffies + max(timeout, 1UL));
	ferry_hash_replace(sk, ferry_mini_sk(&tw->common));
	local_bh_enable();
	trace_ferry_state(&tw->common, TCP_CLOSE, substate);
	ferry_count(sock_net(sk), TIME_WAIT);
	ferry_done(sk);
}

/**
 * ferry_timewait_kill() - end a TIME_WAIT before its time
 * @tw: the mini socket; the caller holds a reference
 *
 * Context: BH or process; not in the timer itself.
 */
void ferry_timewait_kill(struct ferry_timewait_sock *tw)
{
	if (timer_delete(&tw->timer))
		ferry_timewait_put(tw);
	unhash(tw);
}

/**
 * ferry_timewait_shutdown() - end a TIME_WAIT and wait for its timer
 * @tw: the mini socket; the caller holds a reference
 *
 * Context: process context; no segment finds the mini socket any more.
 */
void ferry_timewait_shutdown(struct ferry_timewait_sock *tw)
{
	if (timer_shutdown_sync(&tw->timer))
		ferry_timewait_put(tw);
	unhash(tw);
}

/* Beyond everything that the old connection ever sent; 0 means none. */
static u32 next_isn(const struct ferry_timewait_sock *tw)
{
	return max(tw->snd_nxt + U16_MAX + 2, 1U);
}

static bool is_loopback(const struct ferry_timewait_sock *tw)
{
	const struct sock_common *c = &tw->common;

	if (c->skc_bound_dev_if == LOOPBACK_IFINDEX)
		return true;
#if IS_ENABLED(CONFIG_IPV6)
	if (tw->af_ops->family == AF_INET6)
		return ipv6_addr_loopback(&c->skc_v6_daddr) ||
		       ipv6_addr_loopback(&c->skc_v6_rcv_saddr);
#endif
	return ipv4_is_loopback(c->skc_daddr) ||
	       ipv4_is_loopback(c->skc_rcv_saddr);
}

/* May connect() have the place of a TIME_WAIT for want of another port? */
static bool is_reusable(const struct ferry_timewait_sock *tw)
{
	const struct net *net = read_pnet(&tw->common.skc_net);
	const struct ferry_sysctl *sysctl = &ferry_net(net)->sysctl;
	int reuse = READ_ONCE(sysctl->timewait_reuse);
	u32 age = ferry_ts_clock() - READ_ONCE(tw->since);

	if (READ_ONCE(tw->substate) != TCP_TIME_WAIT)
		return false;
	if (reuse == 2)
		reuse = is_loopback(tw);
	return reuse && age > READ_ONCE(sysctl->timewait_reuse_delay);
}

/**
 * ferry_timewait_yield() - may connect() have the place of a TIME_WAIT?
 * @tw: the mini socket, hashed
 * @sk: socket with the same addresses and ports
 * @chosen: the program wants this port and no other
 *
 * Only with timestamps, which tell the segments of both connections apart.
 *
 * Context: process context, socket lock of @sk and the hash's lock held.
 *
 * Return: true if it may: then write_seq is the ISN, and the caller puts @sk
 * in the place of @tw and calls ferry_timewait_replaced().
 */
bool ferry_timewait_yield(const struct ferry_timewait_sock *tw,
			  struct sock *sk, bool chosen)
{
	if (!tw->has_tstamp || !(chosen || is_reusable(tw)))
		return false;
	ferry_sk(sk)->write_seq = next_isn(tw);
	return true;
}

/**
 * ferry_timewait_replaced() - connect() has the place of a TIME_WAIT
 * @tw: the mini socket, whose reference of the hash is the caller's
 *
 * Context: process context, no lock of ports or hashes held.
 */
void ferry_timewait_replaced(struct ferry_timewait_sock *tw)
{
	ferry_count(read_pnet(&tw->common.skc_net), TIME_WAIT_RECYCLED);
	if (timer_delete(&tw->timer))
		ferry_timewait_put(tw);
	timewait_end(tw);
}

static void restart(struct ferry_timewait_sock *tw)
{
	/* A timer that has just run out stays so. */
	mod_timer_pending(&tw->timer, jiffies + FERRY_TIMEWAIT_LEN);
}

static void send_ack(struct ferry_timewait_sock *tw,
		     const struct sk_buff *skb)
{
	struct net *net = read_pnet(&tw->common.skc_net);
	struct ferry_reply reply;
	unsigned int len;

	ferry_init_header(&reply.th, tw->snd_nxt, tw->rcv_nxt, FERRY_ACK,
			  tw->rcv_wnd >> tw->rcv_wscale);
	len = ferry_timewait_options(tw, reply.options);
	reply.th.doff = (sizeof(reply.th) + len) / 4;
	tw->af_ops->reply(net, ferry_mini_sk(&tw->common), skb, &reply.th);
	ferry_count(net, OUT_SEGS);
}

/**
 * ferry_timewait_ack() - answer a segment with what is expected
 * @tw: the mini socket; the caller holds a reference
 * @skb: the segment
 *
 * Context: BH.
 */
void ferry_timewait_ack(struct ferry_timewait_sock *tw,
			const struct sk_buff *skb)
{
	struct net *net = read_pnet(&tw->common.skc_net);

	if (ferry_may_answer(net, skb, &tw->last_answer))
		send_ack(tw, skb);
}

static enum ferry_event classify(const struct ferry_timewait_sock *tw,
				 int state, const struct ferry_skb_cb *cb,
				 int ts)
{
	const struct ferry_seg seg = {
		.seq = cb->seq, .end_seq = cb->end_seq, .ack = cb->ack_seq,
		.flags = cb->flags, .ts = ts,
	};
	const struct ferry_expected expected = {
		.snd_una = tw->snd_nxt, .snd_nxt = tw->snd_nxt,
		.max_window = tw->max_window, .rcv_wup = tw->rcv_nxt,
		.rcv_nxt = tw->rcv_nxt, .rcv_wnd = tw->rcv_wnd,
		.strict = true,
	};

	return ferry_classify(state, &seg, &expected);
}

/* An orphan's FIN_WAIT2: what an acceptable segment brings. */
static enum ferry_event classify_late(const struct ferry_timewait_sock *tw,
				      const struct ferry_skb_cb *cb)
{
	if (cb->seq == cb->end_seq || !seq_after(cb->end_seq, tw->rcv_nxt))
		return FERRY_SEG_ACK;
	if (cb->flags & FERRY_FIN && cb->end_seq == tw->rcv_nxt + 1)
		return FERRY_SEG_FIN;
	/* RFC 1122 section 4.2.2.13: data for an application that has gone */
	return FERRY_SEG_DATA_LATE;
}

/* The options of a segment, and its timestamp against TS.Recent. */
static int read_timestamp(const struct ferry_timewait_sock *tw,
			  const struct sk_buff *skb, struct ferry_options *o)
{
	u32 age = (u32)ktime_get_seconds() - READ_ONCE(tw->ts_recent_stamp);

	ferry_skb_options(skb, o);
	o->has_timestamp &= tw->has_tstamp;
	if (!o->has_timestamp)
		return 0;
	return ferry_ts_compare(o->ts_val, READ_ONCE(tw->ts_recent), age);
}

static void store_timestamp(struct ferry_timewait_sock *tw,
			    const struct ferry_options *o)
{
	if (o->has_timestamp) {
		WRITE_ONCE(tw->ts_recent, o->ts_val);
		WRITE_ONCE(tw->ts_recent_stamp, ktime_get_seconds());
	}
}

/**
 * ferry_timewait_rcv() - a segment for a connection in TIME_WAIT
 * @tw: the mini socket; the caller holds a reference
 * @skb: the segment; owned from here on, if false is returned
 *
 * RFC 9293 section 3.10.7.4; RFC 7323 section 5: what has an older timestamp
 * is an old duplicate; RFC 6191: a SYN with a newer one is none; RFC 1337: a
 * RST does not end TIME_WAIT.
 *
 * Context: BH.
 *
 * Return: true if it is a SYN that may open the connection again, whose ISN
 * is then proposed in the segment's control block.
 */
bool ferry_timewait_rcv(struct ferry_timewait_sock *tw, struct sk_buff *skb)
{
	struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct net *net = read_pnet(&tw->common.skc_net);
	int state = READ_ONCE(tw->substate);
	struct ferry_options o;
	struct ferry_step step;
	enum ferry_event event;
	int ts;

	ts = read_timestamp(tw, skb, &o);
	event = classify(tw, state, cb, ts);
	if (ts < 0 && event == FERRY_SEG_OUTSIDE)
		ferry_count(net, PAWS);

	if (state == TCP_FIN_WAIT2 && event == FERRY_SEG_ACK)
		event = classify_late(tw, cb);
	if (event == FERRY_SEG_SYN_NEW) {
		cb->isn = next_isn(tw);
		return true;
	}
	if (event == FERRY_SEG_RST)
		trace_ferry_reset(&tw->common, NULL, false);
	if (event == FERRY_SEG_FIN) {
		tw->rcv_nxt = cb->end_seq;
		if (state != TCP_TIME_WAIT) {
			trace_ferry_state(&tw->common, state, TCP_TIME_WAIT);
			store_timestamp(tw, &o);
			WRITE_ONCE(tw->since, ferry_ts_clock());
		}
		WRITE_ONCE(tw->substate, TCP_TIME_WAIT);
		restart(tw);
	}
	if (event == FERRY_SEG_ACK && state == TCP_TIME_WAIT)
		store_timestamp(tw, &o);

	step = ferry_machine(state, event);
	switch (step.reply) {
	case FERRY_SEND_ACK:
	case FERRY_SEND_ACK_LIMITED:
		if (ferry_may_answer(net, skb, &tw->last_answer))
			send_ack(tw, skb);
		break;
	case FERRY_SEND_CHALLENGE:
		if (ferry_may_challenge(net, skb, &tw->last_answer))
			send_ack(tw, skb);
		break;
	case FERRY_SEND_RST_BACK:
		ferry_reply_reset(net, tw->af_ops,
				  ferry_mini_sk(&tw->common), skb);
		break;
	}
	if (step.next == TCP_CLOSE)
		ferry_timewait_kill(tw);
	ferry_drop_event(net, NULL, skb, state, event);
	return false;
}
