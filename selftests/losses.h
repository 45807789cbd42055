/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device that loses frames by a dice of its own.
 *
 * netem's dice are the kernel's, which others throw as well; so two transfers
 * never meet the same losses, and how they compare says much about chance.
 * Here a frame is lost or not by its place in the row: whoever sends it, with
 * the same @dice the hundredth is lost or is not.
 */
#ifndef FERRY_SELFTESTS_LOSSES_H
#define FERRY_SELFTESTS_LOSSES_H

#include <linux/types.h>
#include <stdbool.h>

/* Chances that one frame has, in percent. */
struct losses {
	double begin;	/* to begin a burst; 0: all are alike */
	double end;	/* to end it */
	double lost;	/* to be lost; where there are bursts, in one */
};

/* Lose what leaves a device of this namespace, from now on. */
void losses_begin(const char *device, const struct losses *l, __u64 dice);

#endif /* FERRY_SELFTESTS_LOSSES_H */
