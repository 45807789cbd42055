/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A segment as it is on the wire: RFC 9293 section 3.1, on IP protocol 253.
 *
 * Sequence numbers are 32 bit and wrap; they are compared by the sign of their
 * difference, which is right while the numbers compared are less than 2^31
 * apart.  Everything here is pure: no sockets, no locks.
 */
#ifndef _FERRY_SEGMENT_H
#define _FERRY_SEGMENT_H

#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/types.h>

#include "compat.h"

/* RFC 9293 section 3.2: the sender's assumption if no MSS option came. */
#define FERRY_MSS_DEFAULT	536U
/* Linux's lower bound for the MSS; less leaves no room beside the options. */
#define FERRY_MSS_MIN		88U
/* And for what is left beside them. */
#define FERRY_SND_MSS_MIN	48U
/* RFC 7323 section 2.3 */
#define FERRY_WSCALE_MAX	14U
#define FERRY_OPTIONS_MAX	40U
/* Two no-ops and the option, RFC 7323 appendix A. */
#define FERRY_TIMESTAMP_LEN	12U
/* RFC 2018 section 3; three beside a timestamp. */
#define FERRY_SACK_BLOCKS_MAX	4U

/* Option kinds, from the IANA registry that TCP uses. */
enum {
	FERRY_OPT_END		= 0,
	FERRY_OPT_NOP		= 1,
	FERRY_OPT_MSS		= 2,
	FERRY_OPT_WSCALE	= 3,
	FERRY_OPT_SACK_PERM	= 4,
	FERRY_OPT_SACK		= 5,
	FERRY_OPT_TIMESTAMP	= 8,
};

/* How a timestamp that is alone begins (RFC 7323 appendix A). */
#define FERRY_OPT_ALIGNED_TIMESTAMP \
	(FERRY_OPT_NOP << 24 | FERRY_OPT_NOP << 16 | \
	 FERRY_OPT_TIMESTAMP << 8 | 10)

/* Control bits, as the low byte of RFC 9293's flags. */
enum {
	FERRY_FIN	= 0x01,
	FERRY_SYN	= 0x02,
	FERRY_RST	= 0x04,
	FERRY_PSH	= 0x08,
	FERRY_ACK	= 0x10,
	FERRY_URG	= 0x20,
	FERRY_ECE	= 0x40,
	FERRY_CWR	= 0x80,
};

/**
 * struct ferry_options - the options of one segment
 * @ts_val: timestamp value (RFC 7323), valid with @has_timestamp
 * @ts_ecr: timestamp echo reply, valid with @has_timestamp
 * @mss: maximum segment size in bytes, 0 if the option is absent
 * @wscale: window shift, 0 to 14, valid with @has_wscale
 * @num_sacks: number of SACK blocks, 0 to 4
 * @sacks: offset in bytes of the first SACK block in the options
 * @has_wscale: the window scale option is there
 * @has_sack_perm: the SACK-permitted option is there
 * @has_timestamp: the timestamp option is there
 * @malformed: an option lied about its length
 */
struct ferry_options {
	u32 ts_val;
	u32 ts_ecr;
	u16 mss;
	u8 wscale;
	u8 num_sacks;
	u8 sacks;
	u8 has_wscale:1,
	   has_sack_perm:1,
	   has_timestamp:1,
	   malformed:1;
};

/**
 * struct ferry_sack_block - a range that the receiver has, beyond a hole
 * @start: first sequence number in it
 * @end: sequence number after the last
 */
struct ferry_sack_block {
	u32 start;
	u32 end;
};

void ferry_options_parse_all(const u8 *opt, unsigned int len, bool syn,
			     struct ferry_options *o);
unsigned int ferry_options_build(u8 *opt, const struct ferry_options *o,
				 const struct ferry_sack_block *sacks);
struct ferry_sack_block ferry_options_sack(const u8 *opt,
					   const struct ferry_options *o,
					   unsigned int i);

/**
 * ferry_options_parse() - read the options of a segment
 * @opt: first byte after the fixed header
 * @len: bytes of options, 0 to 40
 * @syn: the segment has SYN set; MSS, window scale and SACK-permitted count
 *	only then
 * @o: where the result goes; every field is written
 *
 * RFC 9293 section 3.2, RFC 7323, RFC 2018.  Nearly every segment has no
 * options or a timestamp as in RFC 7323 appendix A, so those are read here.
 * Pure; any context.
 */
static inline void ferry_options_parse(const u8 *opt, unsigned int len,
				       bool syn, struct ferry_options *o)
{
	memset(o, 0, sizeof(*o));
	if (len == FERRY_TIMESTAMP_LEN &&
	    get_unaligned_be32(opt) == FERRY_OPT_ALIGNED_TIMESTAMP) {
		o->has_timestamp = 1;
		o->ts_val = get_unaligned_be32(opt + 4);
		o->ts_ecr = get_unaligned_be32(opt + 8);
	} else if (len) {
		ferry_options_parse_all(opt, len, syn, o);
	}
}

/**
 * ferry_options_build_timestamp() - ferry_options_build() for a timestamp alone
 * @opt: room for FERRY_TIMESTAMP_LEN bytes, all of which are written
 * @ts_val: timestamp value
 * @ts_ecr: timestamp echo reply
 *
 * Nearly every segment has just that.  Pure; any context.
 */
static inline void ferry_options_build_timestamp(u8 *opt, u32 ts_val,
						 u32 ts_ecr)
{
	put_unaligned_be32(FERRY_OPT_ALIGNED_TIMESTAMP, opt);
	put_unaligned_be32(ts_val, opt + 4);
	put_unaligned_be32(ts_ecr, opt + 8);
}

/**
 * seq_before() - is @a older than @b?
 * @a: sequence number
 * @b: sequence number
 *
 * Return: true if @a precedes @b, modulo 2^32 (RFC 9293 section 3.4).
 */
static inline bool seq_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

#define seq_after(a, b)		seq_before(b, a)

/**
 * seq_between() - does @seq lie in the closed interval from @low to @high?
 * @seq: sequence number
 * @low: first number of the interval
 * @high: last number of the interval
 *
 * Return: true if it does, modulo 2^32.
 */
static inline bool seq_between(u32 seq, u32 low, u32 high)
{
	return seq - low <= high - low;
}

/**
 * ferry_seq_acceptable() - RFC 9293 section 3.10.7.4, the first check
 * @seq: SEG.SEQ
 * @end_seq: SEG.SEQ + SEG.LEN
 * @rcv_wup: RCV.NXT when the window was last advertised
 * @rcv_nxt: RCV.NXT
 * @window: RCV.WND in bytes
 *
 * A segment is acceptable if any of it may lie in the window.  It is measured
 * against what the peer was last told, @rcv_wup, on the left: a segment that
 * repeats what an ACK of ours has not yet acknowledged still carries news in
 * its header.
 *
 * Return: true if the segment is acceptable.
 */
static inline bool ferry_seq_acceptable(u32 seq, u32 end_seq, u32 rcv_wup,
					u32 rcv_nxt, u32 window)
{
	return !seq_before(end_seq, rcv_wup) &&
	       !seq_after(seq, rcv_nxt + window);
}

/* RFC 7323 section 5.5: after so many seconds of silence TS.Recent is void. */
#define FERRY_PAWS_24DAYS	(24U * 24 * 60 * 60)

/*
 * So many ticks a segment may come behind a younger one.  Where the network
 * reorders, a retransmission overtakes what was sent just before it, and would
 * otherwise make an old duplicate of it.  A real one that is in the window is
 * older than the 3 GB or more which have come since: at 250 Gbit/s, by 100 ms.
 * A peer whose clock is slower, with 10 ms a tick, reaches that at 25 Gbit/s.
 */
#define FERRY_PAWS_OVERTAKEN	100

/**
 * ferry_ts_older() - is a segment older than what has been received?
 * @ts_val: its timestamp
 * @ts_recent: TS.Recent
 * @age: seconds since @ts_recent was set
 * @slack: ticks that a timestamp may lie back
 *
 * RFC 7323 section 5.3 (PAWS).  A clock that ticks every millisecond takes 24
 * days to go half around; older timestamps say nothing.  Linux sends a zero
 * if it has none, and so it is no timestamp.
 *
 * Return: true if it is.
 */
static inline bool ferry_ts_older(u32 ts_val, u32 ts_recent, u32 age,
				  u32 slack)
{
	return (s32)(ts_recent - ts_val) > (s32)slack && ts_recent &&
	       age < FERRY_PAWS_24DAYS;
}

/**
 * ferry_ts_compare() - a segment's timestamp against the last one
 * @ts_val: its timestamp
 * @ts_recent: TS.Recent
 * @age: seconds since @ts_recent was set
 *
 * Return: -1 if it is older, see ferry_ts_older(), 1 if it is newer, else 0.
 */
static inline int ferry_ts_compare(u32 ts_val, u32 ts_recent, u32 age)
{
	if (ferry_ts_older(ts_val, ts_recent, age, 0))
		return -1;
	return (s32)(ts_val - ts_recent) > 0;
}

static inline u8 ferry_hdr_flags(const struct tcphdr *th)
{
	return ((const u8 *)th)[13];
}

/* Header length in bytes; at least 20 in a header that was checked. */
static inline unsigned int ferry_hdr_len(const struct tcphdr *th)
{
	return th->doff * 4;
}

#endif /* _FERRY_SEGMENT_H */
