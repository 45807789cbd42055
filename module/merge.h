/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which segments may be handed up as one.  Pure: headers and numbers.
 */
#ifndef _FERRY_MERGE_H
#define _FERRY_MERGE_H

#include <linux/tcp.h>
#include <linux/types.h>

/**
 * struct ferry_train - segments that are one packet by now, or will be
 * @th: header of the first, with its options; its ports and the addresses are
 *	compared by the caller
 * @len: bytes of data in all of them
 * @mss: bytes of data in each but perhaps the last
 */
struct ferry_train {
	const struct tcphdr *th;
	u32 len;
	u32 mss;
};

bool ferry_train_takes(const struct ferry_train *train,
		       const struct tcphdr *th, u32 len);
bool ferry_train_ends(const struct tcphdr *th, u32 len, u32 mss);

#endif /* _FERRY_MERGE_H */
