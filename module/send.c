// SPDX-License-Identifier: GPL-2.0-only
/*
 * sendmsg(): from the application into the write queue.
 *
 * The bytes go into pages that the queued segments share, in pieces of up to
 * 64 KB.  The send buffer grows with the congestion window, unless SO_SNDBUF
 * says otherwise; when it is full, the application waits.
 *
 * With MSG_ZEROCOPY the queued segments refer to the application's own pages,
 * and the error queue says when they are its own again: when the last skb that
 * refers to them, and so to a struct ubuf_info, has gone.  Where a segment has
 * to be read by this host, as over loopback, the kernel copies after all, and
 * says so.
 */
#include <linux/sched/signal.h>
#include <net/inet_common.h>

#include "ferry.h"

/**
 * ferry_alloc_skb() - a segment for the queues, without payload
 * @sk: who will be charged for it
 * @gfp: how to allocate
 * @force: even if there is no memory left for the sockets
 *
 * The clone that is sent comes with it (fclone).
 *
 * Return: the segment or NULL.
 */
struct sk_buff *ferry_alloc_skb(struct sock *sk, gfp_t gfp, bool force)
{
	struct sk_buff *skb = alloc_skb_fclone(FERRY_MAX_HEADER, gfp);

	if (!skb)
		return NULL;
	if (!sk_wmem_schedule(sk, skb->truesize) && !force) {
		__kfree_skb(skb);
		return NULL;
	}
	skb_reserve(skb, FERRY_MAX_HEADER);
	skb->ip_summed = CHECKSUM_PARTIAL;
	return skb;
}

/**
 * ferry_free_write_skb() - free a segment and uncharge the socket
 * @sk: the socket
 * @skb: in no queue any more
 */
void ferry_free_write_skb(struct sock *sk, struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, -skb->truesize);
	sk_mem_uncharge(sk, skb->truesize);
	__kfree_skb(skb);
}

/**
 * ferry_purge_write_queue() - forget what is unsent and unacknowledged
 * @sk: the socket
 */
void ferry_purge_write_queue(struct sock *sk)
{
	struct ferry_cong *ca = &ferry_csk(sk)->cong;
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&sk->sk_write_queue)))
		ferry_free_write_skb(sk, skb);
	while ((skb = ferry_rtx_head(sk))) {
		ferry_board_remove(&ferry_sk(sk)->recovery, skb);
		ferry_free_write_skb(sk, skb);
	}
	ca->packets_out = 0;
	ca->sacked_out = 0;
	ca->lost_out = 0;
	ca->retrans_out = 0;
}

/**
 * ferry_sndbuf_expand() - the buffer follows the congestion window
 * @sk: the socket
 *
 * Twice the window, or what the algorithm says, so that one may be written
 * while the other is on its way.  A segment is reckoned with what it costs in
 * memory if it has a packet to itself, as in Linux TCP: the buffer must also
 * hold what was sent behind a hole that takes several round trips to fill.
 */
void ferry_sndbuf_expand(struct sock *sk)
{
	const struct ferry_cong *ca = &ferry_csk(sk)->cong;
	const struct ferry_sock *fp = ferry_sk(sk);
	u32 segs = max3(ca->snd_cwnd, FERRY_INIT_CWND,
			fp->recovery.reordering + 1U);
	const struct ferry_sysctl *sysctl;
	u64 need;

	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK)
		return;
	need = roundup_pow_of_two(ca->mss + FERRY_MAX_HEADER +
				  SKB_DATA_ALIGN(sizeof(struct skb_shared_info))) +
	       SKB_DATA_ALIGN(sizeof(struct sk_buff));
	need *= segs * (u64)(ca->ops->sndbuf_factor ?: 2);
	if (need <= sk->sk_sndbuf)
		return;
	sysctl = &ferry_net(sock_net(sk))->sysctl;
	need = min_t(u64, need, READ_ONCE(sysctl->wmem[2]));
	if (need > sk->sk_sndbuf)
		WRITE_ONCE(sk->sk_sndbuf, need);
}

/**
 * ferry_write_space() - there is room in the send buffer again
 * @sk: the socket
 *
 * Wakes writers when a third of the buffer is free, not for every byte.
 *
 * Context: any.
 */
void ferry_write_space(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	struct socket_wq *wq;

	if (!__sk_stream_is_writeable(sk, 1) || !sock)
		return;
	clear_bit(SOCK_NOSPACE, &sock->flags);
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM |
						      EPOLLWRBAND);
	if (wq && wq->fasync_list && !(sk->sk_shutdown & SEND_SHUTDOWN))
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

/**
 * ferry_notsent_is_low() - may more be written, as FERRY_NOTSENT_LOWAT says?
 * @sk: the socket
 * @wake: somebody waits: not before half of it has been sent
 *
 * Context: any; without the socket lock the answer may be old.
 */
bool ferry_notsent_is_low(const struct sock *sk, int wake)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	u32 notsent = READ_ONCE(fp->write_seq) - READ_ONCE(fp->snd_nxt);

	return (notsent << wake) < (READ_ONCE(fp->conn.notsent_lowat) ?: U32_MAX);
}

static struct sk_buff *new_piece(struct sock *sk)
{
	struct ferry_sock *fp = ferry_sk(sk);
	struct sk_buff *skb;

	/* With nothing queued there is nothing whose end could be awaited. */
	skb = ferry_alloc_skb(sk, sk->sk_allocation, !sk->sk_wmem_queued);
	if (!skb)
		return NULL;
	FERRY_SKB_CB(skb)->seq = fp->write_seq;
	FERRY_SKB_CB(skb)->end_seq = fp->write_seq;
	FERRY_SKB_CB(skb)->flags = FERRY_ACK;
	__skb_queue_tail(&sk->sk_write_queue, skb);
	sk_wmem_queued_add(sk, skb->truesize);
	sk_mem_charge(sk, skb->truesize);
	return skb;
}

/* The same without copying. */
static int append_pages(struct sock *sk, struct sk_buff *skb,
			struct msghdr *msg, u32 goal, struct ubuf_info *uarg)
{
	int n = min_t(int, msg_data_left(msg), goal - skb->len);

	if (!sk_wmem_schedule(sk, n))
		return -ENOBUFS;
	n = ferry_zerocopy_iter(sk, skb, msg, n, uarg);
	/* It is full, or has another write's pages. */
	if (n == -EMSGSIZE || n == -EEXIST)
		return 0;
	if (n > 0) {
		WRITE_ONCE(ferry_sk(sk)->write_seq,
			   ferry_sk(sk)->write_seq + n);
		FERRY_SKB_CB(skb)->end_seq += n;
	}
	return n;
}

/* Append to a piece; bytes, 0 if it takes no more, or an errno. */
static int append(struct sock *sk, struct sk_buff *skb, struct msghdr *msg,
		  u32 goal, struct ubuf_info *uarg)
{
	struct page_frag *pfrag = sk_page_frag(sk);
	int frags = skb_shinfo(skb)->nr_frags, copy, room, err;
	bool merge;

	if (unlikely(uarg))
		return append_pages(sk, skb, msg, goal, uarg);
	if (!ferry_page_frag_refill(sk, pfrag))
		return -ENOBUFS;
	skb_zcopy_downgrade_managed(skb);
	merge = skb_can_coalesce(skb, frags, pfrag->page, pfrag->offset);
	if (!merge && frags >= MAX_SKB_FRAGS)
		return 0;
	copy = min_t(int, msg_data_left(msg), goal - skb->len);
	copy = min_t(int, copy, pfrag->size - pfrag->offset);
	if (!sk_wmem_schedule(sk, copy)) {
		/* A little is always allowed, or nothing would go on. */
		room = sk_get_wmem0(sk, sk->sk_prot) - sk->sk_wmem_queued;
		if (room <= 0)
			return -ENOBUFS;
		copy = min(copy, room);
	}
	err = skb_copy_to_page_nocache(sk, &msg->msg_iter, skb, pfrag->page,
				       pfrag->offset, copy);
	if (err)
		return err;

	if (merge) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[frags - 1], copy);
	} else {
		skb_fill_page_desc(skb, frags, pfrag->page, pfrag->offset,
				   copy);
		page_ref_inc(pfrag->page);
	}
	pfrag->offset += copy;
	ferry_sk(sk)->write_seq += copy;
	FERRY_SKB_CB(skb)->end_seq += copy;
	return copy;
}

/* A piece into which nothing could be copied must not stay. */
static void remove_empty_tail(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb && FERRY_SKB_CB(skb)->seq == FERRY_SKB_CB(skb)->end_seq) {
		__skb_unlink(skb, &sk->sk_write_queue);
		ferry_free_write_skb(sk, skb);
	}
}

/* RFC 9293 section 3.9.1.2: the end of what is written carries PSH. */
static void mark_push(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb)
		FERRY_SKB_CB(skb)->flags |= FERRY_PSH;
	ferry_sk(sk)->pushed_seq = ferry_sk(sk)->write_seq;
}

static void push(struct sock *sk, bool more)
{
	bool corks = ferry_tsq_corks(sk);

	if (!more)
		mark_push(sk);
	/* What is full in front of a small write does not wait with it. */
	if (corks && skb_queue_is_first(&sk->sk_write_queue,
					skb_peek_tail(&sk->sk_write_queue)))
		return;
	ferry_push(sk, more || corks || ferry_sk(sk)->cork);
}

/* Wait until there is room; what is queued has to go meanwhile. */
static int wait_for_room(struct sock *sk, long *timeout)
{
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	push(sk, false);
	return sk_stream_wait_memory(sk, timeout);
}

/*
 * MSG_ZEROCOPY: what the pages are to be told back by; or NULL, if the socket
 * does not have SO_ZEROCOPY.  *@copy: the route cannot send from them.
 */
static struct ubuf_info *zerocopy_begin(struct sock *sk, struct msghdr *msg,
					size_t size, bool *copy)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);
	struct ubuf_info *uarg = msg->msg_ubuf;

	*copy = !(sk->sk_route_caps & NETIF_F_SG);
	if (uarg) {
		/* io_uring has its own way of being told. */
		net_zcopy_get(uarg);
		return uarg;
	}
	if (!sock_flag(sk, SOCK_ZEROCOPY))
		return NULL;
	uarg = ferry_zerocopy_realloc(sk, size, skb_zcopy(skb));
	if (!uarg)
		return ERR_PTR(-ENOBUFS);
	if (*copy)
		uarg_to_msgzc(uarg)->zerocopy = 0;
	return uarg;
}

static int send_bytes(struct sock *sk, struct msghdr *msg, long timeout,
		      struct ubuf_info *uarg)
{
	struct ferry_sock *fp = ferry_sk(sk);
	u32 goal = ferry_send_goal(sk);
	struct sk_buff *skb;
	int copied = 0, n;

	while (msg_data_left(msg)) {
		if (sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
			return copied ?: -EPIPE;
		skb = skb_peek_tail(&sk->sk_write_queue);
		n = skb && skb->len < goal ? append(sk, skb, msg, goal, uarg) :
					    0;
		if (!n) {
			skb = sk_stream_memory_free(sk) ? new_piece(sk) : NULL;
			n = skb ? append(sk, skb, msg, goal, uarg) : -ENOBUFS;
		}
		if (n > 0) {
			copied += n;
			if (skb->len < goal)
				continue;
			if (fp->write_seq - fp->pushed_seq >
			    fp->max_window / 2)
				mark_push(sk);
			/*
			 * A long write should be under way while it goes on.
			 * But less than a segment is copied soon, and sent
			 * with what is in front of it wakes the reader once.
			 */
			if (msg_data_left(msg) >= ferry_mss(fp))
				ferry_push(sk, false);
			goal = ferry_send_goal(sk);
			continue;
		}
		remove_empty_tail(sk);
		if (n == -ENOBUFS)
			n = wait_for_room(sk, &timeout);
		if (n)
			return copied ?: n;
		goal = ferry_send_goal(sk);
	}
	return copied;
}

/*
 * The application writes again: had it left the network idle?  Then what is
 * measured now is its own speed.
 */
static void note_app_limited(struct sock *sk)
{
	struct ferry_cong *ca = &ferry_csk(sk)->cong;
	const struct ferry_sock *fp = ferry_sk(sk);

	if (fp->write_seq - fp->snd_nxt < ferry_mss(fp) &&
	    sk_wmem_alloc_get(sk) < SKB_TRUESIZE(1) &&
	    ferry_cong_in_flight(ca) < ca->snd_cwnd &&
	    ca->lost_out <= ca->retrans_out)
		ferry_rate_app_limited(ca);
}

/**
 * ferry_sendmsg() - send()
 * @sock: the socket
 * @msg: what to send
 * @size: bytes in @msg
 *
 * RFC 9293 section 3.10.2.
 *
 * Context: process context.
 *
 * Return: bytes taken, or -EPIPE (with SIGPIPE), -EAGAIN, -EINTR, -EFAULT,
 * -EINVAL for a control message that makes no sense, -ENOBUFS if the pages may
 * not be kept, or the error that ended the connection.
 */
int ferry_sendmsg(struct socket *sock, struct msghdr *msg, size_t size)
{
	int flags = msg->msg_flags, copied = 0, err;
	struct ubuf_info *uarg = NULL;
	struct sockcm_cookie cookie;
	struct sock *sk = sock->sk;
	bool copy = false;
	long timeout;

	lock_sock(sk);
	if (unlikely(flags & MSG_ZEROCOPY && size)) {
		uarg = zerocopy_begin(sk, msg, size, &copy);
		if (IS_ERR(uarg)) {
			err = PTR_ERR(uarg);
			uarg = NULL;
			goto out;
		}
	}
	timeout = sock_sndtimeo(sk, flags & MSG_DONTWAIT);
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT))) {
		err = sk_stream_wait_connect(sk, &timeout);
		if (err)
			goto out;
	}
	sockcm_init(&cookie, sk);
	if (unlikely(msg->msg_controllen)) {
		err = sock_cmsg_send(sk, msg, &cookie);
		if (err) {
			err = ferry_cmsg_error(err);
			goto out;
		}
	}
	if (unlikely(cookie.tsflags))
		ferry_tstamp_begin(sk);
	note_app_limited(sk);
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);

	err = -EPIPE;
	if (sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
		goto out;
	err = send_bytes(sk, msg, timeout, copy ? NULL : uarg);
	if (err > 0) {
		copied = err;
		if (flags & MSG_OOB)
			ferry_sk(sk)->snd_up = ferry_sk(sk)->write_seq;
		if (unlikely(cookie.tsflags))
			ferry_tstamp_written(sk, cookie.tsflags);
		push(sk, flags & (MSG_MORE | MSG_SENDPAGE_NOTLAST));
	}
out:
	if (unlikely(uarg) && copied)
		net_zcopy_put(uarg);
	else if (unlikely(uarg))
		net_zcopy_put_abort(uarg, true);
	if (err < 0) {
		err = sk_stream_error(sk, flags, err);
		/* An edge-triggered poller must not miss the room there is. */
		if (skb_queue_empty(&sk->sk_write_queue) && err == -EAGAIN)
			sk->sk_write_space(sk);
	}
	release_sock(sk);
	return copied ?: err;
}
