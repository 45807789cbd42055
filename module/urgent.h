/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Urgent data: the arithmetic of the urgent pointer.  Pure; urgent.c is about
 * sockets.
 */
#ifndef _FERRY_URGENT_H
#define _FERRY_URGENT_H

#include "segment.h"

/* What &ferry_urgent.data says besides the byte; 0 if nothing is urgent. */
#define FERRY_URGENT_VALID	0x100	/* the byte is in the low eight bits */
#define FERRY_URGENT_AWAITED	0x200	/* announced, and not yet here */
#define FERRY_URGENT_READ	0x400	/* it has been read with MSG_OOB */

/**
 * struct ferry_urgent - what the peer has called urgent
 * @seq: sequence number of the urgent byte
 * @data: the byte and FERRY_URGENT_* bits, 0 if there is none
 *
 * Without padding: &struct ferry_sock has another field where it would be.
 */
struct ferry_urgent {
	u32 seq;
	u16 data;
} __packed __aligned(2);

/**
 * ferry_urgent_pointer() - the urgent pointer of a segment to be sent
 * @seq: SEG.SEQ
 * @snd_up: SND.UP, the sequence number after the urgent byte
 * @snd_nxt: SND.NXT
 *
 * The pointer has 16 bits.  If the urgent byte is further away than that, the
 * last segments before it say "further", which at least announces it.
 *
 * Return: SEG.UP, or 0 if URG is not to be set.
 */
static inline u16 ferry_urgent_pointer(u32 seq, u32 snd_up, u32 snd_nxt)
{
	if (!seq_before(seq, snd_up))
		return 0;
	if (snd_up - seq <= U16_MAX)
		return (snd_up - seq) & U16_MAX;
	return seq_after(seq + U16_MAX, snd_nxt) ? U16_MAX : 0;
}

/**
 * ferry_urgent_byte() - where is the urgent byte of a received segment?
 * @seq: SEG.SEQ
 * @pointer: SEG.UP
 * @standard: RFC 1122 and RFC 6093's letter: the pointer is that of the byte;
 *	else it is that of the byte after it, as everybody does
 *
 * Return: its sequence number.
 */
static inline u32 ferry_urgent_byte(u32 seq, u16 pointer, bool standard)
{
	return seq + pointer - (pointer && !standard);
}

/**
 * ferry_urgent_is_news() - does a received urgent pointer tell anything new?
 * @u: what is urgent already
 * @seq: the urgent byte that it names
 * @copied_seq: next sequence number to be read
 * @rcv_nxt: RCV.NXT
 *
 * Return: false if the byte was read or received, or is no later than the one
 * that is known.
 */
static inline bool ferry_urgent_is_news(const struct ferry_urgent *u, u32 seq,
					u32 copied_seq, u32 rcv_nxt)
{
	if (seq_before(seq, copied_seq) || seq_before(seq, rcv_nxt))
		return false;
	return !u->data || seq_after(seq, u->seq);
}

/**
 * ferry_urgent_at_mark() - is the urgent byte the next to be read?
 * @u: what is urgent
 * @seq: next sequence number to be read
 *
 * Return: true if it is.
 */
static inline bool ferry_urgent_at_mark(const struct ferry_urgent *u, u32 seq)
{
	return u->data && u->seq == seq;
}

#endif /* _FERRY_URGENT_H */
