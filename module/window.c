// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which window to announce (RFC 9293 section 3.8.6, RFC 7323 section 2).
 *
 * Four rules decide.  What was once offered is never taken back, or data on
 * its way would fall outside (SHLD-14).  The window does not grow by crumbs,
 * or a slow reader would cause a segment for every few bytes that it reads:
 * the silly window syndrome (MUST-39).  A window that is nearly closed is
 * announced as closed, so that the sender waits for a proper opening.  And one
 * that is not scaled is announced in whole segments.
 */
#include <linux/align.h>
#include <linux/kernel.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "compat.h"
#include "segment.h"
#include "window.h"

/**
 * ferry_window_scale() - the shift that lets a window reach a size
 * @space: the largest window there may ever be, in bytes
 *
 * RFC 7323 section 2.3.  Pure; any context.
 *
 * Return: the shift, 0 to 14.
 */
u8 ferry_window_scale(u32 space)
{
	u8 shift = 0;

	while (shift < FERRY_WSCALE_MAX &&
	       (space >> shift) > FERRY_WINDOW_UNSCALED_MAX)
		shift++;
	return shift;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_window_scale);

/**
 * ferry_window_init() - the first window of a connection
 * @space: bytes of receive window that the buffer allows
 * @mss: maximum segment size in bytes, more than 0
 *
 * The window in a SYN is never scaled, so it is bounded by 65535 whatever the
 * shift (RFC 7323 section 2.2).  Pure; any context.
 *
 * Return: bytes; whole segments if there is room for one.
 */
u32 ferry_window_init(u32 space, u32 mss)
{
	u32 wnd = min(space, FERRY_WINDOW_UNSCALED_MAX);

	return wnd > mss ? rounddown(wnd, mss) : wnd;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_window_init);

/**
 * ferry_window_select() - the window to announce now
 * @current_wnd: what is left of the window announced last, in bytes
 * @free: bytes of window that the buffer has room for now
 * @full: bytes of window that the empty buffer would have
 * @mss: maximum segment size in bytes
 * @shift: window shift in force, 0 to 14
 *
 * Pure; any context.
 *
 * Return: bytes, such that shifting them right loses nothing; @current_wnd,
 * rounded up to that, if there is nothing better to offer.
 */
u32 ferry_window_select(u32 current_wnd, u32 free, u32 full, u32 mss, u8 shift)
{
	u32 unit = 1U << shift, max = FERRY_WINDOW_UNSCALED_MAX << shift;
	/* RFC 9293 section 3.8.6.2.2: a segment, or half of a small buffer. */
	u32 step = max(min(mss, DIV_ROUND_UP(full, 2)), 1U);
	/* A buffer smaller than a unit could never be opened otherwise. */
	u32 least = full < unit ? unit : 0;
	u32 offer = clamp(round_down(free, unit), least, max);

	/*
	 * Whole segments, so that what is left does not lag behind the next
	 * segment until it is read.  Units of a shift do not line up with them.
	 */
	if (!shift && mss && full >= 2 * mss)
		offer = rounddown(offer, mss);
	if (free >= max(step, full / 16) && offer >= current_wnd + step)
		return offer;
	return min(ALIGN(current_wnd, unit), max);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_window_select);

/**
 * ferry_rcv_rtt_smooth() - the receiver's round-trip time
 * @rtt_us: the old value, 0 if there is none
 * @sample_us: a measurement, not 0
 *
 * A larger one may be the sender's pause, a smaller one cannot lie.  Pure; any
 * context.
 *
 * Return: microseconds: the measurement if it is smaller, else an eighth of
 * the change is taken over.
 */
u32 ferry_rcv_rtt_smooth(u32 rtt_us, u32 sample_us)
{
	if (!rtt_us || sample_us < rtt_us)
		return sample_us;
	return rtt_us + (sample_us - rtt_us) / 8;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rcv_rtt_smooth);

/**
 * ferry_rcvbuf_wanted() - the buffer for what is read in a round trip
 * @copied: bytes read in the last round trip
 * @before: bytes read in one before, when the buffer was last looked at
 * @mss: maximum segment size in bytes, more than 0
 * @max: upper bound in bytes
 *
 * The window has to be twice @copied, since the sender in slow start doubles
 * its own, and some segments more, so that a loss does not stop it.  If more
 * was read than @before, as much again will come on top: it is raised by twice
 * that part.  Pure; any context.
 *
 * Return: bytes.
 */
u32 ferry_rcvbuf_wanted(u32 copied, u32 before, u32 mss, u32 max)
{
	u64 window = 2ULL * copied + 16 * mss;

	if (copied > before)
		window += 2 * div_u64(window * (copied - before),
				      max(before, 1U));
	return min_t(u64, 2 * window, max);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rcvbuf_wanted);

/**
 * ferry_rcv_ssthresh_after() - how much to promise after a segment
 * @ssthresh: bytes promised at most so far
 * @buffer: bytes of receive buffer
 * @len: payload of the segment in bytes, more than 0
 * @truesize: bytes of memory that it costs
 * @mss: the peer's segment size in bytes
 *
 * Pure; any context.
 *
 * Return: bytes: two segments more, unless segments of this kind would not
 * fit into the buffer then.  Never less than @ssthresh.
 */
u32 ferry_rcv_ssthresh_after(u32 ssthresh, u32 buffer, u32 len, u32 truesize,
			     u32 mss)
{
	u32 fits = div_u64((u64)buffer * len, max(truesize, 1U));
	u32 limit = min(fits, ferry_window_from_space(buffer));

	if (ssthresh >= limit)
		return ssthresh;
	return min(limit, ssthresh + 2 * max(mss, len));
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_rcv_ssthresh_after);
