// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which segments may be handed up as one?
 *
 * Whoever gets the packet must be able to cut it up again, and find what was
 * sent: all but the last segment are of one size, each begins where the one
 * before ends, and what the headers say is the same.  PSH and FIN may come
 * with the last one, and CWR with the first: a packet of many segments means
 * just that by them (RFC 3168 section 6.1.2 wants CWR in one segment only).
 *
 * The rest is for the receiver: a packet has one timestamp, one ACK and one
 * window, and it acts on them once.
 */
#include "compat.h"
#include "merge.h"
#include "segment.h"

/* Segments with these mean something of their own. */
#define ALONE	(FERRY_SYN | FERRY_RST | FERRY_URG)
/* What ends a packet. */
#define LAST	(FERRY_FIN | FERRY_PSH)

/* Flags and, above them, the bits that are reserved. */
static u16 all_flags(const struct tcphdr *th)
{
	return get_unaligned_be16((const u8 *)th + 12) & 0xfff;
}

/**
 * ferry_train_ends() - is a segment the last of its packet?
 * @th: its header
 * @len: bytes of data in it
 * @mss: bytes of data in those before, or @len
 *
 * Pure; any context.
 *
 * Return: true if nothing may be appended to it.
 */
bool ferry_train_ends(const struct tcphdr *th, u32 len, u32 mss)
{
	return !len || len < mss || all_flags(th) & (ALONE | LAST);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_train_ends);

/**
 * ferry_train_takes() - may a segment be appended to others?
 * @train: the others; none of them ends a packet, see ferry_train_ends()
 * @th: header of the segment, with its options
 * @len: bytes of data in it
 *
 * Pure; any context.
 *
 * Return: true if it may.
 */
bool ferry_train_takes(const struct ferry_train *train,
		       const struct tcphdr *th, u32 len)
{
	u16 flags = all_flags(th), differ = flags ^ all_flags(train->th);

	return len && len <= train->mss &&
	       !(flags & (ALONE | FERRY_CWR)) && !(differ & ~(LAST | FERRY_CWR)) &&
	       ntohl(train->th->seq) + train->len == ntohl(th->seq) &&
	       train->th->ack_seq == th->ack_seq &&
	       train->th->window == th->window &&
	       train->th->doff == th->doff &&
	       !memcmp(train->th + 1, th + 1, ferry_hdr_len(th) - sizeof(*th));
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_train_takes);
