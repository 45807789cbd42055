/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counters of a network namespace, shown in /proc/net/ferry_stat.
 *
 * One list, mib_list.h, makes the numbers and the names; another, drop_list.h,
 * those of the reasons for a drop.  Names follow the SNMP counters of TCP where
 * there is one.
 */
#ifndef _FERRY_MIB_H
#define _FERRY_MIB_H

#include <linux/percpu.h>

#include "drop.h"

struct seq_file;
struct net;

#define FERRY_MIB(id, name)	FERRY_MIB_##id
enum ferry_mib_item {
#include "mib_list.h"
	FERRY_MIB_MAX
};

#undef FERRY_MIB

/* One CPU's share. */
struct ferry_mib {
	unsigned long count[FERRY_MIB_MAX];
	unsigned long drops[FERRY_DROP_MAX];
};

int ferry_mib_show(struct seq_file *seq, void *v);
int ferry_hash_show(struct seq_file *seq, void *v);

#endif /* _FERRY_MIB_H */
