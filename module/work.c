// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work that comes up for a socket in softirq: a timer has expired, a packet has
 * left a queue, an ICMP message has come.
 *
 * It is done at once under the socket's spinlock.  While a process owns the
 * socket, it is noted in @deferred instead, under the same spinlock, and done
 * when the process lets go; until then the note holds a reference.
 */
#include "ferry.h"

static void do_now(struct sock *sk, u8 work)
{
	if (work & FERRY_WORK_TIMER)
		ferry_timers_run(sk);
	if (work & FERRY_WORK_MTU)
		ferry_mtu_reduced(sk);
	if (work & FERRY_WORK_PUSH)
		ferry_push_waiting(sk);
	if (work & FERRY_WORK_ACK)
		ferry_compress_send(sk);
}

/**
 * ferry_work() - do it now, or when the process that owns the socket lets go
 * @sk: the socket
 * @work: one of FERRY_WORK_*
 *
 * Context: BH, socket's spinlock held.
 */
void ferry_work(struct sock *sk, u8 work)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (!sock_owned_by_user(sk)) {
		do_now(sk, work);
		return;
	}
	if (!csk->deferred)
		sock_hold(sk);
	csk->deferred |= work;
}

/**
 * ferry_work_put() - ferry_work() for a timer or tasklet
 * @sk: the socket; the caller's reference is given back
 * @work: one of FERRY_WORK_*
 *
 * Context: softirq, socket not locked.
 */
void ferry_work_put(struct sock *sk, u8 work)
{
	bh_lock_sock(sk);
	ferry_work(sk, work);
	bh_unlock_sock(sk);
	sock_put(sk);
}

/**
 * ferry_release_cb() - the owner lets go: what had to wait is done now
 * @sk: the socket
 *
 * Context: process context, socket's spinlock held, BH disabled.
 */
void ferry_release_cb(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	u8 deferred = csk->deferred;

	if (likely(!deferred))
		return;
	csk->deferred = 0;
	do_now(sk, deferred);
	__sock_put(sk);
}
