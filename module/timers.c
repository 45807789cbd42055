// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection's timers.
 *
 * The retransmission timer runs while something is not acknowledged (RFC 6298
 * section 5).  When it expires, all of that is held to be lost and the first
 * segment goes out again; every expiry in a row doubles the time, and when it
 * has gone on for too long, the connection is given up.
 *
 * Before that, the same deadline may stand for the tail loss probe, or for the
 * moment when RACK gives a segment up that was only suspicious (RFC 8985).
 *
 * When nothing is outstanding, but the peer's window does not let the next
 * segment go, the same timer asks for the window again and again (RFC 9293
 * section 3.8.6.1): the ACK that opened it may be lost.  As long as the peer
 * answers, that may go on for ever.
 *
 * An owed ACK has a deadline, see delack.c, and so has the keep-alive, see
 * keepalive.c.
 *
 * All of these deadlines share one timer, which stands at the nearest of them
 * or before it.  Deadlines are moved by nearly every segment, and mostly away
 * from now; so the timer is left where it is then, finds when it expires that
 * nothing is due, and sleeps on.
 *
 * A pending timer holds a reference to the socket.  It expires in BH; when a
 * process owns the socket then, its work is done when the process lets go.
 */
#include "ferry.h"
#include "trace.h"

/* Any RTO has reached its bound by then. */
#define BACKOFF_MAX	((u8)16)
/* Jiffies by which the probe and RACK wait longer, against a coarse clock. */
#define LOSS_TIMER_SLACK	2

/**
 * ferry_rto() - the retransmission time-out, with back-off
 * @sk: the socket
 *
 * Return: jiffies.
 */
unsigned long ferry_rto(const struct sock *sk)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);

	u64 rto = max(usecs_to_jiffies(ferry_rtt_rto(&csk->cong.rtt)), 1UL);

	/* Rounded to the clock before it doubles, as Linux TCP's is. */
	return min_t(u64, rto << min(csk->backoff, BACKOFF_MAX), FERRY_RTO_MAX);
}

static bool is_opening(const struct sock *sk)
{
	return (1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV);
}

/* How far is it to a deadline?  Jiffies; not positive if it has passed. */
static s32 time_left(u32 deadline)
{
	return deadline - (u32)jiffies;
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
	u32 rto_us = ferry_rtt_backoff(&csk->cong.rtt, csk->backoff);
	s32 left = rto_us;

	if (skb)
		left -= (s32)((u32)ferry_clock_us() -
			      FERRY_SKB_CB(skb)->sent_us);
	return max(left, 1);
}

/* A timer that was set for less has done its work; the RTO counts from when
 * the first segment was sent.
 */
static void resume_rto(struct sock *sk)
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
 * @progress: it was acknowledged: the RTO starts anew
 *
 * The tail loss probe comes first, if there is one to be sent; then the RTO.
 * RFC 8985 section 7.2.
 *
 * Context: socket lock held.
 */
void ferry_rearm_loss_timer(struct sock *sk, bool progress)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	const struct ferry_sock *fp = ferry_sk(sk);
	unsigned long delay, rto;
	u32 tlp_us = 0;

	if (!is_opening(sk))
		tlp_us = ferry_tlp_timeout(&fp->recovery, &csk->cong,
					   fp->sack_ok, FERRY_RTO_MIN_US);
	if (!tlp_us) {
		if (progress && csk->cong.packets_out &&
		    (csk->pending == FERRY_TIMER_REO ||
		     csk->pending == FERRY_TIMER_TLP))
			resume_rto(sk);
		else if (progress)
			ferry_rearm_rto(sk);
		return;
	}
	/* Not before the ACK that is due can have come, given how jiffies go. */
	delay = usecs_to_jiffies(tlp_us);
	if (csk->cong.packets_out > 1)
		delay += LOSS_TIMER_SLACK;
	rto = progress ? ferry_rto(sk) : usecs_to_jiffies(rto_left(sk));
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
			usecs_to_jiffies(delay_us) + LOSS_TIMER_SLACK);
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
 * ferry_give_up() - the peer does not answer
 * @sk: the socket; the caller holds a reference besides the descriptor's
 *
 * Context: BH disabled, socket lock held.
 */
void ferry_give_up(struct sock *sk)
{
	ferry_count(sock_net(sk), ABORT_ON_TIMEOUT);
	ferry_fail(sk, READ_ONCE(sk->sk_err_soft) ?: ETIMEDOUT);
}

/* The time that @retries retransmissions take with the smallest RTO. */
static unsigned long retries_time(unsigned int retries)
{
	unsigned int doublings = ilog2(FERRY_RTO_MAX / FERRY_RTO_MIN);

	if (retries <= doublings)
		return ((2UL << retries) - 1) * FERRY_RTO_MIN;
	return ((2UL << doublings) - 1) * FERRY_RTO_MIN +
	       (retries - doublings) * FERRY_RTO_MAX;
}

/* Has it been so many jiffies since something was first sent again? */
static bool stuck_for(const struct ferry_conn_sock *csk, unsigned long limit)
{
	return csk->retransmits && csk->retrans_stamp &&
	       (u32)jiffies - csk->retrans_stamp >= limit;
}

/* Has the connection been without an answer for too long? */
static bool too_long(const struct sock *sk, unsigned int retries)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);

	return stuck_for(csk, csk->user_timeout ?: retries_time(retries));
}

/* Do not sleep past the moment at which FERRY_USER_TIMEOUT ends it all. */
static unsigned long until_user_timeout(const struct sock *sk,
					unsigned long delay)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	s32 left;

	if (!csk->user_timeout || !csk->retrans_stamp)
		return delay;
	left = csk->retrans_stamp + csk->user_timeout - (u32)jiffies;
	return min_t(unsigned long, delay, max(left, 1));
}

static bool is_alive(const struct sock *sk)
{
	return ferry_rto(sk) < FERRY_RTO_MAX;
}

/* How many retransmissions, or probes, may go without an answer? */
static unsigned int patience(const struct sock *sk)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;

	return sock_flag(sk, SOCK_DEAD) ?
		       ferry_orphan_retries(sk, is_alive(sk)) :
		       READ_ONCE(sysctl->retries2);
}

static bool retransmission_is_hopeless(const struct sock *sk)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;
	const struct ferry_conn_sock *csk = ferry_csk(sk);

	if (!is_opening(sk))
		return too_long(sk, patience(sk));
	if (csk->user_timeout && stuck_for(csk, csk->user_timeout))
		return true;
	return csk->retransmits >= (csk->syn_retries ?:
				    READ_ONCE(sysctl->syn_retries));
}

/*
 * The peer has taken its window back.  It is there as long as it answers (RFC
 * 9293 section 3.8.6.1); an application may set a bound to its own patience.
 */
static bool is_shut(const struct sock *sk)
{
	return !ferry_sk(sk)->snd_wnd && !sock_flag(sk, SOCK_DEAD) &&
	       !is_opening(sk);
}

static bool shut_is_hopeless(const struct sock *sk)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 stuck = csk->retrans_stamp ? (u32)jiffies - csk->retrans_stamp : 0;
	u32 limit = 2 * FERRY_RTO_MAX;

	if (csk->user_timeout) {
		if (stuck > csk->user_timeout)
			return true;
		limit = min(limit, csk->user_timeout);
	}
	return stuck > limit && csk->retransmit_at - csk->last_ack > limit;
}

/* Perhaps another route does better. */
static void suspect_path(struct sock *sk)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;
	const struct ferry_conn_sock *csk = ferry_csk(sk);

	if (is_opening(sk) ? csk->retransmits :
	    stuck_for(csk, retries_time(READ_ONCE(sysctl->retries1))))
		dst_negative_advice(sk);
	sk_rethink_txhash(sk);
}

static void retransmission_timeout(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	u8 ca_state = csk->cong.state;
	bool shut;
	int err;

	if (!csk->cong.packets_out)
		return;
	if (sock_flag(sk, SOCK_DEAD) &&
	    ferry_orphan_check(sk, is_alive(sk) || !too_long(sk, patience(sk))))
		return;
	shut = is_shut(sk);
	if (shut ? shut_is_hopeless(sk) : retransmission_is_hopeless(sk)) {
		ferry_give_up(sk);
		return;
	}

	ferry_count(sock_net(sk), TIMEOUTS);
	/* Even if nothing can be sent, time runs. */
	if (!csk->retrans_stamp)
		csk->retrans_stamp = (u32)jiffies ?: 1;
	if (!shut)
		suspect_path(sk);
	csk->cong.now_us = ferry_clock_us();
	ferry_recovery_timeout(&fp->recovery, &csk->cong, fp->snd_una,
			       fp->snd_nxt, fp->sack_ok, csk->retransmits);
	trace_ferry_cong(sk, ca_state);
	if (!shut && csk->retransmits < U8_MAX)
		csk->retransmits++;
	err = ferry_retransmit_front(sk, FERRY_RTX_RTO);
	/* What cannot be sent by this host itself is tried again soon. */
	if (err == -ENOMEM || err == -EBUSY) {
		ferry_timer_arm(sk, FERRY_TIMER_RETRANS, HZ / 2);
		return;
	}
	if (csk->backoff < U8_MAX)
		csk->backoff++;
	ferry_timer_arm(sk, FERRY_TIMER_RETRANS,
			until_user_timeout(sk, ferry_rto(sk)));
}

/*
 * A peer that answers may keep its window closed for as long as it likes, but
 * for what the application has allowed, and not without an application.
 */
static bool probing_is_hopeless(const struct sock *sk, unsigned int max)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);

	if (csk->user_timeout &&
	    (u32)jiffies - csk->retrans_stamp >= csk->user_timeout)
		return true;
	return sock_flag(sk, SOCK_DEAD) && !is_alive(sk) &&
	       csk->backoff >= max;
}

/* RFC 9293 section 3.8.6.1: as the RTO, with a minimum. */
static unsigned long probe_interval(const struct sock *sk)
{
	return until_user_timeout(sk, max_t(unsigned long, ferry_rto(sk),
					    FERRY_RTO_MIN));
}

/**
 * ferry_probe_answered() - the peer has spoken while a probe was due
 * @sk: the socket
 * @open: its window lets the next piece go
 *
 * Context: socket lock held.
 */
void ferry_probe_answered(struct sock *sk, bool open)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (open) {
		csk->backoff = 0;
		csk->retrans_stamp = 0;
		ferry_timer_stop(sk);
	} else {
		ferry_timer_arm(sk, FERRY_TIMER_PROBE, probe_interval(sk));
	}
}

static void probe_timeout(struct sock *sk)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;
	struct ferry_conn_sock *csk = ferry_csk(sk);
	unsigned int max;

	if (csk->cong.packets_out || !ferry_send_head(sk)) {
		csk->probes_out = 0;
		csk->retrans_stamp = 0;
		return;
	}
	max = patience(sk);
	if (!csk->retrans_stamp)
		csk->retrans_stamp = (u32)jiffies ?: 1;
	if (csk->probes_out >= max || probing_is_hopeless(sk, max)) {
		ferry_give_up(sk);
		return;
	}
	if (sock_flag(sk, SOCK_DEAD) && ferry_orphan_check(sk, true))
		return;

	ferry_send_probe(sk, false);
	if (csk->cong.packets_out) {
		/* It was data; from here on it is a retransmission. */
		csk->probes_out = 0;
		csk->backoff = 0;
		csk->retrans_stamp = 0;
		ferry_rearm_rto(sk);
		return;
	}
	csk->probes_out++;
	if (csk->backoff < READ_ONCE(sysctl->retries2))
		csk->backoff++;
	ferry_timer_arm(sk, FERRY_TIMER_PROBE, probe_interval(sk));
}

/* RFC 8985 section 6.3 */
static void reordering_timeout(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	u32 again_us;

	csk->cong.now_us = ferry_clock_us();
	if (ferry_recovery_reo_timeout(&fp->recovery, &csk->cong,
				       fp->snd_una, fp->snd_nxt, &again_us)) {
		ferry_count(sock_net(sk), REORDERING_TIMEOUTS);
		ferry_retransmit_lost(sk);
	}
	if (again_us)
		ferry_rearm_reo(sk, again_us);
	else if (csk->pending == FERRY_TIMER_NONE)
		resume_rto(sk);
}

static void loss_probe_timeout(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (!csk->cong.packets_out)
		return;
	csk->cong.now_us = ferry_clock_us();
	ferry_send_tlp(sk);
	resume_rto(sk);
}

static void retransmit_due(struct sock *sk)
{
	u8 event = ferry_csk(sk)->pending;

	ferry_timer_stop(sk);
	switch (event) {
	case FERRY_TIMER_RETRANS:
		retransmission_timeout(sk);
		break;
	case FERRY_TIMER_PROBE:
		probe_timeout(sk);
		break;
	case FERRY_TIMER_REO:
		reordering_timeout(sk);
		break;
	case FERRY_TIMER_TLP:
		loss_probe_timeout(sk);
		break;
	}
}

/*
 * What is due is done, and the timer goes on for the nearest of the rest.
 * Each may end the connection, and a connection that has ended has no
 * deadlines.
 */
static void run_timer(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (csk->delack_armed && time_left(csk->delack_at) <= 0) {
		ferry_delack_stop(sk);
		ferry_ack_timeout(sk);
	}
	if (csk->pending && time_left(csk->retransmit_at) <= 0)
		retransmit_due(sk);
	if (csk->keepalive_armed && time_left(csk->keepalive_at) <= 0) {
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

	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		run_timer(sk);
	else
		ferry_defer(sk, FERRY_DEFERRED_TIMER);
	bh_unlock_sock(sk);
	sock_put(sk);
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
}

/**
 * ferry_defer() - leave work to the process that owns the socket
 * @sk: the socket
 * @work: one of FERRY_DEFERRED_*
 *
 * Context: BH, socket's spinlock held.
 */
void ferry_defer(struct sock *sk, u8 work)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (!csk->deferred)
		sock_hold(sk);
	csk->deferred |= work;
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
	if (deferred & FERRY_DEFERRED_TIMER)
		run_timer(sk);
	if (deferred & FERRY_DEFERRED_MTU)
		ferry_mtu_reduced(sk);
	if (deferred & FERRY_DEFERRED_PUSH)
		ferry_push_waiting(sk);
	__sock_put(sk);
}
