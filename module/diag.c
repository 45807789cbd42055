// SPDX-License-Identifier: GPL-2.0-only
/*
 * sock_diag for Ferry: what `ferry ss` reads, by netlink.
 *
 * The requests, filters and messages are those of inet_diag (sock_diag(7)), with
 * protocol 253; INET_DIAG_INFO is a struct ferry_info, of which a struct
 * tcp_info is the front.  The kernel's half of inet_diag takes a request apart
 * and runs its filter; here are the walk over Ferry's sockets and the messages
 * about them.
 *
 * A dump comes in pieces, as large as the reader's buffer.  Between two of them
 * nothing is locked, and what is kept is the place in the hashes where to go on
 * (ferry_hash_walk()): while connections come and go one may be missing or be
 * there twice.  Each socket is locked for its struct ferry_info alone.
 *
 * This is a module of its own, which the kernel loads for the first request, so
 * that ferry.ko needs no inet_diag.
 */
#include <linux/inet_diag.h>
#include <linux/module.h>
#include <linux/sock_diag.h>
#include <net/inet_timewait_sock.h>
#include <net/netlink.h>
#include <net/request_sock.h>

#include "ferry.h"

/* inet_diag's numbers for the timers; 0 is none. */
#define DIAG_TIMER_RETRANSMIT	1
#define DIAG_TIMER_TIME_WAIT	3

static bool wants(const struct inet_diag_req_v2 *req, int attr)
{
	return req->idiag_ext & (1 << (attr - 1));
}

static u8 state_of(const struct sock *sk)
{
	switch (inet_sk_state_load(sk)) {
	case TCP_TIME_WAIT:
		return READ_ONCE(ferry_tw(sk)->substate);
	case TCP_NEW_SYN_RECV:
		return TCP_SYN_RECV;
	default:
		return inet_sk_state_load(sk);
	}
}

static u32 mark_of(const struct sock *sk)
{
	switch (inet_sk_state_load(sk)) {
	case TCP_TIME_WAIT:
		return ferry_tw(sk)->mark;
	case TCP_NEW_SYN_RECV:
		return ferry_req(sk)->mark;
	default:
		return READ_ONCE(sk->sk_mark);
	}
}

/*
 * The program of a filter takes a mini socket for one of the kernel's own, so it
 * gets one that says what ours does.
 */
static bool passes_filter(struct netlink_callback *cb, struct sock *sk)
{
	union {
		struct sock_common common;
		struct inet_request_sock req;
		struct inet_timewait_sock tw;
	} mini;

	if (sk_fullsock(sk))
		return ferry_diag_filter(cb->data, sk);

	memset(&mini, 0, sizeof(mini));
	mini.common = sk->__sk_common;
	if (sk->sk_state == TCP_TIME_WAIT)
		mini.tw.tw_mark = mark_of(sk);
	else
		mini.req.ir_mark = mark_of(sk);
	return ferry_diag_filter(cb->data, (struct sock *)&mini);
}

static bool wanted(struct netlink_callback *cb, struct sock *sk,
		   const struct inet_diag_req_v2 *req)
{
	if (!(req->idiag_states & (1 << state_of(sk))))
		return false;
	if (req->sdiag_family != AF_UNSPEC &&
	    req->sdiag_family != sk->sk_family)
		return false;
	if (req->id.idiag_sport && req->id.idiag_sport != htons(sk->sk_num))
		return false;
	if (req->id.idiag_dport && req->id.idiag_dport != sk->sk_dport)
		return false;
	return passes_filter(cb, sk);
}

/* Which attribute an algorithm's TCP_CC_INFO is; 0 if there is none. */
static int cc_attr(const char *name)
{
	if (!strcmp(name, "bbr"))
		return INET_DIAG_BBRINFO;
	if (!strcmp(name, "dctcp"))
		return INET_DIAG_DCTCPINFO;
	return 0;
}

/* The congestion control's name and what it tells of itself. */
static int put_cong(struct sk_buff *skb, struct sock *sk,
		    const struct inet_diag_req_v2 *req)
{
	const struct ferry_cong *ca = &ferry_csk(sk)->cong;
	char name[FERRY_CA_NAME_MAX];
	union tcp_cc_info info;
	size_t size = 0;
	bool slow;

	memset(&info, 0, sizeof(info));
	name[0] = '\0';
	slow = lock_sock_fast(sk);
	/* At its end a socket gives its algorithm back. */
	if (ca->ops) {
		memcpy(name, ca->ops->name, sizeof(name));
		if (ca->ops->get_info)
			size = ca->ops->get_info(ca, &info);
	}
	unlock_sock_fast(sk, slow);

	if (!name[0])
		return 0;
	if (wants(req, INET_DIAG_CONG) &&
	    nla_put_string(skb, INET_DIAG_CONG, name))
		return -EMSGSIZE;
	if (wants(req, INET_DIAG_VEGASINFO) && size && cc_attr(name))
		return nla_put(skb, cc_attr(name), size, &info);
	return 0;
}

static int put_meminfo(struct sk_buff *skb, struct sock *sk)
{
	const struct inet_diag_meminfo info = {
		.idiag_rmem = sk_rmem_alloc_get(sk),
		.idiag_wmem = READ_ONCE(sk->sk_wmem_queued),
		.idiag_fmem = READ_ONCE(sk->sk_forward_alloc),
		.idiag_tmem = sk_wmem_alloc_get(sk),
	};

	return nla_put(skb, INET_DIAG_MEMINFO, sizeof(info), &info);
}

/* The hook for INET_DIAG_INFO; @info may be NULL. */
static void diag_get_info(struct sock *sk, struct inet_diag_msg *msg,
			  void *info)
{
	const struct ferry_sock *fp = ferry_sk(sk);

	if (msg->idiag_state == TCP_LISTEN) {
		msg->idiag_rqueue = READ_ONCE(sk->sk_ack_backlog);
		msg->idiag_wqueue = READ_ONCE(sk->sk_max_ack_backlog);
	} else {
		msg->idiag_rqueue = max_t(int, READ_ONCE(fp->rcv_nxt) -
					       READ_ONCE(fp->copied_seq), 0);
		msg->idiag_wqueue = READ_ONCE(fp->write_seq) -
				    READ_ONCE(fp->snd_una);
	}
	if (info)
		ferry_read_info(sk, info);
}

static void fill_timer(const struct sock *sk, struct inet_diag_msg *msg)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	long when = 0;

	msg->idiag_timer = ferry_timer_shown(sk, &when);
	msg->idiag_expires = jiffies_delta_to_msecs(when);
	if (msg->idiag_timer == DIAG_TIMER_RETRANSMIT)
		msg->idiag_retrans = csk->retransmits;
	else if (msg->idiag_timer)
		msg->idiag_retrans = csk->probes_out;
}

static int fill_full(struct sk_buff *skb, struct netlink_callback *cb,
		     struct sock *sk, struct inet_diag_msg *msg,
		     const struct inet_diag_req_v2 *req, bool net_admin)
{
	struct nlattr *attr = NULL;

	if (inet_diag_msg_attrs_fill(sk, skb, msg, req->idiag_ext,
				     sk_user_ns(NETLINK_CB(cb->skb).sk),
				     net_admin))
		return -EMSGSIZE;
	fill_timer(sk, msg);
	if (wants(req, INET_DIAG_MEMINFO) && put_meminfo(skb, sk))
		return -EMSGSIZE;
	if (wants(req, INET_DIAG_SKMEMINFO) &&
	    sock_diag_put_meminfo(sk, skb, INET_DIAG_SKMEMINFO))
		return -EMSGSIZE;
	if ((wants(req, INET_DIAG_CONG) || wants(req, INET_DIAG_VEGASINFO)) &&
	    put_cong(skb, sk, req))
		return -EMSGSIZE;
	if (wants(req, INET_DIAG_INFO)) {
		attr = nla_reserve_64bit(skb, INET_DIAG_INFO,
					 sizeof(struct ferry_info),
					 INET_DIAG_PAD);
		if (!attr)
			return -EMSGSIZE;
	}
	diag_get_info(sk, msg, attr ? nla_data(attr) : NULL);
	return 0;
}

static int fill_mini(struct sk_buff *skb, struct sock *sk,
		     struct inet_diag_msg *msg, bool net_admin)
{
	long expires;

	if (sk->sk_state == TCP_TIME_WAIT) {
		msg->idiag_timer = DIAG_TIMER_TIME_WAIT;
		expires = ferry_tw(sk)->timer.expires;
	} else {
		msg->idiag_timer = DIAG_TIMER_RETRANSMIT;
		msg->idiag_retrans = ferry_req(sk)->retransmits;
		expires = ferry_req(sk)->timer.expires;
	}
	msg->idiag_expires = jiffies_delta_to_msecs(expires - (long)jiffies);
	return net_admin ? nla_put_u32(skb, INET_DIAG_MARK, mark_of(sk)) : 0;
}

/* One message; -EMSGSIZE, and none, if there is no room for it. */
static int fill(struct sk_buff *skb, struct netlink_callback *cb,
		struct sock *sk, const struct inet_diag_req_v2 *req, u16 flags)
{
	bool net_admin = netlink_net_capable(cb->skb, CAP_NET_ADMIN);
	struct inet_diag_msg *msg;
	struct nlmsghdr *nlh;
	int err;

	nlh = nlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			cb->nlh->nlmsg_type, sizeof(*msg), flags);
	if (!nlh)
		return -EMSGSIZE;
	msg = nlmsg_data(nlh);
	memset(msg, 0, sizeof(*msg));
	inet_diag_msg_common_fill(msg, sk);
	msg->idiag_state = state_of(sk);
	if (sk_fullsock(sk))
		err = fill_full(skb, cb, sk, msg, req, net_admin);
	else
		err = fill_mini(skb, sk, msg, net_admin);
	if (err) {
		nlmsg_cancel(skb, nlh);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, nlh);
	return 0;
}

/* As many sockets as fit into @skb, from where the last call stopped. */
static void diag_dump(struct sk_buff *skb, struct netlink_callback *cb,
		      const struct inet_diag_req_v2 *req)
{
	struct ferry_hash_place place = {
		.slot	= cb->args[0],
		.nth	= cb->args[1],
	};
	struct net *net = sock_net(skb->sk);
	struct sock *sk;
	int err = 0;

	while (!err && (sk = ferry_hash_walk(net, &place))) {
		if (wanted(cb, sk, req))
			err = fill(skb, cb, sk, req, NLM_F_MULTI);
		ferry_put(sk);
		place.nth += !err;
	}
	cb->args[0] = place.slot;
	cb->args[1] = place.nth;
}

static struct sock *find_connection(struct net *net,
				    const struct inet_diag_req_v2 *req)
{
	const struct tcphdr th = {
		.source	= req->id.idiag_sport,
		.dest	= req->id.idiag_dport,
	};
	struct iphdr ip4 = {
		.saddr	= req->id.idiag_src[0],
		.daddr	= req->id.idiag_dst[0],
	};
	bool six = req->sdiag_family == AF_INET6;
	struct sock *sk = NULL;
#if IS_ENABLED(CONFIG_IPV6)
	struct ipv6hdr ip6 = { };

	memcpy(&ip6.saddr, req->id.idiag_src, sizeof(ip6.saddr));
	memcpy(&ip6.daddr, req->id.idiag_dst, sizeof(ip6.daddr));
	/* An IPv6 socket that speaks IPv4 is in IPv4's place. */
	if (six && ipv6_addr_v4mapped(&ip6.saddr) &&
	    ipv6_addr_v4mapped(&ip6.daddr)) {
		ip4.saddr = req->id.idiag_src[3];
		ip4.daddr = req->id.idiag_dst[3];
		six = false;
	}
#endif
	rcu_read_lock();
	if (!six)
		sk = ferry_lookup4_sent(net, &ip4, &th, req->id.idiag_if, 0);
#if IS_ENABLED(CONFIG_IPV6)
	else
		sk = ferry_lookup6_sent(net, &ip6, &th, req->id.idiag_if, 0);
#endif
	rcu_read_unlock();
	return sk;
}

static bool same_listener(const struct sock *sk,
			  const struct inet_diag_req_v2 *req)
{
	if (sk->sk_family != req->sdiag_family ||
	    htons(sk->sk_num) != req->id.idiag_sport ||
	    (req->id.idiag_if && req->id.idiag_if != sk->sk_bound_dev_if))
		return false;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return !memcmp(&sk->sk_v6_rcv_saddr, req->id.idiag_src,
			       sizeof(sk->sk_v6_rcv_saddr));
#endif
	return sk->sk_rcv_saddr == req->id.idiag_src[0];
}

/* Of several that share address and port, the one with the cookie. */
static struct sock *find_listener(struct net *net,
				  const struct inet_diag_req_v2 *req)
{
	struct ferry_hash_place place = { };
	struct sock *sk;

	while ((sk = ferry_hash_walk(net, &place))) {
		if (sk->sk_state == TCP_LISTEN && same_listener(sk, req) &&
		    !sock_diag_check_cookie(sk, req->id.idiag_cookie))
			break;
		/* Listeners come first. */
		if (sk->sk_state != TCP_LISTEN) {
			ferry_put(sk);
			return NULL;
		}
		ferry_put(sk);
		place.nth++;
	}
	return sk;
}

/* The one socket that a request names. */
static int diag_dump_one(struct netlink_callback *cb,
			 const struct inet_diag_req_v2 *req)
{
	struct net *net = sock_net(cb->skb->sk);
	struct sk_buff *skb;
	struct sock *sk;
	int err;

	sk = req->id.idiag_dport ? find_connection(net, req) :
				   find_listener(net, req);
	if (!sk)
		return -ENOENT;
	err = -ENOENT;
	if (sock_diag_check_cookie(sk, req->id.idiag_cookie))
		goto put;
	err = -ENOMEM;
	skb = nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		goto put;
	err = fill(skb, cb, sk, req, 0);
	if (err)
		nlmsg_free(skb);
	else
		err = nlmsg_unicast(net->diag_nlsk, skb,
				    NETLINK_CB(cb->skb).portid);
put:
	ferry_put(sk);
	return err;
}

static struct inet_diag_handler diag_handler = {
	FERRY_DIAG_OWNER
	.dump			= diag_dump,
	.dump_one		= diag_dump_one,
	.idiag_get_info		= diag_get_info,
	.idiag_info_size	= sizeof(struct ferry_info),
};

static int __init diag_init(void)
{
	diag_handler.idiag_type = ferry_protocol;
	return inet_diag_register(&diag_handler);
}

static void __exit diag_exit(void)
{
	inet_diag_unregister(&diag_handler);
}

module_init(diag_init);
module_exit(diag_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("sock_diag for Ferry");
/* PF_NETLINK, NETLINK_SOCK_DIAG, AF_INET for both families, the protocol. */
MODULE_ALIAS("net-pf-16-proto-4-type-2-253");
MODULE_ALIAS("net-pf-16-proto-4-type-2-254");
