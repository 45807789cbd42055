// SPDX-License-Identifier: GPL-2.0-only
/*
 * The differential fuzzer: whatever a program does with its sockets, it sees
 * the same over Ferry as over TCP.
 *
 * Every program runs once over each.  Where they differ both run again: timers
 * may have moved one of them, so it counts only if no run of one protocol is
 * like any run of the other.  What is left is shrunk to the fewest calls that
 * still differ, and printed.
 *
 * FERRY_FUZZ_PROGRAMS: how many; FERRY_FUZZ_SEED: of the first, as printed.
 */
#include <stdlib.h>
#include <string.h>

#include "ktest.h"
#include "fuzz.h"

/* How often both run before a difference is believed. */
#define REPEATS 4
/* How many ways to differ are shown before it is enough. */
#define REPORTS 12

/* What came of a program over each. */
struct difference {
	struct outcome tcp[FUZZ_CALLS];
	struct outcome other[FUZZ_CALLS];
};

static struct fuzz_pair *tcp_pair, *ferry_pair;
static __u32 runs;
static unsigned int unsteady;

/* The first call at which they part, or -1. */
static int parting(const struct program *p, const struct outcome *a,
		   const struct outcome *b)
{
	unsigned int i;

	for (i = 0; i < p->len; i++)
		if (a[i].ret != b[i].ret || a[i].err != b[i].err ||
		    a[i].extra != b[i].extra || a[i].bytes != b[i].bytes ||
		    a[i].signals != b[i].signals)
			return i;
	return -1;
}

static int run_both(const struct program *p, struct outcome *tcp,
		    struct outcome *other)
{
	runs++;
	fuzz_run(tcp_pair, p, runs, tcp);
	fuzz_run(ferry_pair, p, runs, other);
	return parting(p, tcp, other);
}

/*
 * Do they differ, however often they run?  If so, how is kept: it may be
 * something that they did only for a while.
 */
static bool differ(const struct program *p, struct difference *how)
{
	static struct outcome tcp[REPEATS][FUZZ_CALLS];
	static struct outcome other[REPEATS][FUZZ_CALLS];
	int i, j;

	for (i = 0; i < REPEATS; i++) {
		if (run_both(p, tcp[i], other[i]) < 0)
			return false;
		for (j = 0; j < i; j++)
			if (parting(p, tcp[i], other[j]) < 0 ||
			    parting(p, tcp[j], other[i]) < 0)
				return false;
	}
	memcpy(how->tcp, tcp[0], sizeof(how->tcp));
	memcpy(how->other, other[0], sizeof(how->other));
	return true;
}

static void without(struct program *to, const struct program *from,
		    unsigned int which)
{
	*to = *from;
	to->len--;
	memmove(&to->op[which], &to->op[which + 1],
		(to->len - which) * sizeof(to->op[0]));
}

/* Programs that part at the same call in the same way show the same thing. */
static bool seen_before(const struct program *p, const struct difference *how)
{
	static struct {
		int call;
		int what;
		int err[2];
	} seen[REPORTS], now;
	static unsigned int known;
	int at = parting(p, how->tcp, how->other);
	unsigned int i;

	memset(&now, 0, sizeof(now));
	now.call = p->op[at].call;
	now.err[0] = how->tcp[at].err;
	now.err[1] = how->other[at].err;
	if (now.call == CALL_SETSOCKOPT || now.call == CALL_GETSOCKOPT)
		now.what = p->op[at].arg[0] % fuzz_num_options;
	for (i = 0; i < known; i++)
		if (!memcmp(&seen[i], &now, sizeof(now)))
			return true;
	if (known < REPORTS)
		seen[known++] = now;
	return false;
}

/* Leave out what can be left out, until nothing can. */
static void shrink(struct program *p, struct difference *how)
{
	struct program less;
	bool again = true;
	unsigned int i, j;

	while (again) {
		again = false;
		for (i = p->len; i-- > 0 && p->len > 1;) {
			without(&less, p, i);
			if (differ(&less, how)) {
				*p = less;
				again = true;
			}
		}
	}
	for (i = 0; i < p->len; i++) {
		for (j = 0; j < FUZZ_ARGS; j++) {
			less = *p;
			less.op[i].arg[j] = 0;
			if (p->op[i].arg[j] && differ(&less, how))
				*p = less;
		}
	}
}

static void print_outcome(const char *who, const struct outcome *o)
{
	printf("#     %-5s %lld%s%s", who, o->ret, o->err ? " " : "",
	       o->err ? errno_name(o->err) : "");
	if (o->extra)
		printf(", %#x", o->extra);
	if (o->bytes)
		printf(", bytes %08x", o->bytes);
	if (o->signals)
		printf(", signals %#x", o->signals);
	printf("\n");
}

static void report(const struct program *p, const struct difference *how,
		   unsigned int seed)
{
	int at = parting(p, how->tcp, how->other);
	unsigned int i;

	printf("# program %u differs; the smallest that does:\n", seed);
	for (i = 0; i < p->len; i++) {
		printf("#   ");
		fuzz_print(stdout, &p->op[i]);
		printf("\n");
		print_outcome((int)i == at ? "TCP" : "both", &how->tcp[i]);
		if ((int)i == at) {
			print_outcome("Ferry", &how->other[i]);
			break;
		}
	}
}

FIXTURE(fuzz) {
	unsigned int programs;
	unsigned int seed;
};

FIXTURE_SETUP(fuzz)
{
	self->programs = from_environment("FERRY_FUZZ_PROGRAMS",
					  1000 / slowness());
	self->seed = from_environment("FERRY_FUZZ_SEED", 1);
	/* So that it does not matter when which program asks for time stamps. */
	set_int(socket(AF_INET, SOCK_DGRAM, 0), SOL_SOCKET, SO_TIMESTAMP, 1);
	tcp_pair = fuzz_start(IPPROTO_TCP);
	ferry_pair = fuzz_start(ferry());
}

FIXTURE_TEARDOWN(fuzz)
{
	fuzz_stop(ferry_pair);
	fuzz_stop(tcp_pair);
}

TEST_F_TIMEOUT(fuzz, programs_do_the_same_over_tcp_and_ferry, 7200)
{
	unsigned int i, seed, different = 0, reports = 0;
	long long start = now_ms();
	struct difference how;
	struct program p;

	for (i = 0; i < self->programs && reports < REPORTS; i++) {
		seed = self->seed + i;
		fuzz_draw(&p, seed);
		if (run_both(&p, how.tcp, how.other) < 0)
			continue;
		if (!differ(&p, &how)) {
			unsteady++;
			continue;
		}
		different++;
		if (seen_before(&p, &how))
			continue;
		reports++;
		shrink(&p, &how);
		report(&p, &how, seed);
	}
	TH_LOG("%u programs in %lld ms, %u of them moved by timers, %u different",
	       i, now_ms() - start, unsteady, different);
	EXPECT_EQ(0, different);
	/* An oracle that does not agree with itself says nothing. */
	EXPECT_GE(self->programs / 20 + 5, unsteady);
}

TEST_HARNESS_MAIN
