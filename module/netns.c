// SPDX-License-Identifier: GPL-2.0-only
/*
 * Birth and death of Ferry in a network namespace.
 *
 * A namespace dies only when the last socket in it has been freed, so when
 * netns_exit() runs there are no sockets and no requests; connections in
 * TIME_WAIT, which hold no reference, are ended here.  Unloading the module
 * runs the same for every namespace: open sockets hold the module.
 */
#include <linux/module.h>
#include <linux/percpu.h>

#include "ferry.h"

unsigned int ferry_net_id;

static int __net_init netns_init(struct net *net)
{
	struct ferry_net *fn = ferry_net(net);
	int err;

	fn->mib = alloc_percpu(struct ferry_mib);
	if (!fn->mib)
		return -ENOMEM;

	ferry_cong_net_init(fn);
	err = percpu_counter_init(&fn->orphans, 0, GFP_KERNEL);
	if (err)
		goto free_mib;
	err = ferry_hash_init(fn);
	if (err)
		goto free_orphans;
	err = ferry_sysctl_init(net);
	if (err)
		goto free_hash;
	err = ferry_proc_init(net);
	if (err)
		goto free_sysctl;
	return 0;

free_sysctl:
	ferry_sysctl_exit(net);
free_hash:
	ferry_hash_exit(net);
free_orphans:
	percpu_counter_destroy(&fn->orphans);
free_mib:
	free_percpu(fn->mib);
	return err;
}

static void __net_exit netns_exit(struct net *net)
{
	ferry_proc_exit(net);
	ferry_sysctl_exit(net);
	ferry_hash_exit(net);
	percpu_counter_destroy(&ferry_net(net)->orphans);
	ferry_cong_net_exit(ferry_net(net));
	free_percpu(ferry_net(net)->mib);
}

static struct pernet_operations netns_ops = {
	.init	= netns_init,
	.exit	= netns_exit,
	.id	= &ferry_net_id,
	.size	= sizeof(struct ferry_net),
};

/**
 * ferry_netns_init() - start in every namespace, present and future
 *
 * Context: process context, module load.
 *
 * Return: 0 or -ENOMEM.
 */
int __init ferry_netns_init(void)
{
	return register_pernet_subsys(&netns_ops);
}

/**
 * ferry_netns_exit() - end in every namespace
 *
 * Context: process context, module unload; no segment comes in any more.
 */
void ferry_netns_exit(void)
{
	unregister_pernet_subsys(&netns_ops);
}
