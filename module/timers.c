// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection's timers.
 *
 * The deadline for retransmission stands for the RTO, the tail loss probe,
 * RACK's second look or the probe of a closed window; timeout.c does what is to
 * be done when it has passed.  An owed ACK has a deadline, see delack.c, and so
 * has the keep-alive, see keepalive.c.
 *
 * All of these deadlines share one timer, which stands at the nearest of them
 * or before it.  Deadlines are moved by nearly every segment, and mostly away
 * from now; so the timer is left where it is then, finds when it expires that
 * nothing is due, and sleeps on.
 *
 * A pending timer holds a reference to the socket.  It expires in BH, where
 * its work is done at once or, if a process owns the socket, when it lets go.
 */
#include "ferry.h"

/* Any RTO has reached its bound by then. */
#define BACKOFF_MAX	((u8)16)
/*
 * By how many microseconds the probe and RACK wait longer: an ACK that comes
 * just in time should not meet what it makes needless.
 */
#define LOSS_TIMER_SLACK_US	(2 * USEC_PER_MSEC)

/**
 * ferry_rto_us() - the retransmission time-out, without back-off
 * @sk: the socket
 *
 * Context: socket lock held, or RCU read side.
 *
 * Return: microseconds.
 */
u32 ferry_rto_us(const struct sock *sk)
{
	return ferry_rtt_rto(&ferry_csk(sk)->cong.rtt, ferry_route_rto_min(sk));
}

/**
 * ferry_rto() - the retransmission time-out, with back-off
 * @sk: the socket
 *
 * Return: jiffies.
 */
unsigned long ferry_rto(const struct sock *sk)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	u64 rto = max(usecs_to_jiffies(ferry_rto_us(sk)), 1UL);

	/* Rounded to the clock before it doubles, as Linux TCP's is. */
	return min_t(u64, rto << min(csk->backoff, BACKOFF_MAX), FERRY_RTO_MAX);
}

/* How far is it to a deadline?  Jiffies; negative if it has passed. */
static s32 time_left(u32 deadline)
{
	return deadline - (u32)jiffies;
}

/*
 * When a deadline was set, its first tick may have been nearly over.  So it has
 * passed when the last has ended, not when that begins: this is when a timer
 * expires that was set for it, and one that was set for an earlier deadline may
 * not be earlier.
 */
static bool has_passed(u32 deadline)
{
	return time_left(deadline) < 0;
}

/* Have the timer expire in time for a deadline. */
static void expire_by(struct sock *sk, u32 deadline)
{
	unsigned long expires = jiffies + time_left(deadline);

	if (!timer_pending(&sk->sk_timer) ||
	    time_before(expires, sk->sk_timer.expires))
		sk_reset_timer(sk, &sk->sk_timer, expires);
}

/**
 * ferry_timer_arm() - set the deadline for retransmission
 * @sk: the socket
 * @event: what for
 * @delay: jiffies
 *
 * Context: socket lock held.
 */
void ferry_timer_arm(struct sock *sk, enum ferry_timer_event event,
		     unsigned long delay)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	csk->pending = event;
	csk->retransmit_at = jiffies + min_t(unsigned long, delay,
					     FERRY_RTO_MAX);
	expire_by(sk, csk->retransmit_at);
}

/**
 * ferry_timer_stop() - nothing has to be sent again
 * @sk: the socket
 *
 * Context: socket lock held.
 */
void ferry_timer_stop(struct sock *sk)
{
	ferry_csk(sk)->pending = FERRY_TIMER_NONE;
}

/**
 * ferry_rearm_rto() - start the retransmission timer anew, or stop it
 * @sk: the socket
 *
 * RFC 6298 (5.1) to (5.3).
 *
 * Context: socket lock held.
 */
void ferry_rearm_rto(struct sock *sk)
{
	if (ferry_csk(sk)->cong.packets_out)
		ferry_timer_arm(sk, FERRY_TIMER_RETRANS, ferry_rto(sk));
	else
		ferry_timer_stop(sk);
}

/* Microseconds until the first segment is an RTO old; at least one. */
static u32 rto_left(const struct sock *sk)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	const struct sk_buff *skb = ferry_rtx_head(sk);
	u32 rto_us = ferry_rtt_backoff(&csk->cong.rtt, ferry_route_rto_min(sk),
				       csk->backoff);
	s32 left = rto_us;

	if (skb)
		left -= (s32)((u32)ferry_clock_us() -
			      FERRY_SKB_CB(skb)->sent_us);
	return max(left, 1);
}

/**
 * ferry_resume_rto() - a timer that was set for less has done its work
 * @sk: the socket
 *
 * The RTO counts from when the first segment was sent.
 *
 * Context: socket lock held.
 */
void ferry_resume_rto(struct sock *sk)
{
	if (ferry_csk(sk)->cong.packets_out)
		ferry_timer_arm(sk, FERRY_TIMER_RETRANS,
				max(usecs_to_jiffies(rto_left(sk)), 1UL));
	else
		ferry_timer_stop(sk);
}

/**
 * ferry_rearm_loss_timer() - data was sent or acknowledged
 * @sk: the socket
 * @anew: the RTO starts anew: some was acknowledged, or nothing was out before
 *
 * The tail loss probe comes first, if there is one to be sent; then the RTO.
 * RFC 8985 section 7.2.
 *
 * Context: socket lock held.
 */
void ferry_rearm_loss_timer(struct sock *sk, bool anew)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	const struct ferry_sock *fp = ferry_sk(sk);
	unsigned long delay, rto;
	u32 tlp_us = 0;

	if (!csk->cong.packets_out) {
		if (anew)
			ferry_timer_stop(sk);
		return;
	}
	if (!ferry_is_opening(sk))
		tlp_us = ferry_tlp_timeout(&fp->recovery, &csk->cong,
					   fp->sack_ok,
					   ferry_route_rto_min(sk));
	if (!tlp_us) {
		if (!anew)
			return;
		if (csk->pending == FERRY_TIMER_REO ||
		    csk->pending == FERRY_TIMER_TLP)
			ferry_resume_rto(sk);
		else
			ferry_rearm_rto(sk);
		return;
	}
	if (csk->cong.packets_out > 1)
		tlp_us += LOSS_TIMER_SLACK_US;
	delay = usecs_to_jiffies(tlp_us);
	rto = anew ? ferry_rto(sk) : usecs_to_jiffies(rto_left(sk));
	ferry_timer_arm(sk, FERRY_TIMER_TLP, min(delay, max(rto, 1UL)));
}

/**
 * ferry_rearm_reo() - RACK wants to look again
 * @sk: the socket
 * @delay_us: microseconds
 *
 * Context: socket lock held.
 */
void ferry_rearm_reo(struct sock *sk, u32 delay_us)
{
	ferry_timer_arm(sk, FERRY_TIMER_REO,
			usecs_to_jiffies(delay_us + LOSS_TIMER_SLACK_US));
}

/**
 * ferry_rearm_probe() - something waits, and nothing will make the peer speak
 * @sk: the socket
 *
 * Context: socket lock held.
 */
void ferry_rearm_probe(struct sock *sk)
{
	if (ferry_csk(sk)->pending == FERRY_TIMER_NONE)
		ferry_timer_arm(sk, FERRY_TIMER_PROBE,
				max_t(unsigned long, ferry_rto(sk),
				      FERRY_RTO_MIN));
}

/**
 * ferry_timers_run() - the timer has expired
 * @sk: the socket
 *
 * What is due is done, and the timer goes on for the nearest of the rest.
 * Each may end the connection, and a connection that has ended has no
 * deadlines.
 *
 * Context: BH, socket lock held.
 */
void ferry_timers_run(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (csk->delack_armed && has_passed(csk->delack_at)) {
		ferry_delack_stop(sk);
		ferry_ack_timeout(sk);
	}
	if (csk->pending && has_passed(csk->retransmit_at))
		ferry_timeout(sk);
	if (csk->keepalive_armed && has_passed(csk->keepalive_at)) {
		ferry_keepalive_stop(sk);
		ferry_keepalive_timeout(sk);
	}

	if (csk->delack_armed)
		expire_by(sk, csk->delack_at);
	if (csk->pending)
		expire_by(sk, csk->retransmit_at);
	if (csk->keepalive_armed)
		expire_by(sk, csk->keepalive_at);
}

static void timer_expired(struct timer_list *t)
{
	struct sock *sk = timer_container_of(sk, t, sk_timer);

	ferry_work_put(sk, FERRY_WORK_TIMER);
}

/**
 * ferry_delack_start() - set the deadline for an owed ACK
 * @sk: the socket
 * @delay: jiffies
 *
 * Context: socket lock held.
 */
void ferry_delack_start(struct sock *sk, unsigned long delay)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	csk->delack_armed = 1;
	csk->delack_at = jiffies + delay;
	expire_by(sk, csk->delack_at);
}

/**
 * ferry_delack_stop() - no ACK is owed any more
 * @sk: the socket
 *
 * Context: socket lock held.
 */
void ferry_delack_stop(struct sock *sk)
{
	ferry_csk(sk)->delack_armed = 0;
}

/**
 * ferry_keepalive_start() - set the deadline for ferry_keepalive_timeout()
 * @sk: the socket
 * @delay: jiffies
 *
 * Context: socket lock held.
 */
void ferry_keepalive_start(struct sock *sk, unsigned long delay)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	csk->keepalive_armed = 1;
	csk->keepalive_at = jiffies + delay;
	expire_by(sk, csk->keepalive_at);
}

/**
 * ferry_keepalive_stop() - take that deadline back
 * @sk: the socket
 *
 * Context: socket lock held.
 */
void ferry_keepalive_stop(struct sock *sk)
{
	ferry_csk(sk)->keepalive_armed = 0;
}

/**
 * ferry_timers_init() - set up the timer of a new socket
 * @sk: the socket
 */
void ferry_timers_init(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	timer_setup(&sk->sk_timer, timer_expired, 0);
	csk->pending = FERRY_TIMER_NONE;
	csk->delack_armed = 0;
	csk->keepalive_armed = 0;
	csk->deferred = 0;
}

/**
 * ferry_timers_clear() - no deadline is left
 * @sk: the socket
 *
 * A timer that has just expired finds nothing to do.
 *
 * Context: socket lock held.
 */
void ferry_timers_clear(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	csk->pending = FERRY_TIMER_NONE;
	csk->ack_pending = 0;
	csk->ack_now = 0;
	csk->delack_armed = 0;
	csk->keepalive_armed = 0;
	sk_stop_timer(sk, &sk->sk_timer);
	ferry_pace_stop(sk);
	ferry_compress_end(sk);
}
