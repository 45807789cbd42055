// SPDX-License-Identifier: GPL-2.0-only
/*
 * Numbers that nobody outside can predict: where a connection stands in the
 * hash, and where its sequence numbers and timestamps begin.
 */
#include <linux/random.h>
#include <linux/siphash.h>
#include <net/netns/hash.h>

#include "ferry.h"

static hsiphash_key_t hash_key __ro_after_init;
static siphash_key_t isn_key __ro_after_init;
static siphash_key_t port_key __ro_after_init;
static siphash_key_t ts_key __ro_after_init;

/**
 * ferry_hash_seed() - choose the secrets of the hash, ISNs and timestamps
 *
 * Not by net_get_random_once(): it holds the module for a while after its
 * first use, so that a module just loaded could not be unloaded.
 */
void __init ferry_hash_seed(void)
{
	get_random_bytes(&hash_key, sizeof(hash_key));
	get_random_bytes(&isn_key, sizeof(isn_key));
	get_random_bytes(&port_key, sizeof(port_key));
	get_random_bytes(&ts_key, sizeof(ts_key));
}

/**
 * ferry_hash4() - hash of an IPv4 connection
 * @net: namespace
 * @laddr: our address
 * @lport: our port
 * @raddr: the peer's address
 * @rport: the peer's port
 *
 * Return: 32 bits, not predictable from outside.
 */
u32 ferry_hash4(const struct net *net, __be32 laddr, u16 lport, __be32 raddr,
		__be16 rport)
{
	return hsiphash_3u32((__force u32)laddr, (__force u32)raddr,
			     (u32)lport << 16 | (__force u32)rport,
			     &hash_key) ^ net_hash_mix(net);
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
 * Return: 32 bits, not predictable from outside.
 */
u32 ferry_hash6(const struct net *net, const struct in6_addr *laddr, u16 lport,
		const struct in6_addr *raddr, __be16 rport)
{
	struct {
		struct in6_addr laddr;
		struct in6_addr raddr;
		u32 ports;
		u32 zero;
	} __aligned(HSIPHASH_ALIGNMENT) key = {
		.laddr = *laddr,
		.raddr = *raddr,
		.ports = (u32)lport << 16 | (__force u32)rport,
	};

	return hsiphash(&key, sizeof(key), &hash_key) ^ net_hash_mix(net);
}
#endif

/**
 * ferry_isn() - initial sequence number
 * @hash: hash of the connection's addresses and ports
 *
 * RFC 6528: a clock, so that a new connection on the same ports starts above
 * the old one, plus a secret function of addresses and ports, so that nobody
 * can guess it from another connection.  The clock ticks every 64 ns.
 *
 * Return: the number.
 */
u32 ferry_isn(u32 hash)
{
	return siphash_1u32(hash, &isn_key) + (u32)(ktime_get_ns() >> 6);
}

/**
 * ferry_ts_offset() - where the timestamps of a connection begin
 * @net: namespace
 * @hash: hash of the connection's addresses and ports
 *
 * RFC 7323 section 7.1: a secret, so that the clock does not tell how long
 * this host has been up; the same for each connection on the same addresses
 * and ports, so that the next one can be told from the old (RFC 6191).
 *
 * Return: what to add to the clock; 0 if net.ferry.timestamps is 2.
 */
u32 ferry_ts_offset(const struct net *net, u32 hash)
{
	if (READ_ONCE(ferry_net(net)->sysctl.timestamps) != 1)
		return 0;
	return siphash_1u32(hash, &ts_key);
}

/**
 * ferry_port_secret() - where the search for a port begins
 * @hash: hash of the addresses and the peer's port
 *
 * Return: 64 bits: two independent numbers, for RFC 6056's double hash.
 */
u64 ferry_port_secret(u32 hash)
{
	return siphash_1u32(hash, &port_key);
}
