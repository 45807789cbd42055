// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of segment.c and segment.h: options and sequence numbers.
 *
 * A second parser, written as plainly as possible, says what the first should
 * have found.  Buffers stand against the unmapped page behind a vmalloc area,
 * so that a read past the last option faults on every kernel, and are parsed
 * again between two kinds of canaries, so that a read on either side that
 * influences the result is seen.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/vmalloc.h>

#include "../compat.h"
#include "../segment.h"

/* Kinds that Ferry knows, some that it does not, and tempting lengths. */
static const u8 alphabet[] = { 0, 1, 2, 3, 4, 5, 8, 10, 255 };

struct area {
	u8 *page;
	u8 *end;
};

static struct area *area_of(struct kunit *test)
{
	return test->priv;
}

static int segment_test_init(struct kunit *test)
{
	struct area *area = kunit_kzalloc(test, sizeof(*area), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, area);
	area->page = vmalloc(PAGE_SIZE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, area->page);
	area->end = area->page + PAGE_SIZE;
	test->priv = area;
	return 0;
}

static void segment_test_exit(struct kunit *test)
{
	if (test->priv)
		vfree(area_of(test)->page);
}

static u32 big_endian(const u8 *p, unsigned int bytes)
{
	u32 value = 0;

	while (bytes--)
		value = value * 256 + *p++;
	return value;
}

/* First where the options start, then what each of them means. */
static void reference_parse(const u8 *opt, unsigned int len, bool syn,
			    struct ferry_options *o)
{
	unsigned int start[FERRY_OPTIONS_MAX], count = 0, pos = 0, i;

	memset(o, 0, sizeof(*o));
	while (pos < len && opt[pos] != 0) {
		unsigned int size = 1;

		if (opt[pos] != 1) {
			size = pos + 1 < len ? opt[pos + 1] : 0;
			if (size < 2 || pos + size > len) {
				o->malformed = 1;
				break;
			}
			start[count++] = pos;
		}
		pos += size;
	}

	for (i = 0; i < count; i++) {
		const u8 *p = opt + start[i];

		if (p[0] == 2 && p[1] == 4 && syn && big_endian(p + 2, 2))
			o->mss = big_endian(p + 2, 2);
		if (p[0] == 3 && p[1] == 3 && syn) {
			o->has_wscale = 1;
			o->wscale = p[2] > 14 ? 14 : p[2];
		}
		if (p[0] == 4 && p[1] == 2 && syn)
			o->has_sack_perm = 1;
		if (p[0] == 5 && (p[1] == 10 || p[1] == 18 || p[1] == 26 ||
				  p[1] == 34)) {
			o->num_sacks = p[1] / 8;
			o->sacks = start[i] + 2;
		}
		if (p[0] == 8 && p[1] == 10) {
			o->has_timestamp = 1;
			o->ts_val = big_endian(p + 2, 4);
			o->ts_ecr = big_endian(p + 6, 4);
		}
	}
}

static bool same_options(const struct ferry_options *a,
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

static bool between_canaries(const u8 *opt, unsigned int len, bool syn,
			     u8 canary, const struct ferry_options *want)
{
	u8 around[3 * FERRY_OPTIONS_MAX];
	struct ferry_options got;

	memset(&got, canary, sizeof(got));
	memset(around, canary, sizeof(around));
	memcpy(around + FERRY_OPTIONS_MAX, opt, len);
	ferry_options_parse(around + FERRY_OPTIONS_MAX, len, syn, &got);
	return same_options(&got, want);
}

/* True if the parser agrees with the reference however it is surrounded. */
static bool parsed_well(struct kunit *test, const u8 *opt, unsigned int len,
			bool syn)
{
	u8 *at_end = area_of(test)->end - len;
	struct ferry_options got, want;

	reference_parse(opt, len, syn, &want);
	memcpy(at_end, opt, len);
	memset(&got, 0xa5, sizeof(got));
	ferry_options_parse(at_end, len, syn, &got);

	if (same_options(&got, &want) &&
	    between_canaries(opt, len, syn, 0x00, &want) &&
	    between_canaries(opt, len, syn, 0xff, &want) &&
	    (!got.num_sacks || got.sacks + 8 * got.num_sacks <= len))
		return true;
	KUNIT_FAIL(test, "syn %d, options %*ph", syn, len, opt);
	return false;
}

static void parse(const u8 *opt, unsigned int len, bool syn,
		  struct ferry_options *o)
{
	memset(o, 0xa5, sizeof(*o));
	ferry_options_parse(opt, len, syn, o);
}

static void options_parse_no_options(struct kunit *test)
{
	struct ferry_options o;

	parse(area_of(test)->end, 0, true, &o);
	KUNIT_EXPECT_EQ(test, o.mss, 0);
	KUNIT_EXPECT_EQ(test, o.wscale, 0);
	KUNIT_EXPECT_EQ(test, o.num_sacks, 0);
	KUNIT_EXPECT_EQ(test, o.ts_val, 0U);
	KUNIT_EXPECT_EQ(test, o.ts_ecr, 0U);
	KUNIT_EXPECT_FALSE(test, o.has_wscale);
	KUNIT_EXPECT_FALSE(test, o.has_sack_perm);
	KUNIT_EXPECT_FALSE(test, o.has_timestamp);
	KUNIT_EXPECT_FALSE(test, o.malformed);
}

/* What a SYN of Linux TCP looks like, and what an ACK with SACK looks like. */
static void options_parse_usual_segments(struct kunit *test)
{
	static const u8 syn[] = {
		2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0x01, 0x02, 0x03, 0x04,
		0, 0, 0, 0, 1, 3, 3, 7,
	};
	static const u8 ack[] = {
		1, 1, 8, 10, 0xff, 0xfe, 0xfd, 0xfc, 0x11, 0x12, 0x13, 0x14,
		1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4,
	};
	struct ferry_options o;

	parse(syn, sizeof(syn), true, &o);
	KUNIT_EXPECT_EQ(test, o.mss, 1460);
	KUNIT_EXPECT_TRUE(test, o.has_sack_perm);
	KUNIT_EXPECT_TRUE(test, o.has_timestamp);
	KUNIT_EXPECT_EQ(test, o.ts_val, 0x01020304U);
	KUNIT_EXPECT_EQ(test, o.ts_ecr, 0U);
	KUNIT_EXPECT_TRUE(test, o.has_wscale);
	KUNIT_EXPECT_EQ(test, o.wscale, 7);
	KUNIT_EXPECT_FALSE(test, o.malformed);

	parse(ack, sizeof(ack), false, &o);
	KUNIT_EXPECT_EQ(test, o.ts_val, 0xfffefdfcU);
	KUNIT_EXPECT_EQ(test, o.ts_ecr, 0x11121314U);
	KUNIT_EXPECT_EQ(test, o.num_sacks, 2);
	KUNIT_EXPECT_EQ(test, o.sacks, 16);
	KUNIT_EXPECT_FALSE(test, o.malformed);
}

static void options_parse_syn_only_options_ignored_without_syn(struct kunit *test)
{
	static const u8 opt[] = { 2, 4, 0x05, 0xb4, 3, 3, 7, 4, 2 };
	struct ferry_options o;

	parse(opt, sizeof(opt), false, &o);
	KUNIT_EXPECT_EQ(test, o.mss, 0);
	KUNIT_EXPECT_FALSE(test, o.has_wscale);
	KUNIT_EXPECT_EQ(test, o.wscale, 0);
	KUNIT_EXPECT_FALSE(test, o.has_sack_perm);
	KUNIT_EXPECT_FALSE(test, o.malformed);
}

static void options_parse_mss_zero_says_nothing(struct kunit *test)
{
	static const u8 alone[] = { 2, 4, 0, 0 };
	static const u8 after_another[] = { 2, 4, 0x02, 0x18, 2, 4, 0, 0 };
	static const u8 smallest[] = { 2, 4, 0, 1 };
	struct ferry_options o;

	parse(alone, sizeof(alone), true, &o);
	KUNIT_EXPECT_EQ(test, o.mss, 0);
	KUNIT_EXPECT_FALSE(test, o.malformed);
	parse(after_another, sizeof(after_another), true, &o);
	KUNIT_EXPECT_EQ(test, o.mss, 536);
	parse(smallest, sizeof(smallest), true, &o);
	KUNIT_EXPECT_EQ(test, o.mss, 1);
}

/* RFC 7323 section 2.3: a larger shift is used as 14. */
static void options_parse_wscale_at_most_14(struct kunit *test)
{
	struct ferry_options o;
	unsigned int shift;

	for (shift = 0; shift < 256; shift++) {
		u8 opt[] = { 3, 3, shift };

		parse(opt, sizeof(opt), true, &o);
		KUNIT_EXPECT_TRUE(test, o.has_wscale);
		KUNIT_EXPECT_EQ(test, o.wscale, min(shift, 14U));
	}
}

/* Blocks come by eight bytes; with one byte more or less there is none. */
static void options_parse_sack_whole_blocks_only(struct kunit *test)
{
	unsigned int size;

	for (size = 2; size <= FERRY_OPTIONS_MAX; size++) {
		u8 opt[FERRY_OPTIONS_MAX] = { 5, size };
		struct ferry_options o;
		unsigned int blocks = 0;

		if (size == 10 || size == 18 || size == 26 || size == 34)
			blocks = (size - 2) / 8;
		parse(opt, size, false, &o);
		KUNIT_EXPECT_EQ_MSG(test, o.num_sacks, blocks, "size %u", size);
		KUNIT_EXPECT_EQ_MSG(test, o.sacks, blocks ? 2 : 0, "size %u",
				    size);
		KUNIT_EXPECT_FALSE(test, o.malformed);
	}
}

static void options_parse_end_hides_the_rest(struct kunit *test)
{
	static const u8 good[] = { 3, 3, 5, 0, 2, 4, 0x05, 0xb4 };
	static const u8 bad[] = { 3, 3, 5, 0, 2, 40 };
	struct ferry_options o;

	parse(good, sizeof(good), true, &o);
	KUNIT_EXPECT_EQ(test, o.wscale, 5);
	KUNIT_EXPECT_EQ(test, o.mss, 0);
	KUNIT_EXPECT_FALSE(test, o.malformed);
	parse(bad, sizeof(bad), true, &o);
	KUNIT_EXPECT_EQ(test, o.wscale, 5);
	KUNIT_EXPECT_FALSE(test, o.malformed);
}

static void options_parse_nops_anywhere(struct kunit *test)
{
	static const u8 mss[] = { 2, 4, 0x05, 0xb4 };
	unsigned int before;

	for (before = 0; before <= FERRY_OPTIONS_MAX - sizeof(mss); before++) {
		u8 opt[FERRY_OPTIONS_MAX];
		struct ferry_options o;

		memset(opt, 1, sizeof(opt));
		memcpy(opt + before, mss, sizeof(mss));
		parse(opt, sizeof(opt), true, &o);
		KUNIT_EXPECT_EQ_MSG(test, o.mss, 1460, "%u before", before);
		KUNIT_EXPECT_FALSE(test, o.malformed);
	}
}

static void options_parse_last_of_repeated_counts(struct kunit *test)
{
	static const u8 opt[] = {
		2, 4, 0, 100, 3, 3, 1, 2, 4, 0, 200, 3, 3, 2,
		8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 8, 10, 0, 0, 0, 3, 0, 0, 0, 4,
	};
	struct ferry_options o;

	parse(opt, sizeof(opt), true, &o);
	KUNIT_EXPECT_EQ(test, o.mss, 200);
	KUNIT_EXPECT_EQ(test, o.wscale, 2);
	KUNIT_EXPECT_EQ(test, o.ts_val, 3U);
	KUNIT_EXPECT_EQ(test, o.ts_ecr, 4U);
}

/* RFC 9293 MUST-7; what came before the lie stands. */
static void options_parse_lying_length_ends_it(struct kunit *test)
{
	static const u8 zero[] = { 2, 4, 0, 100, 3, 0, 3, 3, 7 };
	static const u8 one[] = { 2, 4, 0, 100, 3, 1, 3, 3, 7 };
	static const u8 long_one[] = { 2, 4, 0, 100, 99, 6, 3, 3, 7 };
	static const u8 no_length[] = { 2, 4, 0, 100, 3 };
	struct ferry_options o;

	parse(zero, sizeof(zero), true, &o);
	KUNIT_EXPECT_TRUE(test, o.malformed);
	KUNIT_EXPECT_EQ(test, o.mss, 100);
	KUNIT_EXPECT_FALSE(test, o.has_wscale);
	parse(one, sizeof(one), true, &o);
	KUNIT_EXPECT_TRUE(test, o.malformed);
	KUNIT_EXPECT_EQ(test, o.mss, 100);
	KUNIT_EXPECT_FALSE(test, o.has_wscale);
	parse(long_one, sizeof(long_one), true, &o);
	KUNIT_EXPECT_TRUE(test, o.malformed);
	KUNIT_EXPECT_EQ(test, o.mss, 100);
	parse(no_length, sizeof(no_length), true, &o);
	KUNIT_EXPECT_TRUE(test, o.malformed);
	KUNIT_EXPECT_EQ(test, o.mss, 100);
}

/* Every kind with every length byte, cut off at every place. */
static void options_parse_every_kind_length_and_truncation(struct kunit *test)
{
	unsigned int kind, size, len, i;
	u8 opt[FERRY_OPTIONS_MAX];

	for (i = 0; i < sizeof(opt); i++)
		opt[i] = 0x21 + i;
	for (kind = 0; kind < 256; kind++) {
		for (size = 0; size <= FERRY_OPTIONS_MAX + 1; size++) {
			opt[0] = kind;
			/* The last round stands for all longer ones. */
			opt[1] = size > FERRY_OPTIONS_MAX ? 255 : size;
			for (len = 0; len <= FERRY_OPTIONS_MAX; len++) {
				if (!parsed_well(test, opt, len, true) ||
				    !parsed_well(test, opt, len, false))
					return;
			}
		}
		cond_resched();
	}
}

/* The same, with a valid option before and the same kind once more behind. */
static void options_parse_every_option_duplicated(struct kunit *test)
{
	unsigned int kind, size, len;

	for (kind = 0; kind < 256; kind++) {
		for (size = 0; size <= 20; size++) {
			u8 opt[FERRY_OPTIONS_MAX] = { 2, 4, 0x05, 0xb4 };
			unsigned int second = 4 + max(size, 2U);

			opt[4] = kind;
			opt[5] = size;
			memset(opt + 6, 0x33, sizeof(opt) - 6);
			opt[second] = kind;
			opt[second + 1] = size;
			for (len = 0; len <= FERRY_OPTIONS_MAX; len++) {
				if (!parsed_well(test, opt, len, true))
					return;
			}
		}
		cond_resched();
	}
}

/* All strings of up to five bytes that are kinds and lengths worth trying. */
static void options_parse_all_short_strings(struct kunit *test)
{
	unsigned int len, i, n, total = 1;

	for (len = 0; len <= 5; len++) {
		for (n = 0; n < total; n++) {
			unsigned int rest = n;
			u8 opt[5];

			for (i = 0; i < len; i++) {
				opt[i] = alphabet[rest % sizeof(alphabet)];
				rest /= sizeof(alphabet);
			}
			if (!parsed_well(test, opt, len, true) ||
			    !parsed_well(test, opt, len, false))
				return;
			if (!(n % 1024))
				cond_resched();
		}
		total *= sizeof(alphabet);
	}
}

static void options_parse_random_strings(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int n, i;

	prandom_seed_state(&rnd, 253);
	for (n = 0; n < 100000; n++) {
		u8 opt[FERRY_OPTIONS_MAX];
		unsigned int len = prandom_u32_state(&rnd) % (sizeof(opt) + 1);

		prandom_bytes_state(&rnd, opt, len);
		/* Pure noise hardly ever has two valid options in a row. */
		for (i = 0; i < len; i++)
			if (opt[i] & 0x80)
				opt[i] = alphabet[opt[i] % sizeof(alphabet)];
		if (!parsed_well(test, opt, len, n & 1))
			return;
		if (!(n % 1024))
			cond_resched();
	}
}

/* Options that go into one segment, in an order given by a permutation. */
struct recipe {
	unsigned int present;
	unsigned int order;
	unsigned int blocks;
	bool nops;
};

static unsigned int cook(const struct recipe *recipe, u8 *opt, u8 *sacks)
{
	static const u8 kinds[] = { 2, 3, 4, 5, 8 };
	unsigned int order = recipe->order, left, len = 0, i;
	u8 rest[sizeof(kinds)];

	memcpy(rest, kinds, sizeof(kinds));
	*sacks = 0;
	for (left = sizeof(kinds); left; left--) {
		u8 kind = rest[order % left], size = 2;

		rest[order % left] = rest[left - 1];
		order /= left;
		if (!(recipe->present & BIT(kind)))
			continue;
		if (recipe->nops)
			opt[len++] = 1;
		if (kind == 2)
			size = 4;
		if (kind == 3)
			size = 3;
		if (kind == 8)
			size = 10;
		if (kind == 5) {
			size = 2 + 8 * recipe->blocks;
			*sacks = len + 2;
		}
		opt[len] = kind;
		opt[len + 1] = size;
		for (i = 2; i < size; i++)
			opt[len + i] = kind == 3 ? 9 : 0x10 * kind + i;
		len += size;
	}
	return len;
}

static bool eats(struct kunit *test, const struct recipe *recipe)
{
	u8 opt[2 * FERRY_OPTIONS_MAX], sacks;
	unsigned int len = cook(recipe, opt, &sacks);
	struct ferry_options got, want = {};

	if (len > FERRY_OPTIONS_MAX)
		return true;
	if (recipe->present & BIT(2))
		want.mss = 0x2223;
	if (recipe->present & BIT(3)) {
		want.has_wscale = 1;
		want.wscale = 9;
	}
	if (recipe->present & BIT(4))
		want.has_sack_perm = 1;
	if (recipe->present & BIT(5)) {
		want.num_sacks = recipe->blocks;
		want.sacks = sacks;
	}
	if (recipe->present & BIT(8)) {
		want.has_timestamp = 1;
		want.ts_val = 0x82838485;
		want.ts_ecr = 0x86878889;
	}
	parse(opt, len, true, &got);
	if (same_options(&got, &want))
		return parsed_well(test, opt, len, true) &&
		       parsed_well(test, opt, len, false);
	KUNIT_FAIL(test, "built options %*ph read back otherwise", len, opt);
	return false;
}

static void options_parse_every_combination_in_every_order(struct kunit *test)
{
	struct recipe recipe;
	unsigned int mask, n;

	for (mask = 0; mask < 32; mask++) {
		recipe.present = (mask & 15) << 2 | (mask >> 4) << 8;
		for (recipe.order = 0; recipe.order < 120; recipe.order++) {
			for (n = 0; n < 8; n++) {
				recipe.blocks = 1 + n / 2;
				recipe.nops = n & 1;
				if (!eats(test, &recipe))
					return;
			}
		}
		cond_resched();
	}
}

/* As Linux TCP writes them: what its fast path expects of a peer. */
static void options_build_bytes(struct kunit *test)
{
	static const struct ferry_sack_block sacks[] = {
		{ 0x01020304, 0x05060708 }, { 0x11121314, 0x15161718 },
		{ 0x21222324, 0x25262728 }, { 0x31323334, 0x35363738 },
	};
	static const u8 syn[] = {
		2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0xa1, 0xa2, 0xa3, 0xa4,
		0xb1, 0xb2, 0xb3, 0xb4, 1, 3, 3, 7,
	};
	static const u8 data[] = {
		1, 1, 8, 10, 0xa1, 0xa2, 0xa3, 0xa4, 0xb1, 0xb2, 0xb3, 0xb4,
		1, 1, 5, 26, 1, 2, 3, 4, 5, 6, 7, 8,
		0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
		0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,
	};
	static const u8 old_syn[] = { 2, 4, 0x05, 0xb4, 1, 1, 4, 2 };
	struct ferry_options o = {
		.mss = 1460, .has_sack_perm = 1, .has_timestamp = 1,
		.has_wscale = 1, .wscale = 7,
		.ts_val = 0xa1a2a3a4, .ts_ecr = 0xb1b2b3b4,
	};
	u8 opt[FERRY_OPTIONS_MAX];

	KUNIT_ASSERT_EQ(test, ferry_options_build(opt, &o, NULL),
			(unsigned int)sizeof(syn));
	KUNIT_EXPECT_EQ(test, memcmp(opt, syn, sizeof(syn)), 0);

	o = (struct ferry_options){
		.has_timestamp = 1, .num_sacks = 4,
		.ts_val = 0xa1a2a3a4, .ts_ecr = 0xb1b2b3b4,
	};
	KUNIT_ASSERT_EQ(test, ferry_options_build(opt, &o, sacks),
			(unsigned int)sizeof(data));
	KUNIT_EXPECT_EQ(test, memcmp(opt, data, sizeof(data)), 0);

	o = (struct ferry_options){ .mss = 1460, .has_sack_perm = 1 };
	KUNIT_ASSERT_EQ(test, ferry_options_build(opt, &o, NULL),
			(unsigned int)sizeof(old_syn));
	KUNIT_EXPECT_EQ(test, memcmp(opt, old_syn, sizeof(old_syn)), 0);

	o = (struct ferry_options){ };
	KUNIT_EXPECT_EQ(test, ferry_options_build(opt, &o, NULL), 0U);
}

/* Build what @o says and see that it is read back so; false after a failure. */
static bool builds(struct kunit *test, const struct ferry_options *o,
		   const struct ferry_sack_block *sacks)
{
	unsigned int len, i, fit = o->has_timestamp ? 3 : 4;
	u8 opt[FERRY_OPTIONS_MAX];
	struct ferry_sack_block block;
	struct ferry_options got, want = *o;

	memset(opt, 0xa5, sizeof(opt));
	len = ferry_options_build(opt, o, sacks);
	if (len % 4 || len > sizeof(opt) ||
	    memchr_inv(opt + len, 0xa5, sizeof(opt) - len)) {
		KUNIT_FAIL(test, "length %u", len);
		return false;
	}
	parse(opt, len, o->mss, &got);
	want.num_sacks = min_t(unsigned int, want.num_sacks, fit);
	want.sacks = got.sacks;
	if (!same_options(&got, &want)) {
		KUNIT_FAIL(test, "%*ph read back otherwise", len, opt);
		return false;
	}
	for (i = 0; i < got.num_sacks; i++) {
		block = ferry_options_sack(opt, &got, i);
		if (memcmp(&block, &sacks[i], sizeof(block))) {
			KUNIT_FAIL(test, "block %u of %*ph", i, len, opt);
			return false;
		}
	}
	return true;
}

static void options_build_reads_back(struct kunit *test)
{
	static const struct ferry_sack_block sacks[] = {
		{ 1, 2 }, { U32_MAX, 0 }, { 0x12345678, 0x9abcdef0 }, { 7, 7 },
	};
	unsigned int mss, bits;

	for (mss = 1; mss <= 65535; mss++) {
		for (bits = 0; bits < 64; bits++) {
			struct ferry_options o = {
				.mss = mss,
				.has_sack_perm = bits & 1,
				.has_timestamp = !!(bits & 2),
				.has_wscale = bits >> 2 < 15,
			};

			if (o.has_wscale)
				o.wscale = bits >> 2;
			if (o.has_timestamp) {
				o.ts_val = mss * 0x10001;
				o.ts_ecr = ~o.ts_val;
			}
			if (!builds(test, &o, NULL))
				return;
		}
		if (!(mss % 1024))
			cond_resched();
	}
	for (bits = 0; bits < 10; bits++) {
		struct ferry_options o = {
			.has_timestamp = bits & 1, .num_sacks = bits >> 1,
		};

		if (!builds(test, &o, sacks))
			return;
	}
}

/* Places on the circle of sequence numbers where arithmetic may break. */
static const u32 places[] = {
	0, 1, 2, 1000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001,
	0xfffffc18, 0xfffffffe, 0xffffffff,
};

static void seq_before_and_after_across_the_wrap(struct kunit *test)
{
	static const u32 steps[] = { 1, 2, 1460, 0x40000000, 0x7fffffff };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		u32 a = places[i];

		KUNIT_EXPECT_FALSE(test, seq_before(a, a));
		KUNIT_EXPECT_FALSE(test, seq_after(a, a));
		for (k = 0; k < ARRAY_SIZE(steps); k++) {
			u32 b = a + steps[k];

			KUNIT_EXPECT_TRUE(test, seq_before(a, b));
			KUNIT_EXPECT_FALSE(test, seq_before(b, a));
			KUNIT_EXPECT_TRUE(test, seq_after(b, a));
			KUNIT_EXPECT_FALSE(test, seq_after(a, b));
		}
	}
	KUNIT_EXPECT_TRUE(test, seq_before(0xffffffff, 0));
	KUNIT_EXPECT_TRUE(test, seq_after(0, 0xffffffff));
}

static void seq_between_closed_interval(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		u32 low = places[i];

		KUNIT_EXPECT_TRUE(test, seq_between(low, low, low));
		KUNIT_EXPECT_FALSE(test, seq_between(low - 1, low, low));
		KUNIT_EXPECT_FALSE(test, seq_between(low + 1, low, low));
		KUNIT_EXPECT_TRUE(test, seq_between(low, low, low + 1000));
		KUNIT_EXPECT_TRUE(test, seq_between(low + 500, low, low + 1000));
		KUNIT_EXPECT_TRUE(test, seq_between(low + 1000, low, low + 1000));
		KUNIT_EXPECT_FALSE(test, seq_between(low + 1001, low, low + 1000));
		KUNIT_EXPECT_FALSE(test, seq_between(low - 1, low, low + 1000));
	}
}

/* The window is [wup, nxt + 100); 10 bytes are received but not acknowledged. */
static void seq_acceptable_window_edges(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		u32 wup = places[i], nxt = wup + 10, end = nxt + 100;

		/* All old: a duplicate. */
		KUNIT_EXPECT_FALSE(test, ferry_seq_acceptable(wup - 5, wup - 1,
							      wup, nxt, 100));
		/* Its end is where the window began. */
		KUNIT_EXPECT_TRUE(test, ferry_seq_acceptable(wup - 5, wup,
							     wup, nxt, 100));
		KUNIT_EXPECT_TRUE(test, ferry_seq_acceptable(nxt, nxt + 1,
							     wup, nxt, 100));
		KUNIT_EXPECT_TRUE(test, ferry_seq_acceptable(end - 1, end,
							     wup, nxt, 100));
		/* Starts inside, runs over the right edge. */
		KUNIT_EXPECT_TRUE(test, ferry_seq_acceptable(end - 1, end + 50,
							     wup, nxt, 100));
		/* An ACK from a peer that has filled the window. */
		KUNIT_EXPECT_TRUE(test, ferry_seq_acceptable(end, end,
							     wup, nxt, 100));
		KUNIT_EXPECT_FALSE(test, ferry_seq_acceptable(end + 1, end + 1,
							      wup, nxt, 100));
		KUNIT_EXPECT_FALSE(test, ferry_seq_acceptable(end + 1, end + 9,
							      wup, nxt, 100));
	}
}

static void seq_acceptable_zero_window(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		u32 nxt = places[i];

		/* RFC 9293's table: only an empty segment at RCV.NXT. */
		KUNIT_EXPECT_TRUE(test, ferry_seq_acceptable(nxt, nxt,
							     nxt, nxt, 0));
		KUNIT_EXPECT_FALSE(test, ferry_seq_acceptable(nxt + 1, nxt + 1,
							      nxt, nxt, 0));
		KUNIT_EXPECT_FALSE(test, ferry_seq_acceptable(nxt + 1, nxt + 2,
							      nxt, nxt, 0));
		KUNIT_EXPECT_FALSE(test, ferry_seq_acceptable(nxt - 2, nxt - 1,
							      nxt, nxt, 0));
		/* A window probe may carry data; its ACK field is wanted. */
		KUNIT_EXPECT_TRUE(test, ferry_seq_acceptable(nxt, nxt + 1,
							     nxt, nxt, 0));
		KUNIT_EXPECT_TRUE(test, ferry_seq_acceptable(nxt - 1, nxt,
							     nxt, nxt, 0));
	}
}

/*
 * Against numbers that do not wrap: whatever the table of RFC 9293 accepts is
 * accepted, and nothing that lies wholly outside [wup, nxt + window].
 */
static bool acceptable_as_unwrapped(struct kunit *test, u32 base, int seq,
				    int len, int unacked, int window)
{
	int end = seq + len, nxt = unacked, edge = nxt + window;
	bool first = seq >= nxt && seq < edge;
	bool last = end - 1 >= nxt && end - 1 < edge;
	bool got, table, outside;

	if (!len)
		table = window ? first : seq == nxt;
	else
		table = window && (first || last);
	outside = end < 0 || seq > edge;
	got = ferry_seq_acceptable(base + seq, base + end, base, base + nxt,
				   window);
	if (got == !outside && (got || !table))
		return true;
	KUNIT_FAIL(test, "base %08x seq %d len %d unacked %d window %d: %d",
		   base, seq, len, unacked, window, got);
	return false;
}

static bool segments_acceptable_as_unwrapped(struct kunit *test, u32 base,
					     int unacked, int window)
{
	int seq, len;

	for (len = 0; len < 8; len++)
		for (seq = -10; seq < 20; seq++)
			if (!acceptable_as_unwrapped(test, base, seq, len,
						     unacked, window))
				return false;
	return true;
}

static void seq_acceptable_small_windows_across_the_wrap(struct kunit *test)
{
	int unacked, window;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		for (unacked = 0; unacked < 5; unacked++)
			for (window = 0; window < 8; window++)
				if (!segments_acceptable_as_unwrapped(test, places[i],
								      unacked, window))
					return;
}

/* With the largest window that scaling allows, the edges are still apart. */
static void seq_acceptable_largest_window(struct kunit *test)
{
	u32 window = 65535U << 14;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		u32 nxt = places[i];

		KUNIT_EXPECT_TRUE(test, ferry_seq_acceptable(nxt + window - 1, nxt + window,
							     nxt, nxt, window));
		KUNIT_EXPECT_FALSE(test, ferry_seq_acceptable(nxt + window + 1, nxt + window + 2,
							      nxt, nxt, window));
		KUNIT_EXPECT_FALSE(test, ferry_seq_acceptable(nxt - 2, nxt - 1,
							      nxt, nxt, window));
	}
}

static void hdr_flags_every_bit_where_it_belongs(struct kunit *test)
{
	struct tcphdr th = {};

	KUNIT_EXPECT_EQ(test, ferry_hdr_flags(&th), 0);
	th.fin = 1;
	KUNIT_EXPECT_EQ(test, ferry_hdr_flags(&th), FERRY_FIN);
	th.syn = 1;
	KUNIT_EXPECT_EQ(test, ferry_hdr_flags(&th), FERRY_FIN | FERRY_SYN);
	th = (struct tcphdr){ .rst = 1 };
	KUNIT_EXPECT_EQ(test, ferry_hdr_flags(&th), FERRY_RST);
	th = (struct tcphdr){ .psh = 1 };
	KUNIT_EXPECT_EQ(test, ferry_hdr_flags(&th), FERRY_PSH);
	th = (struct tcphdr){ .ack = 1 };
	KUNIT_EXPECT_EQ(test, ferry_hdr_flags(&th), FERRY_ACK);
	th = (struct tcphdr){ .urg = 1 };
	KUNIT_EXPECT_EQ(test, ferry_hdr_flags(&th), FERRY_URG);
	th = (struct tcphdr){ .ece = 1 };
	KUNIT_EXPECT_EQ(test, ferry_hdr_flags(&th), FERRY_ECE);
	th = (struct tcphdr){ .cwr = 1, .doff = 15 };
	KUNIT_EXPECT_EQ(test, ferry_hdr_flags(&th), FERRY_CWR);
}

static void hdr_len_in_bytes(struct kunit *test)
{
	struct tcphdr th = { .doff = 5 };

	KUNIT_EXPECT_EQ(test, ferry_hdr_len(&th), 20U);
	th.doff = 15;
	KUNIT_EXPECT_EQ(test, ferry_hdr_len(&th), 60U);
}

static struct kunit_case segment_cases[] = {
	KUNIT_CASE(options_parse_no_options),
	KUNIT_CASE(options_parse_usual_segments),
	KUNIT_CASE(options_parse_syn_only_options_ignored_without_syn),
	KUNIT_CASE(options_parse_mss_zero_says_nothing),
	KUNIT_CASE(options_parse_wscale_at_most_14),
	KUNIT_CASE(options_parse_sack_whole_blocks_only),
	KUNIT_CASE(options_parse_end_hides_the_rest),
	KUNIT_CASE(options_parse_nops_anywhere),
	KUNIT_CASE(options_parse_last_of_repeated_counts),
	KUNIT_CASE(options_parse_lying_length_ends_it),
	KUNIT_CASE(options_parse_every_kind_length_and_truncation),
	KUNIT_CASE(options_parse_every_option_duplicated),
	KUNIT_CASE(options_parse_all_short_strings),
	KUNIT_CASE(options_parse_random_strings),
	KUNIT_CASE(options_parse_every_combination_in_every_order),
	KUNIT_CASE(options_build_bytes),
	KUNIT_CASE(options_build_reads_back),
	KUNIT_CASE(seq_before_and_after_across_the_wrap),
	KUNIT_CASE(seq_between_closed_interval),
	KUNIT_CASE(seq_acceptable_window_edges),
	KUNIT_CASE(seq_acceptable_zero_window),
	KUNIT_CASE(seq_acceptable_small_windows_across_the_wrap),
	KUNIT_CASE(seq_acceptable_largest_window),
	KUNIT_CASE(hdr_flags_every_bit_where_it_belongs),
	KUNIT_CASE(hdr_len_in_bytes),
	{}
};

static struct kunit_suite segment_suite = {
	.name = "ferry_segment",
	.init = segment_test_init,
	.exit = segment_test_exit,
	.test_cases = segment_cases,
};

kunit_test_suites(&segment_suite);

MODULE_DESCRIPTION("KUnit tests of the Ferry transport");
MODULE_LICENSE("GPL");
