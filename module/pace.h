/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a sender needs that has to wait for its own pace or its own queue.
 */
#ifndef _FERRY_PACE_H
#define _FERRY_PACE_H

#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/types.h>

/* Bits of &struct ferry_pacer.flags, changed in any context. */
enum ferry_pacer_flags {
	FERRY_PACER_THROTTLED,	/* tsq.c: too much is in the queues below */
	FERRY_PACER_QUEUED,	/* @tasklet is scheduled, with a reference */
};

/**
 * struct ferry_pacer - made when a connection has to wait for the first time
 * @timer: until @next_ns; pending, it holds a reference to the socket
 * @tasklet: sends when a packet has left the queues, see tsq.c
 * @sk: whose it is
 * @next_ns: when the next packet may leave, ktime_get_ns(); under the socket
 *	lock
 * @flags: see &enum ferry_pacer_flags
 * @rcu: see ferry_pace_free()
 */
struct ferry_pacer {
	struct hrtimer timer;
	struct tasklet_struct tasklet;
	struct sock *sk;
	u64 next_ns;
	unsigned long flags;
	struct rcu_head rcu;
};

struct ferry_pacer *ferry_pacer_get(struct sock *sk);
void ferry_tsq_tasklet(struct tasklet_struct *tasklet);

#endif /* _FERRY_PACE_H */
