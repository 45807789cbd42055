// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of segment.c: what each option means, and writing them.
 */
#include <kunit/test.h>
#include <linux/string.h>

#include "options.h"

static void options_parse_no_options(struct kunit *test)
{
	static const u8 beyond[] = { 2, 4, 0x05, 0xb4 };
	struct ferry_options o;

	parse(beyond, 0, true, &o);
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

	memset(opt, 0, sizeof(opt));
	ferry_options_build_timestamp(opt, 0xa1a2a3a4, 0xb1b2b3b4);
	KUNIT_EXPECT_EQ(test, memcmp(opt, data, FERRY_TIMESTAMP_LEN), 0);
	KUNIT_EXPECT_EQ(test, opt[FERRY_TIMESTAMP_LEN], 0);

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

static struct kunit_case options_cases[] = {
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
	KUNIT_CASE(options_build_bytes),
	KUNIT_CASE(options_build_reads_back),
	{}
};

static struct kunit_suite options_suite = {
	.name = "ferry_options",
	.test_cases = options_cases,
};

kunit_test_suites(&options_suite);
