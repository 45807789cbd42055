// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of merge.c: what may be appended, and each single thing that forbids
 * it.
 */
#include <kunit/test.h>

#include "../compat.h"
#include "../merge.h"
#include "../segment.h"

#define MSS	1448U

struct segment {
	struct tcphdr th;
	u8 options[FERRY_OPTIONS_MAX];
};

static void set_flags(struct segment *s, u16 flags)
{
	put_unaligned_be16(s->th.doff << 12 | flags, (u8 *)&s->th + 12);
}

/* As of a stream with timestamps. */
static struct segment segment(u32 seq)
{
	const struct ferry_options o = {
		.has_timestamp = 1, .ts_val = 1000, .ts_ecr = 2000,
	};
	struct segment s = {
		.th.source = htons(5000), .th.dest = htons(6000),
		.th.seq = htonl(seq), .th.ack_seq = htonl(77),
		.th.window = htons(500),
	};

	s.th.doff = 5 + ferry_options_build(s.options, &o, NULL) / 4;
	set_flags(&s, FERRY_ACK);
	return s;
}

static bool takes(const struct segment *first, u32 len,
		  const struct segment *next, u32 next_len)
{
	const struct ferry_train train = {
		.th = &first->th, .len = len, .mss = MSS,
	};

	return ferry_train_takes(&train, &next->th, next_len);
}

static void merge_takes_what_follows(struct kunit *test)
{
	struct segment first = segment(100), next = segment(100 + MSS);

	KUNIT_EXPECT_TRUE(test, takes(&first, MSS, &next, MSS));
	/* The last one may be shorter. */
	KUNIT_EXPECT_TRUE(test, takes(&first, MSS, &next, MSS - 1));
	KUNIT_EXPECT_TRUE(test, takes(&first, MSS, &next, 1));
	next = segment(100 + 10 * MSS);
	KUNIT_EXPECT_TRUE(test, takes(&first, 10 * MSS, &next, MSS));
}

static void merge_takes_across_the_wrap(struct kunit *test)
{
	struct segment first = segment(0U - MSS / 2);
	struct segment next = segment(MSS / 2);

	KUNIT_EXPECT_TRUE(test, takes(&first, MSS, &next, MSS));
	next = segment(MSS / 2 + 1);
	KUNIT_EXPECT_FALSE(test, takes(&first, MSS, &next, MSS));
}

static void merge_wants_the_next_byte(struct kunit *test)
{
	struct segment first = segment(100), next;
	u32 seq;

	for (seq = 100; seq <= 100 + 3 * MSS; seq++) {
		next = segment(seq);
		KUNIT_EXPECT_EQ(test, takes(&first, MSS, &next, MSS),
				seq == 100 + MSS);
	}
}

static void merge_wants_one_size(struct kunit *test)
{
	struct segment first = segment(100), next = segment(100 + MSS);

	KUNIT_EXPECT_FALSE(test, takes(&first, MSS, &next, MSS + 1));
	KUNIT_EXPECT_FALSE(test, takes(&first, MSS, &next, U16_MAX));
	/* An ACK alone. */
	KUNIT_EXPECT_FALSE(test, takes(&first, MSS, &next, 0));
}

/* All 12 bits: PSH and FIN may come last, and CWR first; no others differ. */
static void merge_flags(struct kunit *test)
{
	struct segment first = segment(100), next = segment(100 + MSS);
	const u16 alone = FERRY_SYN | FERRY_RST | FERRY_URG;
	u16 flags;

	for (flags = 0; flags < 1 << 12; flags++) {
		bool same = (flags & ~(FERRY_PSH | FERRY_FIN)) == FERRY_ACK;

		set_flags(&next, flags);
		KUNIT_EXPECT_EQ_MSG(test, takes(&first, MSS, &next, MSS), same,
				    "flags %x", flags);
		/* Both alike: but for what stands alone, and CWR. */
		set_flags(&first, flags);
		KUNIT_EXPECT_EQ_MSG(test, takes(&first, MSS, &next, MSS),
				    !(flags & (alone | FERRY_CWR)),
				    "twice flags %x", flags);
		set_flags(&first, FERRY_ACK);
	}
	set_flags(&first, FERRY_ACK | FERRY_CWR);
	set_flags(&next, FERRY_ACK);
	KUNIT_EXPECT_TRUE(test, takes(&first, MSS, &next, MSS));
	set_flags(&next, FERRY_ACK | FERRY_ECE);
	KUNIT_EXPECT_FALSE(test, takes(&first, MSS, &next, MSS));
}

static void merge_wants_one_ack_and_window(struct kunit *test)
{
	struct segment first = segment(100), next = segment(100 + MSS);

	next.th.ack_seq = htonl(78);
	KUNIT_EXPECT_FALSE(test, takes(&first, MSS, &next, MSS));
	next = segment(100 + MSS);
	next.th.window = htons(501);
	KUNIT_EXPECT_FALSE(test, takes(&first, MSS, &next, MSS));
}

static void merge_wants_the_same_options(struct kunit *test)
{
	struct segment first = segment(100), next;
	unsigned int i, len = ferry_hdr_len(&first.th) - sizeof(first.th);

	for (i = 0; i < FERRY_OPTIONS_MAX; i++) {
		next = segment(100 + MSS);
		next.options[i] ^= 1;
		/* What is behind them is data. */
		KUNIT_EXPECT_EQ(test, takes(&first, MSS, &next, MSS), i >= len);
	}
	next = segment(100 + MSS);
	next.th.doff++;
	KUNIT_EXPECT_FALSE(test, takes(&first, MSS, &next, MSS));
	next.th.doff = 5;
	KUNIT_EXPECT_FALSE(test, takes(&first, MSS, &next, MSS));
	first.th.doff = 5;
	KUNIT_EXPECT_TRUE(test, takes(&first, MSS, &next, MSS));
}

static void merge_ends(struct kunit *test)
{
	struct segment s = segment(100);

	KUNIT_EXPECT_FALSE(test, ferry_train_ends(&s.th, MSS, MSS));
	KUNIT_EXPECT_TRUE(test, ferry_train_ends(&s.th, MSS - 1, MSS));
	KUNIT_EXPECT_TRUE(test, ferry_train_ends(&s.th, 0, 0));
	/* It is not the last for what it says of ECN. */
	set_flags(&s, FERRY_ACK | FERRY_CWR | FERRY_ECE);
	KUNIT_EXPECT_FALSE(test, ferry_train_ends(&s.th, MSS, MSS));
	set_flags(&s, FERRY_ACK | FERRY_PSH);
	KUNIT_EXPECT_TRUE(test, ferry_train_ends(&s.th, MSS, MSS));
	set_flags(&s, FERRY_ACK | FERRY_FIN);
	KUNIT_EXPECT_TRUE(test, ferry_train_ends(&s.th, MSS, MSS));
	set_flags(&s, FERRY_ACK | FERRY_URG);
	KUNIT_EXPECT_TRUE(test, ferry_train_ends(&s.th, MSS, MSS));
	set_flags(&s, FERRY_SYN);
	KUNIT_EXPECT_TRUE(test, ferry_train_ends(&s.th, MSS, MSS));
	set_flags(&s, FERRY_RST);
	KUNIT_EXPECT_TRUE(test, ferry_train_ends(&s.th, MSS, MSS));
}

static struct kunit_case merge_cases[] = {
	KUNIT_CASE(merge_takes_what_follows),
	KUNIT_CASE(merge_takes_across_the_wrap),
	KUNIT_CASE(merge_wants_the_next_byte),
	KUNIT_CASE(merge_wants_one_size),
	KUNIT_CASE(merge_flags),
	KUNIT_CASE(merge_wants_one_ack_and_window),
	KUNIT_CASE(merge_wants_the_same_options),
	KUNIT_CASE(merge_ends),
	{}
};

static struct kunit_suite merge_suite = {
	.name = "ferry_merge",
	.test_cases = merge_cases,
};

kunit_test_suites(&merge_suite);
