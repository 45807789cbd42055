// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small queues: a sender does not fill the queues below it.
 *
 * Whatever the congestion window allows, packets that wait in the host's own
 * qdisc or network card only wait: they add to the round-trip time of this
 * connection and to that of all others, and they are sent too late to react to
 * a loss.  So no more than a millisecond of the pacing rate, but two packets,
 * may be there at a time.  sk_wmem_alloc counts them; a packet that leaves is
 * freed, and its destructor lets the next ones go.
 *
 * The destructor may be called anywhere, also from within ferry_push() of the
 * same socket, when the qdisc drops what it was given.  So it only schedules
 * the tasklet of the socket, which takes the lock.  References: a packet in
 * flight keeps the socket's memory by its share of sk_wmem_alloc, but not the
 * socket alive; a scheduled tasklet holds a reference, which the destructor
 * takes unless the socket is past its end.  Devices that hand packets on at
 * once, as loopback and veth do, take the socket off them first, and nothing
 * ever waits.
 */
#include "ferry.h"
#include "pace.h"

/* Without pacing the rate may be anything; this much at most, as Linux TCP. */
#define LIMIT_MAX		(16 * 65536)

static void wake_sender(struct sock *sk, struct ferry_pacer *pacer)
{
	if (!test_and_clear_bit(FERRY_PACER_THROTTLED, &pacer->flags) ||
	    test_and_set_bit(FERRY_PACER_QUEUED, &pacer->flags))
		return;
	if (refcount_inc_not_zero(&sk->sk_refcnt))
		tasklet_schedule(&pacer->tasklet);
	else
		clear_bit(FERRY_PACER_QUEUED, &pacer->flags);
}

/**
 * ferry_tsq_tasklet() - packets have left the queues: send what waits
 * @tasklet: of a &struct ferry_pacer
 *
 * Context: softirq.
 */
void ferry_tsq_tasklet(struct tasklet_struct *tasklet)
{
	struct ferry_pacer *pacer = container_of(tasklet, struct ferry_pacer,
						 tasklet);

	clear_bit(FERRY_PACER_QUEUED, &pacer->flags);
	/* What is asked for from here on makes the tasklet run again. */
	smp_mb__after_atomic();
	ferry_work_put(pacer->sk, FERRY_WORK_PUSH);
}

/**
 * ferry_wfree() - destructor of what a connection has sent
 * @skb: the packet
 *
 * Context: any.
 */
void ferry_wfree(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	struct ferry_pacer *pacer;

	/* The last byte is given back at the end: it keeps the socket. */
	WARN_ON_ONCE(refcount_sub_and_test(skb->truesize - 1,
					   &sk->sk_wmem_alloc));
	/* Pairs with holds(): either sees what the other has done. */
	smp_mb__after_atomic();
	/* Also keeps this module until the last instruction. */
	rcu_read_lock();
	pacer = rcu_dereference(ferry_csk(sk)->pacer);
	if (pacer && test_bit(FERRY_PACER_THROTTLED, &pacer->flags))
		wake_sender(sk, pacer);
	sk_free(sk);
	rcu_read_unlock();
}

/* Is there more than @limit?  If so, the next packet that leaves tells. */
static bool holds(struct sock *sk, u32 limit)
{
	struct ferry_pacer *pacer;

	if (likely(refcount_read(&sk->sk_wmem_alloc) <= limit))
		return false;
	pacer = ferry_pacer_get(sk);
	if (!pacer)
		return false;
	set_bit(FERRY_PACER_THROTTLED, &pacer->flags);
	/*
	 * Pairs with ferry_wfree(): a packet that has left in the meantime has
	 * told nobody.
	 */
	smp_mb__after_atomic();
	return refcount_read(&sk->sk_wmem_alloc) > limit;
}

/**
 * ferry_tsq_holds() - is enough of this connection in the queues below?
 * @sk: the socket
 * @skb: what would be sent next
 * @factor: the limit is shifted by that: retransmissions may go farther
 *
 * Context: socket lock held.
 *
 * Return: true if so; ferry_push_waiting() will be called when it has changed.
 */
bool ferry_tsq_holds(struct sock *sk, const struct sk_buff *skb,
		     unsigned int factor)
{
	unsigned long limit = READ_ONCE(sk->sk_pacing_rate) >>
			      READ_ONCE(sk->sk_pacing_shift);

	limit = max_t(unsigned long, limit, 2 * skb->truesize);
	if (READ_ONCE(sk->sk_pacing_status) == SK_PACING_NONE)
		limit = min_t(unsigned long, limit, LIMIT_MAX);
	limit = min_t(unsigned long, limit << factor, INT_MAX);
	/* Something must be out, or no ACK would come either. */
	return ferry_csk(sk)->cong.packets_out && holds(sk, limit);
}

/**
 * ferry_tsq_corks() - should a small write wait for the next one?
 * @sk: the socket
 *
 * While packets wait in the queues below, nothing is lost by collecting what
 * the application writes in the meantime.
 *
 * Context: socket lock held.
 *
 * Return: true if so; ferry_push_waiting() will be called when it has changed.
 */
bool ferry_tsq_corks(struct sock *sk)
{
	const struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	return skb && ferry_csk(sk)->cong.packets_out &&
	       skb->len < ferry_send_goal(sk) && holds(sk, skb->truesize);
}
