/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random programs of socket calls, which must do the same over TCP and over
 * Ferry.
 *
 * A program is a list of calls.  Each is made by one of two processes on a
 * descriptor in one of its slots, with a few small arguments that index tables
 * of values, good and bad (fuzz_draw.c), so that a program is printed, shrunk
 * and repeated with ease.  fuzz_run.c has two processes run one over a protocol,
 * fuzz_calls.c makes their calls and notes what each has returned; fuzz.c
 * compares.
 */
#ifndef FERRY_SELFTESTS_FUZZ_H
#define FERRY_SELFTESTS_FUZZ_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib.h"

#define FUZZ_CALLS	28	/* in a program, at most */
#define FUZZ_SLOTS	4	/* descriptors of a process */
#define FUZZ_ARGS	4

/* What a process can be told to do. */
enum call {
	CALL_SOCKET,		/* family, type, protocol */
	CALL_BIND,		/* address, port, length */
	CALL_LISTEN,		/* backlog */
	CALL_CONNECT,		/* address, port, length */
	CALL_ACCEPT,		/* into slot, flags, address */
	CALL_SEND,		/* size, flags */
	CALL_SENDTO,		/* size, flags, address, port */
	CALL_WRITEV,		/* size of each, how many */
	CALL_SENDMSG,		/* size of each, how many, flags, control */
	CALL_SENDMMSG,		/* size of each, how many, flags */
	CALL_SENDFILE,		/* size */
	CALL_SPLICE_IN,		/* size, flags */
	CALL_SEND_WILD,		/* size, flags, address */
	CALL_RECV,		/* size, flags */
	CALL_RECVMSG,		/* size of each, how many, flags */
	CALL_RECVMMSG,		/* size of each, how many, flags */
	CALL_READV,		/* size of each, how many */
	CALL_RECV_WILD,		/* size, flags, address */
	CALL_SPLICE,		/* size */
	CALL_SHUTDOWN,		/* how */
	CALL_CLOSE,
	CALL_DUP,		/* into slot */
	CALL_GIVE,		/* to the other process */
	CALL_TAKE,
	CALL_POLL,		/* events */
	CALL_SELECT,		/* which sets */
	CALL_EPOLL,		/* events */
	CALL_WATCH,		/* events, edge-triggered or not */
	CALL_WAIT,		/* for what is watched */
	CALL_SETSOCKOPT,	/* option, value, length, address */
	CALL_GETSOCKOPT,	/* option, length, address */
	CALL_IOCTL,		/* request, value */
	CALL_FCNTL,		/* blocking or not; or the owner */
	CALL_GETSOCKNAME,	/* length */
	CALL_GETPEERNAME,	/* length */
	CALLS
};

struct op {
	__u8 who;		/* which process */
	__u8 call;		/* one of enum call */
	__u8 slot;
	__u8 arg[FUZZ_ARGS];
};

struct program {
	unsigned int len;
	struct op op[FUZZ_CALLS];
};

/* What a call did. */
struct outcome {
	long long ret;
	int err;		/* errno, 0 when it did not fail */
	int extra;		/* mask, length or value, by call */
	__u32 bytes;		/* hash of all bytes that it gave back */
	__u8 signals;		/* which came since the call before */
};

/* fuzz_draw.c: what the arguments stand for */

/* One that a socket option may be set to. */
struct sockopt {
	const char *name;
	int level;
	int option;
	bool set;		/* setting it is part of the game */
	bool value;		/* its value is comparable */
};

extern const struct sockopt fuzz_options[];
extern const unsigned int fuzz_num_options;
extern const int fuzz_values[];
extern const unsigned int fuzz_num_values;

int fuzz_size(__u8 arg);
int fuzz_send_flags(__u8 arg);
int fuzz_recv_flags(__u8 arg);
int fuzz_events(__u8 arg);
int fuzz_backlog(__u8 arg);
int fuzz_optlen(__u8 arg);
int fuzz_control(__u8 arg);
unsigned long fuzz_request(__u8 arg, bool *value);
/* Address @arg and port @port as program number @run sees them. */
struct addr fuzz_addr(__u8 arg, __u8 port, __u8 len, __u32 run);
/* A port that is not one of fuzz_addr()'s has been chosen by the kernel. */
bool fuzz_port_known(__u16 port);

void fuzz_draw(struct program *p, __u64 seed);
void fuzz_print(FILE *f, const struct op *op);

/* fuzz_calls.c, in each of the two processes */

/* @mail: the socket by which one gives descriptors to the other. */
void fuzz_begin(int protocol, int mail);
/* Make the calls from @from to before @to of program number @number. */
void fuzz_calls(const struct program *p, unsigned int from, unsigned int to,
		__u32 number, struct outcome *out);
/* Nothing of a program outlasts it, not even TIME_WAIT. */
void fuzz_forget(void);

/* fuzz_run.c */
struct fuzz_pair;
struct fuzz_pair *fuzz_start(int proto);
void fuzz_run(struct fuzz_pair *pair, const struct program *p, __u32 run,
	      struct outcome *out);
void fuzz_stop(struct fuzz_pair *pair);

#endif /* FERRY_SELFTESTS_FUZZ_H */
