// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Writing and loading small BPF programs; see bpf.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf.h"
#include "tool.h"

void code_start(struct bpf_code *c)
{
	int i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < CODE_MAX; i++)
		c->jumps_to[i] = -1;
	for (i = 0; i < LABEL_MAX; i++)
		c->label[i] = -2;
}

static void emit(struct bpf_code *c, struct bpf_insn insn)
{
	if (c->n == CODE_MAX)
		abort();
	c->insn[c->n++] = insn;
}

void op_imm(struct bpf_code *c, int op, int reg, int32_t imm)
{
	emit(c, (struct bpf_insn){
		.code = BPF_ALU64 | op | BPF_K, .dst_reg = reg, .imm = imm,
	});
}

void op_reg(struct bpf_code *c, int op, int reg, int src)
{
	emit(c, (struct bpf_insn){
		.code = BPF_ALU64 | op | BPF_X, .dst_reg = reg, .src_reg = src,
	});
}

void load_map(struct bpf_code *c, int reg, int map_fd)
{
	/* 64 bits of constant take two instructions. */
	emit(c, (struct bpf_insn){
		.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = reg,
		.src_reg = BPF_PSEUDO_MAP_FD, .imm = map_fd,
	});
	emit(c, (struct bpf_insn){ 0 });
}

void load(struct bpf_code *c, int size, int reg, int base, int offset)
{
	emit(c, (struct bpf_insn){
		.code = BPF_LDX | size | BPF_MEM, .dst_reg = reg,
		.src_reg = base, .off = offset,
	});
}

void store_imm(struct bpf_code *c, int size, int base, int offset, int32_t imm)
{
	emit(c, (struct bpf_insn){
		.code = BPF_ST | size | BPF_MEM, .dst_reg = base,
		.off = offset, .imm = imm,
	});
}

void store_reg(struct bpf_code *c, int size, int base, int offset, int reg)
{
	emit(c, (struct bpf_insn){
		.code = BPF_STX | size | BPF_MEM, .dst_reg = base,
		.src_reg = reg, .off = offset,
	});
}

void call(struct bpf_code *c, int helper)
{
	emit(c, (struct bpf_insn){ .code = BPF_JMP | BPF_CALL, .imm = helper });
}

void leave(struct bpf_code *c)
{
	emit(c, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

void jump_if(struct bpf_code *c, int op, int reg, int32_t imm, int label)
{
	c->jumps_to[c->n] = label;
	emit(c, (struct bpf_insn){
		.code = BPF_JMP | op | BPF_K, .dst_reg = reg, .imm = imm,
	});
}

void jump(struct bpf_code *c, int label)
{
	jump_if(c, BPF_JA, 0, 0, label);
}

int new_label(struct bpf_code *c)
{
	int i;

	for (i = 0; i < LABEL_MAX; i++) {
		if (c->label[i] == -2) {
			c->label[i] = -1;
			return i;
		}
	}
	abort();
}

void bind_label(struct bpf_code *c, int label)
{
	c->label[label] = c->n;
}

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

int bpf_load(struct bpf_code *c, const char *name, int type, int where,
	     uint32_t function)
{
	static char log[1 << 16];
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = where,
		.attach_btf_id = function,
		.insns = (uintptr_t)c->insn,
		.insn_cnt = c->n,
		.license = (uintptr_t)"LGPL-2.1-or-later",
	};
	int fd, i;

	for (i = 0; i < c->n; i++)
		if (c->jumps_to[i] >= 0)
			c->insn[i].off = c->label[c->jumps_to[i]] - i - 1;
	strncpy(attr.prog_name, name, sizeof(attr.prog_name) - 1);
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd >= 0 || errno == EPERM)
		return fd;
	/* Once more, to hear why. */
	attr.log_buf = (uintptr_t)log;
	attr.log_size = sizeof(log);
	attr.log_level = 1;
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0 && log[0])
		fprintf(stderr, "%s", log);
	return fd;
}

int bpf_attach(int program_fd, int where)
{
	union bpf_attr attr = {
		.link_create.prog_fd = program_fd,
		.link_create.attach_type = where,
	};

	return bpf(BPF_LINK_CREATE, &attr);
}

int bpf_make_map(int type, const char *name, int key_size, int value_size,
		 int entries)
{
	union bpf_attr attr = {
		.map_type = type, .key_size = key_size,
		.value_size = value_size, .max_entries = entries,
	};

	strncpy(attr.map_name, name, sizeof(attr.map_name) - 1);
	return bpf(BPF_MAP_CREATE, &attr);
}

int bpf_map_put(int fd, const void *key, const void *value)
{
	union bpf_attr attr = {
		.map_fd = fd, .key = (uintptr_t)key, .value = (uintptr_t)value,
	};

	return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

bool bpf_map_next(int fd, const void *key, void *next)
{
	union bpf_attr attr = {
		.map_fd = fd, .key = (uintptr_t)key,
		.next_key = (uintptr_t)next,
	};

	return !bpf(BPF_MAP_GET_NEXT_KEY, &attr);
}

int bpf_program_by_id(uint32_t id)
{
	union bpf_attr attr = { .prog_id = id };

	return bpf(BPF_PROG_GET_FD_BY_ID, &attr);
}

static int info_of(int fd, void *info, size_t len)
{
	union bpf_attr attr = {
		.info.bpf_fd = fd, .info.info = (uintptr_t)info,
		.info.info_len = len,
	};

	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

int bpf_map_of(int program_fd, const char *name)
{
	uint32_t ids[4];
	struct bpf_prog_info program = {
		.nr_map_ids = ARRAY_SIZE(ids),
		.map_ids = (uintptr_t)ids,
	};
	unsigned int i;

	if (info_of(program_fd, &program, sizeof(program)))
		return -1;
	for (i = 0; i < program.nr_map_ids; i++) {
		union bpf_attr attr = { .map_id = ids[i] };
		struct bpf_map_info map = { 0 };
		int fd = bpf(BPF_MAP_GET_FD_BY_ID, &attr);

		if (fd < 0)
			continue;
		if (!info_of(fd, &map, sizeof(map)) && !strcmp(map.name, name))
			return fd;
		close(fd);
	}
	errno = ENOENT;
	return -1;
}
