// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything that a peer can do to a connection with one segment, in every
 * state: all control bits, numbers at every edge of both windows, and headers
 * that lie.  What is answered, the state afterwards and what the application
 * is told must be what TCP does; differences[] lists what is Ferry's own, and
 * Documentation/protocol.md says why.
 *
 * Each segment meets a connection of its own.  A difference counts if it shows
 * three times: on a slow machine a timer may run out between two steps.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "stage.h"

/* From where a number is counted. */
enum base { LEFT, RIGHT, UNA, NXT, OLDEST };

/* A lie in the header, or none. */
enum lie {
	TRUTH,
	BAD_CHECKSUM,
	SHORT_HEADER,	/* data offset of 4 words */
	LONG_HEADER,	/* data offset beyond the end */
	CUT_BYTE,	/* the last byte is missing */
	CUT_HEADER,	/* most of the header is missing */
	OPTION_ZERO,	/* an option of length 0 */
	OPTION_ONE,
	OPTION_LONG,	/* an option longer than the header */
	OPTION_UNKNOWN,
	OPTION_LATE,	/* MSS and window scale where they mean nothing */
	LIES,
};

struct probe {
	__u8 flags;
	enum base seq;
	int seq_off;
	enum base ack;
	int ack_off;
	int len;
	enum lie lie;
};

static const char *probe_text(const struct probe *p)
{
	static const char * const bases[] = {
		"left", "right", "una", "nxt", "oldest"
	};
	static const char * const lies[LIES] = {
		"", ", bad checksum", ", header of 16", ", header of 60",
		", cut by one", ", cut to 7", ", option of length 0",
		", option of length 1", ", option of length 30",
		", unknown option", ", options of a SYN",
	};
	struct segment s = { .flags = p->flags };
	static char text[200];

	snprintf(text, sizeof(text), "%s seq %s%+d ack %s%+d len %d%s",
		 flags_text(&s), bases[p->seq], p->seq_off, bases[p->ack],
		 p->ack_off, p->len, lies[p->lie]);
	return text;
}

static __u32 number(const struct stage *st, enum base base, int off)
{
	switch (base) {
	case LEFT:
		return st->snd + off;
	case RIGHT:
		return st->edge + off;
	case UNA:
		return st->una + off;
	case OLDEST:
		return st->una - PEER_WINDOW + off;
	default:
		return st->nxt + off;
	}
}

static void tell_lie(struct segment *s, enum lie lie)
{
	static const __u8 options[] = { 0, 1, 30 };

	switch (lie) {
	case BAD_CHECKSUM:
		s->bad_checksum = true;
		break;
	case SHORT_HEADER:
		s->data_offset = 4;
		break;
	case LONG_HEADER:
		s->data_offset = 15;
		break;
	case CUT_BYTE:
		s->cut = 1;
		break;
	case CUT_HEADER:
		s->cut = 20 + s->len - 7;
		break;
	case OPTION_ZERO:
	case OPTION_ONE:
	case OPTION_LONG:
		s->options[0] = 99;
		s->options[1] = options[lie - OPTION_ZERO];
		s->options_len = 4;
		break;
	case OPTION_UNKNOWN:
		add_option(s, 99, "ab", 2);
		break;
	case OPTION_LATE:
		add_mss(s, 1);
		add_window_scale(s, 14);
		break;
	default:
		break;
	}
}

static struct segment probe_segment(const struct stage *st,
				    const struct probe *p)
{
	struct segment s = stage_segment(st, p->flags);

	s.seq = number(st, p->seq, p->seq_off);
	s.ack = number(st, p->ack, p->ack_off);
	s.len = p->len;
	stream_fill(1, 0, s.data, p->len);
	tell_lie(&s, p->lie);
	return s;
}

/* Numbers relative to what both ends began with, unless they are zero. */
static void see_answer(struct stage *st, const struct segment *r, void *arg)
{
	/* A SYN-ACK is the first that is heard of the kernel's numbers. */
	if (r->flags & SYN && !st->iss)
		st->iss = r->seq;
	see(arg, " <%s seq %d ack %d len %d>", flags_text(r),
	    (int)(r->seq ? r->seq - st->iss : 0),
	    (int)(r->ack ? r->ack - ISS : 0), r->len);
}

/* Without a descriptor, the answer to a good segment shows the state. */
static void see_mini(struct stage *st, enum place place, struct sight *sight)
{
	struct segment s = stage_segment(st, ACK);

	if (place == AT_CLOSED || place == AT_LISTEN)
		return;
	if (place == AT_TIME_WAIT || place == AT_FIN_WAIT1_ORPHAN ||
	    place == AT_FIN_WAIT2_ORPHAN)
		s.flags |= FIN;
	if (place == AT_TIME_WAIT)
		s.seq--;
	see(sight, "; then");
	stage_send(st, &s);
	stage_drain(st, see_answer, sight);
	if (place == AT_SYN_RECV && wait_for(st->listener, POLLIN, 0)) {
		st->fd = accept_one(st->listener);
		see(sight, "; accepted");
	}
}

static void try_probe(struct stage *st, enum place place,
		      const struct probe *p, struct sight *sight)
{
	struct segment s;

	*sight = (struct sight){ 0 };
	stage_bring(st, place);
	/* Acknowledgments that were due anyway. */
	stage_drain(st, NULL, NULL);
	s = probe_segment(st, p);
	stage_send(st, &s);
	stage_drain(st, see_answer, sight);
	if (place == AT_TIME_WAIT || st->fd < 0)
		see_mini(st, place, sight);
	if (st->fd >= 0) {
		see(sight, "; %s, poll %s, %d to read",
		    state_name(stage_state(st)),
		    poll_name(wait_for(st->fd, POLLIN | POLLRDHUP, 0)),
		    queue_in(st->fd));
		see(sight, ", error %s",
		    errno_name(get_int(st->fd, SOL_SOCKET, SO_ERROR)));
	}
	stage_leave(st);
}

/* ------------------------------------------------------------------ */

/*
 * Where Ferry differs on purpose; Documentation/protocol.md says why, in the
 * same order.  A difference is what it seems only if Ferry's answer begins
 * with what is said here.
 */

#define IN(place) (1 << AT_##place)
#define ANSWERS_DATA (IN(ESTABLISHED) | IN(FIN_WAIT1) | IN(FIN_WAIT2) | \
		      IN(FIN_WAIT1_ORPHAN) | IN(FIN_WAIT2_ORPHAN))
#define PEER_CLOSED (IN(CLOSE_WAIT) | IN(CLOSING) | IN(LAST_ACK))
#define FULL (ANSWERS_DATA | PEER_CLOSED)

static bool has(const struct probe *p, __u8 with, __u8 without)
{
	return (p->flags & with) == with && !(p->flags & without);
}

static bool acks_unsent(const struct probe *p)
{
	return has(p, ACK, SYN | RST) && p->ack_off == 1;
}

static bool acks_old(const struct probe *p)
{
	return has(p, ACK, SYN | RST) && p->ack == OLDEST;
}

static bool rst_or_syn(const struct probe *p)
{
	return p->flags & (SYN | RST);
}

static bool rst(const struct probe *p)
{
	return has(p, RST, 0);
}

static bool rst_below(const struct probe *p)
{
	return has(p, RST, 0) && p->seq == LEFT && p->seq_off == -1;
}

static bool syn(const struct probe *p)
{
	return has(p, SYN, RST);
}

static bool bad_ack(const struct probe *p)
{
	return has(p, ACK, SYN | RST) && (p->ack != NXT || p->ack_off);
}

static bool no_bits(const struct probe *p)
{
	return has(p, 0, SYN | RST | ACK);
}

static bool over_fin(const struct probe *p)
{
	return has(p, ACK, SYN | RST) && p->seq == LEFT && p->seq_off < 0 &&
	       p->len;
}

static bool ends_beyond(const struct probe *p)
{
	return has(p, ACK, SYN | RST) && p->seq == RIGHT && p->seq_off <= 0 &&
	       p->len;
}

static const struct {
	unsigned int places;
	bool (*when)(const struct probe *p);
	const char *ferry;
} differences[] = {
	/* An ACK of what was never sent is challenged. */
	{ FULL, acks_unsent, " <ACK" },
	/* RFC 1337: TIME_WAIT stays. */
	{ IN(TIME_WAIT), rst, "; then <ACK" },
	/* The new ISN lies above all that the old connection had. */
	{ IN(TIME_WAIT), syn, " <SYN|ACK seq 65539" },
	/* RFC 5961: a SYN in the window is challenged. */
	{ IN(SYN_RECV), syn, " <ACK" },
	/* RFC 5961, for an orphan, too. */
	{ IN(FIN_WAIT2_ORPHAN), rst_or_syn, "" },
	{ IN(FIN_WAIT2_ORPHAN), acks_old, " <ACK" },
	/* RFC 5961: a RST must be at RCV.NXT. */
	{ PEER_CLOSED, rst_below, "" },
	/* The sequence number is looked at first. */
	{ IN(SYN_RECV), bad_ack, " <ACK" },
	{ FULL | IN(SYN_CROSSED), no_bits, " <ACK" },
	/* An ACK that does not acknowledge our SYN does not open. */
	{ IN(SYN_CROSSED), bad_ack, " <RST" },
	/* There is no text where the FIN was. */
	{ PEER_CLOSED, over_fin, ";" },
	/* What is within the window counts (newer kernels). */
	{ IN(CLOSING) | IN(LAST_ACK), ends_beyond, ";" },
};

/* When an ACK goes that is only owed is not this test's business. */
static void without_acks(const struct sight *sight, char *text)
{
	const char *s = sight->text, *end;

	while (*s) {
		if (!strncmp(s, " <ACK ", 6)) {
			end = strchr(s, '>');
			s = end + 1;
			continue;
		}
		*text++ = *s++;
	}
	*text = 0;
}

static bool is_explained(enum place place, const struct probe *p,
			 const struct sight *tcp, const struct sight *ferry)
{
	char a[sizeof(tcp->text)], b[sizeof(ferry->text)];
	unsigned int i;

	without_acks(tcp, a);
	without_acks(ferry, b);
	if (!strcmp(a, b) && strstr(a, "poll IN") &&
	    (p->len || p->flags & FIN))
		return true;
	for (i = 0; i < ARRAY_SIZE(differences); i++) {
		if (differences[i].places & 1 << place &&
		    differences[i].when(p) &&
		    !strncmp(ferry->text, differences[i].ferry,
			     strlen(differences[i].ferry)))
			return true;
	}
	return false;
}

FIXTURE(states) {
	struct wire w;
	struct stage st[2];
	int tried;
	int different;
};

FIXTURE_VARIANT(states) {
	enum place place;
	enum family fam;
};

#define AT(place) \
	FIXTURE_VARIANT_ADD(states, place##_v4) { AT_##place, V4 }; \
	FIXTURE_VARIANT_ADD(states, place##_v6) { AT_##place, V6 }

AT(CLOSED);
AT(LISTEN);
AT(SYN_SENT);
AT(SYN_RECV);
AT(SYN_CROSSED);
AT(ESTABLISHED);
AT(FIN_WAIT1);
AT(FIN_WAIT2);
AT(CLOSE_WAIT);
AT(CLOSING);
AT(LAST_ACK);
AT(TIME_WAIT);
AT(FIN_WAIT1_ORPHAN);
AT(FIN_WAIT2_ORPHAN);

FIXTURE_SETUP(states)
{
	stage_world(&self->w, variant->fam);
	stage_open(&self->st[0], &self->w, IPPROTO_TCP);
	stage_open(&self->st[1], &self->w, ferry());
}

FIXTURE_TEARDOWN(states)
{
	stage_close(&self->st[0]);
	stage_close(&self->st[1]);
	wire_close(&self->w);
}

static void compare(struct _test_data_states *self, enum place place,
		    const struct probe *p)
{
	struct sight tcp, ferry;
	int i;

	/* Every kind of segment, but not every one, where that takes hours. */
	if (self->tried++ % 7 && slowness() > 4)
		return;
	for (i = 0; i < 3; i++) {
		try_probe(&self->st[0], place, p, &tcp);
		try_probe(&self->st[1], place, p, &ferry);
		if (!strcmp(tcp.text, ferry.text) ||
		    is_explained(place, p, &tcp, &ferry))
			return;
	}
	if (self->different++ < 100)
		printf("# %s, %s\n#   TCP:  %s\n#   Ferry:%s\n",
		       place_name(place), probe_text(p), tcp.text, ferry.text);
}

TEST_F(states, every_flag)
{
	struct probe p = { .seq = LEFT, .ack = NXT };
	int flags;

	for (flags = 0; flags < 256; flags++) {
		p.flags = flags;
		compare(self, variant->place, &p);
	}
	EXPECT_EQ(0, self->different)
		TH_LOG("of %d segments", self->tried);
}

TEST_F(states, every_edge)
{
	static const __u8 flags[] = {
		ACK, RST, RST | ACK, SYN, SYN | ACK, FIN | ACK, FIN | PSH, 0,
	};
	static const struct {
		enum base base;
		int off;
	} seqs[] = {
		{ LEFT, -2 }, { LEFT, -1 }, { LEFT, 0 }, { LEFT, 1 },
		{ RIGHT, -1 }, { RIGHT, 0 }, { RIGHT, 1 },
	}, acks[] = {
		{ OLDEST, -1 }, { OLDEST, 0 }, { UNA, -1 }, { UNA, 0 },
		{ UNA, 1 }, { NXT, -1 }, { NXT, 0 }, { NXT, 1 },
	};
	unsigned int f, s, a;
	struct probe p;
	int len;

	for (f = 0; f < ARRAY_SIZE(flags); f++) {
		for (s = 0; s < ARRAY_SIZE(seqs); s++) {
			for (a = 0; a < ARRAY_SIZE(acks); a++) {
				for (len = 0; len < 3; len += 2) {
					p = (struct probe){
						flags[f], seqs[s].base,
						seqs[s].off, acks[a].base,
						acks[a].off, len, TRUTH,
					};
					compare(self, variant->place, &p);
				}
			}
		}
	}
	EXPECT_EQ(0, self->different)
		TH_LOG("of %d segments", self->tried);
}

TEST_F(states, every_lie)
{
	static const __u8 flags[] = { ACK | PSH, SYN, RST, FIN | ACK };
	struct probe p = { .seq = LEFT, .ack = NXT, .len = 2 };
	unsigned int f;
	int lie;

	for (lie = 0; lie < LIES; lie++) {
		for (f = 0; f < ARRAY_SIZE(flags); f++) {
			p.lie = lie;
			p.flags = flags[f];
			compare(self, variant->place, &p);
		}
	}
	EXPECT_EQ(0, self->different)
		TH_LOG("of %d segments", self->tried);
}

TEST_HARNESS_MAIN
