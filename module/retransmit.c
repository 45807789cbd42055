// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending again what was sent.
 *
 * Which segments are lost is the business of the scoreboard (scoreboard.c) and
 * of those who mark it; here they are cut along their segments and sent again
 * as clones, oldest first, as far as the congestion window goes.
 *
 * Context: socket lock held, in process context or BH.
 */
#include <linux/skbuff.h>

#include "ferry.h"
#include "trace.h"

static struct sock *recovery_sk(struct ferry_recovery *rec)
{
	return &container_of(rec, struct ferry_sock, recovery)->conn.inet.sk;
}

/*
 * Each piece costs memory besides its bytes.  A peer that announces a tiny MSS
 * and SACKs every other segment must not make it many times what the program
 * has allowed (CVE-2019-11478); the bound is Linux TCP's.  The first and the
 * last may always be cut: they have to be sent again.
 */
static bool has_too_many_pieces(const struct sock *sk,
				const struct sk_buff *skb)
{
	return unlikely(sk->sk_wmem_queued / 2 >
			sk->sk_sndbuf + 2 * SKB_TRUESIZE(GSO_LEGACY_MAX_SIZE)) &&
	       skb != ferry_rtx_head(sk) && skb != ferry_rtx_tail(sk);
}

static struct sk_buff *cut_sent(struct ferry_recovery *rec,
				struct sk_buff *skb, u32 len)
{
	struct sock *sk = recovery_sk(rec);

	if (has_too_many_pieces(sk, skb))
		return NULL;
	return ferry_cut(sk, skb, len, GFP_ATOMIC);
}

/* What the data in the same segment needs is not given back: ferry_rcv(). */
static void free_sent(struct ferry_recovery *rec, struct sk_buff *skb)
{
	struct sock *sk = recovery_sk(rec);

	sk_wmem_queued_add(sk, -skb->truesize);
	sk_forward_alloc_add(sk, skb->truesize);
	__kfree_skb(skb);
}

/* What recovery.c and the scoreboard need of a socket. */
const struct ferry_recovery_ops ferry_sent_ops = {
	.cut	= cut_sent,
	.free	= free_sent,
};

static struct sk_buff *cut(struct sock *sk, struct sk_buff *skb, u32 len)
{
	struct ferry_sock *fp = ferry_sk(sk);

	return ferry_board_cut(&fp->recovery, &fp->conn.cong, &ferry_sent_ops,
			       fp->snd_una, skb, len);
}

/* Cut off what has been acknowledged; returns what is left of the piece. */
static struct sk_buff *trim_acked(struct sock *sk, struct sk_buff *skb)
{
	u32 acked = ferry_sk(sk)->snd_una - FERRY_SKB_CB(skb)->seq;
	struct sk_buff *rest;

	if ((s32)acked <= 0 || acked >= skb->len)
		return skb;
	rest = cut(sk, skb, acked);
	if (!rest)
		return NULL;
	ferry_board_remove(&ferry_sk(sk)->recovery, skb);
	ferry_free_write_skb(sk, skb);
	return rest;
}

/* Cut a piece along today's MSS. */
static void recut(struct sock *sk, struct sk_buff *skb)
{
	struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_sock *fp = ferry_sk(sk);
	u32 left = min(cb->end_seq - fp->snd_una, cb->end_seq - cb->seq);
	u32 segs = DIV_ROUND_UP(left, ferry_mss(fp));

	ferry_board_adjust(&fp->conn.cong, cb->marks, segs - cb->segs);
	cb->mss = ferry_mss(fp);
	cb->segs = segs;
}

/* Send a piece again, as much of it as the peer's window allows. */
static int retransmit(struct sock *sk, struct sk_buff *skb, u32 max_segs,
		      enum ferry_retransmit_reason reason)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_skb_cb *cb;
	u32 window, len, now_ms;
	int err;

	/* It has not even left this host. */
	if (skb_fclone_busy(sk, skb))
		return -EBUSY;
	skb = trim_acked(sk, skb);
	if (!skb)
		return -ENOMEM;
	/* With more lost than the probe, it says nothing of the path MTU. */
	if (unlikely(csk->searches_mtu))
		csk->mtu_search->probe = 0;
	cb = FERRY_SKB_CB(skb);
	if (unlikely(cb->mss > ferry_mss(fp)))
		recut(sk, skb);
	len = ferry_is_urgent(fp) ? cb->mss : max_segs * cb->mss;
	if (!seq_before(cb->seq, ferry_wnd_end(fp))) {
		/* The first one goes even so: its ACK opens the window. */
		if (seq_after(cb->seq, fp->snd_una))
			return -EAGAIN;
		window = cb->mss;
	} else {
		window = ferry_wnd_end(fp) - cb->seq;
	}
	if (len > window)
		len = rounddown(window, cb->mss) ?: window;
	if (skb->len > len && !cut(sk, skb, len))
		return -ENOMEM;

	err = ferry_transmit(sk, skb, true);
	if (err)
		return err;
	now_ms = ferry_ts_of_us(csk->cong.now_us);
	ferry_board_sent_again(&fp->recovery, &csk->cong, skb);
	ferry_undo_sent_again(&fp->recovery, cb->segs, now_ms);
	fp->recovery.prr_out += cb->segs;
	if (!csk->retrans_stamp)
		csk->retrans_stamp = (u32)jiffies ?: 1;
	fp->conn.cong.total_retrans += cb->segs;
	fp->bytes_retrans += skb->len;
	trace_ferry_retransmit(&sk->__sk_common, cb->seq, cb->end_seq,
			       reason);
	ferry_mib_add(ferry_net(sock_net(sk)), FERRY_MIB_RETRANS_SEGS,
		      cb->segs);
	return 0;
}

/**
 * ferry_retransmit_front() - send the first unacknowledged segment again
 * @sk: the socket
 * @reason: why
 *
 * Whatever the congestion window says.
 *
 * Return: 0, -ENOMEM, -EBUSY or what ferry_transmit() says.
 */
int ferry_retransmit_front(struct sock *sk,
			   enum ferry_retransmit_reason reason)
{
	struct sk_buff *skb = ferry_rtx_head(sk);

	if (!skb)
		return -ENOMEM;
	if (FERRY_SKB_CB(skb)->flags & FERRY_SYN)
		reason = FERRY_RTX_SYN;
	return retransmit(sk, skb, 1, reason);
}

/**
 * ferry_retransmit_lost() - send again what is lost, as far as the window goes
 * @sk: the socket
 */
void ferry_retransmit_lost(struct sock *sk)
{
	struct ferry_cong *ca = &ferry_csk(sk)->cong;
	struct ferry_recovery *rec = &ferry_sk(sk)->recovery;
	struct sk_buff *skb = NULL;
	bool head = false;
	u32 in_flight;

	while ((skb = ferry_board_next_lost(rec, skb))) {
		in_flight = ferry_cong_in_flight(ca);
		if (in_flight >= ca->snd_cwnd || ferry_pace_holds(sk) ||
		    ferry_tsq_holds(sk, skb, 1))
			break;
		head |= skb == ferry_rtx_head(sk);
		if (retransmit(sk, skb, ca->snd_cwnd - in_flight,
			       rec->reason))
			break;
		/* What was cut off its front may have taken it away. */
		skb = NULL;
	}
	if (head && ferry_csk(sk)->pending != FERRY_TIMER_REO)
		ferry_rearm_rto(sk);
}

/* The last segment of what was sent, in a piece of its own, or NULL. */
static struct sk_buff *last_segment(struct sock *sk)
{
	struct sk_buff *skb = ferry_rtx_tail(sk);
	u32 len;

	if (!skb || FERRY_SKB_CB(skb)->marks & FERRY_SKB_SACKED)
		return NULL;
	/* Else all of the front might be acknowledged, and still be queued. */
	skb = trim_acked(sk, skb);
	if (!skb)
		return NULL;
	len = skb->len ? rounddown(skb->len - 1, FERRY_SKB_CB(skb)->mss) : 0;
	return len ? cut(sk, skb, len) : skb;
}

/**
 * ferry_send_tlp() - the tail loss probe is due
 * @sk: the socket, with something outstanding
 *
 * RFC 8985 section 7.3: new data if the peer's window allows it, whatever the
 * congestion window says; else the last segment again.
 */
void ferry_send_tlp(struct sock *sk)
{
	struct sk_buff *skb = ferry_send_head(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	u32 nxt = fp->snd_nxt;

	if (skb && !seq_after(nxt + min_t(u32, skb->len, ferry_mss(fp)),
			      ferry_wnd_end(fp)) &&
	    (skb->len <= ferry_mss(fp) ||
	     !ferry_fragment(sk, skb, ferry_mss(fp), GFP_ATOMIC))) {
		ferry_send_forced(sk, skb);
		if (fp->snd_nxt != nxt)
			ferry_tlp_sent(&fp->recovery, fp->snd_nxt, false);
		return;
	}
	skb = last_segment(sk);
	if (skb && !retransmit(sk, skb, 1, FERRY_RTX_TLP)) {
		ferry_tlp_sent(&fp->recovery, fp->snd_nxt, true);
		ferry_count(sock_net(sk), LOSS_PROBES);
	}
}

/**
 * ferry_rtx_resegment() - the MSS has become smaller: send again what is lost
 * @sk: the socket
 *
 * Packets that were too large say nothing about congestion, so the window
 * stays.
 */
void ferry_rtx_resegment(struct sock *sk)
{
	struct ferry_cong *ca = &ferry_csk(sk)->cong;
	struct ferry_sock *fp = ferry_sk(sk);
	u8 prior_state = ca->state;
	struct ferry_skb_cb *cb;
	struct sk_buff *skb;
	bool lost = false;

	for (skb = ferry_rtx_head(sk); skb; skb = skb_rb_next(skb)) {
		cb = FERRY_SKB_CB(skb);
		if (cb->mss <= ferry_mss(fp) || skb->len <= ferry_mss(fp))
			continue;
		recut(sk, skb);
		ferry_board_mark_lost(&fp->recovery, ca, skb);
		lost = true;
	}
	if (!lost)
		return;
	ferry_recovery_resegmented(&fp->recovery, ca, fp->snd_nxt);
	if (ca->state != prior_state)
		trace_ferry_cong(sk, prior_state, ca->state);
	ferry_retransmit_lost(sk);
}
