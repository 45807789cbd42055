// SPDX-License-Identifier: GPL-2.0-only
/*
 * No thundering herd: many processes wait for connections at one listener,
 * and each connection wakes one of them.
 *
 * Wake-ups are counted, not inferred.  Whoever is woken goes to sleep again
 * afterwards, whether it found something or not, and the kernel counts how
 * often each process has gone to sleep of its own accord.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define WORKERS 64
/* On a slow machine fewer will do. */
#define CONNECTIONS (slowness() > 2 ? 2 * WORKERS : 1000)
#define WAKEUPS_MAX (CONNECTIONS + CONNECTIONS / 20)

struct worker {
	pid_t pid;
	unsigned int ready;	/* it waits, or is about to */
	unsigned int returns;	/* from accept() or epoll_wait() */
	unsigned int empty;	/* of those, for nothing */
	unsigned int served;
};

struct office {
	int listener;
	unsigned int next;
	struct worker worker[WORKERS];
};

FIXTURE(wakeups) {
	int proto;
	struct office *office;
	struct addr at;
};

FIXTURE_VARIANT(wakeups) {
	bool ferry;
};

FIXTURE_VARIANT_ADD(wakeups, tcp) { .ferry = false };
FIXTURE_VARIANT_ADD(wakeups, ferry) { .ferry = true };

FIXTURE_SETUP(wakeups)
{
	self->proto = proto_of(variant->ferry);
	own_namespace();
	self->office = mmap(NULL, sizeof(*self->office),
			    PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->office);
	self->at = loopback(V4, 0);
	self->office->listener = listen_at(&self->at, self->proto, 128);
}

FIXTURE_TEARDOWN(wakeups)
{
}

static void add(unsigned int *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
}

static unsigned int value(const unsigned int *counter)
{
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static int blocked_in_accept(void *arg)
{
	struct office *o = arg;
	struct worker *me = &o->worker[__atomic_fetch_add(&o->next, 1,
							  __ATOMIC_SEQ_CST)];

	add(&me->ready);
	for (;;) {
		int fd = accept(o->listener, NULL, NULL);

		if (fd < 0)
			return 1;
		close(fd);
		add(&me->returns);
		add(&me->served);
	}
}

/* It has one connection at a time and keeps it until the peer speaks. */
static int waits_in_epoll(void *arg)
{
	struct office *o = arg;
	struct worker *me = &o->worker[__atomic_fetch_add(&o->next, 1,
							  __ATOMIC_SEQ_CST)];
	struct epoll_event e = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	int ep = epoll_create1(0);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, o->listener, &e))
		return 1;
	add(&me->ready);
	for (;;) {
		int fd;
		char c;

		if (epoll_wait(ep, &e, 1, -1) != 1)
			return 2;
		add(&me->returns);
		fd = accept(o->listener, NULL, NULL);
		if (fd < 0) {
			if (errno != EAGAIN)
				return 3;
			add(&me->empty);
			continue;
		}
		add(&me->served);
		if (recv(fd, &c, 1, 0) != 1)
			return 4;
		close(fd);
	}
}

/* State and number of voluntary sleeps of a process. */
static unsigned long sleeps_of(pid_t pid, char *state)
{
	char path[64], text[4096];
	unsigned long n;
	char *p;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (!read_file(path, text, sizeof(text)))
		die("%s", path);
	p = strstr(text, "\nState:");
	if (!p || sscanf(p, "\nState: %c", state) != 1)
		die("no state in %s", path);
	p = strstr(text, "\nvoluntary_ctxt_switches:");
	if (!p || sscanf(p, "\nvoluntary_ctxt_switches: %lu", &n) != 1)
		die("no switches in %s", path);
	return n;
}

static bool all_asleep(void *arg)
{
	struct office *o = arg;
	char state;
	int i;

	for (i = 0; i < WORKERS; i++) {
		sleeps_of(o->worker[i].pid, &state);
		if (!value(&o->worker[i].ready) || state != 'S')
			return false;
	}
	return true;
}

static unsigned long all_sleeps(struct office *o)
{
	unsigned long sum = 0;
	char state;
	int i;

	if (!wait_until(all_asleep, o, SOON_MS))
		die("some worker does not sleep");
	for (i = 0; i < WORKERS; i++)
		sum += sleeps_of(o->worker[i].pid, &state);
	return sum;
}

static void hire(struct office *o, int (*body)(void *arg))
{
	int i;

	for (i = 0; i < WORKERS; i++)
		o->worker[i].pid = spawn(body, o);
}

static unsigned int total(struct office *o, size_t what)
{
	unsigned int sum = 0;
	int i;

	for (i = 0; i < WORKERS; i++)
		sum += value((void *)&o->worker[i] + what);
	return sum;
}

#define TOTAL(o, member) total(o, offsetof(struct worker, member))

struct want {
	struct office *office;
	unsigned int served;
};

static bool are_served(void *arg)
{
	struct want *w = arg;

	return TOTAL(w->office, served) >= w->served;
}

static int idlers(struct office *o)
{
	int i, n = 0;

	for (i = 0; i < WORKERS; i++)
		n += !value(&o->worker[i].served);
	return n;
}

TEST_F(wakeups, one_of_64_blocked_in_accept)
{
	struct want want = { .office = self->office };
	unsigned long sleeps;
	char c;
	int i;

	hire(self->office, blocked_in_accept);
	sleeps = all_sleeps(self->office);
	for (i = 0; i < CONNECTIONS; i++) {
		int fd = dial(&self->at, self->proto);

		ASSERT_LE(0, fd);
		want.served = i + 1;
		ASSERT_TRUE(wait_until(are_served, &want, SOON_MS));
		ASSERT_EQ(0, recv(fd, &c, 1, 0));
		close(fd);
	}
	sleeps = all_sleeps(self->office) - sleeps;
	TH_LOG("%s: %u connections, %lu wake-ups, %d of %d without work",
	       proto_name(self->proto), TOTAL(self->office, served), sleeps,
	       idlers(self->office), WORKERS);
	EXPECT_EQ(CONNECTIONS, TOTAL(self->office, served));
	EXPECT_LE(CONNECTIONS, sleeps);
	EXPECT_GE(WAKEUPS_MAX, sleeps);
	EXPECT_EQ(0, idlers(self->office));
}

/*
 * As many clients at a time as there are workers, and no worker takes a second
 * one before all have been taken: so each has work.
 */
TEST_F(wakeups, one_of_64_in_epoll_exclusive)
{
	struct want want = { .office = self->office };
	int fd[WORKERS];
	int i, n, done;

	set_nonblocking(self->office->listener, true);
	hire(self->office, waits_in_epoll);
	all_sleeps(self->office);
	for (done = 0; done < CONNECTIONS; done += n) {
		n = CONNECTIONS - done;
		if (n > WORKERS)
			n = WORKERS;
		for (i = 0; i < n; i++) {
			fd[i] = dial(&self->at, self->proto);
			ASSERT_LE(0, fd[i]);
		}
		want.served = done + n;
		ASSERT_TRUE(wait_until(are_served, &want, SOON_MS));
		for (i = 0; i < n; i++) {
			ASSERT_EQ(1, send(fd[i], "x", 1, 0));
			close(fd[i]);
		}
		all_sleeps(self->office);
	}
	TH_LOG("%s: %u connections, %u wake-ups, %u in vain, %d of %d without work",
	       proto_name(self->proto), TOTAL(self->office, served),
	       TOTAL(self->office, returns), TOTAL(self->office, empty),
	       idlers(self->office), WORKERS);
	EXPECT_EQ(CONNECTIONS, TOTAL(self->office, served));
	EXPECT_GE(WAKEUPS_MAX, TOTAL(self->office, returns));
	EXPECT_EQ(0, idlers(self->office));
}

TEST_HARNESS_MAIN
