/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How ferryize gets at a program's sockets: a library that is loaded into it
 * (preload.c), for which the program must be one that takes it (reach.c); or a
 * BPF program that the kernel asks when a socket is made (hook.c), for all that
 * is made in a cgroup (cgroup.c), which somebody has to take away again
 * (keeper.c).
 *
 * A reason is why something cannot be had, to be printed: a text that is good
 * until the next such call.
 */
#ifndef FERRYIZE_METHOD_H
#define FERRYIZE_METHOD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef __printf
#define __printf(a, b) __attribute((__format__(__printf__, a, b)))
#endif
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

/* Why no library can be put in front of the command @name, or NULL. */
const char *beyond_reach(const char *name);

/* A reason. */
const char *because(const char *fmt, ...) __printf(1, 2);

/*
 * The number of a function in the BTF of the running kernel; 0 if it has no
 * such function, -1 if the kernel has no BTF that can be read.
 */
int btf_function(const char *name);

struct hook {
	int cgroups;		/* map: whose sockets are Ferry's */
	int program;
	int link;
	int ring;		/* what was done, to be told; or -1 */
	unsigned long *consumed;
	const unsigned long *produced;
	const char *records;
};

/*
 * Load the BPF program, and then have it called for what processes do in a
 * cgroup; with @report, hook_report() prints a line for each socket that was
 * made since.  Both return NULL or a reason.
 */
const char *hook_load(struct hook *h, bool report);
const char *hook_attach(struct hook *h, int cgroup);
void hook_report(struct hook *h);

struct cgroup {
	char path[PATH_MAX];
	int dir;
	int events;		/* POLLPRI: it may be empty now, or no longer */
};

/* Make a cgroup below our own; move there.  NULL or a reason. */
const char *cgroup_make(struct cgroup *g);
const char *cgroup_enter(const struct cgroup *g);
/* Whether there are processes in it or below it. */
bool cgroup_populated(const struct cgroup *g);
/* Remove it with those that were made below it. */
void cgroup_remove(const struct cgroup *g);

/*
 * From here on every TCP socket that this process makes, the program that it
 * becomes, and what that starts, is Ferry's.  NULL or a reason; then nothing
 * has changed.
 */
const char *run_in_cgroup(bool verbose);

#endif /* FERRYIZE_METHOD_H */
