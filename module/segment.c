// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and writing the options of a segment (RFC 9293 section 3.2).
 *
 * The reader trusts nothing: an option that is longer than what is left of
 * the header, or of length zero or one, ends the parsing (RFC 9293 MUST-7) and
 * marks the segment malformed; what was read before it stands, as in TCP.  A
 * known kind with a length that it cannot have is passed over.  Of a repeated
 * option the last one counts.
 */
#include "compat.h"
#include "segment.h"

/* One option of @len bytes at @pos, header included; @len is 2 or more. */
static void parse_option(const u8 *opt, unsigned int pos, u8 len, bool syn,
			 struct ferry_options *o)
{
	const u8 *data = opt + pos + 2;

	switch (opt[pos]) {
	case FERRY_OPT_MSS:
		/* An MSS of zero says nothing; the default stays. */
		if (len == 4 && syn && get_unaligned_be16(data))
			o->mss = get_unaligned_be16(data);
		break;
	case FERRY_OPT_WSCALE:
		if (len == 3 && syn) {
			o->has_wscale = 1;
			o->wscale = min_t(u8, *data, FERRY_WSCALE_MAX);
		}
		break;
	case FERRY_OPT_SACK_PERM:
		if (len == 2 && syn)
			o->has_sack_perm = 1;
		break;
	case FERRY_OPT_SACK:
		if (len >= 10 && (len - 2) % 8 == 0) {
			o->num_sacks = (len - 2) / 8;
			o->sacks = pos + 2;
		}
		break;
	case FERRY_OPT_TIMESTAMP:
		if (len == 10) {
			o->has_timestamp = 1;
			o->ts_val = get_unaligned_be32(data);
			o->ts_ecr = get_unaligned_be32(data + 4);
		}
		break;
	}
}

/**
 * ferry_options_parse_all() - ferry_options_parse() for any options
 * @opt: first byte after the fixed header
 * @len: bytes of options, 1 to 40
 * @syn: the segment has SYN set
 * @o: where the result goes; zero before
 */
void ferry_options_parse_all(const u8 *opt, unsigned int len, bool syn,
			     struct ferry_options *o)
{
	unsigned int pos = 0;

	while (pos < len) {
		u8 kind = opt[pos], size;

		if (kind == FERRY_OPT_END)
			return;
		if (kind == FERRY_OPT_NOP) {
			pos++;
			continue;
		}
		if (len - pos < 2)
			break;
		size = opt[pos + 1];
		if (size < 2 || size > len - pos)
			break;
		parse_option(opt, pos, size, syn, o);
		pos += size;
	}
	o->malformed = pos < len;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_options_parse_all);

static u8 *put_word(u8 *p, u8 a, u8 b, u8 c, u8 d)
{
	p[0] = a;
	p[1] = b;
	p[2] = c;
	p[3] = d;
	return p + 4;
}

static u8 *put_number(u8 *p, u32 number)
{
	put_unaligned_be32(number, p);
	return p + 4;
}

/**
 * ferry_options_build() - write the options of a segment
 * @opt: room for FERRY_OPTIONS_MAX bytes
 * @o: what to write: the MSS if it is not 0, and what has_* says; SYN, SYN-ACK
 *	and all others differ only in that.  Of @num_sacks blocks those are
 *	written for which there is room: four, or three beside a timestamp
 * @sacks: the blocks, most important first; not read if @num_sacks is 0
 *
 * In the order, and aligned, as Linux TCP writes them, so that a peer's fast
 * path takes them.  SACK blocks do not go together with SACK-permitted.  Pure;
 * any context.
 *
 * Return: bytes written, a multiple of four.
 */
unsigned int ferry_options_build(u8 *opt, const struct ferry_options *o,
				 const struct ferry_sack_block *sacks)
{
	unsigned int n, i;
	u8 *p = opt;

	if (o->mss)
		p = put_word(p, FERRY_OPT_MSS, 4, o->mss >> 8, o->mss);
	if (o->has_timestamp) {
		if (o->has_sack_perm)
			p = put_word(p, FERRY_OPT_SACK_PERM, 2,
				     FERRY_OPT_TIMESTAMP, 10);
		else
			p = put_word(p, FERRY_OPT_NOP, FERRY_OPT_NOP,
				     FERRY_OPT_TIMESTAMP, 10);
		p = put_number(p, o->ts_val);
		p = put_number(p, o->ts_ecr);
	} else if (o->has_sack_perm) {
		p = put_word(p, FERRY_OPT_NOP, FERRY_OPT_NOP,
			     FERRY_OPT_SACK_PERM, 2);
	}
	if (o->has_wscale)
		p = put_word(p, FERRY_OPT_NOP, FERRY_OPT_WSCALE, 3,
			     o->wscale);

	n = min_t(unsigned int, o->num_sacks,
		  (FERRY_OPTIONS_MAX - (p - opt) - 4) / sizeof(*sacks));
	if (!n)
		return p - opt;
	p = put_word(p, FERRY_OPT_NOP, FERRY_OPT_NOP, FERRY_OPT_SACK,
		     2 + n * sizeof(*sacks));
	for (i = 0; i < n; i++) {
		p = put_number(p, sacks[i].start);
		p = put_number(p, sacks[i].end);
	}
	return p - opt;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_options_build);

/**
 * ferry_options_sack() - read a SACK block
 * @opt: first byte after the fixed header
 * @o: what ferry_options_parse() has read there
 * @i: which, less than &ferry_options.num_sacks
 *
 * Nothing about it has been checked.  Pure; any context.
 *
 * Return: the block.
 */
struct ferry_sack_block ferry_options_sack(const u8 *opt,
					   const struct ferry_options *o,
					   unsigned int i)
{
	const u8 *p = opt + o->sacks + i * sizeof(struct ferry_sack_block);

	return (struct ferry_sack_block){
		.start = get_unaligned_be32(p),
		.end = get_unaligned_be32(p + 4),
	};
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_options_sack);
