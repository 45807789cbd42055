// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYN cookies (RFC 4987 section 3.6): when a listener has as many half-open
 * connections as it may, it keeps none of the next, but puts what it has to
 * know of it into the sequence number of the SYN-ACK.  The ACK that completes
 * the handshake brings that number back, plus one.
 *
 * The number is
 *
 *	base + the peer's ISN + period * 2^24 + (mac + index of the MSS) % 2^24
 *
 * where base is a keyed hash of addresses and ports, mac one of addresses,
 * ports and period, and period counts minutes.  As RFC 6528 asks, the number
 * of a connection moves on with the clock and with the peer's own ISN.  A
 * blind guess is right once in 2^28 tries: of 2^32 numbers those of two
 * periods and eight sizes are.
 *
 * That leaves no room for the other options of a SYN.  If the peer sends
 * timestamps, their values carry these: the low bits of ours, which come back
 * in the echo.  A timestamp made so lies up to 63 ticks in the past, which
 * disturbs nobody.  Without timestamps a connection from a cookie has only
 * the MSS.
 */
#include <linux/bits.h>
#include <linux/kernel.h>

#include "compat.h"
#include "cookie.h"
#include "segment.h"

/*
 * What is usual: RFC 9293's default, IPv6 on its smallest MTU, tunnels, IPv6
 * and IPv4 on Ethernet, jumbo frames.  The first is for whoever has less.
 */
static const u16 sizes[] = {
	FERRY_MSS_MIN, FERRY_MSS_DEFAULT, 1220, 1300, 1400, 1440, 1460, 8940,
};

#define NO_WSCALE	0xf
#define TS_SACK		BIT(4)
#define TS_ECN		BIT(5)
#define TS_MASK		GENMASK(FERRY_COOKIE_TS_BITS - 1, 0)

static u32 mss_index(u16 mss)
{
	u32 i = ARRAY_SIZE(sizes) - 1;

	while (i && sizes[i] > mss)
		i--;
	return i;
}

/**
 * ferry_cookie_mss() - the size that a cookie can carry
 * @mss: what the peer announces, in bytes
 *
 * Pure; any context.
 *
 * Return: bytes; not more than @mss if that is FERRY_MSS_MIN at least.
 */
u16 ferry_cookie_mss(u16 mss)
{
	return sizes[mss_index(mss)];
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cookie_mss);

static u32 cookie_base(const struct ferry_cookie_key *key, u32 tuple,
		       u32 peer_isn)
{
	return siphash_1u32(tuple, &key->base) + peer_isn;
}

static u32 cookie_mac(const struct ferry_cookie_key *key, u32 tuple, u32 period)
{
	return siphash_2u32(tuple, period, &key->mac);
}

/**
 * ferry_cookie_make() - the sequence number of a SYN-ACK
 * @key: the secrets
 * @tuple: hash of addresses and ports
 * @peer_isn: sequence number of the SYN
 * @period: the time in FERRY_COOKIE_PERIODs
 * @mss: the peer's MSS in bytes; ferry_cookie_mss() of it is carried
 *
 * Pure; any context.
 *
 * Return: the number.
 */
u32 ferry_cookie_make(const struct ferry_cookie_key *key, u32 tuple,
		      u32 peer_isn, u32 period, u16 mss)
{
	u32 low = cookie_mac(key, tuple, period) + mss_index(mss);

	return cookie_base(key, tuple, peer_isn) + (period << 24) +
	       (low & GENMASK(23, 0));
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cookie_make);

/**
 * ferry_cookie_check() - is a number one that was sent a short while ago?
 * @key: the secrets
 * @tuple: hash of addresses and ports
 * @peer_isn: the peer's initial sequence number
 * @period: the time in FERRY_COOKIE_PERIODs
 * @cookie: the number that came back
 *
 * Pure; any context.
 *
 * Return: the MSS that it carries, 0 if it is not a cookie or too old.
 */
u16 ferry_cookie_check(const struct ferry_cookie_key *key, u32 tuple,
		       u32 peer_isn, u32 period, u32 cookie)
{
	u32 rest = cookie - cookie_base(key, tuple, peer_isn);
	u8 age = period - (rest >> 24);
	u32 index;

	if (age >= FERRY_COOKIE_AGE_MAX)
		return 0;
	index = (rest - cookie_mac(key, tuple, period - age)) & GENMASK(23, 0);
	return index < ARRAY_SIZE(sizes) ? sizes[index] : 0;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cookie_check);

/**
 * ferry_cookie_ts_make() - a timestamp that carries options
 * @clock: the clock of timestamps
 * @o: the options
 *
 * Pure; any context.
 *
 * Return: the timestamp, at most @clock.
 */
u32 ferry_cookie_ts_make(u32 clock, const struct ferry_cookie_options *o)
{
	u32 bits = o->has_wscale ? o->wscale : NO_WSCALE;
	u32 ts;

	if (o->sack)
		bits |= TS_SACK;
	if (o->ecn)
		bits |= TS_ECN;
	ts = (clock & ~TS_MASK) | bits;
	return seq_after(ts, clock) ? ts - TS_MASK - 1 : ts;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cookie_ts_make);

/**
 * ferry_cookie_ts_read() - read them again
 * @ts: the timestamp
 * @o: where the options go; every field is written
 *
 * Pure; any context.
 */
void ferry_cookie_ts_read(u32 ts, struct ferry_cookie_options *o)
{
	u8 wscale = ts & NO_WSCALE;

	o->has_wscale = wscale != NO_WSCALE;
	o->wscale = o->has_wscale ? wscale : 0;
	o->sack = !!(ts & TS_SACK);
	o->ecn = !!(ts & TS_ECN);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cookie_ts_read);
