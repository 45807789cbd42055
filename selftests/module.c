// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module comes and goes: fifty times, not while a socket needs it, and
 * leaving nothing behind.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ktest.h"
#include "lib.h"

#define MODPROBE "/proc/sys/kernel/modprobe"

FIXTURE(module) {
	char modprobe[256];
};

FIXTURE_SETUP(module)
{
	if (ferry() == IPPROTO_TCP)
		SKIP(_exit(255), "TCP is no module");
	/* A socket() would otherwise bring back what was just unloaded. */
	if (!read_file(MODPROBE, self->modprobe, sizeof(self->modprobe)))
		die("read " MODPROBE);
	write_file(MODPROBE, "\n");
	/* The runner has loaded it; a test that failed may have removed it. */
	if (load_ferry("") && errno != EEXIST)
		die("load");
}

FIXTURE_TEARDOWN(module)
{
	write_file(MODPROBE, self->modprobe);
	if (load_ferry("") && errno != EEXIST)
		die("load");
}

/* Lines of @path that speak of Ferry. */
static int mentions(const char *path)
{
	static char text[1 << 20];
	char *line, *save = NULL;
	int n = 0;

	if (!read_file(path, text, sizeof(text)))
		return 0;
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!strcasestr(line, "ferry"))
			continue;
		/* A mount of /ferry or the like is none of the module's. */
		fprintf(stderr, "# %s: %s\n", path, line);
		n++;
	}
	return n;
}

/* Entries of directory @path whose name speaks of Ferry. */
static int entries(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	if (!d)
		return 0;
	while ((e = readdir(d))) {
		if (!strcasestr(e->d_name, "ferry"))
			continue;
		fprintf(stderr, "# left behind: %s/%s\n", path, e->d_name);
		n++;
	}
	closedir(d);
	return n;
}

static int left_behind(void)
{
	return mentions("/proc/modules") + mentions("/proc/slabinfo") +
	       mentions("/proc/net/protocols") + mentions("/proc/kallsyms") +
	       entries("/proc/net") + entries("/proc/sys/net") +
	       entries("/proc/sys/net/ipv4") + entries("/sys/module") +
	       entries("/sys/kernel/slab") +
	       entries("/sys/kernel/tracing/events") +
	       entries("/sys/kernel/debug");
}

TEST_F(module, comes_and_goes_fifty_times)
{
	int i;

	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, unload_module("ferry"))
			TH_LOG("unload %d: %s", i, errno_name(errno));
		ASSERT_EQ(-1, socket(AF_INET, SOCK_STREAM, ferry()));
		EXPECT_STREQ("EPROTONOSUPPORT", errno_name(errno));
		ASSERT_EQ(0, load_ferry(""))
			TH_LOG("load %d: %s", i, errno_name(errno));
	}
}

TEST_F(module, comes_and_goes_with_traffic_in_between)
{
	int fd[2];
	int i;

	for (i = 0; i < 10; i++) {
		own_namespace();
		connected_pair(i & 1 ? V6 : V4, ferry(), fd);
		ASSERT_TRUE(exchange(fd[0], fd[1], 100000, SOON_MS));
		close(fd[0]);
		close(fd[1]);
		ASSERT_TRUE(wait_until(ferry_unloaded, NULL, 3 * SOON_MS))
			TH_LOG("unload: %s", errno_name(errno));
		ASSERT_EQ(0, load_ferry(""));
	}
}

TEST_F(module, stays_while_a_socket_is_open)
{
	struct addr at = loopback(V4, 0);
	int fd[2];
	int s;

	own_namespace();
	s = open_socket(V4, ferry());
	ASSERT_EQ(-1, unload_module("ferry"));
	EXPECT_STREQ("EAGAIN", errno_name(errno));
	close(s);

	s = listen_at(&at, ferry(), 1);
	ASSERT_EQ(-1, unload_module("ferry"));
	close(s);

	connected_pair(V6, ferry(), fd);
	ASSERT_EQ(-1, unload_module("ferry"));
	close(fd[0]);
	ASSERT_EQ(-1, unload_module("ferry"));
	/* It was not harmed by being asked. */
	EXPECT_EQ(-1, send(fd[1], "x", 1, MSG_NOSIGNAL) - 2);
	close(fd[1]);
	EXPECT_TRUE(wait_until(ferry_unloaded, NULL, 3 * SOON_MS))
		TH_LOG("unload: %s", errno_name(errno));
}

TEST_F(module, goes_although_connections_wait_in_time_wait)
{
	int fd[2];
	int i;
	char c;

	own_namespace();
	for (i = 0; i < 50; i++) {
		connected_pair(i & 1 ? V6 : V4, ferry(), fd);
		close(fd[0]);
		ASSERT_EQ(0, recv(fd[1], &c, 1, 0));
		close(fd[1]);
	}
	EXPECT_TRUE(wait_until(ferry_unloaded, NULL, 3 * SOON_MS))
		TH_LOG("unload: %s", errno_name(errno));
}

TEST_F(module, comes_by_itself_with_the_first_socket)
{
	ASSERT_EQ(0, unload_module("ferry"));
	ASSERT_EQ(-1, socket(AF_INET, SOCK_STREAM, ferry()));
	write_file(MODPROBE, self->modprobe);
	EXPECT_LE(0, socket(AF_INET, SOCK_STREAM, ferry()))
		TH_LOG("socket: %s", errno_name(errno));
	ASSERT_EQ(0, unload_module("ferry") + 1);
}

TEST_F(module, leaves_nothing_behind)
{
	int fd[2];

	own_namespace();
	connected_pair(V4, ferry(), fd);
	ASSERT_TRUE(exchange(fd[0], fd[1], 100000, SOON_MS));
	close(fd[0]);
	close(fd[1]);
	EXPECT_LT(0, mentions("/proc/modules"));
	EXPECT_LT(0, mentions("/proc/net/protocols"));
	ASSERT_TRUE(wait_until(ferry_unloaded, NULL, 3 * SOON_MS));
	EXPECT_EQ(0, left_behind());
}

TEST_F(module, refuses_a_protocol_number_that_is_not_for_experiments)
{
	int fd;

	ASSERT_EQ(0, unload_module("ferry"));
	EXPECT_EQ(-1, load_ferry("protocol=6"));
	EXPECT_STREQ("EINVAL", errno_name(errno));
	ASSERT_EQ(0, load_ferry("protocol=254"))
		TH_LOG("protocol=254: %s", errno_name(errno));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 254);
	EXPECT_LE(0, fd);
	EXPECT_EQ(-1, socket(AF_INET, SOCK_STREAM, 253));
	close(fd);
	ASSERT_EQ(0, unload_module("ferry"))
		TH_LOG("unload: %s", errno_name(errno));
}

TEST_HARNESS_MAIN
