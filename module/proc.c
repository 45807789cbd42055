// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/ferry_stat: the counters of a namespace.
 */
#include <linux/proc_fs.h>

#include "ferry.h"

/**
 * ferry_proc_init() - create the files of a namespace
 * @net: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int ferry_proc_init(struct net *net)
{
	if (!proc_create_net_single("ferry_stat", 0444, net->proc_net,
				    ferry_mib_show, NULL))
		return -ENOMEM;
	return 0;
}

/**
 * ferry_proc_exit() - remove them
 * @net: the namespace
 */
void ferry_proc_exit(struct net *net)
{
	remove_proc_entry("ferry_stat", net->proc_net);
}
