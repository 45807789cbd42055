// SPDX-License-Identifier: GPL-2.0-only
/*
 * The deadline that looks after connections on which nothing happens.
 *
 * SO_KEEPALIVE asks an idle peer whether it is still there (RFC 9293 section
 * 3.8.4), and gives it up if it does not answer.  An orphan in FIN_WAIT2 waits
 * for nothing but the peer's FIN, and not for ever; it has no use for
 * keep-alives, so it waits by the same deadline.
 *
 * Context: socket lock held; what may end the connection, also BH disabled
 * and a reference besides the descriptor's.
 */
#include "ferry.h"

static unsigned long keepalive_time(const struct sock *sk)
{
	return ferry_csk(sk)->keepalive_time * HZ ?:
	       READ_ONCE(ferry_net(sock_net(sk))->sysctl.keepalive_time);
}

static unsigned long keepalive_intvl(const struct sock *sk)
{
	return ferry_csk(sk)->keepalive_intvl * HZ ?:
	       READ_ONCE(ferry_net(sock_net(sk))->sysctl.keepalive_intvl);
}

static bool keepalive_is_hopeless(const struct sock *sk, unsigned long idle)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	int max = csk->keepalive_probes ?:
		  READ_ONCE(ferry_net(sock_net(sk))->sysctl.keepalive_probes);

	if (ferry_user_timeout(csk))
		return csk->probes_out && idle >= ferry_user_timeout(csk);
	return csk->probes_out >= max;
}

/**
 * ferry_fin_timeout() - how long an orphan stays in FIN_WAIT2
 * @sk: the socket, whose FERRY_LINGER2 is not negative
 *
 * Never less than the peer needs to send its FIN three times.
 *
 * Return: jiffies.
 */
unsigned long ferry_fin_timeout(const struct sock *sk)
{
	unsigned long rto = ferry_rto(sk);
	unsigned long timeout = ferry_csk(sk)->linger2 * HZ ?:
		READ_ONCE(ferry_net(sock_net(sk))->sysctl.fin_timeout);

	return max(timeout, 4 * rto - rto / 2);
}

/* An orphan has waited long enough for the peer's FIN in a full socket. */
static void fin_wait2_timeout(struct sock *sk)
{
	if (ferry_fin_timeout(sk) > FERRY_TIMEWAIT_LEN) {
		ferry_time_wait(sk, TCP_FIN_WAIT2, FERRY_TIMEWAIT_LEN);
		return;
	}
	ferry_send_reset(sk);
	ferry_done(sk);
}

/* Jiffies since the peer was last heard of. */
static u32 idle_time(const struct ferry_conn_sock *csk)
{
	u32 now = jiffies;

	return min(now - csk->last_rcv, now - csk->last_ack);
}

/**
 * ferry_keepalive_begin() - the connection stands; does it want keep-alives?
 * @sk: the socket
 *
 * Context: socket lock held.
 */
void ferry_keepalive_begin(struct sock *sk)
{
	if (sock_flag(sk, SOCK_KEEPOPEN))
		ferry_keepalive_start(sk, keepalive_time(sk));
}

/**
 * ferry_keepalive_changed() - FERRY_KEEPIDLE
 * @sk: the socket
 *
 * What has gone by without a word of the peer counts.
 *
 * Context: socket lock held.
 */
void ferry_keepalive_changed(struct sock *sk)
{
	unsigned long idle = idle_time(ferry_csk(sk));
	unsigned long time = keepalive_time(sk);

	if (sock_flag(sk, SOCK_KEEPOPEN) &&
	    !((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN)))
		ferry_keepalive_start(sk, time - min(time, idle));
}

/**
 * ferry_set_keepalive() - SO_KEEPALIVE
 * @sk: the socket, whose SOCK_KEEPOPEN says what was before
 * @on: on or off
 *
 * Context: socket lock held.
 */
void ferry_set_keepalive(struct sock *sk, int on)
{
	if ((1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN))
		return;
	if (on && !sock_flag(sk, SOCK_KEEPOPEN))
		ferry_keepalive_start(sk, keepalive_time(sk));
	else if (!on && sk->sk_state != TCP_FIN_WAIT2)
		ferry_keepalive_stop(sk);
}

/**
 * ferry_keepalive_timeout() - the deadline has passed
 * @sk: the socket; the caller holds a reference besides the descriptor's
 *
 * Context: BH disabled, socket lock held.
 */
void ferry_keepalive_timeout(struct sock *sk)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 idle;

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
	idle = idle_time(csk);
	if (idle < keepalive_time(sk)) {
		ferry_keepalive_start(sk, keepalive_time(sk) - idle);
		return;
	}
	if (keepalive_is_hopeless(sk, idle)) {
		ferry_send_reset(sk);
		ferry_give_up(sk);
		return;
	}
	ferry_send_probe(sk, true);
	csk->probes_out++;
	ferry_keepalive_start(sk, keepalive_intvl(sk));
}
