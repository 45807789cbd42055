// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending the byte stream.
 *
 * What the application writes waits in sk_write_queue, in pieces of up to
 * 64 KB.  ferry_push() lets it through the gates: the congestion window, the
 * peer's window, Nagle's rule, pacing (pace.c), and what is left of one's own
 * queues (tsq.c).  A piece passes whole, or as many segments of it as may; on
 * the way it is one packet to the stack (GSO).  Afterwards it stays on the
 * scoreboard until it is acknowledged.  What goes out is always a clone.
 *
 * Context: socket lock held, in process context or BH.
 */
#include <linux/skbuff.h>

#include "ferry.h"

/* The smallest part of the window that is worth a packet, as Linux TCP. */
#define WINDOW_DIVISOR		3
/* Nothing begins to wait later than this after a packet, as Linux TCP. */
#define DEFER_MAX_US		USEC_PER_MSEC

/**
 * ferry_skb_set_segs() - into how many packets will a queued segment go?
 * @skb: in sk_write_queue or on the scoreboard
 * @mss: bytes of payload in each
 */
void ferry_skb_set_segs(struct sk_buff *skb, u32 mss)
{
	struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);

	cb->mss = mss;
	cb->segs = skb->len > mss ? DIV_ROUND_UP(skb->len, mss) : 1;
}

/**
 * ferry_window_to_offer() - the window that an ACK would announce now
 * @sk: the socket
 *
 * Return: bytes.
 */
u32 ferry_window_to_offer(const struct sock *sk)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	/* Nobody waits for more room than will be promised anyway. */
	u32 full = min(ferry_window_from_space(READ_ONCE(sk->sk_rcvbuf)),
		       fp->rcv_ssthresh);
	u32 free = min(ferry_space(sk), fp->rcv_ssthresh);

	if (fp->window_clamp) {
		full = min(full, fp->window_clamp);
		free = min(free, fp->window_clamp);
	}
	return ferry_window_select(ferry_receive_window(fp), free, full,
				   ferry_csk(sk)->rcv_mss, fp->rcv_wscale);
}

/* The window to announce, as the header's field. */
static u16 select_window(struct sock *sk)
{
	struct ferry_sock *fp = ferry_sk(sk);

	if (ferry_csk(sk)->no_room) {
		/* Better taken back than promised and not kept. */
		ferry_csk(sk)->no_room = 0;
		fp->rcv_wnd = 0;
		fp->rcv_wup = fp->rcv_nxt;
		return 0;
	}
	/* ACKs open no window while the application does not read. */
	if (ferry_space(sk) < ferry_window_from_space(sk->sk_rcvbuf) / 2)
		ferry_csk(sk)->quick_acks = 0;
	fp->rcv_wnd = ferry_window_to_offer(sk);
	fp->rcv_wup = fp->rcv_nxt;
	return fp->rcv_wnd >> fp->rcv_wscale;
}

static void push_header(struct sock *sk, struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	const struct inet_sock *inet = inet_sk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	u8 flags = cb->flags;
	struct tcphdr *th;
	unsigned int len;
	u16 window;

	/* A burst that ends is worth handing up at once (GRO). */
	if (skb->len > cb->mss)
		flags |= FERRY_PSH;
	len = ferry_options_push(sk, skb);
	flags = ferry_ecn_transmit(sk, skb, flags);
	if (flags & FERRY_SYN) {
		/* RFC 7323 section 2.2: never scaled in a SYN */
		window = min(fp->rcv_wnd, FERRY_WINDOW_UNSCALED_MAX);
		fp->rcv_wup = fp->rcv_nxt;
	} else {
		window = select_window(sk);
	}

	th = skb_push(skb, sizeof(*th));
	skb_reset_transport_header(skb);
	ferry_init_header(th, cb->seq,
			  flags & FERRY_ACK ? fp->rcv_nxt : 0, flags, window);
	th->doff = (sizeof(*th) + len) / 4;
	if (ferry_is_urgent(fp)) {
		th->urg_ptr = htons(ferry_urgent_pointer(cb->seq, fp->snd_up,
							 fp->snd_nxt));
		th->urg = !!th->urg_ptr;
	}
	th->source = inet->inet_sport;
	th->dest = inet->inet_dport;
}

/**
 * ferry_clone_sent() - the copy of a queued piece that goes out
 * @skb: the piece
 *
 * Where the piece has its place in the list by time, a packet has its route
 * and destructor.
 *
 * Return: the copy or NULL.
 */
struct sk_buff *ferry_clone_sent(struct sk_buff *skb)
{
	struct list_head place = skb->tcp_tsorted_anchor;
	struct sk_buff *clone;

	skb->_skb_refdst = 0;
	skb->destructor = NULL;
	/* The header of an earlier clone may still be in use. */
	clone = skb_cloned(skb) ? pskb_copy(skb, GFP_ATOMIC) :
				  skb_clone(skb, GFP_ATOMIC);
	skb->tcp_tsorted_anchor = place;
	return clone;
}

/**
 * ferry_transmit() - send one piece of the stream, or a control segment
 * @sk: the socket
 * @skb: payload, described by its control block
 * @clone: @skb stays in its queue, and a clone is sent; else @skb is sent
 *
 * Return: 0, -ENOBUFS without memory, -EHOSTUNREACH without a route, or what
 * the IP layer says.
 */
int ferry_transmit(struct sock *sk, struct sk_buff *skb, bool clone)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	const struct ferry_af_ops *af = ferry_af(sk);
	struct dst_entry *dst;
	unsigned int segs = 1, len = skb->len;
	u16 mss = FERRY_SKB_CB(skb)->mss;
	u64 leave_ns;
	bool acks;
	int err;

	if (clone) {
		leave_ns = ferry_pace_departure(sk, len);
		csk->cong.now_us = leave_ns ? div_u64(leave_ns, NSEC_PER_USEC) :
					      ferry_clock_us();
		FERRY_SKB_CB(skb)->sent_us = csk->cong.now_us;
		if (!csk->cong.packets_out)
			ferry_cong_event(&csk->cong, FERRY_CA_EVENT_TX_START);
		ferry_rate_sent(&csk->cong, &FERRY_SKB_CB(skb)->tx);
		skb = ferry_clone_sent(skb);
		if (!skb)
			return -ENOBUFS;
		/* On the scoreboard this was part of a tree. */
		skb->dev = NULL;
		memset(&FERRY_SKB_CB(skb)->ip, 0,
		       sizeof(FERRY_SKB_CB(skb)->ip));
		skb_set_delivery_time(skb, ns_to_ktime(leave_ns),
				      SKB_CLOCK_MONOTONIC);
	} else {
		csk->cong.now_us = ferry_clock_us();
	}

	dst = af->route(sk);
	if (!dst) {
		WRITE_ONCE(sk->sk_err_soft, EHOSTUNREACH);
		ferry_drop(sk, skb, FERRY_DROP_NO_ROUTE);
		return -EHOSTUNREACH;
	}

	acks = FERRY_SKB_CB(skb)->flags & FERRY_ACK &&
	       ferry_options_fit(sk, skb);
	push_header(sk, skb);
	if (len > mss) {
		segs = DIV_ROUND_UP(len, mss);
		skb_shinfo(skb)->gso_size = mss;
		skb_shinfo(skb)->gso_segs = segs;
		skb_shinfo(skb)->gso_type = sk->sk_gso_type;
	} else {
		skb_shinfo(skb)->gso_size = 0;
		skb_shinfo(skb)->gso_segs = 0;
		skb_shinfo(skb)->gso_type = 0;
	}
	af->checksum(sk, skb);
	if (!skb_is_gso(skb))
		ferry_checksum_for_device(skb, dst);

	if (acks)
		ferry_ack_sent(sk);
	if (len)
		ferry_ack_data_sent(sk);

	skb_orphan(skb);
	skb->sk = sk;
	skb->destructor = ferry_wfree;
	refcount_add(skb->truesize, &sk->sk_wmem_alloc);
	skb_set_hash_from_sk(skb, sk);

	fp->segs_out += segs;
	if (len)
		fp->data_segs_out += segs;
	ferry_mib_add(ferry_net(sock_net(sk)), FERRY_MIB_OUT_SEGS, segs);
	err = af->xmit(sk, skb, &inet_sk(sk)->cork.fl);
	return net_xmit_eval(err);
}

/**
 * ferry_cut() - cut a piece of the stream in two
 * @sk: the socket
 * @skb: the piece; keeps the front
 * @len: bytes that stay in @skb; more than 0 and less than its length
 * @gfp: how to allocate
 *
 * Return: the rest, in no queue, or NULL without memory, and then nothing has
 * changed.
 */
struct sk_buff *ferry_cut(struct sock *sk, struct sk_buff *skb, u32 len,
			  gfp_t gfp)
{
	struct ferry_skb_cb *cb = FERRY_SKB_CB(skb), *rest_cb;
	u32 truesize = skb->truesize;
	struct sk_buff *rest;
	int rest_len, err;

	/* The clone on its way keeps its payload. */
	err = skb_unclone(skb, gfp);
	skb->truesize = truesize;
	if (err)
		return NULL;
	rest = ferry_alloc_skb(sk, gfp, true);
	if (!rest)
		return NULL;

	rest_len = skb->len - len;
	rest->truesize += rest_len;
	skb->truesize -= rest_len;
	sk_wmem_queued_add(sk, rest->truesize - rest_len);
	sk_mem_charge(sk, rest->truesize - rest_len);

	rest_cb = FERRY_SKB_CB(rest);
	*rest_cb = *cb;
	rest_cb->seq = cb->seq + len;
	cb->end_seq = rest_cb->seq;
	cb->flags &= ~(FERRY_FIN | FERRY_PSH);
	skb_split(skb, rest, len);
	ferry_tstamp_cut(sk, skb, rest);
	return rest;
}

/**
 * ferry_fragment() - cut the next piece to be sent in two
 * @sk: the socket
 * @skb: in sk_write_queue; keeps the front, the rest goes behind it
 * @len: bytes that stay in @skb; more than 0 and less than its length
 * @gfp: how to allocate
 *
 * Return: 0 or -ENOMEM, and then nothing has changed.
 */
int ferry_fragment(struct sock *sk, struct sk_buff *skb, u32 len, gfp_t gfp)
{
	struct sk_buff *rest = ferry_cut(sk, skb, len, gfp);
	u32 mss = ferry_csk(sk)->cong.mss;

	if (!rest)
		return -ENOMEM;
	ferry_skb_set_segs(skb, mss);
	ferry_skb_set_segs(rest, mss);
	__skb_queue_after(&sk->sk_write_queue, skb, rest);
	return 0;
}

/*
 * Nagle's rule with Minshall's amendment (RFC 896): a small segment waits
 * while another small one is not acknowledged.
 */
static bool nagle_holds(const struct ferry_sock *fp, bool more)
{
	if (more)
		return true;
	return !fp->nodelay && fp->conn.cong.packets_out &&
	       seq_after(fp->snd_sml, fp->snd_una) &&
	       !seq_after(fp->snd_sml, fp->snd_nxt);
}

/* How many bytes of the next piece may go now; 0 if none may. */
static u32 sendable(const struct sock *sk, const struct sk_buff *skb,
		    u32 max_segs, bool more)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	const struct ferry_sock *fp = ferry_sk(sk);
	u32 window = ferry_wnd_end(fp) - cb->seq;
	u32 mss = ferry_mss(fp), len, small;

	/* A window too small for the next segment is as good as none. */
	if (seq_after(cb->seq + min(skb->len, mss), ferry_wnd_end(fp)))
		return 0;
	len = min3(skb->len, window, max_segs * mss);
	small = len % mss;
	if (!small)
		return len;
	/* A small segment goes last, and may have to wait. */
	if (len < skb->len)
		return len - small;
	if (ferry_is_urgent(fp) || cb->flags & FERRY_FIN ||
	    !skb_queue_is_last(&sk->sk_write_queue, skb))
		return len;
	return nagle_holds(fp, more) ? len - small : len;
}

/* Returns true if the RTO begins here: nothing else was out. */
static bool sent_new(struct sock *sk, struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	bool first = !csk->cong.packets_out ||
		     csk->pending == FERRY_TIMER_PROBE;

	__skb_unlink(skb, &sk->sk_write_queue);
	ferry_board_insert(&fp->recovery, skb);
	fp->snd_nxt = cb->end_seq;
	csk->cong.packets_out += cb->segs;
	fp->recovery.prr_out += cb->segs;
	if (skb->len % ferry_mss(fp))
		fp->snd_sml = cb->end_seq;
	return first;
}

/**
 * ferry_send_forced() - send the next piece whatever the gates say
 * @sk: the socket
 * @skb: the first in sk_write_queue; goes in one packet
 *
 * Return: true if it has left.
 */
bool ferry_send_forced(struct sock *sk, struct sk_buff *skb)
{
	ferry_skb_set_segs(skb, max(skb->len, ferry_csk(sk)->cong.mss));
	if (ferry_transmit(sk, skb, true))
		return false;
	if (sent_new(sk, skb))
		ferry_rearm_rto(sk);
	return true;
}

/*
 * Wait for more of the window instead of sending little?  ACKs come for two
 * segments or so; a packet for each of them would soon be that small.  Never
 * wait when there is little to wait for: no ACK that is due, or nothing behind
 * this piece that would make the packet larger; nor after a pause.
 */
static bool defers(const struct sock *sk, const struct sk_buff *skb, u32 quota,
		   u32 max_segs)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	const struct ferry_cong *ca = &fp->conn.cong;
	u32 window = ferry_wnd_end(fp) - FERRY_SKB_CB(skb)->seq;
	u32 limit = min(window, quota * ferry_mss(fp));
	const struct sk_buff *head, *last;
	s32 left_us;
	u32 now_us;

	if (ca->state >= FERRY_CA_RECOVERY ||
	    FERRY_SKB_CB(skb)->flags & FERRY_FIN)
		return false;
	if (limit >= max_segs * ferry_mss(fp) || limit >= skb->len)
		return false;
	/* A third of what may be out is worth a packet. */
	if (limit >= min(fp->snd_wnd, ca->snd_cwnd * ca->mss) / WINDOW_DIVISOR)
		return false;
	head = ferry_rtx_head(sk);
	if (!head || list_empty(&fp->recovery.by_time))
		return false;
	/* Else a part of the window would never be used on a longer path. */
	now_us = (u32)ferry_clock_us();
	last = list_last_entry(&fp->recovery.by_time, struct sk_buff,
			       tcp_tsorted_anchor);
	if ((s32)(now_us - FERRY_SKB_CB(last)->sent_us) > DEFER_MAX_US)
		return false;
	/* Is the next ACK near?  One is due a round trip after what it is for. */
	left_us = FERRY_SKB_CB(head)->sent_us + ferry_cong_srtt_us(ca) - now_us;
	return left_us <= min_t(s32, ferry_cong_srtt_us(ca) / 2, DEFER_MAX_US);
}

/* Slow start anew after idle time (RFC 5681 section 4.1). */
static void check_idle(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 idle = (u32)jiffies - csk->last_snd, rto;

	/* An RTO is a tick at least. */
	if (csk->cong.packets_out || !csk->cong.delivered || idle <= 1 ||
	    csk->cong.ops->cong_control)
		return;
	rto = ferry_rto(sk);
	if (idle <= rto)
		return;
	csk->cong.now_us = ferry_clock_us();
	ferry_cong_restart(&csk->cong, idle / rto, ferry_route_init_cwnd(sk));
}

/* Segments that the congestion window has room for. */
static u32 congestion_quota(const struct ferry_cong *ca,
			    const struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	u32 in_flight = ferry_cong_in_flight(ca);

	if (in_flight < ca->snd_cwnd)
		return ca->snd_cwnd - in_flight;
	/* The end is told in any case: it may be all that is left to say. */
	return cb->flags & FERRY_FIN && skb->len <= ca->mss ? 1 : 0;
}

/**
 * ferry_push() - send what may be sent
 * @sk: the socket
 * @more: the application will write more: keep an incomplete segment back
 *
 * RFC 9293 section 3.8.6.2.1, RFC 5681 section 3.
 */
void ferry_push(struct sock *sk, bool more)
{
	struct ferry_cong *ca = &ferry_csk(sk)->cong;
	struct ferry_sock *fp = ferry_sk(sk);
	bool sent = false, limited = false, first = false;
	u32 len, quota, max_segs;
	struct sk_buff *skb;

	if (sk->sk_state == TCP_CLOSE || !ferry_send_head(sk))
		return;

	ferry_mtu_grown(sk);
	check_idle(sk);
	if (unlikely(fp->conn.searches_mtu) && !ferry_mtu_probe(sk, &sent))
		return;
	/* An urgent pointer is right in one segment alone. */
	max_segs = ferry_is_urgent(fp) ? 1 : ferry_pace_segs(sk);
	while ((skb = ferry_send_head(sk))) {
		if (ferry_pace_holds(sk))
			break;
		quota = congestion_quota(ca, skb);
		if (!quota) {
			limited = true;
			break;
		}
		if (skb->len) {
			len = sendable(sk, skb, min(quota, max_segs), more);
			if (!len)
				break;
			if (defers(sk, skb, quota, max_segs)) {
				limited = quota * ferry_mss(fp) <
					  ferry_wnd_end(fp) -
					  FERRY_SKB_CB(skb)->seq;
				break;
			}
			if (len < skb->len &&
			    ferry_fragment(sk, skb, len, GFP_ATOMIC))
				break;
		} else if (seq_after(FERRY_SKB_CB(skb)->end_seq,
				     ferry_wnd_end(fp) + 1)) {
			/* A FIN may go one beyond the window. */
			break;
		}
		if (ferry_tsq_holds(sk, skb, 0))
			break;
		ferry_skb_set_segs(skb, ferry_mss(fp));
		if (ferry_transmit(sk, skb, true))
			break;
		first |= sent_new(sk, skb);
		sent = true;
	}

	if (sent || limited)
		ferry_cong_usage(ca, fp->snd_una, fp->snd_nxt, limited);
	if (sent)
		ferry_rearm_loss_timer(sk, first);
	if (!ca->packets_out && ferry_send_head(sk))
		ferry_rearm_probe(sk);
}

/**
 * ferry_push_waiting() - what pacing or full queues held back may go now
 * @sk: the socket
 *
 * Context: BH or process context, socket's spinlock held or socket owned.
 */
void ferry_push_waiting(struct sock *sk)
{
	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT))
		return;
	ferry_retransmit_lost(sk);
	ferry_push(sk, ferry_sk(sk)->cork);
}
