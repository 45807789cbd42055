// SPDX-License-Identifier: GPL-2.0-only
/*
 * Urgent data: MSG_OOB, SO_OOBINLINE, SIOCATMARK, SIGURG, POLLPRI, and the
 * urgent pointer on the wire.  Each scenario runs on TCP and on Ferry, and
 * what it sees must be the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "ways.h"
#include "wire.h"

#define ISS 1000000u

FIXTURE(urgent) {
	struct transcript log[WAYS];
};

FIXTURE_VARIANT(urgent) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(urgent, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(urgent, v6) { .fam = V6 };

FIXTURE_SETUP(urgent)
{
}

FIXTURE_TEARDOWN(urgent)
{
}

static sig_atomic_t signals;

static void on_signal(int number)
{
	signals += number == SIGURG;
}

static bool got_signal(void *arg)
{
	return signals >= *(int *)arg;
}

static void put(int fd, const char *text, int flags)
{
	if (send(fd, text, strlen(text), flags) != (ssize_t)strlen(text))
		die("send");
}

static bool has_queued(void *arg)
{
	int *a = arg;

	return queue_in(a[0]) >= a[1];
}

/* Wait until FIONREAD says so many. */
static void await_bytes(int fd, int bytes)
{
	int arg[2] = { fd, bytes };

	if (!wait_until(has_queued, arg, SOON_MS))
		die("%d bytes did not come", bytes);
}

static void note_mark(struct transcript *t, int fd)
{
	int at = -1;

	note(t, "   SIOCATMARK %d: %d, FIONREAD %d, POLLPRI %d",
	     ioctl(fd, SIOCATMARK, &at), at, queue_in(fd),
	     !!(wait_for(fd, POLLPRI, 0) & POLLPRI));
}

static void note_recv(struct transcript *t, const char *what, int fd,
		      size_t size, int flags)
{
	char buf[200] = "";
	struct iovec iov = { buf, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(fd, &msg, flags | MSG_DONTWAIT);

	note_ret(t, what, n);
	note(t, "   '%.*s', flags %x", n > 0 ? (int)n : 0, buf,
	     n >= 0 ? msg.msg_flags & (MSG_OOB | MSG_TRUNC) : 0);
	note_mark(t, fd);
}

static bool all_acknowledged(void *fd)
{
	return !queue_out(*(int *)fd);
}

/*
 * Bytes before, an urgent one, bytes after, none of them read yet.  The reader
 * cannot see the last ones behind the mark: the sender knows that they came.
 */
static void sent_around(enum family fam, int way, int fd[2])
{
	ways_pair(fam, way, fd);
	set_int(fd[0], IPPROTO_TCP, FERRY_NODELAY, 1);
	put(fd[0], "before", 0);
	put(fd[0], "xU", MSG_OOB);
	put(fd[0], "after", 0);
	await_bytes(fd[1], 7);
	if (!wait_for(fd[1], POLLPRI, SOON_MS))
		die("no POLLPRI");
	if (!wait_until(all_acknowledged, &fd[0], SOON_MS))
		die("not all came");
}

static void out_of_line(struct transcript *t, enum family fam, int way)
{
	int fd[2];

	sent_around(fam, way, fd);
	note_mark(t, fd[1]);
	note_recv(t, "peek at the urgent byte", fd[1], 10, MSG_OOB | MSG_PEEK);
	note_recv(t, "peek", fd[1], 100, MSG_PEEK);
	note_recv(t, "part", fd[1], 3, 0);
	note_recv(t, "up to the mark", fd[1], 100, 0);
	note_recv(t, "urgent", fd[1], 10, MSG_OOB);
	note_recv(t, "urgent again", fd[1], 10, MSG_OOB);
	note_recv(t, "peek at the rest", fd[1], 100, MSG_PEEK);
	note_recv(t, "the rest", fd[1], 100, 0);
	note_recv(t, "nothing", fd[1], 100, 0);
	close(fd[0]);
	close(fd[1]);
}

TEST_F(urgent, byte_is_taken_out_of_the_stream)
{
	int i;

	for (i = 0; i < ways(); i++)
		out_of_line(&self->log[i], variant->fam, i);
	EXPECT_NE(NULL, strstr(self->log[1].text, "'U', flags 1"));
	EXPECT_NE(NULL, strstr(self->log[1].text, "'after'"));
	EXPECT_TRUE(same_transcripts(self->log));
}

static void unread(struct transcript *t, enum family fam, int way)
{
	int fd[2];

	sent_around(fam, way, fd);
	note_recv(t, "up to the mark", fd[1], 100, 0);
	note_recv(t, "skips it", fd[1], 100, 0);
	note_recv(t, "urgent", fd[1], 10, MSG_OOB);
	close(fd[0]);
	close(fd[1]);
}

TEST_F(urgent, byte_that_nobody_reads_is_skipped)
{
	int i;

	for (i = 0; i < ways(); i++)
		unread(&self->log[i], variant->fam, i);
	EXPECT_TRUE(same_transcripts(self->log));
}

static void in_line(struct transcript *t, enum family fam, int way)
{
	int fd[2];

	ways_pair(fam, way, fd);
	set_int(fd[1], SOL_SOCKET, SO_OOBINLINE, 1);
	put(fd[0], "before", 0);
	put(fd[0], "U", MSG_OOB);
	put(fd[0], "after", 0);
	await_bytes(fd[1], 12);
	note_recv(t, "urgent", fd[1], 10, MSG_OOB);
	note_recv(t, "up to the mark", fd[1], 100, 0);
	note_recv(t, "the rest", fd[1], 100, 0);
	close(fd[0]);
	close(fd[1]);
}

TEST_F(urgent, in_line)
{
	int i;

	for (i = 0; i < ways(); i++)
		in_line(&self->log[i], variant->fam, i);
	EXPECT_NE(NULL, strstr(self->log[1].text, "'Uafter'"));
	EXPECT_TRUE(same_transcripts(self->log));
}

/* The first is read in time, the second is overtaken by the third. */
static void several(struct transcript *t, enum family fam, int way)
{
	int fd[2], n = 0;

	signals = 0;
	ways_pair(fam, way, fd);
	if (fcntl(fd[1], F_SETOWN, getpid()))
		die("F_SETOWN");
	put(fd[0], "1", MSG_OOB);
	n = 1;
	note(t, "signal: %d", wait_until(got_signal, &n, SOON_MS));
	wait_for(fd[1], POLLPRI, SOON_MS);
	note_recv(t, "first", fd[1], 1, MSG_OOB);
	put(fd[0], "2", MSG_OOB);
	n = 2;
	note(t, "signal: %d", wait_until(got_signal, &n, SOON_MS));
	wait_for(fd[1], POLLPRI, SOON_MS);
	put(fd[0], "3", MSG_OOB);
	n = 3;
	note(t, "signal: %d", wait_until(got_signal, &n, SOON_MS));
	wait_for(fd[1], POLLPRI, SOON_MS);
	note_recv(t, "third", fd[1], 1, MSG_OOB);
	note_recv(t, "stream", fd[1], 100, 0);
	note_recv(t, "no more", fd[1], 100, 0);
	close(fd[0]);
	note_poll(t, "end", fd[1], POLLIN);
	note_recv(t, "urgent after the end", fd[1], 1, MSG_OOB);
	close(fd[1]);
}

TEST_F(urgent, later_one_replaces_an_earlier)
{
	int i;

	signal(SIGURG, on_signal);
	for (i = 0; i < ways(); i++)
		several(&self->log[i], variant->fam, i);
	EXPECT_NE(NULL, strstr(self->log[1].text, "'3', flags 1"));
	EXPECT_TRUE(same_transcripts(self->log));
}

TEST_F(urgent, none)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct transcript *t = &self->log[i];
		int fd[2];

		connected_pair(variant->fam, proto_of(i), fd);
		note_recv(t, "none", fd[1], 1, MSG_OOB);
		put(fd[0], "data", 0);
		await_bytes(fd[1], 4);
		note_recv(t, "none still", fd[1], 1, MSG_OOB);
		note_ret(t, "no byte", send(fd[0], "", 0, MSG_OOB));
		note_recv(t, "no byte", fd[1], 1, MSG_OOB);
		close(fd[0]);
		close(fd[1]);
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* ------------------------------------------------------------------ */
/* On the wire */

struct scene {
	struct wire w;
	int listener, fd;
	__u16 port;
	__u32 snd, rcv;
};

static struct segment segment(const struct scene *s, __u8 flags)
{
	return (struct segment){
		.from = 40000, .to = s->port, .flags = flags,
		.seq = s->snd, .ack = flags & ACK ? s->rcv : 0,
		.window = 60000,
	};
}

static void scene_open(struct scene *s, enum family fam, int proto,
		       __u16 window)
{
	struct segment seg;
	struct addr at;

	memset(s, 0, sizeof(*s));
	wire_open(&s->w, fam, proto);
	set_sysctls("sack", "0");
	set_sysctls("timestamps", "0");
	at = s->w.ours;
	s->listener = listen_at(&at, proto, 16);
	s->port = port_of(&at);
	s->snd = ISS;
	seg = segment(s, SYN);
	add_mss(&seg, 1000);
	wire_send(&s->w, &seg);
	wire_await(&s->w, &seg);
	s->snd = ISS + 1;
	s->rcv = seg.seq + 1;
	seg = segment(s, ACK);
	seg.window = window;
	wire_send(&s->w, &seg);
	s->fd = accept_one(s->listener);
}

static void scene_close(struct scene *s)
{
	abort_connection(s->fd);
	close(s->listener);
	wire_close(&s->w);
}

static void note_segments(struct transcript *t, struct scene *s, int n)
{
	struct segment seg;

	while (n--) {
		wire_await(&s->w, &seg);
		note(t, "%s seq %u len %d urgent %u", flags_text(&seg),
		     seg.seq - s->rcv, seg.len, seg.urgent);
	}
}

TEST_F(urgent, pointer_on_the_wire)
{
	static char data[2500];
	int i;

	memset(data, 'd', sizeof(data));
	for (i = 0; i < 2; i++) {
		struct segment seg;
		struct scene s;

		scene_open(&s, variant->fam, proto_of(i), 60000);
		if (send(s.fd, data, sizeof(data), MSG_OOB) != sizeof(data))
			die("send");
		note_segments(&self->log[i], &s, 3);
		/* Once it is acknowledged, nothing is urgent any more. */
		s.rcv += sizeof(data);
		seg = segment(&s, ACK);
		wire_send(&s.w, &seg);
		put(s.fd, "more", 0);
		note_segments(&self->log[i], &s, 1);
		scene_close(&s);
	}
	EXPECT_NE(NULL, strstr(self->log[1].text, "URG"));
	EXPECT_NE(NULL, strstr(self->log[1].text, "urgent 500"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* The window is closed: that something is urgent gets through even so. */
TEST_F(urgent, pointer_passes_a_closed_window)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct scene s;

		scene_open(&s, variant->fam, proto_of(i), 0);
		put(s.fd, "abc", MSG_OOB);
		note_segments(&self->log[i], &s, 2);
		scene_close(&s);
	}
	EXPECT_NE(NULL, strstr(self->log[1].text, "URG"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

static void announced(struct transcript *t, enum family fam, int proto)
{
	struct segment seg;
	struct scene s;

	scene_open(&s, fam, proto, 60000);
	/* The pointer comes first, and the byte later. */
	seg = segment(&s, ACK | URG);
	seg.urgent = 5;
	seg.len = 2;
	memcpy(seg.data, "ab", 2);
	wire_send(&s.w, &seg);
	await_bytes(s.fd, 2);
	note_recv(t, "announced", s.fd, 1, MSG_OOB);
	seg = segment(&s, ACK);
	seg.seq += 2;
	seg.len = 4;
	memcpy(seg.data, "cdEf", 4);
	wire_send(&s.w, &seg);
	wait_for(s.fd, POLLPRI, SOON_MS);
	note_recv(t, "come", s.fd, 1, MSG_OOB);
	note_recv(t, "stream", s.fd, 100, 0);
	note_recv(t, "stream", s.fd, 100, 0);

	/* A pointer to what was received before says nothing. */
	seg = segment(&s, ACK | URG);
	seg.seq += 6;
	seg.urgent = 0;
	seg.len = 1;
	seg.data[0] = 'g';
	wire_send(&s.w, &seg);
	await_bytes(s.fd, 0);
	wait_for(s.fd, POLLIN | POLLPRI, SOON_MS);
	note_mark(t, s.fd);
	note_recv(t, "pointer of zero", s.fd, 1, MSG_OOB);
	note_recv(t, "stream", s.fd, 100, 0);
	scene_close(&s);
}

TEST_F(urgent, byte_comes_after_its_pointer)
{
	int i;

	for (i = 0; i < 2; i++)
		announced(&self->log[i], variant->fam, proto_of(i));
	EXPECT_NE(NULL, strstr(self->log[1].text, "announced: -1 EAGAIN"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_HARNESS_MAIN
