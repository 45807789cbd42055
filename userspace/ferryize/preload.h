/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the preloaded library share, and what ferryize tells it
 * through the environment.
 */
#ifndef FERRYIZE_PRELOAD_H
#define FERRYIZE_PRELOAD_H

#include <stdbool.h>

#ifndef __printf
#define __printf(a, b) __attribute((__format__(__printf__, a, b)))
#endif

/* Set, to anything: say on standard error what is done. */
#define ENV_VERBOSE	"FERRYIZE_VERBOSE"
/* "listen" or "connect": only such sockets; unset: both. */
#define ENV_ROLE	"FERRYIZE_ROLE"
/* "80,443,8000-8100": only these ports; unset: all. */
#define ENV_PORTS	"FERRYIZE_PORTS"

/* The calls that the library stands in front of. */
int real_socket(int family, int type, int protocol);
int real_bind(int fd, const void *addr, unsigned int len);

/*
 * Make an open socket one of @protocol: a new socket takes the descriptor's
 * place, with the options that the program has set, its address, its flags,
 * and its place in the epoll sets of this process.
 *
 * Returns 0; or -1 with errno, and the descriptor is what it was.
 */
int carry_over(int fd, int family, int from, int protocol);

/* "ferryize: PROGRAM[PID]: ...", with --verbose. */
void tell(const char *fmt, ...) __printf(1, 2);

#endif /* FERRYIZE_PRELOAD_H */
