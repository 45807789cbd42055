// SPDX-License-Identifier: GPL-2.0-only
/*
 * sock_diag, and `ferry ss`, which reads it: the same sockets, in every state
 * that stays for a while, are listed the same for TCP and for Ferry, and the
 * same filter lets the same of them pass.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define PORT 7000

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* What `ferry ss` prints, in order of the text: that of the hash is its own. */
static const char *listed(int proto, const char *args)
{
	/* A line of JSON is the longest. */
	static char text[1 << 20], line[1000][2500];
	char command[512], *time;
	size_t len = 0;
	FILE *f;
	int n = 0, i;

	snprintf(command, sizeof(command), "exec ferry ss -p %s -nH %s 2>&1",
		 proto == IPPROTO_TCP ? "tcp" : "ferry", args);
	f = popen(command, "re");
	if (!f)
		die("popen");
	while (n < 1000 && fgets(line[n], sizeof(line[n]), f)) {
		/* Times run, and so are not compared. */
		time = strstr(line[n], "timer:(");
		if (time)
			strcpy(strchr(time, ','), "\n");
		n++;
	}
	pclose(f);
	qsort(line, n, sizeof(line[0]), compare);
	text[0] = 0;
	for (i = 0; i < n; i++) {
		size_t more = strlen(line[i]);

		if (len + more >= sizeof(text))
			die("too much to list");
		memcpy(text + len, line[i], more + 1);
		len += more;
	}
	return text;
}

static int lines(const char *text)
{
	int n = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		n++;
	}
	return n;
}

static bool shows_syn_recv(void *arg)
{
	return lines(listed(*(int *)arg, "state syn-recv")) == 2;
}

static bool gone(void *arg)
{
	(void)arg;
	return syscall(SYS_delete_module, "ferry_diag", O_NONBLOCK) &&
	       errno == ENOENT;
}

FIXTURE(diag) {
	struct hosts hosts;
};

FIXTURE_SETUP(diag)
{
	if (ferry() == IPPROTO_TCP)
		SKIP(_exit(255), "no ferry to list");
	hosts_make(&self->hosts, 1500);
}

/* A module that is in use cannot be unloaded, which module.c wants to do. */
FIXTURE_TEARDOWN(diag)
{
	if (!wait_until(gone, NULL, SOON_MS))
		die("ferry_diag stays");
}

/* From a port of host 0 to the listener on host 1. */
static int dial_from(enum family fam, int proto, __u16 port, bool wait)
{
	struct addr from = host_addr(0, fam, port);
	struct addr to = host_addr(1, fam, PORT);
	int fd = open_socket(fam, proto);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, &from.sa, from.len))
		die("bind to port %d", port);
	set_nonblocking(fd, !wait);
	if (connect(fd, &to.sa, to.len) && (wait || errno != EINPROGRESS))
		die("connect");
	return fd;
}

/*
 * Sockets in many states, on both hosts; the descriptors stay open.  Those of
 * host 1 are listed: established with something to read, established with
 * keep-alive, CLOSE_WAIT, TIME_WAIT, SYN_RECV, and listeners, of both families.
 */
static void make_sockets(const struct hosts *h, int proto)
{
	static const enum family families[] = { V4, V6 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(families); i++) {
		struct addr at = host_addr(1, families[i], PORT);
		enum family fam = families[i];
		int l, peer[4], fd[4], n;
		char c;

		hosts_enter(h, 1);
		l = listen_at(&at, proto, 5);
		hosts_enter(h, 0);
		for (n = 0; n < 4; n++) {
			fd[n] = dial_from(fam, proto, PORT + 1 + n, true);
			peer[n] = accept_one(l);
		}
		if (send(fd[0], "hello", 5, 0) != 5 ||
		    !wait_for(peer[0], POLLIN, SOON_MS))
			die("hello");
		set_int(peer[1], SOL_SOCKET, SO_KEEPALIVE, 1);
		/* CLOSE_WAIT here. */
		shutdown(fd[2], SHUT_WR);
		if (recv(peer[2], &c, 1, 0))
			die("no end");
		/* TIME_WAIT here. */
		close(peer[3]);
		if (recv(fd[3], &c, 1, 0))
			die("no end");
		close(fd[3]);
	}
	hosts_enter(h, 1);
	/* The answers to what comes now are lost. */
	run("tc qdisc add dev " LINK " root netem loss 100%%");
	hosts_enter(h, 0);
	for (i = 0; i < ARRAY_SIZE(families); i++)
		dial_from(families[i], proto, PORT + 9, false);
	hosts_enter(h, 1);
	if (!wait_until(shows_syn_recv, &proto, SOON_MS))
		die("no SYN_RECV: %s", listed(proto, "-a"));
}

/* What is asked, and how many sockets it is about. */
static const struct {
	const char *args;
	int count;
} questions[] = {
	{ "-a -o", 12 },
	{ "", 6 },
	{ "-l", 2 },
	{ "-a -4", 6 },
	{ "-a -6", 6 },
	{ "state time-wait", 2 },
	{ "state syn-recv", 2 },
	{ "state bucket", 4 },
	{ "state established state close-wait", 6 },
	{ "-a exclude listening", 10 },
	{ "state connected exclude time-wait", 8 },
	{ "-a sport = :7000", 12 },
	{ "-a sport = :7001", 0 },
	{ "-a dport = :7001", 2 },
	{ "-a dport 7001", 2 },
	{ "-a dport != :7001", 10 },
	{ "-a dport \\> 7001", 8 },
	{ "-a dport ge 7001 dport \\< 7004", 6 },
	{ "-a dport \\> 65535", 0 },
	{ "-a not dport \\> 65535", 12 },
	{ "-a dport = 7001 or dport = 7002 or dport = 7009", 6 },
	{ "-a \\( dport = 7001 or dport = 7002 \\) and dst 10.0.0.1", 2 },
	{ "-a dport = 7001 or dport = 7002 and dst 10.0.0.1", 3 },
	{ "-a '(dport = 7001 or dport = 7002)'", 4 },
	{ "-a not \\( dport = 7001 or dport = 7009 \\)", 8 },
	{ "-a not not dport = 7001", 2 },
	{ "-a src 10.0.0.2", 6 },
	{ "-a src 10.0.0.2:7000", 6 },
	{ "-a src 10.0.0.2:7001", 0 },
	{ "-a dst 10.0.0.0/24", 5 },
	{ "-a dst 10.0.0.0/32", 0 },
	{ "-a dst 0.0.0.0/0", 6 },
	{ "-a dst fd00::/16", 5 },
	{ "-a dst [fd00::1]:7009", 1 },
	{ "-a dst *:7009", 2 },
	{ "-a not dst fd00::1", 7 },
	{ "state syn-recv dst 10.0.0.1:7009", 1 },
	{ "state time-wait dst fd00::1", 1 },
};

TEST_F(diag, the_same_sockets_are_listed_the_same)
{
	/* To start the command takes the slowest kernel long. */
	const unsigned int step = slowness() > 4 ? 4 : 1;
	struct transcript seen[2] = { };
	unsigned int i, side;

	for (side = 0; side < 2; side++) {
		int proto = proto_of(side);

		make_sockets(&self->hosts, proto);
		for (i = 0; i < ARRAY_SIZE(questions); i += step) {
			const char *text = listed(proto, questions[i].args);

			EXPECT_EQ(questions[i].count, lines(text))
				TH_LOG("%s: ferry ss %s:\n%s",
				       proto_name(proto), questions[i].args,
				       text);
			note(&seen[side], "%s:\n%s", questions[i].args, text);
		}
		run("tc qdisc del dev " LINK " root");
	}
	EXPECT_TRUE(same_transcript(&seen[0], &seen[1]));
}

TEST_F(diag, the_inside_of_a_connection_is_shown)
{
	static const char *const words[] = {
		"cubic", "rtt:", "cwnd:10", "bytes_sent:6000",
		"bytes_acked:6001", "skmem:(r0,rb", "rto:", "minrtt:",
		"timer:(keepalive\n",
	};
	const char *text;
	unsigned int i;
	char buf[6000] = "";
	int fd[2];

	hosts_connect(&self->hosts, V4, ferry(), fd);
	set_int(fd[0], SOL_SOCKET, SO_KEEPALIVE, 1);
	ASSERT_EQ(6000, send(fd[0], buf, 6000, 0));
	ASSERT_EQ(6000, recv(fd[1], buf, 6000, MSG_WAITALL));
	ASSERT_EQ(1, send(fd[1], buf, 1, 0));
	ASSERT_EQ(1, recv(fd[0], buf, 1, 0));
	hosts_enter(&self->hosts, 0);
	text = listed(ferry(), "-timo");
	for (i = 0; i < ARRAY_SIZE(words); i++)
		EXPECT_NE(NULL, strstr(text, words[i]));
	text = listed(ferry(), "--json");
	EXPECT_EQ(0, strncmp(text, "[{\"state\":\"ESTAB\",\"recv_q\":0,", 29));
	EXPECT_NE(NULL, strstr(text, "\"bytes_acked\":6001,"));
	EXPECT_NE(NULL, strstr(text, "\"congestion\":\"cubic\","));
	EXPECT_STREQ("}}]\n", text + strlen(text) - 4);
}

#define MANY 300

/* More than fit into one message, and each of them once. */
TEST_F(diag, a_long_list_comes_whole)
{
	struct addr at;
	char want[32];
	const char *text;
	int i;

	hosts_enter(&self->hosts, 0);
	for (i = 0; i < MANY; i++) {
		at = any(i % 2 ? V4 : V6, 20000 + i);
		listen_at(&at, ferry(), 1);
	}
	text = listed(ferry(), "-lim sport ge 20000");
	EXPECT_EQ(3 * MANY, lines(text));
	text = listed(ferry(), "-l");
	EXPECT_EQ(MANY, lines(text));
	for (i = 0; i < MANY; i++) {
		snprintf(want, sizeof(want), ":%d ", 20000 + i);
		if (!strstr(text, want))
			break;
	}
	EXPECT_EQ(MANY, i) TH_LOG("%s is missing", want);
}

/*
 * Ask for one socket; what comes is a socket's state, or an error.  @told may
 * be NULL; else it is the socket's cookie.
 */
static int ask_cookie(int proto, const struct addr *local,
		      const struct addr *remote, const __u32 *cookie,
		      __u64 *told)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 req;
	} q = {
		.h.nlmsg_len = sizeof(q),
		.h.nlmsg_type = SOCK_DIAG_BY_FAMILY,
		.h.nlmsg_flags = NLM_F_REQUEST,
		.req.sdiag_family = local->sa.sa_family,
		.req.sdiag_protocol = proto,
		.req.idiag_states = -1,
		.req.id.idiag_cookie = { cookie[0], cookie[1] },
	};
	union {
		struct nlmsghdr h;
		char room[8192];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	const struct inet_diag_msg *m = NLMSG_DATA(&answer.h);

	q.req.id.idiag_sport = htons(port_of(local));
	if (local->sa.sa_family == AF_INET)
		memcpy(q.req.id.idiag_src, &local->v4.sin_addr, 4);
	else
		memcpy(q.req.id.idiag_src, &local->v6.sin6_addr, 16);
	if (remote) {
		q.req.id.idiag_dport = htons(port_of(remote));
		if (local->sa.sa_family == AF_INET)
			memcpy(q.req.id.idiag_dst, &remote->v4.sin_addr, 4);
		else
			memcpy(q.req.id.idiag_dst, &remote->v6.sin6_addr, 16);
	}
	if (fd < 0 || send(fd, &q, sizeof(q), 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		die("netlink");
	close(fd);
	if (answer.h.nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(&answer.h))->error;
	if (told)
		memcpy(told, m->id.idiag_cookie, sizeof(*told));
	return m->idiag_state;
}

static int ask_for(int proto, const struct addr *local,
		   const struct addr *remote, const __u32 *cookie)
{
	return ask_cookie(proto, local, remote, cookie, NULL);
}

static void ask_all(const struct hosts *h, struct transcript *t, int proto)
{
	static const enum family families[] = { V4, V6, MAPPED };
	static const __u32 any_cookie[2] = { ~0U, ~0U };
	static const __u32 wrong_cookie[2] = { 7, 7 };
	struct addr at, local, remote, other;
	int l, fd, peer;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(families); i++) {
		hosts_enter(h, 1);
		at = host_addr(1, families[i], PORT);
		l = listen_at(&at, proto, 5);
		hosts_enter(h, 0);
		fd = dial(&at, proto);
		peer = accept_one(l);
		hosts_enter(h, 1);
		local = local_addr(peer);
		remote = remote_addr(peer);
		other = host_addr(0, families[i], 1);
		note(t, "connection %d",
		     ask_for(proto, &local, &remote, any_cookie));
		note(t, "wrong cookie %d",
		     ask_for(proto, &local, &remote, wrong_cookie));
		note(t, "listener %d",
		     ask_for(proto, &at, NULL, any_cookie));
		close(l);
		note(t, "no listener %d",
		     ask_for(proto, &at, NULL, any_cookie));
		note(t, "no connection %d",
		     ask_for(proto, &local, &other, any_cookie));
		close(fd);
		close(peer);
	}
}

TEST_F(diag, one_socket_can_be_asked_for)
{
	struct transcript tcp = { }, ferry_seen = { };

	ask_all(&self->hosts, &tcp, IPPROTO_TCP);
	ask_all(&self->hosts, &ferry_seen, ferry());
	EXPECT_TRUE(same_transcript(&tcp, &ferry_seen));
	EXPECT_EQ(0, strncmp(tcp.text, "connection 1\nwrong cookie -2\n", 29))
		TH_LOG("%s", tcp.text);
}

/* A connection, as host 1 sees it, and the state that is awaited. */
struct awaited {
	int proto, state;
	struct addr local, remote;
	__u64 cookie;
};

static bool has_state(void *arg)
{
	static const __u32 any_cookie[2] = { ~0U, ~0U };
	struct awaited *a = arg;

	return ask_cookie(a->proto, &a->local, &a->remote, any_cookie,
			  &a->cookie) == a->state;
}

static __u64 cookie_in(struct awaited *a, int state)
{
	a->state = state;
	if (!wait_until(has_state, a, SOON_MS))
		die("no socket in state %d", state);
	return a->cookie;
}

/* One cookie from the SYN to the end of TIME_WAIT, and no other's. */
static void keep_cookie(struct transcript *t, const struct hosts *h, int proto)
{
	struct awaited a = {
		.proto = proto, .local = host_addr(1, V4, PORT),
	};
	__u64 before = 0, first, second, told;
	socklen_t len = sizeof(told);
	int l, fd, peer, i;
	char c;

	hosts_enter(h, 1);
	l = listen_at(&a.local, proto, 5);
	for (i = 0; i < 3; i++) {
		run("tc qdisc add dev " LINK " root netem loss 100%%");
		hosts_enter(h, 0);
		fd = dial_from(V4, proto, PORT + 1 + i, false);
		a.remote = host_addr(0, V4, PORT + 1 + i);
		hosts_enter(h, 1);
		first = cookie_in(&a, TCP_SYN_RECV);
		note(t, "new %d", first && first != before);
		run("tc qdisc del dev " LINK " root");
		peer = accept_one(l);
		second = cookie_in(&a, TCP_ESTABLISHED);
		note(t, "established: the same %d", first == second);
		if (getsockopt(peer, SOL_SOCKET, SO_COOKIE, &told, &len))
			die("SO_COOKIE");
		note(t, "SO_COOKIE: the same %d", told == second);
		close(peer);
		set_nonblocking(fd, false);
		if (recv(fd, &c, 1, 0))
			die("no end");
		close(fd);
		before = cookie_in(&a, TCP_TIME_WAIT);
		note(t, "TIME_WAIT: the same %d", before == second);
	}
	close(l);
}

TEST_F(diag, a_connection_keeps_its_cookie)
{
	struct transcript tcp = { }, ferry_seen = { };

	keep_cookie(&tcp, &self->hosts, IPPROTO_TCP);
	keep_cookie(&ferry_seen, &self->hosts, ferry());
	EXPECT_TRUE(same_transcript(&tcp, &ferry_seen));
	EXPECT_EQ(NULL, strstr(tcp.text, " 0\n"));
}

TEST_F(diag, wrong_usage_is_said)
{
	EXPECT_EQ(0, run_status("ferry ss --help"));
	EXPECT_EQ(0, run_status("ferry ss -a"));
	EXPECT_EQ(2, run_status("ferry ss --nosuchoption"));
	EXPECT_EQ(2, run_status("ferry ss -p udp"));
	EXPECT_EQ(2, run_status("ferry ss state nosuchstate"));
	EXPECT_EQ(2, run_status("ferry ss state"));
	EXPECT_EQ(2, run_status("ferry ss dport"));
	EXPECT_EQ(2, run_status("ferry ss dport = 65536"));
	EXPECT_EQ(2, run_status("ferry ss dst 10.0.0.0/33"));
	EXPECT_EQ(2, run_status("ferry ss dst nosuchaddress"));
	EXPECT_EQ(2, run_status("ferry ss ( dport = 1"));
	EXPECT_EQ(2, run_status("ferry ss dport = 1 )"));
	EXPECT_EQ(2, run_status("ferry ss dport = 1 or"));
	/* No module of that protocol. */
	EXPECT_EQ(1, run_status("ferry ss -p 254"));
}

TEST_HARNESS_MAIN
