// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets of every size: the smallest and the largest MTU, buffers that hold
 * hardly one packet, and an MTU that changes while data is under way, at the
 * sender's own device or behind a router that says so by ICMP.  Each over TCP
 * and over Ferry, and where no ICMP message is needed, which a bridge does not
 * translate, from one to the other; the segment sizes that they settle on must
 * be the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "ways.h"

static void note_segment_size(struct transcript *t, const char *when, int fd)
{
	note(t, "segment size %s: %u", when, segment_size(fd));
}

FIXTURE(mtu) {
	struct hosts hosts;
	struct transcript log[WAYS];
};

FIXTURE_VARIANT(mtu) {
	enum family fam;
	int mtu;		/* 0: loopback */
};

FIXTURE_VARIANT_ADD(mtu, v4_576) { .fam = V4, .mtu = 576 };
FIXTURE_VARIANT_ADD(mtu, v6_1280) { .fam = V6, .mtu = 1280 };
FIXTURE_VARIANT_ADD(mtu, v4_9000) { .fam = V4, .mtu = 9000 };
FIXTURE_VARIANT_ADD(mtu, v6_65535) { .fam = V6, .mtu = 65535 };
FIXTURE_VARIANT_ADD(mtu, v4_65536) { .fam = V4, .mtu = 0 };
FIXTURE_VARIANT_ADD(mtu, v6_65536) { .fam = V6, .mtu = 0 };

/* An IPv6 address needs an MTU of 1280, which the set-up gives it at first. */
FIXTURE_SETUP(mtu)
{
	int i;

	if (!variant->mtu) {
		own_namespace();
		run("ip link set lo mtu 65536");
		return;
	}
	hosts_make(&self->hosts, 1500);
	for (i = 1; i >= 0; i--) {
		hosts_enter(&self->hosts, i);
		if (variant->fam == V4)
			run("ip -6 address flush dev " LINK);
		run("ip link set " LINK " mtu %d", variant->mtu);
	}
	ways_over(&self->hosts);
}

FIXTURE_TEARDOWN(mtu)
{
}

/* fd[0] has connected to fd[1]; both have buffers of that size, 0 for any. */
static void connect_with(enum family fam, int way, int buffer, int fd[2])
{
	enum ends ends = ends_of(way);
	struct addr at = enter_server(fam, way);
	int l = listen_at(&at, ends_proto(ends, 1), 1);

	if (buffer) {
		set_int(l, SOL_SOCKET, SO_RCVBUF, buffer);
		set_int(l, SOL_SOCKET, SO_SNDBUF, buffer);
	}
	enter_client(way);
	fd[0] = open_socket(fam, ends_proto(ends, 0));
	if (buffer) {
		set_int(fd[0], SOL_SOCKET, SO_RCVBUF, buffer);
		set_int(fd[0], SOL_SOCKET, SO_SNDBUF, buffer);
	}
	if (connect(fd[0], &at.sa, at.len))
		die("%s: connect to %s", ends_name(ends), addr_text(&at));
	fd[1] = accept_one(l);
	close(l);
}

/* A bridge is between two hosts, and loopback has but one. */
static int ways_at(int mtu)
{
	return mtu ? ways() : 2;
}

TEST_F(mtu, carries_the_stream)
{
	int i;

	for (i = 0; i < ways_at(variant->mtu); i++) {
		int fd[2];

		connect_with(variant->fam, i, 0, fd);
		/* With larger ones half of the window is the limit. */
		if (variant->mtu && variant->mtu <= 9000)
			note_segment_size(&self->log[i], "at first", fd[0]);
		ASSERT_TRUE(exchange(fd[0], fd[1], 2 << 20, SOON_MS))
			TH_LOG("over %s", ends_name(ends_of(i)));
		close(fd[0]);
		close(fd[1]);
		EXPECT_TRUE(same_transcript(&self->log[0], &self->log[i]))
			TH_LOG("over %s", ends_name(ends_of(i)));
	}
}

/* Four kilobytes are what a program asks for; the kernel doubles them. */
TEST_F(mtu, carries_the_stream_between_small_buffers)
{
	int i;

	for (i = 0; i < ways_at(variant->mtu); i++) {
		int fd[2];

		connect_with(variant->fam, i, 4096, fd);
		ASSERT_TRUE(exchange(fd[0], fd[1], 64 << 10, 3 * SOON_MS))
			TH_LOG("over %s", ends_name(ends_of(i)));
		close(fd[0]);
		close(fd[1]);
	}
}

/* A header of options that nobody knows and everybody skips. */
static void fill_header(unsigned char *header, int len)
{
	int at, n;

	memset(header, 0, len);
	header[1] = len / 8 - 1;
	for (at = 2; at < len; at += n) {
		n = len - at < 250 ? len - at : 250;
		header[at] = 0x1e;	/* RFC 4727 */
		header[at + 1] = n - 2;
	}
}

/*
 * Extension headers that leave little room for payload, or none.  What becomes
 * of packets that cannot be sent is not the point, but the machine has to
 * survive them; where there is room, all arrives.
 */
TEST(extension_headers_fill_the_packet)
{
	static const int lengths[] = { 256, 1024, 1392, 1432, 2040 };
	struct transcript log[2] = {};
	struct hosts h;
	unsigned int j;
	int i;

	hosts_make(&h, 1500);
	ways_over(&h);
	for (i = 0; i < 2; i++) {
		for (j = 0; j < ARRAY_SIZE(lengths); j++) {
			bool room = lengths[j] <= 1024;
			__u64 sent = 0, got = 0;
			unsigned char header[2048];
			int fd[2];

			connect_with(V6, i, 0, fd);
			fill_header(header, lengths[j]);
			note_ret(&log[i], "IPV6_DSTOPTS",
				 setsockopt(fd[0], IPPROTO_IPV6, IPV6_DSTOPTS,
					    header, lengths[j]));
			/* The window grows with it, and the MSS may. */
			EXPECT_TRUE(pump(fd[0], fd[1], &sent, &got, 200000,
					 room ? SOON_MS : 100) || !room);
			close(fd[0]);
			close(fd[1]);
		}
	}
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

/* ------------------------------------------------------------------ */

/*
 * host 0 -- host 1, a router -- far.  The sender is host 0 and the receiver
 * far; the MTU changes at both ends of one of the links.
 */
FIXTURE(path) {
	struct hosts hosts;
	int far;
	struct transcript log[WAYS];
};

FIXTURE_VARIANT(path) {
	enum family fam;
	bool at_router;
};

FIXTURE_VARIANT_ADD(path, v4_own_device) { .fam = V4 };
FIXTURE_VARIANT_ADD(path, v6_own_device) { .fam = V6 };
FIXTURE_VARIANT_ADD(path, v4_behind_a_router) { .fam = V4, .at_router = true };
FIXTURE_VARIANT_ADD(path, v6_behind_a_router) { .fam = V6, .at_router = true };

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		die("setns");
}

FIXTURE_SETUP(path)
{
	struct hosts *h = &self->hosts;

	hosts_make(h, 1500);
	own_namespace();
	self->far = open("/proc/self/ns/net", O_RDONLY);
	hosts_enter(h, 1);
	run_batch("ip", "link add name far0 type veth peer name far0 netns /proc/%d/fd/%d\n"
			"address add 10.0.1.1/24 dev far0\n"
			"address add fd01::1/64 dev far0 nodad\n"
			"link set far0 up\n", getpid(), self->far);
	write_file("/proc/sys/net/ipv4/ip_forward", "1");
	write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	enter(self->far);
	run_batch("ip", "address add 10.0.1.2/24 dev far0\n"
			"address add fd01::2/64 dev far0 nodad\n"
			"link set far0 up\n"
			"route add 0.0.0.0/0 via 10.0.1.1\n"
			"route add ::/0 via fd01::1\n");
	await_address("fd01::2");
	hosts_enter(h, 1);
	await_address("fd01::1");
	hosts_enter(h, 0);
	run_batch("ip", "route add 0.0.0.0/0 via 10.0.0.2\n"
			"route add ::/0 via fd00::2\n");
	/* So that something is under way at any time. */
	run("tc qdisc add dev " LINK " root netem delay 2ms limit 10000");
}

FIXTURE_TEARDOWN(path)
{
}

static void set_mtu(const struct hosts *h, int far, bool at_router, int mtu)
{
	hosts_enter(h, 1);
	run("ip link set %s mtu %d", at_router ? "far0" : LINK, mtu);
	if (at_router)
		enter(far);
	else
		hosts_enter(h, 0);
	run("ip link set %s mtu %d", at_router ? "far0" : LINK, mtu);
	hosts_enter(h, 0);
}

/* Ferry's end has the bridge, and the other one has none any more. */
static void bridge_path(const struct hosts *h, int far, enum ends ends)
{
	if (ends == FERRY_TO_TCP) {
		hosts_bridge(h, 0);
	} else if (ends == TCP_TO_FERRY) {
		run("ferry bridge del " LINK);
		enter(far);
		run("ferry bridge add far0 --listen all");
		hosts_enter(h, 0);
	}
}

TEST_F(path, mtu_changes_in_mid_stream)
{
	static const int mtus[] = { 1280, 1500, 1400 };
	struct hosts *h = &self->hosts;
	unsigned int j;
	int i;

	for (i = 0; i < (variant->at_router ? 2 : ways()); i++) {
		enum ends ends = ends_of(i);
		struct addr at = addr_of(variant->fam == V4 ? "10.0.1.2" :
							      "fd01::2", 0);
		__u64 sent = 0, got = 0;
		int l, from, to;

		/* What the first has learned of the path is not the second's. */
		set_mtu(h, self->far, variant->at_router, 1500);
		run("ip route flush cache");
		run("ip -6 route flush cache");
		bridge_path(h, self->far, ends);
		enter(self->far);
		l = listen_at(&at, ends_proto(ends, 1), 1);
		hosts_enter(h, 0);
		from = dial(&at, ends_proto(ends, 0));
		ASSERT_LE(0, from);
		to = accept_one(l);
		close(l);
		ASSERT_TRUE(pump(from, to, &sent, &got, 500000,
				 6 * SOON_MS));
		note_segment_size(&self->log[i], "at first", from);
		for (j = 0; j < ARRAY_SIZE(mtus); j++) {
			set_mtu(h, self->far, variant->at_router, mtus[j]);
			ASSERT_TRUE(pump(from, to, &sent, &got,
					 sent + 1000000, 6 * SOON_MS))
				TH_LOG("%s, at MTU %d", ends_name(ends),
				       mtus[j]);
			/* A path that has grown is believed after minutes. */
			note_segment_size(&self->log[i], "later", from);
		}
		ASSERT_EQ(0, shutdown(from, SHUT_WR));
		ASSERT_TRUE(recv_stream(to, 1, got, sent - got));
		close(from);
		close(to);
		EXPECT_TRUE(same_transcript(&self->log[0], &self->log[i]))
			TH_LOG("%s", ends_name(ends));
	}
}

TEST_HARNESS_MAIN
