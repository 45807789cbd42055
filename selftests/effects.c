// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options at the levels SOL_SOCKET, IPPROTO_IP and IPPROTO_IPV6, by what they
 * do.  Each scenario runs over TCP and over Ferry, and both must say the same.
 *
 * What a sender's option changes in its packets is seen by a filter at the
 * receiver, which takes nothing else: so nothing comes before the option is
 * set, and what was held back comes after.
 */
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

/* For a descriptor whose owner has no privilege. */
#define NOBODY 65534

static void note_set(struct transcript *t, const char *what, int fd, int level,
		     int option, int value)
{
	socklen_t len = sizeof(value);

	note(t, "%s %d", what, value);
	note_ret(t, "   set", setsockopt(fd, level, option, &value,
					 sizeof(value)));
	note_ret(t, "   get", getsockopt(fd, level, option, &value, &len));
	note(t, "   value %d", value);
}

/* One option of a sender, and who sees it. */
struct visible {
	const char *name;
	enum family fam;
	int level;
	int option;
	int value;
	/* A receiver's option that asks for it; or what a filter looks at. */
	int asks_level;
	int asks_option;
	int asks_value;
	__u32 load;		/* an instruction's code */
	__u32 at;
	__u32 mask;
	__u32 is;
};

static const struct visible visible[] = {
	{ .name = "IP_TTL", .fam = V4, .level = IPPROTO_IP, .option = IP_TTL,
	  .value = 77, .load = BPF_LD | BPF_B | BPF_ABS, .at = SKF_NET_OFF + 8,
	  .mask = 0xff, .is = 77 },
	{ .name = "IP_TOS", .fam = V4, .level = IPPROTO_IP, .option = IP_TOS,
	  .value = 0x2b, .load = BPF_LD | BPF_B | BPF_ABS,
	  .at = SKF_NET_OFF + 1, .mask = 0xff, .is = 0x28 },
	{ .name = "IP_MTU_DISCOVER", .fam = V4, .level = IPPROTO_IP,
	  .option = IP_MTU_DISCOVER, .value = IP_PMTUDISC_DONT,
	  .load = BPF_LD | BPF_B | BPF_ABS, .at = SKF_NET_OFF + 6,
	  .mask = 0x40, .is = 0 },
	{ .name = "IPV6_TCLASS", .fam = V6, .level = IPPROTO_IPV6,
	  .option = IPV6_TCLASS, .value = 0x48,
	  .load = BPF_LD | BPF_W | BPF_ABS, .at = SKF_NET_OFF,
	  .mask = 0x0ff00000, .is = 0x04800000 },
	{ .name = "IPV6_UNICAST_HOPS", .fam = V6, .level = IPPROTO_IPV6,
	  .option = IPV6_UNICAST_HOPS, .value = 78,
	  .load = BPF_LD | BPF_B | BPF_ABS, .at = SKF_NET_OFF + 7,
	  .mask = 0xff, .is = 78 },
	{ .name = "SO_MARK", .fam = V4, .level = SOL_SOCKET, .option = SO_MARK,
	  .value = 1234, .load = BPF_LD | BPF_W | BPF_ABS,
	  .at = SKF_AD_OFF + SKF_AD_MARK, .mask = ~0U, .is = 1234 },
	{ .name = "IP_MINTTL", .fam = V4, .level = IPPROTO_IP,
	  .option = IP_TTL, .value = 250, .asks_level = IPPROTO_IP,
	  .asks_option = IP_MINTTL, .asks_value = 250 },
	{ .name = "IPV6_MINHOPCOUNT", .fam = V6, .level = IPPROTO_IPV6,
	  .option = IPV6_UNICAST_HOPS, .value = 251,
	  .asks_level = IPPROTO_IPV6, .asks_option = IPV6_MINHOPCOUNT,
	  .asks_value = 250 },
};

static void ask(struct transcript *t, const struct visible *v, int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(v->load, v->at),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, v->mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v->is, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ~0U),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	if (v->asks_option)
		note_set(t, v->name, fd, v->asks_level, v->asks_option,
			 v->asks_value);
	else
		note_ret(t, v->name,
			 setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
				    sizeof(program)));
}

static void in_packets(struct transcript *t, int proto)
{
	const struct visible *v;
	unsigned int i;
	char buf[8];
	int fd[2];

	for (i = 0; i < ARRAY_SIZE(visible); i++) {
		v = &visible[i];
		connected_pair(v->fam, proto, fd);
		ask(t, v, fd[1]);
		note_ret(t, "send", send(fd[0], "text", 4, 0));
		note(t, "nothing comes: %s",
		     poll_name(wait_for(fd[1], POLLIN, 50)));
		note_set(t, "option", fd[0], v->level, v->option, v->value);
		note_poll(t, "comes", fd[1], POLLIN);
		note_ret(t, "recv", recv(fd[1], buf, sizeof(buf),
					 MSG_DONTWAIT));
		close(fd[0]);
		close(fd[1]);
	}
}

TEST(what_packets_carry)
{
	own_namespace();
	EXPECT_TRUE(same_play(in_packets, "recv: 4"));
}

/* The same of a listener's SYN-ACK, if the client asks before connect(). */
static void in_handshake(struct transcript *t, int proto)
{
	const struct visible *v;
	unsigned int i;
	struct addr at;
	int fd, l;

	for (i = 0; i < ARRAY_SIZE(visible); i++) {
		v = &visible[i];
		/* A SYN-ACK is too small for a router to cut it. */
		if (v->level == IPPROTO_IP && v->option == IP_MTU_DISCOVER)
			continue;
		at = loopback(v->fam, 0);
		l = listen_at(&at, proto, 1);
		fd = open_socket(v->fam, proto);
		ask(t, v, fd);
		note_set(t, "option", l, v->level, v->option, v->value);
		note_opens(t, fd, &at);
		close(fd);
		close(l);
	}
}

/* RFC 5082 is one use of it. */
TEST(what_a_handshake_carries)
{
	own_namespace();
	EXPECT_TRUE(same_play(in_handshake, "opens: OUT"));
}

/* A SYN-ACK with destination options, which are padding. */
static void with_options(struct transcript *t, int proto)
{
	static const struct visible dstopts = {
		.name = "IPV6_DSTOPTS", .load = BPF_LD | BPF_B | BPF_ABS,
		.at = SKF_NET_OFF + 6, .mask = 0xff, .is = IPPROTO_DSTOPTS,
	};
	static const __u8 padding[8] = { 0, 0, 1, 4 };
	struct addr at = loopback(V6, 0);
	int l = listen_at(&at, proto, 1), fd = open_socket(V6, proto);

	ask(t, &dstopts, fd);
	note_ret(t, "set", setsockopt(l, IPPROTO_IPV6, IPV6_DSTOPTS, padding,
				      sizeof(padding)));
	note_opens(t, fd, &at);
	close(fd);
	close(l);
}

TEST(ipv6_options_of_a_handshake)
{
	EXPECT_TRUE(same_play(with_options, "opens: OUT"));
}

/* Whoever sees a number must not learn how many packets were sent before. */
static void identified(struct transcript *t, int proto)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_NET_OFF + 4),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 20, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ~0U),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };
	static const enum family fams[] = { V4, MAPPED };
	int fd, l, other;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fams); i++) {
		struct addr at = loopback(fams[i], 0);

		l = listen_at(&at, proto, 1);
		fd = open_socket(fams[i], proto);
		setsockopt(l, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			   sizeof(program));
		note_opens(t, fd, &at);
		other = wait_for(l, POLLIN, SOON_MS) ? accept_one(l) : -1;
		setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			   sizeof(program));
		note_ret(t, "send", send(other, "text", 4, 0));
		note_poll(t, "comes", fd, POLLIN);
		close(other);
		close(fd);
		close(l);
	}
}

TEST(identification_does_not_count_from_zero)
{
	EXPECT_TRUE(same_play(identified, "comes: IN"));
}

static int only_with_priority(__u32 priority)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_2,
		  .src_reg = BPF_REG_1,
		  .off = offsetof(struct __sk_buff, priority) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0,
		  .imm = 0 },
		{ .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_2,
		  .off = 1, .imm = priority },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0,
		  .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load_program(BPF_PROG_TYPE_SOCKET_FILTER, 0, code,
			    ARRAY_SIZE(code));
}

/* A program at the receiver takes what has this priority alone. */
static void prioritized(struct transcript *t, int proto)
{
	int program = only_with_priority(5), fd[2], on = 1;
	char buf[8];

	connected_pair(V4, proto, fd);
	note(t, "loaded %d", program >= 0);
	note_ret(t, "SO_ATTACH_BPF",
		 setsockopt(fd[1], SOL_SOCKET, SO_ATTACH_BPF, &program,
			    sizeof(program)));
	note_ret(t, "send", send(fd[0], "text", 4, 0));
	note(t, "nothing comes: %s", poll_name(wait_for(fd[1], POLLIN, 50)));
	note_set(t, "SO_PRIORITY", fd[0], SOL_SOCKET, SO_PRIORITY, 5);
	note_poll(t, "comes", fd[1], POLLIN);
	note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT));
	note_ret(t, "SO_DETACH_BPF",
		 setsockopt(fd[1], SOL_SOCKET, SO_DETACH_BPF, &on, sizeof(on)));
	note_ret(t, "again", setsockopt(fd[1], SOL_SOCKET, SO_DETACH_BPF, &on,
					sizeof(on)));
	note_ret(t, "not a program",
		 setsockopt(fd[1], SOL_SOCKET, SO_ATTACH_BPF, &fd[0],
			    sizeof(fd[0])));
	close(program);
	close(fd[0]);
	close(fd[1]);
}

TEST(priority_and_attached_program)
{
	EXPECT_TRUE(same_play(prioritized, "recv: 4"));
}

/* The same of a SYN-ACK. */
static void prioritized_handshake(struct transcript *t, int proto)
{
	static const enum family fams[] = { V4, V6 };
	int program = only_with_priority(5);
	unsigned int i;
	int fd, l;

	for (i = 0; i < ARRAY_SIZE(fams); i++) {
		struct addr at = loopback(fams[i], 0);

		l = listen_at(&at, proto, 1);
		fd = open_socket(fams[i], proto);
		note_set(t, "SO_PRIORITY", l, SOL_SOCKET, SO_PRIORITY, 5);
		note_ret(t, "SO_ATTACH_BPF",
			 setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program,
				    sizeof(program)));
		note_opens(t, fd, &at);
		close(fd);
		close(l);
	}
	close(program);
}

TEST(priority_of_a_handshake)
{
	EXPECT_TRUE(same_play(prioritized_handshake, "opens: OUT"));
}

/* A filter decides about segments: one that refuses all stops the stream. */
static void filtered(struct transcript *t, int proto)
{
	struct sock_filter code[1] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { 1, code };
	int fd[2], on = 1;
	char buf[8];

	connected_pair(V4, proto, fd);
	note_ret(t, "refuse all",
		 setsockopt(fd[1], SOL_SOCKET, SO_ATTACH_FILTER, &program,
			    sizeof(program)));
	note_ret(t, "send", send(fd[0], "text", 4, 0));
	note(t, "nothing comes: %d", wait_for(fd[1], POLLIN, 50));
	code[0].k = ~0U;
	note_ret(t, "take all",
		 setsockopt(fd[1], SOL_SOCKET, SO_ATTACH_FILTER, &program,
			    sizeof(program)));
	note_ret(t, "comes again", recv(fd[1], buf, sizeof(buf), 0));
	note_ret(t, "lock", setsockopt(fd[1], SOL_SOCKET, SO_LOCK_FILTER, &on,
				       sizeof(on)));
	note_ret(t, "detach", setsockopt(fd[1], SOL_SOCKET, SO_DETACH_FILTER,
					 &on, sizeof(on)));
	close(fd[0]);
	close(fd[1]);
}

TEST(socket_filter)
{
	EXPECT_TRUE(same_play(filtered, "comes again: 4"));
}

/* Numbers that are anybody's, but must be steady and not zero. */
static void identity(struct transcript *t, int proto)
{
	unsigned long long cookie[3];
	int fd[2], i, cpu;

	connected_pair(V4, proto, fd);
	for (i = 0; i < 3; i++) {
		socklen_t len = sizeof(cookie[0]);

		note_ret(t, "SO_COOKIE",
			 getsockopt(fd[i / 2], SOL_SOCKET, SO_COOKIE,
				    &cookie[i], &len));
	}
	note(t, "cookies %d %d", cookie[0] && cookie[0] == cookie[1],
	     cookie[0] != cookie[2]);
	if (send(fd[0], "x", 1, 0) != 1)
		die("send");
	wait_for(fd[1], POLLIN, SOON_MS);
	cpu = get_int(fd[1], SOL_SOCKET, SO_INCOMING_CPU);
	note(t, "processor %d", cpu >= 0 && cpu < sysconf(_SC_NPROCESSORS_CONF));
	note_set(t, "SO_INCOMING_CPU", fd[1], SOL_SOCKET, SO_INCOMING_CPU, 0);
	note_set(t, "SO_BUSY_POLL", fd[1], SOL_SOCKET, SO_BUSY_POLL, 50);
	note_ret(t, "recv", recv(fd[1], &i, 1, 0));
	note_ret(t, "recv", recv(fd[1], &i, 1, MSG_DONTWAIT));
	close(fd[0]);
	close(fd[1]);
}

TEST(cookie_processor_and_busy_poll)
{
	EXPECT_TRUE(same_play(identity, "cookies 1 1"));
}

/* What only who may administer the network may set. */
static void privileged(struct transcript *t, int proto)
{
	int fd = open_socket(V4, proto);
	int own;

	for (own = 1; own >= 0; own--) {
		note(t, own ? "with privilege" : "without");
		if (!own && seteuid(NOBODY))
			die("seteuid");
		note_set(t, "SO_SNDBUF", fd, SOL_SOCKET, SO_SNDBUF, 1 << 26);
		note_set(t, "SO_RCVBUF", fd, SOL_SOCKET, SO_RCVBUF, 1 << 26);
		note_set(t, "SO_SNDBUFFORCE", fd, SOL_SOCKET, SO_SNDBUFFORCE,
			 1 << 26);
		note(t, "   SO_SNDBUF %d", get_int(fd, SOL_SOCKET, SO_SNDBUF));
		note_set(t, "SO_RCVBUFFORCE", fd, SOL_SOCKET, SO_RCVBUFFORCE,
			 1 << 26);
		note(t, "   SO_RCVBUF %d", get_int(fd, SOL_SOCKET, SO_RCVBUF));
		note_set(t, "SO_SNDBUF", fd, SOL_SOCKET, SO_SNDBUF, -1);
		note_set(t, "SO_RCVBUF", fd, SOL_SOCKET, SO_RCVBUF, 0);
		note_set(t, "SO_MARK", fd, SOL_SOCKET, SO_MARK, 1 + own);
		note_set(t, "SO_PRIORITY", fd, SOL_SOCKET, SO_PRIORITY,
			 6 - own);
		note_set(t, "SO_PRIORITY", fd, SOL_SOCKET, SO_PRIORITY,
			 7 + own);
		note_set(t, "SO_BUSY_POLL", fd, SOL_SOCKET, SO_BUSY_POLL,
			 100 - own);
		note_set(t, "IP_TRANSPARENT", fd, IPPROTO_IP, IP_TRANSPARENT,
			 own);
	}
	if (seteuid(0))
		die("seteuid");
	close(fd);
}

TEST(buffers_and_what_needs_privilege)
{
	EXPECT_TRUE(same_play(privileged, "EPERM"));
}

/* Less than SO_RCVLOWAT is not readable, and a read waits for it. */
static void lowat(struct transcript *t, int proto)
{
	struct timeval bound = { .tv_usec = 20000 };
	char buf[200] = "";
	int fd[2];

	connected_pair(V6, proto, fd);
	note_set(t, "SO_RCVLOWAT", fd[1], SOL_SOCKET, SO_RCVLOWAT, 100);
	note_ret(t, "send", send(fd[0], buf, 99, 0));
	note(t, "too little: %s", poll_name(wait_for(fd[1], POLLIN, 50)));
	setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
	note_ret(t, "a part, in the end", recv(fd[1], buf, sizeof(buf), 0));
	note_ret(t, "send", send(fd[0], buf, 99, 0));
	note_ret(t, "send", send(fd[0], buf, 1, 0));
	note_poll(t, "enough", fd[1], POLLIN);
	note_ret(t, "peek", recv(fd[1], buf, 10, MSG_PEEK));
	note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), 0));
	note_ret(t, "send", send(fd[0], buf, 1, 0));
	shutdown(fd[0], SHUT_WR);
	note_poll(t, "the end is enough", fd[1], POLLIN | POLLRDHUP);
	note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), 0));
	note_set(t, "SO_RCVLOWAT", fd[1], SOL_SOCKET, SO_RCVLOWAT, 0);
	note_ret(t, "SO_SNDLOWAT",
		 setsockopt(fd[1], SOL_SOCKET, SO_SNDLOWAT, buf, 4));
	close(fd[0]);
	close(fd[1]);
}

TEST(receive_low_water_mark)
{
	EXPECT_TRUE(same_play(lowat, "a part, in the end: 99"));
}

/* Peeking goes on where it ended; TCP has it since 6.9. */
static void peeking(struct transcript *t, int proto)
{
	int fd[2], value = 0;
	char buf[16] = "";

	connected_pair(V4, proto, fd);
	note_ret(t, "SO_PEEK_OFF",
		 setsockopt(fd[1], SOL_SOCKET, SO_PEEK_OFF, &value,
			    sizeof(value)));
	if (send(fd[0], "0123456789", 10, 0) != 10)
		die("send");
	wait_for(fd[1], POLLIN, SOON_MS);
	note_ret(t, "peek", recv(fd[1], buf, 4, MSG_PEEK));
	note_ret(t, "peek", recv(fd[1], buf, 4, MSG_PEEK));
	note(t, "%.4s", buf);
	note_ret(t, "recv", recv(fd[1], buf, 3, 0));
	note(t, "%.3s", buf);
	note_ret(t, "peek", recv(fd[1], buf, 4, MSG_PEEK | MSG_DONTWAIT));
	note(t, "%.2s", buf);
	note_ret(t, "peek", recv(fd[1], buf, 4, MSG_PEEK | MSG_DONTWAIT));
	note_ret(t, "off", setsockopt(fd[1], SOL_SOCKET, SO_PEEK_OFF,
				      (int[]){ -1 }, sizeof(int)));
	note_ret(t, "peek", recv(fd[1], buf, 4, MSG_PEEK));
	note(t, "%.4s", buf);
	/* Beyond all that there is. */
	value = 100;
	note_ret(t, "far", setsockopt(fd[1], SOL_SOCKET, SO_PEEK_OFF, &value,
				      sizeof(value)));
	note_ret(t, "peek", recv(fd[1], buf, 4, MSG_PEEK | MSG_DONTWAIT));
	shutdown(fd[0], SHUT_WR);
	wait_for(fd[1], POLLRDHUP, SOON_MS);
	note_ret(t, "peek", recv(fd[1], buf, 4, MSG_PEEK | MSG_DONTWAIT));
	note_ret(t, "recv", recv(fd[1], buf, sizeof(buf), 0));
	note_ret(t, "peek", recv(fd[1], buf, 4, MSG_PEEK));
	close(fd[0]);
	close(fd[1]);
}

TEST(peek_offset)
{
	EXPECT_TRUE(same_play(peeking, "SO_PEEK_OFF: "));
}

/* What an accepted socket knows of the segment that opened it. */
static void first_segment(struct transcript *t, int proto)
{
	struct addr at = loopback(V4, 0);
	int l = listen_at(&at, proto, 1), fd = open_socket(V4, proto), other;
	unsigned char control[256] = "";
	socklen_t len = sizeof(control);
	unsigned int i;

	set_int(l, IPPROTO_IP, IP_PKTINFO, 1);
	set_int(l, IPPROTO_IP, IP_RECVTTL, 1);
	set_int(l, IPPROTO_IP, IP_RECVTOS, 1);
	set_int(fd, IPPROTO_IP, IP_TTL, 99);
	set_int(fd, IPPROTO_IP, IP_TOS, 0x10);
	if (connect(fd, &at.sa, at.len))
		die("connect");
	other = accept_one(l);
	note(t, "IP_MULTICAST_TTL %d",
	     get_int(other, IPPROTO_IP, IP_MULTICAST_TTL));
	note_ret(t, "IP_PKTOPTIONS", getsockopt(other, IPPROTO_IP,
						IP_PKTOPTIONS, control, &len));
	for (i = 0; i < len; i++)
		note(t, "%u", control[i]);
	close(other);
	close(fd);
	close(l);
}

TEST(options_of_the_segment_that_opened_it)
{
	EXPECT_TRUE(same_play(first_segment, "IP_MULTICAST_TTL 99"));
}

TEST_HARNESS_MAIN
