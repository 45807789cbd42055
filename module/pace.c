// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pacing: packets leave one after the other and not all at once.
 *
 * The rate comes from the congestion control, or from window and round-trip
 * time: a whole window goes out in five sixths of a round trip, in slow start
 * in half of one.  It decides how large a packet to the stack may be (a
 * millisecond of the rate), so that slow connections do not send bursts.
 *
 * Whether the packets are also spread in time depends on sk_pacing_status, as
 * in Linux: an algorithm that wants it or SO_MAX_PACING_RATE asks for it, and
 * then a timer of ours holds the next packet back; if the qdisc fq is there,
 * it says so, and does it better: we only write on each packet when it should
 * leave (earliest departure time).
 *
 * The timer is allocated when it is needed for the first time, since most
 * connections never do.  It expires in softirq, and pending it holds a
 * reference to the socket; a process that owns the socket sends in its place
 * when it lets go (work.c).
 *
 * Context: socket lock held, in process context or BH.
 */
#include <linux/math64.h>
#include <linux/slab.h>

#include "ferry.h"
#include "pace.h"

/* Of a window in a round trip; more in slow start, to let it grow. */
#define PACING_PERCENT		120
#define PACING_SS_PERCENT	200
/* Below this round-trip time packets are large whatever the rate. */
#define MIN_RTT_LOG		9

static enum hrtimer_restart timer_expired(struct hrtimer *timer)
{
	struct ferry_pacer *pacer = container_of(timer, struct ferry_pacer,
						 timer);

	ferry_work_put(pacer->sk, FERRY_WORK_PUSH);
	return HRTIMER_NORESTART;
}

/**
 * ferry_pacer_get() - the pacer of a connection, made if there is none
 * @sk: the socket
 *
 * Return: the pacer, or NULL without memory.
 */
struct ferry_pacer *ferry_pacer_get(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_pacer *pacer;

	pacer = rcu_dereference_protected(csk->pacer, true);
	if (likely(pacer))
		return pacer;
	pacer = kzalloc(sizeof(*pacer), GFP_ATOMIC | __GFP_NOWARN);
	if (!pacer)
		return NULL;
	pacer->sk = sk;
	hrtimer_setup(&pacer->timer, timer_expired, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_PINNED_SOFT);
	tasklet_setup(&pacer->tasklet, ferry_tsq_tasklet);
	rcu_assign_pointer(csk->pacer, pacer);
	return pacer;
}

/**
 * ferry_pace_init() - a new socket does not pace
 * @sk: the socket
 */
void ferry_pace_init(struct sock *sk)
{
	RCU_INIT_POINTER(ferry_csk(sk)->pacer, NULL);
}

/**
 * ferry_pace_stop() - nothing waits for its time any more
 * @sk: the socket
 *
 * A timer that has just expired finds nothing to send.
 */
void ferry_pace_stop(struct sock *sk)
{
	struct ferry_pacer *pacer;

	pacer = rcu_dereference_protected(ferry_csk(sk)->pacer, true);
	if (!pacer)
		return;
	pacer->next_ns = 0;
	if (hrtimer_try_to_cancel(&pacer->timer) == 1)
		__sock_put(sk);
}

/**
 * ferry_pace_free() - the socket is freed
 * @sk: the socket, without references
 *
 * Not earlier: a tasklet that has been scheduled may wait long for its turn,
 * and holds nothing but a reference to the socket.  So may a timer.  One of
 * them may have given back the last reference and be at its last instructions:
 * both run in softirq, for which RCU waits.
 *
 * Context: any.
 */
void ferry_pace_free(struct sock *sk)
{
	struct ferry_pacer *pacer;

	pacer = rcu_dereference_protected(ferry_csk(sk)->pacer, true);
	if (pacer)
		kfree_rcu(pacer, rcu);
}

/**
 * ferry_pace_update() - an ACK has come: what is the rate now?
 * @sk: the socket
 */
void ferry_pace_update(struct sock *sk)
{
	struct ferry_cong *ca = &ferry_csk(sk)->cong;
	u64 rate, percent = PACING_PERCENT;

	if (!ca->ops->cong_control) {
		if (!ferry_cong_srtt_us(ca))
			return;
		if (ca->snd_cwnd < ca->snd_ssthresh / 2)
			percent = PACING_SS_PERCENT;
		rate = (u64)ca->mss * max(ca->snd_cwnd, ca->packets_out);
		rate *= percent * (USEC_PER_SEC / 100);
		rate = div_u64(rate, ferry_cong_srtt_us(ca));
		ca->pacing_rate = min_t(u64, rate, ULONG_MAX - 1);
	}
	WRITE_ONCE(sk->sk_pacing_rate, min(ca->pacing_rate,
					   READ_ONCE(sk->sk_max_pacing_rate)));
	if (ca->needs_pacing &&
	    READ_ONCE(sk->sk_pacing_status) == SK_PACING_NONE)
		cmpxchg(&sk->sk_pacing_status, SK_PACING_NONE,
			SK_PACING_NEEDED);
}

/**
 * ferry_pace_segs() - how many segments a packet to the stack should have
 * @sk: the socket
 *
 * What goes at the rate in a millisecond (sk_pacing_shift), so that packets of
 * different connections mix; on paths of less than about 16 ms more and more,
 * since short bursts do no harm there, and cost less.
 *
 * Return: segments, at least 1.
 */
u32 ferry_pace_segs(const struct sock *sk)
{
	u32 least = 2, most = READ_ONCE(sk->sk_gso_max_size), r, segs;
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	const struct ferry_cong *ca = &csk->cong;
	unsigned long bytes;

	if (!sk_can_gso(sk))
		return 1;
	bytes = READ_ONCE(sk->sk_pacing_rate) >> READ_ONCE(sk->sk_pacing_shift);
	r = ferry_rtt_min(&csk->cong.rtt) >> MIN_RTT_LOG;
	if (r < 32)
		bytes += most >> r;
	bytes = min_t(unsigned long, bytes, most);
	if (ca->ops->min_tso_segs)
		least = ca->ops->min_tso_segs(ca);
	segs = max((u32)bytes / ca->mss, least);
	return clamp(segs, 1U, (u32)sk->sk_gso_max_segs);
}

/**
 * ferry_pace_holds() - is it too early for the next packet?
 * @sk: the socket
 *
 * Return: true if so; then the timer runs, and sends when it is time.
 */
bool ferry_pace_holds(struct sock *sk)
{
	struct ferry_pacer *pacer;

	if (likely(READ_ONCE(sk->sk_pacing_status) != SK_PACING_NEEDED))
		return false;
	pacer = rcu_dereference_protected(ferry_csk(sk)->pacer, true);
	if (!pacer || pacer->next_ns <= ktime_get_ns())
		return false;
	if (!hrtimer_is_queued(&pacer->timer)) {
		sock_hold(sk);
		hrtimer_start(&pacer->timer, ns_to_ktime(pacer->next_ns),
			      HRTIMER_MODE_ABS_PINNED_SOFT);
	}
	return true;
}

/**
 * ferry_pace_departure() - a packet goes: when does it leave, and when the next?
 * @sk: the socket
 * @len: bytes of payload in it
 *
 * Lateness is made up for, but at most by half a packet's time.  The first
 * window is not paced: nothing is known of the path.
 *
 * Return: time in nanoseconds for its tstamp, 0 if nothing is paced.
 */
u64 ferry_pace_departure(struct sock *sk, u32 len)
{
	unsigned long rate = READ_ONCE(sk->sk_pacing_rate);
	u64 leave_ns, late_ns, len_ns;
	struct ferry_pacer *pacer;

	if (likely(READ_ONCE(sk->sk_pacing_status) == SK_PACING_NONE))
		return 0;
	pacer = ferry_pacer_get(sk);
	if (!pacer)
		return 0;
	leave_ns = max(ktime_get_ns(), pacer->next_ns);
	late_ns = leave_ns - pacer->next_ns;
	pacer->next_ns = leave_ns;
	if (rate && rate != ~0UL && ferry_sk(sk)->segs_out >= FERRY_INIT_CWND) {
		len_ns = div64_ul((u64)len * NSEC_PER_SEC, rate);
		pacer->next_ns += len_ns - min(len_ns / 2, late_ns);
	}
	return leave_ns;
}
