// SPDX-License-Identifier: GPL-2.0-only
/*
 * ferryize: which sockets of a program become Ferry's, that the program sees no
 * difference but the protocol, and what is said where it cannot work.  The
 * program is tcp_program.c.  That real ones work is what selftests/programs
 * shows.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "ktest.h"
#include "lib.h"

#define PORT 7000

/* The program at work: what it prints, and what ferryize says. */
struct program {
	FILE *out;
	char text[2048];
};

static void start(struct program *p, const char *options, const char *what)
{
	char command[256];

	snprintf(command, sizeof(command), "%s /tests/tcp_program %s %d 2>&1",
		 options, what, PORT);
	p->text[0] = 0;
	p->out = popen(command, "re");
	if (!p->out)
		die("popen");
}

/* Read up to a line that begins so; false if there is none. */
static bool read_until(struct program *p, const char *line)
{
	size_t len = strlen(p->text);

	while (fgets(p->text + len, sizeof(p->text) - len, p->out)) {
		if (!strncmp(p->text + len, line, strlen(line)))
			return true;
		len = strlen(p->text);
	}
	return false;
}

/* Its end of the conversation; @p has printed all but the end then. */
static bool answer(int fd)
{
	char buf[5];

	return recv(fd, buf, 5, MSG_WAITALL) == 5 && send(fd, buf, 5, 0) == 5;
}

/* It must have nothing more to say after @last, and have ended well. */
static bool finish(struct program *p, const char *last)
{
	bool found = read_until(p, last);
	bool more = read_until(p, "nothing begins like this");
	int status = pclose(p->out);

	if (found && !more && !status)
		return true;
	printf("# status %#x: %s\n", status, p->text);
	return false;
}

FIXTURE(ferryize) {
	struct program p;
};

FIXTURE_SETUP(ferryize)
{
	if (ferry() == IPPROTO_TCP)
		SKIP(_exit(255), "nothing to change into");
	own_namespace();
}

FIXTURE_TEARDOWN(ferryize)
{
}

/* The program connects to a listener of @proto; false if it does not. */
static bool connects(struct program *p, const char *options, int proto)
{
	struct addr at = loopback(V4, PORT);
	int l = listen_at(&at, proto, 1);
	char last[64];
	int fd;

	start(p, options, "connect 127.0.0.1");
	if (!wait_for(l, POLLIN, SOON_MS)) {
		read_until(p, "nothing begins like this");
		printf("# %s\n", p->text);
		return false;
	}
	fd = accept_one(l);
	if (!answer(fd))
		return false;
	snprintf(last, sizeof(last), "hello, protocol %d\n", proto);
	close(l);
	return finish(p, last);
}

/* The program listens, and is reached with @proto. */
static bool listens(struct program *p, const char *options, int proto)
{
	struct addr at = loopback(V4, PORT);
	char last[64];
	int fd;

	start(p, options, "listen");
	if (!read_until(p, "ready")) {
		printf("# %s\n", p->text);
		return false;
	}
	fd = dial(&at, proto);
	if (fd < 0 || !answer(fd)) {
		printf("# cannot reach it: %s\n", strerror(errno));
		return false;
	}
	close(fd);
	snprintf(last, sizeof(last), "hello, protocol %d\n", proto);
	return finish(p, last);
}

/* What a program sees of its socket, less what ferryize says. */
static void note_socket(struct transcript *t, const struct program *p)
{
	const char *at = strstr(p->text, "keepalive");

	note(t, "%.*s", at ? (int)strcspn(at, "\n") : 0, at);
}

TEST_F(ferryize, takes_every_socket)
{
	EXPECT_TRUE(connects(&self->p, "ferryize", IPPROTO_FERRY));
	EXPECT_EQ(NULL, strstr(self->p.text, "ferryize:"));
	EXPECT_TRUE(listens(&self->p, "ferryize", IPPROTO_FERRY));
	EXPECT_EQ(NULL, strstr(self->p.text, "ferryize:"));
}

TEST_F(ferryize, takes_one_role_alone)
{
	EXPECT_TRUE(connects(&self->p, "ferryize -c", IPPROTO_FERRY));
	EXPECT_TRUE(listens(&self->p, "ferryize -c", IPPROTO_TCP));
	EXPECT_TRUE(connects(&self->p, "ferryize -l", IPPROTO_TCP));
	EXPECT_TRUE(listens(&self->p, "ferryize -l", IPPROTO_FERRY));
}

TEST_F(ferryize, takes_some_ports_alone)
{
	EXPECT_TRUE(connects(&self->p, "ferryize -p 7000", IPPROTO_FERRY));
	EXPECT_TRUE(listens(&self->p, "ferryize -p 7000", IPPROTO_FERRY));
	EXPECT_TRUE(connects(&self->p, "ferryize -p 1,6000-8000",
			     IPPROTO_FERRY));
	EXPECT_TRUE(connects(&self->p, "ferryize -p 7001 -p 70",
			     IPPROTO_TCP));
	EXPECT_TRUE(listens(&self->p, "ferryize -p 7001-65535", IPPROTO_TCP));
	EXPECT_TRUE(connects(&self->p, "ferryize -l -p 7000", IPPROTO_TCP));
}

TEST_F(ferryize, a_port_of_tcp_that_is_taken_does_not_matter)
{
	struct addr at = loopback(V4, PORT);

	ASSERT_LE(0, listen_at(&at, IPPROTO_TCP, 1));
	EXPECT_TRUE(listens(&self->p, "ferryize -p 7000", IPPROTO_FERRY));
}

/*
 * The same options, flags and epoll set, whether a socket was Ferry's from the
 * beginning or became so when it was used, or is TCP's.
 */
TEST_F(ferryize, a_socket_is_what_the_program_made_it)
{
	static const char *const ways[] = { "ferryize", "ferryize -p 7000" };
	struct transcript tcp = { 0 }, ferry;
	unsigned int i;

	ASSERT_TRUE(connects(&self->p, "", IPPROTO_TCP));
	note_socket(&tcp, &self->p);
	ASSERT_TRUE(listens(&self->p, "", IPPROTO_TCP));
	note_socket(&tcp, &self->p);
	EXPECT_NE(NULL, strstr(tcp.text, "keepidle 77"));
	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		ferry = (struct transcript){ 0 };
		EXPECT_TRUE(connects(&self->p, ways[i], IPPROTO_FERRY));
		note_socket(&ferry, &self->p);
		EXPECT_TRUE(listens(&self->p, ways[i], IPPROTO_FERRY));
		note_socket(&ferry, &self->p);
		EXPECT_TRUE(same_transcript(&tcp, &ferry));
	}
}

TEST_F(ferryize, says_what_it_does_when_asked)
{
	EXPECT_TRUE(connects(&self->p, "ferryize -v", IPPROTO_FERRY));
	EXPECT_NE(NULL, strstr(self->p.text, "ferryize: tcp_program["));
	EXPECT_NE(NULL, strstr(self->p.text, "]: descriptor 3 is Ferry\n"));
	EXPECT_TRUE(connects(&self->p, "ferryize -v -p 7000", IPPROTO_FERRY));
	EXPECT_NE(NULL, strstr(self->p.text,
			       "]: descriptor 3 is Ferry: connects to port 7000\n"));
	EXPECT_TRUE(listens(&self->p, "ferryize -v -p 7000", IPPROTO_FERRY));
	EXPECT_NE(NULL, strstr(self->p.text,
			       "]: descriptor 3 is Ferry: is bound to port 7000\n"));
}

TEST_F(ferryize, passes_the_status_on_and_says_no)
{
	EXPECT_EQ(3, run_status("ferryize bash -c exit\t3"));
	EXPECT_EQ(127, run_status("ferryize nosuchprogram"));
	EXPECT_EQ(0, run_status("ferryize --help"));
	EXPECT_EQ(0, run_status("ferryize --version"));
	EXPECT_EQ(2, run_status("ferryize"));
	EXPECT_EQ(2, run_status("ferryize --nosuchoption true"));
	EXPECT_EQ(2, run_status("ferryize -l -c true"));
	EXPECT_EQ(2, run_status("ferryize -p 0 true"));
	EXPECT_EQ(2, run_status("ferryize -p 80- true"));
	EXPECT_EQ(2, run_status("ferryize -p 90-80 true"));
	EXPECT_EQ(2, run_status("ferryize -p 65536 true"));
}

TEST_F(ferryize, says_whom_it_cannot_reach)
{
	EXPECT_NE(NULL, strstr(said("ferryize busybox true 2>&1"),
			       "ferryize: busybox is statically linked: "));
	EXPECT_STREQ("", said("ferryize bash -c : 2>&1"));
}

#define MODPROBE "/proc/sys/kernel/modprobe"

FIXTURE(without_module) {
	struct program p;
	char modprobe[256];
};

FIXTURE_SETUP(without_module)
{
	if (ferry() == IPPROTO_TCP)
		SKIP(_exit(255), "TCP is no module");
	own_namespace();
	/* A socket() would otherwise bring back what was just unloaded. */
	if (!read_file(MODPROBE, self->modprobe, sizeof(self->modprobe)))
		die("read " MODPROBE);
	write_file(MODPROBE, "\n");
	if (!wait_until(ferry_unloaded, NULL, SOON_MS)) {
		/* Without a teardown, others would suffer. */
		write_file(MODPROBE, self->modprobe);
		die("the module stays");
	}
}

FIXTURE_TEARDOWN(without_module)
{
	write_file(MODPROBE, self->modprobe);
	if (load_ferry(""))
		die("load");
}

TEST_F(without_module, programs_run_over_tcp_and_are_told_so)
{
	EXPECT_TRUE(connects(&self->p, "ferryize", IPPROTO_TCP));
	EXPECT_NE(NULL, strstr(self->p.text,
			       "/tests/tcp_program runs over TCP\n"));
	/* Here the module goes between ferryize and the program. */
	EXPECT_TRUE(connects(&self->p,
			     "LD_PRELOAD=/usr/local/lib/ferry/libferryize.so",
			     IPPROTO_TCP));
	EXPECT_NE(NULL, strstr(self->p.text,
			       "]: no Ferry (Protocol not supported): this program uses TCP\n"));
}

TEST_HARNESS_MAIN
