// SPDX-License-Identifier: GPL-2.0-only
/*
 * `ferry stat`, `ferry cat`, `ferry perf` and `ferry doctor`: that they do what
 * their manual page says.  What the other commands do is what ferryize.c,
 * sockdiag.c and bridge.c show.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define PORT 7000

FIXTURE(tools) {
};

FIXTURE_SETUP(tools)
{
	if (ferry() == IPPROTO_TCP)
		SKIP(_exit(255), "no ferry to look at");
	own_namespace();
}

FIXTURE_TEARDOWN(tools)
{
}

TEST_F(tools, stat_shows_what_has_counted)
{
	int fd[2];

	EXPECT_STREQ("", said("ferry stat ActiveOpens"));
	EXPECT_STREQ("{}\n", said("ferry stat --json ActiveOpens"));
	EXPECT_STREQ("{\"ActiveOpens\":0}\n",
		     said("ferry stat --all --json ActiveOpens"));
	connected_pair(V4, ferry(), fd);
	EXPECT_STREQ("ActiveOpens                  1\n",
		     said("ferry stat activeopens"));
	EXPECT_STREQ("{\"ActiveOpens\":1,\"PassiveOpens\":1}\n",
		     said("ferry stat -j ActiveOpens PassiveOpens"));
	EXPECT_EQ(2, run_status("ferry stat --interval 0"));
	EXPECT_EQ(2, run_status("ferry stat --nosuchoption"));
}

TEST_F(tools, doctor_finds_nothing)
{
	const char *text = said("ferry doctor 127.0.0.1 1");

	EXPECT_EQ(0, run_status("ferry doctor"));
	EXPECT_EQ(NULL, strstr(text, "bad "));
	EXPECT_NE(NULL, strstr(text, "ok   module "));
	EXPECT_NE(NULL, strstr(text, "ok   ::1        a connection within"));
	EXPECT_NE(NULL, strstr(text, "ok   sock_diag "));
	EXPECT_NE(NULL, strstr(text, "127.0.0.1  speaks Ferry; nobody"));
	EXPECT_NE(NULL, strstr(said("ferry doctor -j"),
			       "[{\"check\":\"module\",\"verdict\":\"ok\","));
	EXPECT_EQ(2, run_status("ferry doctor 127.0.0.1"));
	/* module.c wants to unload what this has loaded. */
	run("rmmod ferry_diag");
}

TEST_F(tools, doctor_finds_a_filter)
{
	const char *text;

	run("nft add table ip t");
	run("nft add chain ip t c { type filter hook input priority 0 ; }");
	run("nft add rule ip t c ip protocol 253 drop");
	text = said("ferry doctor; echo status $?");
	EXPECT_NE(NULL, strstr(text,
			       "bad  127.0.0.1  no answer: is protocol 253"));
	EXPECT_NE(NULL, strstr(text, "ok   ::1        a connection within"));
	EXPECT_NE(NULL, strstr(text, "status 1\n"));
	run("rmmod ferry_diag");
}

TEST_F(tools, doctor_knows_what_slows)
{
	write_file("/proc/sys/net/ferry/sack", "0");
	EXPECT_EQ(0, run_status("ferry doctor"));
	EXPECT_NE(NULL, strstr(said("ferry doctor"),
			       "note sysctl     net.ferry.sack is 0"));
	run("rmmod ferry_diag");
}

static int connect_often(void *arg)
{
	int fd[2];

	(void)arg;
	/* Whenever the interval begins, some come in it. */
	for (;;) {
		connected_pair(V4, ferry(), fd);
		close(fd[0]);
		close(fd[1]);
		poll(NULL, 0, 10);
	}
	return 0;
}

TEST_F(tools, stat_shows_the_change)
{
	unsigned long total, change;
	int fd[2], i;

	for (i = 0; i < 300; i++) {
		connected_pair(V4, ferry(), fd);
		close(fd[0]);
		close(fd[1]);
	}
	spawn(connect_often, NULL);
	change = strtoul(said("ferry stat -i 1 -c 1 -j ActiveOpens") + 15,
			 NULL, 10);
	total = counter(ferry(), "ActiveOpens");
	EXPECT_LT(0, change);
	EXPECT_LT(change, total);
	EXPECT_LE(300, total - change);
}

/* Both directions at once, of which neither fits into a buffer. */
#define LENGTH "3000000"
#define INPUT(c) "head -c " LENGTH " /dev/zero | tr '\\0' " c " | "

FIXTURE(cat) {
};

FIXTURE_VARIANT(cat) {
	const char *protocol;
};

FIXTURE_VARIANT_ADD(cat, tcp) { .protocol = "tcp" };
FIXTURE_VARIANT_ADD(cat, ferry) { .protocol = "ferry" };

FIXTURE_SETUP(cat)
{
	if (ferry() == IPPROTO_TCP && strcmp(variant->protocol, "tcp"))
		SKIP(_exit(255), "no ferry to speak to");
	own_namespace();
	run("rm -f /tmp/cat.a /tmp/cat.b /tmp/cat.said");
}

FIXTURE_TEARDOWN(cat)
{
}

static bool listening(void *arg)
{
	(void)arg;
	return strstr(said("cat /tmp/cat.said 2>&1"), "listening at port 7000");
}

TEST_F(cat, carries_both_directions)
{
	char command[256];
	FILE *server;

	snprintf(command, sizeof(command),
		 INPUT("a") "ferry cat -p %s -l %d >/tmp/cat.b 2>/tmp/cat.said",
		 variant->protocol, PORT);
	server = popen(command, "re");
	ASSERT_TRUE(wait_until(listening, NULL, SOON_MS));
	snprintf(command, sizeof(command),
		 INPUT("b") "ferry cat -p %s -j ::1 %d 2>&1 >/tmp/cat.a",
		 variant->protocol, PORT);
	EXPECT_NE(NULL, strstr(said(command),
			       "\"sent\":" LENGTH ",\"received\":" LENGTH "}"));
	EXPECT_EQ(0, pclose(server));
	EXPECT_STREQ(LENGTH "\n", said("tr -cd a </tmp/cat.a | wc -c"));
	EXPECT_STREQ(LENGTH "\n", said("tr -cd b </tmp/cat.b | wc -c"));
}

TEST_F(cat, says_what_went_wrong)
{
	char command[128];

	snprintf(command, sizeof(command), "ferry cat -p %s ::1 1 2>&1",
		 variant->protocol);
	EXPECT_STREQ("ferry: connect to ::1 port 1: Connection refused\n",
		     said(command));
	EXPECT_EQ(2, run_status("ferry cat"));
	EXPECT_EQ(2, run_status("ferry cat ::1"));
	EXPECT_EQ(2, run_status("ferry cat -l ::1 1"));
}

static int serve_perf(void *protocol)
{
	if (!freopen("/tmp/cat.said", "w", stderr))
		return 1;
	execlp("ferry", "ferry", "perf", "-s", "-p", protocol, "7000", NULL);
	return 1;
}

TEST_F(cat, perf_measures)
{
	static const struct {
		const char *mode, *says;
	} modes[] = {
		{ "stream", "\"mbit_per_s\":" }, { "rr", "\"median_us\":" },
		{ "crr", "\"per_s\":" },
	};
	char command[128], start[64];
	unsigned int i;
	const char *text;

	spawn(serve_perf, (void *)variant->protocol);
	ASSERT_TRUE(wait_until(listening, NULL, SOON_MS));
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		snprintf(command, sizeof(command),
			 "ferry perf -p %s -j -t 0.5 -m %s ::1 %d 2>&1",
			 variant->protocol, modes[i].mode, PORT);
		text = said(command);
		snprintf(start, sizeof(start),
			 "{\"protocol\":\"%s\",\"mode\":\"%s\",",
			 variant->protocol, modes[i].mode);
		EXPECT_EQ(0, strncmp(start, text, strlen(start)))
			TH_LOG("%s", text);
		EXPECT_NE(NULL, strstr(text, modes[i].says))
			TH_LOG("%s", text);
	}
	EXPECT_EQ(2, run_status("ferry perf ::1"));
	EXPECT_EQ(2, run_status("ferry perf -m nosuchmode ::1 1"));
	EXPECT_EQ(1, run_status("ferry perf ::1 1"));
}

TEST_HARNESS_MAIN
