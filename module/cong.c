// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registry of congestion control algorithms, and the pieces of window
 * arithmetic that most of them share.
 *
 * An algorithm is added when its module loads and taken away when it unloads.
 * A connection that uses one holds a reference to the module, so it cannot
 * unload while in use; CUBIC, the default, and Reno are part of ferry.ko and
 * always there.
 */
#include <linux/jhash.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "compat.h"
#include "cong.h"
#include "segment.h"

static DEFINE_SPINLOCK(cong_lock);
static LIST_HEAD(cong_list);

static struct ferry_cong_ops *cong_find(const char *name)
{
	struct ferry_cong_ops *ops;

	list_for_each_entry_rcu(ops, &cong_list, list,
				lockdep_is_held(&cong_lock)) {
		if (!strcmp(ops->name, name))
			return ops;
	}
	return NULL;
}

/**
 * ferry_cong_register() - offer an algorithm to sockets
 * @ops: the algorithm; it stays until ferry_cong_unregister()
 *
 * Context: process context.
 *
 * Return: 0, -EINVAL if a required hook or the name is missing, -EEXIST if the
 * name is taken.
 */
int ferry_cong_register(struct ferry_cong_ops *ops)
{
	int err = 0;

	if (!ops->ssthresh || !(ops->cong_avoid || ops->cong_control) ||
	    !ops->name[0])
		return -EINVAL;

	spin_lock(&cong_lock);
	if (cong_find(ops->name))
		err = -EEXIST;
	else
		list_add_tail_rcu(&ops->list, &cong_list);
	spin_unlock(&cong_lock);
	return err;
}
EXPORT_SYMBOL_GPL(ferry_cong_register);

/**
 * ferry_cong_unregister() - withdraw an algorithm
 * @ops: what was registered; no connection uses it any more, since each holds
 *	a reference to the module
 *
 * Context: process context; sleeps for an RCU grace period.
 */
void ferry_cong_unregister(struct ferry_cong_ops *ops)
{
	spin_lock(&cong_lock);
	list_del_rcu(&ops->list);
	spin_unlock(&cong_lock);
	synchronize_rcu();
}
EXPORT_SYMBOL_GPL(ferry_cong_unregister);

/**
 * ferry_cong_register_builtin() - offer what is part of ferry.ko
 *
 * Context: process context.
 *
 * Return: 0, or what ferry_cong_register() says.
 */
int ferry_cong_register_builtin(void)
{
	int err = ferry_cong_register(&ferry_reno);

	if (err)
		return err;
	err = ferry_cong_register(&ferry_cubic);
	if (err)
		ferry_cong_unregister(&ferry_reno);
	return err;
}

/**
 * ferry_cong_unregister_builtin() - withdraw what is part of ferry.ko
 *
 * Context: process context; sleeps for an RCU grace period.
 */
void ferry_cong_unregister_builtin(void)
{
	ferry_cong_unregister(&ferry_cubic);
	ferry_cong_unregister(&ferry_reno);
}

/**
 * ferry_cong_get() - look an algorithm up by name and hold its module
 * @name: the name, zero-terminated
 * @autoload: ask user space for the module if the name is unknown; only from
 *	process context without locks
 *
 * Return: the algorithm, to be given back with ferry_cong_put(), or NULL.
 */
const struct ferry_cong_ops *ferry_cong_get(const char *name, bool autoload)
{
	struct ferry_cong_ops *ops;

	rcu_read_lock();
	ops = cong_find(name);
	if (!ops && autoload) {
		rcu_read_unlock();
		request_module("ferry_%s", name);
		rcu_read_lock();
		ops = cong_find(name);
	}
	if (ops && !try_module_get(ops->owner))
		ops = NULL;
	rcu_read_unlock();
	return ops;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cong_get);

/**
 * ferry_cong_get_by_key() - look up what a route names, and hold its module
 * @key: what the kernel makes of "congctl NAME": the hash of the name of TCP's
 *	algorithm, which is that of ours, too
 *
 * Context: any.
 *
 * Return: as ferry_cong_get().
 */
const struct ferry_cong_ops *ferry_cong_get_by_key(u32 key)
{
	const struct ferry_cong_ops *ops, *found = NULL;

	rcu_read_lock();
	list_for_each_entry_rcu(ops, &cong_list, list) {
		if (jhash(ops->name, sizeof(ops->name),
			  strlen(ops->name)) != key)
			continue;
		if (try_module_get(ops->owner))
			found = ops;
		break;
	}
	rcu_read_unlock();
	return found;
}

/**
 * ferry_cong_names() - the names of algorithms
 * @to: where to, separated by blanks
 * @size: room there; what does not fit is left out
 * @flags: only of those that have all of these
 */
void ferry_cong_names(char *to, size_t size, u32 flags)
{
	const struct ferry_cong_ops *ops;
	size_t len = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(ops, &cong_list, list)
		if ((ops->flags & flags) == flags)
			len += scnprintf(to + len, size - len, "%s%s",
					 len ? " " : "", ops->name);
	rcu_read_unlock();
}

/**
 * ferry_cong_put() - give back what ferry_cong_get() returned
 * @ops: the algorithm
 */
void ferry_cong_put(const struct ferry_cong_ops *ops)
{
	module_put(ops->owner);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cong_put);

/**
 * ferry_cong_use() - start an algorithm on a connection
 * @ca: congestion state without an algorithm
 * @ops: the algorithm; the caller's reference to it moves into @ca
 *
 * Context: socket lock held, or nobody else knows @ca.
 */
void ferry_cong_use(struct ferry_cong *ca, const struct ferry_cong_ops *ops)
{
	memset(ca->priv, 0, sizeof(ca->priv));
	ca->needs_pacing = false;
	/* Pairs with ferry_cong_inherit(), which takes no lock. */
	WRITE_ONCE(ca->ops, ops);
	if (ops->init)
		ops->init(ca);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cong_use);

/**
 * ferry_cong_event() - tell the algorithm, if it wants to know
 * @ca: congestion state; @now_us is set
 * @event: what has happened
 *
 * Context: socket lock held.
 */
void ferry_cong_event(struct ferry_cong *ca, enum ferry_ca_event event)
{
	if (ca->ops->event)
		ca->ops->event(ca, event);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cong_event);

/**
 * ferry_cong_change() - go over to another algorithm
 * @ca: congestion state
 * @ops: the algorithm; the caller's reference to it moves into @ca
 *
 * Context: socket lock held.
 */
void ferry_cong_change(struct ferry_cong *ca, const struct ferry_cong_ops *ops)
{
	const struct ferry_cong_ops *old = ca->ops;

	if (old->release)
		old->release(ca);
	ferry_cong_use(ca, ops);
	ferry_cong_put(old);
}

/**
 * ferry_cong_again() - the socket is going to be used again
 * @ca: congestion state; its algorithm stays, and knows nothing
 *
 * Context: socket lock held.
 */
void ferry_cong_again(struct ferry_cong *ca)
{
	if (ca->ops->release)
		ca->ops->release(ca);
	ferry_cong_use(ca, ca->ops);
}

/**
 * ferry_cong_inherit() - a child uses the algorithm of its listener
 * @child: congestion state that nobody else knows
 * @listener: the listener's, which may change or end at this moment
 *
 * Context: BH, RCU read side, for which ferry_cong_unregister() waits.
 */
void ferry_cong_inherit(struct ferry_cong *child,
			const struct ferry_cong *listener)
{
	const struct ferry_cong_ops *ops = READ_ONCE(listener->ops);

	if (!ops || !try_module_get(ops->owner)) {
		ops = &ferry_reno;
		/* Its owner is this module, which the child's memory holds. */
		__module_get(ops->owner);
	}
	ferry_cong_use(child, ops);
}

/**
 * ferry_cong_release() - stop the algorithm of a connection
 * @ca: congestion state; left without an algorithm
 *
 * Context: socket lock held, or nobody else knows @ca.
 */
void ferry_cong_release(struct ferry_cong *ca)
{
	if (!ca->ops)
		return;
	if (ca->ops->release)
		ca->ops->release(ca);
	ferry_cong_put(ca->ops);
	WRITE_ONCE(ca->ops, NULL);
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cong_release);

/**
 * ferry_cong_init() - the congestion state of a new connection
 * @ca: congestion state; the algorithm in it stays, @high_seq and @usage_seq
 *	are for the caller to set when the ISN is known
 * @mss: maximum segment size in bytes
 *
 * RFC 5681 section 3.1, RFC 6928.  Pure; any context.
 */
void ferry_cong_init(struct ferry_cong *ca, u32 mss)
{
	ca->snd_cwnd = FERRY_INIT_CWND;
	ca->snd_ssthresh = FERRY_SSTHRESH_MAX;
	ca->snd_cwnd_cnt = 0;
	ca->prior_cwnd = 0;
	ca->prior_ssthresh = 0;
	ca->packets_out = 0;
	ca->sacked_out = 0;
	ca->lost_out = 0;
	ca->retrans_out = 0;
	ca->max_packets_out = 0;
	ca->delivered = 0;
	ca->delivered_ce = 0;
	ca->lost = 0;
	ca->total_retrans = 0;
	/* Until something was delivered, nothing is known of the network. */
	ca->app_limited = ~0U;
	ca->delivered_us = 0;
	ca->first_tx_us = 0;
	ca->rate = 0;
	ca->rate_app_limited = true;
	ca->pacing_rate = 0;
	ca->mss = mss;
	ferry_rtt_init(&ca->rtt);
	ca->state = FERRY_CA_OPEN;
	ca->cwnd_limited = false;
	ca->cwr_due = false;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cong_init);

/**
 * ferry_cong_usage() - note how much of the window the sender used
 * @ca: congestion state
 * @snd_una: SND.UNA
 * @snd_nxt: SND.NXT
 * @limited: the congestion window kept data from being sent
 *
 * A window that is not used says nothing about what the path can carry, so it
 * must not grow (RFC 7661).  A whole window of data is looked at, since a
 * sender that is limited looks idle right after a large ACK.  Pure; socket
 * lock held.
 */
void ferry_cong_usage(struct ferry_cong *ca, u32 snd_una, u32 snd_nxt,
		      bool limited)
{
	if (!seq_before(snd_una, ca->usage_seq) ||
	    limited > ca->cwnd_limited ||
	    (limited == ca->cwnd_limited &&
	     ca->packets_out > ca->max_packets_out)) {
		ca->cwnd_limited = limited;
		ca->max_packets_out = ca->packets_out;
		ca->usage_seq = snd_nxt;
	}
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cong_usage);

/**
 * ferry_cong_is_limited() - may the window grow?
 * @ca: congestion state
 *
 * In slow start a sender that uses half of the window counts as limited: its
 * window doubles every round trip, and it could not have used more before.
 * Pure; socket lock held.
 *
 * Return: true if the sender was limited by the window.
 */
bool ferry_cong_is_limited(const struct ferry_cong *ca)
{
	if (ca->cwnd_limited)
		return true;
	return ferry_cong_in_slow_start(ca) &&
	       ca->snd_cwnd < 2 * ca->max_packets_out;
}
EXPORT_SYMBOL_GPL(ferry_cong_is_limited);

/**
 * ferry_cong_restart() - the connection was idle: slow start again
 * @ca: congestion state; nothing is in flight
 * @rtos: how many retransmission time-outs it was idle
 * @init_cwnd: the window that a connection begins with, in segments
 *
 * What the window says of the path gets old: it is halved for each of them,
 * down to the initial window, and the threshold remembers it (RFC 5681 section
 * 4.1, RFC 2861).  Pure; socket lock held.
 */
void ferry_cong_restart(struct ferry_cong *ca, u32 rtos, u32 init_cwnd)
{
	u32 restart = min(init_cwnd, ca->snd_cwnd);

	ferry_cong_event(ca, FERRY_CA_EVENT_CWND_RESTART);
	ca->snd_ssthresh = max(ca->snd_ssthresh, ca->snd_cwnd / 4 * 3);
	ca->snd_cwnd = max(ca->snd_cwnd >> min(rtos, 31U), restart);
	ca->snd_cwnd_cnt = 0;
	ca->max_packets_out = 0;
	ca->cwnd_limited = false;
}
EXPORT_SYMBOL_FERRY_KUNIT(ferry_cong_restart);

/**
 * ferry_cong_slow_start() - grow the window by what was acknowledged
 * @ca: congestion state
 * @acked: segments newly delivered
 *
 * RFC 5681 section 3.1, counting bytes as RFC 3465 does, without its bound:
 * one ACK may stand for a whole GSO burst.  Pure; socket lock held.
 *
 * Return: segments left over once the threshold was reached.
 */
u32 ferry_cong_slow_start(struct ferry_cong *ca, u32 acked)
{
	u32 cwnd = min(ca->snd_cwnd + acked, ca->snd_ssthresh);

	acked -= cwnd - ca->snd_cwnd;
	ca->snd_cwnd = cwnd;
	return acked;
}
EXPORT_SYMBOL_GPL(ferry_cong_slow_start);

/**
 * ferry_cong_avoid_ai() - additive increase: one segment for every @w acked
 * @ca: congestion state
 * @w: segments that must be acknowledged for the window to grow by one
 * @acked: segments newly delivered
 *
 * RFC 5681 section 3.1, equation 3, without its rounding.  Pure; socket lock
 * held.
 */
void ferry_cong_avoid_ai(struct ferry_cong *ca, u32 w, u32 acked)
{
	/* Counted while @w was larger: worth one, not many. */
	if (ca->snd_cwnd_cnt >= w) {
		ca->snd_cwnd_cnt = 0;
		ca->snd_cwnd++;
	}
	ca->snd_cwnd_cnt += acked;
	if (ca->snd_cwnd_cnt >= w) {
		u32 delta = ca->snd_cwnd_cnt / w;

		ca->snd_cwnd_cnt -= delta * w;
		ca->snd_cwnd += delta;
	}
}
EXPORT_SYMBOL_GPL(ferry_cong_avoid_ai);
