/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a connection needs only when its path loses, reorders or repeats.
 *
 * Most connections never do, and a struct ferry_sock has no room to spare; so
 * this is allocated when the first of these things happens, and stays until the
 * socket goes or is used again.  The socket lock protects it.
 */
#ifndef _FERRY_TROUBLE_H
#define _FERRY_TROUBLE_H

#include <linux/hrtimer.h>
#include <linux/rcupdate.h>

#include "compress.h"
#include "ofo.h"

/**
 * struct ferry_trouble - what happened to a connection, and what came of it
 * @ofo: received beyond a hole, or twice
 * @ooo_segs: segments that came beyond a hole
 * @dsack_segs: segments that the peer says it got twice (RFC 2883)
 * @rto_since_ms: when the retransmission timer expired for the first time since
 *	there was progress, by the clock of timestamps; valid with @rto_running
 * @rto_ms: how long such times lasted that are over, milliseconds
 * @rtos: expiries of that timer
 * @rto_recoveries: times that it expired after there had been progress
 * @rto_running: what was sent before the last expiry is not yet acknowledged
 * @compress: ACKs that wait
 * @timer: for them; pending it holds a reference to the socket
 * @sk: the socket
 * @rcu: a timer that has just expired may still look at @sk
 */
struct ferry_trouble {
	struct ferry_ofo ofo;
	u32 ooo_segs;
	u32 dsack_segs;
	u32 rto_since_ms;
	u32 rto_ms;
	u16 rtos;
	u16 rto_recoveries;
	bool rto_running;
	struct ferry_compress compress;
	struct hrtimer timer;
	struct sock *sk;
	struct rcu_head rcu;
};

#endif /* _FERRY_TROUBLE_H */
