// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which segments become of what a program writes, and what it is told of them:
 * Nagle, NODELAY, CORK, MSG_MORE, MAXSEG, NOTSENT_LOWAT, QUICKACK and
 * SIOCOUTQNSD.  The peer is made by hand and acknowledges when it is told to;
 * each scenario runs over TCP and over Ferry.
 *
 * Timers would move what is seen: whoever was too slow does it again.
 */
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ktest.h"
#include "stage.h"

#define PEER_MSS	1000	/* as stage.c says */
/* Less than the first timer of either end. */
#define IN_TIME_MS	30
#define ATTEMPTS	50

struct scene {
	struct stage st;
	struct transcript log;
	long long since;	/* when it was sure that no timer ran */
	bool late;
};

static void note_segment(struct stage *st, const struct segment *r, void *arg)
{
	struct scene *s = arg;
	__u32 end = r->seq + r->len + !!(r->flags & FIN);
	struct segment it = *r;

	/* Where a burst ends is not compared. */
	it.flags &= ~PSH;
	note(&s->log, "   %s, %u bytes at %u, ack %u", flags_text(&it), it.len,
	     r->seq - st->nxt, r->ack - st->snd);
	if ((int)(end - st->nxt) > 0)
		st->nxt = end;
}

/* What has been sent since this was asked last. */
static void look(struct scene *s, const char *what)
{
	note(&s->log, "%s", what);
	stage_drain(&s->st, note_segment, s);
	s->late |= now_ms() - s->since > IN_TIME_MS;
}

static void acknowledge(struct scene *s)
{
	struct segment ack = stage_segment(&s->st, ACK);

	stage_send(&s->st, &ack);
	s->since = now_ms();
}

static void peer_sends(struct scene *s, int len)
{
	struct segment data = stage_segment(&s->st, ACK | PSH);

	data.len = len;
	stage_send(&s->st, &data);
	s->st.snd += len;
}

static void write_bytes(struct scene *s, size_t len, int flags)
{
	static char bytes[100000];

	note_ret(&s->log, "send", send(s->st.fd, bytes, len, flags));
}

static void set(struct scene *s, int option, int value)
{
	set_int(s->st.fd, IPPROTO_TCP, option, value);
}

static void unsent(struct scene *s)
{
	int n = -1;

	note_ret(&s->log, "SIOCOUTQNSD", ioctl(s->st.fd, SIOCOUTQNSD, &n));
	note(&s->log, "   %d bytes", n);
}

/* RFC 896, with Minshall's change: one small segment in flight at a time. */
static void nagle(struct scene *s)
{
	int i;

	for (i = 0; i < 3; i++)
		write_bytes(s, 10, 0);
	look(s, "one goes");
	unsent(s);
	acknowledge(s);
	look(s, "the others, together");
	write_bytes(s, 2 * PEER_MSS + 10, 0);
	look(s, "what is full goes");
	acknowledge(s);
	look(s, "and then the rest");
}

static void nodelay(struct scene *s)
{
	int i;

	set(s, TCP_NODELAY, 1);
	for (i = 0; i < 3; i++)
		write_bytes(s, 10, 0);
	look(s, "each goes");
	set(s, TCP_NODELAY, 0);
	acknowledge(s);
	write_bytes(s, 10, 0);
	write_bytes(s, 10, 0);
	look(s, "one goes");
	set(s, TCP_NODELAY, 1);
	look(s, "the other as well");
}

static void corked(struct scene *s)
{
	set(s, TCP_CORK, 1);
	write_bytes(s, 10, 0);
	write_bytes(s, 20, 0);
	look(s, "nothing");
	unsent(s);
	write_bytes(s, PEER_MSS, 0);
	look(s, "what is full");
	acknowledge(s);
	look(s, "the rest waits");
	set(s, TCP_CORK, 0);
	look(s, "the rest");
	acknowledge(s);
	set(s, TCP_CORK, 1);
	write_bytes(s, 5, 0);
	set(s, TCP_NODELAY, 1);
	look(s, "NODELAY lets it go");
	write_bytes(s, 6, 0);
	look(s, "but not the next");
	shutdown(s->st.fd, SHUT_WR);
	look(s, "with the end");
}

static void more(struct scene *s)
{
	write_bytes(s, 10, MSG_MORE);
	write_bytes(s, 20, MSG_MORE);
	look(s, "nothing");
	write_bytes(s, 30, 0);
	look(s, "all of it");
	acknowledge(s);
	write_bytes(s, PEER_MSS + 10, MSG_MORE);
	look(s, "what is full");
	acknowledge(s);
	look(s, "the rest");
	set(s, TCP_NODELAY, 1);
	write_bytes(s, 10, MSG_MORE);
	look(s, "nothing");
	write_bytes(s, 10, MSG_EOR);
	look(s, "both");
}

static void small_segments(struct scene *s)
{
	note(&s->log, "MAXSEG %d", get_int(s->st.fd, IPPROTO_TCP, TCP_MAXSEG));
	write_bytes(s, 3000, 0);
	look(s, "in pieces");
}

/* No more is writable than what NOTSENT_LOWAT allows to be unsent. */
static void few_unsent(struct scene *s)
{
	set(s, TCP_NOTSENT_LOWAT, 2000);
	note_poll(&s->log, "at first", s->st.fd, POLLOUT);
	/* The window of congestion is ten segments. */
	write_bytes(s, 10 * PEER_MSS + 1500, 0);
	look(s, "ten");
	note(&s->log, "%s", poll_name(wait_for(s->st.fd, POLLOUT, 0)));
	write_bytes(s, 5000, MSG_DONTWAIT);
	unsent(s);
	note(&s->log, "%s", poll_name(wait_for(s->st.fd, POLLOUT, 0)));
	acknowledge(s);
	look(s, "more");
	unsent(s);
	note(&s->log, "%s", poll_name(wait_for(s->st.fd, POLLOUT, 0)));
}

static void quick_acks(struct scene *s)
{
	int i;

	for (i = 0; i < 3; i++) {
		set(s, TCP_QUICKACK, i & 1);
		note(&s->log, "QUICKACK %d",
		     get_int(s->st.fd, IPPROTO_TCP, TCP_QUICKACK));
		peer_sends(s, 100);
		look(s, "acknowledged?");
	}
	set(s, TCP_QUICKACK, 1);
	look(s, "now it is");
}

static const struct {
	const char *name;
	void (*play)(struct scene *s);
	const char *fact;
	int option;		/* of the listener */
	int value;
} scenes[] = {
	{ "Nagle", nagle, "20 bytes", 0, 0 },
	{ "NODELAY", nodelay, "10 bytes", 0, 0 },
	{ "CORK", corked, "FIN", 0, 0 },
	{ "MSG_MORE", more, "60 bytes", 0, 0 },
	{ "MAXSEG", small_segments, "536 bytes", TCP_MAXSEG, 536 },
	{ "NOTSENT_LOWAT", few_unsent, "1000 bytes", 0, 0 },
	{ "QUICKACK", quick_acks, "ACK, 0 bytes", 0, 0 },
};

FIXTURE(pieces) {
	struct wire w;
};

FIXTURE_VARIANT(pieces) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(pieces, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(pieces, v6) { .fam = V6 };

FIXTURE_SETUP(pieces)
{
	stage_world(&self->w, variant->fam);
}

FIXTURE_TEARDOWN(pieces)
{
	wire_close(&self->w);
}

/* Scenario @which over one protocol, until no timer can have been in it. */
static void play(struct wire *w, int proto, int which, struct transcript *log)
{
	struct scene s = { 0 };
	int i;

	for (i = 0; i < ATTEMPTS; i++) {
		stage_open(&s.st, w, proto);
		if (scenes[which].option)
			set_int(s.st.listener, IPPROTO_TCP,
				scenes[which].option, scenes[which].value);
		stage_bring(&s.st, AT_ESTABLISHED);
		acknowledge(&s);
		s.log = (struct transcript){ 0 };
		s.late = false;
		scenes[which].play(&s);
		stage_leave(&s.st);
		stage_close(&s.st);
		if (!s.late)
			break;
	}
	*log = s.log;
}

TEST_F(pieces, are_the_same_as_tcps)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(scenes); i++) {
		struct transcript log[2];

		play(&self->w, IPPROTO_TCP, i, &log[0]);
		play(&self->w, ferry(), i, &log[1]);
		EXPECT_TRUE(strstr(log[0].text, scenes[i].fact))
			TH_LOG("%s: TCP does not say '%s':\n%s", scenes[i].name,
			       scenes[i].fact, log[0].text);
		EXPECT_TRUE(same_transcript(&log[0], &log[1]))
			TH_LOG("%s", scenes[i].name);
	}
}

TEST_HARNESS_MAIN
