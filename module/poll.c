// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll(), select() and epoll.
 *
 * No lock is taken; the state is read once, and a wake-up that comes after
 * makes the caller look again.
 */
#include <linux/poll.h>

#include "ferry.h"

/**
 * ferry_is_readable() - is there as much to be read as is asked for?
 * @sk: the socket
 * @target: bytes
 *
 * Context: any.
 */
bool ferry_is_readable(const struct sock *sk, int target)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	int avail = READ_ONCE(fp->rcv_nxt) - READ_ONCE(fp->copied_seq);

	if (avail <= 0)
		return false;
	/* A full buffer holds no more, whatever SO_RCVLOWAT asks for. */
	return avail >= target || sock_flag(sk, SOCK_DONE) ||
	       ferry_receive_window(fp) <= ferry_csk(sk)->rcv_mss;
}

/* SO_RCVLOWAT; an urgent byte that is next is not one of the stream. */
static int wanted(const struct sock *sk)
{
	const struct ferry_sock *fp = ferry_sk(sk);

	return sock_rcvlowat(sk, 0, INT_MAX) +
	       (!sock_flag(sk, SOCK_URGINLINE) &&
		ferry_urgent_at_mark(&fp->urgent, READ_ONCE(fp->copied_seq)));
}

static __poll_t writable(struct sock *sk)
{
	if (sk->sk_shutdown & SEND_SHUTDOWN || __sk_stream_is_writeable(sk, 1))
		return EPOLLOUT | EPOLLWRNORM;

	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/* Pairs with the free room being made before the bit is looked at. */
	smp_mb__after_atomic();
	return __sk_stream_is_writeable(sk, 1) ? EPOLLOUT | EPOLLWRNORM : 0;
}

/**
 * ferry_poll() - which calls would not block?
 * @file: of the descriptor
 * @sock: the socket
 * @wait: where to register
 *
 * Context: process context.
 *
 * Return: mask of EPOLL* bits, as for TCP.
 */
__poll_t ferry_poll(struct file *file, struct socket *sock,
		    struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	__poll_t mask = 0;
	int state;
	u8 shutdown;

	sock_poll_wait(file, sock, wait);
	/* Before sk_err is read below; pairs with ferry_fail(). */
	state = smp_load_acquire(&sk->sk_state);
	if (state == TCP_LISTEN)
		return ferry_accept_queue_empty(sk) ? 0 :
						      EPOLLIN | EPOLLRDNORM;

	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;

	if (state != TCP_SYN_SENT && state != TCP_SYN_RECV) {
		if (ferry_is_readable(sk, wanted(sk)))
			mask |= EPOLLIN | EPOLLRDNORM;
		mask |= writable(sk);
	}
	/* Pairs with ferry_fail(). */
	smp_rmb();
	if (READ_ONCE(ferry_sk(sk)->urgent.data) & FERRY_URGENT_VALID)
		mask |= EPOLLPRI;
	if (READ_ONCE(sk->sk_err) ||
	    !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}
