/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracepoints of Ferry, trace/events/ferry in tracefs:
 *
 *	ferry_state		a connection goes to another state
 *	ferry_drop		a segment is dropped, and why
 *	ferry_reset		a RST was sent, or one that counts received
 *	ferry_ack		an ACK was processed: what the sender knows now
 *	ferry_retransmit	something is sent again, and why
 *	ferry_cong		loss recovery goes to another state
 *
 * "local" is this end's address and "remote" the peer's; a segment has "src"
 * and "dst".  Windows and counts of segments are in segments unless they say
 * bytes; times are in microseconds.  A tracepoint that is off costs a
 * no-operation.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ferry

#if !defined(_FERRY_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _FERRY_TRACE_H

#include <linux/tracepoint.h>

#include "ferry.h"

#ifndef _FERRY_TRACE_ONCE
#define _FERRY_TRACE_ONCE

/**
 * struct ferry_trace_hdr - the headers of a segment, for a tracepoint
 * @src: address and port
 * @dst: address and port
 * @seq: SEG.SEQ
 * @ack: SEG.ACK
 * @flags: control bits
 */
struct ferry_trace_hdr {
	struct sockaddr_in6 src;
	struct sockaddr_in6 dst;
	u32 seq;
	u32 ack;
	u8 flags;
};

void ferry_trace_sock(const struct sock_common *c, void *local, void *remote);
void ferry_trace_segment(const struct sk_buff *skb,
			 struct ferry_trace_hdr *to);

#endif /* _FERRY_TRACE_ONCE */

TRACE_DEFINE_ENUM(FERRY_RTX_SYN);
TRACE_DEFINE_ENUM(FERRY_RTX_SYNACK);
TRACE_DEFINE_ENUM(FERRY_RTX_FAST);
TRACE_DEFINE_ENUM(FERRY_RTX_REO);
TRACE_DEFINE_ENUM(FERRY_RTX_RTO);
TRACE_DEFINE_ENUM(FERRY_RTX_SLOW_START);
TRACE_DEFINE_ENUM(FERRY_RTX_FRTO);
TRACE_DEFINE_ENUM(FERRY_RTX_TLP);
TRACE_DEFINE_ENUM(FERRY_RTX_PROBE);
TRACE_DEFINE_ENUM(FERRY_RTX_KEEPALIVE);
TRACE_DEFINE_ENUM(FERRY_RTX_MTU);
TRACE_DEFINE_ENUM(FERRY_CA_OPEN);
TRACE_DEFINE_ENUM(FERRY_CA_DISORDER);
TRACE_DEFINE_ENUM(FERRY_CA_CWR);
TRACE_DEFINE_ENUM(FERRY_CA_RECOVERY);
TRACE_DEFINE_ENUM(FERRY_CA_LOSS);
TRACE_DEFINE_ENUM(TCP_ESTABLISHED);
TRACE_DEFINE_ENUM(TCP_SYN_SENT);
TRACE_DEFINE_ENUM(TCP_SYN_RECV);
TRACE_DEFINE_ENUM(TCP_FIN_WAIT1);
TRACE_DEFINE_ENUM(TCP_FIN_WAIT2);
TRACE_DEFINE_ENUM(TCP_TIME_WAIT);
TRACE_DEFINE_ENUM(TCP_CLOSE);
TRACE_DEFINE_ENUM(TCP_CLOSE_WAIT);
TRACE_DEFINE_ENUM(TCP_LAST_ACK);
TRACE_DEFINE_ENUM(TCP_LISTEN);
TRACE_DEFINE_ENUM(TCP_CLOSING);
TRACE_DEFINE_ENUM(TCP_NEW_SYN_RECV);

#define show_ferry_state(state)				\
	__print_symbolic(state,				\
		{ TCP_ESTABLISHED, "ESTABLISHED" },	\
		{ TCP_SYN_SENT, "SYN_SENT" },		\
		{ TCP_SYN_RECV, "SYN_RECV" },		\
		{ TCP_FIN_WAIT1, "FIN_WAIT1" },		\
		{ TCP_FIN_WAIT2, "FIN_WAIT2" },		\
		{ TCP_TIME_WAIT, "TIME_WAIT" },		\
		{ TCP_CLOSE, "CLOSE" },			\
		{ TCP_CLOSE_WAIT, "CLOSE_WAIT" },	\
		{ TCP_LAST_ACK, "LAST_ACK" },		\
		{ TCP_LISTEN, "LISTEN" },		\
		{ TCP_CLOSING, "CLOSING" },		\
		{ TCP_NEW_SYN_RECV, "NEW_SYN_RECV" })

#define show_ferry_ca_state(state)			\
	__print_symbolic(state,				\
		{ FERRY_CA_OPEN, "Open" },		\
		{ FERRY_CA_DISORDER, "Disorder" },	\
		{ FERRY_CA_CWR, "CWR" },		\
		{ FERRY_CA_RECOVERY, "Recovery" },	\
		{ FERRY_CA_LOSS, "Loss" })

#define show_ferry_rtx(reason)				\
	__print_symbolic(reason,			\
		{ FERRY_RTX_SYN, "syn" },		\
		{ FERRY_RTX_SYNACK, "synack" },		\
		{ FERRY_RTX_FAST, "fast" },		\
		{ FERRY_RTX_REO, "reo" },		\
		{ FERRY_RTX_RTO, "rto" },		\
		{ FERRY_RTX_SLOW_START, "slow_start" },	\
		{ FERRY_RTX_FRTO, "frto" },		\
		{ FERRY_RTX_TLP, "tlp" },		\
		{ FERRY_RTX_PROBE, "probe" },		\
		{ FERRY_RTX_KEEPALIVE, "keepalive" },	\
		{ FERRY_RTX_MTU, "mtu" })

#define show_ferry_flags(flags)				\
	__print_flags(flags, "|",			\
		{ FERRY_FIN, "FIN" },			\
		{ FERRY_SYN, "SYN" },			\
		{ FERRY_RST, "RST" },			\
		{ FERRY_PSH, "PSH" },			\
		{ FERRY_ACK, "ACK" },			\
		{ FERRY_URG, "URG" },			\
		{ FERRY_ECE, "ECE" },			\
		{ FERRY_CWR, "CWR" })

/* An address and port in an event; bytes, which every reader of traces knows. */
#define __ferry_addr(name) __array(__u8, name, sizeof(struct sockaddr_in6))

/**
 * trace_ferry_state() - a connection goes to another state
 * @c: full or mini socket; TIME_WAIT and half-open ones begin and end in CLOSE
 * @oldstate: TCP_ESTABLISHED ...
 * @newstate: likewise
 */
TRACE_EVENT(ferry_state,
	TP_PROTO(const struct sock_common *c, int oldstate, int newstate),

	TP_ARGS(c, oldstate, newstate),

	TP_STRUCT__entry(
		__field(const void *, sk)
		__field(int, oldstate)
		__field(int, newstate)
		__ferry_addr(local)
		__ferry_addr(remote)
	),

	TP_fast_assign(
		__entry->sk = c;
		__entry->oldstate = oldstate;
		__entry->newstate = newstate;
		ferry_trace_sock(c, __entry->local, __entry->remote);
	),

	TP_printk("local=%pISpc remote=%pISpc oldstate=%s newstate=%s",
		  __entry->local, __entry->remote,
		  show_ferry_state(__entry->oldstate),
		  show_ferry_state(__entry->newstate))
);

/**
 * trace_ferry_drop() - a segment is dropped
 * @skb: the segment
 * @reason: the name of its counter in /proc/net/ferry_stat
 */
TRACE_EVENT(ferry_drop,
	TP_PROTO(const struct sk_buff *skb, const char *reason),

	TP_ARGS(skb, reason),

	TP_STRUCT__entry(
		__string(reason, reason)
		__field(const void *, skbaddr)
		__field_struct(struct ferry_trace_hdr, hdr)
		__field(unsigned int, len)
	),

	TP_fast_assign(
		ferry_assign_str(reason, reason);
		__entry->skbaddr = skb;
		__entry->len = skb->len;
		ferry_trace_segment(skb, &__entry->hdr);
	),

	TP_printk("src=%pISpc dst=%pISpc seq=%u ack=%u flags=%s len=%u reason=%s",
		  &__entry->hdr.src, &__entry->hdr.dst, __entry->hdr.seq,
		  __entry->hdr.ack, show_ferry_flags(__entry->hdr.flags),
		  __entry->len, __get_str(reason))
);

/**
 * trace_ferry_reset() - a RST was sent, or one that counts was received
 * @c: the connection, or NULL if there is none
 * @skb: without one: the received segment that the RST answers
 * @sent: sent, else received
 */
TRACE_EVENT(ferry_reset,
	TP_PROTO(const struct sock_common *c, const struct sk_buff *skb,
		 bool sent),

	TP_ARGS(c, skb, sent),

	TP_STRUCT__entry(
		__field(const void *, sk)
		__field(int, state)
		__field(bool, sent)
		__ferry_addr(local)
		__ferry_addr(remote)
	),

	TP_fast_assign(
		__entry->sk = c;
		__entry->sent = sent;
		__entry->state = TCP_CLOSE;
		if (c) {
			__entry->state = c->skc_state;
			ferry_trace_sock(c, __entry->local, __entry->remote);
		} else {
			struct ferry_trace_hdr hdr;

			ferry_trace_segment(skb, &hdr);
			memcpy(__entry->local, &hdr.dst, sizeof(hdr.dst));
			memcpy(__entry->remote, &hdr.src, sizeof(hdr.src));
		}
	),

	TP_printk("%s local=%pISpc remote=%pISpc state=%s",
		  __entry->sent ? "sent" : "received", __entry->local,
		  __entry->remote, show_ferry_state(__entry->state))
);

/**
 * trace_ferry_ack() - an ACK was processed
 * @sk: the socket, as it is after that
 * @ack_seq: SEG.ACK
 * @acked: segments newly acknowledged
 */
TRACE_EVENT(ferry_ack,
	TP_PROTO(const struct sock *sk, u32 ack_seq, u32 acked),

	TP_ARGS(sk, ack_seq, acked),

	TP_STRUCT__entry(
		__ferry_addr(local)
		__ferry_addr(remote)
		__field(u32, ack_seq)
		__field(u32, acked)
		__field(u32, snd_una)
		__field(u32, snd_nxt)
		__field(u32, snd_wnd)
		__field(u32, cwnd)
		__field(u32, ssthresh)
		__field(u32, in_flight)
		__field(u32, packets_out)
		__field(u32, sacked_out)
		__field(u32, lost_out)
		__field(u32, retrans_out)
		__field(u32, mss)
		__field(u32, srtt_us)
		__field(u32, rttvar_us)
		__field(u8, ca_state)
	),

	TP_fast_assign(
		const struct ferry_sock *fp = ferry_sk(sk);
		const struct ferry_cong *ca = &fp->conn.cong;

		ferry_trace_sock(&sk->__sk_common, __entry->local,
				 __entry->remote);
		__entry->ack_seq = ack_seq;
		__entry->acked = acked;
		__entry->snd_una = fp->snd_una;
		__entry->snd_nxt = fp->snd_nxt;
		__entry->snd_wnd = fp->snd_wnd;
		__entry->cwnd = ca->snd_cwnd;
		__entry->ssthresh = ca->snd_ssthresh;
		__entry->in_flight = ferry_cong_in_flight(ca);
		__entry->packets_out = ca->packets_out;
		__entry->sacked_out = ca->sacked_out;
		__entry->lost_out = ca->lost_out;
		__entry->retrans_out = ca->retrans_out;
		__entry->mss = ferry_mss(fp);
		__entry->srtt_us = fp->conn.cong.rtt.srtt_us >> 3;
		__entry->rttvar_us = fp->conn.cong.rtt.rttvar_us >> 2;
		__entry->ca_state = ca->state;
	),

	TP_printk("local=%pISpc remote=%pISpc ack_seq=%u acked=%u snd_una=%u snd_nxt=%u snd_wnd=%u cwnd=%u ssthresh=%u in_flight=%u packets_out=%u sacked_out=%u lost_out=%u retrans_out=%u mss=%u srtt_us=%u rttvar_us=%u ca_state=%s",
		  __entry->local, __entry->remote, __entry->ack_seq,
		  __entry->acked, __entry->snd_una, __entry->snd_nxt,
		  __entry->snd_wnd, __entry->cwnd, __entry->ssthresh,
		  __entry->in_flight, __entry->packets_out,
		  __entry->sacked_out, __entry->lost_out,
		  __entry->retrans_out, __entry->mss, __entry->srtt_us,
		  __entry->rttvar_us, show_ferry_ca_state(__entry->ca_state))
);

/**
 * trace_ferry_retransmit() - something is sent again
 * @c: full socket, or a request for its SYN-ACK
 * @seq: first sequence number
 * @end_seq: sequence number after the last
 * @reason: why
 */
TRACE_EVENT(ferry_retransmit,
	TP_PROTO(const struct sock_common *c, u32 seq, u32 end_seq,
		 enum ferry_retransmit_reason reason),

	TP_ARGS(c, seq, end_seq, reason),

	TP_STRUCT__entry(
		__ferry_addr(local)
		__ferry_addr(remote)
		__field(u32, seq)
		__field(u32, end_seq)
		__field(int, state)
		__field(u8, reason)
	),

	TP_fast_assign(
		ferry_trace_sock(c, __entry->local, __entry->remote);
		__entry->seq = seq;
		__entry->end_seq = end_seq;
		__entry->state = c->skc_state;
		__entry->reason = reason;
	),

	TP_printk("local=%pISpc remote=%pISpc state=%s seq=%u end_seq=%u reason=%s",
		  __entry->local, __entry->remote,
		  show_ferry_state(__entry->state), __entry->seq,
		  __entry->end_seq, show_ferry_rtx(__entry->reason))
);

/**
 * trace_ferry_cong() - loss recovery goes to another state
 * @sk: the socket, as it is after the event that has led to it
 * @oldstate: the &enum ferry_ca_state before
 * @newstate: and then; one ACK may lead through more than one
 */
TRACE_EVENT(ferry_cong,
	TP_PROTO(const struct sock *sk, u8 oldstate, u8 newstate),

	TP_ARGS(sk, oldstate, newstate),

	TP_STRUCT__entry(
		__ferry_addr(local)
		__ferry_addr(remote)
		__field(u32, cwnd)
		__field(u32, ssthresh)
		__field(u32, in_flight)
		__field(u32, lost_out)
		__field(u32, snd_una)
		__field(u32, high_seq)
		__field(u8, oldstate)
		__field(u8, newstate)
	),

	TP_fast_assign(
		const struct ferry_cong *ca = &ferry_csk(sk)->cong;

		ferry_trace_sock(&sk->__sk_common, __entry->local,
				 __entry->remote);
		__entry->cwnd = ca->snd_cwnd;
		__entry->ssthresh = ca->snd_ssthresh;
		__entry->in_flight = ferry_cong_in_flight(ca);
		__entry->lost_out = ca->lost_out;
		__entry->snd_una = ferry_sk(sk)->snd_una;
		__entry->high_seq = ca->high_seq;
		__entry->oldstate = oldstate;
		__entry->newstate = newstate;
	),

	TP_printk("local=%pISpc remote=%pISpc oldstate=%s newstate=%s cwnd=%u ssthresh=%u in_flight=%u lost_out=%u snd_una=%u high_seq=%u",
		  __entry->local, __entry->remote,
		  show_ferry_ca_state(__entry->oldstate),
		  show_ferry_ca_state(__entry->newstate), __entry->cwnd,
		  __entry->ssthresh, __entry->in_flight, __entry->lost_out,
		  __entry->snd_una, __entry->high_seq)
);

#endif /* _FERRY_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
