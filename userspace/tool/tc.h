/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * BPF programs at a device's two ends, ingress and egress, by netlink.
 */
#ifndef FERRY_TC_H
#define FERRY_TC_H

#include <linux/types.h>
#include <stdbool.h>

/* Each returns 0, or -1 and errno. */
int tc_attach(int ifindex, bool egress, int program, const char *name);
int tc_detach(int ifindex, bool egress);
/* The id of the program that tc_attach() put there under @name. */
int tc_find(int ifindex, bool egress, const char *name, __u32 *id);

#endif /* FERRY_TC_H */
