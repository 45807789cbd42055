// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests of window.c: what a window may never do, over every small case, and
 * what it should do, by example.
 */
#include <kunit/test.h>

#include "../compat.h"
#include "../segment.h"
#include "../window.h"

static void window_from_space_half_of_the_buffer(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ferry_window_from_space(131072), 65536U);
	KUNIT_EXPECT_EQ(test, ferry_window_from_space(1), 0U);
	KUNIT_EXPECT_EQ(test, ferry_window_from_space(0), 0U);
	/* A buffer that is overdrawn. */
	KUNIT_EXPECT_EQ(test, ferry_window_from_space(-1), 0U);
	KUNIT_EXPECT_EQ(test, ferry_window_from_space(INT_MIN), 0U);
	KUNIT_EXPECT_EQ(test, ferry_window_from_space(INT_MAX), 0x3fffffffU);
}

static void window_scale_examples(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ferry_window_scale(0), 0);
	KUNIT_EXPECT_EQ(test, ferry_window_scale(65535), 0);
	KUNIT_EXPECT_EQ(test, ferry_window_scale(65536), 1);
	KUNIT_EXPECT_EQ(test, ferry_window_scale(131071), 1);
	KUNIT_EXPECT_EQ(test, ferry_window_scale(131072), 2);
	KUNIT_EXPECT_EQ(test, ferry_window_scale(6 << 20), 7);
	KUNIT_EXPECT_EQ(test, ferry_window_scale((65536U << 14) - 1), 14);
	KUNIT_EXPECT_EQ(test, ferry_window_scale(U32_MAX), 14);
}

/* Around every power of two: large enough, and no larger than that. */
static void window_scale_smallest_that_reaches(struct kunit *test)
{
	unsigned int bit, around;

	for (bit = 0; bit < 32; bit++) {
		for (around = 0; around < 5; around++) {
			u32 space = (1U << bit) + around - 2;
			u8 shift = ferry_window_scale(space);

			KUNIT_EXPECT_LE(test, shift, 14);
			if (shift < 14)
				KUNIT_EXPECT_LE(test, space >> shift, 65535U);
			if (shift)
				KUNIT_EXPECT_GT(test, space >> (shift - 1),
						65535U);
		}
	}
}

static void window_init_examples(struct kunit *test)
{
	/* 44 * 1460 */
	KUNIT_EXPECT_EQ(test, ferry_window_init(65535, 1460), 64240U);
	KUNIT_EXPECT_EQ(test, ferry_window_init(U32_MAX, 1460), 64240U);
	KUNIT_EXPECT_EQ(test, ferry_window_init(1460, 1460), 1460U);
	KUNIT_EXPECT_EQ(test, ferry_window_init(2919, 1460), 1460U);
	/* Loopback: not even one segment has room. */
	KUNIT_EXPECT_EQ(test, ferry_window_init(30000, 65483), 30000U);
	KUNIT_EXPECT_EQ(test, ferry_window_init(0, 1460), 0U);
}

static void window_init_fits_the_header_and_the_buffer(struct kunit *test)
{
	u32 space, mss;

	for (space = 0; space < 140000; space += space < 300 ? 1 : 997) {
		for (mss = 1; mss < 70000; mss += mss < 100 ? 1 : 1361) {
			u32 wnd = ferry_window_init(space, mss);
			u32 rest = min(space, 65535U) < mss ? 0 : wnd % mss;

			if (wnd <= 65535 && wnd <= space && !rest)
				continue;
			KUNIT_FAIL(test, "space %u mss %u: %u", space, mss,
				   wnd);
			return;
		}
		cond_resched();
	}
}

static void window_select_empty_buffer_is_offered(struct kunit *test)
{
	KUNIT_EXPECT_GE(test, ferry_window_select(0, 65535, 65535, 1460, 0),
			64240U);
	KUNIT_EXPECT_EQ(test, ferry_window_select(0, 1 << 20, 1 << 20, 1460, 7),
			1U << 20);
}

/* What can be said at most, with and without scaling. */
static void window_select_bounded_by_the_header(struct kunit *test)
{
	u32 shift;

	KUNIT_EXPECT_LE(test, ferry_window_select(0, 1 << 20, 1 << 20, 1460, 0),
			65535U);
	for (shift = 0; shift <= 14; shift++) {
		u32 max = 65535U << shift;

		KUNIT_EXPECT_LE(test, ferry_window_select(0, U32_MAX / 2, U32_MAX / 2,
							  1460, shift), max);
		KUNIT_EXPECT_EQ(test, ferry_window_select(max, 0, max, 1460, shift),
				max);
		KUNIT_EXPECT_EQ(test, ferry_window_select(max, max, max, 1460, shift),
				max);
	}
}

/* SHLD-14: the right edge stays where it was, however full the buffer is. */
static void window_select_full_buffer_does_not_shrink(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ferry_window_select(5000, 0, 65535, 1460, 0), 5000U);
	KUNIT_EXPECT_EQ(test, ferry_window_select(5000, 4999, 65535, 1460, 0),
			5000U);
	/* 39 * 128 = 4992 would shrink it. */
	KUNIT_EXPECT_EQ(test, ferry_window_select(5000, 0, 1 << 20, 1460, 7),
			5120U);
	KUNIT_EXPECT_EQ(test, ferry_window_select(0, 0, 65535, 1460, 0), 0U);
}

/* A reader that frees less than a segment at a time is not worth a word. */
static void window_select_no_crumbs(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ferry_window_select(0, 1459, 65535, 1460, 0), 0U);
	KUNIT_EXPECT_EQ(test, ferry_window_select(14600, 16059, 65535, 1460, 0),
			14600U);
	KUNIT_EXPECT_EQ(test, ferry_window_select(14592, 16000, 1 << 17, 1460, 2),
			14592U);
	KUNIT_EXPECT_GE(test, ferry_window_select(14592, 16056, 1 << 17, 1460, 2),
			14592U + 1460);
}

/* With less than a sixteenth free, the window closes rather than dribbles. */
static void window_select_nearly_full_closes(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ferry_window_select(0, 65535, 1 << 20, 1460, 7), 0U);
	KUNIT_EXPECT_EQ(test, ferry_window_select(0, 65536, 1 << 20, 1460, 7),
			65536U);
}

/* RFC 9293 section 3.8.6.2.2: half of a buffer smaller than two segments. */
static void window_select_small_buffer_opens_at_half(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ferry_window_select(0, 999, 2000, 1460, 0), 0U);
	KUNIT_EXPECT_GE(test, ferry_window_select(0, 1000, 2000, 1460, 0), 1000U);
	KUNIT_EXPECT_GE(test, ferry_window_select(0, 32768, 65535, 65483, 0),
			32768U);
	KUNIT_EXPECT_EQ(test, ferry_window_select(0, 2000, 2000, 1460, 0), 2000U);
}

/* A buffer that became smaller than the unit of the shift is still usable. */
static void window_select_buffer_smaller_than_a_unit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ferry_window_select(0, 1152, 1152, 1460, 12), 4096U);
	KUNIT_EXPECT_EQ(test, ferry_window_select(0, 100, 1152, 1460, 12), 0U);
}

struct window_case {
	u32 current_wnd, free, full, mss, shift;
};

static const char *window_fault(const struct window_case *c)
{
	u32 wnd = ferry_window_select(c->current_wnd, c->free, c->full, c->mss,
				      c->shift);
	u32 unit = 1U << c->shift, old = ALIGN(c->current_wnd, unit);
	u32 step = min(c->mss, DIV_ROUND_UP(c->full, 2));

	if (wnd < c->current_wnd)
		return "shrinks";
	if (wnd % unit || wnd >> c->shift > 65535)
		return "cannot be said";
	if (wnd > old && wnd - c->current_wnd < step)
		return "grows by a crumb";
	if (wnd > old && c->free < max(step, 1U))
		return "opens before there is room";
	if (wnd > old && wnd > c->free && c->full >= unit)
		return "promises more than there is room for";
	if (!wnd && c->full && c->free == c->full)
		return "stays closed over an empty buffer";
	return NULL;
}

static bool window_right(struct kunit *test, const struct window_case *c)
{
	const char *fault = window_fault(c);

	if (fault)
		KUNIT_FAIL(test, "%u of %u free, %u known, mss %u, shift %u: %s",
			   c->free, c->full, c->current_wnd, c->mss, c->shift,
			   fault);
	return !fault;
}

/* With every segment size and shift that makes a difference. */
static bool small_window_right(struct kunit *test, struct window_case *c)
{
	for (c->mss = 1; c->mss <= 24; c->mss += 1 + c->mss / 8)
		for (c->shift = 0; c->shift <= 6; c->shift++)
			if (!window_right(test, c))
				return false;
	return true;
}

static void window_select_small_cases(struct kunit *test)
{
	struct window_case c;

	for (c.full = 0; c.full <= 40; c.full++) {
		for (c.free = 0; c.free <= c.full; c.free++)
			for (c.current_wnd = 0; c.current_wnd <= 44; c.current_wnd++)
				if (!small_window_right(test, &c))
					return;
		cond_resched();
	}
}

static bool large_window_right(struct kunit *test, struct window_case *c,
			       u32 known)
{
	static const u32 mss[] = { 88, 536, 1460, 8960, 65483 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(mss); i++) {
		c->mss = mss[i];
		for (c->shift = 0; c->shift <= 14; c->shift++) {
			c->current_wnd = min(known, 65535U << c->shift);
			if (!window_right(test, c))
				return false;
		}
	}
	return true;
}

/* The same at the size of real buffers, around their edges. */
static void window_select_large_cases(struct kunit *test)
{
	static const u32 sizes[] = {
		0, 1, 535, 1460, 2920, 4095, 4096, 65534, 65535, 65536,
		131072, 1 << 20, (1 << 20) + 1459, 6 << 20, 0x3fffffff,
	};
	unsigned int full, free, known;
	struct window_case c;

	for (full = 0; full < ARRAY_SIZE(sizes); full++) {
		for (free = 0; free <= full; free++) {
			c.full = sizes[full];
			c.free = sizes[free];
			for (known = 0; known < ARRAY_SIZE(sizes); known++)
				if (!large_window_right(test, &c, sizes[known]))
					return;
		}
	}
}

/*
 * A sender that fills every window and a reader that takes @bite bytes at a
 * time: the edge never moves back, moves by whole steps, and the data flows.
 */
static bool data_flows(struct kunit *test, u32 full, u32 mss, u8 shift, u32 bite)
{
	u32 step = min(mss, DIV_ROUND_UP(full, 2)), unit = 1U << shift;
	u32 queued = 0, read = 0, received = 0, edge = 0, moves = 0, n;

	for (n = 0; read < 4 * full && n < 100 * full; n++) {
		u32 free = full > queued ? full - queued : 0;
		u32 wnd = ferry_window_select(edge - received, free, full, mss,
					      shift);

		if (received + wnd < edge) {
			KUNIT_FAIL(test, "full %u mss %u shift %u bite %u: edge moves back",
				   full, mss, shift, bite);
			return false;
		}
		moves += received + wnd > edge;
		edge = received + wnd;
		if (received < edge) {
			u32 size = min(mss, edge - received);

			received += size;
			queued += size;
		}
		if (queued) {
			u32 size = min(bite, queued);

			queued -= size;
			read += size;
		}
	}
	/* Rounding up to a unit moves the edge too, once for each at most. */
	if (read >= 4 * full &&
	    moves <= 1 + received / step + (shift ? received / unit : 0))
		return true;
	KUNIT_FAIL(test, "full %u mss %u shift %u bite %u: %u read, %u received, %u moves",
		   full, mss, shift, bite, read, received, moves);
	return false;
}

static void window_select_slow_reader_is_served(struct kunit *test)
{
	u32 full, mss, bite, shift;

	for (full = 1; full <= 60; full++) {
		for (mss = 1; mss <= 20; mss += 3)
			for (bite = 1; bite <= full; bite += 1 + bite / 4)
				for (shift = 0; shift <= 3; shift++)
					if (!data_flows(test, full, mss, shift, bite))
						return;
		cond_resched();
	}
}

static void rcv_rtt_grows_slowly(struct kunit *test)
{
	u32 rtt = ferry_rcv_rtt_smooth(0, 8000), i;

	KUNIT_EXPECT_EQ(test, rtt, 8000U);
	KUNIT_EXPECT_EQ(test, ferry_rcv_rtt_smooth(rtt, 16000), 9000U);
	KUNIT_EXPECT_EQ(test, ferry_rcv_rtt_smooth(rtt, 1000), 1000U);
	for (i = 0; i < 200; i++)
		rtt = ferry_rcv_rtt_smooth(rtt, 80000);
	KUNIT_EXPECT_LE(test, rtt, 80000U);
	KUNIT_EXPECT_GE(test, rtt, 79990U);
	KUNIT_EXPECT_EQ(test, ferry_rcv_rtt_smooth(1, 1), 1U);
	KUNIT_EXPECT_GE(test, ferry_rcv_rtt_smooth(U32_MAX, U32_MAX), U32_MAX);
}

static void rcvbuf_lets_slow_start_double(struct kunit *test)
{
	const u32 mss = 1448, max = 6291456;
	u32 before = 14480, copied, buffer, window;

	/* A sender that doubles every round trip is never held back. */
	for (copied = 2 * before; copied < 1000000; copied *= 2) {
		buffer = ferry_rcvbuf_wanted(copied, before, mss, max);
		window = ferry_window_from_space(buffer);
		KUNIT_EXPECT_GE(test, window, min(2 * copied, max / 2));
		before = copied;
	}
	/* A steady one gets twice what it uses, and some segments. */
	buffer = ferry_rcvbuf_wanted(100000, 100000, mss, max);
	KUNIT_EXPECT_EQ(test, ferry_window_from_space(buffer),
			200000 + 16 * mss);
	KUNIT_EXPECT_EQ(test, ferry_rcvbuf_wanted(U32_MAX, 0, 65535, max), max);
	KUNIT_EXPECT_LE(test, ferry_rcvbuf_wanted(0, 0, mss, max), max);
}

static void rcv_ssthresh_promises_what_fits(struct kunit *test)
{
	const u32 buffer = 131072, mss = 1448;
	u32 len, i, ssthresh;

	for (len = 128; len <= 1448; len += 40) {
		ssthresh = 14480;
		for (i = 0; i < 1000; i++) {
			u32 old = ssthresh;

			ssthresh = ferry_rcv_ssthresh_after(ssthresh, buffer,
							    len, 2304, mss);
			KUNIT_EXPECT_GE(test, ssthresh, old);
			KUNIT_EXPECT_LE(test, ssthresh - old, 2 * mss);
		}
		KUNIT_EXPECT_LE(test, ssthresh,
				ferry_window_from_space(buffer));
		/* So many of them fit, unless more was promised before. */
		if (ssthresh > 14480)
			KUNIT_EXPECT_LE(test, ssthresh / len * 2304, buffer);
	}
	KUNIT_EXPECT_EQ(test, ferry_rcv_ssthresh_after(1000, buffer, 1448, 1500,
						       mss), 1000 + 2 * mss);
	KUNIT_EXPECT_EQ(test, ferry_rcv_ssthresh_after(90000, buffer, 1448,
						       1500, mss), 90000U);
}

static struct kunit_case window_cases[] = {
	KUNIT_CASE(window_from_space_half_of_the_buffer),
	KUNIT_CASE(window_scale_examples),
	KUNIT_CASE(window_scale_smallest_that_reaches),
	KUNIT_CASE(window_init_examples),
	KUNIT_CASE(window_init_fits_the_header_and_the_buffer),
	KUNIT_CASE(window_select_empty_buffer_is_offered),
	KUNIT_CASE(window_select_bounded_by_the_header),
	KUNIT_CASE(window_select_full_buffer_does_not_shrink),
	KUNIT_CASE(window_select_no_crumbs),
	KUNIT_CASE(window_select_nearly_full_closes),
	KUNIT_CASE(window_select_small_buffer_opens_at_half),
	KUNIT_CASE(window_select_buffer_smaller_than_a_unit),
	KUNIT_CASE(window_select_small_cases),
	KUNIT_CASE(window_select_large_cases),
	KUNIT_CASE(window_select_slow_reader_is_served),
	KUNIT_CASE(rcv_rtt_grows_slowly),
	KUNIT_CASE(rcvbuf_lets_slow_start_double),
	KUNIT_CASE(rcv_ssthresh_promises_what_fits),
	{}
};

static struct kunit_suite window_suite = {
	.name = "ferry_window",
	.test_cases = window_cases,
};

kunit_test_suites(&window_suite);
