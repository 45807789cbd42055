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
 * ferry_options_parse() - read the options of a segment
 * @opt: first byte after the fixed header
 * @len: bytes of options, 0 to 40
 * @syn: the segment has SYN set; MSS, window scale and SACK-permitted count
 *	only then
 * @o: where the result goes; every field is written
 *
 * RFC 9293 section 3.2, RFC 7323, RFC 2018.  Pure; any context.
 */
void ferry_options_parse(const u8 *opt, unsigned int len, bool syn,
			 struct ferry_options *o)
{
	unsigned int pos = 0;

	memset(o, 0, sizeof(*o));
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
EXPORT_SYMBOL_FERRY_KUNIT(ferry_options_parse);

/**
 * ferry_options_build_syn() - write the options of a SYN or SYN-ACK
 * @opt: room for FERRY_OPTIONS_MAX bytes
 * @mss: the MSS to announce, in bytes
 * @has_wscale: announce a window shift
 * @wscale: the shift, 0 to 14
 *
 * Pure; any context.
 *
 * Return: bytes written, a multiple of four.
 */
unsigned int ferry_options_build_syn(u8 *opt, u16 mss, bool has_wscale,
				     u8 wscale)
{
	u8 *p = opt;

	*p++ = FERRY_OPT_MSS;
	*p++ = 4;
	put_unaligned_be16(mss, p);
	p += 2;
	if (has_wscale) {
		*p++ = FERRY_OPT_NOP;
		*p++ = FERRY_OPT_WSCALE;
		*p++ = 3;
		*p++ = wscale;
	}
	return p - opt;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_options_build_syn);
