// SPDX-License-Identifier: GPL-2.0-only
/*
 * The states of a connection (RFC 9293 section 3.3.2), and what leaving the
 * last of them means.
 *
 * LISTEN, SYN_SENT and all states from ESTABLISHED to LAST_ACK are states of a
 * full socket; so is SYN_RECV after a simultaneous open.  A passive open is a
 * request (TCP_NEW_SYN_RECV, request.c) until its handshake completes.
 * TIME_WAIT, and FIN_WAIT2 without a file descriptor, are a mini socket
 * (timewait.c).  Which event leads where is in machine.c.
 *
 * A socket is freed by whoever comes last: close() finds it in CLOSE, or the
 * event that takes it to CLOSE finds it dead, that is, without a descriptor.
 */
#include <net/xfrm.h>

#include "ferry.h"
#include "trace.h"

/**
 * ferry_set_state() - go to another state
 * @sk: the socket
 * @state: one of TCP_ESTABLISHED ... TCP_CLOSING
 *
 * In CLOSE the socket is in no hash any more, and gives its port back unless
 * the application chose it.
 *
 * Context: socket lock held.
 */
void ferry_set_state(struct sock *sk, int state)
{
	int old = sk->sk_state;

	if (state == TCP_CLOSE) {
		if (old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT)
			ferry_count(sock_net(sk), ESTAB_RESETS);
		ferry_unhash(sk);
		if (ferry_csk(sk)->bind_bucket &&
		    !(sk->sk_userlocks & SOCK_BINDPORT_LOCK))
			ferry_put_port(sk);
	}
	trace_ferry_state(&sk->__sk_common, old, state);
	/* Unhashing comes first: the hash tells listeners by their state. */
	inet_sk_set_state(sk, state);
}

/**
 * ferry_release_dead() - free a closed socket that has no descriptor
 * @sk: orphan in state CLOSE; the reference of its descriptor goes
 *
 * Context: BH disabled, socket lock held.
 */
void ferry_release_dead(struct sock *sk)
{
	WARN_ON(sk->sk_state != TCP_CLOSE);
	WARN_ON(!sock_flag(sk, SOCK_DEAD));

	sk->sk_prot->destroy(sk);
	sk_stream_kill_queues(sk);
	xfrm_sk_free_policy(sk);
	ferry_orphan_gone(sk);
	sock_put(sk);
}

/**
 * ferry_done() - the connection is over
 * @sk: the socket; the caller holds a reference besides the descriptor's
 *
 * Context: BH disabled, socket lock held.
 */
void ferry_done(struct sock *sk)
{
	if (sk->sk_state == TCP_SYN_SENT || sk->sk_state == TCP_SYN_RECV)
		ferry_count(sock_net(sk), ATTEMPT_FAILS);

	ferry_set_state(sk, TCP_CLOSE);
	ferry_timers_clear(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (!sock_flag(sk, SOCK_DEAD))
		sk->sk_state_change(sk);
	else
		ferry_release_dead(sk);
}

/**
 * ferry_enter() - go where a step of the state machine leads
 * @sk: the socket; the caller holds a reference besides the descriptor's
 * @step: the step, whose reply has been sent
 *
 * Context: BH disabled, socket lock held.
 */
void ferry_enter(struct sock *sk, struct ferry_step step)
{
	switch (step.next) {
	case TCP_CLOSE:
		if (step.err)
			ferry_fail(sk, step.err);
		else
			ferry_done(sk);
		break;
	case TCP_TIME_WAIT:
		ferry_time_wait(sk, TCP_TIME_WAIT, FERRY_TIMEWAIT_LEN);
		break;
	default:
		ferry_set_state(sk, step.next);
		break;
	}
}

/**
 * ferry_fail() - the connection is over, and the application has to know why
 * @sk: the socket; the caller holds a reference besides the descriptor's
 * @err: positive errno for SO_ERROR
 *
 * Context: BH disabled, socket lock held.
 */
void ferry_fail(struct sock *sk, int err)
{
	WRITE_ONCE(sk->sk_err, err);
	/* Pairs with ferry_poll(), which looks at sk_shutdown first. */
	smp_wmb();
	ferry_purge_write_queue(sk);
	ferry_done(sk);
	if (!sock_flag(sk, SOCK_DEAD))
		sk_error_report(sk);
}
