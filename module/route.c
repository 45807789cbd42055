// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a route asks of the connections over it: initcwnd, initrwnd, window,
 * advmss, rto_min, quickack, features ecn and congctl, as in ip-route(8).
 *
 * The window that a program has set for its socket goes before that of the
 * route; its congestion control does not, as in Linux TCP.  What is needed
 * once is read when the connection opens; the rest is looked up in the route
 * of the moment.  hoplimit and mtu are for the IP layer, which gives both to
 * everybody.
 *
 * Context: socket lock held where there is a full socket; else RCU read side.
 */
#include "ferry.h"

/* 0 if there is no route or nobody has set it. */
static u32 metric(const struct dst_entry *dst, int which)
{
	return dst ? dst_metric_raw(dst, which) : 0;
}

/**
 * ferry_route_mss() - the MSS to announce to a peer
 * @af: the address family
 * @dst: the route to the peer
 * @user: what the program allows, in bytes, or 0
 *
 * RFC 9293 section 3.7.1: what this end can receive in one packet, unless the
 * route says otherwise (advmss).
 *
 * Return: bytes.
 */
u16 ferry_route_mss(const struct ferry_af_ops *af, const struct dst_entry *dst,
		    u16 user)
{
	u32 wish = metric(dst, RTAX_ADVMSS);
	u16 mss = wish ? clamp_t(u32, wish, FERRY_MSS_MIN, U16_MAX) :
			 ferry_mss_of_mtu(af, dst_mtu(dst));

	return user ? min(mss, user) : mss;
}

/**
 * ferry_route_window() - the largest window that the route allows (window)
 * @dst: the route to the peer, or NULL
 *
 * Return: bytes, 0 for any.
 */
u32 ferry_route_window(const struct dst_entry *dst)
{
	return metric(dst, RTAX_WINDOW);
}

/**
 * ferry_route_first_window() - the first window of a connection (initrwnd)
 * @dst: the route to the peer, or NULL
 * @mss: bytes of data in a segment of the peer
 *
 * Return: the largest that the route allows, in bytes.
 */
u32 ferry_route_first_window(const struct dst_entry *dst, u32 mss)
{
	u64 segs = metric(dst, RTAX_INITRWND);

	return segs ? min_t(u64, segs * mss, U32_MAX) : U32_MAX;
}

/**
 * ferry_route_init_cwnd() - the first congestion window (initcwnd)
 * @sk: the socket
 *
 * RFC 6928 if the route says nothing.
 *
 * Return: segments.
 */
u32 ferry_route_init_cwnd(struct sock *sk)
{
	return metric(__sk_dst_get(sk), RTAX_INITCWND) ?: FERRY_INIT_CWND;
}

/**
 * ferry_route_locked_rto_min() - what the route says of rto_min
 * @dst: the route, which has "lock" at it
 *
 * Return: microseconds.
 */
u32 ferry_route_locked_rto_min(const struct dst_entry *dst)
{
	return min_t(u64, (u64)metric(dst, RTAX_RTO_MIN) * USEC_PER_MSEC,
		     FERRY_RTO_MAX_US);
}

/**
 * ferry_route_quickack() - shall no ACK wait? (quickack)
 * @sk: the socket
 *
 * Return: true if so.
 */
bool ferry_route_quickack(struct sock *sk)
{
	return metric(__sk_dst_get(sk), RTAX_QUICKACK);
}

/**
 * ferry_route_ecn() - what does the route say of ECN? (features ecn)
 * @dst: the route to the peer, or NULL
 *
 * Return: RTAX_FEATURE_ECN if it shall be asked for and agreed to;
 * DST_FEATURE_ECN_CA if the route's algorithm needs it.
 */
u32 ferry_route_ecn(const struct dst_entry *dst)
{
	return metric(dst, RTAX_FEATURES) & DST_FEATURE_ECN_MASK;
}

/*
 * The route was made with a name that TCP knows; not all are here.  Returns
 * whether it is.
 */
static bool use_algorithm(struct ferry_cong *ca, u32 key)
{
	const struct ferry_cong_ops *ops = key ? ferry_cong_get_by_key(key) :
						 NULL;

	if (!ops)
		return false;
	if (ops == ca->ops)
		ferry_cong_put(ops);
	else
		ferry_cong_change(ca, ops);
	return true;
}

/**
 * ferry_route_open() - a connection opens: what its route asks for
 * @sk: the socket; its route is known, and no SYN or data has been sent
 *
 * The lock on the algorithm stays with the socket: a program can have it
 * forget its route.
 */
void ferry_route_open(struct sock *sk)
{
	const struct dst_entry *dst = __sk_dst_get(sk);
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);

	csk->cong_locked = 0;
	if (!dst)
		return;
	if (!fp->window_clamp)
		WRITE_ONCE(fp->window_clamp, ferry_route_window(dst));
	/* The algorithm may look at it. */
	csk->cong.snd_cwnd = ferry_route_init_cwnd(sk);
	if (use_algorithm(&csk->cong, metric(dst, RTAX_CC_ALGO)))
		csk->cong_locked = !!dst_metric_locked(dst, RTAX_CC_ALGO);
}
