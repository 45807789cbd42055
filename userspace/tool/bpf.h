/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Just enough of BPF to write a program without a compiler for it: a list of
 * instructions that is appended to, jumps to labels that may be bound later,
 * and the system calls.  ferry bridge and ferryize write theirs so.
 */
#ifndef FERRY_BPF_H
#define FERRY_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODE_MAX 512
#define LABEL_MAX 16

struct bpf_code {
	struct bpf_insn insn[CODE_MAX];
	int jumps_to[CODE_MAX];		/* label, or -1 */
	int label[LABEL_MAX];		/* where it is bound, or -1 */
	int n;
};

void code_start(struct bpf_code *c);

/* Registers and constants; @op is BPF_ADD, BPF_AND, BPF_LSH ... or BPF_MOV. */
void op_imm(struct bpf_code *c, int op, int reg, int32_t imm);
void op_reg(struct bpf_code *c, int op, int reg, int src);
void load_map(struct bpf_code *c, int reg, int map_fd);

/* Memory; @size is BPF_B, BPF_H, BPF_W or BPF_DW. */
void load(struct bpf_code *c, int size, int reg, int base, int offset);
void store_imm(struct bpf_code *c, int size, int base, int offset,
	       int32_t imm);
void store_reg(struct bpf_code *c, int size, int base, int offset, int reg);

void call(struct bpf_code *c, int helper);
void leave(struct bpf_code *c);

/* Jump if @reg @op @imm holds, with BPF_JEQ, BPF_JNE, BPF_JSET ... */
void jump_if(struct bpf_code *c, int op, int reg, int32_t imm, int label);
void jump(struct bpf_code *c, int label);
int new_label(struct bpf_code *c);
void bind_label(struct bpf_code *c, int label);

/*
 * Load it as a program of @type; one that is to be called at a function of the
 * kernel says how in @where, and which by its number in the kernel's BTF.
 * Returns a descriptor; or -1 and errno, with the verifier's reasons on stderr
 * if it has any.
 */
int bpf_load(struct bpf_code *c, const char *name, int type, int where,
	     uint32_t function);
/* Have such a program called, until the descriptor that this returns is closed. */
int bpf_attach(int program_fd, int where);

int bpf_make_map(int type, const char *name, int key_size, int value_size,
		 int entries);
int bpf_map_put(int fd, const void *key, const void *value);
/* The key after @key, or the first if @key is NULL. */
bool bpf_map_next(int fd, const void *key, void *next);

int bpf_program_by_id(uint32_t id);
/* A map that a loaded program uses, by its name; -1 if it has none such. */
int bpf_map_of(int program_fd, const char *name);

#endif /* FERRY_BPF_H */
