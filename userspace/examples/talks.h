/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many short talks at once, of lines, in no particular event loop:
 * loop_libevent.c and loop_libuv.c bring one.
 */
#ifndef TALKS_H
#define TALKS_H

#include <ferry/ferry.h>

struct talk;

/*
 * Begin what a program's arguments say: PORT, to serve, or HOST PORT NUMBER, for
 * that many talks with who serves there; over TCP after the word tcp.
 */
void talks_begin(int argc, char **argv);

/*
 * What talks.c asks the loop to do: once wants' descriptor has one of its
 * events, or its deadline has come, stop watching and call talk_step().
 */
void watch(struct talk *t, const struct ferry_wants *wants);
void talk_step(struct talk *t);

/* When the loop has nothing to do any more: say how it was; exit status. */
int talks_end(void);

#endif /* TALKS_H */
