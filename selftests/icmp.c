// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICMP and ICMPv6 errors about a segment of a connection, in every state: which
 * of them end it, what the application is told and when, what is in its error
 * queue.  TCP is the oracle, and there is no difference to be explained.
 *
 * The router that sends them is the test itself.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "stage.h"

#define SMALL_MTU 1290	/* which both address families must believe */

struct message {
	__u8 type, code;
	__u32 info;
};

/* What a router or host can say that is an error. */
static const struct message messages[2][24] = {
	[V4] = {
		{ ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0 },
		{ ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0 },
		{ ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0 },
		{ ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0 },
		{ ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, SMALL_MTU },
		{ ICMP_DEST_UNREACH, ICMP_SR_FAILED, 0 },
		{ ICMP_DEST_UNREACH, ICMP_NET_UNKNOWN, 0 },
		{ ICMP_DEST_UNREACH, ICMP_HOST_UNKNOWN, 0 },
		{ ICMP_DEST_UNREACH, ICMP_HOST_ISOLATED, 0 },
		{ ICMP_DEST_UNREACH, ICMP_NET_ANO, 0 },
		{ ICMP_DEST_UNREACH, ICMP_HOST_ANO, 0 },
		{ ICMP_DEST_UNREACH, ICMP_NET_UNR_TOS, 0 },
		{ ICMP_DEST_UNREACH, ICMP_HOST_UNR_TOS, 0 },
		{ ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, 0 },
		{ ICMP_DEST_UNREACH, ICMP_PREC_VIOLATION, 0 },
		{ ICMP_DEST_UNREACH, ICMP_PREC_CUTOFF, 0 },
		{ ICMP_DEST_UNREACH, 16, 0 },
		{ ICMP_SOURCE_QUENCH, 0, 0 },
		{ ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0 },
		{ ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0 },
		{ ICMP_PARAMETERPROB, 0, 13 << 24 },
	},
	[V6] = {
		{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE, 0 },
		{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN, 0 },
		{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_BEYONDSCOPE, 0 },
		{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, 0 },
		{ ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, 0 },
		{ ICMP6_DST_UNREACH, 5, 0 },
		{ ICMP6_DST_UNREACH, 6, 0 },
		{ ICMP6_DST_UNREACH, 99, 0 },
		{ ICMP6_PACKET_TOO_BIG, 0, SMALL_MTU },
		{ ICMP6_PACKET_TOO_BIG, 0, 600 },
		{ ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT, 0 },
		{ ICMP6_PARAM_PROB, ICMP6_PARAMPROB_HEADER, 6 },
		{ ICMP6_PARAM_PROB, ICMP6_PARAMPROB_NEXTHEADER, 6 },
	},
};

static bool is_last(const struct message *m)
{
	return !m->type;
}

static void see_answer(struct stage *st, const struct segment *r, void *arg)
{
	see(arg, " <%s seq %d len %d>", flags_text(r), (int)(r->seq - st->iss),
	    r->len);
}

/* What recvmsg(MSG_ERRQUEUE) gives. */
static void see_error_queue(const struct stage *st, struct sight *sight)
{
	char control[512], data[100];
	struct sockaddr_storage name;
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg = {
		.msg_name = &name, .msg_namelen = sizeof(name),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct sock_extended_err *ee;
	struct cmsghdr *c;
	ssize_t n;

	n = recvmsg(st->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
	if (n < 0) {
		see(sight, "; queue %s", errno_name(errno));
		return;
	}
	see(sight, "; queue %zd bytes, name %u, flags %#x", n, msg.msg_namelen,
	    msg.msg_flags);
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		ee = (struct sock_extended_err *)CMSG_DATA(c);
		see(sight, ", %d/%d: %s origin %u type %u code %u info %u from %u",
		    c->cmsg_level, c->cmsg_type, errno_name(ee->ee_errno),
		    ee->ee_origin, ee->ee_type, ee->ee_code, ee->ee_info,
		    SO_EE_OFFENDER(ee)->sa_family);
	}
}

static int path_mtu(const struct stage *st)
{
	bool v4 = st->w->fam == V4;
	int mtu = 0;
	socklen_t len = sizeof(mtu);

	if (getsockopt(st->fd, v4 ? SOL_IP : SOL_IPV6,
		       v4 ? IP_MTU : IPV6_MTU, &mtu, &len))
		return -errno;
	return mtu;
}

struct attempt {
	enum place place;
	struct message message;
	bool recverr;
	int min_ttl;
	int off;	/* of the sequence number from SND.UNA */
};

static void see_application(struct stage *st, struct sight *sight)
{
	see(sight, "; %s, poll %s", state_name(stage_state(st)),
	    poll_name(wait_for(st->fd, POLLIN | POLLRDHUP | POLLERR, 0)));
	see(sight, ", error %s",
	    errno_name(get_int(st->fd, SOL_SOCKET, SO_ERROR)));
	see(sight, ", again %s",
	    errno_name(get_int(st->fd, SOL_SOCKET, SO_ERROR)));
	see_error_queue(st, sight);
	see(sight, ", MTU %d", path_mtu(st));
}

static void try_message(struct stage *st, const struct attempt *a,
			struct sight *sight)
{
	bool v4 = st->w->fam == V4;
	struct segment about, s;

	*sight = (struct sight){ 0 };
	stage_bring(st, a->place);
	if (st->fd >= 0) {
		set_int(st->fd, v4 ? SOL_IP : SOL_IPV6,
			v4 ? IP_RECVERR : IPV6_RECVERR, a->recverr);
		set_int(st->fd, v4 ? SOL_IP : SOL_IPV6,
			v4 ? IP_MINTTL : IPV6_MINHOPCOUNT, a->min_ttl);
	}
	stage_drain(st, NULL, NULL);

	about = (struct segment){
		.from = st->port, .to = st->mine, .seq = st->una + a->off,
	};
	st->w->proto = st->proto;
	wire_icmp(st->w, a->message.type, a->message.code, a->message.info,
		  &about);
	stage_drain(st, see_answer, sight);

	if (a->place == AT_SYN_RECV) {
		/* Is it still there to be completed? */
		s = stage_segment(st, ACK);
		stage_send(st, &s);
		stage_drain(st, see_answer, sight);
		if (wait_for(st->listener, POLLIN, 0)) {
			st->fd = accept_one(st->listener);
			see(sight, "; accepted");
		}
	}
	if (st->fd >= 0)
		see_application(st, sight);
	stage_leave(st);
}

FIXTURE(icmp) {
	struct wire w;
	struct stage st[2];
	int tried;
	int different;
};

FIXTURE_VARIANT(icmp) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(icmp, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(icmp, v6) { .fam = V6 };

FIXTURE_SETUP(icmp)
{
	stage_world(&self->w, variant->fam);
	stage_open(&self->st[0], &self->w, IPPROTO_TCP);
	stage_open(&self->st[1], &self->w, ferry());
}

FIXTURE_TEARDOWN(icmp)
{
	stage_close(&self->st[0]);
	stage_close(&self->st[1]);
	wire_close(&self->w);
}

/* A timer that runs out in between makes a difference once, not three times. */
static void compare(struct _test_data_icmp *self, const struct attempt *a)
{
	struct sight tcp, ferry;
	int i;

	self->tried++;
	for (i = 0; i < 3; i++) {
		try_message(&self->st[0], a, &tcp);
		try_message(&self->st[1], a, &ferry);
		if (!strcmp(tcp.text, ferry.text))
			return;
	}
	if (self->different++ < 40)
		printf("# %s, type %u code %u, una%+d%s\n#   TCP:  %s\n#   Ferry:%s\n",
		       place_name(a->place), a->message.type, a->message.code,
		       a->off, a->recverr ? ", IP_RECVERR" : "", tcp.text,
		       ferry.text);
}

TEST_F(icmp, every_error_in_every_state)
{
	const struct message *m;
	struct attempt a = { 0 };

	for (m = messages[variant->fam]; !is_last(m); m++) {
		a.message = *m;
		for (a.place = AT_SYN_SENT; a.place < PLACES; a.place++) {
			for (int recverr = 0; recverr < 2; recverr++) {
				a.recverr = recverr;
				compare(self, &a);
			}
		}
	}
	EXPECT_EQ(0, self->different)
		TH_LOG("of %d messages", self->tried);
}

TEST_F(icmp, only_about_what_is_in_flight)
{
	static const int offs[] = {
		-1000000, -1, 0, 1, UNSENT, UNSENT + 1, UNSENT + 2, 1000000,
	};
	struct attempt a = { .recverr = true };
	unsigned int i;

	/* Host unreachable. */
	a.message = messages[variant->fam][variant->fam == V4 ? 1 : 3];
	for (a.place = AT_SYN_SENT; a.place < PLACES; a.place++) {
		for (i = 0; i < ARRAY_SIZE(offs); i++) {
			a.off = offs[i];
			compare(self, &a);
		}
	}
	EXPECT_EQ(0, self->different)
		TH_LOG("of %d messages", self->tried);
}

/* RFC 5082: the message has a TTL of 64, and so has what it is about. */
TEST_F(icmp, not_from_too_far)
{
	const struct message *m;
	struct attempt a = { .place = AT_ESTABLISHED, .recverr = true };

	for (m = messages[variant->fam]; !is_last(m); m++) {
		a.message = *m;
		for (a.min_ttl = 64; a.min_ttl <= 65; a.min_ttl++)
			compare(self, &a);
	}
	EXPECT_EQ(0, self->different)
		TH_LOG("of %d messages", self->tried);
}

/* What has been remembered is what a connection reports that times out. */
TEST_F(icmp, a_soft_error_is_the_reason_of_a_time_out)
{
	struct segment about;
	int i, err[2];

	for (i = 0; i < 2; i++) {
		struct stage *st = &self->st[i];

		stage_bring(st, AT_ESTABLISHED);
		set_int(st->fd, SOL_TCP, TCP_USER_TIMEOUT, 300);
		about = (struct segment){
			.from = st->port, .to = st->mine, .seq = st->una,
		};
		st->w->proto = st->proto;
		if (variant->fam == V4)
			wire_icmp(st->w, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH,
				  0, &about);
		else
			wire_icmp(st->w, ICMP6_DST_UNREACH,
				  ICMP6_DST_UNREACH_ADDR, 0, &about);
		EXPECT_TRUE(wait_for(st->fd, POLLERR, SOON_MS) & POLLERR);
		err[i] = get_int(st->fd, SOL_SOCKET, SO_ERROR);
		stage_leave(st);
	}
	EXPECT_EQ(EHOSTUNREACH, err[0]);
	EXPECT_EQ(EHOSTUNREACH, err[1]);
}

TEST_HARNESS_MAIN
