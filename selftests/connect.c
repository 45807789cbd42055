// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way in which a connect() ends: connected, refused, unreachable, timed
 * out, while the caller blocks and while it polls.  Each scenario runs over
 * TCP and over Ferry, and what a program can see must be the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "ktest.h"
#include "lib.h"

FIXTURE(connect) {
	struct transcript log[2];
};

FIXTURE_VARIANT(connect) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(connect, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(connect, v6) { .fam = V6 };
FIXTURE_VARIANT_ADD(connect, mapped) { .fam = MAPPED };

FIXTURE_SETUP(connect)
{
	own_namespace();
}

FIXTURE_TEARDOWN(connect)
{
}

/* An address at which nobody listens, because we have just left it. */
static struct addr vacant(enum family fam, int proto)
{
	struct addr at = loopback(fam, 0);

	close(listen_at(&at, proto, 1));
	return at;
}

TEST_F(connect, nobody_listens_blocking)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct addr at = vacant(variant->fam, proto_of(i));
		int fd = open_socket(variant->fam, proto_of(i));

		ASSERT_EQ(-1, connect(fd, &at.sa, at.len));
		EXPECT_STREQ("ECONNREFUSED", errno_name(errno));
		note_poll(t, "after", fd, 0);
		note_so_error(t, fd);
		note_ret(t, "send", send(fd, "x", 1, MSG_NOSIGNAL));
		note_ret(t, "recv", recv(fd, t, 1, MSG_DONTWAIT));
		note_ret(t, "getpeername",
			 getpeername(fd, &at.sa, &at.len));
		note_ret(t, "second connect", connect(fd, &at.sa, at.len));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(connect, nobody_listens_nonblocking)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct addr at = vacant(variant->fam, proto_of(i));
		int fd = open_socket(variant->fam, proto_of(i));

		set_nonblocking(fd, true);
		note_poll(t, "before", fd, 0);
		note_ret(t, "connect", connect(fd, &at.sa, at.len));
		note_poll(t, "after", fd, POLLERR | POLLHUP);
		EXPECT_EQ(ECONNREFUSED, get_int(fd, SOL_SOCKET, SO_ERROR));
		note_so_error(t, fd);
		note_poll(t, "once the error was read", fd, 0);
		note_ret(t, "recv", recv(fd, &i, 0, 0));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(connect, second_connect_reports_the_failure)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct addr at = vacant(variant->fam, proto_of(i));
		int fd = open_socket(variant->fam, proto_of(i));

		set_nonblocking(fd, true);
		note_ret(t, "connect", connect(fd, &at.sa, at.len));
		wait_for_all(fd, POLLERR, SOON_MS);
		note_ret(t, "second", connect(fd, &at.sa, at.len));
		note_ret(t, "third", connect(fd, &at.sa, at.len));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(connect, succeeds_nonblocking)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct addr at = loopback(variant->fam, 0);
		int l = listen_at(&at, proto_of(i), 1);
		int fd = open_socket(variant->fam, proto_of(i));

		set_nonblocking(fd, true);
		note_ret(t, "connect", connect(fd, &at.sa, at.len));
		note_poll(t, "after", fd, POLLOUT);
		EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ERROR));
		note_ret(t, "second", connect(fd, &at.sa, at.len));
		note_ret(t, "third", connect(fd, &at.sa, at.len));
		EXPECT_STREQ("EISCONN", errno_name(errno));
		note_poll(t, "listener", l, POLLIN);
		close(accept_one(l));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(connect, names_of_sockets_in_every_stage)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct addr at = loopback(variant->fam, 0);
		struct addr name = { .len = sizeof(name.v6) };
		int l = listen_at(&at, proto_of(i), 1);
		int fd = open_socket(variant->fam, proto_of(i));
		int wildcard = open_socket(variant->fam, proto_of(i));

		name = local_addr(fd);
		note(t, "unbound: %s", addr_text(&name));
		note_ret(t, "getpeername before",
			 getpeername(fd, &name.sa, &name.len));
		EXPECT_STREQ("ENOTCONN", errno_name(errno));

		name = any(variant->fam, 0);
		note_ret(t, "bind", bind(fd, &name.sa, name.len));
		name = local_addr(fd);
		EXPECT_NE(0, port_of(&name));
		note_ret(t, "bind twice", bind(fd, &name.sa, name.len));

		ASSERT_EQ(0, connect(fd, &at.sa, at.len));
		EXPECT_EQ(port_of(&name), ({ name = local_addr(fd);
					     port_of(&name); }));
		note(t, "bound then connected: family %d len %d",
		     name.sa.sa_family, name.len);
		name = remote_addr(fd);
		EXPECT_STREQ(addr_text(&at), addr_text(&name));

		/* "::" means ::1 to connect(), never 127.0.0.1. */
		name = any(variant->fam, port_of(&at));
		note_ret(t, "connect to the wildcard address",
			 connect(wildcard, &name.sa, name.len));
		if (variant->fam != MAPPED) {
			name = remote_addr(wildcard);
			EXPECT_STREQ(addr_text(&at), addr_text(&name));
		}

		note_ret(t, "getpeername of a listener",
			 getpeername(l, &name.sa, &name.len));
		note_ret(t, "connect of a listener",
			 connect(l, &at.sa, at.len));
		note_ret(t, "listen when connected", listen(fd, 1));
		note_ret(t, "accept when connected", accept(fd, NULL, NULL));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(connect, addresses_that_make_no_sense)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct addr at = loopback(variant->fam, 1);
		int fd = open_socket(variant->fam, proto_of(i));

		note_ret(t, "too short", connect(fd, &at.sa, 3));
		note_ret(t, "much too short", connect(fd, &at.sa, 1));
		note_ret(t, "negative length",
			 connect(fd, &at.sa, (socklen_t)-1));
		at.sa.sa_family = AF_UNIX;
		note_ret(t, "wrong family", connect(fd, &at.sa, at.len));
		note_ret(t, "bind, wrong family", bind(fd, &at.sa, at.len));
		note_ret(t, "bind, too short", bind(fd, &at.sa, 3));
		at = variant->fam == V4 ? addr_of("224.0.0.1", 9) :
		     variant->fam == V6 ? addr_of("ff02::1", 9) :
					  addr_of("::ffff:224.0.0.1", 9);
		note_ret(t, "multicast", connect(fd, &at.sa, at.len));
		at = variant->fam == V4 ? addr_of("255.255.255.255", 9) :
		     variant->fam == V6 ? addr_of("fe80::1", 9) :
					  addr_of("::ffff:255.255.255.255", 9);
		note_ret(t, "broadcast or no scope",
			 connect(fd, &at.sa, at.len));
		at = variant->fam == V4 ? addr_of("192.0.2.1", 0) :
		     variant->fam == V6 ? addr_of("2001:db8::1", 0) :
					  addr_of("::ffff:192.0.2.1", 0);
		note_ret(t, "bind to a stranger's address",
			 bind(fd, &at.sa, at.len));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* RFC 2133 had an address without a scope; then there is none. */
static void without_scope(struct transcript *t, int proto)
{
	struct addr at = addr_of("fe80::1", 9);
	int fd[2], i;

	/* The first leaves its scope where the kernel reads the second. */
	at.v6.sin6_scope_id = 1;
	for (i = 0; i < 2; i++) {
		fd[i] = open_socket(V6, proto);
		set_nonblocking(fd[i], true);
		note_ret(t, "connect", connect(fd[i], &at.sa, at.len));
		note(t, "bound to device %d",
		     get_int(fd[i], SOL_SOCKET, SO_BINDTOIFINDEX));
		at.len = offsetof(struct sockaddr_in6, sin6_scope_id);
	}
	/* Where no scope is needed, this is an address. */
	at = loopback(V6, 9);
	at.len = offsetof(struct sockaddr_in6, sin6_scope_id);
	note_ret(t, "to itself", connect(fd[1], &at.sa, at.len));
	close(fd[0]);
	close(fd[1]);
}

TEST(link_without_a_scope)
{
	own_namespace();
	EXPECT_TRUE(same_play(without_scope,
			      "connect: -1 EINVAL\nbound to device 0\n"));
}

/* Addresses that no other test uses, one for each thing a route can say. */
static struct addr documentation(enum family fam, int subnet)
{
	char text[40];

	snprintf(text, sizeof(text), fam == V4 ? "198.51.%d.1" :
		 fam == V6 ? "2001:db8:%d::1" : "::ffff:198.51.%d.1", subnet);
	return addr_of(text, 9);
}

TEST_F(connect, no_route_at_all)
{
	struct addr at = documentation(variant->fam, 1);
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(-1, dial(&at, proto_of(i)));
		note_ret(&self->log[i], "connect", -1);
		EXPECT_STREQ("ENETUNREACH", errno_name(errno));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(connect, route_says_no)
{
	static const char * const types[] = {
		"unreachable", "prohibit", "blackhole", "throw",
	};
	unsigned int k;
	int i;

	for (k = 0; k < ARRAY_SIZE(types); k++) {
		struct addr at = documentation(variant->fam, k);

		if (variant->fam == V6)
			run("ip -6 route add %s 2001:db8:%u::/48", types[k],
			    k);
		else
			run("ip route add %s 198.51.%u.0/24", types[k], k);
		for (i = 0; i < 2; i++) {
			int ret = dial(&at, proto_of(i));

			ASSERT_EQ(-1, ret);
			if (!k)
				EXPECT_STREQ("EHOSTUNREACH",
					     errno_name(errno));
			note_ret(&self->log[i], types[k], ret);
		}
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

static void note_name(struct transcript *t, const char *what, int fd)
{
	struct addr name = local_addr(fd);

	note(t, "%s: %s", what, addr_text(&name));
}

/* The one port there is leads to a peer already, and so not there again. */
static void without_port(struct transcript *t, int proto, enum family fam)
{
	struct addr at = loopback(fam, 7001), mine = loopback(fam, 0);
	int l = listen_at(&at, proto, 3), fd[3], i;

	for (i = 0; i < 3; i++) {
		fd[i] = open_socket(fam, proto);
		if (i == 2) {
			set_int(fd[i], SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1);
			note_ret(t, "bind", bind(fd[i], &mine.sa, mine.len));
		}
		note_ret(t, "connect", connect(fd[i], &at.sa, at.len));
		note_name(t, "name", fd[i]);
	}
	abort_connection(fd[0]);
	for (i = 1; i < 3; i++) {
		note_ret(t, "again", connect(fd[i], &at.sa, at.len));
		note_name(t, "name", fd[i]);
		abort_connection(fd[i]);
	}
	close(l);
}

TEST_F(connect, no_port_left)
{
	int i;

	write_file("/proc/sys/net/ipv4/ip_local_port_range", "40000 40000");
	for (i = 0; i < 2; i++)
		without_port(&self->log[i], proto_of(i), variant->fam);
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
	EXPECT_NE(NULL, strstr(self->log[0].text, "EADDRNOTAVAIL"));
}

/* A rule about the port counts, too, if connect() is to choose the port. */
TEST_F(connect, rule_says_no)
{
	struct addr at = documentation(variant->fam, 9);
	const char *to = variant->fam == V6 ? "2001:db8:9::/48" :
					      "198.51.9.0/24";
	const char *six = variant->fam == V6 ? "-6 " : "";
	int i, fd;

	run("ip %sroute add %s dev lo", six, to);
	run("ip %srule add pref 100 to %s sport 1-65534 prohibit", six, to);
	for (i = 0; i < 2; i++) {
		fd = open_socket(variant->fam, proto_of(i));
		set_nonblocking(fd, true);
		note_ret(&self->log[i], "connect",
			 connect(fd, &at.sa, at.len));
		note_poll(&self->log[i], "after", fd, 0);
		close(fd);
	}
	if (variant->fam != V6)
		EXPECT_NE(NULL, strstr(self->log[0].text, "EACCES"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* This process's cgroup has a program that refuses every connect(). */
static void refuse_connect(int cgroup, int type)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int program = load_program(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, type, code,
				   ARRAY_SIZE(code));
	union bpf_attr attach = {
		.target_fd = cgroup,
		.attach_bpf_fd = program,
		.attach_type = type,
	};

	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)))
		die("program at a cgroup: %s", errno_name(errno));
	close(program);
}

TEST_F(connect, program_of_the_cgroup_says_no)
{
	struct addr at = loopback(variant->fam, 0);
	char dir[] = "/tmp/cgroup.XXXXXX", path[100];
	int i, cgroup;

	if (!mkdtemp(dir) || mount("none", dir, "cgroup2", 0, NULL))
		die("cgroup2: %s", errno_name(errno));
	snprintf(path, sizeof(path), "%s/ferry", dir);
	mkdir(path, 0755);
	cgroup = open(path, O_RDONLY | O_DIRECTORY);
	refuse_connect(cgroup, BPF_CGROUP_INET4_CONNECT);
	refuse_connect(cgroup, BPF_CGROUP_INET6_CONNECT);
	snprintf(path, sizeof(path), "%s/ferry/cgroup.procs", dir);
	write_file(path, "0");
	for (i = 0; i < 2; i++) {
		listen_at(&at, proto_of(i), 1);
		note_ret(&self->log[i], "connect", dial(&at, proto_of(i)));
		note_ret(&self->log[i], "too short",
			 connect(open_socket(variant->fam, proto_of(i)),
				 &at.sa, 8));
	}
	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	write_file(path, "0");
	umount2(dir, MNT_DETACH);
	EXPECT_NE(NULL, strstr(self->log[0].text, "EPERM"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

FIXTURE(nobody_home) {
	struct hosts hosts;
	struct transcript log[2];
	struct addr to;
};

FIXTURE_VARIANT(nobody_home) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(nobody_home, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(nobody_home, v6) { .fam = V6 };

/*
 * An address on the link that has a neighbour entry and no owner: what is
 * sent there leaves, and nothing comes back.
 */
FIXTURE_SETUP(nobody_home)
{
	const char *text = variant->fam == V4 ? "10.0.0.9" : "fd00::9";

	hosts_make(&self->hosts, 1500);
	hosts_enter(&self->hosts, 0);
	run("ip neighbour add %s lladdr 02:00:00:00:00:09 dev " LINK
	    " nud permanent", text);
	self->to = addr_of(text, 9);
}

FIXTURE_TEARDOWN(nobody_home)
{
}

TEST_F(nobody_home, blocking_connect_times_out)
{
	long long took[2];
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		int fd = open_socket_for(&self->to, proto_of(i));

		/* One repetition: gives up after 1 + 2 seconds. */
		set_int(fd, SOL_TCP, TCP_SYNCNT, 1);
		took[i] = ticked_ms();
		ASSERT_EQ(-1, connect(fd, &self->to.sa, self->to.len));
		EXPECT_STREQ("ETIMEDOUT", errno_name(errno));
		took[i] = ticked_ms() - took[i];
		note_poll(t, "after", fd, 0);
		note_so_error(t, fd);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
	EXPECT_LE(2900, took[1]);
	EXPECT_GE(took[0] + 1000 * slowness(), took[1])
		TH_LOG("TCP gave up after %lld ms, Ferry after %lld ms",
		       took[0], took[1]);
	EXPECT_LE(took[0] - 1000 * slowness(), took[1])
		TH_LOG("TCP gave up after %lld ms, Ferry after %lld ms",
		       took[0], took[1]);
}

TEST_F(nobody_home, nonblocking_connect_times_out)
{
	int fd[2];
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];

		fd[i] = open_socket_for(&self->to, proto_of(i));
		set_int(fd[i], SOL_TCP, TCP_SYNCNT, 1);
		set_nonblocking(fd[i], true);
		note_ret(t, "connect",
			 connect(fd[i], &self->to.sa, self->to.len));
		EXPECT_STREQ("EINPROGRESS", errno_name(errno));
		note_poll(t, "during", fd[i], 0);
		note_ret(t, "second connect",
			 connect(fd[i], &self->to.sa, self->to.len));
		EXPECT_STREQ("EALREADY", errno_name(errno));
		note_ret(t, "send", send(fd[i], "x", 1, MSG_NOSIGNAL));
		note_ret(t, "recv", recv(fd[i], t, 1, 0));
	}
	for (i = 0; i < 2; i++) {
		/* TCP tells of the error before all the rest is as it will be. */
		note_poll(&self->log[i], "after", fd[i],
			  POLLERR | POLLHUP | POLLRDHUP);
		EXPECT_EQ(ETIMEDOUT, get_int(fd[i], SOL_SOCKET, SO_ERROR));
		note_poll(&self->log[i], "once read", fd[i], 0);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(nobody_home, user_timeout_ends_a_connect)
{
	int i;

	for (i = 0; i < 2; i++) {
		int fd = open_socket_for(&self->to, proto_of(i));

		set_int(fd, SOL_TCP, TCP_USER_TIMEOUT, 1500);
		ASSERT_EQ(-1, connect(fd, &self->to.sa, self->to.len));
		EXPECT_STREQ("ETIMEDOUT", errno_name(errno))
			TH_LOG("over %s", proto_name(proto_of(i)));
	}
}

TEST_F(nobody_home, send_timeout_ends_a_blocking_connect)
{
	struct timeval tv = { .tv_usec = 300000 };
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		int fd = open_socket_for(&self->to, proto_of(i));

		ASSERT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv,
					sizeof(tv)));
		note_ret(t, "connect",
			 connect(fd, &self->to.sa, self->to.len));
		EXPECT_STREQ("EINPROGRESS", errno_name(errno));
		note_ret(t, "second connect",
			 connect(fd, &self->to.sa, self->to.len));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_F(nobody_home, close_during_connect_is_quiet)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		int fd = open_socket_for(&self->to, proto_of(i));

		set_nonblocking(fd, true);
		note_ret(t, "connect",
			 connect(fd, &self->to.sa, self->to.len));
		note_ret(t, "shutdown", shutdown(fd, SHUT_RDWR));
		note_poll(t, "after shutdown", fd, 0);
		note_ret(t, "close", close(fd));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_HARNESS_MAIN
