// SPDX-License-Identifier: GPL-2.0-only
/*
 * The settings under net.ferry.  Each that has a twin of the same name in TCP
 * (net.ipv4.tcp_*) starts with its value, or the difference is written down
 * here and in Documentation/sysctl.md; one without a twin is written down,
 * too.  Each belongs to its namespace, and refuses what makes no sense.
 *
 * The list of settings is read from the kernel, so a new one is tested, or
 * asks to be written down, by itself.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define DIR_FERRY "/proc/sys/net/ferry/"
#define DIR_TCP "/proc/sys/net/ipv4/tcp_"

/* Another default than TCP's, and why. */
static const struct {
	const char *name, *why;
} different[] = {
	{ "orphan_retries", "TCP's 0 means 8" },
	{ "tw_reuse_delay", "TCP of 6.1 has none" },
	{ "comp_sack_slack_ns", "TCP of 7.2 has a tenth" },
	{ "max_syn_backlog", "TCP's depends on memory" },
	{ "wmem", "TCP's depends on memory" },
	{ "rmem", "TCP's depends on memory" },
	{ "mem", "TCP's depends on memory" },
	{ "max_tw_buckets", "TCP's depends on memory" },
	{ "max_orphans", "TCP's depends on memory" },
	{ "congestion_control", "each has algorithms of its own" },
	{ "available_congestion_control", "each has algorithms of its own" },
	{ "allowed_congestion_control", "each has algorithms of its own" },
};

static bool is_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(different); i++)
		if (!strcmp(different[i].name, name))
			return true;
	return false;
}

/* All names; returns how many. */
static int settings(char name[][256], int max)
{
	DIR *dir = opendir(DIR_FERRY);
	struct dirent *d;
	int n = 0;

	if (!dir)
		die(DIR_FERRY);
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.' && n < max)
			snprintf(name[n++], 256, "%s", d->d_name);
	closedir(dir);
	return n;
}

static bool get(const char *dir, const char *name, char *value, size_t size)
{
	char path[400];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	n = read(fd, value, size - 1);
	close(fd);
	if (n < 0)
		return false;
	value[n] = 0;
	value[strcspn(value, "\n")] = 0;
	return true;
}

/* 0 or errno. */
static int set(const char *dir, const char *name, const char *value)
{
	char path[400];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return errno;
	if (write(fd, value, strlen(value)) < 0)
		err = errno;
	close(fd);
	return err;
}

TEST(defaults_are_tcps)
{
	char name[100][256], ours[300], theirs[300];
	int n, i;

	own_namespace();
	n = settings(name, 100);
	EXPECT_LT(15, n);
	for (i = 0; i < n; i++) {
		ASSERT_TRUE(get(DIR_FERRY, name[i], ours, sizeof(ours)));
		if (is_known(name[i]))
			continue;
		if (!get(DIR_TCP, name[i], theirs, sizeof(theirs))) {
			TH_LOG("no twin of %s, and not written down", name[i]);
			EXPECT_TRUE(false);
			continue;
		}
		/* Both are numbers; the white space may differ. */
		EXPECT_STREQ(theirs, ours) {
			TH_LOG("%s", name[i]);
		}
	}
}

static int in_another_namespace(const char *name, char *value, size_t size)
{
	int here = open("/proc/self/ns/net", O_RDONLY), ok;

	own_namespace();
	ok = get(DIR_FERRY, name, value, size);
	if (here < 0 || setns(here, CLONE_NEWNET))
		die("setns");
	close(here);
	return ok;
}

TEST(each_namespace_has_its_own)
{
	char name[100][256], before[300], now[300], other[300], value[20];
	int n, i, changed = 0;

	own_namespace();
	n = settings(name, 100);
	for (i = 0; i < n; i++) {
		ASSERT_TRUE(get(DIR_FERRY, name[i], before, sizeof(before)));
		if (!strcmp(name[i], "congestion_control")) {
			strcpy(value, "reno");
		} else {
			/* One more or, if that is too many, one less. */
			snprintf(value, sizeof(value), "%d", atoi(before) + 1);
			if (set(DIR_FERRY, name[i], value))
				snprintf(value, sizeof(value), "%d",
					 atoi(before) - 1);
		}
		if (set(DIR_FERRY, name[i], value))
			continue;
		changed++;
		ASSERT_TRUE(get(DIR_FERRY, name[i], now, sizeof(now)));
		/* Times come back in whole jiffies. */
		EXPECT_STRNE(before, now) {
			TH_LOG("%s: wrote %s", name[i], value);
		}
		ASSERT_TRUE(in_another_namespace(name[i], other,
						 sizeof(other)));
		EXPECT_STREQ(before, other) {
			TH_LOG("%s", name[i]);
		}
	}
	EXPECT_LT(15, changed);
}

TEST(numbers_out_of_range_are_refused)
{
	static const struct {
		const char *name, *bad[3], *good[2];
	} range[] = {
		{ "syn_retries", { "0", "128", "-1" }, { "1", "127" } },
		{ "synack_retries", { "-1", "256" }, { "0", "127" } },
		{ "retries2", { "-1", "256" }, { "0", "127" } },
		{ "orphan_retries", { "-1", "256" }, { "0", "127" } },
		{ "keepalive_probes", { "-1", "256" }, { "1", "127" } },
		{ "max_syn_backlog", { "-1" }, { "0", "100000" } },
		{ "abort_on_overflow", { "-1", "256" }, { "0", "1" } },
		{ "window_scaling", { "-1", "256" }, { "0", "1" } },
		{ "timestamps", { "-1", "256" }, { "0", "2" } },
		{ "sack", { "-1", "256" }, { "0", "1" } },
		{ "ecn", { "-1", "256" }, { "0", "2" } },
		{ "stdurg", { "-1", "256" }, { "0", "1" } },
		{ "wmem", { "0 0 0", "-1 -1 -1" }, { "4096 16384 65536" } },
		{ "rmem", { "0 0 0", "-1 -1 -1" }, { "4096 16384 65536" } },
	};
	char name[100][256];
	int n, i;

	own_namespace();
	for (i = 0; i < (int)ARRAY_SIZE(range); i++) {
		for (int j = 0; j < 3 && range[i].bad[j]; j++) {
			EXPECT_EQ(EINVAL, set(DIR_FERRY, range[i].name,
					      range[i].bad[j])) {
				TH_LOG("%s %s", range[i].name,
				       range[i].bad[j]);
			}
		}
		for (int j = 0; j < 2 && range[i].good[j]; j++) {
			EXPECT_EQ(0, set(DIR_FERRY, range[i].name,
					 range[i].good[j])) {
				TH_LOG("%s %s", range[i].name,
				       range[i].good[j]);
			}
		}
	}
	/* What is no number at all, each refuses. */
	n = settings(name, 100);
	for (i = 0; i < n; i++) {
		if (strstr(name[i], "congestion_control"))
			continue;
		EXPECT_EQ(EINVAL, set(DIR_FERRY, name[i], "many")) {
			TH_LOG("%s", name[i]);
		}
	}
}

/* ------------------------------------------------------------------ */
/* Congestion control: the default, the list, and who may choose */

#define dir_of(which)	((which) ? DIR_FERRY : DIR_TCP)
#define level_of(which)	((which) ? SOL_FERRY : IPPROTO_TCP)

static void note_choice(struct transcript *t, int which, int fd,
			const char *name)
{
	char now[FERRY_CA_NAME_MAX] = "";
	socklen_t len = sizeof(now);

	note_ret(t, name, setsockopt(fd, level_of(which), FERRY_CONGESTION,
				     name, strlen(name)));
	getsockopt(fd, level_of(which), FERRY_CONGESTION, now, &len);
	note(t, "   now %s, length %u", now, len);
}

TEST(default_is_what_new_sockets_use)
{
	struct transcript log[2] = { 0 };
	int i, fd, old;

	own_namespace();
	for (i = 0; i < 2; i++) {
		old = open_socket(V4, proto_of(i));
		note(&log[i], "reno: %d", set(dir_of(i), "congestion_control",
					      "reno"));
		fd = open_socket(V4, proto_of(i));
		note_choice(&log[i], i, fd, "nonsense");
		note_choice(&log[i], i, fd, "reno");
		note_choice(&log[i], i, old, "cubic");
		note(&log[i], "nonsense: %d",
		     set(dir_of(i), "congestion_control", "nonsense"));
		close(fd);
		close(old);
	}
	EXPECT_NE(NULL, strstr(log[1].text, "now reno"));
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

/* Before anybody has written the list: what is loaded says it itself. */
TEST(loaded_ones_say_whether_anybody_may_choose_them)
{
	int fd = open_socket(V4, ferry());
	char allowed[300];

	/* An administrator's choice loads them. */
	ASSERT_EQ(0, setsockopt(fd, SOL_FERRY, FERRY_CONGESTION, "dctcp", 5));
	ASSERT_EQ(0, setsockopt(fd, SOL_FERRY, FERRY_CONGESTION, "bbr", 3));
	ASSERT_TRUE(get(DIR_FERRY, "allowed_congestion_control", allowed,
			sizeof(allowed)));
	EXPECT_NE(NULL, strstr(allowed, "bbr"));
	EXPECT_EQ(NULL, strstr(allowed, "dctcp"));
	close(fd);
	own_namespace();
	fd = open_socket(V4, ferry());
	if (seteuid(65534))
		die("seteuid");
	EXPECT_EQ(0, setsockopt(fd, SOL_FERRY, FERRY_CONGESTION, "bbr", 3));
	EXPECT_EQ(-1, setsockopt(fd, SOL_FERRY, FERRY_CONGESTION, "dctcp", 5));
	EXPECT_STREQ("EPERM", errno_name(errno));
	if (seteuid(0))
		die("seteuid");
	close(fd);
}

/* In the first namespace: TCP has only one list, and it is there. */
TEST(only_what_is_allowed_without_privilege)
{
	struct transcript log[2] = { 0 };
	char before[300];
	int i, fd;

	for (i = 0; i < 2; i++) {
		ASSERT_TRUE(get(dir_of(i), "allowed_congestion_control",
				before, sizeof(before)));
		note(&log[i], "nonsense: %d",
		     set(dir_of(i), "allowed_congestion_control", "nonsense"));
		note(&log[i], "cubic: %d",
		     set(dir_of(i), "allowed_congestion_control", "cubic"));
		fd = open_socket(V4, proto_of(i));
		note_choice(&log[i], i, fd, "reno");
		note_choice(&log[i], i, fd, "cubic");
		if (seteuid(65534))
			die("seteuid");
		note_choice(&log[i], i, fd, "reno");
		note_choice(&log[i], i, fd, "cubic");
		note_choice(&log[i], i, fd, "nonsense");
		if (seteuid(0))
			die("seteuid");
		close(fd);
		EXPECT_EQ(0, set(dir_of(i), "allowed_congestion_control",
				 before));
	}
	EXPECT_NE(NULL, strstr(log[1].text, "reno: -1 EPERM"));
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

/* What the first namespace does not allow, no other can. */
TEST(list_of_the_first_namespace_bounds_the_others)
{
	char before[300];
	int here;

	ASSERT_TRUE(get(DIR_FERRY, "allowed_congestion_control", before,
			sizeof(before)));
	here = open("/proc/self/ns/net", O_RDONLY);
	EXPECT_EQ(0, set(DIR_FERRY, "allowed_congestion_control", "cubic"));
	own_namespace();
	EXPECT_EQ(EPERM, set(DIR_FERRY, "allowed_congestion_control",
			     "reno cubic"));
	EXPECT_EQ(EPERM, set(DIR_FERRY, "congestion_control", "reno"));
	EXPECT_EQ(0, set(DIR_FERRY, "allowed_congestion_control", "cubic"));
	if (setns(here, CLONE_NEWNET))
		die("setns");
	EXPECT_EQ(0, set(DIR_FERRY, "allowed_congestion_control", before));
}

TEST_HARNESS_MAIN
