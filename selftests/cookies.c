// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYN cookies: what they remember, what they refuse, and that a flood of
 * forged SYNs shuts nobody out and fills no memory.
 *
 * FERRY_FLOOD in the environment says how many SYNs are a flood.
 */
#include <errno.h>
#include <poll.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"
#include "wire.h"

#define ISS 1000000u	/* the peer's initial sequence number */
#define BACKLOG 64

FIXTURE(cookies) {
	struct transcript log[2];
};

FIXTURE_VARIANT(cookies) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(cookies, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(cookies, v6) { .fam = V6 };

FIXTURE_SETUP(cookies)
{
}

FIXTURE_TEARDOWN(cookies)
{
}

/* A listener behind a wire that answers every SYN with a cookie. */
static int cookie_stage(struct wire *w, enum family fam, int which,
			__u16 *port)
{
	struct addr at;
	int l;

	wire_open(w, fam, proto_of(which));
	set_sysctl(w->proto, "syncookies", "2");
	at = w->ours;
	l = listen_at(&at, w->proto, BACKLOG);
	*port = port_of(&at);
	return l;
}

/* The value of the timestamp that a segment carries; 0 if it has none. */
static __u32 timestamp_of(const struct segment *s)
{
	const __u8 *option;
	__u32 value;
	int len;

	option = find_option(s, 8, &len);
	if (!option)
		return 0;
	memcpy(&value, option, sizeof(value));
	return ntohl(value);
}

struct offer {
	const char *what;
	__u16 mss;
	bool timestamp, sack, ecn;
	int shift;	/* of the window, -1 for no such option */
};

static const struct offer offers[] = {
	{ "nothing", 0, false, false, false, -1 },
	{ "mss 536", 536, false, false, false, -1 },
	{ "mss 1460", 1460, false, false, false, -1 },
	{ "all but timestamps", 1460, false, true, true, 7 },
	{ "timestamps", 1460, true, false, false, -1 },
	{ "timestamps, window scale 0", 1460, true, false, false, 0 },
	{ "timestamps, window scale 14", 1460, true, false, false, 14 },
	{ "timestamps, sack", 1460, true, true, false, -1 },
	{ "timestamps, ecn", 1460, true, false, true, -1 },
	{ "all", 1460, true, true, true, 7 },
};

static struct segment offering(const struct offer *o, __u16 from, __u16 port)
{
	struct segment s = {
		.from = from, .to = port, .seq = ISS, .window = 1000,
		.flags = SYN | (o->ecn ? 0xc0 : 0),
	};

	if (o->mss)
		add_mss(&s, o->mss);
	if (o->sack)
		add_option(&s, 4, "", 0);
	if (o->timestamp)
		add_timestamp(&s, 77, 0);
	if (o->shift >= 0)
		add_window_scale(&s, o->shift);
	return s;
}

/*
 * What both have agreed on in the SYN and the SYN-ACK is what the connection
 * knows, though the listener kept nothing in between.
 */
TEST_F(cookies, options_survive)
{
	unsigned int k;
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct wire w;
		__u16 port;
		int l = cookie_stage(&w, variant->fam, i, &port);

		for (k = 0; k < ARRAY_SIZE(offers); k++) {
			const struct offer *o = &offers[k];
			struct segment s = offering(o, 40000 + k, port), r;
			struct tcp_info info;
			int fd, shift;
			__u32 agreed;

			note(t, "%s", o->what);
			wire_send(&w, &s);
			/* The connections before may still have a word. */
			do
				wire_await(&w, &r);
			while (r.to != s.from);
			note(t, "  %s, %s", flags_text(&r), options_text(&r));
			ASSERT_EQ(SYN | ACK, r.flags & (SYN | ACK | RST));
			ASSERT_EQ(ISS + 1, r.ack);

			s = (struct segment){
				.from = s.from, .to = port, .seq = ISS + 1,
				.ack = r.seq + 1, .flags = ACK | PSH,
				.window = 1000, .len = 5,
			};
			if (timestamp_of(&r))
				add_timestamp(&s, 78, timestamp_of(&r));
			stream_fill(1, 0, s.data, s.len);
			wire_send(&w, &s);
			fd = accept_one(l);
			ASSERT_TRUE(recv_stream(fd, 1, 0, 5));
			read_tcp_info(fd, &info, sizeof(info));
			/* Whether data has come with ECN is no agreement. */
			agreed = info.tcpi_options &
				 (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK |
				  TCPI_OPT_WSCALE | TCPI_OPT_ECN);
			shift = info.tcpi_snd_wscale;
			note(t, "  options %x, scale %d, mss %d", agreed, shift,
			     info.tcpi_snd_mss);
			if (o->timestamp && o->shift >= 0)
				EXPECT_EQ(o->shift, shift);
			close(fd);
		}
		note(t, "sent %lu, received %lu, failed %lu",
		     counter(w.proto, "SyncookiesSent"),
		     counter(w.proto, "SyncookiesRecv"),
		     counter(w.proto, "SyncookiesFailed"));
		EXPECT_EQ(ARRAY_SIZE(offers),
			  counter(w.proto, "SyncookiesRecv"));
		close(l);
		wire_close(&w);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* Anything but the right number, from the right peer, gets a RST. */
TEST_F(cookies, forged_ones_are_reset)
{
	int i, k;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		struct segment s, r, ack;
		struct wire w;
		unsigned long before;
		__u16 port;
		int l = cookie_stage(&w, variant->fam, i, &port);

		/*
		 * No cookie has been sent: it is not even looked at.  (TCP does
		 * for the minutes in which the clock's low 32 bits are small.)
		 */
		ack = (struct segment){
			.from = 40000, .to = port, .seq = ISS + 1, .ack = 4711,
			.flags = ACK, .window = 1000,
		};
		wire_send(&w, &ack);
		wire_await(&w, &r);
		note(t, "before: %s", flags_text(&r));
		ASSERT_EQ(RST, r.flags);
		before = counter(w.proto, "SyncookiesFailed");
		EXPECT_TRUE(w.proto == IPPROTO_TCP || !before);

		s = offering(&offers[2], 40000, port);
		wire_send(&w, &s);
		wire_await(&w, &r);
		ASSERT_EQ(SYN | ACK, r.flags);
		ack.ack = r.seq + 1;
		for (k = 0; k < 5; k++) {
			struct segment forged = ack;

			if (k == 0)
				forged.ack += 64;
			else if (k == 1)
				forged.ack -= 64;
			else if (k == 2)
				forged.ack += 0x8000000;
			else if (k == 3)
				forged.seq += 64;
			else
				forged.from++;
			wire_send(&w, &forged);
			wire_await(&w, &r);
			note(t, "%d: %s, failed %lu", k, flags_text(&r),
			     counter(w.proto, "SyncookiesFailed") - before);
			EXPECT_EQ(RST, r.flags);
			EXPECT_EQ(forged.ack, r.seq);
		}
		EXPECT_EQ(0, wait_for(l, POLLIN, 0));

		/* The right one is good twice: the second is a duplicate. */
		wire_send(&w, &ack);
		wire_send(&w, &ack);
		close(accept_one(l));
		EXPECT_EQ(0, wait_for(l, POLLIN, 0));
		wire_await(&w, &r);
		note(t, "right: %s", flags_text(&r));
		close(l);
		wire_close(&w);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* ------------------------------------------------------------------ */
/* The flood */

struct flood {
	struct wire *w;
	__u16 port;
	unsigned int limit;
	unsigned int sent;
	bool stop;
};

/* A SYN from somebody who will never answer. */
static void forged_syn(struct wire *w, __u16 port, unsigned int n)
{
	__u32 random = n * 2654435761u;
	struct segment s = {
		.from = 1024 + random % 60000, .to = port, .seq = random,
		.flags = SYN, .window = 1000,
	};

	/* 198.18.0.0/15 and 2001:db8:1::/48 are nobody's. */
	if (w->fam == V4)
		w->peer.v4.sin_addr.s_addr = htonl(0xc6120000 + n % 131072);
	else
		memcpy(&w->peer.v6.sin6_addr.s6_addr[12], &n, 4);
	add_mss(&s, 1460);
	wire_send(w, &s);
}

static int flood_body(void *arg)
{
	struct flood *f = arg;
	unsigned int n;

	for (n = 0; !__atomic_load_n(&f->stop, __ATOMIC_RELAXED); n++) {
		forged_syn(f->w, f->port, n);
		__atomic_store_n(&f->sent, n + 1, __ATOMIC_RELAXED);
	}
	return 0;
}

static bool flood_reached(void *arg)
{
	const struct flood *f = arg;

	return __atomic_load_n(&f->sent, __ATOMIC_RELAXED) >= f->limit;
}

static void flood_stage(struct wire *w, enum family fam, int proto)
{
	wire_open(w, fam, proto);
	run_batch("ip", "route add 0.0.0.0/0 dev wire\n"
			"route add 2001:db8:1::/48 dev wire\n");
	if (fam == V6)
		w->peer = addr_of("2001:db8:1::1", 0);
}

/* Objects in use of the slab @name; 0 if there is no such slab. */
static unsigned long slab_objects(const char *name)
{
	static char text[1 << 16];
	unsigned long used = 0;
	char line[64];
	char *p;

	snprintf(line, sizeof(line), "\n%s ", name);
	if (!read_file("/proc/slabinfo", text, sizeof(text)))
		return 0;
	p = strstr(text, line);
	if (p)
		sscanf(p + strlen(line), "%lu", &used);
	return used;
}

#define CLIENTS 40

/*
 * All through the flood every client gets in with its first SYN.  What the
 * flood leaves behind is bounded by the backlog.
 */
TEST_F_TIMEOUT(cookies, a_flood_shuts_nobody_out, 3600)
{
	const unsigned int size = from_environment("FERRY_FLOOD",
						   slowness() > 2 ? 4000 :
								   50000);
	int i, k;

	for (i = 0; i < 2; i++) {
		int proto = proto_of(i);
		long long begin, worst = 0;
		unsigned long objects;
		struct flood *f;
		struct addr at;
		struct wire w;
		pid_t child;
		int l;

		flood_stage(&w, variant->fam, proto);
		at = w.ours;
		l = listen_at(&at, proto, BACKLOG);
		f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(MAP_FAILED, f);
		f->w = &w;
		f->port = port_of(&at);
		begin = now_ms();
		child = spawn(flood_body, f);

		for (k = 0; k < CLIENTS; k++) {
			long long start, took;
			struct tcp_info info;
			int fd, peer;

			f->limit = (unsigned long)size * (k + 1) /
				   (CLIENTS + 1);
			ASSERT_TRUE(wait_until(flood_reached, f, 30 * SOON_MS));
			start = now_ms();
			fd = dial(&at, proto);
			took = now_ms() - start;
			ASSERT_LE(0, fd)
				TH_LOG("client %d: %s", k, errno_name(errno));
			read_tcp_info(fd, &info, sizeof(info));
			EXPECT_EQ(0, info.tcpi_total_retrans);
			peer = accept_one(l);
			ASSERT_TRUE(send_stream(fd, 2, 0, 1000));
			ASSERT_TRUE(recv_stream(peer, 2, 0, 1000));
			close(fd);
			close(peer);
			if (took > worst)
				worst = took;
		}
		f->limit = size;
		ASSERT_TRUE(wait_until(flood_reached, f, 30 * SOON_MS));
		f->stop = true;
		ASSERT_EQ(0, reap(child, SOON_MS));

		objects = slab_objects(i ? "ferry_request" :
				       variant->fam == V4 ?
					       "request_sock_TCP" :
					       "request_sock_TCPv6");
		TH_LOG("%s: %u SYNs, %llu a second; slowest connect %lld ms; "
		       "%lu cookies; %lu request objects",
		       proto_name(proto), f->sent,
		       f->sent * 1000ull / (now_ms() - begin + 1), worst,
		       counter(proto, "SyncookiesSent"), objects);
		/* Requests that time out meanwhile make room for others. */
		EXPECT_LE(f->sent / 2, counter(proto, "SyncookiesSent"));
		if (i) {
			struct ferry_info info = { 0 };
			socklen_t len = sizeof(info);

			ASSERT_EQ(0, getsockopt(l, SOL_FERRY, FERRY_INFO,
						&info, &len));
			EXPECT_EQ(BACKLOG, info.max_half_open);
			EXPECT_LT(0, info.half_open);
			EXPECT_LE(info.half_open, BACKLOG + 2);
			/* SLUB counts a few slabs of each CPU as full. */
			EXPECT_LE(objects, BACKLOG + 512);
		}
		munmap(f, sizeof(*f));
		close(l);
		wire_close(&w);
	}
}

struct overflow {
	int proto;
};

static bool overflowed(void *arg)
{
	struct overflow *o = arg;

	return counter(o->proto, "ReqQFullDrop") > 0;
}

/* The same without cookies: the queue is full, and a client waits outside. */
TEST_F(cookies, without_them_it_does)
{
	unsigned int n;
	int i;

	for (i = 0; i < 2; i++) {
		struct overflow o = { .proto = proto_of(i) };
		struct addr at;
		struct wire w;
		int l, fd;

		flood_stage(&w, variant->fam, o.proto);
		set_sysctl(o.proto, "syncookies", "0");
		at = w.ours;
		l = listen_at(&at, o.proto, BACKLOG);
		for (n = 0; n < 2 * BACKLOG; n++)
			forged_syn(&w, port_of(&at), n);
		ASSERT_TRUE(wait_until(overflowed, &o, SOON_MS));
		fd = open_socket(variant->fam, o.proto);
		set_nonblocking(fd, true);
		ASSERT_EQ(-1, connect(fd, &at.sa, at.len));
		EXPECT_EQ(EINPROGRESS, errno);
		EXPECT_EQ(0, wait_for(fd, POLLOUT, 0));
		EXPECT_EQ(0, counter(o.proto, "SyncookiesSent"));
		close(fd);
		close(l);
		wire_close(&w);
	}
}

TEST_HARNESS_MAIN
