/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a sender knows of the path MTU by trying (RFC 4821).
 */
#ifndef _FERRY_MTU_SEARCH_H
#define _FERRY_MTU_SEARCH_H

#include <linux/types.h>

/**
 * struct ferry_mtu_search - made when a connection begins to search
 * @low: the largest MTU that is held to pass, bytes
 * @high: the largest that may, bytes
 * @probe: that of the probe on its way, 0 if there is none
 * @start: the probe's first sequence number
 * @end: after its last
 * @since: when the range was last set to its widest, in jiffies
 */
struct ferry_mtu_search {
	u32 low;
	u32 high;
	u32 probe;
	u32 start;
	u32 end;
	u32 since;
};

void ferry_mtu_search_begin(struct ferry_mtu_search *s, u32 low, u32 high,
			    u32 now);
u32 ferry_mtu_search_limit(struct ferry_mtu_search *s, u32 mtu);
u32 ferry_mtu_search_next(const struct ferry_mtu_search *s, u32 threshold);
void ferry_mtu_search_sent(struct ferry_mtu_search *s, u32 size, u32 start,
			   u32 end);
void ferry_mtu_search_passed(struct ferry_mtu_search *s);
void ferry_mtu_search_lost(struct ferry_mtu_search *s);
void ferry_mtu_search_black_hole(struct ferry_mtu_search *s, u32 headers,
				 u32 base, u32 floor);

#endif /* _FERRY_MTU_SEARCH_H */
