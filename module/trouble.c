// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a connection keeps of the trouble with its path: trouble.h.
 *
 * Without memory the numbers for FERRY_INFO are lost, and nothing else.
 *
 * Context: socket lock held, unless it says otherwise.
 */
#include "ferry.h"

/* The timer of the ACKs that wait (delack.c); pending, it holds a reference. */
static enum hrtimer_restart timer_expired(struct hrtimer *timer)
{
	struct ferry_trouble *t = container_of(timer, struct ferry_trouble,
					       timer);

	ferry_work_put(t->sk, FERRY_WORK_ACK);
	return HRTIMER_NORESTART;
}

/**
 * ferry_trouble() - where a connection keeps it
 * @fp: the stream
 *
 * Return: the place, which is made when it is asked for first, or NULL without
 * memory.
 */
struct ferry_trouble *ferry_trouble(struct ferry_sock *fp)
{
	struct ferry_trouble *t = fp->trouble;

	if (likely(t))
		return t;
	t = kzalloc(sizeof(*t), GFP_ATOMIC | __GFP_NOWARN);
	if (!t)
		return NULL;
	t->sk = &fp->conn.inet.sk;
	hrtimer_setup(&t->timer, timer_expired, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_SOFT);
	fp->trouble = t;
	return t;
}

/**
 * ferry_trouble_free() - the stream ends, or the socket is used again
 * @sk: the socket
 *
 * The timer may be expiring just now, in softirq, for which RCU waits.  It
 * finds the socket, and there nothing to do.
 */
void ferry_trouble_free(struct sock *sk)
{
	struct ferry_trouble *t = ferry_sk(sk)->trouble;

	if (!t)
		return;
	ferry_purge_ofo(sk);
	ferry_compress_end(sk);
	ferry_sk(sk)->trouble = NULL;
	kfree_rcu(t, rcu);
}

/**
 * ferry_trouble_dsack() - the peer got something twice
 * @fp: the stream
 * @segs: how many segments
 */
void ferry_trouble_dsack(struct ferry_sock *fp, u32 segs)
{
	struct ferry_trouble *t = ferry_trouble(fp);

	if (t)
		t->dsack_segs += segs;
}

/**
 * ferry_trouble_rto() - the retransmission timer has expired
 * @fp: the stream; its &ferry_cong.now_us is set
 * @first: for the first time since there was progress
 */
void ferry_trouble_rto(struct ferry_sock *fp, bool first)
{
	struct ferry_trouble *t = ferry_trouble(fp);

	if (!t)
		return;
	if (first) {
		t->rto_recoveries++;
		t->rto_since_ms = ferry_ts_of_us(fp->conn.cong.now_us);
		t->rto_running = true;
	}
	t->rtos++;
}

/**
 * ferry_trouble_rto_over() - what had been sent when it expired has arrived
 * @fp: the stream; its &ferry_cong.now_us is set
 */
void ferry_trouble_rto_over(struct ferry_sock *fp)
{
	struct ferry_trouble *t = fp->trouble;

	if (!t || !t->rto_running)
		return;
	t->rto_ms += ferry_ts_of_us(fp->conn.cong.now_us) - t->rto_since_ms;
	t->rto_running = false;
}

/**
 * ferry_trouble_synack() - the SYN-ACK had to be sent again
 * @fp: the stream of a new connection
 * @timeouts: expiries of its timer
 * @ms: since it was sent first
 *
 * TCP has one recovery for that, from the first SYN-ACK on.
 */
void ferry_trouble_synack(struct ferry_sock *fp, u16 timeouts, u32 ms)
{
	struct ferry_trouble *t = ferry_trouble(fp);

	if (!t)
		return;
	t->rtos = timeouts;
	t->rto_recoveries = 1;
	t->rto_ms = ms;
}

/**
 * ferry_trouble_info() - what FERRY_INFO tells of it
 * @fp: the stream
 * @info: where to
 */
void ferry_trouble_info(const struct ferry_sock *fp, struct ferry_info *info)
{
	const struct ferry_trouble *t = fp->trouble;

	if (!t)
		return;
	info->rcv_ooopack = t->ooo_segs;
	info->dsack_dups = t->dsack_segs;
	info->total_rto = t->rtos;
	info->total_rto_recoveries = t->rto_recoveries;
	info->total_rto_time = t->rto_ms;
	if (t->rto_running)
		info->total_rto_time += ferry_ts_clock() - t->rto_since_ms;
}
