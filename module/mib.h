/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counters of a network namespace, shown in /proc/net/ferry_stat.
 *
 * One list makes the numbers, the names and the documentation.  Names follow
 * the SNMP counters of TCP where there is one.
 */
#ifndef _FERRY_MIB_H
#define _FERRY_MIB_H

#include <linux/percpu.h>

struct seq_file;
struct net;

#define FERRY_MIB_LIST(X)						\
	/* connections */						\
	X(ACTIVE_OPENS,		"ActiveOpens")				\
	X(PASSIVE_OPENS,	"PassiveOpens")				\
	X(ATTEMPT_FAILS,	"AttemptFails")				\
	X(ESTAB_RESETS,		"EstabResets")				\
	X(ABORT_ON_DATA,	"AbortOnData")				\
	X(ABORT_ON_CLOSE,	"AbortOnClose")				\
	X(ABORT_ON_LINGER,	"AbortOnLinger")			\
	X(ABORT_ON_TIMEOUT,	"AbortOnTimeout")			\
	X(ABORT_ON_MEMORY,	"AbortOnMemory")			\
	X(TIME_WAIT,		"TimeWait")				\
	X(TIME_WAIT_FAILED,	"TimeWaitFailed")			\
	/* segments */							\
	X(IN_SEGS,		"InSegs")				\
	X(OUT_SEGS,		"OutSegs")				\
	X(RETRANS_SEGS,		"RetransSegs")				\
	X(OUT_RSTS,		"OutRsts")				\
	X(CHALLENGE_ACKS,	"ChallengeACKs")			\
	/* recovery */							\
	X(TIMEOUTS,		"Timeouts")				\
	X(FAST_RECOVERY,	"FastRecovery")				\
	X(WINDOW_PROBES,	"WindowProbes")				\
	/* why a segment was dropped */					\
	X(DROP_CHECKSUM,	"DropChecksum")				\
	X(DROP_HEADER,		"DropHeader")				\
	X(DROP_OPTIONS,		"MalformedOptions")			\
	X(DROP_NO_SOCKET,	"DropNoSocket")				\
	X(DROP_BACKLOG,		"DropBacklog")				\
	X(DROP_FILTER,		"DropFilter")				\
	X(DROP_SEQUENCE,	"DropSequence")				\
	X(DROP_OLD_DATA,	"DropOldData")				\
	X(DROP_ZERO_WINDOW,	"DropZeroWindow")			\
	X(DROP_ACK,		"DropAck")				\
	X(DROP_FLAGS,		"DropFlags")				\
	X(DROP_MEMORY,		"DropMemory")				\
	X(DROP_LISTEN,		"DropListen")				\
	X(DROP_LISTEN_OVERFLOW,	"ListenOverflows")			\
	X(DROP_TIME_WAIT,	"DropTimeWait")				\
	X(OUT_OF_ORDER,		"OutOfOrder")				\
	X(OUT_OF_ORDER_PRUNED,	"OutOfOrderPruned")

#define FERRY_MIB_ENUM(id, name)	FERRY_MIB_##id,
enum ferry_mib_item {
	FERRY_MIB_LIST(FERRY_MIB_ENUM)
	FERRY_MIB_MAX
};

#undef FERRY_MIB_ENUM

struct ferry_mib {
	unsigned long count[FERRY_MIB_MAX];
};

void ferry_mib_add(const struct net *net, enum ferry_mib_item item,
		   unsigned int n);
int ferry_mib_show(struct seq_file *seq, void *v);

#define ferry_count(net, item)	ferry_mib_add(net, FERRY_MIB_##item, 1)

#endif /* _FERRY_MIB_H */
