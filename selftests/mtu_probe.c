// SPDX-License-Identifier: GPL-2.0-only
/*
 * A path that swallows what is too large, without an ICMP message: with
 * mtu_probing a sender finds out by itself how much it carries (RFC 4821).
 * Each over TCP, over Ferry, and from one to the other; the sender must come as
 * near to what the path carries as its probe_threshold says.
 *
 * A device takes no packet that is larger than its own MTU, and says nothing of
 * it; so the far end of the link has a smaller one than the near end.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

/* As net.ferry.probe_threshold says; TCP gives up a little earlier. */
#define THRESHOLD	8
#define THRESHOLD_TCP	16
/* A device leaves room for a VLAN's. */
#define TAG		4
#define WINDOW		(64 << 10)
#define PIECE		(64 << 10)
#define PIECES		100

FIXTURE(probing) {
	struct hosts hosts;
};

FIXTURE_VARIANT(probing) {
	enum ends ends;
	enum family fam;
	int headers;	/* of IP and TCP, and the timestamps */
};

FIXTURE_VARIANT_ADD(probing, tcp_v4) {
	.ends = TCP_TO_TCP, .fam = V4, .headers = 52,
};

FIXTURE_VARIANT_ADD(probing, tcp_v6) {
	.ends = TCP_TO_TCP, .fam = V6, .headers = 72,
};

FIXTURE_VARIANT_ADD(probing, ferry_v4) {
	.ends = FERRY_TO_FERRY, .fam = V4, .headers = 52,
};

FIXTURE_VARIANT_ADD(probing, ferry_v6) {
	.ends = FERRY_TO_FERRY, .fam = V6, .headers = 72,
};

FIXTURE_VARIANT_ADD(probing, ferry_to_tcp_v4) {
	.ends = FERRY_TO_TCP, .fam = V4, .headers = 52,
};

FIXTURE_VARIANT_ADD(probing, ferry_to_tcp_v6) {
	.ends = FERRY_TO_TCP, .fam = V6, .headers = 72,
};

FIXTURE_VARIANT_ADD(probing, tcp_to_ferry_v4) {
	.ends = TCP_TO_FERRY, .fam = V4, .headers = 52,
};

FIXTURE_VARIANT_ADD(probing, tcp_to_ferry_v6) {
	.ends = TCP_TO_FERRY, .fam = V6, .headers = 72,
};

FIXTURE_SETUP(probing)
{
	int i;

	if (!hosts_make_for(&self->hosts, 1500, variant->ends))
		SKIP(return, "no ferry command here");
	for (i = 1; i >= 0; i--) {
		hosts_enter(&self->hosts, i);
		/* What is sent as one is not looked at in the device. */
		run("ethtool -K " LINK " tso off gso off gro off");
		/*
		 * A sender sees what its own device drops, but not later; and a
		 * probe needs data that waits for its turn.
		 */
		run("tc qdisc add dev " LINK
		    " root netem rate %dmbit delay 1ms limit 10000",
		    20 / slowness());
	}
}

FIXTURE_TEARDOWN(probing)
{
}

/* fd[0], at host 0, sends; fd[1] receives. */
static void connect_hosts(struct hosts *h, enum family fam, enum ends ends,
			  const char *probing, int fd[2])
{
	struct addr at = host_addr(1, fam, 0);
	int l;

	hosts_enter(h, 1);
	set_sysctl(ends_proto(ends, 1), "mtu_probing", probing);
	l = listen_at(&at, ends_proto(ends, 1), 1);
	/* A queue in the network would only make the round trips longer. */
	set_int(l, SOL_SOCKET, SO_RCVBUF, WINDOW);
	hosts_enter(h, 0);
	set_sysctl(ends_proto(ends, 0), "mtu_probing", probing);
	fd[0] = dial(&at, ends_proto(ends, 0));
	if (fd[0] < 0)
		die("dial %s", addr_text(&at));
	fd[1] = accept_one(l);
	close(l);
}

struct transfer {
	int fd[2];
	__u64 sent, got;
};

static bool move_piece(struct transfer *t)
{
	return pump(t->fd[0], t->fd[1], &t->sent, &t->got, t->got + PIECE,
		    12 * SOON_MS);
}

/* Send until segments are as large as they may be, but for the threshold. */
static bool grows_to(struct transfer *t, int most, int threshold)
{
	int i, size = 0;

	for (i = 0; i < PIECES; i++) {
		if (!move_piece(t))
			return false;
		size = segment_size(t->fd[0]);
		/* At first what was under way before is still coming. */
		if (size > most - threshold && size <= most + TAG)
			return true;
	}
	fprintf(stderr, "# segments of %d, %d would pass\n", size, most);
	return false;
}

static int threshold(int proto)
{
	return proto == IPPROTO_TCP ? THRESHOLD_TCP : THRESHOLD;
}

TEST_F(probing, finds_what_a_black_hole_lets_through)
{
	int proto = ends_proto(variant->ends, 0);
	struct transfer t = {};

	connect_hosts(&self->hosts, variant->fam, variant->ends, "1", t.fd);
	ASSERT_TRUE(move_piece(&t));
	EXPECT_EQ(1500 - variant->headers, segment_size(t.fd[0]));
	hosts_enter(&self->hosts, 1);
	run("ip link set " LINK " mtu 1280");
	hosts_enter(&self->hosts, 0);
	EXPECT_TRUE(grows_to(&t, 1280 - variant->headers,
			     threshold(proto)));
	if (proto != IPPROTO_TCP) {
		EXPECT_LT(0, counter(proto, "MTUPSuccess"));
		EXPECT_LT(0, counter(proto, "MTUPFail"));
	}
}

TEST_F(probing, begins_small_and_finds_the_device)
{
	int proto = ends_proto(variant->ends, 0);
	struct transfer t = {};

	connect_hosts(&self->hosts, variant->fam, variant->ends, "2", t.fd);
	EXPECT_EQ(1024, segment_size(t.fd[0]));
	/* TCP forgets it until it hears from the route again. */
	EXPECT_EQ(ends_proto(variant->ends, 1) == IPPROTO_TCP ?
		  1500 - variant->headers : 1024, segment_size(t.fd[1]));
	EXPECT_TRUE(grows_to(&t, 1500 - variant->headers,
			     threshold(proto)));
}

/*
 * The sender's own device takes much more than the path: probes of several
 * segments are lost, and what they carried goes again cut anew.
 */
TEST_F(probing, cuts_large_probes_that_were_lost)
{
	int proto = ends_proto(variant->ends, 0), i;
	struct transfer t = {};

	for (i = 0; i < 2; i++) {
		hosts_enter(&self->hosts, i);
		run("ip link set " LINK " mtu 9000");
	}
	connect_hosts(&self->hosts, variant->fam, variant->ends, "2", t.fd);
	hosts_enter(&self->hosts, 1);
	run("ip link set " LINK " mtu 1500");
	hosts_enter(&self->hosts, 0);
	EXPECT_TRUE(grows_to(&t, 1500 - variant->headers,
			     threshold(proto)));
	if (proto != IPPROTO_TCP)
		EXPECT_LT(0, counter(proto, "MTUPFail"));
}

TEST_HARNESS_MAIN
