/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYN cookies: a half-open connection that the peer remembers.  Pure: no
 * sockets.
 */
#ifndef _FERRY_COOKIE_H
#define _FERRY_COOKIE_H

#include <linux/siphash.h>
#include <linux/types.h>

/* The unit of a cookie's age, and for how many of them it is good. */
#define FERRY_COOKIE_PERIOD	60	/* seconds */
#define FERRY_COOKIE_AGE_MAX	2

/* Low bits of a timestamp that carry the other options. */
#define FERRY_COOKIE_TS_BITS	6

/**
 * struct ferry_cookie_key - the secrets of all cookies
 * @base: for what makes the numbers of different peers differ
 * @mac: for what nobody else can compute
 */
struct ferry_cookie_key {
	siphash_key_t base;
	siphash_key_t mac;
};

/**
 * struct ferry_cookie_options - options that a timestamp carries
 * @has_wscale: the SYN announced a window scale
 * @wscale: and which, 0 to 14
 * @sack: SACK-permitted
 * @ecn: ECN is asked for
 */
struct ferry_cookie_options {
	u8 has_wscale:1,
	   sack:1,
	   ecn:1;
	u8 wscale;
};

u16 ferry_cookie_mss(u16 mss);
u32 ferry_cookie_make(const struct ferry_cookie_key *key, u32 tuple,
		      u32 peer_isn, u32 period, u16 mss);
u16 ferry_cookie_check(const struct ferry_cookie_key *key, u32 tuple,
		       u32 peer_isn, u32 period, u32 cookie);
u32 ferry_cookie_ts_make(u32 clock, const struct ferry_cookie_options *o);
void ferry_cookie_ts_read(u32 ts, struct ferry_cookie_options *o);

#endif /* _FERRY_COOKIE_H */
