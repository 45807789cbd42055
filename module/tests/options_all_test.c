// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of segment.c: any bytes where options should be.
 *
 * A second parser, written as plainly as possible, says what the first should
 * have found.  Buffers stand against the unmapped page behind a vmalloc area,
 * so that a read past the last option faults on every kernel, and are parsed
 * again between two kinds of canaries, so that a read on either side that
 * influences the result is seen.
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/vmalloc.h>

#include "../compat.h"
#include "options.h"

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

static int options_all_init(struct kunit *test)
{
	struct area *area = kunit_kzalloc(test, sizeof(*area), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, area);
	area->page = vmalloc(PAGE_SIZE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, area->page);
	area->end = area->page + PAGE_SIZE;
	test->priv = area;
	return 0;
}

static void options_all_exit(struct kunit *test)
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

static struct kunit_case options_all_cases[] = {
	KUNIT_CASE(options_parse_every_kind_length_and_truncation),
	KUNIT_CASE(options_parse_every_option_duplicated),
	KUNIT_CASE(options_parse_all_short_strings),
	KUNIT_CASE(options_parse_random_strings),
	KUNIT_CASE(options_parse_every_combination_in_every_order),
	{}
};

static struct kunit_suite options_all_suite = {
	.name = "ferry_options_all",
	.init = options_all_init,
	.exit = options_all_exit,
	.test_cases = options_all_cases,
};

kunit_test_suites(&options_all_suite);
