// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection's timers.
 *
 * The retransmission timer runs while something is not acknowledged (RFC 6298
 * section 5).  When it expires, all of that is held to be lost and the first
 * segment goes out again; every expiry in a row doubles the time, and when it
 * has gone on for too long, the connection is given up.
 *
 * When nothing is outstanding, but the peer's window does not let the next
 * segment go, the same timer asks for the window again and again (RFC 9293
 * section 3.8.6.1): the ACK that opened it may be lost.  As long as the peer
 * answers, that may go on for ever.
 *
 * The delayed ACK timer lets an owed ACK go, see delack.c.  The keep-alive
 * timer looks after idle connections (RFC 9293 section 3.8.4), and ends the
 * wait of an orphan in FIN_WAIT2.
 *
 * A pending timer holds a reference to the socket.  It expires in BH; when a
 * process owns the socket then, its work is done when the process lets go.
 * The retransmission timer is put off by nearly every ACK; so it is not moved
 * forward, but finds out when it expires that it has been, and sleeps on.
 */
#include "ferry.h"

/* After so many retransmissions another route is looked for. */
#define RETRIES_SUSPECT		3

/**
 * ferry_rto() - the retransmission time-out, with back-off
 * @sk: the socket
 *
 * Return: jiffies.
 */
unsigned long ferry_rto(const struct sock *sk)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);

	return max(usecs_to_jiffies(ferry_rtt_backoff(&csk->rtt,
						      csk->backoff)), 1UL);
}

/**
 * ferry_timer_arm() - start the retransmission timer
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
	struct timer_list *timer = &csk->retransmit_timer;

	csk->pending = event;
	csk->retransmit_at = jiffies + min_t(unsigned long, delay,
					     FERRY_RTO_MAX);
	if (!timer_pending(timer) ||
	    time_before(csk->retransmit_at, timer->expires))
		sk_reset_timer(sk, timer, csk->retransmit_at);
}

/**
 * ferry_timer_stop() - the retransmission timer has nothing to do
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

/**
 * ferry_rearm_probe() - something waits, and nothing will make the peer speak
 * @sk: the socket
 *
 * Context: socket lock held.
 */
void ferry_rearm_probe(struct sock *sk)
{
	if (ferry_csk(sk)->pending == FERRY_TIMER_NONE)
		ferry_timer_arm(sk, FERRY_TIMER_PROBE, ferry_rto(sk));
}

static void give_up(struct sock *sk)
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

/* Has the connection been without an answer for too long? */
static bool too_long(const struct sock *sk, unsigned int retries)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	unsigned long limit = csk->user_timeout ?: retries_time(retries);

	return csk->retransmits && csk->retrans_stamp &&
	       time_after_eq(jiffies, csk->retrans_stamp + limit);
}

static bool is_opening(const struct sock *sk)
{
	return (1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV);
}

static bool retransmission_is_hopeless(const struct sock *sk)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;
	const struct ferry_conn_sock *csk = ferry_csk(sk);

	if (is_opening(sk)) {
		if (csk->user_timeout && csk->retrans_stamp &&
		    time_after_eq(jiffies,
				  csk->retrans_stamp + csk->user_timeout))
			return true;
		return csk->retransmits >= (csk->syn_retries ?:
					    READ_ONCE(sysctl->syn_retries));
	}
	/* A peer that answers with a closed window is there (RFC 9293). */
	if (!ferry_sk(sk)->snd_wnd && !sock_flag(sk, SOCK_DEAD))
		return (u32)jiffies - csk->last_ack > FERRY_RTO_MAX;
	return too_long(sk, sock_flag(sk, SOCK_DEAD) ?
			    READ_ONCE(sysctl->orphan_retries) :
			    READ_ONCE(sysctl->retries2));
}

static void retransmission_timeout(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);

	if (!csk->cong.packets_out)
		return;
	if (retransmission_is_hopeless(sk)) {
		give_up(sk);
		return;
	}

	ferry_count(sock_net(sk), TIMEOUTS);
	/* Even if nothing can be sent, time runs. */
	if (!csk->retrans_stamp)
		csk->retrans_stamp = max(jiffies, 1UL);
	if (csk->retransmits == RETRIES_SUSPECT)
		dst_negative_advice(sk);
	ferry_mark_lost(sk, ferry_recovery_timeout(&csk->cong, fp->snd_una,
						   fp->snd_nxt));
	if (csk->retransmits < U8_MAX)
		csk->retransmits++;
	/* What could not be sent for want of memory is tried again soon. */
	if (ferry_retransmit_front(sk) == -ENOMEM) {
		ferry_timer_arm(sk, FERRY_TIMER_RETRANS, HZ / 2);
		return;
	}
	if (csk->backoff < U8_MAX)
		csk->backoff++;
	ferry_timer_arm(sk, FERRY_TIMER_RETRANS, ferry_rto(sk));
}

/*
 * A peer that answers may keep its window closed for as long as it likes, but
 * for what the application has allowed, and not without an application.
 */
static bool probing_is_hopeless(const struct sock *sk, unsigned int max)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);

	if (csk->user_timeout &&
	    time_after_eq(jiffies, csk->retrans_stamp + csk->user_timeout))
		return true;
	return sock_flag(sk, SOCK_DEAD) && csk->backoff >= max;
}

static void probe_timeout(struct sock *sk)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;
	struct ferry_conn_sock *csk = ferry_csk(sk);
	unsigned int max;

	if (csk->cong.packets_out || !ferry_send_head(sk)) {
		csk->probes_out = 0;
		return;
	}
	max = sock_flag(sk, SOCK_DEAD) ? READ_ONCE(sysctl->orphan_retries) :
					 READ_ONCE(sysctl->retries2);
	if (!csk->retrans_stamp)
		csk->retrans_stamp = max(jiffies, 1UL);
	if (csk->probes_out >= max || probing_is_hopeless(sk, max)) {
		give_up(sk);
		return;
	}

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
	if (csk->backoff < U8_MAX)
		csk->backoff++;
	ferry_timer_arm(sk, FERRY_TIMER_PROBE, ferry_rto(sk));
}

static void retransmit_timeout(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	u8 event = csk->pending;

	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN) ||
	    event == FERRY_TIMER_NONE)
		return;
	if (time_after(csk->retransmit_at, jiffies)) {
		sk_reset_timer(sk, &csk->retransmit_timer, csk->retransmit_at);
		return;
	}
	csk->pending = FERRY_TIMER_NONE;
	if (event == FERRY_TIMER_RETRANS)
		retransmission_timeout(sk);
	else
		probe_timeout(sk);
}

/* Do a timer's work now, or leave it to the owner of the socket. */
static void run_or_defer(struct ferry_conn_sock *csk, void (*run)(struct sock *),
			 enum ferry_deferred deferred)
{
	struct sock *sk = &csk->inet.sk;

	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk))
		run(sk);
	else if (!test_and_set_bit(deferred, &csk->deferred))
		sock_hold(sk);
	bh_unlock_sock(sk);
	sock_put(sk);
}

static void retransmit_timer(struct timer_list *t)
{
	struct ferry_conn_sock *csk = timer_container_of(csk, t,
							 retransmit_timer);

	run_or_defer(csk, retransmit_timeout, FERRY_DEFERRED_RETRANS);
}

static void delack_timer(struct timer_list *t)
{
	struct ferry_conn_sock *csk = timer_container_of(csk, t, delack_timer);

	run_or_defer(csk, ferry_ack_timeout, FERRY_DEFERRED_DELACK);
}

static unsigned long keepalive_time(const struct sock *sk)
{
	return ferry_csk(sk)->keepalive_time ?:
	       READ_ONCE(ferry_net(sock_net(sk))->sysctl.keepalive_time);
}

static unsigned long keepalive_intvl(const struct sock *sk)
{
	return ferry_csk(sk)->keepalive_intvl ?:
	       READ_ONCE(ferry_net(sock_net(sk))->sysctl.keepalive_intvl);
}

static bool keepalive_is_hopeless(const struct sock *sk, unsigned long idle)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	int max = csk->keepalive_probes ?:
		  READ_ONCE(ferry_net(sock_net(sk))->sysctl.keepalive_probes);

	if (csk->user_timeout)
		return csk->probes_out && idle >= csk->user_timeout;
	return csk->probes_out >= max;
}

/* An orphan has waited long enough for the peer's FIN in a full socket. */
static void fin_wait2_timeout(struct sock *sk)
{
	int timeout = ferry_csk(sk)->linger2;

	if (!timeout)
		timeout = READ_ONCE(ferry_net(sock_net(sk))->sysctl.fin_timeout);
	if (timeout > FERRY_TIMEWAIT_LEN) {
		ferry_time_wait(sk, TCP_FIN_WAIT2, FERRY_TIMEWAIT_LEN);
		return;
	}
	ferry_send_reset(sk);
	ferry_done(sk);
}

static void keepalive_timeout(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 now = jiffies, idle;

	if (sk->sk_state == TCP_FIN_WAIT2 && sock_flag(sk, SOCK_DEAD)) {
		fin_wait2_timeout(sk);
		return;
	}
	if (!sock_flag(sk, SOCK_KEEPOPEN) ||
	    (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN | TCPF_SYN_SENT))
		return;

	/* What is outstanding has a timer of its own. */
	if (csk->cong.packets_out || ferry_send_head(sk)) {
		ferry_keepalive_start(sk, keepalive_time(sk));
		return;
	}
	idle = min(now - csk->last_rcv, now - csk->last_ack);
	if (idle < keepalive_time(sk)) {
		ferry_keepalive_start(sk, keepalive_time(sk) - idle);
		return;
	}
	if (keepalive_is_hopeless(sk, idle)) {
		ferry_send_reset(sk);
		give_up(sk);
		return;
	}
	ferry_send_probe(sk, true);
	csk->probes_out++;
	ferry_keepalive_start(sk, keepalive_intvl(sk));
}

static void keepalive_timer(struct timer_list *t)
{
	struct sock *sk = timer_container_of(sk, t, sk_timer);

	run_or_defer(ferry_csk(sk), keepalive_timeout,
		     FERRY_DEFERRED_KEEPALIVE);
}

/**
 * ferry_keepalive_start() - start the keep-alive timer
 * @sk: the socket
 * @delay: jiffies
 *
 * Context: socket lock held.
 */
void ferry_keepalive_start(struct sock *sk, unsigned long delay)
{
	sk_reset_timer(sk, &sk->sk_timer, jiffies + delay);
}

/**
 * ferry_set_keepalive() - SO_KEEPALIVE
 * @sk: the socket
 * @on: on or off
 *
 * Context: socket lock held.
 */
void ferry_set_keepalive(struct sock *sk, int on)
{
	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))
		return;
	if (on)
		ferry_keepalive_start(sk, keepalive_time(sk));
	else if (sk->sk_state != TCP_FIN_WAIT2)
		sk_stop_timer(sk, &sk->sk_timer);
}

/**
 * ferry_timers_init() - set up the timers of a new socket
 * @sk: the socket
 */
void ferry_timers_init(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	timer_setup(&csk->retransmit_timer, retransmit_timer, 0);
	timer_setup(&csk->delack_timer, delack_timer, 0);
	timer_setup(&sk->sk_timer, keepalive_timer, 0);
	csk->pending = FERRY_TIMER_NONE;
}

/**
 * ferry_timers_clear() - stop all timers
 * @sk: the socket
 *
 * One that has just expired finds nothing to do.
 *
 * Context: socket lock held.
 */
void ferry_timers_clear(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	csk->pending = FERRY_TIMER_NONE;
	csk->ack_pending = 0;
	csk->ack_now = 0;
	sk_stop_timer(sk, &csk->retransmit_timer);
	sk_stop_timer(sk, &csk->delack_timer);
	sk_stop_timer(sk, &sk->sk_timer);
}

static void run_deferred(struct sock *sk, enum ferry_deferred bit,
			 void (*run)(struct sock *sk))
{
	if (test_and_clear_bit(bit, &ferry_csk(sk)->deferred)) {
		run(sk);
		__sock_put(sk);
	}
}

/**
 * ferry_release_cb() - the owner lets go: what had to wait is done now
 * @sk: the socket
 *
 * Context: process context, socket's spinlock held, BH disabled.
 */
void ferry_release_cb(struct sock *sk)
{
	if (likely(!READ_ONCE(ferry_csk(sk)->deferred)))
		return;
	run_deferred(sk, FERRY_DEFERRED_RETRANS, retransmit_timeout);
	run_deferred(sk, FERRY_DEFERRED_DELACK, ferry_ack_timeout);
	run_deferred(sk, FERRY_DEFERRED_KEEPALIVE, keepalive_timeout);
	run_deferred(sk, FERRY_DEFERRED_MTU, ferry_mtu_reduced);
}
