/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A path with a bottleneck, and connections over it.
 *
 * The path has four hosts:
 *
 *	sender -- card -- router -- receiver
 *
 * The card does what a network card does: packets of up to 64 KB enter and
 * frames leave.  The sender keeps its large packets, and its queue is not the
 * bottleneck's, so neither GSO nor the small-queue limit differs from what a
 * real host sees; and every loss takes one frame, whoever sent it.  The router
 * has the bottleneck: a rate, a propagation delay, and a tail-drop queue of one
 * bandwidth-delay product, in each direction.
 *
 * Connections are made before the link turns bad: a lost SYN costs a second,
 * which says nothing about what is measured here.
 */
#ifndef FERRY_SELFTESTS_PATH_H
#define FERRY_SELFTESTS_PATH_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/types.h>

/* When a connection ends, whichever comes first. */
struct path_limits {
	double seconds;
	unsigned long long bytes;
	int buffers;		/* of both ends, bytes; 0: the kernel tunes them */
	__u64 dice;		/* which frames are lost */
};

struct path_flow {
	int proto;
	const char *algorithm;
	double start_after;	/* seconds */
	unsigned int retransmitted;	/* result: segments */

	const struct path_limits *limits;
	int tx, rx;
	pid_t sender, receiver;
	int go, report;		/* ends of pipes */
};

/* Make the path, in namespaces of our own. */
void path_make(int mbit);
/* Ferry's largest buffers like TCP's, where the module is loaded. */
void path_allow_ferry_buffers(void);

/*
 * Connect @n flows, give the link its character, start them and wait until
 * they are over; goodputs are in @mbit, in Mbit/s.  @link is the percentage of
 * frames lost, "burst" or "reorder".
 */
void path_run(struct path_flow *flows, int n, int rtt_ms, const char *link,
	      const struct path_limits *limits, double *mbit);
bool path_knows(const char *link);

/* "ferry" or "tcp" */
int path_proto(const char *name);
/* Whether this kernel has the algorithm for the protocol. */
bool path_has(const char *algorithm, int proto);

#endif /* FERRY_SELFTESTS_PATH_H */
