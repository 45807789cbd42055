// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which congestion control a socket uses.
 *
 * A new socket uses the default of its namespace, net.ferry.congestion_control;
 * FERRY_CONGESTION changes that.  Without CAP_NET_ADMIN only what is on the
 * namespace's list, allowed_congestion_control, can be chosen.  Until somebody
 * writes one, that of the first namespace has all that are loaded and say that
 * anybody may choose them, and those of the others have what that one has.  It
 * bounds them also when they are written: whoever rules over a container cannot
 * let it use what the host does not, but for its routes (route.c).
 *
 * A name that is not known makes an administrator's call load the module
 * "ferry_" and the name.
 *
 * The default holds a reference to its module, if that is not ferry.ko itself,
 * which could not be unloaded then.  cong_ctl_mutex protects the lists, and
 * the defaults for writers; readers of those use RCU, for whose grace period
 * ferry_cong_unregister() waits.
 */
#include <linux/capability.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "ferry.h"

static DEFINE_MUTEX(cong_ctl_mutex);

static void put_default(const struct ferry_cong_ops *ops)
{
	if (ops->owner != THIS_MODULE)
		ferry_cong_put(ops);
}

/* Is @name one of the words of @list? */
static bool in_list(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *p = list;

	while ((p = strstr(p, name))) {
		if ((p == list || p[-1] == ' ') &&
		    (p[len] == ' ' || p[len] == 0))
			return true;
		p += len;
	}
	return false;
}

/* cong_ctl_mutex held */
static bool allows(const struct ferry_net *fn, const struct ferry_cong_ops *ops)
{
	const struct ferry_net *first = ferry_net(&init_net);

	if (in_list(fn->cong_allowed, ops->name))
		return true;
	if (fn->cong_list_written)
		return false;
	if (fn != first)
		return allows(first, ops);
	return ops->flags & FERRY_CONG_NON_RESTRICTED;
}

/* All that allows() lets through; cong_ctl_mutex held. */
static void print_allowed(const struct ferry_net *fn, char *to, size_t size)
{
	const struct ferry_net *first = ferry_net(&init_net);
	size_t len;

	*to = 0;
	if (!fn->cong_list_written && fn != first)
		print_allowed(first, to, size);
	else if (!fn->cong_list_written)
		ferry_cong_names(to, size, FERRY_CONG_NON_RESTRICTED);
	len = strlen(to);
	snprintf(to + len, size - len, "%s%s", len ? " " : "",
		 fn->cong_allowed);
}

static bool anybody_may(const struct ferry_net *fn,
			const struct ferry_cong_ops *ops)
{
	bool yes;

	mutex_lock(&cong_ctl_mutex);
	yes = allows(fn, ops);
	mutex_unlock(&cong_ctl_mutex);
	return yes;
}

/**
 * ferry_cong_assign() - a new socket uses the default of its namespace
 * @sk: the socket; nobody else knows it
 *
 * Context: process context.
 */
void ferry_cong_assign(struct sock *sk)
{
	const struct ferry_net *fn = ferry_net(sock_net(sk));
	const struct ferry_cong_ops *ops;

	rcu_read_lock();
	ops = rcu_dereference(fn->cong_default);
	if (!try_module_get(ops->owner)) {
		ops = &ferry_reno;
		/* Its owner is this module, which the socket holds. */
		__module_get(ops->owner);
	}
	rcu_read_unlock();
	ferry_cong_use(&ferry_csk(sk)->cong, ops);
}

/**
 * ferry_cong_choose() - FERRY_CONGESTION
 * @sk: the socket
 * @name: of the algorithm
 *
 * Context: process context, socket lock not held: a module may be loaded.
 *
 * Return: 0, -ENOENT if there is none of this name, or -EPERM if the caller
 * may not choose it or the route has chosen.
 */
int ferry_cong_choose(struct sock *sk, const char *name)
{
	struct net *net = sock_net(sk);
	const struct ferry_cong_ops *ops;
	int err = 0;

	lock_sock(sk);
	if (ferry_csk(sk)->cong_locked)
		err = -EPERM;
	release_sock(sk);
	if (err)
		return err;
	ops = ferry_cong_get(name, capable(CAP_NET_ADMIN));
	if (!ops)
		return -ENOENT;
	if (ops != READ_ONCE(ferry_csk(sk)->cong.ops) &&
	    !anybody_may(ferry_net(net), ops) &&
	    !ns_capable(net->user_ns, CAP_NET_ADMIN)) {
		ferry_cong_put(ops);
		return -EPERM;
	}
	lock_sock(sk);
	/* It may have connected meanwhile. */
	if (ferry_csk(sk)->cong_locked)
		err = -EPERM;
	if (!err && ops != ferry_csk(sk)->cong.ops)
		ferry_cong_change(&ferry_csk(sk)->cong, ops);
	else
		ferry_cong_put(ops);
	release_sock(sk);
	return err;
}

static int set_default(struct ferry_net *fn, const char *name)
{
	const struct ferry_cong_ops *ops =
		ferry_cong_get(name, capable(CAP_NET_ADMIN));
	size_t len;

	if (!ops)
		return -ENOENT;
	mutex_lock(&cong_ctl_mutex);
	if (fn != ferry_net(&init_net) && !allows(ferry_net(&init_net), ops)) {
		mutex_unlock(&cong_ctl_mutex);
		ferry_cong_put(ops);
		return -EPERM;
	}
	/* As in TCP, what is the default is allowed, too. */
	len = strlen(fn->cong_allowed);
	if (!allows(fn, ops))
		snprintf(fn->cong_allowed + len, FERRY_CA_LIST_MAX - len,
			 "%s%s", len ? " " : "", name);
	if (ops->owner == THIS_MODULE)
		ferry_cong_put(ops);
	ops = rcu_replace_pointer(fn->cong_default, ops,
				  lockdep_is_held(&cong_ctl_mutex));
	mutex_unlock(&cong_ctl_mutex);
	put_default(ops);
	return 0;
}

/* All of them must be there, and, but for the first namespace, allowed in it. */
static int check_list(const struct ferry_net *fn, char *list)
{
	const struct ferry_net *first = ferry_net(&init_net);
	const struct ferry_cong_ops *ops;
	bool allowed;
	char *name;

	while ((name = strsep(&list, " "))) {
		if (!*name)
			continue;
		ops = ferry_cong_get(name, false);
		if (!ops)
			return -ENOENT;
		allowed = fn == first || allows(first, ops);
		ferry_cong_put(ops);
		if (!allowed)
			return -EPERM;
	}
	return 0;
}

static int set_allowed(struct ferry_net *fn, const char *list)
{
	char *copy = kstrdup(list, GFP_KERNEL);
	int err;

	if (!copy)
		return -ENOMEM;
	mutex_lock(&cong_ctl_mutex);
	err = check_list(fn, copy);
	if (!err) {
		strscpy(fn->cong_allowed, list, FERRY_CA_LIST_MAX);
		fn->cong_list_written = true;
	}
	mutex_unlock(&cong_ctl_mutex);
	kfree(copy);
	return err;
}

static struct ferry_net *net_of(const struct ctl_table *ctl)
{
	return container_of(ctl->data, struct ferry_net, sysctl);
}

/**
 * ferry_sysctl_cong_default() - net.ferry.congestion_control
 * @ctl: data is the namespace's settings
 * @write: else read
 * @buffer: text
 * @lenp: its length
 * @ppos: position
 *
 * Return: 0, -ENOENT or -EPERM.
 */
int ferry_sysctl_cong_default(ferry_ctl_table *ctl, int write, void *buffer,
			      size_t *lenp, loff_t *ppos)
{
	struct ferry_net *fn = net_of(ctl);
	char name[FERRY_CA_NAME_MAX];
	struct ctl_table table = { .data = name, .maxlen = sizeof(name) };
	int err;

	rcu_read_lock();
	strscpy(name, rcu_dereference(fn->cong_default)->name, sizeof(name));
	rcu_read_unlock();
	err = proc_dostring(&table, write, buffer, lenp, ppos);
	if (!err && write)
		err = set_default(fn, name);
	return err;
}

/**
 * ferry_sysctl_cong_available() - net.ferry.available_congestion_control
 * @ctl: not used
 * @write: never
 * @buffer: text
 * @lenp: its length
 * @ppos: position
 *
 * Return: 0 or -ENOMEM.
 */
int ferry_sysctl_cong_available(ferry_ctl_table *ctl, int write, void *buffer,
				size_t *lenp, loff_t *ppos)
{
	struct ctl_table table = { .maxlen = FERRY_CA_LIST_MAX };
	int err;

	table.data = kzalloc(FERRY_CA_LIST_MAX, GFP_KERNEL);
	if (!table.data)
		return -ENOMEM;
	ferry_cong_names(table.data, FERRY_CA_LIST_MAX, 0);
	err = proc_dostring(&table, write, buffer, lenp, ppos);
	kfree(table.data);
	return err;
}

/**
 * ferry_sysctl_cong_allowed() - net.ferry.allowed_congestion_control
 * @ctl: data is the namespace's settings
 * @write: else read
 * @buffer: text
 * @lenp: its length
 * @ppos: position
 *
 * Return: 0, -ENOMEM, -ENOENT or -EPERM.
 */
int ferry_sysctl_cong_allowed(ferry_ctl_table *ctl, int write, void *buffer,
			      size_t *lenp, loff_t *ppos)
{
	struct ctl_table table = { .maxlen = FERRY_CA_LIST_MAX };
	struct ferry_net *fn = net_of(ctl);
	int err;

	table.data = kzalloc(FERRY_CA_LIST_MAX, GFP_KERNEL);
	if (!table.data)
		return -ENOMEM;
	mutex_lock(&cong_ctl_mutex);
	print_allowed(fn, table.data, FERRY_CA_LIST_MAX);
	mutex_unlock(&cong_ctl_mutex);
	err = proc_dostring(&table, write, buffer, lenp, ppos);
	if (!err && write)
		err = set_allowed(fn, table.data);
	kfree(table.data);
	return err;
}

/**
 * ferry_cong_net_init() - the choice that a new namespace starts with
 * @fn: the namespace's share
 */
void ferry_cong_net_init(struct ferry_net *fn)
{
	RCU_INIT_POINTER(fn->cong_default, &ferry_cubic);
}

/**
 * ferry_cong_net_exit() - the namespace ends
 * @fn: the namespace's share
 */
void ferry_cong_net_exit(struct ferry_net *fn)
{
	put_default(rcu_dereference_protected(fn->cong_default, true));
}
