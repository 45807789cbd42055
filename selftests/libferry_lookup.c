// SPDX-License-Identifier: GPL-2.0-only
/*
 * libferry's look-ups, with the system's resolver: numbers, names, and those
 * that nobody waits for any more.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inside.h"
#include "ktest.h"
#include "lib.h"

/* With no network every name server is out of reach. */
FIXTURE(lookup) {
};

FIXTURE_SETUP(lookup)
{
	own_namespace();
}

FIXTURE_TEARDOWN(lookup)
{
}

/* What a look-up comes to: 0 or an errno. */
static int answer(const char *host, const char *port, struct lookup **l,
		  struct addrinfo **list)
{
	*l = lookup_start(host, port);
	if (!*l || !wait_for(lookup_fd(*l), POLLIN, SOON_MS))
		die("it takes for ever");
	return lookup_result(*l, list) ? errno : 0;
}

TEST_F(lookup, numbers_need_no_resolver)
{
	struct addrinfo *list;
	struct lookup *l;

	l = lookup_start("::1", "7777");
	ASSERT_NE(NULL, l);
	ASSERT_EQ(0, lookup_result(l, &list));
	EXPECT_EQ(AF_INET6, list->ai_family);
	EXPECT_EQ(NULL, list->ai_next);
	EXPECT_NE(0, wait_for(lookup_fd(l), POLLIN, 0));
	lookup_drop(l);
	l = lookup_start(NULL, "1");
	ASSERT_NE(NULL, l);
	ASSERT_EQ(0, lookup_result(l, &list));
	lookup_drop(l);
	l = lookup_start("127.0.0.1", "no such service");
	ASSERT_NE(NULL, l);
	EXPECT_EQ(-1, lookup_result(l, &list));
	EXPECT_EQ(EINVAL, errno);
	lookup_drop(l);
}

TEST_F(lookup, names_are_looked_up_elsewhere)
{
	struct addrinfo *list;
	struct lookup *l;
	int err;

	ASSERT_EQ(0, answer("localhost", "80", &l, &list));
	EXPECT_NE(NULL, list);
	lookup_drop(l);
	err = answer("no-such-name.invalid", "80", &l, &list);
	EXPECT_TRUE(err == ENOENT || err == EAGAIN);
	lookup_drop(l);
}

TEST_F(lookup, nobody_needs_to_wait_for_the_answer)
{
	struct ferry_dial *d;
	int i;

	for (i = 0; i < 100; i++) {
		lookup_drop(lookup_start("localhost", "80"));
		d = ferry_dial_new("localhost", "80", 1000, IPPROTO_TCP);
		ASSERT_NE(NULL, d);
		ferry_dial_step(d);
		ferry_dial_free(d);
	}
}

#define THREADS	8

static void *connect_to(void *port)
{
	int fd = -1, i;

	for (i = 0; i < 20; i++) {
		fd = ferry_connect_protocol(i % 2 ? "localhost" : "127.0.0.1",
					    port, SOON_MS, IPPROTO_TCP);
		if (fd < 0)
			return "failed";
		if (ferry_finish(fd, SOON_MS))
			return "not finished";
	}
	return NULL;
}

static void *serve(void *arg)
{
	int i;

	for (i = 0; i < THREADS * 20; i++)
		close(ferry_accept(*(int *)arg));
	return NULL;
}

TEST_F(lookup, many_threads_connect_at_once)
{
	int listener = ferry_listen_protocol(NULL, "0", 100, IPPROTO_TCP);
	pthread_t server, client[THREADS];
	void *failure;
	char port[8];
	int i;

	ASSERT_LE(0, listener);
	sprintf(port, "%d", ferry_local_port(listener));
	ASSERT_EQ(0, pthread_create(&server, NULL, serve, &listener));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&client[i], NULL, connect_to,
					    port));
	for (i = 0; i < THREADS; i++) {
		pthread_join(client[i], &failure);
		EXPECT_EQ(NULL, failure);
	}
	pthread_join(server, NULL);
	close(listener);
}

TEST_HARNESS_MAIN
