// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers that nobody outside can predict: where a connection stands in the
 * hash, and where its sequence numbers and timestamps begin.
 *
 * Each segment is looked up by the hash, so that is quick: whoever found out
 * which connections share a chain would gain little.  Whoever guessed an ISN
 * would gain a connection; that comes from a secret of 64 bits of each
 * connection, made by a keyed function that gives nothing away (SipHash), when
 * it is needed.
 */
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <net/netns/hash.h>

#include "ferry.h"

static u32 hash_key __ro_after_init;
static siphash_key_t secret_key __ro_after_init;

/**
 * ferry_hash_seed() - choose the secrets
 *
 * Not by net_get_random_once(): it holds the module for a while after its
 * first use, so that a module just loaded could not be unloaded.
 */
void __init ferry_hash_seed(void)
{
	get_random_bytes(&hash_key, sizeof(hash_key));
	get_random_bytes(&secret_key, sizeof(secret_key));
}

/**
 * ferry_hash4() - hash of an IPv4 connection
 * @net: namespace
 * @laddr: our address
 * @lport: our port
 * @raddr: the peer's address
 * @rport: the peer's port
 *
 * Return: 32 bits, different after each loading of the module.
 */
u32 ferry_hash4(const struct net *net, __be32 laddr, u16 lport, __be32 raddr,
		__be16 rport)
{
	return jhash_3words((__force u32)laddr, (__force u32)raddr,
			    (u32)lport << 16 | (__force u32)rport,
			    hash_key ^ net_hash_mix(net));
}

/**
 * ferry_secret4() - the secret of an IPv4 connection
 * @c: a full or mini socket
 *
 * Return: 64 bits, not predictable from those of other connections.
 */
u64 ferry_secret4(const struct sock_common *c)
{
	return siphash_4u32((__force u32)c->skc_rcv_saddr,
			    (__force u32)c->skc_daddr,
			    (u32)c->skc_num << 16 | (__force u32)c->skc_dport,
			    net_hash_mix(read_pnet(&c->skc_net)), &secret_key);
}

#if IS_ENABLED(CONFIG_IPV6)
/**
 * ferry_hash6() - hash of an IPv6 connection
 * @net: namespace
 * @laddr: our address
 * @lport: our port
 * @raddr: the peer's address
 * @rport: the peer's port
 *
 * Return: 32 bits, different after each loading of the module.
 */
u32 ferry_hash6(const struct net *net, const struct in6_addr *laddr, u16 lport,
		const struct in6_addr *raddr, __be16 rport)
{
	u32 seed = hash_key ^ net_hash_mix(net);

	seed = jhash2((__force const u32 *)laddr->s6_addr32, 4, seed);
	return jhash_3words(jhash2((__force const u32 *)raddr->s6_addr32, 4,
				   seed),
			    lport, (__force u32)rport, seed);
}

/**
 * ferry_secret6() - the secret of an IPv6 connection
 * @c: a full or mini socket
 *
 * Return: 64 bits, not predictable from those of other connections.
 */
u64 ferry_secret6(const struct sock_common *c)
{
	const struct {
		struct in6_addr laddr;
		struct in6_addr raddr;
		u32 ports;
		u32 net;
	} __aligned(SIPHASH_ALIGNMENT) key = {
		.laddr = c->skc_v6_rcv_saddr,
		.raddr = c->skc_v6_daddr,
		.ports = (u32)c->skc_num << 16 | (__force u32)c->skc_dport,
		.net = net_hash_mix(read_pnet(&c->skc_net)),
	};

	return siphash(&key, sizeof(key), &secret_key);
}
#endif

/**
 * ferry_isn() - initial sequence number
 * @secret: the connection's
 *
 * RFC 6528: a clock, so that a new connection on the same ports starts above
 * the old one, plus a secret function of addresses and ports, so that nobody
 * can guess it from another connection.  The clock ticks every 64 ns.
 *
 * Return: the number.
 */
u32 ferry_isn(u64 secret)
{
	return (u32)secret + (u32)(ktime_get_ns() >> 6);
}

/**
 * ferry_ts_offset() - where the timestamps of a connection begin
 * @net: its namespace
 * @secret: the connection's
 *
 * RFC 7323 section 7.1: a secret, so that the clock does not tell how long
 * this host has been up; the same for each connection on the same addresses
 * and ports, so that the next one can be told from the old (RFC 6191).
 *
 * Return: what to add to the clock; 0 unless net.ferry.timestamps is 1.
 */
u32 ferry_ts_offset(const struct net *net, u64 secret)
{
	if (READ_ONCE(ferry_net(net)->sysctl.timestamps) != 1)
		return 0;
	return secret >> 32;
}
