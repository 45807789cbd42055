// SPDX-License-Identifier: GPL-2.0-only
/*
 * userspace/examples/loop_libevent and loop_libuv: many connections at once in
 * the event loops of others, at both ends.  The client of each opens all of
 * them, speaks only when the last one is there, and sees each answered and
 * closed with all acknowledged; it counts, and its status says whether the
 * counts are right.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define DIRECTORY "/examples"
#define PORT 7777

FIXTURE(loops) {
	int proto;
	char command[256];
	unsigned long connections;
};

struct program {
	const char *name;
	bool ferry;
};

FIXTURE_VARIANT(loops) {
	struct program program;
};

FIXTURE_VARIANT_ADD(loops, libevent_tcp) { { "loop_libevent", false } };
FIXTURE_VARIANT_ADD(loops, libevent) { { "loop_libevent", true } };
FIXTURE_VARIANT_ADD(loops, libuv_tcp) { { "loop_libuv", false } };
FIXTURE_VARIANT_ADD(loops, libuv) { { "loop_libuv", true } };

FIXTURE_SETUP(loops)
{
	struct rlimit files = { 20000, 20000 };
	const char *protocol = variant->program.ferry ? "" : "tcp ";

	if (variant->program.ferry && ferry() == IPPROTO_TCP)
		SKIP(_exit(255), "no ferry to speak to");
	self->proto = proto_of(variant->program.ferry);
	self->connections = from_environment("FERRY_LOOP_CONNECTIONS",
					     2000 / slowness());
	snprintf(self->command, sizeof(self->command),
		 DIRECTORY "/%s %s127.0.0.1 %d %lu; echo status $?",
		 variant->program.name, protocol, PORT, self->connections);
	own_namespace();
	if (setrlimit(RLIMIT_NOFILE, &files))
		die("RLIMIT_NOFILE");
}

FIXTURE_TEARDOWN(loops)
{
}

static int serve(void *arg)
{
	const struct program *p = arg;
	char path[64];

	snprintf(path, sizeof(path), DIRECTORY "/%s", p->name);
	if (p->ferry)
		execl(path, path, "7777", NULL);
	else
		execl(path, path, "tcp", "7777", NULL);
	return 1;
}

static bool answered(void *arg)
{
	struct addr at = loopback(V4, PORT);
	int fd = dial(&at, *(int *)arg);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

TEST_F(loops, hold_many_connections_at_once)
{
	unsigned long connected, heard, before = 0;
	const char *text;
	char path[64];
	int lines;

	snprintf(path, sizeof(path), DIRECTORY "/%s", variant->program.name);
	if (access(path, X_OK))
		SKIP(return, "not built: its library was not there");
	spawn(serve, (void *)&variant->program);
	ASSERT_TRUE(wait_until(answered, &self->proto, SOON_MS));
	if (variant->program.ferry)
		before = counter(self->proto, "ActiveOpens");
	text = said(self->command);
	TH_LOG("%s", text);
	/* Of all at once, and of all that came to an end. */
	lines = sscanf(text, "%lu connected in %*u ms\n%lu answered in %*u ms\n",
		       &connected, &heard);
	ASSERT_EQ(2, lines);
	EXPECT_EQ(self->connections, connected);
	EXPECT_EQ(self->connections, heard);
	EXPECT_NE(NULL, strstr(text, "status 0\n"));
	if (variant->program.ferry)
		EXPECT_EQ(self->connections,
			  counter(self->proto, "ActiveOpens") - before);
}

TEST_HARNESS_MAIN
