/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two programs of ferry bridge.
 */
#ifndef FERRY_REWRITE_H
#define FERRY_REWRITE_H

#include <linux/types.h>
#include <stdbool.h>

/* A connection of a Ferry socket, in network byte order; IPv4 has 4 bytes. */
struct bridge_flow {
	__u8 local[16];
	__u8 remote[16];
	__be16 local_port;
	__be16 remote_port;
};

#define BRIDGE_FLOWS "ferry_flows"	/* map: struct bridge_flow to __u32 */
#define BRIDGE_PORTS "ferry_ports"	/* map: __u32, a __be16 port, to __u32 */

struct rewrite {
	int ferry;		/* its protocol number */
	int link_header;	/* bytes before the IP header */
	bool any_port;		/* everything that comes in is for Ferry */
	int flows;		/* descriptors of the maps */
	int ports;
};

/* Load what belongs behind (@egress) or before the stack; a descriptor or -1. */
int rewrite_load(const struct rewrite *r, bool egress);

#endif /* FERRY_REWRITE_H */
