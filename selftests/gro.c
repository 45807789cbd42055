// SPDX-License-Identifier: GPL-2.0-only
/*
 * Segments that a device delivers one by one go up as one packet (GRO), where
 * they end or in a router, which cuts them up again.  Each over TCP and over
 * Ferry, side by side: how many packets the IP layer sees is the measure.
 *
 * The sending device cuts what it is given (no TSO), and the receiving end of
 * a veth pair that was asked for GRO is polled like a network card.
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

/* On a 1500 byte link, with timestamps; IPv6's are 20 bytes smaller. */
#define SEGMENT 1448
#define BYTES ((2U << 20) / slowness())
#define SEGMENTS (BYTES / SEGMENT)
/*
 * How many packets these may be at most.  A slow machine gets to poll after
 * each few segments.
 */
#define FEW (slowness() > 2 ? SEGMENTS * 3 / 4 : SEGMENTS / 4)
/* A quarter of a megabyte is fewer segments than a veth's ring has room for. */
#define WINDOW (256 << 10)
/* A machine that stalls may fire a timer. */
#define SPURIOUS (10 * slowness())

/* How many packets the IP layer of this namespace was given. */
static unsigned long packets_in(enum family fam)
{
	const char *cmd = fam == V6 ?
		"sed -n 's/^Ip6InReceives *//p' /proc/net/snmp6" :
		"sed -n '/^Ip: [0-9]/s/^Ip: [0-9]* [0-9]* \\([0-9]*\\) .*/\\1/p' /proc/net/snmp";

	return strtoul(said(cmd), NULL, 10);
}

/* How many came over the link from the place before. */
static unsigned long frames_in(void)
{
	return strtoul(said("sed -n 's/^ *back: *[0-9]* *//p' /proc/net/dev"),
		       NULL, 10);
}

/* Namespaces in a row, each joined to the next by a link of its own. */
#define PLACES 4

struct row {
	int ns[PLACES];
};

static void enter(const struct row *r, int which)
{
	if (setns(r->ns[which], CLONE_NEWNET))
		die("setns to place %d", which);
}

/* Network N is between place N, at .1 or ::1 of it, and N + 1. */
static void row_make(struct row *r)
{
	char address[16];
	int i, j;

	for (i = 0; i < PLACES; i++) {
		own_namespace();
		r->ns[i] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (r->ns[i] < 0)
			die("open /proc/self/ns/net");
		write_file("/proc/sys/net/ipv4/ip_forward", "1");
		write_file("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	}
	for (i = 0; i < PLACES - 1; i++) {
		enter(r, i);
		run("ip link add name ahead type veth peer name back netns /proc/%d/fd/%d",
		    getpid(), r->ns[i + 1]);
		for (j = 0; j < 2; j++) {
			const char *dev = j ? "back" : "ahead";

			enter(r, i + j);
			run_batch("ip", "address add 10.0.%d.%d/24 dev %s\n"
				  "address add fd0%d::%d/64 dev %s nodad\n"
				  "link set %s up\n",
				  i, j + 1, dev, i, j + 1, dev, dev);
		}
	}
	/*
	 * Only the ends are of interest: forwards by default, and back.  How
	 * fast windows grow, and with them bursts, depends on the machine, so
	 * they begin large.
	 */
	for (i = 0; i < PLACES; i++) {
		enter(r, i);
		if (i < PLACES - 2)
			run_batch("ip", "route add 0.0.0.0/0 via 10.0.%d.2 initcwnd 64\n"
				  "route add ::/0 via fd0%d::2 initcwnd 64\n",
				  i, i);
		if (i > 1)
			run_batch("ip", "route add 10.0.0.0/24 via 10.0.%d.1 initrwnd 200\n"
				  "route add fd00::/64 via fd0%d::1 initrwnd 200\n",
				  i - 1, i - 1);
		snprintf(address, sizeof(address), "fd0%d::%d", i ? i - 1 : 0,
			 i ? 2 : 1);
		await_address(address);
	}
}

FIXTURE(gro) {
	struct hosts hosts;
	struct row row;
};

FIXTURE_VARIANT(gro) {
	bool ferry;
	enum family fam;
};

FIXTURE_VARIANT_ADD(gro, tcp_v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(gro, tcp_v6) { .fam = V6 };
FIXTURE_VARIANT_ADD(gro, ferry_v4) { .ferry = true, .fam = V4 };
FIXTURE_VARIANT_ADD(gro, ferry_v6) { .ferry = true, .fam = V6 };

FIXTURE_SETUP(gro)
{
}

FIXTURE_TEARDOWN(gro)
{
}

/* Host 0 cuts, host 1 merges. */
static void join_hosts(struct hosts *h)
{
	hosts_make(h, 1500);
	run("ethtool -K " LINK " tso off");
	hosts_enter(h, 1);
	run("ethtool -K " LINK " gro on");
	hosts_enter(h, 0);
}

/* fd[0], at host 0, sends no more than the device can hold to fd[1]. */
static void connect_hosts(const struct hosts *h, int proto, enum family fam,
			  int fd[2])
{
	struct addr at = host_addr(1, fam, 0);
	int l;

	hosts_enter(h, 1);
	l = listen_at(&at, proto, 1);
	set_int(l, SOL_SOCKET, SO_RCVBUF, WINDOW);
	hosts_enter(h, 0);
	fd[0] = dial(&at, proto);
	if (fd[0] < 0)
		die("dial %s", addr_text(&at));
	fd[1] = accept_one(l);
	close(l);
}

static unsigned long merged(const struct hosts *h, int proto)
{
	unsigned long n;

	hosts_enter(h, 1);
	n = counter(proto, "GroMerged");
	hosts_enter(h, 0);
	return n;
}

/* One way; returns how many packets went up at host 1, or -1. */
static long packets_of_transfer(const struct hosts *h, int proto,
				enum family fam)
{
	__u64 sent = 0, got = 0;
	unsigned long before;
	int fd[2];

	connect_hosts(h, proto, fam, fd);
	hosts_enter(h, 1);
	before = packets_in(fam);
	if (!pump(fd[0], fd[1], &sent, &got, BYTES, 6 * SOON_MS))
		return -1;
	before = packets_in(fam) - before;
	hosts_enter(h, 0);
	close(fd[0]);
	close(fd[1]);
	return before;
}

TEST_F(gro, few_packets_go_up)
{
	int proto = proto_of(variant->ferry);
	struct hosts *h = &self->hosts;
	long packets;

	join_hosts(h);
	packets = packets_of_transfer(h, proto, variant->fam);
	TH_LOG("%ld packets of %u segments", packets, SEGMENTS);
	ASSERT_LT(0, packets);
	EXPECT_GT(FEW, packets);
	if (variant->ferry)
		EXPECT_LE(SEGMENTS - FEW, merged(h, proto));
	/* So many there are otherwise. */
	hosts_enter(h, 1);
	run("ethtool -K " LINK " gro off");
	packets = packets_of_transfer(h, proto, variant->fam);
	EXPECT_LE(SEGMENTS, packets);
}

TEST_F(gro, a_bad_link)
{
	struct hosts *h = &self->hosts;
	int fd[2], proto = proto_of(variant->ferry);

	join_hosts(h);
	hosts_enter(h, 1);
	run("ethtool -K " LINK " tso off");
	hosts_enter(h, 0);
	run("ethtool -K " LINK " gro on");
	hosts_connect(h, variant->fam, proto, fd);
	hosts_netem(h, "delay 1ms loss 0.5%% reorder 1%% duplicate 1%% corrupt 0.5%% limit 10000");
	EXPECT_TRUE(exchange(fd[0], fd[1], BYTES, 6 * SOON_MS));
	if (variant->ferry)
		EXPECT_LT(0, merged(h, proto));
}

/* Marks of single segments arrive, and the sender hears of them. */
TEST_F(gro, marks)
{
	int fd[2], proto = proto_of(variant->ferry);
	struct hosts *h = &self->hosts;
	struct tcp_info info = {};
	socklen_t len = sizeof(info);
	__u64 sent = 0, got = 0;

	join_hosts(h);
	set_sysctl(proto, "ecn", "1");
	hosts_enter(h, 1);
	set_sysctl(proto, "ecn", "1");
	connect_hosts(h, proto, variant->fam, fd);
	/* It marks packets of many segments, of which there are not so many. */
	run("tc qdisc replace dev " LINK
	    " root netem delay 1ms loss 50%% ecn limit 10000");
	ASSERT_TRUE(pump(fd[0], fd[1], &sent, &got, BYTES, 6 * SOON_MS));
	ASSERT_EQ(0, getsockopt(fd[0], IPPROTO_TCP, TCP_INFO, &info, &len));
	EXPECT_LT(0, info.tcpi_delivered_ce);
	EXPECT_GT(INT_MAX, info.tcpi_snd_ssthresh);
	EXPECT_GE(SPURIOUS, info.tcpi_total_retrans);
}

/*
 * How the segments come: their data in pages, or in one piece with the header,
 * which must be kept as a list of packets.  And what of a merged packet the next
 * device can take, and what it cannot.
 */
static const struct {
	const char *in, *out;
	bool whole;
} devices[] = {
	{ "sg on", "tso on", true },
	{ "sg off", "tso on", true },
	{ "sg on", "tx-scatter-gather-fraglist off", true },
	{ "sg off", "tx-scatter-gather-fraglist off", false },
	{ "sg on", "tso off", false },
	{ "sg off", "tx off", false },
	{ "sg off", "sg off", false },
};

/*
 * Place 1 cuts what place 0 has sent, place 2 merges it and sends it on, as it
 * is or in segments again, and place 3 gets it.
 *
 * A kilobyte never lies in two pages.  So a merged packet and each one on its
 * list have as many segments as they have slots for pages, and a device that
 * takes no lists is given them as large packets of their own.  Only where the
 * first are as many as those on the list, though: 18 to 33 segments are cut.
 * So all that is under way at a time is one burst, which is longer and is
 * polled at once, and TCP may not make it shorter for a longer round trip.
 */
#define KILOBYTE 1024
#define TIMESTAMP 12
#define BURST_SEGMENTS 60
#define BURST (BURST_SEGMENTS * KILOBYTE)

TEST_F(gro, forwarded)
{
	const char *text = variant->fam == V4 ? "10.0.2.2" : "fd02::2";
	int l, fd[2], proto = proto_of(variant->ferry);
	const unsigned int bursts = BYTES / BURST;
	const unsigned long segments = bursts * BURST_SEGMENTS;
	/* A packet is what goes in a millisecond, but at least two segments. */
	const unsigned long most = slowness() > 2 ? segments : segments / 2;
	unsigned long merges, acks, end, bad = 0;
	struct addr at = addr_of(text, 0);
	struct row *r = &self->row;
	unsigned int i, k;

	row_make(r);
	enter(r, 3);
	run("ethtool -K back gro on");
	l = listen_at(&at, proto, 8);
	set_int(l, SOL_SOCKET, SO_RCVBUF, WINDOW);
	set_int(l, IPPROTO_TCP, TCP_MAXSEG, KILOBYTE + TIMESTAMP);
	enter(r, 0);
	write_file("/proc/sys/net/ipv4/tcp_tso_rtt_log", "31");
	write_file("/proc/sys/net/ipv4/tcp_pacing_ss_ratio", "1000");
	write_file("/proc/sys/net/ipv4/tcp_pacing_ca_ratio", "1000");
	enter(r, 2);
	run("ethtool -K back gro on");
	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		enter(r, 1);
		run("ethtool -K ahead tso off %s", devices[i].in);
		enter(r, 2);
		run("ethtool -K ahead tx on sg on tso on tx-scatter-gather-fraglist on");
		run("ethtool -K ahead %s", devices[i].out);
		enter(r, 0);
		fd[0] = dial(&at, proto);
		if (fd[0] < 0)
			die("dial %s", text);
		fd[1] = accept_one(l);
		ASSERT_EQ(KILOBYTE, segment_size(fd[0]));
		acks = packets_in(variant->fam);
		enter(r, 2);
		merges = packets_in(variant->fam);
		enter(r, 3);
		end = frames_in();
		if (variant->ferry)
			bad = counter(proto, "DropChecksum");
		for (k = 0; k < bursts; k++) {
			ASSERT_TRUE(send_stream(fd[0], 1, k * BURST, BURST));
			ASSERT_TRUE(recv_stream(fd[1], 1, k * BURST, BURST));
		}
		end = frames_in() - end;
		if (variant->ferry)
			EXPECT_EQ(bad, counter(proto, "DropChecksum"));
		enter(r, 2);
		merges = packets_in(variant->fam) - merges;
		enter(r, 0);
		merges -= packets_in(variant->fam) - acks;
		TH_LOG("'%s', '%s': %lu merged, %lu behind",
		       devices[i].in, devices[i].out, merges, end);
		EXPECT_GT(most, merges);
		if (devices[i].whole)
			EXPECT_GT(most, end);
		if (!devices[i].whole)
			EXPECT_LE(segments, end);
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_HARNESS_MAIN
