// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two processes that do what a program says, call by call, and note what came
 * of it.
 *
 * They run on one processor and never at once: the one that has the turn makes
 * its calls while the other waits, and over loopback a segment has arrived when
 * the call that sent it returns.  So the same program does the same every time,
 * but for the timers.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

/* A process that does not answer has been caught by a call for ever. */
#define HANGS 424242

enum order { ORDER_RUN, ORDER_END };

struct turn {
	__u8 order;
	__u8 from;
	__u8 to;
};

/* What driver and processes share. */
struct board {
	struct program program;
	struct outcome out[FUZZ_CALLS];
	__u32 run;
};

struct worker {
	pid_t pid;
	int orders;
	int done;
};

/*
 * Two processes in a network namespace of their own, so that what one protocol
 * leaves behind is never in the other's way, even if both are TCP.
 */
struct fuzz_pair {
	int proto;
	int ns;
	struct board *board;
	struct worker worker[2];
	int mail[2];	/* for descriptors that one gives to the other */
};

static void work(struct board *board, int orders, int done)
{
	struct turn turn;

	while (read(orders, &turn, sizeof(turn)) == sizeof(turn)) {
		if (turn.order == ORDER_RUN)
			fuzz_calls(&board->program, turn.from, turn.to,
				   board->run, board->out);
		else
			fuzz_forget();
		if (write(done, "", 1) != 1)
			break;
	}
	_exit(0);
}

static void start_worker(struct fuzz_pair *pair, int self)
{
	struct worker *w = &pair->worker[self];
	int orders[2], done[2];

	if (pipe2(orders, O_CLOEXEC) || pipe2(done, O_CLOEXEC))
		die("pipe");
	fflush(NULL);
	w->pid = fork();
	if (w->pid < 0)
		die("fork");
	if (!w->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(orders[1]);
		close(done[0]);
		if (setns(pair->ns, CLONE_NEWNET))
			die("setns");
		fuzz_begin(pair->proto, pair->mail[self]);
		work(pair->board, orders[0], done[1]);
	}
	close(orders[0]);
	close(done[1]);
	w->orders = orders[1];
	w->done = done[0];
}

/**
 * fuzz_start() - start two processes in a network namespace of their own
 * @proto: protocol of their sockets
 *
 * Any address of 127.0.0.0/8 and of fd01::/64 is local there.
 */
struct fuzz_pair *fuzz_start(int proto)
{
	struct fuzz_pair *pair = calloc(1, sizeof(*pair));
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (!pair || sched_setaffinity(0, sizeof(one), &one))
		die("sched_setaffinity");
	own_namespace();
	pair->ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (pair->ns < 0)
		die("open the network namespace");
	run("ip -6 route add local fd01::/64 dev lo");
	write_file("/proc/sys/net/ipv6/ip_nonlocal_bind", "1");
	pair->proto = proto;
	pair->board = mmap(NULL, sizeof(*pair->board), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pair->board == MAP_FAILED)
		die("mmap");
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair->mail))
		die("socketpair");
	start_worker(pair, 0);
	start_worker(pair, 1);
	return pair;
}

static bool tell(struct fuzz_pair *pair, int self, enum order order,
		 unsigned int from, unsigned int to)
{
	struct turn turn = { .order = order, .from = from, .to = to };
	struct worker *w = &pair->worker[self];
	struct pollfd p = { .fd = w->done, .events = POLLIN };
	char byte;

	if (write(w->orders, &turn, sizeof(turn)) != sizeof(turn))
		die("a process of the fuzzer is gone");
	if (poll(&p, 1, SOON_MS) != 1)
		return false;
	if (read(w->done, &byte, 1) != 1)
		die("a process of the fuzzer has died");
	return true;
}

static void end_worker(struct fuzz_pair *pair, int self)
{
	struct worker *w = &pair->worker[self];

	kill(w->pid, SIGKILL);
	waitpid(w->pid, NULL, 0);
	close(w->orders);
	close(w->done);
}

static void replace_worker(struct fuzz_pair *pair, int self)
{
	end_worker(pair, self);
	start_worker(pair, self);
}

/**
 * fuzz_run() - run a program
 * @pair: who runs it
 * @p: the program
 * @run: a number that no earlier run of this pair had; addresses follow from
 *	it
 * @out: what each call did
 */
void fuzz_run(struct fuzz_pair *pair, const struct program *p, __u32 run,
	      struct outcome *out)
{
	unsigned int from, to;
	int self;

	memset(pair->board, 0, sizeof(*pair->board));
	pair->board->program = *p;
	pair->board->run = run;
	for (from = 0; from < p->len; from = to) {
		self = p->op[from].who;
		for (to = from + 1; to < p->len && p->op[to].who == self; to++)
			continue;
		if (!tell(pair, self, ORDER_RUN, from, to)) {
			pair->board->out[from].extra = HANGS;
			replace_worker(pair, self);
			break;
		}
	}
	for (self = 0; self < 2; self++)
		if (!tell(pair, self, ORDER_END, 0, 0))
			replace_worker(pair, self);
	memcpy(out, pair->board->out, sizeof(pair->board->out));
}

/**
 * fuzz_stop() - end the two processes
 * @pair: who; freed
 */
void fuzz_stop(struct fuzz_pair *pair)
{
	int self;

	for (self = 0; self < 2; self++) {
		end_worker(pair, self);
		close(pair->mail[self]);
	}
	munmap(pair->board, sizeof(*pair->board));
	close(pair->ns);
	free(pair);
}
