// SPDX-License-Identifier: GPL-2.0-only
/*
 * Congestion control as a program sees it: chosen by name, loaded when it is
 * asked for, inherited, changed under traffic, kept while in use; and pacing.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ktest.h"
#include "ways.h"

#define PACED_BYTES	1500000
#define PACED_RATE	3000000		/* bytes per second */

/* Every algorithm in the tree. */
static const char *const names[] = {
	"reno", "cubic", "bbr", "dctcp", "aimd",
};

static int choose(int fd, const char *name)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name));
}

static const char *chosen(int fd)
{
	static char name[FERRY_CA_NAME_MAX + 1];
	socklen_t len = FERRY_CA_NAME_MAX;

	memset(name, 0, sizeof(name));
	if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len))
		die("getsockopt TCP_CONGESTION");
	return name;
}

static bool is_loaded(const char *module)
{
	static char modules[1 << 16];
	char start[64];

	if (!read_file("/proc/modules", modules, sizeof(modules)))
		die("read /proc/modules");
	snprintf(start, sizeof(start), "%s ", module);
	return strstr(modules, start);
}

/* Nothing is left loaded: what uses ferry.ko would keep it from unloading. */
static void unload_all(void)
{
	static char *const modules[] = {
		"ferry_bbr", "ferry_dctcp", "ferry_aimd",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modules); i++)
		if (!wait_until(module_unloaded, modules[i], SOON_MS))
			die("%s stays", modules[i]);
}

static void choices(struct transcript *t, int proto)
{
	int fd = open_socket(V4, proto);
	socklen_t len = 3;
	char name[16];

	note_ret(t, "reno", choose(fd, "reno"));
	note(t, "now %s", chosen(fd));
	note_ret(t, "unknown", choose(fd, "no-such-thing"));
	note_ret(t, "empty", setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "",
					0));
	note_ret(t, "a zero", setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "",
					 1));
	note_ret(t, "nowhere", setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION,
					  NULL, 4));
	note_ret(t, "with a tail", setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION,
					      "reno\0tail", 9));
	note_ret(t, "too long", choose(fd, "renorenorenorenoreno"));
	note(t, "still %s", chosen(fd));
	memset(name, '#', sizeof(name));
	note_ret(t, "short get", getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION,
					    name, &len));
	note(t, "%d bytes of it: %.4s", (int)len, name);
	note_ret(t, "cubic", choose(fd, "cubic"));
	note(t, "now %s", chosen(fd));
	close(fd);
}

TEST(chosen_by_name_as_in_tcp)
{
	struct transcript tcp = {}, other = {};

	choices(&tcp, IPPROTO_TCP);
	choices(&other, ferry());
	EXPECT_TRUE(same_transcript(&tcp, &other));
	EXPECT_NE(NULL, strstr(other.text, "ENOENT"));
}

TEST(cubic_is_there_from_the_start)
{
	int fd = open_socket(V4, ferry());

	EXPECT_STREQ("cubic", chosen(fd));
	close(fd);
}

FIXTURE(algorithms) {
	int unused;
};

FIXTURE_SETUP(algorithms)
{
	(void)self;
	if (ferry() == IPPROTO_TCP)
		SKIP(_exit(255), "TCP has others");
}

FIXTURE_TEARDOWN(algorithms)
{
	(void)self;
	unload_all();
}

TEST_F(algorithms, come_when_they_are_asked_for)
{
	int fd;

	ASSERT_TRUE(wait_until(module_unloaded, "ferry_dctcp", SOON_MS));
	EXPECT_FALSE(is_loaded("ferry_dctcp"));
	fd = open_socket(V4, ferry());
	EXPECT_EQ(0, choose(fd, "dctcp"));
	EXPECT_STREQ("dctcp", chosen(fd));
	EXPECT_TRUE(is_loaded("ferry_dctcp"));
	close(fd);
}

/* A connection keeps the module, and so does what it has accepted. */
TEST_F(algorithms, stay_while_they_are_used)
{
	struct addr at = loopback(V4, 0);
	int listener = listen_at(&at, ferry(), 5), client, server;

	ASSERT_EQ(0, choose(listener, "dctcp"));
	EXPECT_EQ(-1, unload_module("ferry_dctcp"));
	EXPECT_EQ(EWOULDBLOCK, errno);

	client = dial(&at, ferry());
	ASSERT_GE(client, 0);
	server = accept_one(listener);
	close(listener);
	EXPECT_STREQ("cubic", chosen(client));
	EXPECT_STREQ("dctcp", chosen(server));
	EXPECT_EQ(-1, unload_module("ferry_dctcp"));
	EXPECT_EQ(EWOULDBLOCK, errno);

	EXPECT_TRUE(exchange(client, server, 100000, SOON_MS));
	close(server);
	close(client);
	EXPECT_TRUE(wait_until(module_unloaded, "ferry_dctcp", SOON_MS));
	EXPECT_FALSE(is_loaded("ferry_dctcp"));
}

/* To Ferry, and where there is a bridge to TCP and from it. */
TEST_F(algorithms, all_carry_a_stream)
{
	unsigned int i;
	int fd[2], way;

	/* The first is TCP's alone. */
	for (way = 1; way < ways(); way++) {
		enum ends ends = ends_of(way);
		int chooser = ends_proto(ends, 0) == IPPROTO_TCP;

		for (i = 0; i < ARRAY_SIZE(names); i++) {
			ways_pair(V4, way, fd);
			ASSERT_EQ(0, choose(fd[chooser], names[i]))
				TH_LOG("%s", names[i]);
			EXPECT_STREQ(names[i], chosen(fd[chooser]));
			EXPECT_TRUE(exchange(fd[0], fd[1], 500000, SOON_MS)) {
				TH_LOG("%s, %s", names[i], ends_name(ends));
			}
			close(fd[0]);
			close(fd[1]);
		}
	}
}

/* What BBR holds to be the bandwidth, bytes per second. */
static __u64 bandwidth(int fd)
{
	union tcp_cc_info info = {};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_CC_INFO, &info, &len))
		die("getsockopt TCP_CC_INFO");
	return (__u64)info.bbr.bbr_bw_hi << 32 | info.bbr.bbr_bw_lo;
}

/* A socket that is used again has another path before it. */
TEST_F(algorithms, know_nothing_of_the_connection_before)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct addr at = loopback(V4, 0);
	int l = listen_at(&at, ferry(), 5), fd, peer;

	fd = open_socket(V4, ferry());
	ASSERT_EQ(0, choose(fd, "bbr"));
	ASSERT_EQ(0, connect(fd, &at.sa, at.len));
	peer = accept_one(l);
	ASSERT_TRUE(exchange(fd, peer, 500000, SOON_MS));
	EXPECT_LT(0, bandwidth(fd));
	close(peer);
	ASSERT_EQ(0, connect(fd, &none, sizeof(none)));
	EXPECT_EQ(0, bandwidth(fd));
	EXPECT_STREQ("bbr", chosen(fd));

	ASSERT_EQ(0, connect(fd, &at.sa, at.len));
	peer = accept_one(l);
	EXPECT_TRUE(exchange(fd, peer, 500000, SOON_MS));
	EXPECT_LT(0, bandwidth(fd));
	close(peer);
	close(fd);
	close(l);
}

struct changes {
	int fd;
	bool over;
	int made;
	int failed;
};

static void *change_all_the_time(void *arg)
{
	struct changes *changes = arg;

	while (!__atomic_load_n(&changes->over, __ATOMIC_RELAXED) ||
	       !changes->made)
		if (choose(changes->fd,
			   names[changes->made++ % ARRAY_SIZE(names)]))
			changes->failed++;
	return NULL;
}

/* Over a link with losses, so that every hook has something to do. */
TEST_F(algorithms, change_under_traffic)
{
	int holders[ARRAY_SIZE(names)];
	struct changes changes = {};
	struct hosts hosts;
	pthread_t thread;
	unsigned int i;
	int fd[2];

	/* What nobody uses would have to be loaded for each change. */
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		holders[i] = open_socket(V4, ferry());
		ASSERT_EQ(0, choose(holders[i], names[i]));
	}
	hosts_make(&hosts, 1500);
	hosts_netem(&hosts, "delay 1ms loss 1%%");
	hosts_connect(&hosts, V4, ferry(), fd);
	changes.fd = fd[0];
	ASSERT_EQ(0, pthread_create(&thread, NULL, change_all_the_time,
				    &changes));
	EXPECT_TRUE(exchange(fd[0], fd[1], 2000000, 3 * SOON_MS));
	__atomic_store_n(&changes.over, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_GT(changes.made, 10);
	EXPECT_EQ(0, changes.failed);
	close(fd[0]);
	close(fd[1]);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		close(holders[i]);
}

/* How long a stream takes to the other host, in milliseconds. */
static long long paced(const struct hosts *hosts, int proto)
{
	unsigned int rate = PACED_RATE;
	long long start;
	int fd[2];

	hosts_connect(hosts, V4, proto, fd);
	if (setsockopt(fd[0], SOL_SOCKET, SO_MAX_PACING_RATE, &rate,
		       sizeof(rate)))
		die("SO_MAX_PACING_RATE");
	start = now_ms();
	if (!exchange(fd[0], fd[1], PACED_BYTES, SOON_MS))
		die("the stream did not arrive");
	close(fd[0]);
	close(fd[1]);
	return now_ms() - start;
}

/*
 * Half a second for these bytes at this rate, whoever counts: the timer of
 * the socket, or fq.  The first window and lateness are for free.
 */
FIXTURE(pacing) {
	struct hosts hosts;
};

FIXTURE_SETUP(pacing)
{
	hosts_make(&self->hosts, 1500);
	hosts_enter(&self->hosts, 0);
}

FIXTURE_TEARDOWN(pacing)
{
	(void)self;
	unload_all();
}

TEST_F(pacing, by_the_socket)
{
	EXPECT_GE(paced(&self->hosts, ferry()), 400);
}

TEST_F(pacing, by_fq)
{
	run("tc qdisc replace dev " LINK " root fq");
	EXPECT_GE(paced(&self->hosts, ferry()), 400);
}

/* A slow link behind a queue of a few large packets: it never overflows. */
TEST_F(pacing, own_queue_does_not_overflow)
{
	const char *stats;
	int fd[2];

	run("tc qdisc replace dev " LINK
	    " root tbf rate 40mbit burst 70000 limit 220000");
	hosts_connect(&self->hosts, V4, ferry(), fd);
	EXPECT_TRUE(exchange(fd[0], fd[1], 3000000, 3 * SOON_MS));
	stats = said("tc -s qdisc show dev " LINK);
	EXPECT_NE(NULL, strstr(stats, "dropped 0,")) TH_LOG("%s", stats);
	close(fd[0]);
	close(fd[1]);
}

TEST_HARNESS_MAIN
