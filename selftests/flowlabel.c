// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPv6 flow labels (RFC 6437): one that connect() is told, and ones that
 * answers bring back.  Each scenario runs over TCP and over Ferry, and both must
 * say the same.
 *
 * A filter at the other end takes only what carries the label.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/in6.h>
#include <poll.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define LABEL	0x54321

static int manage(int fd, int action, int flags, int share, __u32 label)
{
	struct in6_flowlabel_req req = {
		.flr_dst = IN6ADDR_LOOPBACK_INIT,
		.flr_label = htonl(label),
		.flr_action = action,
		.flr_flags = flags,
		.flr_share = share,
	};

	return setsockopt(fd, IPPROTO_IPV6, IPV6_FLOWLABEL_MGR, &req,
			  sizeof(req));
}

static void take_only(int fd, __u32 label)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_NET_OFF),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfffff),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, label, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, ~0U),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
		       sizeof(program)))
		die("SO_ATTACH_FILTER");
}

/* A socket whose connect() takes the label from the address. */
static int labelled(int proto, struct addr *at, __u32 info)
{
	int fd = open_socket(V6, proto);

	set_int(fd, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1);
	at->v6.sin6_flowinfo = htonl(info);
	return fd;
}

static void chosen(struct transcript *t, int proto)
{
	struct addr at = loopback(V6, 0);
	int l = listen_at(&at, proto, 1), fd, other;
	char buf[8];

	take_only(l, LABEL);
	/* With a traffic class and ECN's bits, which are not the program's. */
	fd = labelled(proto, &at, 0x0b700000 | LABEL);
	note_ret(t, "create", manage(fd, IPV6_FL_A_GET, IPV6_FL_F_CREATE,
				     IPV6_FL_S_ANY, LABEL));
	note_opens(t, fd, &at);
	other = accept_one(l);
	note_ret(t, "send", send(fd, "text", 4, 0));
	note_poll(t, "comes", other, POLLIN);
	note_ret(t, "recv", recv(other, buf, sizeof(buf), MSG_DONTWAIT));
	close(other);
	note_poll(t, "the end", fd, POLLRDHUP);
	close(fd);
	close(l);
}

TEST(of_connect)
{
	own_namespace();
	EXPECT_TRUE(same_play(chosen, "recv: 4"));
}

/* A label that another socket has for itself. */
static void taken(struct transcript *t, int proto)
{
	struct addr at = loopback(V6, 0);
	int l = listen_at(&at, proto, 1), owner, fd;

	owner = open_socket(V6, proto);
	note_ret(t, "take", manage(owner, IPV6_FL_A_GET,
				   IPV6_FL_F_CREATE | IPV6_FL_F_EXCL,
				   IPV6_FL_S_EXCL, LABEL + proto));
	fd = labelled(proto, &at, LABEL + proto);
	note_ret(t, "connect", connect(fd, &at.sa, at.len));
	note_ret(t, "again", connect(fd, &at.sa, at.len));
	set_int(fd, IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 0);
	note_ret(t, "without", connect(fd, &at.sa, at.len));
	close(fd);
	close(owner);
	close(l);
}

TEST(of_somebody_else)
{
	own_namespace();
	EXPECT_TRUE(same_play(taken, "connect: -1 EINVAL"));
}

/* Whose labels answers take: 1, of connections; 2, of what a RST refuses. */
static void reflect(const char *whose)
{
	write_file("/proc/sys/net/ipv6/flowlabel_reflect", whose);
}

/* A server whose packets carry the label of its client's. */
static void reflected(struct transcript *t, int proto)
{
	struct addr at = loopback(V6, 0);
	int l = listen_at(&at, proto, 1), fd, other;
	char buf[8];

	fd = labelled(proto, &at, LABEL);
	take_only(fd, LABEL);
	note_opens(t, fd, &at);
	other = wait_for(l, POLLIN, SOON_MS) ? accept_one(l) : -1;
	note_ret(t, "send", send(other, "text", 4, 0));
	note_poll(t, "comes", fd, POLLIN);
	note_ret(t, "recv", recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
	close(other);
	close(fd);
	close(l);
}

TEST(of_the_client)
{
	own_namespace();
	reflect("1");
	EXPECT_TRUE(same_play(reflected, "recv: 4"));
}

/* A RST with the label of the SYN that nobody listens for. */
static void refused(struct transcript *t, int proto)
{
	struct addr at = loopback(V6, 1);
	int fd = labelled(proto, &at, LABEL);

	take_only(fd, LABEL);
	note_opens(t, fd, &at);
	close(fd);
}

TEST(of_a_refusal)
{
	own_namespace();
	reflect("2");
	EXPECT_TRUE(same_play(refused, "SO_ERROR: ECONNREFUSED"));
}

TEST_HARNESS_MAIN
