// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The BPF program that makes Ferry sockets of TCP's.
 *
 * When a program calls socket(), the kernel calls update_socket_protocol() for
 * the protocol to take; the function is there, since Linux 6.6, for a BPF
 * program to answer in its place.  Ours answers with Ferry's number if the
 * socket would be TCP's and the caller is in a certain cgroup.
 *
 * Only what was asked for is known there, and neither what the socket will be
 * used for nor which descriptor it gets.
 */
#include <errno.h>
#include <linux/ferry.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../tool/bpf.h"
#include "method.h"

#define HOOK "update_socket_protocol"

/* Its arguments, eight bytes each, as the program finds them. */
#define FAMILY 0
#define TYPE 8
#define PROTOCOL 16

#define ARGUMENTS BPF_REG_6
#define STACK BPF_REG_10

#define RING_BYTES 65536

/* A socket was made by this process. */
struct record {
	char name[16];
	uint32_t pid;
	uint32_t unused;
};

static void load_int(struct bpf_code *c, int reg, int offset)
{
	load(c, BPF_DW, reg, ARGUMENTS, offset);
	/* An int's upper half is whatever was in the register. */
	op_imm(c, BPF_LSH, reg, 32);
	op_imm(c, BPF_RSH, reg, 32);
}

static void write_record(struct bpf_code *c, int ring)
{
	int at = -(int)sizeof(struct record);

	op_reg(c, BPF_MOV, BPF_REG_1, STACK);
	op_imm(c, BPF_ADD, BPF_REG_1, at + offsetof(struct record, name));
	op_imm(c, BPF_MOV, BPF_REG_2, sizeof(((struct record *)0)->name));
	call(c, BPF_FUNC_get_current_comm);
	call(c, BPF_FUNC_get_current_pid_tgid);
	op_imm(c, BPF_RSH, BPF_REG_0, 32);
	store_reg(c, BPF_DW, STACK, at + offsetof(struct record, pid),
		  BPF_REG_0);
	load_map(c, BPF_REG_1, ring);
	op_reg(c, BPF_MOV, BPF_REG_2, STACK);
	op_imm(c, BPF_ADD, BPF_REG_2, at);
	op_imm(c, BPF_MOV, BPF_REG_3, sizeof(struct record));
	op_imm(c, BPF_MOV, BPF_REG_4, 0);
	call(c, BPF_FUNC_ringbuf_output);
}

static int load_for(int function, const struct hook *h)
{
	struct bpf_code c;
	int out, ip, tcp;

	code_start(&c);
	out = new_label(&c);
	ip = new_label(&c);
	tcp = new_label(&c);

	op_reg(&c, BPF_MOV, ARGUMENTS, BPF_REG_1);
	load_int(&c, BPF_REG_1, FAMILY);
	jump_if(&c, BPF_JEQ, BPF_REG_1, AF_INET, ip);
	jump_if(&c, BPF_JNE, BPF_REG_1, AF_INET6, out);
	bind_label(&c, ip);
	load_int(&c, BPF_REG_1, TYPE);
	op_imm(&c, BPF_AND, BPF_REG_1, ~(SOCK_NONBLOCK | SOCK_CLOEXEC));
	jump_if(&c, BPF_JNE, BPF_REG_1, SOCK_STREAM, out);
	load_int(&c, BPF_REG_1, PROTOCOL);
	jump_if(&c, BPF_JEQ, BPF_REG_1, 0, tcp);
	jump_if(&c, BPF_JNE, BPF_REG_1, IPPROTO_TCP, out);
	bind_label(&c, tcp);
	load_map(&c, BPF_REG_1, h->cgroups);
	op_imm(&c, BPF_MOV, BPF_REG_2, 0);
	call(&c, BPF_FUNC_current_task_under_cgroup);
	jump_if(&c, BPF_JNE, BPF_REG_0, 1, out);
	if (h->ring >= 0)
		write_record(&c, h->ring);
	op_imm(&c, BPF_MOV, BPF_REG_0, IPPROTO_FERRY);
	leave(&c);
	bind_label(&c, out);
	/* Let the kernel, or the next such program, answer. */
	op_imm(&c, BPF_MOV, BPF_REG_0, 0);
	leave(&c);
	return bpf_load(&c, "ferryize", BPF_PROG_TYPE_TRACING,
			BPF_MODIFY_RETURN, function);
}

/* The ring: where we are, where the kernel is, and then twice the records. */
static int make_ring(struct hook *h)
{
	long page = sysconf(_SC_PAGESIZE);
	void *ours, *theirs;

	h->ring = bpf_make_map(BPF_MAP_TYPE_RINGBUF, "ferryize", 0, 0,
			       RING_BYTES);
	if (h->ring < 0)
		return -1;
	ours = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, h->ring, 0);
	theirs = mmap(NULL, page + 2 * RING_BYTES, PROT_READ, MAP_SHARED,
		      h->ring, page);
	if (ours == MAP_FAILED || theirs == MAP_FAILED)
		return -1;
	h->consumed = ours;
	h->produced = theirs;
	h->records = (char *)theirs + page;
	return 0;
}

static const char *refused(const char *what)
{
	if (errno == EPERM)
		return "it takes the capabilities CAP_BPF and CAP_PERFMON";
	return because("cannot %s: %s", what, strerror(errno));
}

const char *hook_load(struct hook *h, bool report)
{
	int function = btf_function(HOOK);

	*h = (struct hook){ .cgroups = -1, .program = -1, .link = -1,
			    .ring = -1 };
	if (function < 0)
		return "this kernel does not tell its functions (CONFIG_DEBUG_INFO_BTF)";
	if (!function)
		return "this kernel has no " HOOK "() (Linux 6.6, CONFIG_MPTCP)";
	h->cgroups = bpf_make_map(BPF_MAP_TYPE_CGROUP_ARRAY, "ferryize",
				  sizeof(uint32_t), sizeof(uint32_t), 1);
	if (h->cgroups < 0 || (report && make_ring(h)))
		return refused("make a BPF map");
	h->program = load_for(function, h);
	return h->program < 0 ? refused("load the BPF program") : NULL;
}

const char *hook_attach(struct hook *h, int cgroup)
{
	uint32_t first = 0, fd = cgroup;

	if (bpf_map_put(h->cgroups, &first, &fd))
		return refused("tell BPF of the cgroup");
	h->link = bpf_attach(h->program, BPF_MODIFY_RETURN);
	return h->link < 0 ? refused("attach the BPF program") : NULL;
}

void hook_report(struct hook *h)
{
	unsigned long at, end;

	if (h->ring < 0)
		return;
	at = *h->consumed;
	end = __atomic_load_n(h->produced, __ATOMIC_ACQUIRE);
	while (at < end) {
		const char *entry = h->records + (at & (RING_BYTES - 1));
		uint32_t len = __atomic_load_n((const uint32_t *)entry,
					       __ATOMIC_ACQUIRE);
		const struct record *r;

		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		r = (const void *)(entry + BPF_RINGBUF_HDR_SZ);
		fprintf(stderr, "ferryize: %.16s[%u]: a socket is Ferry\n",
			r->name, r->pid);
		/* All records are of this size, which is a multiple of 8. */
		at += BPF_RINGBUF_HDR_SZ + sizeof(*r);
		__atomic_store_n(h->consumed, at, __ATOMIC_RELEASE);
	}
}
