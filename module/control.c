// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments without payload: SYN, FIN, ACK, RST, probes; and answers to
 * segments that belong to no full socket.
 *
 * SYN and FIN occupy a sequence number, so they are queued like data and sent
 * again if they are lost.  The others are not.
 *
 * Context: socket lock held where there is a socket; process context or BH.
 */
#include <linux/netdevice.h>
#include <net/inet_ecn.h>

#include "ferry.h"
#include "trace.h"

/**
 * ferry_init_header() - fill in a header without options
 * @th: the header; ports and checksum are left zero
 * @seq: SEG.SEQ
 * @ack: SEG.ACK
 * @flags: control bits
 * @window: SEG.WND as it is on the wire
 */
void ferry_init_header(struct tcphdr *th, u32 seq, u32 ack, u8 flags,
		       u16 window)
{
	memset(th, 0, sizeof(*th));
	th->seq = htonl(seq);
	th->ack_seq = htonl(ack);
	th->doff = sizeof(*th) / 4;
	((u8 *)th)[13] = flags;
	th->window = htons(window);
}

/**
 * ferry_checksum_for_device() - complete a checksum that the device would not
 * @skb: segment with CHECKSUM_PARTIAL, data at the transport header
 * @dst: where it goes
 *
 * A device that can only do TCP's and UDP's checksums may look at the protocol
 * number and leave ours alone.
 */
void ferry_checksum_for_device(struct sk_buff *skb,
			       const struct dst_entry *dst)
{
	if (!(dst->dev->features & NETIF_F_HW_CSUM))
		skb_checksum_help(skb);
}

/**
 * ferry_reply_flow() - how does an answer leave?
 * @flow: filled in
 * @net: namespace
 * @sk: listener, TIME_WAIT mini socket, or NULL
 * @in: the segment to be answered
 * @tos: its TOS or traffic class
 *
 * As the connection's own segments did, where there was one; else the way that
 * the segment came.
 */
void ferry_reply_flow(struct ferry_reply_flow *flow, struct net *net,
		      const struct sock *sk, const struct sk_buff *in, u8 tos)
{
	memset(flow, 0, sizeof(*flow));
	flow->tos = tos;
	if (sk && sk->sk_state == TCP_TIME_WAIT) {
		const struct ferry_timewait_sock *tw = ferry_tw(sk);

		flow->mark = tw->mark;
		flow->priority = tw->priority;
		flow->txhash = tw->txhash;
		flow->flow_label = tw->flow_label;
		flow->tos = tw->tos;
	} else if (sk) {
		flow->sk = sk;
		flow->mark = READ_ONCE(sk->sk_mark);
		flow->priority = READ_ONCE(sk->sk_priority);
		flow->txhash = READ_ONCE(sk->sk_txhash);
	}
	flow->tos &= ~INET_ECN_MASK;
	flow->oif = sk ? sk->sk_bound_dev_if : 0;
	if (!flow->oif && netif_index_is_l3_master(net, in->skb_iif))
		flow->oif = in->skb_iif;
}

/**
 * ferry_reply_skb() - a segment that answers another
 * @flow: how it leaves
 * @in: the segment to be answered
 * @th: header of the answer, but for the ports; options follow it
 *
 * Return: the segment, data at the transport header, or NULL.
 */
struct sk_buff *ferry_reply_skb(const struct ferry_reply_flow *flow,
				const struct sk_buff *in,
				const struct tcphdr *th)
{
	struct sk_buff *skb = alloc_skb(FERRY_MAX_HEADER + ferry_hdr_len(th),
					GFP_ATOMIC);
	struct tcphdr *hdr;

	if (!skb)
		return NULL;
	skb_reserve(skb, FERRY_MAX_HEADER);
	hdr = skb_put_data(skb, th, ferry_hdr_len(th));
	skb_reset_transport_header(skb);
	hdr->source = ferry_hdr(in)->dest;
	hdr->dest = ferry_hdr(in)->source;
	skb->mark = flow->mark;
	skb->priority = flow->priority;
	if (flow->txhash)
		skb_set_hash(skb, flow->txhash, PKT_HASH_TYPE_L4);
	return skb;
}

/**
 * ferry_reply_reset() - answer a segment with a RST
 * @net: namespace
 * @af: address family
 * @sk: listener, or NULL
 * @skb: the segment; its control block is filled in
 *
 * RFC 9293 section 3.10.7.1.  A RST is never answered.
 */
void ferry_reply_reset(struct net *net, const struct ferry_af_ops *af,
		       const struct sock *sk, struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	const struct ferry_seg seg = {
		.end_seq = cb->end_seq, .ack = cb->ack_seq, .flags = cb->flags,
	};
	struct ferry_seg rst;
	struct tcphdr th;

	if (cb->flags & FERRY_RST)
		return;
	rst = ferry_reset_for(&seg);
	ferry_init_header(&th, rst.seq, rst.ack, rst.flags, 0);
	af->reply(net, sk, skb, &th);
	trace_ferry_reset(NULL, skb, true);
	ferry_count(net, OUT_RSTS);
	ferry_count(net, OUT_SEGS);
}

static struct sk_buff *control_skb(struct sock *sk, u32 seq, u8 flags,
				   gfp_t gfp)
{
	struct sk_buff *skb = alloc_skb(FERRY_MAX_HEADER, gfp);
	struct ferry_skb_cb *cb;

	if (!skb)
		return NULL;
	skb_reserve(skb, FERRY_MAX_HEADER);
	cb = FERRY_SKB_CB(skb);
	cb->seq = seq;
	cb->end_seq = seq + !!(flags & (FERRY_SYN | FERRY_FIN));
	cb->flags = flags;
	cb->mss = ferry_csk(sk)->cong.mss;
	cb->segs = 1;
	return skb;
}

/* A SYN or FIN, accounted like data. */
static struct sk_buff *queued_control_skb(struct sock *sk, u8 flags, gfp_t gfp)
{
	struct ferry_sock *fp = ferry_sk(sk);
	struct sk_buff *skb = ferry_alloc_skb(sk, gfp, true);
	struct ferry_skb_cb *cb;

	if (!skb)
		return NULL;
	cb = FERRY_SKB_CB(skb);
	cb->seq = fp->write_seq;
	cb->end_seq = ++fp->write_seq;
	cb->flags = flags;
	ferry_skb_set_segs(skb, ferry_mss(fp));
	sk_wmem_queued_add(sk, skb->truesize);
	sk_mem_charge(sk, skb->truesize);
	return skb;
}

/* What this end will offer in its SYN. */
static void init_receive_window(struct sock *sk)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;
	struct ferry_sock *fp = ferry_sk(sk);
	u32 most = fp->window_clamp ?: U32_MAX, mss = ferry_mss_offer(sk);

	fp->rcv_wscale = fp->has_wscale ?
		ferry_window_scale(min_t(u32, READ_ONCE(sysctl->rmem[2]),
					 most)) : 0;
	fp->rcv_wnd = ferry_window_init(min_t(u32, ferry_space(sk), most), mss);
	fp->rcv_wnd = min(fp->rcv_wnd,
			  ferry_route_first_window(__sk_dst_get(sk), mss));
	fp->rcv_ssthresh = fp->rcv_wnd;
}

/**
 * ferry_send_syn() - open actively
 * @sk: socket in SYN_SENT; write_seq is the ISN
 *
 * A SYN that could not be sent is a SYN that was lost: the timer sends it
 * again.
 *
 * Context: process context.
 *
 * Return: 0 or -ENOBUFS.
 */
int ferry_send_syn(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	u32 isn = fp->write_seq;
	struct sk_buff *skb;

	ferry_route_open(sk);
	ferry_options_offer(sk);
	ferry_sync_mss(sk, dst_mtu(__sk_dst_get(sk)));
	init_receive_window(sk);
	ferry_ack_open(sk);
	fp->active_open = 1;
	fp->bytes_acked = 0;
	fp->snd_una = isn;
	fp->snd_nxt = isn;
	fp->snd_sml = isn;
	fp->snd_up = isn;
	fp->pushed_seq = isn;
	fp->snd_wnd = 0;
	csk->retransmits = 0;
	/* A user time-out counts from here. */
	csk->retrans_stamp = (u32)jiffies ?: 1;
	csk->cong.high_seq = isn;
	csk->cong.usage_seq = isn;

	skb = queued_control_skb(sk, FERRY_SYN, sk->sk_allocation);
	if (!skb)
		return -ENOBUFS;
	ferry_board_insert(&fp->recovery, skb);
	csk->cong.packets_out++;
	fp->snd_nxt = fp->write_seq;
	ferry_timer_arm(sk, FERRY_TIMER_RETRANS, ferry_rto(sk));
	ferry_transmit(sk, skb, true);
	return 0;
}

/**
 * ferry_send_syn_ack() - answer a SYN in SYN_SENT: a simultaneous open
 * @sk: socket in SYN_RECV
 *
 * RFC 9293 section 3.5, figure 8: the SYN goes out again, now with an ACK.
 */
void ferry_send_syn_ack(struct sock *sk)
{
	struct sk_buff *skb = ferry_rtx_head(sk);

	if (!skb)
		return;
	FERRY_SKB_CB(skb)->flags |= FERRY_ACK;
	ferry_transmit(sk, skb, true);
}

/**
 * ferry_send_fin() - there will be no more data
 * @sk: socket that has just left ESTABLISHED, SYN_RECV or CLOSE_WAIT
 *
 * The FIN goes with the last data that is not yet sent, if there is any.
 */
void ferry_send_fin(struct sock *sk)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_write_queue);
	struct ferry_sock *fp = ferry_sk(sk);
	struct sk_buff *fin;

	if (!tail) {
		fin = queued_control_skb(sk, FERRY_ACK | FERRY_FIN, gfp_any());
		if (fin) {
			__skb_queue_tail(&sk->sk_write_queue, fin);
			ferry_push(sk, false);
			return;
		}
		/* Let a retransmission of the last data carry it. */
		tail = ferry_rtx_tail(sk);
		if (!tail) {
			ferry_count(sock_net(sk), ABORT_ON_MEMORY);
			ferry_send_reset(sk);
			ferry_fail(sk, ENOBUFS);
			return;
		}
		fp->snd_nxt++;
	}
	FERRY_SKB_CB(tail)->flags |= FERRY_FIN;
	FERRY_SKB_CB(tail)->end_seq++;
	fp->write_seq++;
	ferry_push(sk, false);
}

/**
 * ferry_send_ack() - acknowledge what has come, now
 * @sk: the socket
 *
 * Without memory it is owed on, and the timer tries again.
 */
void ferry_send_ack(struct sock *sk)
{
	struct sk_buff *skb;

	if (sk->sk_state == TCP_CLOSE)
		return;
	skb = control_skb(sk, ferry_sk(sk)->snd_nxt, FERRY_ACK, GFP_ATOMIC);
	if (skb)
		ferry_transmit(sk, skb, false);
	else
		ferry_ack_retry(sk);
}

/**
 * ferry_send_reset() - tell the peer that the connection is gone
 * @sk: the socket
 *
 * RFC 9293 section 3.10.5: <SEQ=SND.NXT><CTL=RST>, with an ACK for firewalls.
 */
void ferry_send_reset(struct sock *sk)
{
	struct sk_buff *skb;

	skb = control_skb(sk, ferry_sk(sk)->snd_nxt, FERRY_ACK | FERRY_RST,
			  gfp_any());
	ferry_count(sock_net(sk), OUT_RSTS);
	trace_ferry_reset(&sk->__sk_common, NULL, true);
	if (skb)
		ferry_transmit(sk, skb, false);
}

/* An old sequence number makes the peer answer with an ACK. */
static void send_empty_probe(struct sock *sk, u32 seq)
{
	struct sk_buff *skb;

	skb = control_skb(sk, seq, FERRY_ACK, GFP_ATOMIC);
	if (skb)
		ferry_transmit(sk, skb, false);
}

/* Data that waits for a better window, or a corked end: send what fits. */
static bool send_what_fits(struct sock *sk)
{
	struct sk_buff *skb = ferry_send_head(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	u32 len;

	if (!skb || !seq_before(FERRY_SKB_CB(skb)->seq, ferry_wnd_end(fp)))
		return false;
	len = min(ferry_wnd_end(fp) - FERRY_SKB_CB(skb)->seq, ferry_mss(fp));
	if (skb->len > len && ferry_fragment(sk, skb, len, GFP_ATOMIC))
		return false;
	FERRY_SKB_CB(skb)->flags |= FERRY_PSH;
	ferry_send_forced(sk, skb);
	return true;
}

/**
 * ferry_send_probe() - make the peer say something
 * @sk: the socket
 * @keepalive: only to see if it is alive; else to learn its window
 *
 * RFC 9293 sections 3.8.4 and 3.8.6.1.
 */
void ferry_send_probe(struct sock *sk, bool keepalive)
{
	u32 una = ferry_sk(sk)->snd_una;

	trace_ferry_retransmit(&sk->__sk_common, una - 1, una - 1,
			       keepalive ? FERRY_RTX_KEEPALIVE :
					   FERRY_RTX_PROBE);
	if (!keepalive)
		ferry_count(sock_net(sk), WINDOW_PROBES);
	if (!keepalive && send_what_fits(sk))
		return;
	/* That something is urgent must get through a closed window. */
	if (seq_between(ferry_sk(sk)->snd_up, una + 1, una + U16_MAX))
		send_empty_probe(sk, una);
	send_empty_probe(sk, una - 1);
}
