// SPDX-License-Identifier: GPL-2.0-only
/*
 * Half-open connections: SYN_RECEIVED after a passive open.
 *
 * A SYN makes a request, a mini socket in the hash of connections, and a
 * SYN-ACK, which a timer repeats.  The ACK that completes the handshake turns
 * the request into a full socket (child.c).  None of this takes the listener's
 * lock: requests of one listener are handled on all CPUs at once.
 *
 * Whoever takes a request out of the hash owns its end: the ACK that makes it
 * a connection, the RST that kills it, or the timer that gives up.
 *
 * A listener has at most as many requests as ferry_half_open_max() says.  SYNs
 * beyond that are answered with a cookie (cookie.c) and forgotten: their
 * request lives on the stack while the SYN-ACK is made, and again when the ACK
 * comes.
 */
#include <linux/random.h>
#include <linux/skbuff.h>
#include <net/l3mdev.h>
#include <net/sock_reuseport.h>
#include <net/xfrm.h>

#include "cookie.h"
#include "ferry.h"
#include "trace.h"

static struct ferry_cookie_key cookie_key __ro_after_init;

/**
 * ferry_request_seed() - choose the secrets of SYN cookies
 */
void __init ferry_request_seed(void)
{
	get_random_bytes(&cookie_key, sizeof(cookie_key));
}

/**
 * ferry_half_open() - length of the half-open queue
 * @listener: socket in state LISTEN
 *
 * Context: any.
 *
 * Return: the number of requests.
 */
u32 ferry_half_open(const struct sock *listener)
{
	return atomic_read(&ferry_csk(listener)->accept_queue.half_open);
}

/**
 * ferry_half_open_max() - limit of the half-open queue
 * @listener: socket in state LISTEN
 *
 * The backlog bounds it, as it does the accept queue.  Without SYN cookies
 * net.ferry.max_syn_backlog does, too, of which TCP keeps a quarter for peers
 * that it knows.
 *
 * Context: any.
 *
 * Return: the number of requests at which it is full.
 */
u32 ferry_half_open_max(const struct sock *listener)
{
	const struct ferry_sysctl *sysctl =
		&ferry_net(sock_net(listener))->sysctl;
	u32 backlog = READ_ONCE(listener->sk_max_ack_backlog);
	u32 limit = READ_ONCE(sysctl->max_syn_backlog);

	if (READ_ONCE(sysctl->syncookies))
		return backlog;
	return min(backlog, limit - limit / 4 + 1);
}

static void request_free(struct ferry_request_sock *req)
{
	sock_put(req->listener);
	kmem_cache_free(ferry_request_cache, req);
}

/**
 * ferry_request_put() - give back a reference
 * @req: the request
 *
 * Context: any.
 */
void ferry_request_put(struct ferry_request_sock *req)
{
	if (refcount_dec_and_test(&req->common.skc_refcnt))
		request_free(req);
}

/**
 * ferry_request_end() - a request has left the hash
 * @req: the request; the caller has taken it out
 *
 * Context: BH.
 */
void ferry_request_end(struct ferry_request_sock *req)
{
	trace_ferry_state(&req->common, TCP_NEW_SYN_RECV, TCP_CLOSE);
	atomic_dec(&ferry_csk(req->listener)->accept_queue.half_open);
	if (timer_delete(&req->timer))
		ferry_request_put(req);
	ferry_request_put(req);
}

/**
 * ferry_request_drop() - forget a half-open connection
 * @req: the request; the caller holds a reference
 *
 * Context: BH.
 */
void ferry_request_drop(struct ferry_request_sock *req)
{
	if (ferry_hash_remove(ferry_mini_sk(&req->common)))
		ferry_request_end(req);
}

static u16 mss_offer(const struct ferry_request_sock *req,
		     const struct sock *listener, const struct dst_entry *dst)
{
	return ferry_route_mss(req->af_ops, dst,
			       READ_ONCE(ferry_sk(listener)->user_mss));
}

/* <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> along @dst, which goes; it may be NULL */
static void send_synack(const struct sock *listener,
			struct ferry_request_sock *req, struct dst_entry *dst)
{
	u8 flags = FERRY_SYN | FERRY_ACK | (req->ecn_ok ? FERRY_ECE : 0);
	struct net *net = read_pnet(&req->common.skc_net);
	u8 options[FERRY_OPTIONS_MAX];
	struct tcphdr *th;
	struct sk_buff *skb;
	unsigned int len;

	if (!dst)
		return;
	skb = alloc_skb(FERRY_MAX_HEADER, GFP_ATOMIC);
	if (!skb) {
		dst_release(dst);
		return;
	}

	len = ferry_request_options(req, mss_offer(req, listener, dst),
				    options);
	skb_reserve(skb, FERRY_MAX_HEADER);
	memcpy(skb_push(skb, len), options, len);
	th = skb_push(skb, sizeof(*th));
	skb_reset_transport_header(skb);
	ferry_init_header(th, req->snt_isn, req->rcv_isn + 1, flags,
			  min(req->rcv_wnd, FERRY_WINDOW_UNSCALED_MAX));
	th->doff = (sizeof(*th) + len) / 4;
	th->source = htons(req->common.skc_num);
	th->dest = req->common.skc_dport;
	req->af_ops->request_xmit(listener, req, skb, dst);
	ferry_count(net, OUT_SEGS);
}

static void send_synack_again(const struct sock *listener,
			      struct ferry_request_sock *req)
{
	ferry_count(read_pnet(&req->common.skc_net), RETRANS_SEGS);
	trace_ferry_retransmit(&req->common, req->snt_isn, req->snt_isn + 1,
			       FERRY_RTX_SYNACK);
	send_synack(listener, req, req->af_ops->request_route(listener, req));
}

static unsigned long synack_timeout(const struct ferry_request_sock *req)
{
	return min_t(unsigned long, HZ << min(req->timeouts, 7),
		     FERRY_RTO_MAX);
}

/*
 * FERRY_DEFER_ACCEPT: is the handshake complete, and is there time left for
 * data to come, @ahead time-outs from now?
 */
static bool is_deferred(const struct ferry_request_sock *req, u8 ahead)
{
	u8 defer = READ_ONCE(ferry_csk(req->listener)->defer_accept);

	return READ_ONCE(req->acked) && req->timeouts + ahead < defer;
}

static void request_timer(struct timer_list *t)
{
	struct ferry_request_sock *req = timer_container_of(req, t, timer);
	struct sock *sk = ferry_mini_sk(&req->common);
	const struct ferry_net *fn = ferry_net(sock_net(sk));
	int retries;

	if (sk_unhashed(sk)) {
		ferry_request_put(req);
		return;
	}
	retries = READ_ONCE(ferry_csk(req->listener)->syn_retries) ?:
		  READ_ONCE(fn->sysctl.synack_retries);
	if (req->listener->sk_state != TCP_LISTEN ||
	    (req->timeouts >= retries && !is_deferred(req, 0))) {
		if (ferry_hash_remove(sk)) {
			ferry_count(sock_net(sk), ATTEMPT_FAILS);
			ferry_request_end(req);
		}
		ferry_request_put(req);
		return;
	}
	/* The last one gives a peer that has nothing to say a last chance. */
	if (!is_deferred(req, 1)) {
		req->retransmits++;
		rcu_read_lock();
		send_synack_again(req->listener, req);
		rcu_read_unlock();
	}
	if (req->timeouts < U8_MAX)
		req->timeouts++;
	mod_timer(&req->timer, jiffies + synack_timeout(req));
}

/* @dst is the route to the peer, or NULL. */
static void offer_window(struct ferry_request_sock *req, const struct sock *sk,
			 const struct dst_entry *dst)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;
	u32 space = ferry_window_from_space(READ_ONCE(sk->sk_rcvbuf));
	u32 most = READ_ONCE(ferry_sk(sk)->window_clamp) ?:
		   ferry_route_window(dst) ?: U32_MAX;
	u32 mss = dst ? mss_offer(req, sk, dst) : req->mss;

	if (req->has_tstamp)
		mss -= FERRY_TIMESTAMP_LEN;
	req->rcv_wscale = req->has_wscale ?
		ferry_window_scale(min_t(u32, READ_ONCE(sysctl->rmem[2]),
					 most)) : 0;
	req->rcv_wnd = ferry_window_init(min(space, most), mss);
	req->rcv_wnd = min(req->rcv_wnd, ferry_route_first_window(dst, mss));
}

/* What the SYN asks for and what the listener offers. */
static void negotiate(struct ferry_request_sock *req, const struct sock *sk,
		      const struct sk_buff *skb, const struct dst_entry *dst)
{
	const struct ferry_sock *lp = ferry_sk(sk);
	struct ferry_options o;

	ferry_skb_options(skb, &o);
	if (o.malformed)
		ferry_count(sock_net(sk), MALFORMED_OPTIONS);
	req->mss = o.mss ?: FERRY_MSS_DEFAULT;
	if (lp->user_mss)
		req->mss = min(req->mss, lp->user_mss);
	req->mss = max_t(u16, req->mss, FERRY_MSS_MIN);
	if (req->cookie)
		req->mss = ferry_cookie_mss(req->mss);

	ferry_request_agree(req, skb, &o, dst);
	if (req->cookie && !req->has_tstamp) {
		req->has_wscale = 0;
		req->snd_wscale = 0;
		req->sack_ok = 0;
		req->ecn_ok = 0;
	}
	offer_window(req, sk, dst);
}

/* The mark of all that is sent for the connection. */
static u32 mark_of(const struct sock *listener, const struct sk_buff *skb)
{
	const struct ferry_net *fn = ferry_net(sock_net(listener));
	u32 mark = READ_ONCE(listener->sk_mark);

	return !mark && READ_ONCE(fn->sysctl.fwmark_accept) ? skb->mark : mark;
}

/* The device to which the connection will be bound, 0 for none. */
static int device_of(const struct sock *listener, const struct sk_buff *skb)
{
	struct net *net = sock_net(listener);
	int dev = READ_ONCE(listener->sk_bound_dev_if);

	if (!dev && READ_ONCE(ferry_net(net)->sysctl.l3mdev_accept))
		dev = l3mdev_master_ifindex_by_index(net, skb->skb_iif);
	return dev;
}

/*
 * What addresses and ports of @skb and the listener say.  A slot of the cache
 * may be under a reader's eyes: no memset().  Returns what nobody can guess of
 * the connection.
 */
static u64 init_request(struct ferry_request_sock *req, struct sock *listener,
			const struct sk_buff *skb, bool cookie)
{
	const struct ferry_af_ops *af = ferry_af_of(skb);
	struct sock_common *c = &req->common;
	u64 secret;

	req->listener = listener;
	req->af_ops = af;
	req->cookie = cookie;
	req->acked = false;
	req->retransmits = 0;
	req->timeouts = 0;
	req->last_answer = 0;
	req->oif = 0;
	req->flow_label = 0;
	req->mark = mark_of(listener, skb);

	c->skc_family = listener->sk_family;
	c->skc_state = TCP_NEW_SYN_RECV;
	c->skc_reuse = listener->sk_reuse;
	c->skc_reuseport = listener->sk_reuseport;
	c->skc_ipv6only = listener->sk_ipv6only;
	c->skc_bound_dev_if = device_of(listener, skb);
	c->skc_prot = listener->sk_prot;
	c->skc_num = ntohs(ferry_hdr(skb)->dest);
	c->skc_dport = ferry_hdr(skb)->source;
	c->skc_nulls_node.pprev = NULL;
	atomic64_set(&c->skc_cookie, 0);
	write_pnet(&c->skc_net, sock_net(listener));
	af->request_init(req, listener, skb);
	secret = af->secret(c);
	req->ts_offset = ferry_ts_offset(sock_net(listener), secret);
	return secret;
}

/* The time in the unit of cookies. */
static u32 cookie_period(void)
{
	return (u32)ktime_get_seconds() / FERRY_COOKIE_PERIOD;
}

/* Of a group, any member may get the ACK: the group remembers for all. */
static u32 *cookie_stamp(struct sock *listener)
{
	struct sock_reuseport *group =
		rcu_dereference(listener->sk_reuseport_cb);

	return group ? &group->synq_overflow_ts :
		       &ferry_csk(listener)->accept_queue.cookie_at;
}

/* The SYN-ACK says it all; nothing is kept. */
static void send_cookie(struct sock *listener, const struct sk_buff *skb)
{
	u32 seq = FERRY_SKB_CB(skb)->seq, now = jiffies;
	u32 *stamp = cookie_stamp(listener);
	struct ferry_request_sock req;
	struct dst_entry *dst;
	u32 tuple;

	/* Two connections do not share cookies for want of a good hash. */
	tuple = init_request(&req, listener, skb, true);
	dst = req.af_ops->request_route(listener, &req);
	negotiate(&req, listener, skb, dst);
	req.rcv_isn = seq;
	req.snt_isn = ferry_cookie_make(&cookie_key, tuple, seq,
					cookie_period(), req.mss);
	if (now - READ_ONCE(*stamp) >= HZ)
		WRITE_ONCE(*stamp, now);
	send_synack(listener, &req, dst);
	ferry_count(sock_net(listener), SYNCOOKIES_SENT);
}

/**
 * ferry_request_syn() - a SYN for a listener
 * @listener: the listener, not locked
 * @skb: the SYN; owned from here on
 *
 * RFC 9293 section 3.10.7.2, third check.
 *
 * Context: BH, RCU read side.
 */
void ferry_request_syn(struct sock *listener, struct sk_buff *skb)
{
	struct ferry_accept_queue *queue = &ferry_csk(listener)->accept_queue;
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	const struct ferry_af_ops *af = ferry_af_of(skb);
	struct net *net = sock_net(listener);
	struct ferry_request_sock *req;
	bool full, cookie = false;
	enum ferry_drop_reason why;
	struct dst_entry *dst;
	struct sock_common *c;
	int cookies;
	u64 secret;

	/* The lookup took no lock: it may have ceased to listen. */
	why = FERRY_DROP_LISTEN_CLOSED;
	if (listener->sk_state != TCP_LISTEN)
		goto drop;
	/* What takes the place of a TIME_WAIT does not add to what is kept. */
	if (!cb->isn) {
		full = ferry_half_open(listener) >=
		       ferry_half_open_max(listener);
		cookies = READ_ONCE(ferry_net(net)->sysctl.syncookies);
		cookie = cookies == 2 || (full && cookies);
		why = FERRY_DROP_HALF_OPEN_FULL;
		if (full && !cookie)
			goto drop;
	}
	why = FERRY_DROP_LISTEN_OVERFLOW;
	if (sk_acceptq_is_full(listener))
		goto drop;
	if (cookie) {
		send_cookie(listener, skb);
		consume_skb(skb);
		return;
	}
	/* The listener may have been closed; its memory is still there. */
	why = FERRY_DROP_LISTEN_CLOSED;
	if (!refcount_inc_not_zero(&listener->sk_refcnt))
		goto drop;
	why = FERRY_DROP_LISTEN_MEMORY;
	req = kmem_cache_alloc(ferry_request_cache, GFP_ATOMIC | __GFP_NOWARN);
	if (!req) {
		sock_put(listener);
		goto drop;
	}

	c = &req->common;
	secret = init_request(req, listener, skb, false);
	dst = af->request_route(listener, req);
	negotiate(req, listener, skb, dst);
	req->rcv_isn = cb->seq;
	req->sent_at = ktime_get_ns();
	req->snt_isn = cb->isn ?: ferry_isn(secret);
	timer_setup(&req->timer, request_timer, 0);

	/* The hash's and the timer's; the third keeps it for the SYN-ACK. */
	refcount_set(&c->skc_refcnt, 3);
	atomic_inc(&queue->half_open);
	mod_timer(&req->timer, jiffies + synack_timeout(req));
	trace_ferry_state(c, TCP_CLOSE, TCP_NEW_SYN_RECV);
	if (ferry_hash_insert(ferry_mini_sk(c), af)) {
		send_synack(listener, req, dst);
	} else {
		ferry_request_end(req);	/* its twin came first */
		dst_release(dst);
	}
	ferry_request_put(req);
	consume_skb(skb);
	return;
drop:
	ferry_drop(listener, skb, why);
}

static void send_ack(struct ferry_request_sock *req,
		     const struct sk_buff *skb)
{
	struct net *net = read_pnet(&req->common.skc_net);
	struct ferry_reply reply;
	unsigned int len;

	ferry_init_header(&reply.th, req->snt_isn + 1, req->rcv_isn + 1,
			  FERRY_ACK, req->rcv_wnd >> req->rcv_wscale);
	len = ferry_request_options(req, 0, reply.options);
	reply.th.doff = (sizeof(reply.th) + len) / 4;
	req->af_ops->reply(net, req->listener, skb, &reply.th);
	ferry_count(net, OUT_SEGS);
}

static enum ferry_event classify(const struct ferry_request_sock *req,
				 const struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_seg seg = {
		.seq = cb->seq, .end_seq = cb->end_seq, .ack = cb->ack_seq,
		.flags = cb->flags,
	};
	const struct ferry_expected expected = {
		.snd_una = req->snt_isn, .snd_nxt = req->snt_isn + 1,
		.rcv_wup = req->rcv_isn + 1, .rcv_nxt = req->rcv_isn + 1,
		.rcv_wnd = req->rcv_wnd, .strict = true,
	};
	struct ferry_options o;
	enum ferry_event event;

	ferry_skb_options(skb, &o);
	if (req->has_tstamp && o.has_timestamp)
		seg.ts = ferry_ts_compare(o.ts_val, req->ts_recent, 0);
	event = ferry_classify(TCP_NEW_SYN_RECV, &seg, &expected);
	if (seg.ts < 0 && event == FERRY_SEG_OUTSIDE)
		ferry_count(read_pnet(&req->common.skc_net), PAWS);
	return event;
}

/**
 * ferry_request_ack() - an ACK for a listener
 * @listener: the listener, not locked
 * @skb: the segment; owned from here on
 *
 * It completes a handshake that a SYN cookie remembers, or gets a RST.
 *
 * Context: BH, RCU read side.
 *
 * Return: as ferry_request_rcv().
 */
struct sock *ferry_request_ack(struct sock *listener, struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	const u32 recent = FERRY_COOKIE_AGE_MAX * FERRY_COOKIE_PERIOD * HZ;
	struct net *net = sock_net(listener);
	struct ferry_request_sock req;
	struct dst_entry *dst;
	u32 tuple;

	if (cb->flags & FERRY_SYN ||
	    !READ_ONCE(ferry_net(net)->sysctl.syncookies) ||
	    (u32)jiffies - READ_ONCE(*cookie_stamp(listener)) >= recent)
		goto reset;

	tuple = init_request(&req, listener, skb, true);
	req.common.skc_hash = req.af_ops->hash(&req.common);
	req.rcv_isn = cb->seq - 1;
	req.snt_isn = cb->ack_seq - 1;
	req.mss = ferry_cookie_check(&cookie_key, tuple,
				     req.rcv_isn, cookie_period(),
				     req.snt_isn);
	if (!req.mss) {
		ferry_count(net, SYNCOOKIES_FAILED);
		goto reset;
	}
	ferry_count(net, SYNCOOKIES_RECV);
	req.sent_at = 0;
	ferry_request_recall(&req, skb);
	dst = req.af_ops->request_route(listener, &req);
	offer_window(&req, listener, dst);
	dst_release(dst);
	return ferry_child_open(listener, skb, &req);
reset:
	ferry_reply_reset(net, ferry_af_of(skb), listener, skb);
	ferry_drop(listener, skb, FERRY_DROP_LISTEN_ACK);
	return NULL;
}

/* FERRY_DEFER_ACCEPT: an ACK without data does not wake the listener yet. */
static bool is_early(const struct sock *listener,
		     struct ferry_request_sock *req,
		     const struct ferry_skb_cb *cb)
{
	if (cb->end_seq != req->rcv_isn + 1 ||
	    req->timeouts >=
		    READ_ONCE(ferry_csk(listener)->defer_accept))
		return false;
	WRITE_ONCE(req->acked, true);
	return true;
}

/**
 * ferry_request_rcv() - a segment for a half-open connection
 * @listener: its listener, not locked
 * @skb: the segment; owned from here on, if no connection is returned
 * @req: the request; the caller holds a reference
 *
 * RFC 9293 section 3.10.7.4 in state SYN-RECEIVED, RFC 5961.
 *
 * Context: BH, RCU read side.
 *
 * Return: the connection that the segment has completed, locked and with a
 * reference, to which it is to be given; or NULL if all is done.
 */
struct sock *ferry_request_rcv(struct sock *listener, struct sk_buff *skb,
			       struct ferry_request_sock *req)
{
	enum ferry_event event = classify(req, skb);
	struct ferry_step step = ferry_machine(TCP_NEW_SYN_RECV, event);
	struct net *net = sock_net(listener);

	if (step.next == TCP_SYN_RECV) {
		if (!is_early(listener, req, FERRY_SKB_CB(skb)))
			return ferry_child_open(listener, skb, req);
		consume_skb(skb);
		return NULL;
	}

	switch (step.reply) {
	case FERRY_SEND_SYN_ACK:
		if (ferry_may_answer(net, skb, &req->last_answer))
			send_synack_again(listener, req);
		break;
	case FERRY_SEND_CHALLENGE:
		if (ferry_may_challenge(net, skb, &req->last_answer))
			send_ack(req, skb);
		break;
	case FERRY_SEND_ACK_LIMITED:
		if (ferry_may_answer(net, skb, &req->last_answer))
			send_ack(req, skb);
		break;
	case FERRY_SEND_RST_BACK:
		ferry_reply_reset(net, req->af_ops, listener, skb);
		break;
	}
	if (step.next == TCP_CLOSE) {
		ferry_count(net, ATTEMPT_FAILS);
		trace_ferry_reset(&req->common, NULL, false);
		ferry_request_drop(req);
	}
	ferry_drop_event(net, listener, skb, TCP_NEW_SYN_RECV, event);
	return NULL;
}
