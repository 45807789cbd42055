// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command `ferry bridge`: what it says and returns, and that it touches
 * nothing but Ferry's connections.  That data crosses a bridge unharmed is
 * what echo.c, flow.c and transfer_random.c show.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

FIXTURE(bridge) {
	struct hosts hosts;
};

FIXTURE_SETUP(bridge)
{
	if (ferry() == IPPROTO_TCP)
		SKIP(return, "nothing to bridge");
	if (!can_bridge())
		SKIP(return, "no ferry command here");
	hosts_make(&self->hosts, 1500);
}

FIXTURE_TEARDOWN(bridge)
{
}

static int local_port(int fd)
{
	struct addr at = local_addr(fd);

	return port_of(&at);
}

/* What `ferry bridge show` prints. */
static bool shown(const char *args, char *text, size_t size)
{
	char command[128];
	size_t len;
	FILE *f;

	snprintf(command, sizeof(command), "ferry bridge show %s 2>&1", args);
	f = popen(command, "r");
	if (!f)
		die("popen");
	len = fread(text, 1, size - 1, f);
	text[len] = 0;
	return !pclose(f);
}

TEST_F(bridge, add_show_del)
{
	char text[512];

	ASSERT_TRUE(shown("", text, sizeof(text)));
	EXPECT_STREQ("", text);
	EXPECT_EQ(1, run_status("ferry bridge del " LINK));
	ASSERT_EQ(0, run_status("ferry bridge add " LINK " -l 80 -l 443"));
	EXPECT_EQ(1, run_status("ferry bridge add " LINK));
	ASSERT_TRUE(shown("", text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, LINK ", listens at "));
	EXPECT_NE(NULL, strstr(text, " 80"));
	EXPECT_NE(NULL, strstr(text, " 443"));
	EXPECT_NE(NULL, strstr(text, "0 flows")) TH_LOG("%s", text);
	ASSERT_EQ(0, run_status("ferry bridge del " LINK));
	EXPECT_FALSE(shown(LINK, text, sizeof(text)));
	ASSERT_EQ(0, run_status("ferry bridge add " LINK " --listen all"));
	ASSERT_TRUE(shown(LINK, text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, "all ports")) TH_LOG("%s", text);
}

TEST_F(bridge, shows_the_same_as_json)
{
	char text[512], want[512];
	int fd[2];

	ASSERT_TRUE(shown("--json", text, sizeof(text)));
	EXPECT_STREQ("[]\n", text);
	run("ferry bridge add " LINK " --listen 80");
	ASSERT_TRUE(shown("-j", text, sizeof(text)));
	EXPECT_STREQ("[{\"device\":\"" LINK "\",\"listen\":[80],\"flows\":0}]\n",
		     text);
	run("ferry bridge del " LINK);
	run("ferry bridge add " LINK " --listen all");
	hosts_connect_ends(&self->hosts, V4, FERRY_TO_TCP, fd);
	hosts_enter(&self->hosts, 0);
	snprintf(want, sizeof(want),
		 "\"local_port\":%d,\"peer\":\"10.0.0.2\",\"peer_port\":%d}],\"flows\":1}]\n",
		 local_port(fd[0]), local_port(fd[1]));
	ASSERT_TRUE(shown(LINK " --json --flows", text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text,
			       "\"listen\":\"all\",\"connections\":[{\"local\":\"10.0.0.1\","));
	EXPECT_NE(NULL, strstr(text, want)) TH_LOG("%s%s", text, want);
}

TEST_F(bridge, wrong_usage_is_status_2)
{
	EXPECT_EQ(0, run_status("ferry bridge --help"));
	EXPECT_EQ(2, run_status("ferry bridge"));
	EXPECT_EQ(2, run_status("ferry bridge add"));
	EXPECT_EQ(2, run_status("ferry bridge raise " LINK));
	EXPECT_EQ(2, run_status("ferry bridge add " LINK " " LINK));
	EXPECT_EQ(2, run_status("ferry bridge add " LINK " -l 65536"));
	EXPECT_EQ(2, run_status("ferry bridge add " LINK " --protocol 6"));
	EXPECT_EQ(1, run_status("ferry bridge add nosuchdevice"));
}

/* Ferry and TCP of one host, both talking to TCP of the other. */
TEST_F(bridge, leaves_the_hosts_own_tcp_alone)
{
	int ferrys[2], tcps[2], back[2];
	struct addr at = host_addr(0, V4, 0);
	char text[512];
	int l;

	run("ferry bridge add " LINK);
	hosts_connect_ends(&self->hosts, V4, FERRY_TO_TCP, ferrys);
	hosts_connect_ends(&self->hosts, V4, TCP_TO_TCP, tcps);
	/* In the other direction, too. */
	l = listen_at(&at, IPPROTO_TCP, 1);
	hosts_enter(&self->hosts, 1);
	back[0] = dial(&at, IPPROTO_TCP);
	ASSERT_LE(0, back[0]);
	back[1] = accept_one(l);
	hosts_enter(&self->hosts, 0);

	ASSERT_TRUE(shown("-f", text, sizeof(text)));
	EXPECT_NE(NULL, strstr(text, ", 1 flow\n")) TH_LOG("%s", text);
	EXPECT_NE(NULL, strstr(text, "  10.0.0.2:")) TH_LOG("%s", text);
	ASSERT_TRUE(exchange(ferrys[0], ferrys[1], 300000, SOON_MS));
	ASSERT_TRUE(exchange(tcps[0], tcps[1], 300000, SOON_MS));
	ASSERT_TRUE(exchange(back[0], back[1], 300000, SOON_MS));
}

TEST_F(bridge, gives_ferry_the_ports_that_were_named)
{
	struct addr named = host_addr(1, V6, 7001), other = named;
	struct addr to = named;
	int l, l_tcp, fd, peer;

	hosts_enter(&self->hosts, 1);
	run("ferry bridge add " LINK " --listen 7001");
	l = listen_at(&named, ferry(), 1);
	other.v6.sin6_port = htons(7002);
	l_tcp = listen_at(&other, IPPROTO_TCP, 1);
	hosts_enter(&self->hosts, 0);

	fd = dial(&to, IPPROTO_TCP);
	ASSERT_LE(0, fd);
	peer = accept_one(l);
	ASSERT_TRUE(exchange(fd, peer, 100000, SOON_MS));
	fd = dial(&other, IPPROTO_TCP);
	ASSERT_LE(0, fd);
	peer = accept_one(l_tcp);
	ASSERT_TRUE(exchange(fd, peer, 100000, SOON_MS));
}

/* Nobody listens: the reset of the other kind is understood. */
TEST_F(bridge, a_refusal_comes_back)
{
	struct addr at = host_addr(1, V4, 9);

	run("ferry bridge add " LINK " --listen all");
	EXPECT_EQ(-1, dial(&at, ferry()));
	EXPECT_STREQ("ECONNREFUSED", errno_name(errno));
	at = host_addr(0, V6, 9);
	hosts_enter(&self->hosts, 1);
	EXPECT_EQ(-1, dial(&at, IPPROTO_TCP));
	EXPECT_STREQ("ECONNREFUSED", errno_name(errno));
}

/* A connection outlives its bridge being made anew. */
TEST_F(bridge, is_learned_again_after_it_was_away)
{
	int fd[2];

	run("ferry bridge add " LINK);
	hosts_connect_ends(&self->hosts, V4, FERRY_TO_TCP, fd);
	run("ferry bridge del " LINK);
	run("ferry bridge add " LINK);
	ASSERT_TRUE(exchange(fd[0], fd[1], 300000, 6 * SOON_MS));
}

/*
 * The card cuts the large packets of both kinds as it always does.  If their
 * checksums were wrong, only what goes again in single segments would arrive.
 */
TEST_F(bridge, works_without_segmentation_by_the_device)
{
	int fd[2], i;

	for (i = 0; i < 2; i++) {
		hosts_enter(&self->hosts, i);
		run("ethtool -K " LINK " tso off gso on tx off");
	}
	hosts_enter(&self->hosts, 0);
	hosts_bridge(&self->hosts, 0);
	for (i = V4; i <= V6; i++) {
		hosts_connect_ends(&self->hosts, i, FERRY_TO_TCP, fd);
		ASSERT_TRUE(exchange(fd[0], fd[1], 1 << 20, SOON_MS));
		EXPECT_GE(20, lost_segments(fd[0]) + lost_segments(fd[1]));
	}
}

TEST_HARNESS_MAIN
