/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The arithmetic of the receive window.  Pure: no sockets.
 */
#ifndef _FERRY_WINDOW_H
#define _FERRY_WINDOW_H

#include <linux/types.h>

/* What a header can say without window scaling. */
#define FERRY_WINDOW_UNSCALED_MAX	65535U

u8 ferry_window_scale(u32 space);
u32 ferry_window_init(u32 space, u32 mss);
u32 ferry_rcv_rtt_smooth(u32 rtt_us, u32 sample_us);
u32 ferry_rcvbuf_wanted(u32 copied, u32 before, u32 mss, u32 max);
u32 ferry_rcv_ssthresh_after(u32 ssthresh, u32 buffer, u32 len, u32 truesize,
			     u32 mss);
u32 ferry_window_select(u32 current_wnd, u32 free, u32 full, u32 mss,
			u8 shift);

/**
 * ferry_window_from_space() - how much of a buffer is promised to the peer
 * @space: bytes of receive buffer
 *
 * A segment costs more memory than its payload.  Half of the buffer is kept
 * for that, as Linux TCP does with tcp_adv_win_scale at its old default.
 *
 * Return: bytes of window.
 */
static inline u32 ferry_window_from_space(int space)
{
	return space > 0 ? space / 2 : 0;
}

#endif /* _FERRY_WINDOW_H */
