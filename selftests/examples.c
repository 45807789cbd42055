// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs of userspace/examples: that each does what the prose on top of it
 * says, over TCP and over Ferry.
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
	self->proto = proto_of(variant->ferry);
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
	self->proto = proto_of(variant->ferry);
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

#define MESSAGES_EVERY_MS	300
#define MESSAGES_DEAD_MS	3000
#define SIGN_OF_LIFE		0xffffffff

/* Its protocol comes before the port. */
static int serve_messages(void *arg)
{
	const char *protocol = arg, *path = example("messages");

	if (protocol)
		execl(path, path, protocol, "7777", NULL);
	else
		execl(path, path, "7777", NULL);
	return 1;
}

#define say_bytes(fd, bytes) \
	ASSERT_EQ((ssize_t)sizeof(bytes) - 1, \
		  send(fd, bytes, sizeof(bytes) - 1, 0))

/* The length that comes next; 0 if none does. */
static __u32 hears_length(int fd)
{
	__be32 len;

	if (!wait_for(fd, POLLIN, SOON_MS) ||
	    recv(fd, &len, sizeof(len), MSG_WAITALL) != sizeof(len))
		return 0;
	return ntohl(len);
}

static bool hears_answer(int fd, int number, const char *text)
{
	char got[64] = "";
	__u32 len;

	do {
		len = hears_length(fd);
	} while (len == SIGN_OF_LIFE);
	if (len < sizeof(got) &&
	    recv(fd, got, len, MSG_WAITALL) == (ssize_t)len &&
	    len == 5 + strlen(text) && got[0] == 2 && got[4] == number &&
	    !strcmp(got + 5, text))
		return true;
	printf("# wanted '%s', got %u bytes: '%s'\n", text, len, got + 5);
	return false;
}

/* Sooner or later, after whatever it is sent before. */
static bool is_shown_the_door(int fd)
{
	char buf[64];
	ssize_t n;

	do {
		if (!wait_for(fd, POLLIN, SOON_MS))
			return false;
		n = recv(fd, buf, sizeof(buf), 0);
	} while (n > 0);
	return true;
}

TEST_F(examples, messages_have_ends_and_meanings)
{
	static const char pieces[] = "\0\0\0\7\1\0\0\0\3de";
	unsigned int i;
	int fd, wrong;
	char c;

	spawn(serve_messages, (void *)self->protocol);
	fd = reach(self->proto);
	/* Two in one piece, and one in many. */
	say_bytes(fd, "\0\0\0\6\1\0\0\0\1a\0\0\0\7\1\0\0\0\2bc");
	EXPECT_TRUE(hears_answer(fd, 1, "A"));
	EXPECT_TRUE(hears_answer(fd, 2, "BC"));
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	for (i = 0; i < sizeof(pieces) - 1; i++)
		ASSERT_EQ(1, send(fd, pieces + i, 1, 0));
	EXPECT_TRUE(hears_answer(fd, 3, "DE"));
	/* One of 1001 bytes, one of four, and one that is no question. */
	wrong = reach(self->proto);
	say_bytes(wrong, "\0\0\3\351");
	EXPECT_TRUE(is_shown_the_door(wrong));
	wrong = reach(self->proto);
	say_bytes(wrong, "\0\0\0\4\1\0\0\0");
	EXPECT_TRUE(is_shown_the_door(wrong));
	wrong = reach(self->proto);
	say_bytes(wrong, "\0\0\0\6\2\0\0\0\1a");
	EXPECT_TRUE(is_shown_the_door(wrong));
	/* All that was nothing to this one, whose last answer comes, too. */
	say_bytes(fd, "\0\0\0\11\1\0\0\0\4last");
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	EXPECT_TRUE(hears_answer(fd, 4, "LAST"));
	while (hears_length(fd) == SIGN_OF_LIFE)
		;
	EXPECT_EQ(0, recv(fd, &c, 1, 0));
}

TEST_F(examples, messages_tell_the_living_from_the_dead)
{
	struct addr at = loopback(V4, 7001);
	int l = listen_at(&at, self->proto, 1);
	char command[128], text[128] = "";
	int asked, silent, living, signs;
	long long since;
	FILE *client;

	spawn(serve_messages, (void *)self->protocol);
	snprintf(command, sizeof(command),
		 "%s %s 127.0.0.1 7777 hello 'and so on' 2>&1; echo $?",
		 example("messages"), self->protocol ?: "");
	close(reach(self->proto));
	EXPECT_STREQ("hello: HELLO\nand so on: AND SO ON\n0\n", said(command));
	/* Who asks this one gets no answer, and hears nothing at all. */
	snprintf(command, sizeof(command), "%s %s 127.0.0.1 7001 hello 2>&1; echo $?",
		 example("messages"), self->protocol ?: "");
	client = popen(command, "re");
	ASSERT_NE(NULL, client);
	asked = accept_one(l);
	silent = reach(self->proto);
	living = reach(self->proto);
	since = now_ms();
	for (signs = 0; signs < MESSAGES_DEAD_MS / MESSAGES_EVERY_MS + 2;
	     signs++) {
		ASSERT_EQ(SIGN_OF_LIFE, hears_length(living));
		say_bytes(living, "\377\377\377\377");
	}
	EXPECT_LE(MESSAGES_DEAD_MS, now_ms() - since);
	say_bytes(living, "\0\0\0\7\1\0\0\0\1hi");
	EXPECT_TRUE(hears_answer(living, 1, "HI"));
	EXPECT_TRUE(is_shown_the_door(silent));
	ASSERT_NE(0, wait_for(fileno(client), POLLIN, SOON_MS));
	EXPECT_LT(0, fread(text, 1, sizeof(text) - 1, client));
	EXPECT_STREQ("the server: dead\n1\n", text);
	pclose(client);
	EXPECT_TRUE(is_shown_the_door(asked));
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
