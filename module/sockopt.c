// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket options at level SOL_FERRY, with SOL_TCP as an alias, and ioctl().
 *
 * Numbers, meanings and errors are TCP's.
 */
#include <asm/ioctls.h>
#include <linux/sockios.h>

#include "ferry.h"

/* The bounds that TCP has. */
#define KEEPIDLE_MAX	32767
#define KEEPINTVL_MAX	32767
#define KEEPCNT_MAX	127
#define SYNCNT_MAX	127
#define LINGER2_MAX	120

static bool ours(int level)
{
	return level == SOL_FERRY || level == SOL_TCP;
}

static int set_seconds(u16 *value, int seconds, int max)
{
	if (seconds < 1 || seconds > max)
		return -EINVAL;
	*value = seconds;
	return 0;
}

static int set_count(u8 *value, int count, int max)
{
	if (count < 1 || count > max)
		return -EINVAL;
	*value = count;
	return 0;
}

static void set_nodelay(struct sock *sk, bool on)
{
	ferry_sk(sk)->nodelay = on;
	if (on)
		ferry_push(sk, false);
}

static void set_cork(struct sock *sk, bool on)
{
	ferry_sk(sk)->cork = on;
	if (!on)
		ferry_push(sk, false);
}

static int set_keepidle(struct sock *sk, int seconds)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);
	int err = set_seconds(&csk->keepalive_time, seconds, KEEPIDLE_MAX);

	if (!err)
		ferry_keepalive_changed(sk);
	return err;
}

static void set_linger2(struct sock *sk, int seconds)
{
	ferry_csk(sk)->linger2 = clamp(seconds, -1, LINGER2_MAX);
}

static int set_window_clamp(struct sock *sk, int bytes)
{
	if (!bytes) {
		if (sk->sk_state != TCP_CLOSE)
			return -EINVAL;
		ferry_sk(sk)->window_clamp = 0;
		return 0;
	}
	WRITE_ONCE(ferry_sk(sk)->window_clamp,
		   max_t(u32, bytes, SOCK_MIN_RCVBUF / 2));
	return 0;
}

/*
 * FERRY_DEFER_ACCEPT is told in seconds and kept as the number of time-outs of
 * a SYN-ACK that they take, the first after a second and each later one after
 * twice the time of the one before.
 */
static u8 seconds_to_timeouts(int seconds)
{
	int after = 1, sum = 0;
	u8 n = 0;

	while (sum < seconds && n < U8_MAX) {
		sum += after;
		after = min(2 * after, FERRY_RTO_MAX / HZ);
		n++;
	}
	return n;
}

static int timeouts_to_seconds(u8 n)
{
	int after = 1, sum = 0;

	while (n--) {
		sum += after;
		after = min(2 * after, FERRY_RTO_MAX / HZ);
	}
	return sum;
}

static void set_notsent_lowat(struct sock *sk, int bytes)
{
	WRITE_ONCE(ferry_csk(sk)->notsent_lowat, bytes);
	sk->sk_write_space(sk);
}

static int set_thin_linear(struct sock *sk, int val)
{
	if (val < 0 || val > 1)
		return -EINVAL;
	ferry_csk(sk)->thin_linear = val;
	return 0;
}

static int set_inq(struct sock *sk, int val)
{
	if (val < 0 || val > 1)
		return -EINVAL;
	ferry_csk(sk)->tell_inq = val;
	return 0;
}

static int set_maxseg(struct sock *sk, int bytes)
{
	/* Zero goes back to what the path allows. */
	if (bytes && (bytes < (int)FERRY_MSS_MIN || bytes > 32767))
		return -EINVAL;
	ferry_sk(sk)->user_mss = bytes;
	return 0;
}

static int set_int(struct sock *sk, int optname, int val)
{
	struct ferry_conn_sock *csk = ferry_csk(sk);

	switch (optname) {
	case FERRY_NODELAY:
		set_nodelay(sk, val);
		return 0;
	case FERRY_MAXSEG:
		return set_maxseg(sk, val);
	case FERRY_CORK:
		set_cork(sk, val);
		return 0;
	case FERRY_KEEPIDLE:
		return set_keepidle(sk, val);
	case FERRY_KEEPINTVL:
		return set_seconds(&csk->keepalive_intvl, val, KEEPINTVL_MAX);
	case FERRY_KEEPCNT:
		return set_count(&csk->keepalive_probes, val, KEEPCNT_MAX);
	case FERRY_SYNCNT:
		return set_count(&csk->syn_retries, val, SYNCNT_MAX);
	case FERRY_LINGER2:
		set_linger2(sk, val);
		return 0;
	case FERRY_DEFER_ACCEPT:
		WRITE_ONCE(csk->defer_accept, seconds_to_timeouts(val));
		return 0;
	case FERRY_WINDOW_CLAMP:
		return set_window_clamp(sk, val);
	case FERRY_QUICKACK:
		ferry_set_quickack(sk, val);
		return 0;
	case FERRY_THIN_LINEAR_TIMEOUTS:
		return set_thin_linear(sk, val);
	case FERRY_THIN_DUPACK:
		return val < 0 || val > 1 ? -EINVAL : 0;
	case FERRY_TIMESTAMP:
		/* Only TCP_REPAIR could set it. */
		return -EPERM;
	case FERRY_NOTSENT_LOWAT:
		set_notsent_lowat(sk, val);
		return 0;
	case FERRY_INQ:
		return set_inq(sk, val);
	case FERRY_USER_TIMEOUT:
		if (val < 0)
			return -EINVAL;
		csk->user_timeout = val;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int set_congestion(struct sock *sk, sockptr_t optval,
			  unsigned int optlen)
{
	char name[FERRY_CA_NAME_MAX];
	int len;

	if (optlen < 1)
		return -EINVAL;
	len = strncpy_from_sockptr(name, optval,
				   min_t(long, FERRY_CA_NAME_MAX - 1, optlen));
	if (len < 0)
		return -EFAULT;
	name[len] = 0;

	return ferry_cong_choose(sk, name);
}

/* What is in the IP header takes room from the segment. */
static int set_in_ip(struct sock *sk, int level, int optname,
		     sockptr_t optval, unsigned int optlen)
{
	int err = ferry_af_of_socket(sk)->setsockopt(sk, level, optname,
						     optval, optlen);

	if (err)
		return err;
	lock_sock(sk);
	if (!((1 << sk->sk_state) & (TCPF_LISTEN | TCPF_CLOSE)))
		ferry_sync_mss(sk, ferry_csk(sk)->pmtu);
	release_sock(sk);
	return 0;
}

/**
 * ferry_setsockopt() - setsockopt() below SOL_SOCKET
 * @sk: the socket
 * @level: SOL_FERRY, SOL_TCP, or IP's
 * @optname: which option
 * @optval: its value
 * @optlen: bytes at @optval
 *
 * Context: process context.
 *
 * Return: 0, -EINVAL, -EFAULT, -ENOPROTOOPT for what there is not; of
 * FERRY_CONGESTION also -ENOENT and -EPERM.
 */
int ferry_setsockopt(struct sock *sk, int level, int optname,
		     sockptr_t optval, unsigned int optlen)
{
	int val, err;

	if (!ours(level))
		return set_in_ip(sk, level, optname, optval, optlen);
	if (optname == FERRY_CONGESTION)
		return set_congestion(sk, optval, optlen);
	if (optname == FERRY_ZEROCOPY && level == SOL_FERRY)
		return ferry_set_zerocopy(sk, optval, optlen);
	if (optlen < sizeof(int))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;

	lock_sock(sk);
	err = set_int(sk, optname, val);
	release_sock(sk);
	return err;
}

static int get_int(const struct sock *sk, int optname, int *val)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	const struct ferry_sock *fp = ferry_sk(sk);

	switch (optname) {
	case FERRY_NODELAY:
		*val = fp->nodelay;
		break;
	case FERRY_MAXSEG:
		*val = fp->user_mss &&
		       (1 << sk->sk_state) & (TCPF_CLOSE | TCPF_LISTEN) ?
			       fp->user_mss : ferry_mss(fp);
		break;
	case FERRY_CORK:
		*val = fp->cork;
		break;
	case FERRY_KEEPIDLE:
		*val = csk->keepalive_time ?:
		       READ_ONCE(sysctl->keepalive_time) / HZ;
		break;
	case FERRY_KEEPINTVL:
		*val = csk->keepalive_intvl ?:
		       READ_ONCE(sysctl->keepalive_intvl) / HZ;
		break;
	case FERRY_KEEPCNT:
		*val = csk->keepalive_probes ?:
		       READ_ONCE(sysctl->keepalive_probes);
		break;
	case FERRY_SYNCNT:
		*val = csk->syn_retries ?: READ_ONCE(sysctl->syn_retries);
		break;
	case FERRY_LINGER2:
		*val = csk->linger2 ?: READ_ONCE(sysctl->fin_timeout) / HZ;
		break;
	case FERRY_DEFER_ACCEPT:
		*val = timeouts_to_seconds(READ_ONCE(csk->defer_accept));
		break;
	case FERRY_WINDOW_CLAMP:
		*val = fp->window_clamp;
		break;
	case FERRY_QUICKACK:
		*val = !csk->pingpong;
		break;
	case FERRY_THIN_LINEAR_TIMEOUTS:
		*val = csk->thin_linear;
		break;
	case FERRY_THIN_DUPACK:
		*val = 0;
		break;
	case FERRY_TIMESTAMP:
		*val = ferry_ts_clock() + fp->ts_offset;
		break;
	case FERRY_NOTSENT_LOWAT:
		*val = READ_ONCE(csk->notsent_lowat);
		break;
	case FERRY_INQ:
		*val = csk->tell_inq;
		break;
	case FERRY_USER_TIMEOUT:
		*val = csk->user_timeout;
		break;
	default:
		return -ENOPROTOOPT;
	}
	return 0;
}

/**
 * ferry_getsockopt() - getsockopt() below SOL_SOCKET
 * @sk: the socket
 * @level: SOL_FERRY, SOL_TCP, or IP's
 * @optname: which option
 * @optval: room for its value
 * @optlen: bytes of room, then of the value
 *
 * Context: process context.
 *
 * Return: 0, -EINVAL, -EFAULT or -ENOPROTOOPT.
 */
int ferry_getsockopt(struct sock *sk, int level, int optname,
		     char __user *optval, int __user *optlen)
{
	char name[FERRY_CA_NAME_MAX];
	int val, len, err;

	if (!ours(level))
		return ferry_af_of_socket(sk)->getsockopt(sk, level, optname,
							  optval, optlen);
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;

	if (optname == FERRY_INFO)
		return ferry_get_info(sk, level, optval, optlen, len);
	if (optname == FERRY_CC_INFO)
		return ferry_get_cc_info(sk, optval, optlen, len);
	if (optname == FERRY_CONGESTION) {
		lock_sock(sk);
		memcpy(name, ferry_csk(sk)->cong.ops->name, sizeof(name));
		release_sock(sk);
		len = min_t(int, len, sizeof(name));
		if (put_user(len, optlen) || copy_to_user(optval, name, len))
			return -EFAULT;
		return 0;
	}

	err = get_int(sk, optname, &val);
	if (err)
		return err;
	len = min_t(int, len, sizeof(int));
	if (put_user(len, optlen) || copy_to_user(optval, &val, len))
		return -EFAULT;
	return 0;
}

/**
 * ferry_ioctl() - how much is in the queues; is the urgent byte next?
 * @sk: the socket
 * @cmd: FIONREAD (SIOCINQ), TIOCOUTQ (SIOCOUTQ), SIOCOUTQNSD or SIOCATMARK
 * @value: the answer in bytes; for SIOCATMARK 0 or 1
 *
 * Context: process context.
 *
 * Return: 0, -EINVAL for a listener, or -ENOIOCTLCMD.
 */
int ferry_ioctl(struct sock *sk, int cmd, int *value)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	bool started = !((1 << sk->sk_state) & (TCPF_SYN_SENT |
						TCPF_SYN_RECV));

	if (cmd == SIOCATMARK) {
		*value = ferry_urgent_at_mark(&fp->urgent,
					      READ_ONCE(fp->copied_seq));
		return 0;
	}
	if (cmd != SIOCINQ && cmd != SIOCOUTQ && cmd != SIOCOUTQNSD)
		return -ENOIOCTLCMD;
	if (sk->sk_state == TCP_LISTEN)
		return -EINVAL;

	lock_sock(sk);
	*value = 0;
	if (cmd == SIOCINQ)
		*value = started ? ferry_urgent_queued(sk) : 0;
	else if (started)
		*value = fp->write_seq - (cmd == SIOCOUTQ ? fp->snd_una :
							    fp->snd_nxt);
	release_sock(sk);
	return 0;
}
