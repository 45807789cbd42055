// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packetization layer path MTU discovery: the probes (RFC 4821).
 *
 * With net.ferry.mtu_probing at 2 a connection searches from its beginning;
 * with 1 it begins when time-outs in a row look as if a router dropped what is
 * large without a word.  Its segments are small then, and from time to time one
 * of them has the size that mtu_search.c wants to know about.  It is a part of
 * the stream like any other.  Acknowledged, it has proved that the path carries
 * so much; as the only one that is missing, that it does not, which says
 * nothing of congestion.  When more is missing, nothing was learned.
 *
 * Context: socket lock held, in BH or process context.
 */
#include <linux/skbuff.h>
#include <linux/slab.h>

#include "ferry.h"

/* The window of the smallest flight that notices the loss of one, as Linux. */
#define PROBE_CWND_MIN	11

static const struct ferry_sysctl *settings(const struct sock *sk)
{
	return &ferry_net(sock_net(sk))->sysctl;
}

/* The range is as wide as it may be again. */
static void widen(struct sock *sk, u32 payload)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 high = csk->mss_clamp + ferry_af(sk)->header_len +
		   sizeof(struct tcphdr);

	ferry_mtu_search_begin(csk->mtu_search,
			       payload + ferry_headers_len(sk),
			       min(high, csk->pmtu), (u32)jiffies);
}

/*
 * Without memory there is no search; the next occasion may find some.  A
 * connection that waits for accept() has to wait with this, too: the link to
 * its neighbour is where the search will be, and never NULL.
 */
static void begin(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (READ_ONCE(csk->mtu_search))
		return;
	csk->mtu_search = kzalloc(sizeof(*csk->mtu_search),
				  GFP_ATOMIC | __GFP_NOWARN);
	if (!csk->mtu_search)
		return;
	csk->searches_mtu = 1;
	widen(sk, READ_ONCE(settings(sk)->base_mss));
	ferry_sync_mss(sk, csk->pmtu);
}

/**
 * ferry_mtu_probe_open() - connect() has made a connection
 * @sk: the socket
 */
void ferry_mtu_probe_open(struct sock *sk)
{
	if (READ_ONCE(settings(sk)->mtu_probing) > 1)
		begin(sk);
}

/**
 * ferry_mtu_probe_accepted() - accept() has taken a connection
 * @sk: the socket, not locked
 *
 * Context: process context.
 */
void ferry_mtu_probe_accepted(struct sock *sk)
{
	if (READ_ONCE(settings(sk)->mtu_probing) <= 1)
		return;
	lock_sock(sk);
	if (sk->sk_state != TCP_CLOSE)
		begin(sk);
	release_sock(sk);
}

/**
 * ferry_mtu_probe_free() - the search is over for good
 * @sk: the socket
 */
void ferry_mtu_probe_free(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (!csk->searches_mtu)
		return;
	csk->searches_mtu = 0;
	kfree(csk->mtu_search);
	csk->mtu_search = NULL;
}

/**
 * ferry_mtu_black_hole() - time-outs in a row: is the MSS too large?
 * @sk: the socket
 *
 * RFC 4821 section 7.7.
 */
void ferry_mtu_black_hole(struct sock *sk)
{
	const struct ferry_sysctl *sysctl = settings(sk);
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (!READ_ONCE(sysctl->mtu_probing))
		return;
	if (!csk->searches_mtu) {
		begin(sk);
		return;
	}
	ferry_mtu_search_black_hole(csk->mtu_search, ferry_headers_len(sk),
				    READ_ONCE(sysctl->base_mss),
				    READ_ONCE(sysctl->mtu_probe_floor));
	ferry_sync_mss(sk, csk->pmtu);
}

/* Nothing is left to find; the path may change, so begin anew some day. */
static void search_again(struct sock *sk)
{
	const struct ferry_mtu_search *s = ferry_csk(sk)->mtu_search;
	u32 interval = READ_ONCE(settings(sk)->probe_interval) * HZ;

	if (!s->probe && (u32)jiffies - s->since >= interval)
		widen(sk, ferry_mss(ferry_sk(sk)));
}

/* The first pieces that wait end at @payload bytes, and may be put together. */
static bool may_gather(struct sock *sk, u32 payload)
{
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_write_queue, skb) {
		/* Somebody wants to hear when just these bytes leave. */
		if (skb_shinfo(skb)->tx_flags & SKBTX_ANY_TSTAMP ||
		    FERRY_SKB_CB(skb)->marks & FERRY_SKB_TSTAMP_ACK)
			return false;
		if (skb->len >= payload)
			return skb->len == payload ||
			       !ferry_fragment(sk, skb, payload, GFP_ATOMIC);
		payload -= skb->len;
	}
	return false;
}

/*
 * A segment with room for @payload bytes.  All of it is in pages, like what is
 * written: it may have to be cut, and skb_split() has no room for the rest of
 * a linear part.
 */
static struct sk_buff *empty_probe(struct sock *sk, u32 payload)
{
	unsigned int order = get_order(payload);
	gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN;
	struct sk_buff *probe;
	struct page *page;

	page = alloc_pages(gfp | __GFP_COMP, order);
	if (!page)
		return NULL;
	probe = ferry_alloc_skb(sk, gfp, true);
	if (!probe) {
		__free_pages(page, order);
		return NULL;
	}
	skb_add_rx_frag(probe, 0, page, 0, payload, PAGE_SIZE << order);
	return probe;
}

/* One piece of @payload bytes out of several, in front of the others; or NULL. */
static struct sk_buff *gather(struct sock *sk, u32 payload)
{
	struct sk_buff *probe, *skb, *next;
	struct ferry_skb_cb *cb;
	u32 done = 0;
	u8 *to;

	if (!may_gather(sk, payload))
		return NULL;
	probe = empty_probe(sk, payload);
	if (!probe)
		return NULL;
	to = skb_frag_address(&skb_shinfo(probe)->frags[0]);
	cb = FERRY_SKB_CB(probe);
	*cb = *FERRY_SKB_CB(ferry_send_head(sk));
	cb->end_seq = cb->seq + payload;
	skb_queue_walk(&sk->sk_write_queue, skb) {
		if (done == payload)
			break;
		if (skb_copy_bits(skb, 0, to + done, skb->len)) {
			__kfree_skb(probe);
			return NULL;
		}
		cb->flags |= FERRY_SKB_CB(skb)->flags;
		done += skb->len;
	}
	skb_queue_walk_safe(&sk->sk_write_queue, skb, next) {
		if (!done)
			break;
		done -= skb->len;
		__skb_unlink(skb, &sk->sk_write_queue);
		ferry_free_write_skb(sk, skb);
	}
	sk_wmem_queued_add(sk, probe->truesize);
	sk_mem_charge(sk, probe->truesize);
	__skb_queue_head(&sk->sk_write_queue, probe);
	return probe;
}

/**
 * ferry_mtu_probe() - send a probe if there is one to be sent
 * @sk: the socket, which searches
 * @sent: set to true if one was sent
 *
 * It needs enough data behind it for its loss to be noticed, and as it is never
 * to be the cause of a loss, room for two packets.
 *
 * Return: false if all has to wait until the peer's window, or the congestion
 * window, has room for it.
 */
bool ferry_mtu_probe(struct sock *sk, bool *sent)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_cong *ca = &csk->cong;
	u32 size, payload, needed, in_flight;
	struct sk_buff *skb;

	size = ferry_mtu_search_next(csk->mtu_search,
				     READ_ONCE(settings(sk)->probe_threshold));
	if (!size) {
		search_again(sk);
		return true;
	}
	if (ca->state != FERRY_CA_OPEN || ca->snd_cwnd < PROBE_CWND_MIN ||
	    ferry_is_urgent(fp) || ferry_pace_holds(sk))
		return true;
	payload = size - ferry_headers_len(sk);
	needed = payload + (fp->recovery.reordering + 1) * ferry_mss(fp);
	if (fp->write_seq - fp->snd_nxt < needed || fp->snd_wnd < needed)
		return true;
	if (seq_after(fp->snd_nxt + needed, ferry_wnd_end(fp)))
		return false;
	in_flight = ferry_cong_in_flight(ca);
	if (in_flight + 2 > ca->snd_cwnd)
		return !in_flight;

	skb = ferry_send_head(sk);
	if (skb->len < payload)
		skb = gather(sk, payload);
	else if (skb->len > payload &&
		 ferry_fragment(sk, skb, payload, GFP_ATOMIC))
		return true;
	if (!skb || !ferry_send_forced(sk, skb))
		return true;
	/* It counts for two. */
	ca->snd_cwnd--;
	ferry_mtu_search_sent(csk->mtu_search, size, FERRY_SKB_CB(skb)->seq,
			      FERRY_SKB_CB(skb)->end_seq);
	*sent = true;
	return true;
}

/**
 * ferry_mtu_probe_is_first() - is the oldest that is not acknowledged a probe?
 * @sk: the socket, which searches
 *
 * Return: true if it is one.
 */
bool ferry_mtu_probe_is_first(const struct sock *sk)
{
	const struct ferry_mtu_search *s = ferry_csk(sk)->mtu_search;

	return s->probe && s->start == ferry_sk(sk)->snd_una;
}

/**
 * ferry_mtu_probe_acked() - SND.UNA has moved on
 * @sk: the socket, which searches
 *
 * If the probe is among what has arrived, segments may be that large; the
 * window stays what it is in bytes.  RFC 4821 section 7.6.1.
 */
void ferry_mtu_probe_acked(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_mtu_search *s = csk->mtu_search;
	struct ferry_cong *ca = &csk->cong;
	u32 mtu = ferry_mss(ferry_sk(sk)) + ferry_headers_len(sk);

	if (!s->probe || seq_before(ferry_sk(sk)->snd_una, s->end))
		return;
	ca->snd_cwnd = max_t(u32, 1, div_u64((u64)ca->snd_cwnd * mtu,
					     s->probe));
	ferry_mtu_search_passed(s);
	ferry_sync_mss(sk, csk->pmtu);
	ferry_count(sock_net(sk), MTU_PROBES_PASSED);
}

/**
 * ferry_mtu_probe_lost() - the probe is missing, and nothing else
 * @sk: the socket, which searches
 *
 * What it carried goes again in segments that pass.  RFC 4821 section 7.6.2.
 */
void ferry_mtu_probe_lost(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	ferry_mtu_search_lost(csk->mtu_search);
	csk->cong.snd_cwnd++;
	ferry_count(sock_net(sk), MTU_PROBES_LOST);
	ferry_rtx_resegment(sk);
}
