/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways a scenario goes: over loopback TCP and Ferry by themselves; over the
 * bridge between two hosts Ferry to TCP, and TCP to Ferry.  Tests about the data
 * take all four, the others the first two.
 */
#ifndef FERRY_SELFTESTS_WAYS_H
#define FERRY_SELFTESTS_WAYS_H

#include "lib.h"

#define WAYS 4

/*
 * How many there are: without a bridge only two, which are proto_of()'s, and it
 * says so.
 */
int ways(void);
enum ends ends_of(int way);

/*
 * All go over this link, not only those that need a bridge; and since that
 * stays, these come last.
 */
void ways_over(const struct hosts *h);
/* Go to where the listener is to be; returns where that is. */
struct addr enter_server(enum family fam, int way);
void enter_client(int way);
/* fd[0] has connected to fd[1]. */
void ways_pair(enum family fam, int way, int fd[2]);

/* All of them are what the first, TCP's, is. */
bool same_transcripts(const struct transcript *log);

#endif /* FERRY_SELFTESTS_WAYS_H */
