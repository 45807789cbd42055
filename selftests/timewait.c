// SPDX-License-Identifier: GPL-2.0-only
/*
 * A new connection in the place of one in TIME_WAIT, and old duplicates.
 *
 * A SYN for a connection in TIME_WAIT opens it again if its sequence number or
 * its timestamp is newer than all that the old connection had (RFC 9293
 * section 3.6.1, RFC 6191); connect() may have the place of a TIME_WAIT, too
 * (net.ferry.tw_reuse).  What has an older timestamp than the last is refused
 * in TIME_WAIT, in FIN_WAIT2 without a descriptor and half open (RFC 7323
 * section 5).
 *
 * Everything is done over TCP and over Ferry.  The peer's timestamps are made
 * by hand; the kernel's are its clock, and so some tests wait for it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "wire.h"

#define ISS 1000000u	/* the peer's initial sequence number */
#define CLOCK 5000000u	/* the peer's clock when a connection begins */
/*
 * TCP of 6.1 looks at a clock of seconds, Ferry at tw_reuse_delay: this is
 * enough for both.
 */
#define PAST_DELAY_US 2100000

/* A connection whose peer is made by hand. */
struct peer {
	struct wire *w;
	struct transcript *t;
	int proto;
	bool stamps;		/* both ends send timestamps */
	int listener;
	int fd;
	__u16 port;		/* the kernel's */
	__u16 mine;
	__u32 snd;		/* next number of the peer */
	__u32 nxt;		/* next of the kernel's */
	__u32 clock;		/* the peer's last timestamp */
	__u32 echo;		/* the kernel's last timestamp */
};

static void world(struct wire *w, enum family fam)
{
	wire_open(w, fam, IPPROTO_TCP);
	set_sysctls("sack", "0");
	set_sysctls("invalid_ratelimit", "0");
}

static void peer_init(struct peer *p, struct wire *w, int i,
		      struct transcript *t)
{
	struct addr at = w->ours;

	memset(p, 0, sizeof(*p));
	p->w = w;
	p->t = t;
	p->proto = proto_of(i);
	p->listener = listen_at(&at, p->proto, 100);
	p->port = port_of(&at);
	p->mine = 20000;
	p->fd = -1;
}

/* As it should be, but for what the test changes. */
static struct segment segment(const struct peer *p, __u8 flags)
{
	return (struct segment){
		.from = p->mine, .to = p->port, .flags = flags, .seq = p->snd,
		.ack = flags & ACK ? p->nxt : 0, .window = 60000,
	};
}

/* Send it @age ticks after the peer's last timestamp. */
static void say(struct peer *p, struct segment s, int age)
{
	if (p->stamps)
		add_timestamp(&s, p->clock + age,
			      s.flags & ACK ? p->echo : 0);
	p->w->proto = p->proto;
	wire_send(p->w, &s);
}

static void hear(struct peer *p, struct segment *r)
{
	const __u8 *stamp;
	int len;

	p->w->proto = p->proto;
	do
		wire_await(p->w, r);
	while (r->to != p->mine);
	stamp = find_option(r, 8, &len);
	if (stamp)
		p->echo = number_at(stamp);
}

static void await(struct peer *p, __u8 flags)
{
	struct segment r;

	do
		hear(p, &r);
	while ((r.flags & (SYN | FIN | RST | ACK)) != flags);
	p->nxt = r.seq + r.len + !!(r.flags & (SYN | FIN));
}

enum place {
	SYN_RECV,
	FIN_WAIT2,	/* after close() */
	TIME_WAIT,
};

/* A new connection to the listener, brought there. */
static void bring(struct peer *p, enum place place, bool stamps)
{
	struct segment s;

	p->mine++;
	p->stamps = stamps;
	p->clock = CLOCK;
	p->snd = ISS;
	say(p, segment(p, SYN), 0);
	await(p, SYN | ACK);
	p->snd = ISS + 1;
	if (place == SYN_RECV)
		return;
	say(p, segment(p, ACK), 0);
	p->fd = accept_one(p->listener);
	close(p->fd);
	p->fd = -1;
	await(p, FIN | ACK);
	say(p, segment(p, ACK), 0);
	if (place == FIN_WAIT2)
		return;
	s = segment(p, FIN | ACK);
	say(p, s, 0);
	p->snd++;
	await(p, ACK);
}

/* What comes before the RST for a SYN to a port where nobody is. */
static void note_answers(struct peer *p, const char *what)
{
	struct segment marker = {
		.from = 50000, .to = 1, .seq = 7, .flags = SYN,
	};
	struct segment r;
	const __u8 *stamp;
	int len;

	p->w->proto = p->proto;
	wire_send(p->w, &marker);
	for (;;) {
		wire_await(p->w, &r);
		if (r.to == 50000)
			break;
		if (r.to != p->mine)
			continue;
		stamp = find_option(&r, 8, &len);
		note(p->t, "%s: %s ack %d echo %d", what, flags_text(&r),
		     r.flags & ACK ? (int)(r.ack - ISS) : 0,
		     stamp ? (int)(number_at(stamp + 4) - CLOCK) : -1);
	}
}

static void reset(struct peer *p)
{
	say(p, segment(p, RST), 0);
}

FIXTURE(timewait) {
	struct transcript log[2];
	struct wire w;
};

FIXTURE_VARIANT(timewait) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(timewait, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(timewait, v6) { .fam = V6 };

FIXTURE_SETUP(timewait)
{
	world(&self->w, variant->fam);
}

FIXTURE_TEARDOWN(timewait)
{
	wire_close(&self->w);
}

TEST_F(timewait, syn_opens_again_if_newer)
{
	static const int seqs[] = { -100000, -1, 0, 1, 100000 };
	static const int ages[] = { -100000, -1, 0, 1, 100000 };
	unsigned int s, a;
	struct peer p;
	int i;

	for (i = 0; i < 2; i++) {
		peer_init(&p, &self->w, i, &self->log[i]);
		for (s = 0; s < ARRAY_SIZE(seqs); s++) {
			for (a = 0; a < ARRAY_SIZE(ages); a++) {
				struct segment syn;

				bring(&p, TIME_WAIT, true);
				syn = segment(&p, SYN);
				syn.seq += seqs[s];
				note(p.t, "seq %+d timestamp %+d", seqs[s],
				     ages[a]);
				say(&p, syn, ages[a]);
				note_answers(&p, "   answer");
				p.snd = syn.seq + 1;
				reset(&p);
			}
		}
		close(p.listener);
	}
	EXPECT_NE(NULL, strstr(self->log[1].text,
			       "seq -100000 timestamp +1\n   answer: SYN|ACK"));
	EXPECT_NE(NULL, strstr(self->log[1].text,
			       "seq +100000 timestamp -1\n   answer: ACK"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* With timestamps that only one of the two connections has. */
TEST_F(timewait, syn_opens_again_without_timestamps)
{
	static const int seqs[] = { -1, 0, 1 };
	unsigned int s;
	struct peer p;
	int i, had;

	for (i = 0; i < 2; i++) {
		peer_init(&p, &self->w, i, &self->log[i]);
		for (s = 0; s < ARRAY_SIZE(seqs); s++) {
			for (had = 0; had < 2; had++) {
				struct segment syn;

				bring(&p, TIME_WAIT, had);
				syn = segment(&p, SYN);
				syn.seq += seqs[s];
				note(p.t, "seq %+d, the old one had them: %d",
				     seqs[s], had);
				p.stamps = !had;
				say(&p, syn, 1);
				note_answers(&p, "   answer");
				p.snd = syn.seq + 1;
				reset(&p);
			}
		}
		close(p.listener);
	}
	EXPECT_NE(NULL, strstr(self->log[1].text, "SYN|ACK"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* Let the listener refuse what the peer sends, or take it again. */
static void refuse(const struct peer *p, bool by_filter, bool on)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { ARRAY_SIZE(code), code };
	bool v4 = p->w->fam == V4;

	if (!by_filter)
		set_int(p->listener, v4 ? IPPROTO_IP : IPPROTO_IPV6,
			v4 ? IP_MINTTL : IPV6_MINHOPCOUNT, on ? 255 : 0);
	else if (setsockopt(p->listener, SOL_SOCKET,
			    on ? SO_ATTACH_FILTER : SO_DETACH_FILTER,
			    &program, sizeof(program)))
		die("filter");
}

/*
 * What the listener refuses opens nothing here either; nor does it end
 * Ferry's TIME_WAIT.
 */
TEST_F(timewait, listener_may_refuse_the_syn)
{
	struct segment syn, r;
	int i, by_filter;
	struct peer p;

	for (i = 0; i < 2; i++) {
		peer_init(&p, &self->w, i, &self->log[i]);
		for (by_filter = 0; by_filter < 2; by_filter++) {
			bring(&p, TIME_WAIT, true);
			refuse(&p, by_filter, true);
			syn = segment(&p, SYN);
			syn.seq++;
			say(&p, syn, 1);
			note_answers(&p, "refused");
			refuse(&p, by_filter, false);
			if (p.proto != IPPROTO_TCP) {
				r = segment(&p, FIN | ACK);
				r.seq--;
				say(&p, r, 1);
				await(&p, ACK);
			}
			say(&p, syn, 2);
			hear(&p, &r);
			note(p.t, "then: %s", flags_text(&r));
			if (p.proto != IPPROTO_TCP)
				EXPECT_EQ(65537, r.seq - p.nxt);
			p.nxt = r.seq + 1;
			p.snd = syn.seq + 1;
			reset(&p);
		}
		close(p.listener);
	}
	EXPECT_NE(NULL, strstr(self->log[0].text, "then: SYN|ACK"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* What an old segment does, and what a new one does after it. */
TEST_F(timewait, old_duplicates_do_nothing)
{
	static const struct {
		const char *name;
		enum place place;
	} places[] = {
		{ "SYN_RECV", SYN_RECV },
		{ "FIN_WAIT2", FIN_WAIT2 },
		{ "TIME_WAIT", TIME_WAIT },
	};
	static const struct {
		const char *name;
		__u8 flags;
		int off, len;
	} probes[] = {
		{ "ACK", ACK, 0, 0 },
		{ "FIN", FIN | ACK, 0, 0 },
		{ "data", ACK, 0, 10 },
		{ "data from before", ACK, -5, 10 },
		{ "FIN from before", FIN | ACK, -1, 0 },
		{ "SYN", SYN, 1000, 0 },
		{ "the first SYN", SYN, -1, 0 },
		{ "the first SYN-ACK", SYN | ACK, -1, 0 },
	};
	const unsigned int nprobes = ARRAY_SIZE(probes);
	unsigned int l, n, k;
	struct peer p;
	int i;

	for (i = 0; i < 2; i++) {
		peer_init(&p, &self->w, i, &self->log[i]);
		for (k = 0; k < nprobes * ARRAY_SIZE(places); k++) {
			struct segment s;

			l = k / nprobes;
			n = k % nprobes;
			bring(&p, places[l].place, true);
			s = segment(&p, probes[n].flags);
			s.seq += probes[n].off;
			s.len = probes[n].len;
			note(p.t, "%s, old %s", places[l].name,
			     probes[n].name);
			say(&p, s, -1);
			note_answers(&p, "   answer");
			note(p.t, "   accept: %d",
			     !!wait_for(p.listener, POLLIN, 0));
			/* It stands as before, and takes what is new. */
			s = segment(&p, places[l].place == SYN_RECV ?
						ACK : FIN | ACK);
			if (places[l].place == TIME_WAIT)
				s.seq--;
			say(&p, s, 1);
			note_answers(&p, "   then");
			if (places[l].place == SYN_RECV)
				close(accept_one(p.listener));
			else
				p.snd += places[l].place == FIN_WAIT2;
			reset(&p);
		}
		close(p.listener);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* RFC 7323 section 5.2 exempts a RST; TCP does so only in a full socket. */
TEST_F(timewait, old_reset_counts)
{
	struct segment r;
	struct peer p;
	int i;

	for (i = 0; i < 2; i++) {
		peer_init(&p, &self->w, i, &self->log[i]);
		bring(&p, SYN_RECV, true);
		say(&p, segment(&p, RST), -1);
		say(&p, segment(&p, ACK), 1);
		if (p.proto == IPPROTO_TCP) {
			close(accept_one(p.listener));
		} else {
			hear(&p, &r);
			EXPECT_EQ(RST, r.flags);
			EXPECT_EQ(0, wait_for(p.listener, POLLIN, 0));
		}
		reset(&p);
		close(p.listener);
	}
}

/* An ACK in TIME_WAIT says what time it is, too. */
TEST_F(timewait, last_timestamp_counts)
{
	struct segment s;
	struct peer p;
	int i;

	for (i = 0; i < 2; i++) {
		peer_init(&p, &self->w, i, &self->log[i]);
		bring(&p, TIME_WAIT, true);
		say(&p, segment(&p, ACK), 100);
		s = segment(&p, SYN);
		s.seq -= 10;
		say(&p, s, 50);
		note_answers(&p, "SYN from before that ACK");
		say(&p, s, 101);
		note_answers(&p, "SYN from after it");
		p.snd = s.seq + 1;
		reset(&p);
		close(p.listener);
	}
	EXPECT_NE(NULL, strstr(self->log[1].text, "SYN|ACK"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* ------------------------------------------------------------------ */
/* connect() */

static void bind_to(int fd, const struct addr *at)
{
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, &at->sa, at->len))
		die("bind to %s", addr_text(at));
}

/* The only port that connect() may choose. */
static void one_port(__u16 port)
{
	char text[50];

	snprintf(text, sizeof(text), "%u %u", port, port);
	write_file("/proc/sys/net/ipv4/ip_local_port_range", text);
}

/* The kernel connects to the peer; from @from if it is not NULL. */
static int connect_to_peer(struct peer *p, const struct addr *from)
{
	struct addr to = p->w->peer;
	struct segment r;
	int err;

	if (to.sa.sa_family == AF_INET)
		to.v4.sin_port = htons(p->mine);
	else
		to.v6.sin6_port = htons(p->mine);
	p->fd = open_socket_for(&to, p->proto);
	if (from)
		bind_to(p->fd, from);
	set_nonblocking(p->fd, true);
	if (!connect(p->fd, &to.sa, to.len))
		die("connect");
	if (errno != EINPROGRESS) {
		err = errno;
		close(p->fd);
		p->fd = -1;
		return err;
	}
	hear(p, &r);
	if (r.flags != SYN && r.flags != (SYN | ECE | CWR))
		die("%s instead of a SYN", flags_text(&r));
	p->port = r.from;
	p->nxt = r.seq + 1;
	return 0;
}

/* connect(), close(), and the peer's FIN: the kernel keeps TIME_WAIT. */
static void connect_and_close(struct peer *p, const struct addr *from,
			      bool stamps)
{
	struct segment s;

	p->stamps = stamps;
	p->clock = CLOCK;
	if (connect_to_peer(p, from))
		die("connect");
	p->snd = ISS;
	s = segment(p, SYN | ACK);
	say(p, s, 0);
	p->snd++;
	await(p, ACK);
	close(p->fd);
	p->fd = -1;
	await(p, FIN | ACK);
	say(p, segment(p, FIN | ACK), 0);
	p->snd++;
	await(p, ACK);
}

/* bind() says that it has to be this port: then it needs no time to pass. */
TEST_F(timewait, chosen_port_is_connected_again)
{
	struct addr from = self->w.ours;
	struct peer p;
	int i, stamps;

	set_sysctls("tw_reuse", "0");
	for (i = 0; i < 2; i++) {
		__u32 nxt;
		int err;

		peer_init(&p, &self->w, i, &self->log[i]);
		for (stamps = 0; stamps < 2; stamps++) {
			if (from.sa.sa_family == AF_INET)
				from.v4.sin_port = htons(30000 + stamps);
			else
				from.v6.sin6_port = htons(30000 + stamps);
			connect_and_close(&p, &from, stamps);
			nxt = p.nxt;
			err = connect_to_peer(&p, &from);
			note(p.t, "timestamps %d: %s, ISN beyond: %u", stamps,
			     errno_name(err), err ? 0 : p.nxt - 1 - nxt);
			if (!err) {
				p.snd = 0;
				say(&p, segment(&p, RST | ACK), 1);
				close(p.fd);
			}
		}
		close(p.listener);
	}
	EXPECT_NE(NULL, strstr(self->log[1].text, "beyond: 65537"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* Without bind(), net.ferry.tw_reuse and the clock say. */
TEST_F(timewait, port_is_connected_again_after_a_while)
{
	struct peer p[2];
	__u32 nxt[2];
	int i, reuse;

	for (i = 0; i < 2; i++)
		peer_init(&p[i], &self->w, i, &self->log[i]);
	one_port(30000);
	for (i = 0; i < 2; i++) {
		connect_and_close(&p[i], NULL, true);
		nxt[i] = p[i].nxt;
	}
	usleep(PAST_DELAY_US);
	for (i = 0; i < 2; i++) {
		for (reuse = 0; reuse <= 2; reuse += 2) {
			set_sysctls("tw_reuse", reuse ? "2" : "0");
			note(p[i].t, "tw_reuse %d: %s", reuse,
			     errno_name(connect_to_peer(&p[i], NULL)));
		}
		set_sysctls("tw_reuse", "1");
		note(p[i].t, "tw_reuse 1: %s",
		     errno_name(connect_to_peer(&p[i], NULL)));
		note(p[i].t, "ISN beyond: %u", p[i].nxt - 1 - nxt[i]);
		p[i].snd = 0;
		say(&p[i], segment(&p[i], RST | ACK), 1);
		close(p[i].fd);
		close(p[i].listener);
	}
	EXPECT_NE(NULL, strstr(self->log[1].text, "beyond: 65537"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* One connection from the only port; the client closes first. */
static int once_more(const struct addr *to, int listener, int proto)
{
	int fd = dial(to, proto), other, err = errno;
	char c;

	if (fd < 0)
		return err;
	other = accept_one(listener);
	shutdown(fd, SHUT_WR);
	if (read(other, &c, 1))
		die("read");
	close(other);
	if (read(fd, &c, 1))
		die("read");
	close(fd);
	return 0;
}

TEST(tw_reuse_is_for_loopback)
{
	static const struct {
		const char *name, *address;
	} hosts[] = {
		{ "127.0.0.1", "127.0.0.1" },
		{ "127.9.9.9", "127.9.9.9" },
		{ "::1", "::1" },
		{ "mapped", "::ffff:127.0.0.1" },
		{ "192.0.2.1", "192.0.2.1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "mapped, not loopback", "::ffff:192.0.2.1" },
	};
	struct transcript log[2] = { 0 };
	int listener[2][ARRAY_SIZE(hosts)];
	struct addr at[2][ARRAY_SIZE(hosts)];
	unsigned int h;
	struct wire w;
	int i;

	wire_open(&w, V4, IPPROTO_TCP);
	one_port(30000);
	for (i = 0; i < 2; i++) {
		for (h = 0; h < ARRAY_SIZE(hosts); h++) {
			at[i][h] = addr_of(hosts[h].address, 4000 + h);
			listener[i][h] = listen_at(&at[i][h], proto_of(i), 1);
			EXPECT_EQ(0, once_more(&at[i][h], listener[i][h],
					       proto_of(i)));
		}
	}
	usleep(PAST_DELAY_US);
	for (i = 0; i < 2; i++)
		for (h = 0; h < ARRAY_SIZE(hosts); h++)
			note(&log[i], "%s: %s", hosts[h].name,
			     errno_name(once_more(&at[i][h], listener[i][h],
						  proto_of(i))));
	EXPECT_NE(NULL, strstr(log[1].text, "127.0.0.1: none\n"));
	EXPECT_NE(NULL, strstr(log[1].text, "2.1: EADDRNOTAVAIL"));
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
	wire_close(&w);
}

/* Ferry's delay holds, and the same port works again and again. */
TEST(tw_reuse_delay)
{
	struct addr at = loopback(V4, 0);
	unsigned long before, made = 0;
	long long until;
	int listener, err;

	if (ferry() == IPPROTO_TCP)
		SKIP(return, "TCP of 6.1 has no such setting");
	own_namespace();
	listener = listen_at(&at, ferry(), 1);
	one_port(30000);
	set_sysctl(ferry(), "tw_reuse_delay", "60000");
	EXPECT_EQ(0, once_more(&at, listener, ferry()));
	EXPECT_EQ(EADDRNOTAVAIL, once_more(&at, listener, ferry()));
	EXPECT_EQ(0, counter(ferry(), "TimeWaitRecycled"));

	set_sysctl(ferry(), "tw_reuse_delay", "0");
	before = counter(ferry(), "TimeWait");
	until = now_ms() + 1000;
	while (now_ms() < until) {
		err = once_more(&at, listener, ferry());
		ASSERT_TRUE(!err || err == EADDRNOTAVAIL);
		made += !err;
	}
	EXPECT_LT(2, made);
	EXPECT_EQ(made, counter(ferry(), "TimeWaitRecycled"));
	EXPECT_EQ(made, counter(ferry(), "TimeWait") - before);
	close(listener);
}

TEST_HARNESS_MAIN
