// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the IP layer to the socket.
 *
 * The header is read here, once.  Then the segment goes to where its
 * connection stands: a full socket, under its lock or into its backlog; a
 * request; TIME_WAIT; or a listener.  A segment for nobody is answered with a
 * RST (RFC 9293 section 3.10.7.1).
 *
 * Context: BH, in the RCU read side section of the IP layer.
 */
#include <linux/filter.h>
#include <net/busy_poll.h>
#include <net/xfrm.h>

#include "ferry.h"

static void parse_header(struct sk_buff *skb)
{
	struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	const struct tcphdr *th = ferry_hdr(skb);

	cb->seq = ntohl(th->seq);
	cb->end_seq = cb->seq + th->syn + th->fin + skb->len -
		      ferry_hdr_len(th);
	cb->ack_seq = ntohl(th->ack_seq);
	cb->window = ntohs(th->window);
	cb->flags = ferry_hdr_flags(th);
	cb->isn = 0;
	cb->marks = 0;
}

/**
 * ferry_too_far() - is a packet refused by IP_MINTTL or IPV6_MINHOPCOUNT?
 * @sk: the socket
 * @skb: a segment for it, or an ICMP message about one (RFC 5082 section 3)
 *
 * Context: any.
 *
 * Return: true if its TTL is less than that.
 */
bool ferry_too_far(const struct sock *sk, const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return ip_hdr(skb)->ttl < READ_ONCE(inet_sk(sk)->min_ttl);
	return ipv6_hdr(skb)->hop_limit <
	       READ_ONCE(inet6_sk(sk)->min_hopcount);
}

/* What IPsec and socket filters have to say; false if it was dropped. */
static bool may_receive(struct sock *sk, struct sk_buff *skb)
{
	if (!xfrm_policy_check(sk, XFRM_POLICY_IN, skb,
			       ferry_af_of(skb)->family)) {
		ferry_drop(sk, skb, FERRY_DROP_POLICY);
		return false;
	}
	if (ferry_too_far(sk, skb) ||
	    sk_filter_trim_cap(sk, skb, ferry_hdr_len(ferry_hdr(skb)))) {
		ferry_drop(sk, skb, FERRY_DROP_FILTER);
		return false;
	}
	nf_reset_ct(skb);
	parse_header(skb);
	return true;
}

/* A segment that has completed a handshake goes on to the connection. */
static void deliver(struct sock *listener, struct sock *child,
		    struct sk_buff *skb)
{
	if (!child)
		return;
	/* It was locked at birth, which static analysis cannot see. */
	__acquire(&child->sk_lock.slock);
	skb->dev = NULL;
	ferry_rcv(child, skb);
	listener->sk_data_ready(listener);
	bh_unlock_sock(child);
	sock_put(child);
}

static void demux_listener(struct sock *sk, struct sk_buff *skb)
{
	struct sock *child = NULL;

	if (may_receive(sk, skb))
		child = ferry_listen_rcv(sk, skb);
	deliver(sk, child, skb);
}

/* RFC 9293 section 3.10.7.1: the state is CLOSED. */
static void demux_none(struct net *net, struct sk_buff *skb,
		       const struct ferry_af_ops *af)
{
	struct ferry_seg seg = { };
	struct ferry_step step;

	if (!xfrm_policy_check(NULL, XFRM_POLICY_IN, skb, af->family)) {
		ferry_drop_net(net, skb, FERRY_DROP_POLICY);
		return;
	}
	parse_header(skb);
	seg.flags = FERRY_SKB_CB(skb)->flags;
	step = ferry_machine(TCP_CLOSE, ferry_classify(TCP_CLOSE, &seg, NULL));
	if (step.reply == FERRY_SEND_RST_BACK)
		ferry_reply_reset(net, af, NULL, skb);
	ferry_drop_net(net, skb, FERRY_DROP_NO_SOCKET);
}

static void demux_time_wait(struct net *net, struct sk_buff *skb,
			    const struct ferry_af_ops *af, struct sock *tw)
{
	struct sock *listener;
	u32 isn;

	if (!xfrm_policy_check(NULL, XFRM_POLICY_IN, skb, af->family)) {
		ferry_drop_net(net, skb, FERRY_DROP_POLICY);
		return;
	}
	parse_header(skb);
	if (!ferry_timewait_rcv(ferry_tw(tw), skb))
		return;
	listener = af->lookup(net, skb, ferry_hdr(skb), true);
	if (!listener) {
		ferry_timewait_ack(ferry_tw(tw), skb);
		ferry_drop_net(net, skb, FERRY_DROP_TIME_WAIT);
		return;
	}
	isn = FERRY_SKB_CB(skb)->isn;
	/* Who may not open a connection may not end one either. */
	if (!may_receive(listener, skb))
		return;
	FERRY_SKB_CB(skb)->isn = isn;
	ferry_timewait_kill(ferry_tw(tw));
	/* It is a SYN, which completes nothing. */
	ferry_listen_rcv(listener, skb);
}

static void demux_request(struct sk_buff *skb, struct sock *sk)
{
	struct sock *listener = ferry_req(sk)->listener;
	struct sock *child = NULL;

	if (may_receive(listener, skb))
		child = ferry_request_rcv(listener, skb, ferry_req(sk));
	deliver(listener, child, skb);
}

static void demux_connection(struct sk_buff *skb, struct sock *sk)
{
	u64 limit;

	if (!may_receive(sk, skb))
		return;
	sk_incoming_cpu_update(sk);
	sk_mark_napi_id(sk, skb);
	skb->dev = NULL;
	bh_lock_sock_nested(sk);
	if (!sock_owned_by_user(sk)) {
		ferry_rcv(sk, skb);
	} else {
		/*
		 * The owner has to get through; what the buffers may hold and
		 * some room for ACKs is a bound that only abuse reaches.
		 */
		limit = (u64)READ_ONCE(sk->sk_rcvbuf) +
			READ_ONCE(sk->sk_sndbuf) + 64 * 1024;
		if (sk_add_backlog(sk, skb, min_t(u64, limit, UINT_MAX)))
			ferry_drop(sk, skb, FERRY_DROP_BACKLOG);
	}
	bh_unlock_sock(sk);
}

/**
 * ferry_demux() - a segment has come
 * @skb: the segment, header linear, checksum verified; owned from here on
 * @af: its address family
 *
 * Return: 0
 */
int ferry_demux(struct sk_buff *skb, const struct ferry_af_ops *af)
{
	struct net *net = dev_net(skb->dev);
	const struct tcphdr *th = ferry_hdr(skb);
	struct sock *sk;

	ferry_mib_add(ferry_net_rcu(net), FERRY_MIB_IN_SEGS,
		      max_t(u16, skb_shinfo(skb)->gso_segs, 1));
again:
	sk = af->lookup(net, skb, th, false);
	if (!sk) {
		sk = af->lookup(net, skb, th, true);
		if (sk)
			demux_listener(sk, skb);
		else
			demux_none(net, skb, af);
		return 0;
	}

	if (sk->sk_state == TCP_NEW_SYN_RECV) {
		if (ferry_req(sk)->listener->sk_state != TCP_LISTEN) {
			/* Perhaps there is another listener by now. */
			ferry_request_drop(ferry_req(sk));
			ferry_put(sk);
			goto again;
		}
		demux_request(skb, sk);
	} else if (sk->sk_state == TCP_TIME_WAIT) {
		demux_time_wait(net, skb, af, sk);
	} else {
		demux_connection(skb, sk);
	}
	ferry_put(sk);
	return 0;
}

/**
 * ferry_header_ok() - is there a whole header?
 * @skb: the segment, data at the transport header; the header, options
 *	included, is linear on success
 *
 * Context: BH.
 *
 * Return: false if the segment is too short or lies about its header.
 */
bool ferry_header_ok(struct sk_buff *skb)
{
	if (!pskb_may_pull(skb, sizeof(struct tcphdr)) ||
	    ferry_hdr_len(ferry_hdr(skb)) < sizeof(struct tcphdr))
		return false;
	return pskb_may_pull(skb, ferry_hdr_len(ferry_hdr(skb)));
}
