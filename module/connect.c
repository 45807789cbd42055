// SPDX-License-Identifier: GPL-2.0-only
/*
 * Active open (RFC 9293 section 3.10.1): connect() up to the SYN, and what
 * the answer to it completes.
 *
 * inet_stream_connect() waits for the result, or does not, and reports it.
 */
#include <net/ip.h>

#include "ferry.h"

/**
 * ferry_forget_saddr() - the source address goes, unless the program chose it
 * @sk: socket in state CLOSE
 *
 * Context: socket lock held.
 */
void ferry_forget_saddr(struct sock *sk)
{
	if (sk->sk_userlocks & SOCK_BINDADDR_LOCK)
		return;
	inet_sk(sk)->inet_rcv_saddr = 0;
	inet_sk(sk)->inet_saddr = 0;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		sk->sk_v6_rcv_saddr = in6addr_any;
		inet6_sk(sk)->saddr = in6addr_any;
	}
#endif
}

/**
 * ferry_connect() - start to connect
 * @sk: socket in state CLOSE
 * @addr: the peer
 * @len: bytes at @addr
 *
 * The state changes before the place in the hash is taken, so that whoever
 * finds the socket there finds it in SYN_SENT.
 *
 * Context: process context, socket lock held.
 *
 * Return: 0, and the SYN is on its way, or -EINVAL, -EAFNOSUPPORT,
 * -EADDRNOTAVAIL, -ENOMEM, or why there is no route.
 */
int ferry_connect(struct sock *sk, struct sockaddr_unsized *addr, int len)
{
	/* The peer of before may have been of the other family. */
	const struct ferry_af_ops *af = ferry_af_of_socket(sk);
	struct ferry_sock *fp = ferry_sk(sk);
	u64 secret;
	int err;

	ferry_csk(sk)->is_ipv4 = af == &ferry_ipv4_ops;
	err = af->connect(sk, (struct sockaddr *)addr, len);
	if (err)
		return err;
	af = ferry_af(sk);

	ferry_enter(sk, ferry_machine(sk->sk_state, FERRY_CALL_CONNECT));
	/* A TIME_WAIT whose place it takes says where to begin. */
	fp->write_seq = 0;
	err = ferry_bind_connect(sk);
	if (!err && af->port_chosen)
		err = af->port_chosen(sk);
	if (err)
		goto fail;

	/* What ended the connection before this one. */
	WRITE_ONCE(sk->sk_err, 0);
	sk_set_txhash(sk);
	secret = af->secret(&sk->__sk_common);
	if (!fp->write_seq)
		fp->write_seq = ferry_isn(secret);
	fp->ts_offset = ferry_ts_offset(sock_net(sk), secret);
	err = ferry_send_syn(sk);
	if (err)
		goto fail;
	ferry_count(sock_net(sk), ACTIVE_OPENS);
	return 0;

fail:
	ferry_set_state(sk, TCP_CLOSE);
	ferry_forget_saddr(sk);
	sk->sk_route_caps = 0;
	inet_sk(sk)->inet_dport = 0;
	return err;
}

/**
 * ferry_finish_connect() - both ends are synchronized
 * @sk: socket in state SYN_SENT or SYN_RECV
 * @event: FERRY_SEG_SYN_ACK or FERRY_SEG_ACK_SYN
 *
 * The numbers of both ends are known and the window scale is decided.
 *
 * Context: BH disabled, socket lock held.
 */
void ferry_finish_connect(struct sock *sk, enum ferry_event event)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	/* It may have changed, or a program may have had it forgotten. */
	ferry_af(sk)->route(sk);
	csk->last_rcv = (u32)jiffies;
	csk->quick_acks = 0;
	csk->ato = 0;
	/* A lost SYN says little about the path; two of them say something. */
	csk->cong.snd_ssthresh = FERRY_SSTHRESH_MAX;
	csk->cong.snd_cwnd = csk->cong.total_retrans > 1 ?
				     1 : ferry_route_init_cwnd(sk);
	csk->cong.state = FERRY_CA_OPEN;
	ferry_sk(sk)->recovery.undo = 0;
	/* RFC 6298 (5.7) */
	if (!csk->cong.rtt.srtt_us)
		csk->cong.rtt.rttvar_us = FERRY_RTO_FALLBACK_US;
	ferry_sync_mss(sk, csk->pmtu);
	ferry_ack_open(sk);
	if (ferry_sk(sk)->active_open)
		ferry_mtu_probe_open(sk);
	ferry_rcvbuf_start(sk);
	ferry_sndbuf_expand(sk);
	ferry_enter(sk, ferry_machine(sk->sk_state, event));
	ferry_keepalive_begin(sk);
	if (!sock_flag(sk, SOCK_DEAD)) {
		sk->sk_state_change(sk);
		sk_wake_async(sk, SOCK_WAKE_IO, POLL_OUT);
	}
}
