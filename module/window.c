// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which window to announce (RFC 9293 section 3.8.6, RFC 7323 section 2).
 *
 * Three rules decide.  What was once offered is never taken back, or data on
 * its way would fall outside (SHLD-14).  The window does not grow by crumbs,
 * or a slow reader would cause a segment for every few bytes that it reads:
 * the silly window syndrome (MUST-39).  And a window that is nearly closed is
 * announced as closed, so that the sender waits for a proper opening.
 */
#include <linux/align.h>
#include <linux/kernel.h>
#include <linux/math.h>
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

	if (free >= max(step, full / 16) && offer >= current_wnd + step)
		return offer;
	return min(ALIGN(current_wnd, unit), max);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_window_select);
