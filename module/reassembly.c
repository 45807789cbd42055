// SPDX-License-Identifier: GPL-2.0-only
/*
 * Putting the stream together: the seventh step of RFC 9293 section 3.10.7.4.
 *
 * What comes in order goes to the end of sk_receive_queue; what comes beyond
 * a hole waits (ofo.c) until the hole is filled.  Segments that continue each
 * other share one buffer where that is possible: it saves memory and the
 * reader's time.
 *
 * What was acknowledged is never thrown away; rcvbuf.c makes room otherwise.
 *
 * Context: socket lock held, in BH or while the backlog is worked off.
 */
#include "ferry.h"

/* Append @from to @to; true if @from is gone. */
static bool try_coalesce(struct sock *sk, struct sk_buff *to,
			 struct sk_buff *from)
{
	bool stolen;
	int delta;

	if (FERRY_SKB_CB(from)->seq != FERRY_SKB_CB(to)->end_seq ||
	    FERRY_SKB_CB(to)->flags & FERRY_FIN ||
	    !skb_try_coalesce(to, from, &stolen, &delta))
		return false;

	atomic_add(delta, &sk->sk_rmem_alloc);
	sk_mem_charge(sk, delta);
	FERRY_SKB_CB(to)->end_seq = FERRY_SKB_CB(from)->end_seq;
	FERRY_SKB_CB(to)->flags |= FERRY_SKB_CB(from)->flags;
	/* Whoever reads to the end is told when that came. */
	if (unlikely(from->tstamp)) {
		to->tstamp = from->tstamp;
		*skb_hwtstamps(to) = *skb_hwtstamps(from);
	}
	kfree_skb_partial(from, stolen);
	return true;
}

static void advance(struct sock *sk, u32 seq)
{
	struct ferry_sock *fp = ferry_sk(sk);

	fp->bytes_received += seq - fp->rcv_nxt;
	WRITE_ONCE(fp->rcv_nxt, seq);
}

/* The next segment in order, accounted for already. */
static void queue_in_order(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_receive_queue);

	advance(sk, FERRY_SKB_CB(skb)->end_seq);
	if (!tail || !try_coalesce(sk, tail, skb))
		__skb_queue_tail(&sk->sk_receive_queue, skb);
}

/**
 * ferry_purge_ofo() - throw away what waits for a hole to be filled
 * @sk: the socket
 */
void ferry_purge_ofo(struct sock *sk)
{
	struct ferry_ofo *ofo = ferry_ofo(ferry_sk(sk));
	struct sk_buff *skb;

	if (!ofo)
		return;
	while ((skb = skb_rb_first(&ofo->tree))) {
		ferry_ofo_take_first(ofo, skb);
		__kfree_skb(skb);
	}
}

/*
 * Charge the socket; false if the segment cannot be taken.
 *
 * A reader that has read everything gets at least one segment: neither its own
 * buffer nor the memory of all sockets together may be so full that nothing
 * goes on.  What was not scheduled makes sk_forward_alloc negative until it is
 * freed or the next one is scheduled.
 */
static bool charge(struct sock *sk, struct sk_buff *skb, bool in_order)
{
	bool next = in_order && skb_queue_empty(&sk->sk_receive_queue);

	if (!ferry_rcvbuf_make_room(sk) && !next)
		return false;
	if (!sk_rmem_schedule(sk, skb, skb->truesize) && !next)
		return false;
	skb_set_owner_r(skb, sk);
	return true;
}

/* The sender is told, so that it can take back what it thought was lost. */
static void came_twice(struct ferry_sock *fp, u32 start, u32 end)
{
	if (fp->sack_ok && ferry_trouble(fp))
		ferry_ofo_duplicate(ferry_ofo(fp), start, end);
}

/* A hole may have been filled: move what continues the stream. */
static void drain_ofo(struct sock *sk)
{
	struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_ofo *ofo = ferry_ofo(fp);
	u32 twice = fp->rcv_nxt;
	struct ferry_skb_cb *cb;
	struct sk_buff *skb;

	while ((skb = skb_rb_first(&ofo->tree))) {
		cb = FERRY_SKB_CB(skb);
		if (seq_after(cb->seq, fp->rcv_nxt))
			return;
		/* What filled the hole may have brought more than that. */
		if (seq_before(cb->seq, twice))
			came_twice(fp, cb->seq, seq_before(cb->end_seq, twice) ?
						cb->end_seq : twice);
		ferry_ofo_take_first(ofo, skb);
		if (!seq_after(cb->end_seq, fp->rcv_nxt)) {
			ferry_drop(sk, skb, FERRY_DROP_OFO_MERGED);
			continue;
		}
		if (cb->flags & FERRY_FIN) {
			queue_in_order(sk, skb);
			ferry_fin(sk);
			return;
		}
		queue_in_order(sk, skb);
	}
}

static void ofo_insert(struct sock *sk, struct sk_buff *skb)
{
	struct ferry_sock *fp = ferry_sk(sk);
	struct ferry_trouble *trouble = ferry_trouble(fp);
	struct sk_buff_head covered;
	struct ferry_ofo *ofo;

	ferry_count(sock_net(sk), OUT_OF_ORDER);
	if (!trouble || !charge(sk, skb, false)) {
		ferry_ack_at_once(sk);
		ferry_drop(sk, skb, FERRY_DROP_OFO_MEMORY);
		return;
	}
	trouble->ooo_segs += max_t(u16, 1, skb_shinfo(skb)->gso_segs);
	ofo = &trouble->ofo;
	/* A new window would make a duplicate ACK look like none. */
	if (fp->sack_ok)
		ferry_rcv_ssthresh_grow(sk, skb);

	/* Most continue what came last. */
	if (ofo->last && try_coalesce(sk, ofo->last, skb)) {
		ferry_ofo_grown(ofo);
		return;
	}
	__skb_queue_head_init(&covered);
	if (!ferry_ofo_insert(ofo, skb, &covered))
		ferry_drop(sk, skb, FERRY_DROP_OFO_MERGED);
	while ((skb = __skb_dequeue(&covered)))
		ferry_drop(sk, skb, FERRY_DROP_OFO_MERGED);
}

static void wake_reader(struct sock *sk)
{
	if (sock_flag(sk, SOCK_DEAD))
		return;
	if (ferry_recv_queued(sk) >= sock_rcvlowat(sk, 0, INT_MAX) ||
	    ferry_receive_window(ferry_sk(sk)) <= ferry_csk(sk)->rcv_mss)
		sk->sk_data_ready(sk);
}

static void reject(struct sock *sk, struct sk_buff *skb,
		   enum ferry_drop_reason why)
{
	ferry_ack_quickly(sk, FERRY_QUICK_ACKS);
	ferry_ack_at_once(sk);
	ferry_drop(sk, skb, why);
}

/* RFC 9293: in these states text is taken; later there can be none. */
static bool takes_data(const struct sock *sk)
{
	return (1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_FIN_WAIT1 |
				      TCPF_FIN_WAIT2);
}

/**
 * ferry_data_outside() - a segment is not acceptable: has it come before?
 * @sk: the socket
 * @skb: the segment
 */
void ferry_data_outside(struct sock *sk, const struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_sock *fp = ferry_sk(sk);

	if (cb->seq == cb->end_seq || !seq_before(cb->seq, fp->rcv_nxt))
		return;
	ferry_ack_quickly(sk, FERRY_QUICK_ACKS);
	came_twice(fp, cb->seq, seq_after(cb->end_seq, fp->rcv_nxt) ?
				fp->rcv_nxt : cb->end_seq);
}

/**
 * ferry_data_queue() - take the data and the FIN of a segment
 * @sk: the socket; it may be in state CLOSE on return
 * @skb: an acceptable segment; owned from here on
 */
void ferry_data_queue(struct sock *sk, struct sk_buff *skb)
{
	const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
	struct ferry_sock *fp = ferry_sk(sk);
	u32 window = ferry_receive_window(fp);
	bool fin = cb->flags & FERRY_FIN;

	if (cb->seq == cb->end_seq) {
		__kfree_skb(skb);
		return;
	}
	if (!takes_data(sk)) {
		/* Its FIN again: our ACK was lost.  There is no text behind. */
		if (seq_after(cb->end_seq, fp->rcv_nxt))
			ferry_drop(sk, skb, FERRY_DROP_OVER_WINDOW);
		else
			reject(sk, skb, FERRY_DROP_OLD_DATA);
		return;
	}
	skb_dst_drop(skb);
	__skb_pull(skb, ferry_hdr_len(ferry_hdr(skb)));

	if (!seq_after(cb->end_seq, fp->rcv_nxt)) {
		came_twice(fp, cb->seq, cb->end_seq);
		reject(sk, skb, FERRY_DROP_OLD_DATA);
		return;
	}
	if (!window || !seq_before(cb->seq, fp->rcv_nxt + window)) {
		/* A FIN alone needs no room. */
		if (cb->seq != fp->rcv_nxt || skb->len) {
			reject(sk, skb, window ? FERRY_DROP_OVER_WINDOW :
						 FERRY_DROP_ZERO_WINDOW);
			return;
		}
	}
	if (fp->ecn_ok)
		ferry_ecn_receive(sk, skb);
	if (seq_after(cb->seq, fp->rcv_nxt)) {
		ferry_csk(sk)->ack_pending = 1;
		ofo_insert(sk, skb);
		return;
	}
	if (seq_before(cb->seq, fp->rcv_nxt))
		came_twice(fp, cb->seq, fp->rcv_nxt);

	if (!charge(sk, skb, true)) {
		ferry_csk(sk)->no_room = 1;
		ferry_drop(sk, skb, FERRY_DROP_MEMORY);
		/* Once the window is closed, a reader gets what there is. */
		ferry_send_ack(sk);
		wake_reader(sk);
		return;
	}
	if (skb->len)
		ferry_ack_owed(sk, skb);
	queue_in_order(sk, skb);
	if (!ferry_ofo_empty(ferry_ofo(fp))) {
		/* RFC 5681 section 4.2: a segment in a hole is ACKed at once */
		ferry_ack_at_once(sk);
		if (!fin)
			drain_ofo(sk);
	}
	if (fin)
		ferry_fin(sk);
	wake_reader(sk);
}
