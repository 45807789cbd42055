// SPDX-License-Identifier: GPL-2.0-only
/*
 * Orphans: connections whose last file descriptor has been closed.
 *
 * What they still have to send is sent, and nobody waits for it.  A host that
 * is busy, or under attack, could collect any number of them, with peers that
 * do not answer; so they are counted, there is a bound to their number, and
 * when it is exceeded or memory is short they are ended with a RST: the newest
 * at its close, and the others when their peer lets a timer of theirs expire.
 * They have less patience than connections that somebody looks after.
 *
 * The count is of a namespace, and per CPU; it is added up only near the bound.
 *
 * Context: BH disabled, socket lock held.
 */
#include <linux/mm.h>
#include <linux/percpu_counter.h>

#include "ferry.h"

/* What net.ferry.orphan_retries 0 means for a peer that may be there. */
#define ORPHAN_RETRIES_DEFAULT	8

/**
 * ferry_orphan() - the file descriptor has gone, or there never will be one
 * @sk: the socket
 */
void ferry_orphan(struct sock *sk)
{
	sock_orphan(sk);
	percpu_counter_inc(&ferry_net(sock_net(sk))->orphans);
}

/**
 * ferry_orphan_gone() - undo ferry_orphan(), at the end of the socket
 * @sk: the socket
 */
void ferry_orphan_gone(struct sock *sk)
{
	percpu_counter_dec(&ferry_net(sock_net(sk))->orphans);
}

static bool too_many(const struct sock *sk, unsigned int penalty)
{
	struct ferry_net *fn = ferry_net(sock_net(sk));
	/* Who made a namespace may not take more than the machine allows. */
	int max = min(READ_ONCE(fn->sysctl.max_orphans),
		      READ_ONCE(ferry_net(&init_net)->sysctl.max_orphans));

	return percpu_counter_compare(&fn->orphans, max >> penalty) > 0;
}

static bool out_of_memory(const struct sock *sk)
{
	return sk->sk_wmem_queued > SOCK_MIN_SNDBUF &&
	       sk_memory_allocated(sk) > sk_prot_mem_limits(sk, 2);
}

/**
 * ferry_orphan_refused() - must an orphan go for want of resources?
 * @sk: the socket
 * @penalty: halve the bound of their number so many times
 *
 * Counts the reason.
 */
bool ferry_orphan_refused(const struct sock *sk, unsigned int penalty)
{
	if (too_many(sk, penalty)) {
		ferry_count(sock_net(sk), ABORT_ON_ORPHANS);
		return true;
	}
	if (out_of_memory(sk)) {
		ferry_count(sock_net(sk), ABORT_ON_MEMORY);
		return true;
	}
	return false;
}

/**
 * ferry_orphan_retries() - for how many retransmissions an orphan waits
 * @sk: the socket
 * @alive: the back-off has not reached its end
 */
unsigned int ferry_orphan_retries(const struct sock *sk, bool alive)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;

	/* An ICMP message has said that something is wrong. */
	if (!alive && READ_ONCE(sk->sk_err_soft))
		return 0;
	return READ_ONCE(sysctl->orphan_retries) ?:
	       (alive ? ORPHAN_RETRIES_DEFAULT : 0);
}

/**
 * ferry_orphan_check() - a timer of an orphan has expired
 * @sk: the socket; the caller holds a reference
 * @reset: tell the peer if it ends here
 *
 * A peer that has been silent for long, or about which ICMP has complained,
 * counts for more than one.
 *
 * Return: true if the connection has ended.
 */
bool ferry_orphan_check(struct sock *sk, bool reset)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 silence = (u32)jiffies - csk->last_snd;
	unsigned int penalty = 0;

	if (!reset || (s32)silence > 2 * FERRY_RTO_MAX)
		penalty++;
	if (READ_ONCE(sk->sk_err_soft))
		penalty++;
	if (!ferry_orphan_refused(sk, penalty))
		return false;

	if (reset || (s32)silence <= FERRY_TIMEWAIT_LEN ||
	    (!ferry_sk(sk)->snd_wnd && !csk->cong.packets_out))
		ferry_send_reset(sk);
	ferry_done(sk);
	return true;
}
