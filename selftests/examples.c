// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs of userspace/examples: that each does what the prose on top of it
 * says, over TCP and over Ferry.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define DIRECTORY "/examples"
#define PORT 7777

static const char *example(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), DIRECTORY "/%s", name);
	if (access(path, X_OK))
		die("no %s", path);
	return path;
}

/* A server at PORT; @protocol is its last argument, or NULL. */
struct server {
	const char *name, *protocol;
};

static int serve(void *arg)
{
	const struct server *s = arg;

	execl(example(s->name), s->name, "7777", s->protocol, NULL);
	return 1;
}

struct dialing {
	int proto, fd;
};

static bool answered(void *arg)
{
	struct dialing *d = arg;
	struct addr at = loopback(V6, PORT);

	d->fd = dial(&at, d->proto);
	return d->fd >= 0;
}

/* Connect to the server, once it listens. */
static int reach(int proto)
{
	struct dialing d = { .proto = proto };

	if (!wait_until(answered, &d, SOON_MS))
		die("nobody listens");
	return d.fd;
}

/* ------------------------------------------------------------------ */

FIXTURE(echo) {
	int proto;
};

FIXTURE_VARIANT(echo) {
	const char *name;
	bool one_at_a_time;
	bool ferry;
};

FIXTURE_VARIANT_ADD(echo, blocking_tcp) { .name = "echo", true, false };
FIXTURE_VARIANT_ADD(echo, blocking) { .name = "echo", true, true };
FIXTURE_VARIANT_ADD(echo, select_tcp) { .name = "echo_select", false, false };
FIXTURE_VARIANT_ADD(echo, select) { .name = "echo_select", false, true };
FIXTURE_VARIANT_ADD(echo, poll_tcp) { .name = "echo_poll", false, false };
FIXTURE_VARIANT_ADD(echo, poll) { .name = "echo_poll", false, true };
FIXTURE_VARIANT_ADD(echo, epoll_tcp) { .name = "echo_epoll", false, false };
FIXTURE_VARIANT_ADD(echo, epoll) { .name = "echo_epoll", false, true };
FIXTURE_VARIANT_ADD(echo, edge_tcp) { .name = "echo_edge", false, false };
FIXTURE_VARIANT_ADD(echo, edge) { .name = "echo_edge", false, true };

FIXTURE_SETUP(echo)
{
	struct server s = { variant->name, variant->ferry ? NULL : "tcp" };

	if (variant->ferry && ferry() == IPPROTO_TCP)
		SKIP(_exit(255), "no ferry to speak to");
	own_namespace();
	/* So that a stream is stopped before long. */
	set_sysctls("wmem", "4096 16384 65536");
	set_sysctls("rmem", "4096 16384 65536");
	self->proto = variant->ferry ? ferry() : IPPROTO_TCP;
	spawn(serve, &s);
}

FIXTURE_TEARDOWN(echo)
{
}

struct sending {
	int fd;
	__u64 bytes;
};

static int send_all(void *arg)
{
	struct sending *s = arg;

	return !send_stream(s->fd, 1, 0, s->bytes) ||
	       shutdown(s->fd, SHUT_WR);
}

TEST_F(echo, sends_back_more_than_fits_and_ends)
{
	struct sending s = { reach(self->proto), 300000 };
	pid_t sender = spawn(send_all, &s);
	char c;

	ASSERT_TRUE(recv_stream(s.fd, 1, 0, s.bytes));
	ASSERT_NE(0, wait_for(s.fd, POLLIN, SOON_MS));
	EXPECT_EQ(0, recv(s.fd, &c, 1, 0));
	EXPECT_EQ(0, reap(sender, SOON_MS));
}

/* Send until nobody takes any more, as the server wants to be read from. */
static __u64 fill(int fd)
{
	char buf[4096];
	__u64 pos = 0;
	ssize_t n;

	set_nonblocking(fd, true);
	do {
		stream_fill(1, pos, buf, sizeof(buf));
		n = send(fd, buf, sizeof(buf), MSG_NOSIGNAL);
		pos += n > 0 ? n : 0;
	} while (n > 0 || wait_for(fd, POLLOUT, 50 * slowness()));
	set_nonblocking(fd, false);
	return pos;
}

TEST_F(echo, who_does_not_read_hinders_nobody_else)
{
	int full = reach(self->proto);
	__u64 bytes = fill(full);
	int fd = reach(self->proto);
	char c;

	ASSERT_LT(0, bytes);
	ASSERT_EQ(1, send(fd, "x", 1, 0));
	/* One at a time is to let this one wait. */
	EXPECT_EQ(!variant->one_at_a_time,
		  wait_for(fd, POLLIN,
			   variant->one_at_a_time ? 0 : SOON_MS) != 0);
	EXPECT_TRUE(recv_stream(full, 1, 0, bytes));
	close(full);
	ASSERT_NE(0, wait_for(fd, POLLIN, SOON_MS));
	EXPECT_EQ(1, recv(fd, &c, 1, 0));
	EXPECT_EQ('x', c);
}

TEST_F(echo, a_reset_ends_one_connection_alone)
{
	int broken = reach(self->proto), fd = reach(self->proto);
	char c;

	ASSERT_EQ(1, send(broken, "x", 1, 0));
	ASSERT_NE(0, wait_for(broken, POLLIN, SOON_MS));
	abort_connection(broken);
	ASSERT_EQ(1, send(fd, "y", 1, 0));
	ASSERT_NE(0, wait_for(fd, POLLIN, SOON_MS));
	EXPECT_EQ(1, recv(fd, &c, 1, 0));
	EXPECT_EQ('y', c);
}

/* ------------------------------------------------------------------ */

FIXTURE(examples) {
	int proto;
	const char *protocol;
};

FIXTURE_VARIANT(examples) {
	bool ferry;
};

FIXTURE_VARIANT_ADD(examples, tcp) { .ferry = false };
FIXTURE_VARIANT_ADD(examples, ferry) { .ferry = true };

FIXTURE_SETUP(examples)
{
	if (variant->ferry && ferry() == IPPROTO_TCP)
		SKIP(_exit(255), "no ferry to speak to");
	own_namespace();
	self->proto = variant->ferry ? ferry() : IPPROTO_TCP;
	self->protocol = variant->ferry ? NULL : "tcp";
}

FIXTURE_TEARDOWN(examples)
{
}

static bool hears(int fd, const char *text)
{
	char got[64] = "";
	size_t len = strlen(text), at = 0;
	ssize_t n;

	do {
		if (!wait_for(fd, POLLIN, SOON_MS))
			break;
		n = recv(fd, got + at, len - at, 0);
		at += n > 0 ? n : 0;
	} while (n > 0 && at < len);
	if (!strcmp(got, text))
		return true;
	printf("# wanted '%s', got '%s'\n", text, got);
	return false;
}

/* It hears the end of its connection, whether in order or not. */
static bool is_out(int fd)
{
	char c;

	return wait_for(fd, POLLIN, SOON_MS) && recv(fd, &c, 1, 0) <= 0;
}

#define say(fd, text) \
	ASSERT_EQ((ssize_t)strlen(text), send(fd, text, strlen(text), 0))

TEST_F(examples, chat_carries_lines)
{
	struct server s = { "chat", self->protocol };
	char much[600];
	int a, b, c;

	spawn(serve, &s);
	a = reach(self->proto);
	ASSERT_TRUE(hears(a, "you are 1\n"));
	b = reach(self->proto);
	ASSERT_TRUE(hears(b, "you are 2\n"));
	c = reach(self->proto);
	ASSERT_TRUE(hears(c, "you are 3\n"));
	/* A line in two pieces, of which the second holds another line. */
	say(a, "hel");
	say(c, "first\n");
	EXPECT_TRUE(hears(a, "3: first\n"));
	EXPECT_TRUE(hears(b, "3: first\n"));
	say(a, "lo\nworld\n");
	EXPECT_TRUE(hears(b, "1: hello\n1: world\n"));
	EXPECT_TRUE(hears(c, "1: hello\n1: world\n"));
	/* A line without an end ends the connection. */
	memset(much, 'x', sizeof(much));
	ASSERT_EQ((ssize_t)sizeof(much), send(c, much, sizeof(much), 0));
	EXPECT_TRUE(is_out(c));
	say(b, "still here\n");
	EXPECT_TRUE(hears(a, "2: still here\n"));
	EXPECT_EQ(0, queue_in(b));
}

TEST_F(examples, chat_shows_the_door_to_who_does_not_listen)
{
	struct server s = { "chat", self->protocol };
	char line[500], told[sizeof(line) + 3];
	int a, deaf, b, i;
	ssize_t n, got = 0;

	set_sysctls("wmem", "4096 16384 65536");
	set_sysctls("rmem", "4096 16384 65536");
	spawn(serve, &s);
	a = reach(self->proto);
	ASSERT_TRUE(hears(a, "you are 1\n"));
	deaf = reach(self->proto);
	ASSERT_TRUE(hears(deaf, "you are 2\n"));
	b = reach(self->proto);
	ASSERT_TRUE(hears(b, "you are 3\n"));
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	/* More than the buffers of both ends can hold. */
	for (i = 0; i < 400; i++) {
		ASSERT_EQ((ssize_t)sizeof(line),
			  send(a, line, sizeof(line), 0));
		ASSERT_EQ((ssize_t)sizeof(told),
			  recv(b, told, sizeof(told), MSG_WAITALL));
	}
	/* It finds some of them, and that it is out. */
	do {
		ASSERT_NE(0, wait_for(deaf, POLLIN, SOON_MS));
		n = recv(deaf, told, sizeof(told), 0);
		got += n;
	} while (n > 0);
	EXPECT_EQ(0, n);
	EXPECT_LT(0, got);
	EXPECT_GT(i * (ssize_t)sizeof(told), got);
}

TEST_F(examples, connect_async_waits_for_all_at_once)
{
	struct addr at = loopback(V4, 7001);
	char command[128];
	const char *text;

	listen_at(&at, self->proto, 1);
	/* The one at 7002 never gets an answer, the one at 7003 a RST. */
	run("nft add table ip t");
	run("nft add chain ip t c { type filter hook input priority 0 ; }");
	run("nft add rule ip t c @th,16,16 7002 drop");
	snprintf(command, sizeof(command),
		 "%s %s 127.0.0.1 7002 7003 7001; echo status $?",
		 example("connect_async"), self->protocol ?: "ferry");
	text = said(command);
	EXPECT_NE(NULL, strstr(text, "port 7003: Connection refused\n"));
	EXPECT_NE(NULL, strstr(text, "port 7001: connected\n"));
	EXPECT_NE(NULL, strstr(text, "port 7002: no answer\nstatus 1\n"));
	snprintf(command, sizeof(command), "%s %s 127.0.0.1 7001; echo $?",
		 example("connect_async"), self->protocol ?: "ferry");
	EXPECT_STREQ("port 7001: connected\n0\n", said(command));
}

#define CONNECTIONS 40

TEST_F(examples, prefork_wakes_one_for_each_connection)
{
	unsigned int i, served, wakeups;
	char command[128], line[64];
	FILE *server;
	int fd;

	snprintf(command, sizeof(command), "%s %d %d %s", example("prefork"),
		 PORT, CONNECTIONS, self->protocol ?: "");
	server = popen(command, "re");
	ASSERT_NE(NULL, server);
	for (i = 0; i < CONNECTIONS; i++) {
		fd = reach(self->proto);
		ASSERT_TRUE(hears(fd, "worker "));
		close(fd);
	}
	do {
		ASSERT_NE(NULL, fgets(line, sizeof(line), server));
	} while (sscanf(line, "%u connections, %u wake-ups\n", &served,
			&wakeups) != 2);
	EXPECT_EQ(0, pclose(server));
	TH_LOG("%s", line);
	EXPECT_EQ(CONNECTIONS, served);
	/* Now and then a worker comes by before the one that was woken. */
	EXPECT_LE(CONNECTIONS / 2, wakeups);
	EXPECT_GE(CONNECTIONS * 3 / 2, wakeups);
}

TEST(hello_is_answered)
{
	struct server s = { "echo", NULL };

	if (ferry() == IPPROTO_TCP)
		SKIP(_exit(255), "no ferry to speak to");
	own_namespace();
	spawn(serve, &s);
	close(reach(ferry()));
	EXPECT_STREQ("hello\n", said(example("hello")));
}

TEST_HARNESS_MAIN
