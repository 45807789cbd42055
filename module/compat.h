/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The differences between the kernels that Ferry builds for, 6.1 to 7.2.
 *
 * This is the only file that asks for a kernel version.  The code is written
 * for the newest kernel; what stands here lets the older ones understand it.
 */
#ifndef _FERRY_COMPAT_H
#define _FERRY_COMPAT_H

#include <linux/bpf-cgroup.h>
#include <linux/export.h>
#include <linux/hrtimer.h>
#include <linux/ipv6.h>
#include <linux/net.h>
#include <linux/sysctl.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <net/gro.h>
#include <net/inet_common.h>
#include <net/inet_sock.h>
#include <net/sock.h>

#define FERRY_KERNEL_BEFORE(major, minor) \
	(KERNEL_VERSION(major, minor, 0) > LINUX_VERSION_CODE)

/* 6.12 moved the unaligned accessors. */
#if FERRY_KERNEL_BEFORE(6, 12)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

/* 6.10 moved the accounting of all sockets' memory. */
#if !FERRY_KERNEL_BEFORE(6, 10)
#include <net/proto_memory.h>
#endif

/* 6.19 gave the sockaddr of unknown length a type of its own. */
#if FERRY_KERNEL_BEFORE(6, 19)
#define sockaddr_unsized	sockaddr
#endif

/* 6.17 reads sk_uid through a helper. */
#if FERRY_KERNEL_BEFORE(6, 17)
#define sk_uid(sk)		((sk)->sk_uid)
#endif

/* Until 6.5 sendfile() said that more would come with a flag of its own. */
#ifndef MSG_SENDPAGE_NOTLAST
#define MSG_SENDPAGE_NOTLAST	0
#endif

/* The user who made the socket; 6.17 made that the one of its descriptor. */
static inline kuid_t ferry_sock_uid(struct sock *sk)
{
#if FERRY_KERNEL_BEFORE(6, 17)
	return sock_i_uid(sk);
#else
	return sk_uid(sk);
#endif
}

/* 6.16 renamed from_timer(). */
#ifndef timer_container_of
#define timer_container_of	from_timer
#endif

/* 6.19 moved the flow labels of a socket; Kbuild looks where they are. */
static inline void ferry_reset_flow_labels(struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
#ifdef FERRY_FLOW_LABELS_IN_INET_SOCK
	RCU_INIT_POINTER(inet_sk(sk)->ipv6_fl_list, NULL);
#else
	RCU_INIT_POINTER(inet6_sk(sk)->ipv6_fl_list, NULL);
#endif
#endif
}

/* 6.5 moved the GSO helpers. */
#if !FERRY_KERNEL_BEFORE(6, 5)
#include <net/gso.h>
#endif

/* 6.6 turned inet_sock's bit fields into atomic flags. */
#if FERRY_KERNEL_BEFORE(6, 6)
#define FERRY_INET_FREEBIND(inet)		((inet)->freebind)
#define FERRY_INET_TRANSPARENT(inet)		((inet)->transparent)
#define FERRY_INET_BIND_ADDRESS_NO_PORT(inet)	((inet)->bind_address_no_port)
#define FERRY_INET_RECVERR(inet)		((inet)->recverr)
#define inet_test_bit(nr, sk)			FERRY_INET_##nr(inet_sk(sk))
#endif

/* 6.7 did the same for ipv6_pinfo's. */
#if FERRY_KERNEL_BEFORE(6, 7)
#define FERRY_INET6_RECVERR6(np)		((np)->recverr)
#define FERRY_INET6_SNDFLOW(np)			((np)->sndflow)
#define FERRY_INET6_REPFLOW(np)			((np)->repflow)
#define inet6_test_bit(nr, sk)			FERRY_INET6_##nr(inet6_sk(sk))
#endif

/* Does the application want each error?  The level is the socket's family's. */
static inline bool ferry_recverr(const struct sock *sk)
{
	return sk->sk_family == AF_INET6 ? inet6_test_bit(RECVERR6, sk) :
					   inet_test_bit(RECVERR, sk);
}

/* By 7.2 a message says itself how long its address is. */
static inline int ferry_recv_error(struct sock *sk, struct msghdr *msg,
				   int len)
{
#if FERRY_KERNEL_BEFORE(7, 2)
	return inet_recv_error(sk, msg, len, &msg->msg_namelen);
#else
	return inet_recv_error(sk, msg, len);
#endif
}

/* 6.6 also made the length of a sysctl table an argument. */
#if FERRY_KERNEL_BEFORE(6, 6)
#define register_net_sysctl_sz(net, path, table, size) \
	register_net_sysctl(net, path, table)
#define FERRY_SYSCTL_SENTINEL	{ }
#define FERRY_SYSCTL_SENTINELS	1
#else
#define FERRY_SYSCTL_SENTINEL
#define FERRY_SYSCTL_SENTINELS	0
#endif

/* 6.11 made the table of a sysctl's handler constant. */
#if FERRY_KERNEL_BEFORE(6, 11)
#define ferry_ctl_table		struct ctl_table
#else
#define ferry_ctl_table		const struct ctl_table
#endif

/* 6.5 made the place of the IPv6 part of a socket explicit. */
#if FERRY_KERNEL_BEFORE(6, 5)
#define FERRY_PROTO_PINFO(member)
#else
#define FERRY_PROTO_PINFO(member)	.ipv6_pinfo_offset = member,
#endif

/* 6.11 gave the time stamps of packets a clock; before, it was a flag. */
#if FERRY_KERNEL_BEFORE(6, 11)
#define SKB_CLOCK_MONOTONIC	true
#endif

/* 6.13 sets up a timer and its function at once. */
#if FERRY_KERNEL_BEFORE(6, 13)
static inline void
hrtimer_setup(struct hrtimer *timer,
	      enum hrtimer_restart (*func)(struct hrtimer *timer),
	      clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = func;
}
#endif

/* 6.7 lets a BPF program change the length of an address, too. */
#if FERRY_KERNEL_BEFORE(6, 7)
#define FERRY_BPF_CONNECT(family, sk, addr, len) \
	BPF_CGROUP_RUN_PROG_##family##_CONNECT(sk, addr)
#else
#define FERRY_BPF_CONNECT(family, sk, addr, len) \
	BPF_CGROUP_RUN_PROG_##family##_CONNECT(sk, addr, len)
#endif

/*
 * 6.10 put the arguments of accept() into a struct, 6.5 made the argument of
 * ioctl() a kernel pointer.  FERRY_PROTO_ACCEPT(f) and FERRY_PROTO_IOCTL(f)
 * name what struct proto wants, made by FERRY_DEFINE_PROTO_* from @f, which
 * has the newer signature.
 */
#if FERRY_KERNEL_BEFORE(6, 10)
struct proto_accept_arg {
	int flags;
	int err;
	int is_empty;
	bool kern;
};

#define FERRY_DEFINE_PROTO_ACCEPT(func)					\
static struct sock *func##_compat(struct sock *sk, int flags, int *err,\
				  bool kern)				\
{									\
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };\
	struct sock *child = func(sk, &arg);				\
									\
	*err = arg.err;							\
	return child;							\
}

#define FERRY_PROTO_ACCEPT(func)	func##_compat
#else
#define FERRY_DEFINE_PROTO_ACCEPT(func)
#define FERRY_PROTO_ACCEPT(func)	func
#endif

#if FERRY_KERNEL_BEFORE(6, 5)
#define FERRY_DEFINE_PROTO_IOCTL(func)					\
static int func##_compat(struct sock *sk, int cmd, unsigned long arg)	\
{									\
	int value, err = func(sk, cmd, &value);				\
									\
	return err ? err : put_user(value, (int __user *)arg);		\
}

#define FERRY_PROTO_IOCTL(func)		func##_compat
#else
#define FERRY_DEFINE_PROTO_IOCTL(func)
#define FERRY_PROTO_IOCTL(func)		func
#endif

/* 6.2 lets a socket count its time stamps from what is written. */
#if FERRY_KERNEL_BEFORE(6, 2)
#define SOF_TIMESTAMPING_OPT_ID_TCP	0
#endif

/* Since 6.7 a socket can ask to be asked about SOL_SOCKET first. */
static inline void ferry_sock_flags(struct socket *sock)
{
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);
#if !FERRY_KERNEL_BEFORE(6, 7)
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
#endif
}

/* Before anybody can have the descriptor; 6.10 changed the arguments. */
#if FERRY_KERNEL_BEFORE(6, 10)
static inline int ferry_stream_accept(struct socket *sock,
				      struct socket *newsock, int flags,
				      bool kern)
{
	ferry_sock_flags(newsock);
	return inet_accept(sock, newsock, flags, kern);
}
#else
static inline int ferry_stream_accept(struct socket *sock,
				      struct socket *newsock,
				      struct proto_accept_arg *arg)
{
	ferry_sock_flags(newsock);
	return inet_accept(sock, newsock, arg);
}
#endif

/* By 7.2 the time stamps are passed on as they are. */
static inline void ferry_put_timestamping(struct msghdr *msg, bool new,
					  ktime_t sw, ktime_t hw)
{
#if FERRY_KERNEL_BEFORE(7, 2)
	struct scm_timestamping_internal tss = {
		.ts[0] = ktime_to_timespec64(sw),
		.ts[2] = ktime_to_timespec64(hw),
	};
#else
	struct scm_timestamping_internal tss = {
		.ts[0] = sw,
		.ts[2] = hw,
	};
#endif
	if (new)
		put_cmsg_scm_timestamping64(msg, &tss);
	else
		put_cmsg_scm_timestamping(msg, &tss);
}

/* 6.14 took the errors of control messages as they are, as TCP does. */
#if FERRY_KERNEL_BEFORE(6, 14)
#define ferry_cmsg_error(err)	(-EINVAL)
#else
#define ferry_cmsg_error(err)	(err)
#endif

/* By 7.2 what is sent from user memory may be a device's. */
#if FERRY_KERNEL_BEFORE(7, 2)
#define ferry_zerocopy_realloc(sk, size, uarg) \
	msg_zerocopy_realloc(sk, size, uarg)
#define ferry_zerocopy_iter(sk, skb, msg, len, uarg) \
	skb_zerocopy_iter_stream(sk, skb, msg, len, uarg)
#else
#define ferry_zerocopy_realloc(sk, size, uarg) \
	msg_zerocopy_realloc(sk, size, uarg, false)
#define ferry_zerocopy_iter(sk, skb, msg, len, uarg) \
	skb_zerocopy_iter_stream(sk, skb, msg, len, uarg, NULL)
#endif

/* 6.9 gave TCP SO_PEEK_OFF; before, it says EOPNOTSUPP. */
#if FERRY_KERNEL_BEFORE(6, 9)
#define FERRY_SET_PEEK_OFF	NULL
#else
#define FERRY_SET_PEEK_OFF	sk_set_peek_off
#endif

/* 6.10 remembers the source of a tracepoint's string. */
#if FERRY_KERNEL_BEFORE(6, 10)
#define ferry_assign_str(dst, src)	__assign_str(dst, src)
#else
#define ferry_assign_str(dst, src)	__assign_str(dst)
#endif

/* 6.9 counts who uses a handler of sock_diag. */
#if FERRY_KERNEL_BEFORE(6, 9)
#define FERRY_DIAG_OWNER
#else
#define FERRY_DIAG_OWNER	.owner = THIS_MODULE,
#endif

/* By 6.18 a filter of sock_diag is more than its program. */
#if FERRY_KERNEL_BEFORE(6, 18)
#define ferry_diag_filter(data, sk) \
	inet_diag_bc_sk(((struct inet_diag_dump_data *)(data))-> \
			req_nlas[INET_DIAG_REQ_BYTECODE], sk)
#else
#define ferry_diag_filter(data, sk)	inet_diag_bc_sk(data, sk)
#endif

/* 6.18 renamed it when it made the counter's place configurable. */
#if FERRY_KERNEL_BEFORE(6, 18)
#define sk_drops_skbadd(sk, skb)	sk_drops_add(sk, skb)
#endif

/* Reasons for a drop that came after 6.1; where they exist, this is unused. */
#if FERRY_KERNEL_BEFORE(6, 12)
#define SKB_DROP_REASON_TCP_INVALID_ACK_SEQUENCE SKB_DROP_REASON_NOT_SPECIFIED
#endif
#if FERRY_KERNEL_BEFORE(7, 0)
#define SKB_DROP_REASON_TCP_LISTEN_OVERFLOW	SKB_DROP_REASON_NOT_SPECIFIED
#endif

/*
 * Do the IP headers forbid that a segment becomes part of a held packet?  Until
 * 6.10 the IP layer has compared them; now both headers are passed to it.
 */
#if FERRY_KERNEL_BEFORE(6, 10)
static inline bool ferry_gro_ip_differs(struct sk_buff *held,
					const struct tcphdr *held_th,
					const struct tcphdr *th)
{
	struct napi_gro_cb *cb = NAPI_GRO_CB(held);

	/* The second packet tells whether the IDs count or stay the same. */
	if (cb->flush_id != 1 || cb->count != 1 || !cb->is_atomic)
		return cb->flush || cb->flush_id;
	cb->is_atomic = false;
	return cb->flush;
}
#else
#define ferry_gro_ip_differs(held, held_th, th) \
	gro_receive_network_flush(th, held_th, held)
#endif

/* The GSO type of a merged IPv4 packet whose segments had the same ID. */
static inline unsigned int ferry_gro_fixed_id(const struct sk_buff *skb)
{
#if FERRY_KERNEL_BEFORE(6, 10)
	return NAPI_GRO_CB(skb)->is_atomic ? SKB_GSO_TCP_FIXEDID : 0;
#else
	return NAPI_GRO_CB(skb)->ip_fixedid ? SKB_GSO_TCP_FIXEDID : 0;
#endif
}

/* How large a merged packet may get; beyond 64 KB only TCP knows how to. */
static inline unsigned int ferry_gro_max_size(const struct sk_buff *skb)
{
#if FERRY_KERNEL_BEFORE(6, 3)
	unsigned int size = READ_ONCE(skb->dev->gro_max_size);
#else
	unsigned int size = netif_get_gro_max_size(skb->dev, skb);
#endif
	return min_t(unsigned int, size, GRO_LEGACY_MAX_SIZE);
}

/* The KUnit module sees a few functions that nobody else needs. */
#if IS_ENABLED(CONFIG_KUNIT)
#define EXPORT_SYMBOL_FERRY_KUNIT(sym)	EXPORT_SYMBOL_GPL(sym)
#else
#define EXPORT_SYMBOL_FERRY_KUNIT(sym)
#endif

#endif /* _FERRY_COMPAT_H */
