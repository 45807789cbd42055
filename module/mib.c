// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counting, /proc/net/ferry_stat and /proc/net/ferry_hash.
 *
 * Every CPU counts for itself; the sum is taken when somebody reads.
 */
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>

#include "ferry.h"

#define FERRY_MIB(id, name)	(name)
/* In the order of the numbers. */
static const char * const names[] = {
#include "mib_list.h"
};

/**
 * ferry_mib_show() - write all counters, a name and a number in each line
 * @seq: where to
 * @v: not used
 *
 * Return: 0
 */
int ferry_mib_show(struct seq_file *seq, void *v)
{
	const struct ferry_mib __percpu *mib =
		ferry_net(seq_file_single_net(seq))->mib;
	unsigned long sum;
	int item, cpu;

	for (item = 0; item < FERRY_MIB_MAX; item++) {
		sum = 0;
		for_each_possible_cpu(cpu)
			sum += per_cpu_ptr(mib, cpu)->count[item];
		seq_printf(seq, "%-24s %lu\n", names[item], sum);
	}
	for (item = 0; item < FERRY_DROP_MAX; item++) {
		sum = 0;
		for_each_possible_cpu(cpu)
			sum += per_cpu_ptr(mib, cpu)->drops[item];
		seq_printf(seq, "%-24s %lu\n", ferry_drop_names[item], sum);
	}
	return 0;
}

/**
 * ferry_hash_show() - write how full the hash of connections is
 * @seq: where to
 * @v: not used
 *
 * Name, chains, entries, and the length of the longest chain.
 *
 * Return: 0
 */
int ferry_hash_show(struct seq_file *seq, void *v)
{
	u32 chains, count, longest;

	ferry_hash_stat(ferry_net(seq_file_single_net(seq)), &chains, &count,
			&longest);
	seq_printf(seq, "connections %u %u %u\n", chains, count, longest);
	return 0;
}
