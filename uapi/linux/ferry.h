/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Ferry: a TCP-class reliable byte stream on an IP protocol of its own.
 *
 *	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_FERRY);	(or AF_INET6)
 *
 * From there on the socket API is TCP's.  Option numbers are TCP's too, at
 * level SOL_FERRY; level SOL_TCP is an alias on a Ferry socket, so a program
 * that was written for TCP needs no change but its socket() call.
 */
#ifndef _UAPI_LINUX_FERRY_H
#define _UAPI_LINUX_FERRY_H

#include <linux/types.h>

/* RFC 3692 leaves 253 and 254 to experiments. */
#ifndef IPPROTO_FERRY
#define IPPROTO_FERRY		253
#endif
#ifndef SOL_FERRY
#define SOL_FERRY		253
#endif

/*
 * Socket options.  The numbers equal TCP's wherever the meaning does; what is
 * not listed here answers ENOPROTOOPT.
 */
#define FERRY_NODELAY		1	/* int: no Nagle delay */
#define FERRY_MAXSEG		2	/* int: bytes, upper bound for the MSS */
#define FERRY_CORK		3	/* int: hold partial segments back */
#define FERRY_KEEPIDLE		4	/* int: seconds idle before probing */
#define FERRY_KEEPINTVL		5	/* int: seconds between probes */
#define FERRY_KEEPCNT		6	/* int: probes before giving up */
#define FERRY_SYNCNT		7	/* int: SYN retransmissions */
#define FERRY_LINGER2		8	/* int: seconds in FIN_WAIT2 */
#define FERRY_DEFER_ACCEPT	9	/* int: seconds to wait for data */
#define FERRY_WINDOW_CLAMP	10	/* int: bytes, bound of the window */
#define FERRY_INFO		11	/* struct ferry_info, read only */
#define FERRY_QUICKACK		12	/* int: acknowledge at once */
#define FERRY_CONGESTION	13	/* string: congestion control's name */
#define FERRY_THIN_LINEAR_TIMEOUTS 16	/* int: no back-off of a thin stream */
#define FERRY_THIN_DUPACK	17	/* int: without effect, as in TCP */
#define FERRY_USER_TIMEOUT	18	/* int: milliseconds unacknowledged */
#define FERRY_TIMESTAMP		24	/* int: clock of timestamps, read only */
#define FERRY_NOTSENT_LOWAT	25	/* int: bytes that may wait to be sent */
#define FERRY_CC_INFO		26	/* union tcp_cc_info, read only */
#define FERRY_INQ		36	/* int: recvmsg() tells what is left */

/*
 * Ferry's own, at level SOL_FERRY alone: SO_ZEROCOPY for kernels before 6.7,
 * which give that to TCP and UDP alone.
 */
#define FERRY_ZEROCOPY		60	/* int: MSG_ZEROCOPY is meant */

/* The control message of FERRY_INQ, at level SOL_TCP: int, bytes. */
#define FERRY_CM_INQ		FERRY_INQ

/**
 * struct ferry_info - the state of a socket, FERRY_INFO
 *
 * Up to @total_rto_time it is laid out as struct tcp_info, which is what
 * TCP_INFO at level SOL_TCP fills, from the same numbers.  Numbers that Ferry
 * does not keep are 0.  A segment is @snd_mss bytes or less.  More fields may
 * be added at the end: getsockopt() returns how many bytes it has filled.
 *
 * @state: TCP_ESTABLISHED (1) ... TCP_CLOSING (11)
 * @ca_state: 0 open, 1 disorder, 2 CWR, 3 recovery, 4 loss
 * @retransmits: expiries of the retransmission timer in a row
 * @probes: window or keep-alive probes without an answer
 * @backoff: exponent of the timer's back-off
 * @options: TCPI_OPT_* bits: what both ends have agreed to
 * @snd_wscale: shift of the windows that the peer sends
 * @rcv_wscale: shift of the windows that are sent to the peer
 * @app_limited: @delivery_rate was limited by the application
 * @reserved: 0
 * @rto: retransmission time-out, microseconds
 * @ato: how long an ACK may be delayed, microseconds
 * @snd_mss: segments that are sent, bytes of payload
 * @rcv_mss: segments that come, bytes of payload
 * @unacked: sent and not acknowledged, segments; of a listener: connections
 *	that wait for accept()
 * @sacked: of those, left the network, segments; of a listener: how many
 *	connections may wait
 * @lost: of those, held to be lost, segments
 * @retrans: of those, sent again and on their way, segments
 * @fackets: 0
 * @last_data_sent: since data was sent, milliseconds
 * @last_ack_sent: 0
 * @last_data_recv: since data came, milliseconds
 * @last_ack_recv: since an ACK came, milliseconds
 * @pmtu: path MTU, bytes
 * @rcv_ssthresh: bound of the window to announce, bytes
 * @rtt: smoothed round-trip time, microseconds
 * @rttvar: its variation, microseconds
 * @snd_ssthresh: slow start threshold, segments
 * @snd_cwnd: congestion window, segments
 * @advmss: MSS that was announced to the peer, bytes
 * @reordering: how far segments overtake each other, segments
 * @rcv_rtt: round-trip time as the receiver sees it, microseconds
 * @rcv_space: bytes that the application reads in a round trip
 * @total_retrans: sent again, segments
 * @pacing_rate: bytes per second, ~0 without pacing
 * @max_pacing_rate: its bound, SO_MAX_PACING_RATE, bytes per second
 * @bytes_acked: acknowledged by the peer (RFC 4898), bytes
 * @bytes_received: received in order (RFC 4898), bytes
 * @segs_out: sent, segments
 * @segs_in: received, segments
 * @notsent_bytes: written and not yet sent, bytes
 * @min_rtt: the smallest round-trip time, microseconds, ~0 if none
 * @data_segs_in: received with data, segments
 * @data_segs_out: sent with data, segments
 * @delivery_rate: of the last sample, bytes per second
 * @busy_time: 0
 * @rwnd_limited: 0
 * @sndbuf_limited: 0
 * @delivered: acknowledged or SACKed, segments
 * @delivered_ce: of those, with the peer's echo of congestion, segments
 * @bytes_sent: sent, retransmissions included (RFC 4898), bytes
 * @bytes_retrans: sent again (RFC 4898), bytes
 * @dsack_dups: sent, and reported as duplicates by the peer (RFC 2883), segments
 * @reord_seen: 1 if segments have overtaken each other
 * @rcv_ooopack: received beyond a hole, segments
 * @snd_wnd: the peer's window, bytes
 * @rcv_wnd: the window that was announced to the peer, bytes
 * @rehash: 0
 * @total_rto: expiries of the retransmission timer
 * @total_rto_recoveries: times that it expired after there had been progress
 * @total_rto_time: since then, until what was outstanding had been acknowledged,
 *	of all these times together, milliseconds
 * @half_open: of a listener: half-open connections
 * @max_half_open: of a listener: how many there may be
 * @in_flight: in the network: @unacked - @sacked - @lost + @retrans, segments
 * @rcv_queued: received in order and not yet read, bytes
 */
struct ferry_info {
	__u8	state;
	__u8	ca_state;
	__u8	retransmits;
	__u8	probes;
	__u8	backoff;
	__u8	options;
	__u8	snd_wscale:4,
		rcv_wscale:4;
	__u8	app_limited:1,
		reserved:7;

	__u32	rto;
	__u32	ato;
	__u32	snd_mss;
	__u32	rcv_mss;

	__u32	unacked;
	__u32	sacked;
	__u32	lost;
	__u32	retrans;
	__u32	fackets;

	__u32	last_data_sent;
	__u32	last_ack_sent;
	__u32	last_data_recv;
	__u32	last_ack_recv;

	__u32	pmtu;
	__u32	rcv_ssthresh;
	__u32	rtt;
	__u32	rttvar;
	__u32	snd_ssthresh;
	__u32	snd_cwnd;
	__u32	advmss;
	__u32	reordering;

	__u32	rcv_rtt;
	__u32	rcv_space;

	__u32	total_retrans;

	__u64	pacing_rate;
	__u64	max_pacing_rate;
	__u64	bytes_acked;
	__u64	bytes_received;
	__u32	segs_out;
	__u32	segs_in;

	__u32	notsent_bytes;
	__u32	min_rtt;
	__u32	data_segs_in;
	__u32	data_segs_out;

	__u64	delivery_rate;

	__u64	busy_time;
	__u64	rwnd_limited;
	__u64	sndbuf_limited;

	__u32	delivered;
	__u32	delivered_ce;

	__u64	bytes_sent;
	__u64	bytes_retrans;
	__u32	dsack_dups;
	__u32	reord_seen;

	__u32	rcv_ooopack;
	__u32	snd_wnd;
	__u32	rcv_wnd;
	__u32	rehash;

	__u16	total_rto;
	__u16	total_rto_recoveries;
	__u32	total_rto_time;

	/* Ferry's own. */
	__u32	half_open;
	__u32	max_half_open;
	__u32	in_flight;
	__u32	rcv_queued;
};

/* Room for a congestion control's name, terminating zero included. */
#define FERRY_CA_NAME_MAX	16

#endif /* _UAPI_LINUX_FERRY_H */
