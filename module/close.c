// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a connection as the application causes it: close(), shutdown(),
 * connect(AF_UNSPEC).
 *
 * close() returns at once; what is still to be sent goes on without a file
 * descriptor.  Unread data at close() means that the peer's bytes are lost, so
 * it is told by a RST instead of a FIN (RFC 2525 section 2.17, RFC 9293
 * section 3.6.1).
 */
#include <linux/sched/signal.h>
#include <net/ipv6.h>

#include "ferry.h"

/* The sending side is closed, by close() or shutdown(): RFC 9293 3.10.4. */
static void close_sending(struct sock *sk)
{
	struct ferry_step step = ferry_machine(sk->sk_state, FERRY_CALL_CLOSE);

	if (step.next == sk->sk_state)
		return;
	ferry_set_state(sk, step.next);
	if (step.reply == FERRY_SEND_FIN)
		ferry_send_fin(sk);
}

/*
 * Nothing more is sent or taken, and the peer is told if it has to know: RFC
 * 9293 3.10.5.
 */
static struct ferry_step abort_connection(struct sock *sk, bool lossy)
{
	enum ferry_event event = lossy ? FERRY_CALL_ABORT_LOSSY :
					 FERRY_CALL_ABORT;
	struct ferry_step step = ferry_machine(sk->sk_state, event);

	if (step.reply == FERRY_SEND_RST)
		ferry_send_reset(sk);
	if (step.next != sk->sk_state)
		ferry_set_state(sk, step.next);
	return step;
}

/**
 * ferry_shutdown() - shutdown(SHUT_WR) or shutdown(SHUT_RDWR)
 * @sk: the socket
 * @how: RCV_SHUTDOWN and SEND_SHUTDOWN bits
 *
 * Shutting down reception needs nothing here: sk_shutdown says it all.  Before
 * the connection stands it says so for sending, too: syn_acknowledged() looks.
 *
 * Context: socket lock held.
 */
void ferry_shutdown(struct sock *sk, int how)
{
	if (!(how & SEND_SHUTDOWN))
		return;
	if (!((1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT)))
		return;
	close_sending(sk);
}

/* Bytes that the application never read. */
static u32 purge_receive_queue(struct sock *sk)
{
	struct sk_buff *skb;
	u32 unread = 0;

	while ((skb = __skb_dequeue(&sk->sk_receive_queue))) {
		const struct ferry_skb_cb *cb = FERRY_SKB_CB(skb);
		u32 end = cb->end_seq - !!(cb->flags & FERRY_FIN);

		if (seq_after(end, ferry_sk(sk)->copied_seq))
			unread += end - ferry_sk(sk)->copied_seq;
		__kfree_skb(skb);
	}
	return unread;
}

/* SO_LINGER: wait until the peer has acknowledged everything. */
static void linger(struct sock *sk, long timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	if (!timeout)
		return;
	add_wait_queue(sk_sleep(sk), &wait);
	while (timeout && !signal_pending(current)) {
		if (sk_wait_event(sk, &timeout,
				  !((1 << sk->sk_state) & (TCPF_FIN_WAIT1 |
							   TCPF_CLOSING |
							   TCPF_LAST_ACK)),
				  &wait))
			break;
	}
	remove_wait_queue(sk_sleep(sk), &wait);
}

static void abort_orphan(struct sock *sk)
{
	ferry_set_state(sk, TCP_CLOSE);
	ferry_send_reset(sk);
}

/* Nobody reads or writes any more; returns true if the socket is done with. */
static bool close_orphan(struct sock *sk)
{
	unsigned long timeout;

	if (sk->sk_state == TCP_FIN_WAIT2) {
		if (ferry_csk(sk)->linger2 < 0) {
			ferry_count(sock_net(sk), ABORT_ON_LINGER);
			abort_orphan(sk);
			return true;
		}
		timeout = ferry_fin_timeout(sk);
		if (timeout <= FERRY_TIMEWAIT_LEN) {
			ferry_time_wait(sk, TCP_FIN_WAIT2, timeout);
			return false;
		}
		ferry_keepalive_start(sk, timeout - FERRY_TIMEWAIT_LEN);
	}
	if (sk->sk_state != TCP_CLOSE && ferry_orphan_refused(sk, 0))
		abort_orphan(sk);
	return sk->sk_state == TCP_CLOSE;
}

/**
 * ferry_close() - the last file descriptor is closed
 * @sk: the socket
 * @timeout: SO_LINGER time in jiffies, 0 to return at once
 *
 * RFC 9293 section 3.10.4.
 *
 * Context: process context.
 */
void ferry_close(struct sock *sk, long timeout)
{
	int state;

	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);

	if (sk->sk_state == TCP_LISTEN) {
		close_sending(sk);
		ferry_listen_stop(sk);
	} else if (sk->sk_state == TCP_CLOSE) {
		purge_receive_queue(sk);
	} else if (purge_receive_queue(sk)) {
		ferry_count(sock_net(sk), ABORT_ON_CLOSE);
		abort_connection(sk, true);
	} else if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime) {
		ferry_count(sock_net(sk), ABORT_ON_DATA);
		ferry_disconnect(sk, 0);
	} else {
		close_sending(sk);
		linger(sk, timeout);
	}

	state = sk->sk_state;
	sock_hold(sk);
	ferry_orphan(sk);
	/* Runs the backlog, for the last time with an owner. */
	release_sock(sk);

	/* But sock_diag may be looking, and then it is the owner. */
	while (lock_sock_fast(sk))
		unlock_sock_fast(sk, true);
	/* If a segment has ended it since, it has been released, too. */
	if ((state == TCP_CLOSE || sk->sk_state != TCP_CLOSE) &&
	    close_orphan(sk))
		ferry_release_dead(sk);
	unlock_sock_fast(sk, false);
	sock_put(sk);
}

/*
 * The page that a kernel user of the socket has written from.  A listener is
 * copied to its children, who would have the page without a reference.
 */
static void drop_page(struct sock *sk)
{
	if (sk->sk_frag.page)
		put_page(sk->sk_frag.page);
	sk->sk_frag.page = NULL;
	sk->sk_frag.offset = 0;
}

static void forget_peer(struct sock *sk)
{
	inet_sk(sk)->inet_dport = 0;
	sk->sk_daddr = 0;
	ferry_forget_saddr(sk);
	__sk_dst_reset(sk);
}

/**
 * ferry_disconnect() - make a socket new again
 * @sk: the socket
 * @flags: not used
 *
 * connect(AF_UNSPEC), shutdown() of a listener, close() with a zero linger
 * time.  The port stays if the application chose it.
 *
 * Context: process context, socket lock held.
 *
 * Return: 0
 */
int ferry_disconnect(struct sock *sk, int flags)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	int old = sk->sk_state;
	struct ferry_step step;

	step = abort_connection(sk, fp->snd_nxt != fp->write_seq);
	if (step.err)
		WRITE_ONCE(sk->sk_err, step.err);
	if (old == TCP_LISTEN)
		ferry_listen_stop(sk);

	ferry_timers_clear(sk);
	purge_receive_queue(sk);
	ferry_purge_write_queue(sk);
	ferry_trouble_free(sk);
	ferry_mtu_probe_free(sk);
	drop_page(sk);
	forget_peer(sk);

	WRITE_ONCE(sk->sk_shutdown, 0);
	WRITE_ONCE(sk->sk_err_soft, 0);
	sk_set_peek_off(sk, -1);
	sock_reset_flag(sk, SOCK_DONE);
	csk->retransmits = 0;
	csk->backoff = 0;
	csk->probes_out = 0;
	csk->retrans_stamp = 0;
	csk->ack_pending = 0;
	csk->ack_now = 0;
	csk->no_room = 0;
	csk->pingpong = 0;
	csk->quick_acks = 0;
	csk->ato = 0;
	csk->rcv_mss = FERRY_MSS_MIN;
	csk->last_answer = 0;
	ferry_recovery_init(&fp->recovery);
	ferry_cong_init(&csk->cong, FERRY_MSS_DEFAULT);
	ferry_cong_again(&csk->cong);
	fp->snd_una = 0;
	fp->snd_nxt = 0;
	fp->write_seq = 0;
	fp->snd_wnd = 0;
	fp->max_window = 0;
	fp->rcv_nxt = 0;
	fp->copied_seq = 0;
	fp->urgent.data = 0;
	fp->rcv_wup = 0;
	fp->rcv_wnd = 0;
	fp->conn.mss_clamp = U16_MAX;
	fp->snd_wscale = 0;
	fp->rcv_wscale = 0;
	fp->has_wscale = 0;
	fp->has_tstamp = 0;
	fp->sack_ok = 0;
	fp->ecn_ok = 0;
	fp->window_clamp = 0;
	fp->user_mss = 0;
	fp->active_open = 0;
	fp->segs_in = 0;
	fp->segs_out = 0;
	fp->data_segs_in = 0;
	fp->data_segs_out = 0;
	fp->bytes_retrans = 0;
	fp->bytes_acked = 0;
	fp->bytes_received = 0;

	WARN_ON(inet_sk(sk)->inet_num && !csk->bind_bucket);
	sk_error_report(sk);
	return 0;
}
