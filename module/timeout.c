// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done when the deadline for retransmission has passed (timers.c).
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
 * Context: BH disabled, socket lock held.
 */
#include <linux/log2.h>

#include "ferry.h"
#include "trace.h"

/* Fewer segments than this are a thin stream, and how long that matters. */
#define THIN_SEGS	4
#define THIN_RETRIES	6

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

	return stuck_for(csk, ferry_user_timeout(csk) ?: retries_time(retries));
}

/* Do not sleep past the moment at which FERRY_USER_TIMEOUT ends it all. */
static unsigned long until_user_timeout(const struct sock *sk,
					unsigned long delay)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	s32 left;

	if (!ferry_user_timeout(csk) || !csk->retrans_stamp)
		return delay;
	left = csk->retrans_stamp + ferry_user_timeout(csk) - (u32)jiffies;
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

	if (!ferry_is_opening(sk))
		return too_long(sk, patience(sk));
	if (ferry_user_timeout(csk) && stuck_for(csk, ferry_user_timeout(csk)))
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
	       !ferry_is_opening(sk);
}

static bool shut_is_hopeless(const struct sock *sk)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 stuck = csk->retrans_stamp ? (u32)jiffies - csk->retrans_stamp : 0;
	u32 limit = 2 * FERRY_RTO_MAX;

	if (ferry_user_timeout(csk)) {
		if (stuck > ferry_user_timeout(csk))
			return true;
		limit = min(limit, ferry_user_timeout(csk));
	}
	return stuck > limit && csk->retransmit_at - csk->last_ack > limit;
}

/* Perhaps smaller segments, or another route, do better. */
static void suspect_path(struct sock *sk)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;
	const struct ferry_conn_sock *csk = ferry_csk(sk);

	if (ferry_is_opening(sk)) {
		if (csk->retransmits)
			dst_negative_advice(sk);
	} else if (stuck_for(csk, retries_time(READ_ONCE(sysctl->retries1)))) {
		ferry_mtu_black_hole(sk);
		dst_negative_advice(sk);
	}
	sk_rethink_txhash(sk);
}

/*
 * FERRY_THIN_LINEAR_TIMEOUTS: so few segments on their way that ACKs cannot
 * show a loss; the first few time-outs do not back off.
 */
static bool is_thin(const struct sock *sk)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);

	return csk->thin_linear && sk->sk_state == TCP_ESTABLISHED &&
	       csk->cong.packets_out < THIN_SEGS &&
	       csk->cong.snd_ssthresh < FERRY_SSTHRESH_MAX &&
	       csk->retransmits <= THIN_RETRIES;
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
	trace_ferry_cong(sk, ca_state, csk->cong.state);
	if (!shut) {
		ferry_trouble_rto(fp, !csk->retransmits);
		if (csk->retransmits < U8_MAX)
			csk->retransmits++;
	}
	err = ferry_retransmit_front(sk, FERRY_RTX_RTO);
	/* What cannot be sent by this host itself is tried again soon. */
	if (err == -ENOMEM || err == -EBUSY) {
		ferry_timer_arm(sk, FERRY_TIMER_RETRANS, HZ / 2);
		return;
	}
	if (is_thin(sk))
		csk->backoff = 0;
	else if (csk->backoff < U8_MAX)
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

	if (ferry_user_timeout(csk) &&
	    (u32)jiffies - csk->retrans_stamp >= ferry_user_timeout(csk))
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
	u8 ca_state = csk->cong.state;
	u32 again_us;

	csk->cong.now_us = ferry_clock_us();
	if (ferry_recovery_reo_timeout(&fp->recovery, &csk->cong,
				       fp->snd_una, fp->snd_nxt, &again_us)) {
		ferry_count(sock_net(sk), REORDERING_TIMEOUTS);
		if (csk->cong.state != ca_state) {
			trace_ferry_cong(sk, ca_state, csk->cong.state);
			ferry_count(sock_net(sk), FAST_RECOVERY);
		}
		ferry_retransmit_lost(sk);
	}
	if (again_us)
		ferry_rearm_reo(sk, again_us);
	else if (csk->pending == FERRY_TIMER_NONE)
		ferry_resume_rto(sk);
}

static void loss_probe_timeout(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	if (!csk->cong.packets_out)
		return;
	csk->cong.now_us = ferry_clock_us();
	ferry_send_tlp(sk);
	ferry_resume_rto(sk);
}

/**
 * ferry_timeout() - the deadline for retransmission has passed
 * @sk: the socket; the caller holds a reference besides the descriptor's
 *
 * Context: BH disabled, socket lock held.
 */
void ferry_timeout(struct sock *sk)
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
