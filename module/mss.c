// SPDX-License-Identifier: GPL-2.0-only
/*
 * How large a segment may be: the path MTU, the peer's MSS option, and what
 * the application asks for (RFC 9293 section 3.7).
 *
 * Context: socket lock held.
 */
#include <net/ip6_route.h>

#include "ferry.h"

/* IP options of this socket, bytes in every packet. */
static u32 ip_options_len(const struct sock *sk)
{
	u32 len = 0;

	rcu_read_lock();
	if (ferry_af(sk)->family == AF_INET) {
		const struct ip_options_rcu *opt =
			rcu_dereference(inet_sk(sk)->inet_opt);

		if (opt)
			len = opt->opt.optlen;
	} else {
#if IS_ENABLED(CONFIG_IPV6)
		const struct ipv6_txoptions *opt =
			rcu_dereference(inet6_sk(sk)->opt);

		if (opt)
			len = opt->opt_flen + opt->opt_nflen;
#endif
	}
	rcu_read_unlock();
	return len;
}

/**
 * ferry_headers_len() - what a full segment has besides its payload
 * @sk: the socket
 *
 * Return: bytes, from the IP header on.
 */
u32 ferry_headers_len(const struct sock *sk)
{
	return ferry_af(sk)->header_len + ip_options_len(sk) +
	       sizeof(struct tcphdr) +
	       (ferry_sk(sk)->has_tstamp ? FERRY_TIMESTAMP_LEN : 0);
}

/**
 * ferry_mss_offer() - the MSS to announce to the peer
 * @sk: the socket
 *
 * RFC 9293 section 3.7.1: what this end can receive in one packet, whatever
 * the path allows.
 *
 * Return: bytes.
 */
u16 ferry_mss_offer(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	u16 user = ferry_sk(sk)->user_mss;
	u16 mss;

	if (dst)
		return ferry_route_mss(ferry_af(sk), dst, user);
	mss = ferry_mss_of_mtu(ferry_af(sk), ferry_csk(sk)->pmtu);
	return user ? min(mss, user) : mss;
}

/**
 * ferry_sync_mss() - compute the MSS for a path MTU
 * @sk: the socket
 * @pmtu: bytes
 *
 * Half of the peer's largest window bounds it, too: a sender that needs the
 * whole window for one segment would stop and wait (RFC 9293 section
 * 3.8.6.2.1).
 */
void ferry_sync_mss(struct sock *sk, u32 pmtu)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	u32 mss, half = fp->max_window / 2;

	csk->pmtu = pmtu;
	if (unlikely(csk->searches_mtu))
		pmtu = ferry_mtu_search_limit(csk->mtu_search, pmtu);
	mss = ferry_mss_of_mtu(ferry_af(sk), pmtu);
	mss -= min(mss, ip_options_len(sk));
	mss = min_t(u32, mss, fp->conn.mss_clamp);
	if (fp->user_mss)
		mss = min_t(u32, mss, fp->user_mss);
	/* An MSS never counts options (RFC 6691): they go off it. */
	if (fp->has_tstamp)
		mss -= min(mss, (u32)FERRY_TIMESTAMP_LEN);
	if (half > FERRY_MSS_MIN)
		mss = min(mss, half);
	csk->cong.mss = max(mss, FERRY_SND_MSS_MIN);
}

/* A program that lets routers cut its packets needs no smaller ones. */
static bool v4_accepts(const struct sock *sk)
{
	return READ_ONCE(inet_sk(sk)->pmtudisc) != IP_PMTUDISC_DONT &&
	       ip_sk_accept_pmtu(sk);
}

/**
 * ferry_mtu_reduced() - a router has told that the path carries less
 * @sk: the socket; &ferry_conn_sock.mtu_info has the MTU
 *
 * RFC 1191 section 6.5: what is on its way in larger packets is lost and goes
 * again at once, cut anew.
 */
void ferry_mtu_reduced(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct dst_entry *dst;
	u32 mtu = csk->mtu_info;

	if ((1 << sk->sk_state) & (TCPF_LISTEN | TCPF_CLOSE))
		return;
	if (ferry_af(sk)->family == AF_INET6 && !ip6_sk_accept_pmtu(sk))
		return;
	dst = ferry_af(sk)->route(sk);
	if (!dst)
		return;
	dst->ops->update_pmtu(dst, sk, NULL, mtu, true);
	dst = ferry_af(sk)->route(sk);
	if (!dst)
		return;
	mtu = dst_mtu(dst);
	if (mtu >= csk->pmtu)
		return;
	if (ferry_af(sk)->family == AF_INET && !v4_accepts(sk))
		return;
	ferry_sync_mss(sk, mtu);
	ferry_rtx_resegment(sk);
}

/**
 * ferry_mtu_grown() - use what the route has come to allow
 * @sk: the socket
 *
 * The device's MTU was raised, or what a router once told has expired.  What
 * was cut for the old size stays as it is.
 */
void ferry_mtu_grown(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	u32 mtu;

	if (!dst)
		return;
	mtu = dst_mtu(dst);
	if (mtu > ferry_csk(sk)->pmtu)
		ferry_sync_mss(sk, mtu);
}

/**
 * ferry_send_goal() - how large a piece of the stream should become
 * @sk: the socket
 *
 * Return: bytes, a multiple of the MSS.
 */
u32 ferry_send_goal(const struct sock *sk)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	u32 goal, max;

	if (!sk_can_gso(sk))
		return ferry_mss(fp);
	max = min_t(u32, READ_ONCE(sk->sk_gso_max_size),
		    U16_MAX - FERRY_MAX_HEADER);
	goal = min(max, max(fp->max_window / 2, ferry_mss(fp)));
	goal = min_t(u32, goal, ferry_mss(fp) * sk->sk_gso_max_segs);
	return max(rounddown(goal, ferry_mss(fp)), ferry_mss(fp));
}
