// SPDX-License-Identifier: GPL-2.0-only
/*
 * FERRY_INFO, TCP_INFO and TCP_CC_INFO: what a socket tells of its state.
 *
 * There is one set of numbers, struct ferry_info; uapi/linux/ferry.h says what
 * each is and in which unit.  The kernel's struct tcp_info, as far as this
 * kernel knows it, is its front.
 */
#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <net/tcp.h>

#include "ferry.h"

/* The two are the same up to where tcp_info ends, or Ferry's own begins. */
#define SAME_PLACE(ours, theirs)					\
	static_assert(offsetof(struct ferry_info, ours) ==		\
		      offsetof(struct tcp_info, theirs))
SAME_PLACE(rto, tcpi_rto);
SAME_PLACE(last_data_sent, tcpi_last_data_sent);
SAME_PLACE(pmtu, tcpi_pmtu);
SAME_PLACE(total_retrans, tcpi_total_retrans);
SAME_PLACE(pacing_rate, tcpi_pacing_rate);
SAME_PLACE(notsent_bytes, tcpi_notsent_bytes);
SAME_PLACE(delivered, tcpi_delivered);
SAME_PLACE(bytes_sent, tcpi_bytes_sent);
SAME_PLACE(snd_wnd, tcpi_snd_wnd);

static_assert((int)FERRY_CA_CWR == (int)TCP_CA_CWR &&
	      (int)FERRY_CA_LOSS == (int)TCP_CA_Loss);

/* Where Ferry's own fields begin. */
#define TCP_INFO_PART	offsetof(struct ferry_info, half_open)

static u64 rate_of(unsigned long rate)
{
	return rate == ~0UL ? ~0ULL : rate;
}

static u8 options(const struct ferry_sock *fp)
{
	return (fp->has_tstamp ? TCPI_OPT_TIMESTAMPS : 0) |
	       (fp->sack_ok ? TCPI_OPT_SACK : 0) |
	       (fp->has_wscale ? TCPI_OPT_WSCALE : 0) |
	       (fp->ecn_ok ? TCPI_OPT_ECN : 0);
}

static void fill_listener(const struct sock *sk, struct ferry_info *info)
{
	info->unacked = READ_ONCE(sk->sk_ack_backlog);
	info->sacked = READ_ONCE(sk->sk_max_ack_backlog);
	info->half_open = ferry_half_open(sk);
	info->max_half_open = ferry_half_open_max(sk);
}

/* Not stored: what was acknowledged and what is on its way have been sent. */
static u64 bytes_sent(const struct ferry_sock *fp)
{
	u64 sent = fp->bytes_acked + (fp->snd_nxt - fp->snd_una) +
		   fp->bytes_retrans;
	u8 state = fp->conn.inet.sk.sk_state;

	/* A SYN and a FIN have a sequence number, but are no bytes. */
	sent -= fp->active_open;
	if ((1 << state) & (TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | TCPF_CLOSING |
			    TCPF_LAST_ACK) &&
	    fp->snd_nxt == fp->write_seq)
		sent--;
	return sent;
}

static void fill_sender(const struct sock *sk, struct ferry_info *info)
{
	const struct ferry_sock *fp = ferry_sk(sk);
	const struct ferry_cong *ca = &fp->conn.cong;

	info->ca_state = ca->state;
	info->retransmits = fp->conn.retransmits;
	info->probes = fp->conn.probes_out;
	info->backoff = fp->conn.backoff;
	info->rto = ferry_rto_us(sk);
	info->snd_mss = ferry_mss(fp);
	info->unacked = ca->packets_out;
	info->sacked = ca->sacked_out;
	info->lost = ca->lost_out;
	info->retrans = ca->retrans_out;
	info->in_flight = ferry_cong_in_flight(ca);
	info->pmtu = fp->conn.pmtu;
	info->rtt = fp->conn.cong.rtt.srtt_us >> 3;
	info->rttvar = fp->conn.cong.rtt.rttvar_us >> 2;
	info->min_rtt = ferry_rtt_min(&fp->conn.cong.rtt);
	info->snd_ssthresh = ca->snd_ssthresh;
	info->reordering = fp->recovery.reordering;
	info->reord_seen = fp->recovery.reord_seen;
	info->total_retrans = ca->total_retrans;
	info->bytes_acked = fp->bytes_acked;
	info->bytes_retrans = fp->bytes_retrans;
	info->bytes_sent = bytes_sent(fp);
	info->notsent_bytes = max_t(s32, fp->write_seq - fp->snd_nxt, 0);
	info->segs_out = fp->segs_out;
	info->data_segs_out = fp->data_segs_out;
	info->delivered = ca->delivered;
	info->delivered_ce = ca->delivered_ce;
	info->delivery_rate = ferry_rate_shown(ca);
	info->app_limited = ca->rate_app_limited;
	info->snd_wnd = fp->snd_wnd;
}

static void fill_receiver(struct sock *sk, struct ferry_info *info)
{
	const struct ferry_sock *fp = ferry_sk(sk);

	info->ato = jiffies_to_usecs(fp->conn.ato);
	info->rcv_mss = fp->conn.rcv_mss;
	info->rcv_ssthresh = fp->rcv_ssthresh;
	info->rcv_rtt = fp->rcv_rtt_us;
	info->rcv_space = fp->rcvq_space;
	info->advmss = ferry_mss_offer(sk) -
		       (fp->has_tstamp ? TCPOLEN_TSTAMP_ALIGNED : 0);
	info->bytes_received = fp->bytes_received;
	info->segs_in = fp->segs_in;
	info->data_segs_in = fp->data_segs_in;
	info->rcv_wnd = fp->rcv_wnd;
	info->rcv_queued = ferry_recv_queued(sk);
}

static void fill(struct sock *sk, struct ferry_info *info)
{
	const struct ferry_conn_sock *csk = ferry_csk(sk);
	u32 now = jiffies;

	memset(info, 0, sizeof(*info));
	info->state = inet_sk_state_load(sk);
	info->pacing_rate = rate_of(READ_ONCE(sk->sk_pacing_rate));
	info->max_pacing_rate = rate_of(READ_ONCE(sk->sk_max_pacing_rate));
	info->snd_cwnd = csk->cong.snd_cwnd;
	info->reordering = FERRY_DUPTHRESH;
	if (info->state == TCP_LISTEN) {
		fill_listener(sk, info);
		return;
	}
	info->options = options(ferry_sk(sk));
	info->snd_wscale = ferry_sk(sk)->snd_wscale;
	info->rcv_wscale = ferry_sk(sk)->rcv_wscale;
	info->last_data_sent = jiffies_to_msecs(now - csk->last_snd);
	info->last_data_recv = jiffies_to_msecs(now - csk->last_rcv);
	info->last_ack_recv = jiffies_to_msecs(now - csk->last_ack);
	fill_sender(sk, info);
	fill_receiver(sk, info);
	ferry_trouble_info(ferry_sk(sk), info);
}

/**
 * ferry_read_info() - all that FERRY_INFO tells, for sock_diag
 * @sk: full socket
 * @info: where to
 *
 * Context: process context.
 */
void ferry_read_info(struct sock *sk, struct ferry_info *info)
{
	/*
	 * sock_diag may look at a connection that nobody has accepted and nobody
	 * ever will: who ends it takes the spin lock alone.
	 */
	bool slow = lock_sock_fast(sk);

	fill(sk, info);
	unlock_sock_fast(sk, slow);
}
EXPORT_SYMBOL_GPL(ferry_read_info);

static int copy_out(char __user *optval, int __user *optlen, int len,
		    const void *from, size_t size)
{
	len = min_t(unsigned int, len, size);
	if (put_user(len, optlen) || copy_to_user(optval, from, len))
		return -EFAULT;
	return 0;
}

/**
 * ferry_get_info() - FERRY_INFO, and TCP_INFO
 * @sk: the socket
 * @level: SOL_TCP: no more than this kernel's struct tcp_info
 * @optval: where to
 * @optlen: room there, then how much was filled
 * @len: the room
 *
 * Context: process context.
 *
 * Return: 0 or -EFAULT.
 */
int ferry_get_info(struct sock *sk, int level, char __user *optval,
		   int __user *optlen, int len)
{
	struct ferry_info info;

	ferry_read_info(sk, &info);
	return copy_out(optval, optlen, len, &info, level == SOL_TCP ?
			min(sizeof(struct tcp_info), TCP_INFO_PART) :
			sizeof(info));
}

/**
 * ferry_get_cc_info() - TCP_CC_INFO: what the algorithm tells of itself
 * @sk: the socket
 * @optval: where to: a union tcp_cc_info
 * @optlen: room there, then how much was filled: 0 by most algorithms
 * @len: the room
 *
 * Context: process context.
 *
 * Return: 0 or -EFAULT.
 */
int ferry_get_cc_info(struct sock *sk, char __user *optval, int __user *optlen,
		      int len)
{
	const struct ferry_cong *ca = &ferry_csk(sk)->cong;
	union tcp_cc_info info;
	size_t size = 0;

	memset(&info, 0, sizeof(info));
	lock_sock(sk);
	if (ca->ops->get_info)
		size = ca->ops->get_info(ca, &info);
	release_sock(sk);
	return copy_out(optval, optlen, len, &info, size);
}
