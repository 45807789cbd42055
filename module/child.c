// SPDX-License-Identifier: GPL-2.0-only
/*
 * The child: a full socket made of a listener and a request.
 *
 * The listener's clone has its options; addresses, numbers and what both ends
 * have agreed on come from the request, whose place in the hash the child
 * takes.  It waits in the accept queue with the reference that its file
 * descriptor will hold.
 *
 * Nobody else knows the child before it is in the hash, and then it is locked.
 * The listener is not.
 */
#include <linux/skbuff.h>

#include "ferry.h"
#include "trace.h"

/* Since the first SYN-ACK. */
static u32 since_sent_us(const struct ferry_request_sock *req)
{
	return div_u64(ktime_get_ns() - req->sent_at, NSEC_PER_USEC);
}

static void init_stream(struct sock *child,
			const struct ferry_request_sock *req,
			const struct sk_buff *skb)
{
	struct ferry_conn_sock *csk = ferry_csk(child);
	struct ferry_sock *fp = ferry_sk(child);

	fp->snd_una = req->snt_isn + 1;
	fp->snd_nxt = fp->snd_una;
	fp->write_seq = fp->snd_una;
	fp->pushed_seq = fp->snd_una;
	fp->snd_sml = fp->snd_una;
	fp->snd_up = fp->snd_una;
	fp->urgent.data = 0;
	fp->snd_wl1 = req->rcv_isn;
	fp->snd_wnd = (u32)FERRY_SKB_CB(skb)->window << req->snd_wscale;
	fp->max_window = fp->snd_wnd;
	fp->rcv_nxt = req->rcv_isn + 1;
	fp->copied_seq = fp->rcv_nxt;
	fp->rcv_wup = fp->rcv_nxt;
	fp->rcv_wnd = req->rcv_wnd;
	fp->rcv_ssthresh = fp->rcv_wnd;
	ferry_options_inherit(child, req);
	fp->conn.mss_clamp = req->mss;
	ferry_recovery_init(&fp->recovery);
	fp->trouble = NULL;
	fp->active_open = 0;
	csk->cong.high_seq = req->snt_isn;
	csk->cong.usage_seq = fp->snd_una;
	csk->last_rcv = (u32)jiffies;
	csk->last_snd = (u32)jiffies;
	csk->quick_acks = 0;
	csk->ato = 0;
	csk->retrans_stamp = 0;

	fp->conn.cong.total_retrans = req->retransmits;
	if (req->timeouts)
		ferry_trouble_synack(fp, req->timeouts,
				     since_sent_us(req) / USEC_PER_MSEC);
	/* Karn: after a repetition nobody knows which one was answered. */
	if (req->sent_at && !req->retransmits) {
		u32 rtt_us = since_sent_us(req);

		ferry_rtt_sample(&csk->cong.rtt, rtt_us);
		ferry_rtt_min_sample(&csk->cong.rtt, rtt_us, ferry_clock_us());
	}
}

/*
 * Nobody can accept it: the descriptor's and the caller's references go, and
 * the lock.
 */
static void discard_child(struct sock *child)
{
	/* By sk_clone_lock(), which static analysis cannot see. */
	__acquire(&child->sk_lock.slock);
	ferry_orphan(child);
	ferry_set_state(child, TCP_CLOSE);
	ferry_release_dead(child);
	bh_unlock_sock(child);
	sock_put(child);
}

/* A full socket, locked, with two references, in no hash; or NULL. */
static struct sock *create_child(const struct sock *listener,
				 const struct ferry_request_sock *req,
				 const struct sk_buff *skb)
{
	struct sock *child = sk_clone_lock(listener, GFP_ATOMIC);
	struct ferry_conn_sock *csk;
	struct dst_entry *dst;

	if (!child)
		return NULL;

	csk = ferry_csk(child);
	csk->is_ipv4 = req->af_ops == &ferry_ipv4_ops;
	csk->bind_bucket = NULL;
	csk->accept_link = NULL;
	csk->searches_mtu = 0;
	csk->defer_accept = 0;
	ferry_accept_queue_init(&csk->accept_queue);
	ferry_timers_init(child);
	ferry_pace_init(child);
	ferry_cong_init(&csk->cong, req->mss);
	ferry_cong_inherit(&csk->cong, &ferry_csk(listener)->cong);

	inet_sk_set_state(child, TCP_SYN_RECV);
	sock_reset_flag(child, SOCK_RCU_FREE);
	sk_node_init(&child->sk_node);
	atomic64_set(&child->sk_cookie, atomic64_read(&req->common.skc_cookie));
	child->sk_bound_dev_if = req->common.skc_bound_dev_if;
	child->sk_mark = req->mark;
	inet_sk(child)->inet_dport = req->common.skc_dport;
	inet_sk(child)->inet_num = req->common.skc_num;
	inet_sk(child)->inet_sport = htons(req->common.skc_num);
	RCU_INIT_POINTER(inet_sk(child)->inet_opt, NULL);
	inet_sk(child)->mc_list = NULL;
	req->af_ops->child_init(child, listener, req, skb);
	init_stream(child, req, skb);
	child->sk_hash = req->common.skc_hash;
	sk_set_txhash(child);
	trace_ferry_state(&child->__sk_common, TCP_CLOSE, TCP_SYN_RECV);

	dst = req->af_ops->route(child);
	if (!dst || ferry_inherit_port(listener, child))
		goto fail;
	ferry_route_open(child);
	ferry_sync_mss(child, dst_mtu(dst));
	ferry_ack_open(child);
	return child;

fail:
	discard_child(child);
	return NULL;
}

/**
 * ferry_child_open() - the handshake is complete: a connection for accept()
 * @listener: the listener, not locked
 * @skb: the ACK; owned from here on, if no connection is returned
 * @req: the request, in the hash, unless it was made from a cookie
 *
 * Context: BH, RCU read side.
 *
 * Return: the connection, locked and with a reference, to which the ACK is to
 * be given; or NULL if there is no room or no memory for it.
 */
struct sock *ferry_child_open(struct sock *listener, struct sk_buff *skb,
			      struct ferry_request_sock *req)
{
	struct net *net = sock_net(listener);
	struct sock *child;
	bool first;

	if (sk_acceptq_is_full(listener)) {
		if (READ_ONCE(ferry_net(net)->sysctl.abort_on_overflow)) {
			ferry_reply_reset(net, req->af_ops, listener, skb);
			if (!req->cookie)
				ferry_request_drop(req);
		}
		ferry_drop(listener, skb, FERRY_DROP_ACCEPT_OVERFLOW);
		return NULL;
	}
	child = create_child(listener, req, skb);
	if (!child) {
		ferry_drop(listener, skb, FERRY_DROP_ACCEPT_MEMORY);
		return NULL;
	}
	if (req->cookie)
		first = ferry_hash_insert(child, req->af_ops);
	else
		first = ferry_hash_replace(ferry_mini_sk(&req->common), child);
	if (!first) {
		/* Another CPU has completed it, or the timer has given up. */
		discard_child(child);
		ferry_drop(listener, skb, FERRY_DROP_ACCEPT_RACE);
		return NULL;
	}
	if (!req->cookie)
		ferry_request_end(req);
	ferry_count(net, PASSIVE_OPENS);
	if (!ferry_accept_queue_add(listener, child)) {
		ferry_send_reset(child);
		discard_child(child);
		ferry_drop(listener, skb, FERRY_DROP_LISTEN_CLOSED);
		return NULL;
	}
	return child;
}
