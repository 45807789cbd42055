// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an ICMP message means to the connection that it is about.
 *
 * Anybody can send one.  So only messages about a sequence number that is in
 * flight count (RFC 5927 section 4.1), and what they say is a hint: a
 * connection that stands survives errors, which may pass, and remembers the
 * last one for the case that it times out.  A connection that does not stand
 * yet ends, and the application learns why; a half-open one is forgotten, and
 * nobody is told, since accept() has never shown it.
 *
 * An application that set IP_RECVERR or IPV6_RECVERR gets the error at once.
 *
 * Context: BH, RCU read side, in the error handlers of ipv4.c and ipv6.c.
 */
#include <linux/errqueue.h>

#include "ferry.h"

/* For recvmsg(MSG_ERRQUEUE); @skb has the message, data at what it is about. */
static void queue_error(struct sock *sk, struct sk_buff *skb,
			const struct ferry_icmp *msg)
{
	const u8 *th = (const u8 *)msg->th;
	struct sock_exterr_skb *serr;
	struct sk_buff *clone;

	/* TCP over IPv4 queues it whether it was asked to or not. */
	if (!ferry_recverr(sk) && msg->origin != SO_EE_ORIGIN_ICMP)
		return;
	clone = skb_clone(skb, GFP_ATOMIC);
	if (!clone)
		return;
	serr = SKB_EXT_ERR(clone);
	memset(serr, 0, sizeof(*serr));
	serr->ee.ee_errno = msg->err;
	serr->ee.ee_origin = msg->origin;
	serr->ee.ee_type = msg->type;
	serr->ee.ee_code = msg->code;
	serr->ee.ee_info = msg->info;
	serr->addr_offset = msg->daddr - skb_network_header(skb);
	serr->port = msg->th->dest;
	if (!skb_pull(clone, th - skb->data))
		goto drop;
	skb_reset_transport_header(clone);
	if (!sock_queue_err_skb(sk, clone))
		return;
drop:
	kfree_skb(clone);
}

/*
 * RFC 6069: a router that says that it knows no way has got the segment, so
 * the loss was no congestion, and the last back-off is taken back.
 */
static void revert_backoff(struct sock *sk, u32 seq)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct sk_buff *skb = ferry_rtx_head(sk);
	unsigned long waited;

	if (seq != ferry_sk(sk)->snd_una || !csk->backoff ||
	    csk->pending != FERRY_TIMER_RETRANS || !skb)
		return;
	csk->backoff--;
	waited = usecs_to_jiffies(ferry_clock_us() -
				  FERRY_SKB_CB(skb)->sent_us);
	ferry_timer_arm(sk, FERRY_TIMER_RETRANS,
			ferry_rto(sk) > waited ? ferry_rto(sk) - waited : 1);
}

static void mtu_is_less(struct sock *sk, u32 mtu)
{
	ferry_csk(sk)->mtu_info = min_t(u32, mtu, U16_MAX);
	ferry_work(sk, FERRY_WORK_MTU);
}

static void full_socket(struct sock *sk, struct sk_buff *skb,
			const struct ferry_icmp *msg)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_step step;

	if (sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN ||
	    ferry_too_far(sk, skb))
		return;
	if (!seq_between(ntohl(msg->th->seq), fp->snd_una, fp->snd_nxt)) {
		ferry_count(sock_net(sk), OUT_OF_WINDOW_ICMPS);
		return;
	}
	if (msg->mtu) {
		mtu_is_less(sk, msg->mtu);
		return;
	}
	step = ferry_machine(sk->sk_state, FERRY_ICMP);
	if (step.next == TCP_CLOSE) {
		queue_error(sk, skb, msg);
		if (!sock_owned_by_user(sk))
			ferry_fail(sk, msg->err);
		else
			WRITE_ONCE(sk->sk_err_soft, msg->err);
		return;
	}
	if (msg->no_way && !sock_owned_by_user(sk))
		revert_backoff(sk, ntohl(msg->th->seq));
	if (!sock_owned_by_user(sk) && ferry_recverr(sk)) {
		WRITE_ONCE(sk->sk_err, msg->err);
		sk_error_report(sk);
	} else {
		WRITE_ONCE(sk->sk_err_soft, msg->err);
	}
}

static void half_open(struct ferry_request_sock *req,
		      const struct ferry_icmp *msg)
{
	struct net *net = read_pnet(&req->common.skc_net);

	if (ntohl(msg->th->seq) != req->snt_isn) {
		ferry_count(net, OUT_OF_WINDOW_ICMPS);
	} else if (msg->ends_request) {
		ferry_count(net, ATTEMPT_FAILS);
		ferry_request_drop(req);
	}
}

/**
 * ferry_icmp_rcv() - an ICMP message about a segment of a connection
 * @sk: full or mini socket; its reference is given back
 * @skb: the message, data at the IP header of the segment
 * @msg: what it says
 *
 * TIME_WAIT has nothing to lose.
 */
void ferry_icmp_rcv(struct sock *sk, struct sk_buff *skb,
		    const struct ferry_icmp *msg)
{
	if (sk->sk_state == TCP_NEW_SYN_RECV) {
		half_open(ferry_req(sk), msg);
	} else if (sk_fullsock(sk)) {
		bh_lock_sock(sk);
		full_socket(sk, skb, msg);
		bh_unlock_sock(sk);
	}
	ferry_put(sk);
}
