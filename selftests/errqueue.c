// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes back beside the bytes: MSG_ZEROCOPY's completions, the time
 * stamps of SO_TIMESTAMPING by the number of the byte, those of received data,
 * and TCP_INQ.  Each scenario runs over TCP and over Ferry.
 */
#include <errno.h>
#include <time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "ktest.h"
#include "lib.h"

#define MESSAGES 5

static char data[200000];

struct report {
	struct sock_extended_err ee;
	bool has_ee;
	bool has_stamp;
};

/* One message of the error queue; false if there is none in time. */
static bool next_report(int fd, struct report *r, int timeout_ms)
{
	char control[512];
	struct msghdr m = {
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;

	memset(r, 0, sizeof(*r));
	if (!(wait_for(fd, POLLERR, timeout_ms) & POLLERR) ||
	    recvmsg(fd, &m, MSG_ERRQUEUE) < 0)
		return false;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level == SOL_SOCKET &&
		    c->cmsg_type == SCM_TIMESTAMPING) {
			r->has_stamp = true;
		} else if (c->cmsg_level == IPPROTO_IP ||
			   c->cmsg_level == IPPROTO_IPV6) {
			memcpy(&r->ee, CMSG_DATA(c), sizeof(r->ee));
			r->has_ee = true;
		}
	}
	return true;
}

/* Before 6.7 the kernel gives SO_ZEROCOPY to TCP alone: Ferry has its own. */
static void allow_zerocopy(int fd, int proto)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) &&
	    (proto == IPPROTO_TCP || errno != EOPNOTSUPP ||
	     setsockopt(fd, SOL_FERRY, FERRY_ZEROCOPY, &on, sizeof(on))))
		die("SO_ZEROCOPY");
}

static bool recv_data(int fd, size_t len)
{
	char *buf = malloc(len);
	bool same = recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len &&
		    !memcmp(buf, data, len);

	free(buf);
	return same;
}

/* Every write is reported, in order; over loopback, as one that was copied. */
static void zerocopy(struct transcript *t, int proto, enum family fam)
{
	static const size_t sizes[MESSAGES] = { 1, 100, 10000, 50000, 5 };
	unsigned int reported = 0;
	struct report r;
	int fd[2], i;

	connected_pair(fam, proto, fd);
	note_ret(t, "without SO_ZEROCOPY",
		 send(fd[0], data, 100, MSG_ZEROCOPY));
	if (!recv_data(fd[1], 100))
		die("received");
	note(t, "mask %s", poll_name(wait_for(fd[0], POLLOUT, SOON_MS)));
	allow_zerocopy(fd[0], proto);
	note_ret(t, "no bytes", send(fd[0], data, 0, MSG_ZEROCOPY));
	note_ret(t, "no memory",
		 send(fd[0], (void *)8, 100, MSG_ZEROCOPY));
	for (i = 0; i < MESSAGES; i++) {
		note_ret(t, "send", send(fd[0], data, sizes[i], MSG_ZEROCOPY));
		note(t, "arrives %d", recv_data(fd[1], sizes[i]));
	}
	while (reported < MESSAGES && next_report(fd[0], &r, SOON_MS)) {
		if (r.ee.ee_origin != SO_EE_ORIGIN_ZEROCOPY ||
		    r.ee.ee_info != reported || r.ee.ee_errno)
			die("origin %u, %u to %u", r.ee.ee_origin,
			    r.ee.ee_info, r.ee.ee_data);
		for (; reported <= r.ee.ee_data; reported++)
			note(t, "%u: code %u", reported, r.ee.ee_code);
	}
	note(t, "mask %s", poll_name(wait_for(fd[0], POLLOUT, SOON_MS)));
	close(fd[0]);
	close(fd[1]);
}

TEST(zerocopy_completions)
{
	struct transcript log[2] = { 0 };
	int i;

	memset(data, 'z', sizeof(data));
	for (i = 0; i < 2; i++) {
		zerocopy(&log[i], proto_of(i), V4);
		zerocopy(&log[i], proto_of(i), V6);
	}
	EXPECT_TRUE(strstr(log[0].text, "4: code 1"));
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

/* Pieces that refer to the program's pages are cut and sent again. */
TEST(zerocopy_over_a_bad_link)
{
	const unsigned int writes = 40;
	unsigned int i, reported = 0;
	struct hosts hosts;
	struct report r;
	ssize_t n, done;
	pid_t reader;
	int fd[2];

	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7 + (i >> 9);
	hosts_make(&hosts, 1500);
	hosts_netem(&hosts, "loss 3%% delay 2ms");
	hosts_connect(&hosts, V4, ferry(), fd);
	allow_zerocopy(fd[0], ferry());
	fflush(NULL);
	reader = fork();
	if (!reader) {
		close(fd[0]);
		for (i = 0; i < writes; i++)
			if (!recv_data(fd[1], sizeof(data) / 4))
				_exit(1);
		_exit(0);
	}
	close(fd[1]);
	for (i = 0; i < writes; i++)
		for (done = 0; done < (ssize_t)sizeof(data) / 4; done += n) {
			n = send(fd[0], data + done,
				 sizeof(data) / 4 - done, MSG_ZEROCOPY);
			ASSERT_LT(0, n);
		}
	EXPECT_EQ(0, reap(reader, 3 * SOON_MS));
	while (reported < writes && next_report(fd[0], &r, SOON_MS)) {
		ASSERT_EQ(SO_EE_ORIGIN_ZEROCOPY, r.ee.ee_origin);
		ASSERT_EQ(reported, r.ee.ee_info);
		reported = r.ee.ee_data + 1;
	}
	EXPECT_EQ(writes, reported);
	close(fd[0]);
}

static bool all_acknowledged(void *fd)
{
	return queue_out(*(int *)fd) == 0;
}

static void set_stamping(int fd, int flags)
{
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)))
		die("SO_TIMESTAMPING %#x", flags);
}

/* What is reported of the last byte of a write, sorted by kind. */
static void note_stamps(struct transcript *t, int fd, unsigned int want)
{
	int key[3] = { -1, -1, -1 };
	unsigned int got = 0, i;
	struct report r;

	while (got < want && next_report(fd, &r, SOON_MS)) {
		if (r.ee.ee_origin != SO_EE_ORIGIN_TIMESTAMPING ||
		    r.ee.ee_info > SCM_TSTAMP_ACK || !r.has_stamp)
			die("origin %u, %u", r.ee.ee_origin, r.ee.ee_info);
		if (key[r.ee.ee_info] != (int)r.ee.ee_data)
			got++;
		key[r.ee.ee_info] = r.ee.ee_data;
	}
	for (i = 0; i < 3; i++)
		note(t, "   %s %d", i == SCM_TSTAMP_SND ? "sent" :
		     i == SCM_TSTAMP_SCHED ? "queued" : "acknowledged", key[i]);
}

static void sending_stamps(struct transcript *t, int proto)
{
	const int all = SOF_TIMESTAMPING_TX_SCHED |
			SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK;
	const int report = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
			   SOF_TIMESTAMPING_OPT_TSONLY;
	static const size_t sizes[] = { 1, 1000, 60000, 3 };
	struct iovec iov = { data, 77 };
	struct control control;
	int fd[2];
	unsigned int i;

	connected_pair(V4, proto, fd);
	/* A byte that was acknowledged before is not counted. */
	if (send(fd[0], data, 500, 0) != 500 || !recv_data(fd[1], 500))
		die("send");
	if (!wait_until(all_acknowledged, &fd[0], SOON_MS))
		die("not acknowledged");
	set_stamping(fd[0], all | report);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		note_ret(t, "send", send(fd[0], data, sizes[i], 0));
		if (!recv_data(fd[1], sizes[i]))
			die("received");
		note_stamps(t, fd[0], 3);
	}
	set_stamping(fd[0], report);
	note_ret(t, "send", send(fd[0], data, 10, 0));
	control_int(&control, SOL_SOCKET, SO_TIMESTAMPING,
		    SOF_TIMESTAMPING_TX_ACK);
	control.msg.msg_iov = &iov;
	control.msg.msg_iovlen = 1;
	note_ret(t, "for this call alone", sendmsg(fd[0], &control.msg, 0));
	if (!recv_data(fd[1], 87))
		die("received");
	note_stamps(t, fd[0], 1);
	control.head.cmsg_type = 99;
	note_ret(t, "unknown", sendmsg(fd[0], &control.msg, 0));
	close(fd[0]);
	close(fd[1]);
}

TEST(time_stamps_of_what_is_sent)
{
	struct transcript log[2] = { 0 };
	int i;

	memset(data, 'z', sizeof(data));
	for (i = 0; i < 2; i++)
		sending_stamps(&log[i], proto_of(i));
	EXPECT_TRUE(strstr(log[0].text, "acknowledged 61003"));
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

/* What a read says of the time, and whether that is between two others. */
static void note_received(struct transcript *t, int fd, time_t since,
			  size_t size)
{
	char control[512], buf[100];
	struct iovec iov = { buf, size };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct timespec now;
	struct cmsghdr *c;
	long seconds;

	note_ret(t, "recvmsg", recvmsg(fd, &m, 0));
	/* Not time(), which may be a tick behind and in the last second. */
	clock_gettime(CLOCK_REALTIME, &now);
	note(t, "   %zu bytes of control", m.msg_controllen);
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		memcpy(&seconds, CMSG_DATA(c), sizeof(seconds));
		if (c->cmsg_level == SOL_SOCKET)
			note(t, "   type %d, %zu bytes, in time %d",
			     c->cmsg_type, c->cmsg_len,
			     seconds >= since && seconds <= now.tv_sec);
		else
			note(t, "   level %d, type %d, %d", c->cmsg_level,
			     c->cmsg_type, (int)seconds);
	}
}

static void receiving(struct transcript *t, int proto, int level, int option,
		      int value)
{
	time_t since = time(NULL);
	int fd[2];

	connected_pair(V6, proto, fd);
	note_ret(t, "setsockopt",
		 setsockopt(fd[1], level, option, &value, sizeof(value)));
	if (send(fd[0], data, 150, 0) != 150)
		die("send");
	wait_for(fd[1], POLLIN, SOON_MS);
	note_received(t, fd[1], since, 0);
	note_received(t, fd[1], since, 100);
	note_received(t, fd[1], since, 100);
	shutdown(fd[0], SHUT_WR);
	wait_for(fd[1], POLLRDHUP, SOON_MS);
	note_received(t, fd[1], since, 100);
	close(fd[0]);
	close(fd[1]);
}

/* The kernel begins to look at the clock some time after it was asked to. */
static bool clock_runs(void *arg)
{
	int *fd = arg;
	char control[64], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	if (send(fd[0], "", 1, 0) != 1 || recvmsg(fd[1], &m, 0) != 1)
		die("send");
	return m.msg_controllen > 0;
}

/* Less and less room for two control messages, and for whom there is any. */
static void cut_short(struct transcript *t, int proto)
{
	static const unsigned int kinds[] = { 0, MSG_PEEK, MSG_OOB };
	char control[CMSG_SPACE(4) + CMSG_SPACE(16) + 8], buf[8];
	struct iovec iov = { buf, 2 };
	unsigned int i;
	size_t room;
	int fd[2];

	connected_pair(V4, proto, fd);
	set_int(fd[1], SOL_SOCKET, SO_TIMESTAMPNS, 1);
	set_int(fd[1], IPPROTO_TCP, TCP_INQ, 1);
	if (send(fd[0], data, 200, 0) != 200 ||
	    send(fd[0], "u", 1, MSG_OOB) != 1)
		die("send");
	wait_for(fd[1], POLLIN | POLLPRI, SOON_MS);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (room = 0; room <= sizeof(control); room += 4) {
			struct msghdr m = {
				.msg_iov = &iov, .msg_iovlen = 1,
				.msg_control = control, .msg_controllen = room,
			};

			note(t, "flags %x, room for %zu", kinds[i], room);
			note_ret(t, "   recvmsg",
				 recvmsg(fd[1], &m, kinds[i] | MSG_DONTWAIT));
			note(t, "   %zu used, CTRUNC %d", m.msg_controllen,
			     !!(m.msg_flags & MSG_CTRUNC));
			if (kinds[i] & MSG_OOB &&
			    send(fd[0], "u", 1, MSG_OOB) != 1)
				die("send");
			if (kinds[i] & MSG_OOB)
				wait_for(fd[1], POLLPRI, SOON_MS);
		}
	}
	close(fd[0]);
	close(fd[1]);
}

TEST(control_messages_that_find_no_room)
{
	int clock[2];

	memset(data, 'z', sizeof(data));
	connected_pair(V4, IPPROTO_TCP, clock);
	set_int(clock[1], SOL_SOCKET, SO_TIMESTAMP, 1);
	ASSERT_TRUE(wait_until(clock_runs, clock, SOON_MS));
	EXPECT_TRUE(same_play(cut_short, "CTRUNC 1"));
}

TEST(what_a_read_says_beside_the_bytes)
{
	static const struct {
		int level;
		int option;
		int value;
	} options[] = {
		{ SOL_SOCKET, SO_TIMESTAMP, 1 },
		{ SOL_SOCKET, SO_TIMESTAMPNS, 1 },
		{ SOL_SOCKET, SO_TIMESTAMP_NEW, 1 },
		{ SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1 },
		{ SOL_SOCKET, SO_TIMESTAMPING,
		  SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE },
		{ SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE },
		{ IPPROTO_TCP, TCP_INQ, 1 },
		{ IPPROTO_TCP, TCP_INQ, 2 },
	};
	struct transcript log[2] = { 0 };
	unsigned int i, j;
	int clock[2];

	connected_pair(V4, IPPROTO_TCP, clock);
	set_int(clock[1], SOL_SOCKET, SO_TIMESTAMP, 1);
	ASSERT_TRUE(wait_until(clock_runs, clock, SOON_MS));
	for (i = 0; i < 2; i++) {
		for (j = 0; j < ARRAY_SIZE(options); j++) {
			ASSERT_TRUE(wait_until(clock_runs, clock, SOON_MS));
			receiving(&log[i], proto_of(i),
				  options[j].level, options[j].option,
				  options[j].value);
		}
	}
	EXPECT_TRUE(strstr(log[0].text, "in time 1"));
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

TEST_HARNESS_MAIN
