// SPDX-License-Identifier: GPL-2.0-only
/*
 * The settings under net.ferry, for each namespace.
 *
 * The defaults have the effect that Linux TCP's have, but that the length of
 * the half-open queue does not depend on memory.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sysctl.h>

#include "ferry.h"

static const struct ferry_sysctl defaults = {
	.syn_retries		= 6,
	.synack_retries		= 5,
	.retries1		= 3,
	.retries2		= 15,
	.fin_timeout		= 60 * HZ,
	.keepalive_time		= 7200 * HZ,
	.keepalive_intvl	= 75 * HZ,
	.keepalive_probes	= 9,
	.timewait_reuse		= 2,
	.timewait_reuse_delay	= MSEC_PER_SEC,
	.max_syn_backlog	= 1024,
	.syncookies		= 1,
	.abort_on_overflow	= 0,
	.challenge_ack_limit	= INT_MAX,
	.invalid_ratelimit	= HZ / 2,
	.window_scaling		= 1,
	.timestamps		= 1,
	.sack			= 1,
	.comp_sack_delay_ns	= NSEC_PER_MSEC,
	.comp_sack_slack_ns	= 100 * NSEC_PER_USEC,
	.comp_sack_nr		= 44,
	.ecn			= 2,
	.base_mss		= 1024,
	.mtu_probe_floor	= FERRY_SND_MSS_MIN,
	.probe_interval		= 600,
	.probe_threshold	= 8,
	.moderate_rcvbuf	= 1,
	.wmem			= { 4096, 16384, 4194304 },
	.rmem			= { 4096, 131072, 6291456 },
};

static int retries_min = 1;
static int retries_max = 127;
static int retries1_max = 255;
static int reuse_delay_max = 60 * MSEC_PER_SEC;
static int buffer_min = 2048;
static int comp_sack_nr_max = U8_MAX;
static int mss_min = FERRY_SND_MSS_MIN;
static int mss_max = U16_MAX;
static unsigned int interval_max = U32_MAX / HZ;

#define FERRY_SYSCTL_NAMED(name, member, count, handler, low, high)	\
	{								\
		.procname	= name,					\
		.data		= (void *)offsetof(struct ferry_sysctl,	\
						   member),		\
		.maxlen		= (count) * sizeof(int),		\
		.mode		= 0644,					\
		.proc_handler	= handler,				\
		.extra1		= low,					\
		.extra2		= high,					\
	}

#define FERRY_SYSCTL(member, count, handler, low, high)		\
	FERRY_SYSCTL_NAMED(#member, member, count, handler, low, high)

/* Texts that congctl.c keeps; it finds the namespace by its settings. */
#define FERRY_SYSCTL_CONG(name, permissions, handler)			\
	{								\
		.procname	= #name,				\
		.maxlen		= FERRY_CA_LIST_MAX,			\
		.mode		= permissions,				\
		.proc_handler	= handler,				\
	}

/* .data is an offset here; each namespace's copy points at its own settings. */
static const struct ctl_table template[] = {
	FERRY_SYSCTL(syn_retries, 1, proc_dointvec_minmax,
		     &retries_min, &retries_max),
	FERRY_SYSCTL(synack_retries, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, &retries_max),
	FERRY_SYSCTL(retries1, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, &retries1_max),
	FERRY_SYSCTL(retries2, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, &retries_max),
	FERRY_SYSCTL(orphan_retries, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, &retries_max),
	FERRY_SYSCTL(max_orphans, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, NULL),
	FERRY_SYSCTL(max_tw_buckets, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, NULL),
	FERRY_SYSCTL(fin_timeout, 1, proc_dointvec_jiffies, NULL, NULL),
	FERRY_SYSCTL(keepalive_time, 1, proc_dointvec_jiffies, NULL, NULL),
	FERRY_SYSCTL(keepalive_intvl, 1, proc_dointvec_jiffies, NULL, NULL),
	FERRY_SYSCTL(keepalive_probes, 1, proc_dointvec_minmax,
		     &retries_min, &retries_max),
	FERRY_SYSCTL_NAMED("tw_reuse", timewait_reuse, 1,
			   proc_dointvec_minmax, SYSCTL_ZERO, SYSCTL_TWO),
	FERRY_SYSCTL_NAMED("tw_reuse_delay", timewait_reuse_delay, 1,
			   proc_dointvec_minmax, SYSCTL_ZERO,
			   &reuse_delay_max),
	FERRY_SYSCTL(max_syn_backlog, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, NULL),
	FERRY_SYSCTL(syncookies, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, SYSCTL_TWO),
	FERRY_SYSCTL(abort_on_overflow, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, SYSCTL_ONE),
	FERRY_SYSCTL(challenge_ack_limit, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, NULL),
	FERRY_SYSCTL(invalid_ratelimit, 1, proc_dointvec_ms_jiffies, NULL, NULL),
	FERRY_SYSCTL(fwmark_accept, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, SYSCTL_ONE),
#ifdef CONFIG_NET_L3_MASTER_DEV
	FERRY_SYSCTL(l3mdev_accept, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, SYSCTL_ONE),
#endif
	FERRY_SYSCTL(window_scaling, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, SYSCTL_ONE),
	FERRY_SYSCTL(timestamps, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, SYSCTL_TWO),
	FERRY_SYSCTL(sack, 1, proc_dointvec_minmax, SYSCTL_ZERO, SYSCTL_ONE),
	FERRY_SYSCTL(comp_sack_delay_ns, 1, proc_douintvec, NULL, NULL),
	FERRY_SYSCTL(comp_sack_slack_ns, 1, proc_douintvec, NULL, NULL),
	FERRY_SYSCTL(comp_sack_nr, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, &comp_sack_nr_max),
	FERRY_SYSCTL(ecn, 1, proc_dointvec_minmax, SYSCTL_ZERO, SYSCTL_TWO),
	FERRY_SYSCTL(stdurg, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, SYSCTL_ONE),
	FERRY_SYSCTL(mtu_probing, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, SYSCTL_TWO),
	FERRY_SYSCTL(base_mss, 1, proc_dointvec_minmax, &mss_min, &mss_max),
	FERRY_SYSCTL(mtu_probe_floor, 1, proc_dointvec_minmax,
		     &mss_min, &mss_max),
	FERRY_SYSCTL(probe_interval, 1, proc_douintvec_minmax,
		     NULL, &interval_max),
	FERRY_SYSCTL(probe_threshold, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, NULL),
	FERRY_SYSCTL(moderate_rcvbuf, 1, proc_dointvec_minmax,
		     SYSCTL_ZERO, SYSCTL_ONE),
	FERRY_SYSCTL(wmem, 3, proc_dointvec_minmax, &buffer_min, NULL),
	FERRY_SYSCTL(rmem, 3, proc_dointvec_minmax, &buffer_min, NULL),
	FERRY_SYSCTL_CONG(congestion_control, 0644, ferry_sysctl_cong_default),
	FERRY_SYSCTL_CONG(available_congestion_control, 0444,
			  ferry_sysctl_cong_available),
	FERRY_SYSCTL_CONG(allowed_congestion_control, 0644,
			  ferry_sysctl_cong_allowed),
	FERRY_SYSCTL_SENTINEL
};

#define FERRY_SYSCTL_COUNT	(ARRAY_SIZE(template) - FERRY_SYSCTL_SENTINELS)

/*
 * How many connections without a program a host can afford: TCP's number,
 * which is half the size that its hash of connections has by default.
 */
static int affordable(void)
{
	unsigned long slots = totalram_pages() >> (17 - PAGE_SHIFT);

	return clamp(roundup_pow_of_two(slots ?: 1), 2UL, 512 * 1024UL) / 2;
}

/**
 * ferry_sysctl_init() - create net.ferry in a namespace
 * @net: the namespace
 *
 * Return: 0 or -ENOMEM.
 */
int ferry_sysctl_init(struct net *net)
{
	struct ferry_net *fn = ferry_net(net);
	struct ctl_table *table;
	int i;

	fn->sysctl = defaults;
	fn->sysctl.max_orphans = affordable();
	fn->sysctl.max_tw_buckets = affordable();

	table = kmemdup(template, sizeof(template), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	for (i = 0; i < FERRY_SYSCTL_COUNT; i++)
		table[i].data += (unsigned long)&fn->sysctl;

	fn->sysctl_header = register_net_sysctl_sz(net, "net/ferry", table,
						   FERRY_SYSCTL_COUNT);
	if (!fn->sysctl_header) {
		kfree(table);
		return -ENOMEM;
	}
	return 0;
}

/**
 * ferry_sysctl_exit() - remove net.ferry from a namespace
 * @net: the namespace
 */
void ferry_sysctl_exit(struct net *net)
{
	struct ferry_net *fn = ferry_net(net);
	const struct ctl_table *table = fn->sysctl_header->ctl_table_arg;

	unregister_net_sysctl_table(fn->sysctl_header);
	kfree(table);
}
