/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Filters for sockets, as ss(8) writes them.
 */
#ifndef FERRY_FILTER_H
#define FERRY_FILTER_H

#include <linux/types.h>

/* A program that the kernel runs for each socket (INET_DIAG_REQ_BYTECODE). */
struct filter {
	unsigned int len;	/* bytes; 0 lets everything pass */
	__u32 code[1024];
};

/*
 * The states that a word stands for, as bits: "established", "listening",
 * "all", "connected", ...; 0 for what is none.
 */
__u32 filter_states(const char *word);

/*
 * Make a filter of the words @argv[0] ... up to NULL:
 *
 *	dst ADDRESS[/LENGTH][:PORT]	src ...
 *	dport = :PORT	sport >= PORT	(= == != < > <= >= eq ne lt gt le ge)
 *	not, and (which may be left out), or, ( and )
 *
 * Returns 0; or -1, and *@wrong is what could not be understood.
 */
int filter_compile(struct filter *f, char **argv, const char **wrong);

#endif /* FERRY_FILTER_H */
