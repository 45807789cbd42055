/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of segment.c share: reading options, and comparing.
 */
#ifndef _FERRY_TESTS_OPTIONS_H
#define _FERRY_TESTS_OPTIONS_H

#include "../segment.h"

/* What the parser leaves alone is seen. */
static inline void parse(const u8 *opt, unsigned int len, bool syn,
			 struct ferry_options *o)
{
	memset(o, 0xa5, sizeof(*o));
	ferry_options_parse(opt, len, syn, o);
}

static inline bool same_options(const struct ferry_options *a,
				const struct ferry_options *b)
{
	return a->ts_val == b->ts_val && a->ts_ecr == b->ts_ecr &&
	       a->mss == b->mss && a->wscale == b->wscale &&
	       a->num_sacks == b->num_sacks && a->sacks == b->sacks &&
	       a->has_wscale == b->has_wscale &&
	       a->has_sack_perm == b->has_sack_perm &&
	       a->has_timestamp == b->has_timestamp &&
	       a->malformed == b->malformed;
}

#endif /* _FERRY_TESTS_OPTIONS_H */
