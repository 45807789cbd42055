// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad company: sockets that many threads send on, receive from, poll, tune,
 * shut down, disconnect and close at once, with buffers that another thread
 * changes meanwhile and addresses where nothing is.  Each call may fail, all
 * must return, and the kernel must have nothing to say: whoever runs this
 * reads its log.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define THREADS	6
#define CALLS	150
#define ROUNDS	(60 / slowness())

static int fds[4];		/* both ends, the listener, and one to connect */
static struct addr home;
static int shared[64];		/* what options are read from and written to */
static char *edge;		/* the end of what is mapped */

static unsigned int roll(unsigned int *dice)
{
	*dice = *dice * 1664525 + 1013904223;
	return *dice >> 8;
}

/* Lengths, right and wrong. */
static socklen_t some_length(unsigned int *dice)
{
	static const int lengths[] = {
		4, 4, 4, 0, 1, 3, 5, 16, 104, 256, -1, 0x7fffffff, 1 << 31,
	};

	return lengths[roll(dice) % ARRAY_SIZE(lengths)];
}

static void *some_memory(unsigned int *dice)
{
	switch (roll(dice) % 8) {
	case 0:
		return NULL;
	case 1:
		return edge - 2;
	case 2:
		return (void *)-4096;
	default:
		return shared;
	}
}

static void option(int fd, unsigned int *dice)
{
	static const int levels[] = {
		IPPROTO_TCP, IPPROTO_TCP, IPPROTO_TCP, SOL_FERRY, SOL_SOCKET,
		IPPROTO_IP, IPPROTO_IPV6,
	};
	int level = levels[roll(dice) % ARRAY_SIZE(levels)];
	int number = roll(dice) % 80;
	socklen_t len = some_length(dice);

	/* close() would wait for what nobody reads. */
	if (level == SOL_SOCKET && number == SO_LINGER)
		return;
	if (roll(dice) % 2)
		setsockopt(fd, level, number, some_memory(dice), len);
	else
		getsockopt(fd, level, number, some_memory(dice), &len);
}

static void one_call(int fd, unsigned int *dice)
{
	static const int flags[] = {
		0, MSG_PEEK, MSG_OOB, MSG_TRUNC, MSG_WAITALL, MSG_ERRQUEUE,
		MSG_MORE, MSG_ZEROCOPY,
	};
	int flag = flags[roll(dice) % ARRAY_SIZE(flags)] | MSG_DONTWAIT |
		   MSG_NOSIGNAL;
	size_t size = roll(dice) % 20000;
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	static char in[THREADS * 20000];
	struct pollfd p = { .fd = fd, .events = -1 };
	struct iovec iov[2] = {
		{ in, size }, { some_memory(dice), roll(dice) % 2 ? 10 : -1 },
	};

	switch (roll(dice) % 40) {
	case 0:
		shutdown(fd, roll(dice) % 3);
		break;
	case 1:
		connect(fd, &none, sizeof(none));
		break;
	case 2:
		connect(fd, &home.sa, home.len);
		break;
	case 3:
		listen(fd, roll(dice) % 3);
		break;
	case 4:
		close(accept4(fd, NULL, NULL, SOCK_NONBLOCK));
		break;
	case 5:
		bind(fd, &home.sa, home.len);
		break;
	case 6:
		close(dup(fd));
		break;
	case 7 ... 9:
		poll(&p, 1, 0);
		break;
	case 10:
		send(fd, some_memory(dice), size, flag);
		break;
	case 11:
		recv(fd, some_memory(dice), size, flag);
		break;
	case 12:
		writev(fd, iov, 2);
		break;
	case 13:
		ioctl(fd, roll(dice) % 2 ? FIONREAD : 0x8905, some_memory(dice));
		break;
	case 14 ... 20:
		option(fd, dice);
		break;
	case 21 ... 30:
		recv(fd, in, size, flag);
		break;
	default:
		send(fd, in, size, flag);
	}
}

static void *guest(void *arg)
{
	unsigned int dice = (uintptr_t)arg, i;

	for (i = 0; i < CALLS; i++) {
		shared[roll(&dice) % ARRAY_SIZE(shared)] =
			roll(&dice) % 4 ? (int)(roll(&dice) % 3) :
					  (int)roll(&dice);
		one_call(fds[roll(&dice) % ARRAY_SIZE(fds)], &dice);
	}
	return NULL;
}

static void party(enum family fam, unsigned int seed)
{
	pthread_t threads[THREADS];
	uintptr_t i;

	home = loopback(fam, 0);
	connected_pair(fam, ferry(), fds);
	fds[2] = listen_at(&home, ferry(), 3);
	fds[3] = open_socket(fam, ferry());
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		set_nonblocking(fds[i], true);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, guest,
				   (void *)(i + seed * THREADS)))
			die("pthread_create");
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	/* The last of them goes while data is still on its way. */
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

TEST(all_calls_at_once)
{
	long page = sysconf(_SC_PAGESIZE);
	int i;

	own_namespace();
	signal(SIGPIPE, SIG_IGN);
	edge = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, edge);
	edge += page;
	ASSERT_EQ(0, munmap(edge, page));
	for (i = 0; i < ROUNDS; i++)
		party(i % 3, i);
}

/* Threads that sleep in a call are woken when another ends the connection. */
static void *sleeper(void *arg)
{
	char byte;

	return (void *)recv(*(int *)arg, &byte, 1, 0);
}

TEST(sleepers_wake)
{
	static const int ends[] = { SHUT_RD, SHUT_RDWR, -1, -2 };
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct linger reset = { .l_onoff = 1 };
	pthread_t threads[THREADS];
	unsigned int i, j;
	void *ret;
	int fd[2];

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		connected_pair(V4, ferry(), fd);
		for (j = 0; j < THREADS; j++)
			ASSERT_EQ(0, pthread_create(&threads[j], NULL, sleeper,
						    &fd[1]));
		if (ends[i] >= 0) {
			ASSERT_EQ(0, shutdown(fd[1], ends[i]));
		} else if (ends[i] == -1) {
			setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &reset,
				   sizeof(reset));
			close(fd[0]);
		} else {
			ASSERT_EQ(0, connect(fd[1], &none, sizeof(none)));
		}
		for (j = 0; j < THREADS; j++) {
			ASSERT_EQ(0, pthread_join(threads[j], &ret));
			EXPECT_GE(0, (long)ret);
		}
		close(fd[1]);
		if (ends[i] != -1)
			close(fd[0]);
	}
}

TEST_HARNESS_MAIN
