// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's small allocations fail at random while connections come and go:
 * those that cannot wait, in timers and when a segment arrives.  A connection
 * then is slow, or ends with an error that says so; it never carries a wrong
 * byte, and nothing of it is left.
 *
 * Only a kernel with fault injection can do this: the debug kernel.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define FAULTS "/sys/kernel/debug/failslab/"
#define MANY 1000000	/* more than there will be */
#define PAIRS 8
#define BYTES 20000

struct traffic {
	struct addr at;
	int listener;
	int rounds;
	unsigned int carried;	/* by all, what went both ways whole */
	unsigned int failed;
};

static void fail_slab(int percent)
{
	char text[16];

	/* Whoever can wait for memory gets it. */
	write_file(FAULTS "ignore-gfp-wait", "Y");
	write_file(FAULTS "task-filter", "N");
	write_file(FAULTS "verbose", "0");
	write_file(FAULTS "interval", "1");
	snprintf(text, sizeof(text), "%d", percent ? MANY : 0);
	if (percent)
		write_file(FAULTS "times", text);
	snprintf(text, sizeof(text), "%d", percent);
	write_file(FAULTS "probability", text);
}

static int faults(void)
{
	char text[32];
	int left;

	if (!read_file(FAULTS "times", text, sizeof(text)) ||
	    sscanf(text, "%d", &left) != 1)
		die(FAULTS "times");
	return MANY - left;
}

static void be_patient(int fd)
{
	struct timeval t = { .tv_sec = SOON_MS / 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

/* Send back what comes. */
static int answer(void *arg)
{
	const struct traffic *t = arg;
	char buf[4096];
	ssize_t n;
	int fd;

	for (;;) {
		fd = accept(t->listener, NULL, NULL);
		if (fd < 0)
			continue;
		be_patient(fd);
		while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
			if (send(fd, buf, n, MSG_NOSIGNAL) != n)
				break;
		}
		close(fd);
	}
	return 0;
}

/* What a connection that lacks memory may come to. */
static bool is_honest(int err)
{
	return err == ENOMEM || err == ENOBUFS || err == ETIMEDOUT ||
	       err == ECONNRESET || err == EPIPE;
}

/* One connection; 0 if it carried all, 1 if it failed, 2 if it is wrong. */
static int try_once(const struct traffic *t, __u64 stream)
{
	int fd = open_socket_for(&t->at, ferry()), got = 0;
	char out[BYTES], in[BYTES];
	ssize_t n;

	be_patient(fd);
	stream_fill(stream, 0, out, sizeof(out));
	if (connect(fd, &t->at.sa, t->at.len) ||
	    send(fd, out, sizeof(out), MSG_NOSIGNAL) != sizeof(out))
		goto failed;
	while (got < BYTES) {
		n = recv(fd, in, sizeof(in), 0);
		if (n < 0)
			goto failed;
		if (!n || stream_check(stream, got, in, n) != -1) {
			printf("# after %d bytes: %s\n", got,
			       n ? "a wrong one" : "the end");
			return 2;
		}
		got += n;
	}
	close(fd);
	return 0;
failed:
	n = is_honest(errno) ? 1 : 2;
	if (n == 2)
		printf("# after %d bytes: %s\n", got, errno_name(errno));
	close(fd);
	return n;
}

static int ask(void *arg)
{
	struct traffic *t = arg;
	int i;

	for (i = 0; i < t->rounds; i++) {
		switch (try_once(t, getpid() * 1000 + i)) {
		case 0:
			__atomic_add_fetch(&t->carried, 1, __ATOMIC_RELAXED);
			break;
		case 1:
			__atomic_add_fetch(&t->failed, 1, __ATOMIC_RELAXED);
			break;
		default:
			return 1;
		}
	}
	return 0;
}

FIXTURE(nomemory) {
};

FIXTURE_VARIANT(nomemory) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(nomemory, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(nomemory, v6) { .fam = V6 };

FIXTURE_SETUP(nomemory)
{
	own_namespace();
}

FIXTURE_TEARDOWN(nomemory)
{
	if (!access(FAULTS, F_OK))
		fail_slab(0);
}

struct rest {
	enum family fam;
	int sockets;
};

static bool is_rest(void *arg)
{
	const struct rest *r = arg;

	return sockets_in_use(r->fam, ferry()) == r->sockets;
}

TEST_F(nomemory, no_wrong_byte_and_nothing_left)
{
	struct rest rest = { .fam = variant->fam, .sockets = 1 };
	pid_t server[PAIRS], client[PAIRS];
	struct traffic *t;
	int i, hit;

	if (access(FAULTS, F_OK))
		SKIP(return, "no fault injection in this kernel");
	t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, t);
	t->at = loopback(variant->fam, 0);
	t->listener = listen_at(&t->at, ferry(), 128);
	t->rounds = 8;

	for (i = 0; i < PAIRS; i++)
		server[i] = spawn(answer, t);
	fail_slab(2);
	for (i = 0; i < PAIRS; i++)
		client[i] = spawn(ask, t);
	for (i = 0; i < PAIRS; i++)
		EXPECT_EQ(0, reap(client[i], 20 * SOON_MS));
	fail_slab(0);
	hit = faults();
	TH_LOG("%d allocations failed; %u connections carried all, %u failed",
	       hit, t->carried, t->failed);
	EXPECT_LT(PAIRS, hit);
	EXPECT_LT(0, t->carried);

	/* Everything works again, and ends. */
	for (i = 0; i < PAIRS; i++)
		EXPECT_EQ(0, try_once(t, i));
	EXPECT_TRUE(wait_until(is_rest, &rest, 10 * SOON_MS));
	for (i = 0; i < PAIRS; i++) {
		kill(server[i], SIGKILL);
		reap(server[i], SOON_MS);
	}
	close(t->listener);
	munmap(t, sizeof(*t));
}

TEST_HARNESS_MAIN
