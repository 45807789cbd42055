// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A pre-forked server: processes that have been started in advance all wait in
 * accept() at the same listener, and a connection goes to one of them.
 *
 * It shows that a connection also wakes but one of them: there is no herd that
 * runs for a single prize.  Whoever is woken in vain goes to sleep again within
 * accept(), where the program does not see it, but the kernel counts how often
 * a process goes to sleep.  So what that count grows by during accept() is the
 * number of wake-ups that it took.
 *
 * After so many CONNECTIONS the server ends and tells what it has counted.
 *
 *	prefork [PORT [CONNECTIONS [tcp]]]
 */
#include <ferry/ferry.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 8

/* In memory that all processes share; each writes to its own. */
static struct worker {
	unsigned long served, wakeups;
} *workers;

static unsigned long sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

static void work(int number, int listener, int done)
{
	struct worker *me = &workers[number];
	unsigned long before, slept;
	char text[32];
	int fd, len;

	for (;;) {
		before = sleeps();
		fd = ferry_accept(listener);
		slept = sleeps() - before;
		if (fd < 0) {
			/* It is the listener's end that has ended the last one. */
			me->wakeups += slept ? slept - 1 : 0;
			return;
		}
		me->wakeups += slept;
		len = sprintf(text, "worker %d\n", number);
		ferry_write_all(fd, text, len);
		close(fd);
		me->served++;
		if (write(done, "", 1) != 1)
			return;
	}
}

int main(int argc, char **argv)
{
	int protocol = argc > 3 ? FERRY_PROTOCOL_TCP : FERRY_PROTOCOL_FERRY;
	int listener = ferry_listen_protocol(NULL, argc > 1 ? argv[1] : "7777",
					     128, protocol);
	unsigned long left = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;
	unsigned long served = 0, wakeups = 0;
	int i, done[2];
	char c;

	workers = mmap(NULL, WORKERS * sizeof(*workers), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (listener < 0 || workers == MAP_FAILED || pipe(done)) {
		perror("prefork");
		return 1;
	}
	for (i = 0; i < WORKERS; i++) {
		if (fork())
			continue;
		close(done[0]);
		work(i, listener, done[1]);
		_exit(0);
	}
	/* Each byte says that a connection has been served. */
	close(done[1]);
	while (left && read(done[0], &c, 1) == 1)
		left--;
	/* Who waits in accept() is told that there is no listener any more. */
	shutdown(listener, SHUT_RDWR);
	for (i = 0; i < WORKERS; i++)
		wait(NULL);
	for (i = 0; i < WORKERS; i++) {
		printf("worker %d: %lu connections\n", i, workers[i].served);
		served += workers[i].served;
		wakeups += workers[i].wakeups;
	}
	return printf("%lu connections, %lu wake-ups\n", served, wakeups) < 0;
}
