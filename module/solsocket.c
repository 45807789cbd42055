// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options at level SOL_SOCKET.
 *
 * They are the kernel's, but it gives SO_ZEROCOPY to TCP and UDP alone, and
 * counts SOF_TIMESTAMPING_OPT_ID in bytes for TCP alone.  Since 6.7 a socket
 * with SOCK_CUSTOM_SOCKOPT is asked first; this is where.  On older kernels
 * there is FERRY_ZEROCOPY at level SOL_FERRY.
 */
#include <net/sock.h>

#include "ferry.h"

/**
 * ferry_set_zerocopy() - SO_ZEROCOPY
 * @sk: the socket
 * @optval: int, 0 or 1
 * @optlen: bytes at @optval
 *
 * Context: process context.
 *
 * Return: 0, -EINVAL or -EFAULT.
 */
int ferry_set_zerocopy(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	int val;

	if (optlen < sizeof(val))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	if (val < 0 || val > 1)
		return -EINVAL;
	lock_sock(sk);
	sock_valbool_flag(sk, SOCK_ZEROCOPY, val);
	release_sock(sk);
	return 0;
}

static int set_timestamping(struct socket *sock, int optname,
			    sockptr_t optval, unsigned int optlen)
{
	struct sock *sk = sock->sk;
	bool begins;
	int val, err;

	if (optlen < sizeof(val))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;
	begins = val & SOF_TIMESTAMPING_OPT_ID &&
		 !(READ_ONCE(sk->sk_tsflags) & SOF_TIMESTAMPING_OPT_ID);
	/* Before there is a connection, no byte has a number. */
	if (begins && (1 << inet_sk_state_load(sk)) & (TCPF_CLOSE |
						       TCPF_LISTEN))
		return -EINVAL;
	err = sock_setsockopt(sock, SOL_SOCKET, optname, optval, optlen);
	if (err || !begins)
		return err;
	lock_sock(sk);
	ferry_tstamp_key_init(sk, val & SOF_TIMESTAMPING_OPT_ID_TCP);
	release_sock(sk);
	return 0;
}

/**
 * ferry_stream_setsockopt() - setsockopt() at any level
 * @sock: the socket
 * @level: SOL_SOCKET, or as for ferry_setsockopt()
 * @optname: which option
 * @optval: its value
 * @optlen: bytes at @optval
 *
 * Context: process context.
 *
 * Return: 0 or an errno.
 */
int ferry_stream_setsockopt(struct socket *sock, int level, int optname,
			    sockptr_t optval, unsigned int optlen)
{
	if (level != SOL_SOCKET)
		return sock_common_setsockopt(sock, level, optname, optval,
					      optlen);
	switch (optname) {
	case SO_ZEROCOPY:
		return ferry_set_zerocopy(sock->sk, optval, optlen);
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
		return set_timestamping(sock, optname, optval, optlen);
	}
	return sock_setsockopt(sock, level, optname, optval, optlen);
}
