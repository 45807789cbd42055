// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listeners and the full accept queue: passive open as the application sees
 * it.
 *
 * A connection whose handshake has completed waits in the queue of its
 * listener until accept() takes it.  The queue has a lock of its own, so that
 * a connection can be added without the listener's.  A listener leaves LISTEN
 * before its queue is emptied, and additions look at the state under the
 * queue's lock: none can be left behind.
 */
#include <linux/sched/signal.h>
#include <net/ip.h>

#include "cookie.h"
#include "ferry.h"
#include "trace.h"

/**
 * ferry_accept_queue_init() - an empty queue, for any new socket
 * @queue: the queue
 *
 * Not for a socket that has listened before: requests may still refer to it.
 */
void ferry_accept_queue_init(struct ferry_accept_queue *queue)
{
	spin_lock_init(&queue->lock);
	atomic_set(&queue->half_open, 0);
	queue->cookie_at = (u32)jiffies - FERRY_COOKIE_AGE_MAX *
					  FERRY_COOKIE_PERIOD * HZ;
}

static int listen_start(struct sock *sk)
{
	int err;

	WRITE_ONCE(sk->sk_ack_backlog, 0);

	/*
	 * Another socket may have come to listen on the same port since
	 * bind().  The state is set before, so that of two only one wins.
	 */
	trace_ferry_state(&sk->__sk_common, sk->sk_state, TCP_LISTEN);
	inet_sk_set_state(sk, TCP_LISTEN);
	err = ferry_get_port(sk, inet_sk(sk)->inet_num);
	if (!err) {
		sk_dst_reset(sk);
		err = ferry_hash_listener(sk);
	}
	if (err) {
		ferry_set_state(sk, TCP_CLOSE);
		/* A request from when it last listened may have completed. */
		ferry_listen_stop(sk);
	}
	return err;
}

/**
 * ferry_listen() - listen()
 * @sock: the socket
 * @backlog: length of the accept queue; the core has bounded it by somaxconn
 *
 * A second call changes the length.
 *
 * Context: process context.
 *
 * Return: 0, -EINVAL in any other state than CLOSE and LISTEN, -EADDRINUSE or
 * -ENOMEM.
 */
int ferry_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED ||
	    !((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
		goto out;

	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
	err = sk->sk_state == TCP_LISTEN ? 0 : listen_start(sk);
out:
	release_sock(sk);
	return err;
}

/* Queues are circles, and known by their last. */
static void append(struct sock **last, struct sock *child)
{
	struct sock **next = &ferry_csk(child)->accept_link;

	if (*last) {
		*next = ferry_csk(*last)->accept_link;
		ferry_csk(*last)->accept_link = child;
	} else {
		*next = child;
	}
	WRITE_ONCE(*last, child);
}

static struct sock *take_first(struct sock **last)
{
	struct sock *first;

	if (!*last)
		return NULL;
	first = ferry_csk(*last)->accept_link;
	if (first == *last)
		WRITE_ONCE(*last, NULL);
	else
		ferry_csk(*last)->accept_link = ferry_csk(first)->accept_link;
	WRITE_ONCE(ferry_csk(first)->accept_link, NULL);
	return first;
}

/**
 * ferry_accept_queue_add() - a connection is ready for accept()
 * @listener: its listener
 * @child: the connection, locked; the queue takes its reference
 *
 * Context: BH.
 *
 * Return: false if the listener does not listen any more.
 */
bool ferry_accept_queue_add(struct sock *listener, struct sock *child)
{
	struct ferry_accept_queue *queue = &ferry_csk(listener)->accept_queue;
	bool added = false;

	spin_lock_bh(&queue->lock);
	if (listener->sk_state == TCP_LISTEN) {
		append(&ferry_csk(listener)->accept_link, child);
		sk_acceptq_added(listener);
		added = true;
	}
	spin_unlock_bh(&queue->lock);
	return added;
}

static struct sock *accept_queue_take(struct sock *listener)
{
	struct ferry_accept_queue *queue = &ferry_csk(listener)->accept_queue;
	struct sock *child;

	spin_lock_bh(&queue->lock);
	child = take_first(&ferry_csk(listener)->accept_link);
	if (child)
		sk_acceptq_removed(listener);
	spin_unlock_bh(&queue->lock);
	return child;
}

/**
 * ferry_accept_queue_empty() - would accept() find nothing?
 * @listener: socket in LISTEN
 *
 * Context: any; without the socket lock it may have left LISTEN, and the answer
 * means nothing.
 */
bool ferry_accept_queue_empty(const struct sock *listener)
{
	return !READ_ONCE(ferry_csk(listener)->accept_link);
}

/* Sleep until there is a connection; one sleeper is woken for each. */
static int wait_for_connection(struct sock *sk, long timeout)
{
	DEFINE_WAIT(wait);
	int err;

	for (;;) {
		prepare_to_wait_exclusive(sk_sleep(sk), &wait,
					  TASK_INTERRUPTIBLE);
		release_sock(sk);
		if (ferry_accept_queue_empty(sk))
			timeout = schedule_timeout(timeout);
		sched_annotate_sleep();
		lock_sock(sk);
		err = -EINVAL;
		if (sk->sk_state != TCP_LISTEN)
			break;
		err = 0;
		if (!ferry_accept_queue_empty(sk))
			break;
		err = sock_intr_errno(timeout);
		if (signal_pending(current))
			break;
		err = -EAGAIN;
		if (!timeout)
			break;
	}
	finish_wait(sk_sleep(sk), &wait);
	return err;
}

/**
 * ferry_accept() - accept()
 * @sk: the listener
 * @arg: flags in, errno out, and whether that was the last one
 *
 * Context: process context.
 *
 * Return: the connection, or NULL with -EINVAL if @sk does not listen, -EAGAIN
 * if there is none and the caller would not wait, or -ERESTARTSYS.
 */
struct sock *ferry_accept(struct sock *sk, struct proto_accept_arg *arg)
{
	struct sock *child = NULL;
	int err = -EINVAL;

	lock_sock(sk);
	if (sk->sk_state != TCP_LISTEN)
		goto out;

	if (ferry_accept_queue_empty(sk)) {
		long timeout = sock_rcvtimeo(sk, arg->flags & O_NONBLOCK);

		err = -EAGAIN;
		if (!timeout)
			goto out;
		err = wait_for_connection(sk, timeout);
		if (err)
			goto out;
	}
	child = accept_queue_take(sk);
	arg->is_empty = ferry_accept_queue_empty(sk);
	err = 0;
out:
	release_sock(sk);
	if (child)
		ferry_mtu_probe_accepted(child);
	arg->err = err;
	return child;
}

/**
 * ferry_listen_stop() - end the connections that nobody will accept
 * @sk: socket that has just left LISTEN
 *
 * Requests notice by their timer that the listener has gone.
 *
 * Context: process context, socket lock held.
 */
void ferry_listen_stop(struct sock *sk)
{
	struct sock *child;

	while ((child = accept_queue_take(sk))) {
		local_bh_disable();
		bh_lock_sock(child);
		sock_hold(child);
		ferry_disconnect(child, O_NONBLOCK);
		ferry_orphan(child);
		ferry_release_dead(child);
		bh_unlock_sock(child);
		local_bh_enable();
		sock_put(child);
		cond_resched();
	}
}

/**
 * ferry_listen_rcv() - a segment for a listener
 * @sk: the listener, not locked
 * @skb: the segment; owned from here on
 *
 * RFC 9293 section 3.10.7.2.
 *
 * Context: BH, RCU read side.
 *
 * Return: the connection that the segment has completed, as
 * ferry_request_rcv(); or NULL if all is done.
 */
struct sock *ferry_listen_rcv(struct sock *sk, struct sk_buff *skb)
{
	const struct ferry_seg seg = { .flags = FERRY_SKB_CB(skb)->flags };
	enum ferry_event event = ferry_classify(TCP_LISTEN, &seg, NULL);
	struct ferry_step step = ferry_machine(TCP_LISTEN, event);

	if (step.next == TCP_NEW_SYN_RECV) {
		ferry_request_syn(sk, skb);
		return NULL;
	}
	if (step.reply == FERRY_SEND_RST_BACK)
		return ferry_request_ack(sk, skb);
	ferry_drop_event(sock_net(sk), sk, skb, TCP_LISTEN, event);
	return NULL;
}
