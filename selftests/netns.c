// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network namespaces that go while connections live in them: with data on the
 * way, listening, half open, waiting in TIME_WAIT.  The namespace must go, and
 * must not keep the module from going.
 *
 * A namespace has no event for its end, but its devices have: the test leaves
 * one end of a veth pair in it, and the kernel announces when the other end,
 * which it holds, is deleted with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "ktest.h"
#include "lib.h"
#include "wire.h"

FIXTURE(namespace) {
	int proto;
	int events;
};

FIXTURE_VARIANT(namespace) {
	bool ferry;
	enum family fam;
};

FIXTURE_VARIANT_ADD(namespace, tcp_v4) { .ferry = false, .fam = V4 };
FIXTURE_VARIANT_ADD(namespace, ferry_v4) { .ferry = true, .fam = V4 };
FIXTURE_VARIANT_ADD(namespace, ferry_v6) { .ferry = true, .fam = V6 };

FIXTURE_SETUP(namespace)
{
	struct sockaddr_nl all_links = {
		.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK,
	};

	self->proto = proto_of(variant->ferry);
	own_namespace();
	self->events = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			      NETLINK_ROUTE);
	ASSERT_LE(0, self->events);
	ASSERT_EQ(0, bind(self->events, (struct sockaddr *)&all_links,
			  sizeof(all_links)));
}

FIXTURE_TEARDOWN(namespace)
{
}

/* What lives in the namespace when it goes; each returns with all open. */
struct life {
	enum family fam;
	int proto;
	int ready;	/* a byte here says that the namespace may go */
};

static int lives(struct life *l)
{
	if (write(l->ready, "", 1) != 1)
		return 1;
	/* Killed here, with all descriptors open. */
	for (;;)
		pause();
}

static int with_listeners(void *arg)
{
	struct life *l = arg;
	struct addr at;
	int i;

	loopback_up();
	for (i = 0; i < 10; i++) {
		at = loopback(l->fam, 0);
		listen_at(&at, l->proto, 8);
	}
	/* And connections that nobody has accepted. */
	for (i = 0; i < 4; i++)
		if (dial(&at, l->proto) < 0)
			die("connect");
	return lives(l);
}

static int with_idle_connections(void *arg)
{
	struct life *l = arg;
	int fd[2], i;

	loopback_up();
	for (i = 0; i < 20; i++)
		connected_pair(l->fam, l->proto, fd);
	return lives(l);
}

static int with_data_on_the_way(void *arg)
{
	struct life *l = arg;
	static char buf[1 << 16];
	int fd[2], i;

	loopback_up();
	/* Slow enough that the queue is never empty. */
	run("tc qdisc add dev lo root netem delay 5ms rate 20mbit limit 10000");
	for (i = 0; i < 4; i++) {
		connected_pair(l->fam, l->proto, fd);
		while (send(fd[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		while (send(fd[1], buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
	return lives(l);
}

static int with_connects_on_the_way(void *arg)
{
	struct life *l = arg;
	struct addr at;
	int i;

	loopback_up();
	at = loopback(l->fam, 0);
	listen_at(&at, l->proto, 64);
	/*
	 * Nothing arrives while the namespace is alive; for much longer it
	 * could not go, because a queued packet holds its socket.
	 */
	run("tc qdisc add dev lo root netem delay 1s limit 10000");
	for (i = 0; i < 20; i++) {
		int fd = open_socket(l->fam, l->proto);

		set_nonblocking(fd, true);
		if (!connect(fd, &at.sa, at.len) || errno != EINPROGRESS)
			die("connect");
	}
	return lives(l);
}

static int with_half_open_requests(void *arg)
{
	struct life *l = arg;
	struct segment syn = { .flags = SYN, .window = 60000 };
	struct segment answer;
	struct addr at;
	struct wire w;
	int i;

	loopback_up();
	wire_open_here(&w, l->fam, l->proto);
	at = w.ours;
	listen_at(&at, l->proto, 64);
	syn.to = port_of(&at);
	for (i = 0; i < 20; i++) {
		syn.from = 40000 + i;
		wire_send(&w, &syn);
		wire_await(&w, &answer);
		if (answer.flags != (SYN | ACK))
			die("a SYN was answered with %s", flags_text(&answer));
	}
	return lives(l);
}

/*
 * A connection whose peer has vanished without a word, link and all: its FIN
 * is sent again until the user time-out has passed.
 */
static int with_a_fin_that_nobody_answers(void *arg)
{
	struct life *l = arg;
	struct segment s = { .flags = SYN, .window = 60000, .from = 40000 };
	struct segment answer;
	struct addr at;
	struct wire w;
	int fd, listener;

	loopback_up();
	wire_open_here(&w, l->fam, l->proto);
	at = w.ours;
	listener = listen_at(&at, l->proto, 1);
	s.to = port_of(&at);
	wire_send(&w, &s);
	wire_await(&w, &answer);
	s.flags = ACK;
	s.seq = 1;
	s.ack = answer.seq + 1;
	wire_send(&w, &s);
	fd = accept_one(listener);
	set_int(fd, SOL_TCP, TCP_USER_TIMEOUT, 2000);
	return lives(l);
}

static int with_time_wait(void *arg)
{
	struct life *l = arg;
	int fd[2], i;
	char c;

	loopback_up();
	for (i = 0; i < 20; i++) {
		connected_pair(l->fam, l->proto, fd);
		close(fd[0]);
		if (recv(fd[1], &c, 1, 0))
			die("no end of data");
		close(fd[1]);
	}
	return lives(l);
}

static int with_half_closed_connections(void *arg)
{
	struct life *l = arg;
	int fd[2], i;

	loopback_up();
	for (i = 0; i < 20; i++) {
		connected_pair(l->fam, l->proto, fd);
		if (i & 1)
			close(fd[0]);
		else
			shutdown(fd[0], SHUT_WR);
	}
	return lives(l);
}

struct birth {
	struct life life;
	int (*body)(void *arg);
	int named;	/* the parent has moved the veth end here */
};

static int in_new_namespace(void *arg)
{
	struct birth *b = arg;
	char c;

	if (unshare(CLONE_NEWNET))
		die("unshare");
	if (write(b->life.ready, "", 1) != 1)
		return 1;
	if (read(b->named, &c, 1) != 1)
		return 1;
	return b->body(&b->life);
}

/* Wait for the kernel to announce that @name has been deleted. */
static bool link_goes(int events, const char *name, int timeout_ms)
{
	long long deadline = now_ms() + timeout_ms;
	char buf[16384];

	while (if_nametoindex(name)) {
		long long left = deadline - now_ms();

		if (left <= 0 || !wait_for(events, POLLIN, left))
			return !if_nametoindex(name);
		while (recv(events, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
	return true;
}

static bool comes_and_goes(int events, int proto, enum family fam,
			   int (*body)(void *arg))
{
	int ready[2], named[2];
	struct birth b = {
		.life = { .fam = fam, .proto = proto }, .body = body,
	};
	long long start;
	pid_t child;
	bool gone;
	char c;

	if (pipe2(ready, O_CLOEXEC) || pipe2(named, O_CLOEXEC))
		die("pipe");
	b.life.ready = ready[1];
	b.named = named[0];
	child = spawn(in_new_namespace, &b);
	close(ready[1]);
	close(named[0]);
	if (!wait_for(ready[0], POLLIN, SOON_MS) ||
	    read(ready[0], &c, 1) != 1)
		die("no new namespace");
	run("ip link add name here type veth peer name there netns %d",
	    child);
	if (write(named[1], "", 1) != 1)
		die("write");
	if (!wait_for(ready[0], POLLIN, 6 * SOON_MS) ||
	    read(ready[0], &c, 1) != 1)
		die("the namespace did not come to life");
	start = now_ms();
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	gone = link_goes(events, "here", 3 * SOON_MS);
	if (!gone)
		fprintf(stderr, "# still there after %lld ms\n",
			now_ms() - start);
	close(ready[0]);
	close(named[1]);
	return gone;
}

/* The debug kernel sees at once what others stumble over some time. */
static int rounds(void)
{
	return slowness() > 2 ? 2 : 5;
}

static bool keeps_coming_and_going(int events, int proto, enum family fam,
				   int (*body)(void *arg))
{
	int i;

	for (i = 0; i < rounds(); i++)
		if (!comes_and_goes(events, proto, fam, body))
			return false;
	return true;
}

TEST_F(namespace, goes_with_listeners)
{
	ASSERT_TRUE(keeps_coming_and_going(self->events, self->proto,
					   variant->fam, with_listeners));
}

TEST_F(namespace, goes_with_idle_connections)
{
	ASSERT_TRUE(keeps_coming_and_going(self->events, self->proto,
					   variant->fam, with_idle_connections));
}

TEST_F(namespace, goes_with_data_on_the_way)
{
	ASSERT_TRUE(keeps_coming_and_going(self->events, self->proto,
					   variant->fam, with_data_on_the_way));
}

TEST_F(namespace, goes_with_connects_on_the_way)
{
	ASSERT_TRUE(keeps_coming_and_going(self->events, self->proto,
					   variant->fam, with_connects_on_the_way));
}

TEST_F(namespace, goes_with_half_open_requests)
{
	ASSERT_TRUE(keeps_coming_and_going(self->events, self->proto,
					   variant->fam, with_half_open_requests));
}

TEST_F(namespace, goes_with_a_fin_that_nobody_answers)
{
	ASSERT_TRUE(comes_and_goes(self->events, self->proto, variant->fam,
				   with_a_fin_that_nobody_answers));
}

TEST_F(namespace, goes_with_time_wait)
{
	ASSERT_TRUE(keeps_coming_and_going(self->events, self->proto,
					   variant->fam, with_time_wait));
}

TEST_F(namespace, goes_with_half_closed_connections)
{
	ASSERT_TRUE(keeps_coming_and_going(self->events, self->proto,
					   variant->fam, with_half_closed_connections));
}

/* Two hosts joined by a link, and the link's other end goes first. */
TEST_F(namespace, goes_while_its_peer_still_sends)
{
	struct hosts h;
	static char buf[1 << 16];
	int fd[2], i;
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	for (i = 0; i < rounds(); i++) {
		hosts_make(&h, 1500);
		hosts_connect(&h, variant->fam, self->proto, fd);
		while (send(fd[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		/* Host 1 lives on through the socket alone until here. */
		close(h.ns[1]);
		close(fd[1]);
		EXPECT_NE(0, wait_for_all(fd[0], POLLERR, SOON_MS) & POLLERR);
		close(fd[0]);
		close(h.ns[0]);
		ASSERT_EQ(0, setns(home, CLONE_NEWNET));
	}
}

static bool unloads(void *arg)
{
	(void)arg;
	return !syscall(SYS_delete_module, "ferry", O_NONBLOCK);
}

FIXTURE(afterwards) {
};

FIXTURE_SETUP(afterwards)
{
}

FIXTURE_TEARDOWN(afterwards)
{
}

/* Runs last: whatever the others left behind would pin the module. */
TEST_F(afterwards, the_module_can_go)
{
	int fd;

	if (ferry() == IPPROTO_TCP)
		SKIP(return, "TCP is no module");
	ASSERT_TRUE(wait_until(unloads, NULL, 3 * SOON_MS))
		TH_LOG("rmmod: %s", errno_name(errno));
	fd = open("/ferry/ferry.ko", O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, syscall(SYS_finit_module, fd, "", 0))
		TH_LOG("insmod: %s", errno_name(errno));
}

TEST_HARNESS_MAIN
