/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Ferry's files share: the sockets, and what each file offers the others.
 *
 *	struct sock				kernel
 *	  struct inet_sock			kernel: addresses, ports
 *	    struct ferry_conn_sock		what any connection needs
 *	      struct ferry_sock			the byte stream
 *	struct ferry_request_sock		SYN_RECEIVED, a mini socket
 *	struct ferry_timewait_sock		TIME_WAIT, a mini socket
 *
 * A mini socket is a struct sock_common and a little more.  All of them stand
 * in the hash of connections (hash.c) and are told apart by their state.
 *
 * Locks, in the order in which they are taken:
 *
 *	socket lock		everything in a struct ferry_sock; in BH context
 *				a segment for a socket in use waits in its
 *				backlog
 *	bind bucket's lock	ports (bind.c)
 *	connection hash's lock	(hash.c)
 *	accept queue's lock	(listen.c)
 *
 * References: a user's file descriptor, a running timer and a lookup each hold
 * one on the socket, the hashes hold none.
 */
#ifndef _FERRY_H
#define _FERRY_H

#include <linux/ferry.h>
#include <linux/rbtree.h>
#include <linux/timer.h>
#include <net/dst.h>
#include <net/inet_ecn.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "compat.h"
#include "cong.h"
#include "drop.h"
#include "machine.h"
#include "mib.h"
#include "mtu_search.h"
#include "netns.h"
#include "rate.h"
#include "recovery.h"
#include "rtt.h"
#include "segment.h"
#include "skb.h"
#include "trouble.h"
#include "urgent.h"
#include "window.h"

/* Times that have no sysctl, in jiffies. */
#define FERRY_TIMEWAIT_LEN	(60 * HZ)	/* 2 MSL, as Linux TCP */
#define FERRY_QUICK_ACKS	16		/* segments, at most */
/* RFC 9293 section 3.8.6.3 allows 0.5 s. */
#define FERRY_ATO_MIN		(HZ / 25)
#define FERRY_DELACK_MAX	(HZ / 5)
#define FERRY_RTO_MIN		(FERRY_RTO_MIN_US / (USEC_PER_SEC / HZ))
#define FERRY_RTO_MAX		(120 * HZ)

/*
 * A GSO packet of ours must never reach hardware that would take it for TCP.
 * Devices that segment in software (loopback, veth, bridges ...) say that they
 * take SCTP's GSO packets, too, and no hardware does; so a packet that wants
 * both is segmented in software in front of any hardware, and the kernel's
 * own code still finds the TCP header that it looks for.
 */
#define FERRY_GSO_V4		(SKB_GSO_TCPV4 | SKB_GSO_SCTP)
#define FERRY_GSO_V6		(SKB_GSO_TCPV6 | SKB_GSO_SCTP)

/* Room in front of the payload for every header. */
#define FERRY_MAX_HEADER	L1_CACHE_ALIGN(128 + MAX_HEADER)

struct ferry_bind_bucket;
struct ferry_pacer;
struct ferry_request_sock;

/**
 * struct ferry_af_ops - what differs between IPv4 and IPv6
 * @lookup: the socket for a segment: a connection, request or TIME_WAIT, with
 *	a reference; or, if @listen is set, a listener, without one; or NULL
 * @xmit: route and send a segment of a connection; owns @skb
 * @route: make sure that the socket has a route; returns it or NULL
 * @checksum: start the checksum of an outgoing segment with the pseudo-header
 * @connect: find route and source address towards @addr and store both
 *	addresses in the socket; 0 or an errno
 * @port_chosen: find the route again, now that the port is known; NULL if the
 *	family's routes do not look at it; 0 or an errno
 * @request_init: store the addresses of a received SYN in a request
 * @request_route: a route towards the peer of a request, or NULL
 * @request_xmit: send a segment to the peer of a request along @dst; owns
 *	@skb and @dst
 * @child_init: copy what is the family's from listener, request and the segment
 *	that completed the handshake to a child
 * @reply: answer a segment with one of the header @th alone, whose ports and
 *	checksum are filled in here, and the options that follow it, see
 *	&struct ferry_reply; reads only the addresses of @in; for a listener or
 *	a TIME_WAIT mini socket, or NULL
 * @secret: what nobody can guess of a full or mini socket, from addresses and
 *	ports
 * @hash: hash of addresses and ports of a full or mini socket
 * @same_tuple: two full or mini sockets have the same addresses and ports; they
 *	may be on different devices
 * @setsockopt: options at the IP level
 * @getsockopt: options at the IP level
 * @header_len: bytes of the IP header
 * @family: AF_INET or AF_INET6, of the packets and not of the socket
 *
 * IPv4 packets of an IPv6 socket (v4-mapped addresses) use IPv4's table.
 * Context: BH, or process with the socket lock held.
 */
struct ferry_af_ops {
	struct sock *(*lookup)(struct net *net, const struct sk_buff *skb,
			       const struct tcphdr *th, bool listen);
	int (*xmit)(struct sock *sk, struct sk_buff *skb, struct flowi *fl);
	struct dst_entry *(*route)(struct sock *sk);
	void (*checksum)(struct sock *sk, struct sk_buff *skb);
	int (*connect)(struct sock *sk, struct sockaddr *addr, int len);
	int (*port_chosen)(struct sock *sk);
	void (*request_init)(struct ferry_request_sock *req,
			     const struct sock *listener,
			     const struct sk_buff *skb);
	struct dst_entry *(*request_route)(const struct sock *listener,
					   const struct ferry_request_sock *r);
	void (*request_xmit)(const struct sock *listener,
			     const struct ferry_request_sock *req,
			     struct sk_buff *skb, struct dst_entry *dst);
	void (*child_init)(struct sock *child, const struct sock *listener,
			   const struct ferry_request_sock *req,
			   const struct sk_buff *skb);
	void (*reply)(struct net *net, const struct sock *sk,
		      const struct sk_buff *in, const struct tcphdr *th);
	u64 (*secret)(const struct sock_common *c);
	u32 (*hash)(const struct sock_common *c);
	bool (*same_tuple)(const struct sock_common *a,
			   const struct sock_common *b);
	int (*setsockopt)(struct sock *sk, int level, int optname,
			  sockptr_t optval, unsigned int optlen);
	int (*getsockopt)(struct sock *sk, int level, int optname,
			  char __user *optval, int __user *optlen);
	u16 header_len;
	u16 family;
};

/**
 * struct ferry_icmp - what an ICMP or ICMPv6 message says
 * @th: header of the segment that it is about; eight bytes of it are there
 * @daddr: where that went, in the message
 * @err: errno
 * @mtu: path MTU in bytes if it is about that, else 0
 * @info: the message's own number: the MTU, or a pointer
 * @origin: SO_EE_ORIGIN_ICMP or SO_EE_ORIGIN_ICMP6
 * @type: its type
 * @code: its code
 * @ends_request: a half-open connection does not survive it
 * @no_way: a router knew no way (RFC 6069)
 */
struct ferry_icmp {
	const struct tcphdr *th;
	const u8 *daddr;
	int err;
	u32 mtu;
	u32 info;
	u8 origin;
	u8 type;
	u8 code;
	bool ends_request;
	bool no_way;
};

extern const struct ferry_af_ops ferry_ipv4_ops;
extern const struct ferry_af_ops ferry_ipv6_ops;

/**
 * struct ferry_accept_queue - established connections that wait for accept()
 * @lock: protects the list and its end: a listener that closes takes it to
 *	see the last connection
 * @half_open: number of requests, the half-open queue; ferry_half_open_max()
 *	is its limit
 * @cookie_at: when a SYN cookie was last sent, in jiffies; only for a while
 *	after that are ACKs looked at for one
 *
 * The list itself is &ferry_conn_sock.accept_link.  Its length and limit are
 * sk_ack_backlog and sk_max_ack_backlog.  The queue holds the reference of
 * each connection that its file descriptor will hold.
 */
struct ferry_accept_queue {
	spinlock_t lock;	/* of the list */
	atomic_t half_open;
	u32 cookie_at;
};

/* What &ferry_conn_sock.retransmit_at stands for. */
enum ferry_timer_event {
	FERRY_TIMER_NONE,
	FERRY_TIMER_RETRANS,	/* RFC 6298 */
	FERRY_TIMER_PROBE,	/* RFC 9293 section 3.8.6.1 */
	FERRY_TIMER_REO,	/* RFC 8985 section 6.3 */
	FERRY_TIMER_TLP,	/* RFC 8985 section 7.2 */
};

/* Work that comes up in softirq, see work.c; what waits is in @deferred. */
#define FERRY_WORK_TIMER	0x01
#define FERRY_WORK_MTU		0x02
#define FERRY_WORK_PUSH		0x04
#define FERRY_WORK_ACK		0x08

/**
 * struct ferry_conn_sock - what every connection needs
 * @inet: addresses and ports; must be first
 * @bind_bucket: the port, held in the bind hash; NULL if none
 * @accept_queue: a listener's queue
 * @pmtu: path MTU in bytes for which the MSS was computed
 * @accept_link: a circle through the queue: a listener's last child, and a
 *	child's next, where the last one's is the first; NULL if not in use
 * @mtu_search: what was learned of the path MTU by trying, if @searches_mtu:
 *	only after accept()
 * @retransmit_at: deadline of @pending, in jiffies
 * @delack_at: deadline of an owed ACK if @delack_armed, in jiffies
 * @keepalive_at: deadline of the keep-alive, or of an orphan in FIN_WAIT2, if
 *	@keepalive_armed, in jiffies
 * @cong: congestion state
 * @pacer: pacing and small queues, NULL until one of them is needed
 * @mtu_info: path MTU that an ICMP message told, for FERRY_WORK_MTU
 * @defer_accept: FERRY_DEFER_ACCEPT, as a number of time-outs of a SYN-ACK
 * @tell_inq: FERRY_INQ
 * @thin_linear: FERRY_THIN_LINEAR_TIMEOUTS
 * @searches_mtu: the path MTU is found by probes (RFC 4821)
 * @cong_locked: the route has chosen the algorithm, and no program may
 * @ecn_seen: the peer has sent data that a router may mark
 * @retrans_stamp: when a segment was first sent again, or the window probed,
 *	since the peer has last taken something, in jiffies; 0 if not
 * @user_timeout: bound of the time without acknowledgment in ms, 0: none
 * @keepalive_time: idle time before the first probe in seconds, 0: the sysctl
 * @keepalive_intvl: time between probes in seconds, 0: the sysctl
 * @linger2: time in FIN_WAIT2 in seconds, 0: the sysctl, <0: none
 * @deferred: FERRY_WORK_* bits, under the socket's spinlock
 * @pending: one of &enum ferry_timer_event
 * @retransmits: time-outs in a row
 * @backoff: exponent of the timer's back-off
 * @probes_out: window or keep-alive probes without answer
 * @syn_retries: retransmissions of the SYN, 0: the sysctl
 * @keepalive_probes: keep-alive probes before giving up, 0: the sysctl
 * @ack_pending: an acknowledgment is owed
 * @ack_now: it is owed at once
 * @pingpong: the application answers; its data will carry the ACK
 * @ack_small: the ACK is owed for a segment that is not full, or has PSH
 * @no_room: a segment in order had to be dropped: announce a closed window
 * @delack_armed: @delack_at is a deadline
 * @keepalive_armed: @keepalive_at is a deadline
 * @is_ipv4: its packets are of IPv4
 * @quick_acks: number of ACKs to send without delay
 * @rcv_mss: the peer's segment size, for "every second segment"
 * @last_rcv: when data came last, in jiffies
 * @last_snd: when data was sent last, in jiffies
 * @last_ack: when an ACK came last, in jiffies
 * @last_answer: for ferry_may_answer()
 * @ato: how long an ACK may wait, jiffies, 0 before data has come
 * @mss_clamp: the peer's MSS option
 * @notsent_lowat: FERRY_NOTSENT_LOWAT in bytes, 0 for no bound
 */
struct ferry_conn_sock {
	struct inet_sock inet;
	struct ferry_bind_bucket *bind_bucket;
	struct ferry_accept_queue accept_queue;
	u32 pmtu;
	union {
		struct sock *accept_link;
		struct ferry_mtu_search *mtu_search;
	};
	struct ferry_cong cong;
	struct ferry_pacer __rcu *pacer;
	u16 mtu_info;
	u8 defer_accept;
	u8 tell_inq:1,
	   thin_linear:1,
	   searches_mtu:1,
	   cong_locked:1,
	   ecn_seen:1;
	u32 retransmit_at;
	u32 delack_at;
	u32 keepalive_at;
	u32 retrans_stamp;
	u32 user_timeout;
	u16 keepalive_time;
	u16 keepalive_intvl;
	s8 linger2;
	u8 deferred;
	u8 pending;
	u8 retransmits;
	u8 backoff;
	u8 probes_out;
	u8 syn_retries;
	u8 keepalive_probes;
	u8 ack_pending:1,
	   ack_now:1,
	   pingpong:1,
	   ack_small:1,
	   no_room:1,
	   delack_armed:1,
	   keepalive_armed:1,
	   is_ipv4:1;
	u8 quick_acks;
	u16 rcv_mss;
	u32 last_rcv;
	u32 last_snd;
	u32 last_ack;
	u32 last_answer;
	u16 ato;
	u16 mss_clamp;
	u32 notsent_lowat;
};

/**
 * struct ferry_sock - a byte stream
 * @conn: the connection; must be first
 * @snd_una: oldest unacknowledged sequence number (RFC 9293 section 3.3.1)
 * @snd_nxt: next sequence number to be sent
 * @write_seq: next sequence number to be written by the application
 * @pushed_seq: sequence number up to which PSH was set
 * @snd_sml: end of the last small segment sent (Minshall's Nagle)
 * @snd_up: SND.UP: after the last byte that was written as urgent; SND.UNA if
 *	there is none
 * @snd_wnd: the peer's window in bytes
 * @snd_wl1: sequence number of the segment that last changed @snd_wnd
 * @max_window: the largest window that the peer ever announced
 * @rcv_nxt: next sequence number expected
 * @copied_seq: next sequence number to be read by the application
 * @rcv_wup: @rcv_nxt when the window was last announced
 * @rcv_wnd: window announced then, in bytes
 * @urgent: what the peer has called urgent
 * @rcv_smaller: bytes of the last segment if it was smaller than @conn.rcv_mss
 *	and may have been a full one nevertheless, else 0
 * @window_clamp: upper bound of the window to announce
 * @ts_recent: TS.Recent (RFC 7323 section 4.3): the timestamp to echo
 * @ts_recent_stamp: when @ts_recent was set, in seconds of a monotonic clock
 * @ts_offset: what is added to the clock in our timestamps
 * @rcv_ssthresh: bytes that may be promised at most
 * @rcv_rtt_us: round-trip time as measured by the receiver, 0 if unknown
 * @rcv_tsecr: the timestamp echo that was last measured
 * @rcvq_seq: @copied_seq when @rcvq_time began
 * @rcvq_space: bytes that were read in a round trip
 * @rcvq_time: beginning of the round trip that is measured, microseconds
 * @snd_wscale: shift of the windows that the peer sends
 * @rcv_wscale: shift of the windows that are sent to the peer
 * @nodelay: FERRY_NODELAY
 * @cork: FERRY_CORK
 * @has_wscale: both ends announced a window scale
 * @has_tstamp: both ends send timestamps
 * @sack_ok: both ends permit SACK
 * @ecn_ok: both ends know ECN
 * @ecn_echo: ECE is due: a packet was marked
 * @active_open: our SYN is among @bytes_acked
 * @user_mss: FERRY_MAXSEG, 0 if not set
 * @recovery: what was sent and is not acknowledged, and what is known of it
 * @trouble: what came beyond a hole or twice, and time-outs; made when that
 *	happens first
 * @data_segs_in: segments received with data
 * @data_segs_out: segments sent with data
 * @bytes_retrans: bytes sent again, for FERRY_INFO
 * @bytes_acked: bytes acknowledged by the peer, for FERRY_INFO
 * @bytes_received: bytes received in order, for FERRY_INFO
 * @segs_in: segments received
 * @segs_out: segments sent
 *
 * What is written and not yet sent is in sk_write_queue; what is received in
 * order and not yet read is in sk_receive_queue.
 */
struct ferry_sock {
	struct ferry_conn_sock conn;
	u32 snd_una;
	u32 snd_nxt;
	u32 write_seq;
	u32 pushed_seq;
	u32 snd_sml;
	u32 snd_up;
	u32 snd_wnd;
	u32 snd_wl1;
	u32 max_window;
	u32 rcv_nxt;
	u32 copied_seq;
	u32 rcv_wup;
	u32 rcv_wnd;
	struct ferry_urgent urgent;
	u16 rcv_smaller;
	u32 window_clamp;
	u32 ts_recent;
	u32 ts_recent_stamp;
	u32 ts_offset;
	u32 rcv_ssthresh;
	u32 rcv_rtt_us;
	u32 rcv_tsecr;
	u32 rcvq_seq;
	u32 rcvq_space;
	u32 rcvq_time;
	u8 snd_wscale:4,
	   rcv_wscale:4;
	u8 nodelay:1,
	   cork:1,
	   has_wscale:1,
	   has_tstamp:1,
	   sack_ok:1,
	   ecn_ok:1,
	   ecn_echo:1,
	   active_open:1;
	u16 user_mss;
	struct ferry_recovery recovery;
	struct ferry_trouble *trouble;
	u32 segs_in;
	u32 segs_out;
	u32 data_segs_in;
	u32 data_segs_out;
	u64 bytes_retrans;
	u64 bytes_acked;
	u64 bytes_received;
};

/* The kernel finds an IPv6 socket's own part behind everything else. */
struct ferry6_sock {
	struct ferry_sock ferry;
	struct ipv6_pinfo inet6;
};

/**
 * struct ferry_request_sock - a half-open connection, SYN_RECEIVED
 * @common: addresses, ports, state TCP_NEW_SYN_RECV; must be first
 * @listener: the listener, referenced
 * @af_ops: the address family
 * @timer: retransmission of the SYN-ACK
 * @sent_at: when the first SYN-ACK was sent, in nanoseconds; 0 if nobody knows
 * @snt_isn: our initial sequence number
 * @rcv_isn: the peer's
 * @rcv_wnd: the window announced in the SYN-ACK, bytes
 * @ts_recent: the timestamp to echo
 * @mss: the peer's MSS option
 * @oif: the interface that a link-local peer is behind, 0 if any
 * @mark: SO_MARK of the answers
 * @last_answer: for ferry_may_answer()
 * @ts_offset: where our timestamps begin
 * @flow_label: IPv6 flow label of the answers
 * @snd_wscale: shift of the windows that the peer sends
 * @rcv_wscale: shift of the windows that are sent to the peer
 * @has_wscale: the SYN announced a window scale
 * @has_tstamp: the SYN had a timestamp, and so have the answers
 * @sack_ok: the SYN permitted SACK, and so does the SYN-ACK
 * @ecn_ok: the SYN asked for ECN, and the SYN-ACK agrees
 * @cookie: made from a SYN cookie or for one: on the stack and in no hash
 * @acked: the handshake is complete, and waits for data (FERRY_DEFER_ACCEPT)
 * @retransmits: SYN-ACKs sent again
 * @timeouts: how often the timer has expired
 *
 * The hash holds one reference, the timer another.
 */
struct ferry_request_sock {
	struct sock_common common;
	struct sock *listener;
	const struct ferry_af_ops *af_ops;
	struct timer_list timer;
	u64 sent_at;
	u32 snt_isn;
	u32 rcv_isn;
	u32 rcv_wnd;
	u32 ts_recent;
	int oif;
	u32 mark;
	u32 last_answer;
	u32 ts_offset;
	__be32 flow_label;
	u16 mss;
	u8 snd_wscale:4,
	   rcv_wscale:4;
	u8 has_wscale:1,
	   has_tstamp:1,
	   sack_ok:1,
	   ecn_ok:1,
	   cookie:1;
	bool acked;
	u8 retransmits;
	u8 timeouts;
};

/**
 * struct ferry_timewait_sock - a connection in TIME_WAIT or orphaned FIN_WAIT2
 * @common: addresses, ports, state TCP_TIME_WAIT; must be first
 * @af_ops: the address family
 * @bind_bucket: the port, still taken
 * @timer: 2 MSL or the FIN_WAIT2 time-out
 * @snd_nxt: SND.NXT
 * @max_window: how far behind it an ACK may be
 * @rcv_nxt: RCV.NXT
 * @rcv_wnd: RCV.WND in bytes
 * @last_answer: for ferry_may_answer()
 * @mark: SO_MARK of the connection, for the answers
 * @priority: its SO_PRIORITY
 * @txhash: its hash for multipath routes and transmit queues
 * @ts_offset: where our timestamps begin
 * @flow_label: its IPv6 flow label
 * @tos: its IP_TOS or IPV6_TCLASS
 * @ts_recent: TS.Recent, if @has_tstamp
 * @ts_recent_stamp: when it was set, in seconds of a monotonic clock
 * @since: when TIME_WAIT or FIN_WAIT2 began, by ferry_ts_clock()
 * @substate: TCP_FIN_WAIT2 or TCP_TIME_WAIT
 * @rcv_wscale: shift of the windows that are sent to the peer
 * @has_tstamp: both ends send timestamps
 *
 * The hash holds one reference, the timer another.  No reference to the
 * namespace or the module is held: namespace exit ends them all.
 */
struct ferry_timewait_sock {
	struct sock_common common;
	const struct ferry_af_ops *af_ops;
	struct ferry_bind_bucket *bind_bucket;
	struct timer_list timer;
	u32 snd_nxt;
	u32 max_window;
	u32 rcv_nxt;
	u32 rcv_wnd;
	u32 last_answer;
	u32 mark;
	u32 priority;
	u32 txhash;
	u32 ts_offset;
	__be32 flow_label;
	u32 ts_recent;
	u32 ts_recent_stamp;
	u32 since;
	u8 tos;
	u8 substate;
	u8 rcv_wscale;
	u8 has_tstamp;
};

#define ferry_sk(ptr)	container_of(ptr, struct ferry_sock, conn.inet.sk)
#define ferry_csk(ptr)	container_of(ptr, struct ferry_conn_sock, inet.sk)
#define ferry_req(ptr) \
	container_of(&(ptr)->__sk_common, struct ferry_request_sock, common)
#define ferry_tw(ptr) \
	container_of(&(ptr)->__sk_common, struct ferry_timewait_sock, common)

/* What &ferry_af_ops.reply sends: a header and the options that it counts. */
struct ferry_reply {
	struct tcphdr th;
	u8 options[FERRY_OPTIONS_MAX];
};

/**
 * struct ferry_reply_flow - how an answer leaves that no full socket sends
 * @sk: full socket that it is sent for, or NULL
 * @oif: interface, 0 if any
 * @mark: of the packet
 * @priority: of the packet
 * @txhash: of the packet, 0 if none
 * @flow_label: IPv6 flow label
 * @tos: TOS or traffic class, without ECN's bits
 */
struct ferry_reply_flow {
	const struct sock *sk;
	int oif;
	u32 mark;
	u32 priority;
	u32 txhash;
	__be32 flow_label;
	u8 tos;
};

/* A mini socket as the hashes see it; only its sock_common may be touched. */
static inline struct sock *ferry_mini_sk(struct sock_common *common)
{
	return container_of(common, struct sock, __sk_common);
}

/**
 * ferry_bound_dev_eq() - does a socket take what comes in on a device?
 * @net: namespace
 * @bound_dev_if: the device to which the socket is bound, 0 if none
 * @dif: the device, or its l3 domain (VRF)
 * @sdif: the device in the l3 domain @dif, or the domain of @dif; 0 if none
 *
 * Return: true if it does.
 */
static inline bool ferry_bound_dev_eq(const struct net *net, int bound_dev_if,
				      int dif, int sdif)
{
	return inet_bound_dev_eq(!sdif ||
				 READ_ONCE(ferry_net(net)->sysctl.l3mdev_accept),
				 bound_dev_if, dif, sdif);
}

/*
 * Give back memory that the socket has reserved and does not use.  A single
 * page may stay while there is plenty: a segment that is read is mostly
 * followed by one that is sent, and that by one that comes.
 * Context: socket lock held.
 */
static inline void ferry_mem_reclaim(struct sock *sk)
{
	if (sk->sk_forward_alloc > (int)PAGE_SIZE ||
	    sk_memory_allocated(sk) > sk_prot_mem_limits(sk, 0))
		sk_mem_reclaim(sk);
}

/* The header of a segment whose transport header is set. */
static inline struct tcphdr *ferry_hdr(const struct sk_buff *skb)
{
	return (struct tcphdr *)skb_transport_header(skb);
}

static inline void ferry_skb_options(const struct sk_buff *skb,
				     struct ferry_options *o)
{
	const struct tcphdr *th = ferry_hdr(skb);

	ferry_options_parse((const u8 *)(th + 1),
			    ferry_hdr_len(th) - sizeof(*th), th->syn, o);
}

/* The address family of a received segment, which its socket's may hide. */
static inline const struct ferry_af_ops *ferry_af_of(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) ? &ferry_ipv4_ops :
						  &ferry_ipv6_ops;
}

/* The address family that a socket starts with. */
static inline const struct ferry_af_ops *
ferry_af_of_socket(const struct sock *sk)
{
	return sk->sk_family == AF_INET ? &ferry_ipv4_ops : &ferry_ipv6_ops;
}

/* The address family of a socket's packets: IPv4 also for a mapped address. */
static inline const struct ferry_af_ops *ferry_af(const struct sock *sk)
{
	return ferry_csk(sk)->is_ipv4 ? &ferry_ipv4_ops : &ferry_ipv6_ops;
}

/* The largest payload that a path carries in one packet. */
static inline u32 ferry_mss_of_mtu(const struct ferry_af_ops *af, u32 mtu)
{
	u32 headers = af->header_len + sizeof(struct tcphdr);

	return clamp(mtu, headers + FERRY_MSS_MIN, headers + U16_MAX) -
	       headers;
}

static inline struct sk_buff *ferry_rtx_head(const struct sock *sk)
{
	return skb_rb_first(&ferry_sk(sk)->recovery.queue);
}

static inline struct sk_buff *ferry_rtx_tail(const struct sock *sk)
{
	return skb_rb_last(&ferry_sk(sk)->recovery.queue);
}

/* The next segment to be sent for the first time. */
static inline struct sk_buff *ferry_send_head(const struct sock *sk)
{
	return skb_peek(&sk->sk_write_queue);
}

/* Bytes of payload in a full segment. */
static inline u32 ferry_mss(const struct ferry_sock *fp)
{
	return fp->conn.cong.mss;
}

/* First sequence number that the peer's window does not allow. */
static inline u32 ferry_wnd_end(const struct ferry_sock *fp)
{
	return fp->snd_una + fp->snd_wnd;
}

/* How far behind an ACK may be: RFC 5961 5.2, and what there was to be acked. */
static inline u32 ferry_max_window(const struct ferry_sock *fp)
{
	return min_t(u64, fp->max_window, fp->bytes_acked);
}

/* What is left of the window that was announced last. */
static inline u32 ferry_receive_window(const struct ferry_sock *fp)
{
	s32 wnd = fp->rcv_wup + fp->rcv_wnd - fp->rcv_nxt;

	return max(wnd, 0);
}

/* Is something urgent on its way? */
static inline bool ferry_is_urgent(const struct ferry_sock *fp)
{
	return unlikely(fp->snd_up != fp->snd_una);
}

/* Bytes of window that the receive buffer has room for. */
static inline u32 ferry_space(const struct sock *sk)
{
	return ferry_window_from_space(READ_ONCE(sk->sk_rcvbuf) -
				       READ_ONCE(sk->sk_backlog.len) -
				       atomic_read(&sk->sk_rmem_alloc));
}

/* The TOS or traffic class of a received packet; its low bits are ECN's. */
static inline u8 ferry_skb_dsfield(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) ?
		       ipv4_get_dsfield(ip_hdr(skb)) :
		       ipv6_get_dsfield(ipv6_hdr(skb));
}

/* Microseconds of a monotonic clock. */
static inline u64 ferry_clock_us(void)
{
	return div_u64(ktime_get_ns(), NSEC_PER_USEC);
}

/*
 * The clock of our timestamps, without the connection's offset: milliseconds,
 * as in Linux TCP.  An echoed timestamp less the offset is a time of it.
 */
static inline u32 ferry_ts_of_us(u64 us)
{
	return div_u64(us, USEC_PER_MSEC);
}

static inline u32 ferry_ts_clock(void)
{
	return ferry_ts_of_us(ferry_clock_us());
}

/* The bound of the time without acknowledgment in jiffies, 0: none. */
static inline u32 ferry_user_timeout(const struct ferry_conn_sock *csk)
{
	return csk->user_timeout ? msecs_to_jiffies(csk->user_timeout) : 0;
}

/* The queue beyond a hole, NULL if there never was one. */
static inline struct ferry_ofo *ferry_ofo(const struct ferry_sock *fp)
{
	return fp->trouble ? &fp->trouble->ofo : NULL;
}

static inline void ferry_ts_store(struct ferry_sock *fp, u32 ts_val)
{
	fp->ts_recent = ts_val;
	fp->ts_recent_stamp = ktime_get_seconds();
}

/* Is our SYN among what is not acknowledged? */
static inline bool ferry_is_opening(const struct sock *sk)
{
	return (1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV);
}

/* main.c */
extern struct kmem_cache *ferry_request_cache;
extern struct kmem_cache *ferry_timewait_cache;

/* socket.c */
extern struct proto ferry_prot;
extern struct proto ferry6_prot;
extern const struct proto_ops ferry_stream_ops;
extern const struct proto_ops ferry6_stream_ops;
extern u8 ferry_protocol;
int ferry_proto_init(void);
void ferry_proto_exit(void);
int ferry_socket_offer(void);
void ferry_socket_withdraw(void);
int ferry_init_sock(struct sock *sk);
void ferry_destroy_sock(struct sock *sk);
void ferry_enter_memory_pressure(struct sock *sk);
void ferry_put(struct sock *sk);

/* sockopt.c */
int ferry_setsockopt(struct sock *sk, int level, int optname,
		     sockptr_t optval, unsigned int optlen);
int ferry_getsockopt(struct sock *sk, int level, int optname,
		     char __user *optval, int __user *optlen);
int ferry_ioctl(struct sock *sk, int cmd, int *value);

/* solsocket.c */
int ferry_set_zerocopy(struct sock *sk, sockptr_t optval, unsigned int optlen);
int ferry_stream_setsockopt(struct socket *sock, int level, int optname,
			    sockptr_t optval, unsigned int optlen);

/**
 * struct ferry_rx_stamps - when the last segment came that a read took from
 * @sw: as the kernel saw it, 0 if it did not look
 * @hw: as the device saw it, or 0
 */
struct ferry_rx_stamps {
	ktime_t sw;
	ktime_t hw;
};

/* tstamp.c */
void ferry_tstamp_key_init(struct sock *sk, bool written);
void ferry_tstamp_begin(struct sock *sk);
void ferry_tstamp_written(struct sock *sk, u32 tsflags);
void ferry_tstamp_cut(const struct sock *sk, struct sk_buff *skb,
		      struct sk_buff *rest);
void ferry_tstamp_segment(const struct sock *sk, const struct sk_buff *skb,
			  struct sk_buff *seg, u32 seq, u32 len);
void ferry_tstamp_acked(struct sock *sk, u32 una, u32 ack);
void ferry_tstamp_note(struct ferry_rx_stamps *stamps,
		       const struct sk_buff *skb);
void ferry_tstamp_tell(struct sock *sk, struct msghdr *msg,
		       const struct ferry_rx_stamps *stamps);

/* info.c */
void ferry_read_info(struct sock *sk, struct ferry_info *info);
int ferry_get_info(struct sock *sk, int level, char __user *optval,
		   int __user *optlen, int len);
int ferry_get_cc_info(struct sock *sk, char __user *optval, int __user *optlen,
		      int len);

/* congctl.c */
void ferry_cong_net_init(struct ferry_net *fn);
void ferry_cong_net_exit(struct ferry_net *fn);
void ferry_cong_assign(struct sock *sk);
int ferry_cong_choose(struct sock *sk, const char *name);
int ferry_sysctl_cong_default(ferry_ctl_table *ctl, int write, void *buffer,
			      size_t *lenp, loff_t *ppos);
int ferry_sysctl_cong_available(ferry_ctl_table *ctl, int write, void *buffer,
				size_t *lenp, loff_t *ppos);
int ferry_sysctl_cong_allowed(ferry_ctl_table *ctl, int write, void *buffer,
			      size_t *lenp, loff_t *ppos);

/* pages.c */
bool ferry_page_frag_refill(struct sock *sk, struct page_frag *pfrag);
void ferry_pages_exit(void);

/* send.c */
int ferry_sendmsg(struct socket *sock, struct msghdr *msg, size_t size);
void ferry_write_space(struct sock *sk);
void ferry_free_write_skb(struct sock *sk, struct sk_buff *skb);
void ferry_purge_write_queue(struct sock *sk);
void ferry_sndbuf_expand(struct sock *sk);
bool ferry_notsent_is_low(const struct sock *sk, int wake);
struct sk_buff *ferry_alloc_skb(struct sock *sk, gfp_t gfp, bool force);

/* recv.c */
int ferry_recvmsg(struct socket *sock, struct msghdr *msg, size_t size,
		  int flags);
int ferry_recv_queued(const struct sock *sk);

/* urgent.c */
void ferry_urgent_rcv(struct sock *sk, const struct sk_buff *skb);
int ferry_recv_urgent(struct sock *sk, struct msghdr *msg, size_t size,
		      int flags);
u32 ferry_urgent_step(const struct sock *sk, u32 *seq, u32 *offset, u32 n);
void ferry_urgent_passed(struct sock *sk);
int ferry_urgent_queued(const struct sock *sk);

/* poll.c */
bool ferry_is_readable(const struct sock *sk, int target);
__poll_t ferry_poll(struct file *file, struct socket *sock,
		    struct poll_table_struct *wait);

/* connect.c */
void ferry_forget_saddr(struct sock *sk);
int ferry_connect(struct sock *sk, struct sockaddr_unsized *addr, int len);
void ferry_finish_connect(struct sock *sk, enum ferry_event event);

/* listen.c */
void ferry_accept_queue_init(struct ferry_accept_queue *queue);
int ferry_listen(struct socket *sock, int backlog);
struct sock *ferry_accept(struct sock *sk, struct proto_accept_arg *arg);
bool ferry_accept_queue_empty(const struct sock *listener);
void ferry_listen_stop(struct sock *sk);
struct sock *ferry_listen_rcv(struct sock *sk, struct sk_buff *skb);
bool ferry_accept_queue_add(struct sock *listener, struct sock *child);

/* request.c */
void ferry_request_seed(void);
u32 ferry_half_open(const struct sock *listener);
u32 ferry_half_open_max(const struct sock *listener);
struct sock *ferry_request_ack(struct sock *listener, struct sk_buff *skb);
void ferry_request_syn(struct sock *listener, struct sk_buff *skb);
struct sock *ferry_request_rcv(struct sock *listener, struct sk_buff *skb,
			       struct ferry_request_sock *req);
void ferry_request_drop(struct ferry_request_sock *req);
void ferry_request_end(struct ferry_request_sock *req);
void ferry_request_put(struct ferry_request_sock *req);

/* child.c */
struct sock *ferry_child_open(struct sock *listener, struct sk_buff *skb,
			      struct ferry_request_sock *req);

/* close.c */
void ferry_close(struct sock *sk, long timeout);
void ferry_shutdown(struct sock *sk, int how);
int ferry_disconnect(struct sock *sk, int flags);

/* timewait.c */
void ferry_time_wait(struct sock *sk, u8 substate, unsigned long timeout);
bool ferry_timewait_rcv(struct ferry_timewait_sock *tw, struct sk_buff *skb);
void ferry_timewait_kill(struct ferry_timewait_sock *tw);
void ferry_timewait_shutdown(struct ferry_timewait_sock *tw);
bool ferry_timewait_yield(const struct ferry_timewait_sock *tw,
			  struct sock *sk, bool chosen);
void ferry_timewait_replaced(struct ferry_timewait_sock *tw);
void ferry_timewait_ack(struct ferry_timewait_sock *tw,
			const struct sk_buff *skb);
void ferry_timewait_put(struct ferry_timewait_sock *tw);

/* state.c */
void ferry_set_state(struct sock *sk, int state);
void ferry_enter(struct sock *sk, struct ferry_step step);
void ferry_done(struct sock *sk);
void ferry_fail(struct sock *sk, int err);
void ferry_release_dead(struct sock *sk);

/* input.c */
int ferry_rcv(struct sock *sk, struct sk_buff *skb);
bool ferry_step(struct sock *sk, enum ferry_event event, struct sk_buff *skb);
bool ferry_may_answer(const struct net *net, const struct sk_buff *skb,
		      u32 *last_answer);
bool ferry_may_challenge(const struct net *net, const struct sk_buff *skb,
			 u32 *last_answer);
void ferry_fin(struct sock *sk);

/* ack.c */
void ferry_ack(struct sock *sk, struct sk_buff *skb,
	       const struct ferry_options *o);

/* reassembly.c */
void ferry_data_queue(struct sock *sk, struct sk_buff *skb);
void ferry_data_outside(struct sock *sk, const struct sk_buff *skb);
void ferry_purge_ofo(struct sock *sk);

/* trouble.c */
struct ferry_trouble *ferry_trouble(struct ferry_sock *fp);
void ferry_trouble_free(struct sock *sk);
void ferry_trouble_dsack(struct ferry_sock *fp, u32 segs);
void ferry_trouble_rto(struct ferry_sock *fp, bool first);
void ferry_trouble_rto_over(struct ferry_sock *fp);
void ferry_trouble_synack(struct ferry_sock *fp, u16 timeouts, u32 ms);
void ferry_trouble_info(const struct ferry_sock *fp, struct ferry_info *info);

/* rcvbuf.c */
void ferry_rcvbuf_start(struct sock *sk);
void ferry_rcvbuf_tune(struct sock *sk);
bool ferry_rcvbuf_make_room(struct sock *sk);
void ferry_rcv_rtt(struct ferry_sock *fp, const struct sk_buff *skb,
		   const struct ferry_options *o);
int ferry_set_rcvlowat(struct sock *sk, int bytes);
void ferry_rcv_ssthresh_grow(struct sock *sk, const struct sk_buff *skb);

/* delack.c */
void ferry_ack_open(struct sock *sk);
void ferry_ack_owed(struct sock *sk, const struct sk_buff *skb);
void ferry_ack_at_once(struct sock *sk);
void ferry_ack_quickly(struct sock *sk, u8 most);
void ferry_ack_with_answer(struct sock *sk);
void ferry_ack_check(struct sock *sk);
void ferry_ack_sent(struct sock *sk);
void ferry_ack_data_sent(struct sock *sk);
void ferry_ack_after_read(struct sock *sk, int copied);
void ferry_ack_retry(struct sock *sk);
void ferry_ack_timeout(struct sock *sk);
void ferry_set_quickack(struct sock *sk, int val);
void ferry_compress_end(struct sock *sk);
void ferry_compress_send(struct sock *sk);

/* output.c */
void ferry_push(struct sock *sk, bool more);
void ferry_push_waiting(struct sock *sk);
u32 ferry_window_to_offer(const struct sock *sk);
struct sk_buff *ferry_clone_sent(struct sk_buff *skb);
bool ferry_send_forced(struct sock *sk, struct sk_buff *skb);
int ferry_transmit(struct sock *sk, struct sk_buff *skb, bool clone);
struct sk_buff *ferry_cut(struct sock *sk, struct sk_buff *skb, u32 len,
			  gfp_t gfp);
int ferry_fragment(struct sock *sk, struct sk_buff *skb, u32 len, gfp_t gfp);
void ferry_skb_set_segs(struct sk_buff *skb, u32 mss);

/* retransmit.c */
extern const struct ferry_recovery_ops ferry_sent_ops;
int ferry_retransmit_front(struct sock *sk,
			   enum ferry_retransmit_reason reason);
void ferry_retransmit_lost(struct sock *sk);
void ferry_send_tlp(struct sock *sk);
void ferry_rtx_resegment(struct sock *sk);

/* pace.c */
void ferry_pace_init(struct sock *sk);
void ferry_pace_stop(struct sock *sk);
void ferry_pace_free(struct sock *sk);
void ferry_pace_update(struct sock *sk);
u32 ferry_pace_segs(const struct sock *sk);
bool ferry_pace_holds(struct sock *sk);
u64 ferry_pace_departure(struct sock *sk, u32 len);

/* tsq.c */
void ferry_wfree(struct sk_buff *skb);
bool ferry_tsq_holds(struct sock *sk, const struct sk_buff *skb,
		     unsigned int factor);
bool ferry_tsq_corks(struct sock *sk);

/* control.c */
void ferry_init_header(struct tcphdr *th, u32 seq, u32 ack, u8 flags,
		       u16 window);
void ferry_checksum_for_device(struct sk_buff *skb,
			       const struct dst_entry *dst);
void ferry_reply_flow(struct ferry_reply_flow *flow, struct net *net,
		      const struct sock *sk, const struct sk_buff *in, u8 tos);
struct sk_buff *ferry_reply_skb(const struct ferry_reply_flow *flow,
				const struct sk_buff *in,
				const struct tcphdr *th);
void ferry_reply_reset(struct net *net, const struct ferry_af_ops *af,
		       const struct sock *sk, struct sk_buff *skb);
int ferry_send_syn(struct sock *sk);
void ferry_send_syn_ack(struct sock *sk);
void ferry_send_fin(struct sock *sk);
void ferry_send_ack(struct sock *sk);
void ferry_send_reset(struct sock *sk);
void ferry_send_probe(struct sock *sk, bool keepalive);

/* options.c */
void ferry_options_offer(struct sock *sk);
void ferry_options_agree(struct sock *sk, const struct sk_buff *skb,
			 const struct ferry_options *o);
void ferry_options_read(struct sock *sk, const struct sk_buff *skb,
			struct ferry_options *o);
bool ferry_options_fit(const struct sock *sk, const struct sk_buff *skb);
unsigned int ferry_options_push(struct sock *sk, struct sk_buff *skb);
void ferry_options_inherit(struct sock *sk,
			   const struct ferry_request_sock *req);
void ferry_request_agree(struct ferry_request_sock *req,
			 const struct sk_buff *skb,
			 const struct ferry_options *o,
			 const struct dst_entry *dst);
void ferry_request_recall(struct ferry_request_sock *req,
			  const struct sk_buff *skb);
unsigned int ferry_request_options(const struct ferry_request_sock *req,
				   u16 mss, u8 *opt);
u8 ferry_syn_flags(const struct sock *sk, u8 flags);

/* ecn.c */
u8 ferry_ecn_transmit(struct sock *sk, const struct sk_buff *skb, u8 flags);
void ferry_ecn_cwr(struct sock *sk, const struct ferry_skb_cb *cb);
void ferry_ecn_receive(struct sock *sk, const struct sk_buff *skb);

unsigned int ferry_timewait_options(const struct ferry_timewait_sock *tw,
				    u8 *opt);
bool ferry_paws_rejects(const struct ferry_sock *fp,
			const struct ferry_skb_cb *cb,
			const struct ferry_options *o);
void ferry_ts_update(struct ferry_sock *fp, const struct ferry_skb_cb *cb,
		     const struct ferry_options *o);

/* route.c */
u16 ferry_route_mss(const struct ferry_af_ops *af, const struct dst_entry *dst,
		    u16 user);
u32 ferry_route_window(const struct dst_entry *dst);
u32 ferry_route_first_window(const struct dst_entry *dst, u32 mss);
u32 ferry_route_init_cwnd(struct sock *sk);
u32 ferry_route_locked_rto_min(const struct dst_entry *dst);
bool ferry_route_quickack(struct sock *sk);
u32 ferry_route_ecn(const struct dst_entry *dst);
void ferry_route_open(struct sock *sk);

/**
 * ferry_route_rto_min() - how much longer the RTO is than SRTT (rto_min)
 * @sk: the socket
 *
 * At least; as in Linux TCP the route's word counts only with "lock".  Here,
 * because each segment and each ACK asks.
 *
 * Context: socket lock held, or RCU read side.
 *
 * Return: microseconds.
 */
static inline u32 ferry_route_rto_min(const struct sock *sk)
{
	const struct dst_entry *dst;

	dst = rcu_dereference_check(sk->sk_dst_cache, lockdep_sock_is_held(sk));
	if (dst && unlikely(dst_metric_locked(dst, RTAX_RTO_MIN)))
		return ferry_route_locked_rto_min(dst);
	return FERRY_RTO_MIN_US;
}

/* mss.c */
u16 ferry_mss_offer(struct sock *sk);
void ferry_sync_mss(struct sock *sk, u32 pmtu);
u32 ferry_headers_len(const struct sock *sk);
void ferry_mtu_reduced(struct sock *sk);
void ferry_mtu_grown(struct sock *sk);
u32 ferry_send_goal(const struct sock *sk);

/* mtu_probe.c */
void ferry_mtu_probe_open(struct sock *sk);
void ferry_mtu_probe_accepted(struct sock *sk);
void ferry_mtu_probe_free(struct sock *sk);
void ferry_mtu_black_hole(struct sock *sk);
bool ferry_mtu_probe(struct sock *sk, bool *sent);
bool ferry_mtu_probe_is_first(const struct sock *sk);
void ferry_mtu_probe_acked(struct sock *sk);
void ferry_mtu_probe_lost(struct sock *sk);

/* timers.c */
void ferry_timers_init(struct sock *sk);
void ferry_timers_clear(struct sock *sk);
void ferry_timer_arm(struct sock *sk, enum ferry_timer_event event,
		     unsigned long delay);
void ferry_timer_stop(struct sock *sk);
void ferry_rearm_rto(struct sock *sk);
void ferry_resume_rto(struct sock *sk);
void ferry_rearm_loss_timer(struct sock *sk, bool anew);
void ferry_rearm_reo(struct sock *sk, u32 delay_us);
void ferry_rearm_probe(struct sock *sk);
u32 ferry_rto_us(const struct sock *sk);
unsigned long ferry_rto(const struct sock *sk);
void ferry_delack_start(struct sock *sk, unsigned long delay);
void ferry_delack_stop(struct sock *sk);
void ferry_keepalive_start(struct sock *sk, unsigned long delay);
void ferry_keepalive_stop(struct sock *sk);
void ferry_timers_run(struct sock *sk);

/* work.c */
void ferry_work(struct sock *sk, u8 work);
void ferry_work_put(struct sock *sk, u8 work);
void ferry_release_cb(struct sock *sk);

/* timeout.c */
void ferry_timeout(struct sock *sk);
void ferry_probe_answered(struct sock *sk, bool open);
void ferry_give_up(struct sock *sk);

/* keepalive.c */
unsigned long ferry_fin_timeout(const struct sock *sk);
void ferry_keepalive_begin(struct sock *sk);
void ferry_keepalive_changed(struct sock *sk);
void ferry_set_keepalive(struct sock *sk, int on);
void ferry_keepalive_timeout(struct sock *sk);

/* orphan.c */
void ferry_orphan(struct sock *sk);
void ferry_orphan_gone(struct sock *sk);
bool ferry_orphan_refused(const struct sock *sk, unsigned int penalty);
unsigned int ferry_orphan_retries(const struct sock *sk, bool alive);
bool ferry_orphan_check(struct sock *sk, bool reset);

/* bind.c */
struct ferry_bind_share *ferry_bind_alloc(void);
void ferry_bind_free(struct ferry_bind_share *bhash);
int ferry_get_port(struct sock *sk, unsigned short port);
int ferry_bind_connect(struct sock *sk);
void ferry_put_port(struct sock *sk);
int ferry_inherit_port(const struct sock *listener, struct sock *child);
void ferry_bind_move(struct sock *sk, struct ferry_timewait_sock *tw);
void ferry_bind_release(struct ferry_timewait_sock *tw);

/**
 * struct ferry_hash_place - a place in the hashes, for ferry_hash_walk()
 * @slot: chain; those of listeners come first
 * @nth: number in the chain
 */
struct ferry_hash_place {
	u32 slot;
	u32 nth;
};

/* hash.c */
struct sock *ferry_hash_walk(struct net *net, struct ferry_hash_place *place);
int ferry_hash_init(struct ferry_net *fn);
void ferry_hash_exit(struct net *net);
void ferry_hash_stat(struct ferry_net *fn, u32 *chains, u32 *count,
		     u32 *longest);
int ferry_hash_listener(struct sock *sk);
void ferry_unhash(struct sock *sk);
bool ferry_hash_insert(struct sock *sk, const struct ferry_af_ops *af);
bool ferry_hash_connect(struct sock *sk, bool chosen,
			struct ferry_timewait_sock **tw);
bool ferry_hash_replace(struct sock *old, struct sock *new);
bool ferry_hash_remove(struct sock *sk);

/* secret.c */
void ferry_hash_seed(void);
u32 ferry_hash4(const struct net *net, __be32 laddr, u16 lport, __be32 raddr,
		__be16 rport);
u32 ferry_hash6(const struct net *net, const struct in6_addr *laddr, u16 lport,
		const struct in6_addr *raddr, __be16 rport);
u64 ferry_secret4(const struct sock_common *c);
u64 ferry_secret6(const struct sock_common *c);
u32 ferry_isn(u64 secret);
u32 ferry_ts_offset(const struct net *net, u64 secret);

/* lookup.c */
struct sock *ferry_lookup4(struct net *net, const struct sk_buff *skb,
			   const struct tcphdr *th, bool listen);
struct sock *ferry_lookup6(struct net *net, const struct sk_buff *skb,
			   const struct tcphdr *th, bool listen);
struct sock *ferry_lookup4_sent(struct net *net, const struct iphdr *iph,
				const struct tcphdr *th, int dif, int sdif);
struct sock *ferry_lookup6_sent(struct net *net, const struct ipv6hdr *iph,
				const struct tcphdr *th, int dif, int sdif);

/* demux.c */
bool ferry_too_far(const struct sock *sk, const struct sk_buff *skb);
int ferry_demux(struct sk_buff *skb, const struct ferry_af_ops *af);
bool ferry_header_ok(struct sk_buff *skb);

/* icmp.c */
void ferry_icmp_rcv(struct sock *sk, struct sk_buff *skb,
		    const struct ferry_icmp *msg);

/* ipv4.c, ipv6.c, offload.c */
int ferry_ipv4_init(void);
void ferry_ipv4_exit(void);
int ferry_ipv6_init(void);
void ferry_ipv6_exit(void);
int ferry_offload_init(void);
void ferry_offload_exit(void);

void ferry_ipv6_child_init(struct sock *child, const struct sock *listener);

/* gro.c */
struct sk_buff *ferry_gro_receive4(struct list_head *head, struct sk_buff *skb);
struct sk_buff *ferry_gro_receive6(struct list_head *head, struct sk_buff *skb);
int ferry_gro_complete4(struct sk_buff *skb, int offset);
int ferry_gro_complete6(struct sk_buff *skb, int offset);
void ferry_gro_stop(void);

/* proc.c */
u8 ferry_timer_shown(const struct sock *sk, long *when);
int ferry_proc_init(struct net *net);
void ferry_proc_exit(struct net *net);

#endif /* _FERRY_H */
