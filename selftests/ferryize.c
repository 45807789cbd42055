// SPDX-License-Identifier: GPL-2.0-only
/*
 * ferryize: which sockets of a program become Ferry's, that the program sees no
 * difference but the protocol, and what is said where it cannot work.  The
 * programs are tcp_program.c.  That real ones work is what selftests/programs
 * shows.
 *
 * Where the kernel lets BPF choose a socket's protocol, programs that no library
 * gets in front of are shown to use Ferry; elsewhere, that they use TCP and that
 * it is said why.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define PORT 7000

/* The program at work: what it prints, and what ferryize says. */
struct program {
	const char *path;
	FILE *out;
	char text[2048];
};

static void start(struct program *p, const char *options, const char *what)
{
	char command[256];

	snprintf(command, sizeof(command), "%s %s %s %d 2>&1", options,
		 p->path ? p->path : "/tests/tcp_program", what, PORT);
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

/*
 * It must have nothing more to say after @last, and have ended well.  What
 * ferryize says, who is not asked by the program, may come later.
 */
static bool finish(struct program *p, const char *last)
{
	bool found = read_until(p, last), more = false;
	size_t len = strlen(p->text);
	int status;

	while (fgets(p->text + len, sizeof(p->text) - len, p->out)) {
		more |= strncmp(p->text + len, "ferryize: ", 10);
		len += strlen(p->text + len);
	}
	status = pclose(p->out);
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
		close(l);
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
	EXPECT_EQ(2, run_status("ferryize -m magic true"));
	EXPECT_EQ(2, run_status("ferryize -m bpf -p 80 true"));
	EXPECT_EQ(2, run_status("ferryize -m bpf -l true"));
}

TEST_F(ferryize, says_whom_it_cannot_reach)
{
	EXPECT_NE(NULL, strstr(said("ferryize -m preload busybox true 2>&1"),
			       "ferryize: busybox is statically linked: "));
	EXPECT_NE(NULL, strstr(said("ferryize -p 80 busybox true 2>&1"),
			       "linked, and no BPF: it chooses when a socket is made, "));
	EXPECT_STREQ("", said("ferryize bash -c : 2>&1"));
}

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

/* Programs that no library gets in front of. */
static const char *const out_of_reach[] = {
	"/tests/tcp_static", "/tests/tcp_raw",
};

FIXTURE(by_bpf) {
	struct program p;
	const char *refusal;	/* what is said where it cannot be had */
};

/* Asked for by name where it cannot be had, the command does not run. */
static bool refused(const char *why)
{
	const char *text = said("ferryize --method=bpf echo running 2>&1; echo status $?");
	bool plain = !strncmp(text, "ferryize: no BPF: this kernel ", 30) &&
		     strstr(text, why) && strstr(text, "\nstatus 126\n") &&
		     !strstr(text, "running");

	if (!plain)
		printf("# %s\n", text);
	return plain;
}

/* So where there is no hook this is what every case shows. */
FIXTURE_SETUP(by_bpf)
{
	if (ferry() == IPPROTO_TCP)
		SKIP(_exit(255), "nothing to change into");
	own_namespace();
	if (access(KERNEL_BTF, R_OK))
		self->refusal = "(CONFIG_DEBUG_INFO_BTF)";
	else if (run_status("grep -qw update_socket_protocol /proc/kallsyms"))
		self->refusal = "no update_socket_protocol() (Linux 6.6, CONFIG_MPTCP)";
	if (self->refusal)
		ASSERT_TRUE(refused(self->refusal));
}

FIXTURE_TEARDOWN(by_bpf)
{
}

/* No program of ferryize's is attached, and no cgroup of its is there. */
static bool nothing_left(void *arg)
{
	union bpf_attr first = { .start_id = 0 };

	(void)arg;
	return syscall(SYS_bpf, BPF_LINK_GET_NEXT_ID, &first, sizeof(first)) &&
	       !*said("find /sys/fs/cgroup -name 'ferryize.*'");
}

TEST_F(by_bpf, it_is_said_where_the_kernel_cannot)
{
	unsigned int i;

	if (!self->refusal) {
		EXPECT_EQ(0, run_status("ferryize --method=bpf true"));
		return;
	}
	for (i = 0; i < ARRAY_SIZE(out_of_reach); i++) {
		self->p.path = out_of_reach[i];
		EXPECT_TRUE(connects(&self->p, "ferryize", IPPROTO_TCP));
		EXPECT_NE(NULL, strstr(self->p.text, self->refusal));
		EXPECT_NE(NULL, strstr(self->p.text,
				       ": it runs over TCP; what it starts may not\n"));
	}
}

TEST_F(by_bpf, static_programs_and_raw_system_calls_use_ferry)
{
	unsigned int i;

	if (self->refusal)
		return;
	for (i = 0; i < ARRAY_SIZE(out_of_reach); i++) {
		self->p.path = out_of_reach[i];
		EXPECT_TRUE(connects(&self->p, "ferryize", IPPROTO_FERRY));
		EXPECT_EQ(NULL, strstr(self->p.text, "ferryize:"));
		EXPECT_TRUE(listens(&self->p, "ferryize", IPPROTO_FERRY));
		EXPECT_TRUE(connects(&self->p, "ferryize -m preload",
				     IPPROTO_TCP));
	}
	self->p.path = NULL;
	EXPECT_TRUE(connects(&self->p, "ferryize -m bpf", IPPROTO_FERRY));
	EXPECT_TRUE(wait_until(nothing_left, NULL, SOON_MS));
}

TEST_F(by_bpf, a_socket_is_what_the_program_made_it)
{
	struct transcript tcp = { 0 }, ferry = { 0 };

	if (self->refusal)
		return;
	self->p.path = "/tests/tcp_static";
	ASSERT_TRUE(connects(&self->p, "", IPPROTO_TCP));
	note_socket(&tcp, &self->p);
	ASSERT_TRUE(listens(&self->p, "", IPPROTO_TCP));
	note_socket(&tcp, &self->p);
	EXPECT_NE(NULL, strstr(tcp.text, "keepidle 77"));
	EXPECT_TRUE(connects(&self->p, "ferryize", IPPROTO_FERRY));
	note_socket(&ferry, &self->p);
	EXPECT_TRUE(listens(&self->p, "ferryize", IPPROTO_FERRY));
	note_socket(&ferry, &self->p);
	EXPECT_TRUE(same_transcript(&tcp, &ferry));
}

TEST_F(by_bpf, says_what_it_does_when_asked)
{
	if (self->refusal)
		return;
	self->p.path = "/tests/tcp_static";
	EXPECT_TRUE(connects(&self->p, "ferryize -v", IPPROTO_FERRY));
	EXPECT_NE(NULL, strstr(self->p.text,
			       ": what is made in the cgroup /sys/fs/cgroup/ferryize."));
	EXPECT_NE(NULL, strstr(self->p.text, "ferryize: tcp_static["));
	EXPECT_NE(NULL, strstr(self->p.text, "]: a socket is Ferry\n"));
}

/* Two at once, of which each must take its own, and no one else's be taken. */
TEST_F(by_bpf, takes_the_command_and_what_it_starts_alone)
{
	struct program second = { .path = "/tests/tcp_raw" };
	struct addr at = loopback(V4, PORT);
	int fd;

	if (self->refusal)
		return;
	self->p.path = "bash -c '/tests/tcp_static listen 7000; :'";
	start(&self->p, "ferryize -m bpf", "");
	ASSERT_TRUE(read_until(&self->p, "ready"));
	fd = open_socket(V4, IPPROTO_TCP);
	EXPECT_EQ(IPPROTO_TCP, get_int(fd, SOL_SOCKET, SO_PROTOCOL));
	close(fd);
	EXPECT_TRUE(connects(&second, "", IPPROTO_TCP));
	start(&second, "ferryize -m bpf", "connect 127.0.0.1");
	EXPECT_TRUE(finish(&second, "hello, protocol 253\n"));
	EXPECT_TRUE(finish(&self->p, "hello, protocol 253\n"));
	EXPECT_GT(0, dial(&at, IPPROTO_FERRY));
	EXPECT_TRUE(wait_until(nothing_left, NULL, SOON_MS));
}

/* A daemon opens its socket when the command has long ended. */
TEST_F(by_bpf, lasts_as_long_as_what_the_command_has_left)
{
	struct addr at = loopback(V4, PORT);
	siginfo_t ended;
	int fd;

	if (self->refusal)
		return;
	unlink("/tmp/go");
	ASSERT_EQ(0, mkfifo("/tmp/go", 0600));
	self->p.path = "bash -c '{ read x </tmp/go; exec /tests/tcp_static listen 7000; } & :'";
	start(&self->p, "exec ferryize -m bpf", "");
	ASSERT_EQ(0, waitid(P_ALL, 0, &ended, WEXITED | WNOWAIT));
	EXPECT_FALSE(nothing_left(NULL));
	write_file("/tmp/go", "\n");
	ASSERT_TRUE(read_until(&self->p, "ready"));
	fd = dial(&at, IPPROTO_FERRY);
	ASSERT_LE(0, fd);
	EXPECT_TRUE(answer(fd));
	EXPECT_TRUE(finish(&self->p, "hello, protocol 253\n"));
	EXPECT_TRUE(wait_until(nothing_left, NULL, SOON_MS));
}

/* Who reads what a command prints to its end does not wait for its daemons. */
TEST_F(by_bpf, holds_nothing_open_that_is_the_commands)
{
	pid_t daemon;

	if (self->refusal)
		return;
	daemon = atoi(said("ferryize -m bpf bash -c 'sleep 1000 &>/dev/null & echo $!' 2>&1"));
	ASSERT_LT(1, daemon);
	EXPECT_FALSE(nothing_left(NULL));
	EXPECT_EQ(0, kill(daemon, SIGKILL));
	EXPECT_TRUE(wait_until(nothing_left, NULL, SOON_MS));
}

static bool fetched(void *options)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "%s busybox wget -q -O - http://127.0.0.1:%d/tcp_static | cmp - /tests/tcp_static 2>&1 && echo the same",
		 (char *)options, PORT);
	return !strcmp(said(command), "the same\n");
}

TEST_F(by_bpf, a_web_server_and_its_client_are_static)
{
	FILE *server;

	if (self->refusal)
		return;
	server = popen("exec ferryize busybox httpd -f -p 127.0.0.1:7000 -h /tests & echo $!; wait",
		       "re");
	ASSERT_NE(NULL, server);
	ASSERT_NE(NULL, fgets(self->p.text, sizeof(self->p.text), server));
	EXPECT_TRUE(wait_until(fetched, "ferryize", SOON_MS));
	EXPECT_FALSE(fetched(""));
	EXPECT_EQ(0, kill(atoi(self->p.text), SIGTERM));
	pclose(server);
	EXPECT_TRUE(wait_until(nothing_left, NULL, SOON_MS));
}

/* Signals, waiting and the exit status need nobody between. */
TEST_F(by_bpf, becomes_the_command)
{
	char pid[32];

	if (self->refusal)
		return;
	snprintf(pid, sizeof(pid), "%d\n", getpid());
	EXPECT_STREQ(pid, said("exec ferryize -m bpf bash -c 'echo $PPID'"));
	EXPECT_EQ(3, run_status("ferryize -m bpf bash -c exit\t3"));
	EXPECT_EQ(127, run_status("ferryize -m bpf nosuchprogram"));
	EXPECT_TRUE(wait_until(nothing_left, NULL, SOON_MS));
}

TEST_F(by_bpf, says_what_it_lacks)
{
	static const struct {
		const char *how, *what;
	} lacks[] = {
		{ "setpriv --reuid=65534 --clear-groups ferryize",
		  "no BPF: it takes the capabilities CAP_BPF and CAP_PERFMON" },
		{ "mount -t tmpfs none /sys/kernel/btf; ferryize",
		  "(CONFIG_DEBUG_INFO_BTF)" },
		{ "umount /sys/fs/cgroup; ferryize",
		  "no BPF: there are no cgroups here (no cgroup2 is mounted)" },
		{ "mount -o remount,bind,ro /sys/fs/cgroup; ferryize",
		  "no BPF: cannot make a cgroup in /sys/fs/cgroup: Read-only file system" },
	};
	char command[256];
	unsigned int i;

	if (self->refusal)
		return;
	for (i = 0; i < ARRAY_SIZE(lacks); i++) {
		snprintf(command, sizeof(command),
			 "unshare -m sh -c '%s -m bpf true' 2>&1",
			 lacks[i].how);
		EXPECT_NE(NULL, strstr(said(command), lacks[i].what)) {
			TH_LOG("%s: %s", lacks[i].how, said(command));
		}
	}
	EXPECT_TRUE(nothing_left(NULL));
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
