// SPDX-License-Identifier: GPL-2.0-only
/*
 * The socket as the kernel's core sees it: the tables of calls, the birth of a
 * socket and its end.
 *
 * Calls that mean the same for every connection-oriented protocol are the
 * kernel's own (inet_bind(), inet_accept(), inet_stream_connect() ...), which
 * in turn call struct proto.  Sending and receiving skip that step.
 */
#include <linux/module.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/transp_v6.h>
#include <net/xfrm.h>

#include "ferry.h"

u8 ferry_protocol = IPPROTO_FERRY;
EXPORT_SYMBOL_GPL(ferry_protocol);

/* Memory of all queues of all sockets, as tcp_mem is for TCP. */
static atomic_long_t memory_allocated ____cacheline_aligned_in_smp;
static DEFINE_PER_CPU(int, memory_per_cpu_fw_alloc);
static struct percpu_counter sockets_allocated;
static unsigned long memory_pressure;
static long sysctl_mem[3];
/* What a socket may queue in each direction even when memory is short. */
static int guaranteed_memory = 4096;

/**
 * ferry_enter_memory_pressure() - the queues of all sockets hold much memory
 * @sk: who noticed
 */
void ferry_enter_memory_pressure(struct sock *sk)
{
	if (!READ_ONCE(memory_pressure))
		WRITE_ONCE(memory_pressure, max(jiffies, 1UL));
}

static void leave_memory_pressure(struct sock *sk)
{
	if (READ_ONCE(memory_pressure))
		WRITE_ONCE(memory_pressure, 0);
}

/* Nobody refers to it any more, and no packet of it is on its way. */
static void sock_destruct(struct sock *sk)
{
	ferry_pace_free(sk);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		inet6_sock_destruct(sk);
		return;
	}
#endif
	inet_sock_destruct(sk);
}

/**
 * ferry_init_sock() - a new socket, from socket()
 * @sk: the socket, zeroed beyond what the core has set
 *
 * Context: process context; nobody else knows @sk.
 *
 * Return: 0
 */
int ferry_init_sock(struct sock *sk)
{
	const struct ferry_sysctl *sysctl = &ferry_net(sock_net(sk))->sysctl;
	struct ferry_conn_sock *csk = ferry_csk(sk);
	struct ferry_sock *fp = ferry_sk(sk);

	csk->is_ipv4 = sk->sk_family == AF_INET;
	ferry_accept_queue_init(&csk->accept_queue);
	ferry_recovery_init(&fp->recovery);
	fp->conn.mss_clamp = U16_MAX;

	ferry_timers_init(sk);
	ferry_pace_init(sk);
	ferry_cong_init(&csk->cong, FERRY_MSS_DEFAULT);
	ferry_cong_assign(sk);

	ferry_sock_flags(sk->sk_socket);
	sk->sk_state = TCP_CLOSE;
	sk->sk_destruct = sock_destruct;
	sk->sk_write_space = ferry_write_space;
	sock_set_flag(sk, SOCK_USE_WRITE_QUEUE);
	WRITE_ONCE(sk->sk_sndbuf, READ_ONCE(sysctl->wmem[1]));
	WRITE_ONCE(sk->sk_rcvbuf, READ_ONCE(sysctl->rmem[1]));
	sk_sockets_allocated_inc(sk);
	return 0;
}

/**
 * ferry_destroy_sock() - give back what a closed socket owns
 * @sk: socket in state CLOSE, dead, in no hash
 *
 * Context: socket lock held, or the last reference.
 */
void ferry_destroy_sock(struct sock *sk)
{
	ferry_timers_clear(sk);
	ferry_mtu_probe_free(sk);
	ferry_cong_release(&ferry_csk(sk)->cong);
	ferry_purge_write_queue(sk);
	ferry_trouble_free(sk);
	if (ferry_csk(sk)->bind_bucket)
		ferry_put_port(sk);
	sk_sockets_allocated_dec(sk);
}

/**
 * ferry_put() - give back a reference to a full or mini socket
 * @sk: what a lookup returned
 *
 * Context: any.
 */
void ferry_put(struct sock *sk)
{
	if (sk->sk_state == TCP_TIME_WAIT)
		ferry_timewait_put(ferry_tw(sk));
	else if (sk->sk_state == TCP_NEW_SYN_RECV)
		ferry_request_put(ferry_req(sk));
	else
		sock_put(sk);
}
EXPORT_SYMBOL_GPL(ferry_put);

FERRY_DEFINE_PROTO_ACCEPT(ferry_accept)
FERRY_DEFINE_PROTO_IOCTL(ferry_ioctl)

#define FERRY_PROTO							\
	.owner			= THIS_MODULE,				\
	.close			= ferry_close,				\
	.connect		= ferry_connect,			\
	.disconnect		= ferry_disconnect,			\
	.accept			= FERRY_PROTO_ACCEPT(ferry_accept),	\
	.ioctl			= FERRY_PROTO_IOCTL(ferry_ioctl),	\
	.destroy		= ferry_destroy_sock,			\
	.shutdown		= ferry_shutdown,			\
	.setsockopt		= ferry_setsockopt,			\
	.getsockopt		= ferry_getsockopt,			\
	.keepalive		= ferry_set_keepalive,			\
	.backlog_rcv		= ferry_rcv,				\
	.stream_memory_free	= ferry_notsent_is_low,			\
	.release_cb		= ferry_release_cb,			\
	.unhash			= ferry_unhash,				\
	.get_port		= ferry_get_port,			\
	.put_port		= ferry_put_port,			\
	.enter_memory_pressure	= ferry_enter_memory_pressure,		\
	.leave_memory_pressure	= leave_memory_pressure,		\
	.memory_allocated	= &memory_allocated,			\
	.per_cpu_fw_alloc	= &memory_per_cpu_fw_alloc,		\
	.sockets_allocated	= &sockets_allocated,			\
	.memory_pressure	= &memory_pressure,			\
	.sysctl_mem		= sysctl_mem,				\
	.sysctl_wmem		= &guaranteed_memory,			\
	.sysctl_rmem		= &guaranteed_memory,			\
	.max_header		= FERRY_MAX_HEADER,			\
	.slab_flags		= SLAB_TYPESAFE_BY_RCU,			\
	.no_autobind		= true

/* What a BPF program of the cgroup has to say about a connect(). */
static int pre_connect4(struct sock *sk, struct sockaddr_unsized *addr,
			int len)
{
	if (len < (int)sizeof(struct sockaddr_in))
		return -EINVAL;
	return FERRY_BPF_CONNECT(INET4, sk, addr, &len);
}

static int pre_connect6(struct sock *sk, struct sockaddr_unsized *addr,
			int len)
{
	if (len < SIN6_LEN_RFC2133)
		return -EINVAL;
	return FERRY_BPF_CONNECT(INET6, sk, addr, &len);
}

struct proto ferry_prot = {
	FERRY_PROTO,
	.name		= "FERRY",
	.pre_connect	= pre_connect4,
	.init		= ferry_init_sock,
	.obj_size	= sizeof(struct ferry_sock),
};

struct proto ferry6_prot = {
	FERRY_PROTO,
	.name		= "FERRYv6",
	.pre_connect	= pre_connect6,
	.init		= ferry_init_sock,
	.obj_size	= sizeof(struct ferry6_sock),
	FERRY_PROTO_PINFO(offsetof(struct ferry6_sock, inet6))
};

#define FERRY_STREAM_OPS						\
	.owner		= THIS_MODULE,					\
	.connect	= inet_stream_connect,				\
	.socketpair	= sock_no_socketpair,				\
	.accept		= ferry_stream_accept,				\
	.poll		= ferry_poll,					\
	.listen		= ferry_listen,					\
	.shutdown	= inet_shutdown,				\
	.setsockopt	= ferry_stream_setsockopt,			\
	.getsockopt	= sock_common_getsockopt,			\
	.sendmsg	= ferry_sendmsg,				\
	.recvmsg	= ferry_recvmsg,				\
	.set_rcvlowat	= ferry_set_rcvlowat,				\
	.set_peek_off	= FERRY_SET_PEEK_OFF,				\
	.mmap		= sock_no_mmap,					\
	.gettstamp	= sock_gettstamp

const struct proto_ops ferry_stream_ops = {
	FERRY_STREAM_OPS,
	.family		= PF_INET,
	.release	= inet_release,
	.bind		= inet_bind,
	.getname	= inet_getname,
	.ioctl		= inet_ioctl,
};

const struct proto_ops ferry6_stream_ops = {
	FERRY_STREAM_OPS,
	.family		= PF_INET6,
	.release	= inet6_release,
	.bind		= inet6_bind,
	.getname	= inet6_getname,
	.ioctl		= inet6_ioctl,
};

static struct inet_protosw protosw = {
	.type		= SOCK_STREAM,
	.prot		= &ferry_prot,
	.ops		= &ferry_stream_ops,
};

static struct inet_protosw protosw6 = {
	.type		= SOCK_STREAM,
	.prot		= &ferry6_prot,
	.ops		= &ferry6_stream_ops,
};

/**
 * ferry_proto_init() - make sockets possible
 *
 * The bounds of all queues' memory are TCP's: 3/64, 1/16 and 3/32 of the pages
 * that the machine has.
 *
 * Return: 0 or -ENOMEM.
 */
int __init ferry_proto_init(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 16, 128UL);
	int err;

	sysctl_mem[0] = limit / 4 * 3;
	sysctl_mem[1] = limit;
	sysctl_mem[2] = sysctl_mem[0] * 2;

	err = percpu_counter_init(&sockets_allocated, 0, GFP_KERNEL);
	if (err)
		return err;
	err = proto_register(&ferry_prot, 1);
	if (err)
		goto counter;
	err = proto_register(&ferry6_prot, 1);
	if (err)
		goto proto;
	return 0;

proto:
	proto_unregister(&ferry_prot);
counter:
	percpu_counter_destroy(&sockets_allocated);
	return err;
}

/**
 * ferry_proto_exit() - undo ferry_proto_init(); no socket is left
 */
void ferry_proto_exit(void)
{
	proto_unregister(&ferry6_prot);
	proto_unregister(&ferry_prot);
	percpu_counter_destroy(&sockets_allocated);
}

/**
 * ferry_socket_offer() - let socket() find Ferry
 *
 * From here on there may be sockets, so it is the last thing that loading the
 * module does; the step that cannot fail comes last in it.
 *
 * Return: 0 or an errno.
 */
int __init ferry_socket_offer(void)
{
	int err;

	protosw6.protocol = ferry_protocol;
	err = inet6_register_protosw(&protosw6);
	if (err)
		return err;
	protosw.protocol = ferry_protocol;
	inet_register_protosw(&protosw);
	return 0;
}

/**
 * ferry_socket_withdraw() - undo ferry_socket_offer()
 */
void ferry_socket_withdraw(void)
{
	inet_unregister_protosw(&protosw);
	inet6_unregister_protosw(&protosw6);
}
