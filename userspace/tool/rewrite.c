// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What ferry bridge does to a packet.
 *
 * On the wire Ferry is TCP with another protocol number, which stands in the
 * IP header and, in sum, in the checksums.  So outwards every Ferry packet
 * becomes one of TCP, and its addresses and ports are noted; and inwards a TCP
 * packet becomes one of Ferry if its connection was noted, or if its port is
 * one that the user has named.  All other TCP is left alone.
 *
 * Fragments and IPv6 extension headers are left alone too: Ferry sends
 * neither.
 *
 * Large packets (GSO) stay whole.  The type that the Ferry socket gave them
 * names TCP and, to keep hardware from taking them, SCTP; which is all that
 * TCP's segmentation wants to see.  Those of TCP become packets of Ferry just
 * before they are received, and nobody looks at their type again.
 *
 * Checksums: what the change of the protocol number adds to the checksum of
 * the segment, through the pseudo-header, and to that of the IPv4 header is
 * the same difference of two small numbers.  BPF_F_PSEUDO_HDR makes it right
 * also where the device, or nobody, is to complete the checksum.
 */
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <stddef.h>

#include "bpf.h"
#include "rewrite.h"
#include "tool.h"

/* Registers that survive calls. */
#define PACKET		BPF_REG_6
#define SEGMENT		BPF_REG_7	/* offset of the TCP header */

/* The stack, by offsets from the frame pointer. */
#define STACK		BPF_REG_10
#define FLOW		(-(int)sizeof(struct bridge_flow) - 4)
#define FLOW_AT(member)	(FLOW + (int)offsetof(struct bridge_flow, member))
#define VALUE		(FLOW - 4)	/* a __u32 */
#define SCRATCH		(VALUE - 4)

#define CHECKSUM_AT	16		/* in a TCP header */

struct family {
	int ethertype;
	int protocol_at;	/* in the IP header */
	int source_at;		/* and the destination behind it */
	int address_len;
};

static const struct family families[] = {
	{ ETH_P_IP, 9, 12, 4 },
	{ ETH_P_IPV6, 6, 8, 16 },
};

/* Copy @len bytes at @offset of the IP header to the stack; or to @out. */
static void get_ip(struct bpf_code *c, const struct rewrite *r, int offset,
		   int to, int len, int out)
{
	op_reg(c, BPF_MOV, BPF_REG_1, PACKET);
	op_imm(c, BPF_MOV, BPF_REG_2, r->link_header + offset);
	op_reg(c, BPF_MOV, BPF_REG_3, STACK);
	op_imm(c, BPF_ADD, BPF_REG_3, to);
	op_imm(c, BPF_MOV, BPF_REG_4, len);
	call(c, BPF_FUNC_skb_load_bytes);
	jump_if(c, BPF_JNE, BPF_REG_0, 0, out);
}

/* The same for the TCP header. */
static void get_tcp(struct bpf_code *c, int offset, int to, int len, int out)
{
	op_reg(c, BPF_MOV, BPF_REG_1, PACKET);
	op_reg(c, BPF_MOV, BPF_REG_2, SEGMENT);
	op_imm(c, BPF_ADD, BPF_REG_2, offset);
	op_reg(c, BPF_MOV, BPF_REG_3, STACK);
	op_imm(c, BPF_ADD, BPF_REG_3, to);
	op_imm(c, BPF_MOV, BPF_REG_4, len);
	call(c, BPF_FUNC_skb_load_bytes);
	jump_if(c, BPF_JNE, BPF_REG_0, 0, out);
}

static void look_up(struct bpf_code *c, int map, int key)
{
	load_map(c, BPF_REG_1, map);
	op_reg(c, BPF_MOV, BPF_REG_2, STACK);
	op_imm(c, BPF_ADD, BPF_REG_2, key);
	call(c, BPF_FUNC_map_lookup_elem);
}

static void note_flow(struct bpf_code *c, const struct rewrite *r)
{
	int known = new_label(c);

	look_up(c, r->flows, FLOW);
	jump_if(c, BPF_JNE, BPF_REG_0, 0, known);
	store_imm(c, BPF_W, STACK, VALUE, 1);
	load_map(c, BPF_REG_1, r->flows);
	op_reg(c, BPF_MOV, BPF_REG_2, STACK);
	op_imm(c, BPF_ADD, BPF_REG_2, FLOW);
	op_reg(c, BPF_MOV, BPF_REG_3, STACK);
	op_imm(c, BPF_ADD, BPF_REG_3, VALUE);
	op_imm(c, BPF_MOV, BPF_REG_4, BPF_ANY);
	call(c, BPF_FUNC_map_update_elem);
	bind_label(c, known);
}

/* Go to @out unless the packet is for a Ferry socket. */
static void check_flow(struct bpf_code *c, const struct rewrite *r, int out)
{
	int ours = new_label(c);

	look_up(c, r->flows, FLOW);
	jump_if(c, BPF_JNE, BPF_REG_0, 0, ours);
	load(c, BPF_H, BPF_REG_1, STACK, FLOW_AT(local_port));
	store_reg(c, BPF_W, STACK, VALUE, BPF_REG_1);
	look_up(c, r->ports, VALUE);
	jump_if(c, BPF_JEQ, BPF_REG_0, 0, out);
	bind_label(c, ours);
}

/* Correct the checksum at an offset that is in BPF_REG_2. */
static void correct(struct bpf_code *c, int helper, int from, int to, int flags)
{
	op_reg(c, BPF_MOV, BPF_REG_1, PACKET);
	op_imm(c, BPF_MOV, BPF_REG_3, htons(from));
	op_imm(c, BPF_MOV, BPF_REG_4, htons(to));
	op_imm(c, BPF_MOV, BPF_REG_5, flags | sizeof(__be16));
	call(c, helper);
}

static void change_protocol(struct bpf_code *c, const struct rewrite *r,
			    const struct family *f, int from, int to)
{
	bool v4 = f->ethertype == ETH_P_IP;

	op_reg(c, BPF_MOV, BPF_REG_2, SEGMENT);
	op_imm(c, BPF_ADD, BPF_REG_2, CHECKSUM_AT);
	correct(c, BPF_FUNC_l4_csum_replace, from, to, BPF_F_PSEUDO_HDR);
	if (v4) {
		/* The number is the low byte of its word, as above. */
		op_imm(c, BPF_MOV, BPF_REG_2, r->link_header + 10);
		correct(c, BPF_FUNC_l3_csum_replace, from, to, 0);
	}
	store_imm(c, BPF_B, STACK, SCRATCH, to);
	op_reg(c, BPF_MOV, BPF_REG_1, PACKET);
	op_imm(c, BPF_MOV, BPF_REG_2, r->link_header + f->protocol_at);
	op_reg(c, BPF_MOV, BPF_REG_3, STACK);
	op_imm(c, BPF_ADD, BPF_REG_3, SCRATCH);
	op_imm(c, BPF_MOV, BPF_REG_4, 1);
	/* The header's own checksum makes up for the change in IPv4 alone. */
	op_imm(c, BPF_MOV, BPF_REG_5, v4 ? 0 : BPF_F_RECOMPUTE_CSUM);
	call(c, BPF_FUNC_skb_store_bytes);
}

/* Find the TCP header behind an IPv4 header of any length. */
static void find_segment_v4(struct bpf_code *c, const struct rewrite *r,
			    int out)
{
	get_ip(c, r, 6, SCRATCH, sizeof(__be16), out);
	load(c, BPF_H, BPF_REG_1, STACK, SCRATCH);
	/* A fragment: more to come, or not the first. */
	jump_if(c, BPF_JSET, BPF_REG_1, htons(0x3fff), out);
	get_ip(c, r, 0, SCRATCH, 1, out);
	load(c, BPF_B, SEGMENT, STACK, SCRATCH);
	op_imm(c, BPF_AND, SEGMENT, 0x0f);
	op_imm(c, BPF_LSH, SEGMENT, 2);
	op_imm(c, BPF_ADD, SEGMENT, r->link_header);
}

static void one_family(struct bpf_code *c, const struct rewrite *r,
		       const struct family *f, bool egress, int out)
{
	int local = FLOW_AT(local);
	int remote = FLOW_AT(remote);
	int local_port = FLOW_AT(local_port);
	int remote_port = FLOW_AT(remote_port);
	int from = egress ? r->ferry : IPPROTO_TCP;
	int to = egress ? IPPROTO_TCP : r->ferry;

	get_ip(c, r, f->protocol_at, SCRATCH, 1, out);
	load(c, BPF_B, BPF_REG_1, STACK, SCRATCH);
	jump_if(c, BPF_JNE, BPF_REG_1, from, out);

	if (f->ethertype == ETH_P_IP)
		find_segment_v4(c, r, out);
	else
		op_imm(c, BPF_MOV, SEGMENT, r->link_header + 40);

	get_ip(c, r, f->source_at, egress ? local : remote, f->address_len,
	       out);
	get_ip(c, r, f->source_at + f->address_len, egress ? remote : local,
	       f->address_len, out);
	get_tcp(c, 0, egress ? local_port : remote_port, sizeof(__be16), out);
	get_tcp(c, 2, egress ? remote_port : local_port, sizeof(__be16), out);

	if (egress)
		note_flow(c, r);
	else if (!r->any_port)
		check_flow(c, r, out);
	change_protocol(c, r, f, from, to);
}

int rewrite_load(const struct rewrite *r, bool egress)
{
	struct bpf_code c;
	unsigned int i;
	int out, at;

	code_start(&c);
	out = new_label(&c);
	op_reg(&c, BPF_MOV, PACKET, BPF_REG_1);
	for (at = FLOW; at < 0; at += 4)
		store_imm(&c, BPF_W, STACK, at, 0);
	for (i = 0; i < ARRAY_SIZE(families); i++) {
		int other = new_label(&c);

		load(&c, BPF_W, BPF_REG_1, PACKET,
		     offsetof(struct __sk_buff, protocol));
		jump_if(&c, BPF_JNE, BPF_REG_1, htons(families[i].ethertype),
			other);
		one_family(&c, r, &families[i], egress, out);
		jump(&c, out);
		bind_label(&c, other);
	}
	bind_label(&c, out);
	/* Whatever else is to be done with it is for others to say. */
	op_imm(&c, BPF_MOV, BPF_REG_0, TC_ACT_UNSPEC);
	leave(&c);
	return bpf_load(&c, egress ? "ferry_to_tcp" : "tcp_to_ferry",
			BPF_PROG_TYPE_SCHED_CLS, 0, 0);
}
