// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packetization layer path MTU discovery: the search (RFC 4821).
 *
 * A router that drops what is too large should say so by ICMP, and many do
 * not.  Then the sender has to find out by itself how much the path carries:
 * between a size that arrives and one that is too large it sends a packet of
 * the middle, and what becomes of it halves the range.  mtu_probe.c sends it;
 * here is what is known.
 *
 * Pure: no socket is in sight.
 */
#include <linux/minmax.h>

#include "compat.h"
#include "mtu_search.h"

/**
 * ferry_mtu_search_begin() - nothing is known but the ends
 * @s: the search
 * @low: MTU that is taken to pass, bytes
 * @high: MTU that nothing may exceed, bytes
 * @now: jiffies
 *
 * No probe is on its way then.  RFC 4821 section 7.2.
 */
void ferry_mtu_search_begin(struct ferry_mtu_search *s, u32 low, u32 high,
			    u32 now)
{
	s->high = high;
	s->low = min(low, high);
	s->probe = 0;
	s->since = now;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_mtu_search_begin);

/**
 * ferry_mtu_search_limit() - nothing larger can leave, whatever passes
 * @s: the search
 * @mtu: bytes, of the route
 *
 * Return: the MTU to use now, bytes.
 */
u32 ferry_mtu_search_limit(struct ferry_mtu_search *s, u32 mtu)
{
	s->high = min(s->high, mtu);
	return min(s->low, mtu);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_mtu_search_limit);

/**
 * ferry_mtu_search_next() - the size to try next
 * @s: the search
 * @threshold: a range smaller than this is not worth a packet, bytes
 *
 * RFC 4821 section 7.3.
 *
 * Return: bytes, or 0 if the search is over or a probe is on its way.
 */
u32 ferry_mtu_search_next(const struct ferry_mtu_search *s, u32 threshold)
{
	if (s->probe || s->high < s->low || s->high - s->low < threshold)
		return 0;
	return (s->low + s->high) / 2;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_mtu_search_next);

/**
 * ferry_mtu_search_sent() - a probe is on its way
 * @s: the search
 * @size: its MTU, bytes
 * @start: its first sequence number
 * @end: after its last
 */
void ferry_mtu_search_sent(struct ferry_mtu_search *s, u32 size, u32 start,
			   u32 end)
{
	s->probe = size;
	s->start = start;
	s->end = end;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_mtu_search_sent);

/**
 * ferry_mtu_search_passed() - the probe has arrived
 * @s: the search, with a probe on its way
 *
 * RFC 4821 section 7.6.1.
 */
void ferry_mtu_search_passed(struct ferry_mtu_search *s)
{
	s->low = s->probe;
	s->probe = 0;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_mtu_search_passed);

/**
 * ferry_mtu_search_lost() - the probe was lost, and nothing else
 * @s: the search, with a probe on its way
 *
 * RFC 4821 section 7.6.2.
 */
void ferry_mtu_search_lost(struct ferry_mtu_search *s)
{
	s->high = s->probe - 1;
	s->probe = 0;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_mtu_search_lost);

/**
 * ferry_mtu_search_black_hole() - what passed does not any more
 * @s: the search
 * @headers: bytes of a packet that are not payload
 * @base: payload that is small enough for almost every path, bytes
 * @floor: payload that is never halved further, bytes
 *
 * Every call halves what is held to pass.  RFC 4821 section 7.7.
 */
void ferry_mtu_search_black_hole(struct ferry_mtu_search *s, u32 headers,
				 u32 base, u32 floor)
{
	u32 payload = s->low > headers ? (s->low - headers) / 2 : 0;

	s->low = max(min(payload, base), floor) + headers;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_mtu_search_black_hole);
