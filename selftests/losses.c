// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that loses frames by a dice of its own; see losses.h.
 *
 * The dice are xorshift64 (Marsaglia, 2003), of which 31 bits are used.  Their
 * state, and whether there is a burst, is in a map.
 */
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <unistd.h>

#include "../userspace/tool/bpf.h"
#include "../userspace/tool/tc.h"
#include "lib.h"
#include "losses.h"

#define NAME "losses"

/* What the program keeps; 64 bits each. */
struct state {
	__u64 dice;
	__u64 burst;
};

enum {
	VALUE = BPF_REG_1, DICE = BPF_REG_6, STATE = BPF_REG_7,
	VERDICT = BPF_REG_8,
};

/* Chances are compared with 31 bits. */
static __s32 chance(double percent)
{
	return percent / 100 * 0x7fffffff;
}

static void shift_and_mix(struct bpf_code *c, int shift, int bits)
{
	op_reg(c, BPF_MOV, VALUE, DICE);
	op_imm(c, shift, VALUE, bits);
	op_reg(c, BPF_XOR, DICE, VALUE);
}

/* Throw the dice, and go to @label unless the throw is one of the @percent. */
static void unless(struct bpf_code *c, double percent, int label)
{
	shift_and_mix(c, BPF_LSH, 13);
	shift_and_mix(c, BPF_RSH, 7);
	shift_and_mix(c, BPF_LSH, 17);
	op_reg(c, BPF_MOV, VALUE, DICE);
	op_imm(c, BPF_RSH, VALUE, 33);
	jump_if(c, BPF_JGE, VALUE, chance(percent), label);
}

/* As netem's gemodel: a burst may end with a frame that it takes. */
static void throw(struct bpf_code *c, const struct losses *l, int passed)
{
	int burst = new_label(c), on = new_label(c);

	if (l->begin) {
		load(c, BPF_DW, VALUE, STATE, offsetof(struct state, burst));
		jump_if(c, BPF_JNE, VALUE, 0, burst);
		unless(c, l->begin, passed);
		store_imm(c, BPF_DW, STATE, offsetof(struct state, burst), 1);
		jump(c, passed);
		bind_label(c, burst);
		unless(c, l->end, on);
		store_imm(c, BPF_DW, STATE, offsetof(struct state, burst), 0);
	}
	bind_label(c, on);
	unless(c, l->lost, passed);
}

static int load_program_of(const struct losses *l, int map)
{
	struct bpf_code c;
	int passed, out;

	code_start(&c);
	passed = new_label(&c);
	out = new_label(&c);
	store_imm(&c, BPF_W, BPF_REG_10, -4, 0);
	load_map(&c, BPF_REG_1, map);
	op_reg(&c, BPF_MOV, BPF_REG_2, BPF_REG_10);
	op_imm(&c, BPF_ADD, BPF_REG_2, -4);
	call(&c, BPF_FUNC_map_lookup_elem);
	op_imm(&c, BPF_MOV, VERDICT, TC_ACT_UNSPEC);
	jump_if(&c, BPF_JEQ, BPF_REG_0, 0, out);
	op_reg(&c, BPF_MOV, STATE, BPF_REG_0);
	load(&c, BPF_DW, DICE, STATE, offsetof(struct state, dice));
	throw(&c, l, passed);
	op_imm(&c, BPF_MOV, VERDICT, TC_ACT_SHOT);
	bind_label(&c, passed);
	store_reg(&c, BPF_DW, STATE, offsetof(struct state, dice), DICE);
	bind_label(&c, out);
	op_reg(&c, BPF_MOV, BPF_REG_0, VERDICT);
	leave(&c);
	return bpf_load(&c, NAME, BPF_PROG_TYPE_SCHED_CLS, 0, 0);
}

void losses_begin(const char *device, const struct losses *l, __u64 dice)
{
	/* Of zero it would make nothing but zeros. */
	struct state state = { .dice = dice | 1ULL << 63 };
	int map, program;
	__u32 key = 0;

	map = bpf_make_map(BPF_MAP_TYPE_ARRAY, NAME, sizeof(key),
			   sizeof(state), 1);
	if (map < 0 || bpf_map_put(map, &key, &state))
		die("a map for losses");
	program = load_program_of(l, map);
	if (program < 0)
		die("a program for losses");
	if (tc_attach(if_nametoindex(device), true, program, NAME))
		die("attach to %s", device);
	/* The device holds the program, and that the map. */
	close(program);
	close(map);
}
