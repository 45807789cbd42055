// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of segment.h: sequence numbers, and the bits of the header.  Options
 * are in options_test.c.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../segment.h"

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
	.test_cases = segment_cases,
};

kunit_test_suites(&segment_suite);

MODULE_DESCRIPTION("KUnit tests of the Ferry transport");
MODULE_LICENSE("GPL");
