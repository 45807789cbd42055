// SPDX-License-Identifier: GPL-2.0-only
/*
 * libferry's streams: frames of every kind in pieces of every size, limits,
 * ends, and whether the peer lives; over TCP and over Ferry.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inside.h"
#include "ktest.h"
#include "lib.h"

#define LIMIT	100

FIXTURE(stream) {
	int proto;
	int fd[2];
	struct ferry_stream *s;		/* around fd[1] */
};

FIXTURE_VARIANT(stream) {
	bool ferry;
};

FIXTURE_VARIANT_ADD(stream, tcp) { .ferry = false };
FIXTURE_VARIANT_ADD(stream, ferry) { .ferry = true };

FIXTURE_SETUP(stream)
{
	self->proto = proto_of(variant->ferry);
	own_namespace();
	connected_pair(V4, self->proto, self->fd);
	set_int(self->fd[0], IPPROTO_TCP, TCP_NODELAY, 1);
	set_nonblocking(self->fd[1], true);
	self->s = ferry_stream_open(self->fd[1], LIMIT);
	ASSERT_NE(NULL, self->s);
}

FIXTURE_TEARDOWN(stream)
{
	ferry_stream_close(self->s);
	close(self->fd[0]);
}

enum kind { MESSAGE, LINE, UNTIL, BYTES };

/* A frame of this kind, as a string; false with the errno. */
static int get(struct ferry_stream *s, enum kind kind, char *buf, size_t *len)
{
	const void *bytes = NULL;
	const char *text = NULL;
	int ret;

	*len = 5;
	switch (kind) {
	case MESSAGE:
		ret = ferry_stream_get_message(s, &bytes, len);
		break;
	case LINE:
		ret = ferry_stream_get_line(s, &text, len);
		break;
	case UNTIL:
		ret = ferry_stream_get_until(s, "--\n", 3, &text, len);
		break;
	default:
		ret = ferry_stream_get_bytes(s, &bytes, 5);
	}
	if (ret == 1 && text && text[*len])
		die("no NUL follows");
	if (ret == 1)
		memcpy(buf, text ? text : bytes, *len);
	return ret;
}

static int put(struct ferry_stream *s, enum kind kind, const void *buf,
	       size_t len)
{
	switch (kind) {
	case MESSAGE:
		return ferry_stream_put_message(s, buf, len);
	case LINE:
		return ferry_stream_put_line(s, buf, len);
	case UNTIL:
		return ferry_stream_put_until(s, "--\n", 3, buf, len);
	default:
		return ferry_stream_put_bytes(s, buf, len);
	}
}

/* The same, when it has come. */
static int await(struct ferry_stream *s, enum kind kind, char *buf, size_t *len)
{
	struct ferry_wants wants;
	int ret;

	for (;;) {
		ret = get(s, kind, buf, len);
		if (ret >= 0 || errno != EAGAIN)
			return ret;
		ferry_stream_wants(s, &wants);
		if (wants.deadline < 0)
			wants.deadline = ferry_now() + SOON_MS;
		if (ferry_await(&wants) || !ferry_timeout(&wants))
			return -2;
	}
}

static const char speech[] =
	"a line\r\n\nfiver\0\0\0\3abc\0\0\0\0x-\n--y--\n--\n\377\377\377\377\0\0\0\1zcr\rlf\n";
static const struct {
	enum kind kind;
	const char *payload;
} said_there[] = {
	{ LINE, "a line" }, { LINE, "" }, { BYTES, "fiver" },
	{ MESSAGE, "abc" }, { MESSAGE, "" }, { UNTIL, "x-\n--y" },
	{ UNTIL, "" }, { MESSAGE, "z" }, { LINE, "cr\rlf" },
};

TEST_F(stream, frames_do_not_depend_on_the_pieces_that_they_come_in)
{
	size_t cut, len, all = sizeof(speech) - 1;
	char buf[LIMIT];
	unsigned int i;
	int ret;

	for (cut = 0; cut < all; cut++) {
		size_t sent = cut;

		if (cut)
			ASSERT_EQ(cut, send(self->fd[0], speech, cut, 0));
		for (i = 0; i < ARRAY_SIZE(said_there); i++) {
			ret = get(self->s, said_there[i].kind, buf, &len);
			if (ret < 0 && errno == EAGAIN && sent < all) {
				ASSERT_EQ(all - cut, send(self->fd[0],
							  speech + cut,
							  all - cut, 0));
				sent = all;
				ret = await(self->s, said_there[i].kind, buf,
					    &len);
			} else if (ret < 0) {
				ret = await(self->s, said_there[i].kind, buf,
					    &len);
			}
			ASSERT_EQ(1, ret);
			ASSERT_EQ(strlen(said_there[i].payload), len);
			ASSERT_EQ(0, memcmp(said_there[i].payload, buf, len));
		}
		ASSERT_EQ(-1, get(self->s, LINE, buf, &len));
		ASSERT_EQ(EAGAIN, errno);
	}
}

TEST_F(stream, what_is_put_is_what_is_got)
{
	struct ferry_stream *peer = ferry_stream_open(self->fd[0], LIMIT);
	char buf[LIMIT];
	unsigned int i;
	size_t len;

	for (i = 0; i < ARRAY_SIZE(said_there); i++)
		ASSERT_EQ(0, put(peer, said_there[i].kind,
				 said_there[i].payload,
				 strlen(said_there[i].payload)));
	ASSERT_EQ(0, ferry_stream_finish(peer, SOON_MS));
	for (i = 0; i < ARRAY_SIZE(said_there); i++) {
		ASSERT_EQ(1, await(self->s, said_there[i].kind, buf, &len));
		ASSERT_EQ(strlen(said_there[i].payload), len);
		ASSERT_EQ(0, memcmp(said_there[i].payload, buf, len));
	}
	EXPECT_EQ(0, await(self->s, LINE, buf, &len));
	self->fd[0] = -1;
}

TEST_F(stream, what_would_not_come_out_as_it_is_is_not_put)
{
	static const struct {
		enum kind kind;
		const char *payload;
		int err;
	} bad[] = {
		{ LINE, "two\nlines", EINVAL }, { LINE, "carriage\r", EINVAL },
		{ UNTIL, "a--\nb", EINVAL }, { UNTIL, "x--\n", EINVAL },
	};
	char big[LIMIT + 1] = "", buf[LIMIT];
	unsigned int i;
	size_t len;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(-1, put(self->s, bad[i].kind, bad[i].payload,
				  strlen(bad[i].payload)));
		EXPECT_EQ(bad[i].err, errno);
	}
	for (i = MESSAGE; i <= BYTES; i++) {
		EXPECT_EQ(-1, put(self->s, i, big, LIMIT + 1));
		EXPECT_EQ(EMSGSIZE, errno);
	}
	/* The beginning of the delimiter is the end of the payload. */
	EXPECT_EQ(-1, ferry_stream_put_until(self->s, "abab", 4, "xab", 3));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ferry_stream_put_until(self->s, "", 0, "x", 1));
	EXPECT_EQ(-1, ferry_stream_put_until(self->s, big, 17, "x", 1));
	/* Nothing of all this has been sent. */
	EXPECT_EQ(0, ferry_stream_put_line(self->s, "end", 3));
	EXPECT_EQ(0, ferry_stream_flush(self->s));
	EXPECT_EQ(4, recv(self->fd[0], buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp("end\n", buf, 4));
	EXPECT_EQ(-1, get(self->s, LINE, buf, &len));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_F(stream, nobody_exceeds_the_limit)
{
	static const char head[2][4] = { { 0, 0, 0, LIMIT },
					 { 0, 0, 0, LIMIT + 1 } };
	char text[LIMIT + 20], buf[LIMIT + 20];
	enum kind kind;
	size_t len, extra;

	memset(text, 'x', sizeof(text));
	for (kind = MESSAGE; kind <= UNTIL; kind++) {
		for (extra = 0; extra <= 1; extra++) {
			struct ferry_stream *s;
			int fd[2];

			connected_pair(V4, self->proto, fd);
			s = ferry_stream_open(fd[1], LIMIT);
			if (kind == MESSAGE)
				send(fd[0], head[extra], 4, MSG_MORE);
			send(fd[0], text, LIMIT + extra, MSG_MORE);
			send(fd[0], kind == LINE ? "\r\n" : "--\n",
			     kind == LINE ? 2 : 3, 0);
			if (!extra) {
				EXPECT_EQ(1, await(s, kind, buf, &len));
				EXPECT_EQ(LIMIT, len);
			} else {
				EXPECT_EQ(-1, await(s, kind, buf, &len));
				EXPECT_EQ(EMSGSIZE, errno);
				EXPECT_EQ(-1, await(s, kind, buf, &len));
				EXPECT_EQ(EMSGSIZE, errno);
			}
			ferry_stream_close(s);
			close(fd[0]);
		}
	}
}

TEST_F(stream, a_line_without_an_end_is_refused_before_the_end)
{
	char text[LIMIT + 3], buf[LIMIT];
	size_t len;

	memset(text, 'x', sizeof(text));
	ASSERT_EQ(LIMIT + 2, send(self->fd[0], text, LIMIT + 2, 0));
	EXPECT_EQ(-1, await(self->s, LINE, buf, &len));
	EXPECT_EQ(EMSGSIZE, errno);
}

TEST_F(stream, an_end_within_a_frame_is_an_error)
{
	static const struct {
		const char *part;
		size_t len;
	} part[] = {
		[MESSAGE] = { "\0\0\0\2x", 5 }, [LINE] = { "line\r", 5 },
		[UNTIL] = { "text--", 6 }, [BYTES] = { "four", 4 },
	};
	char buf[LIMIT];
	enum kind kind;
	size_t len;

	for (kind = MESSAGE; kind <= BYTES; kind++) {
		struct ferry_stream *s;
		int fd[2];

		connected_pair(V4, self->proto, fd);
		s = ferry_stream_open(fd[1], LIMIT);
		send(fd[0], part[kind].part, part[kind].len, 0);
		close(fd[0]);
		EXPECT_EQ(-1, await(s, kind, buf, &len));
		EXPECT_EQ(EPROTO, errno);
		ferry_stream_close(s);
	}
}

/* Both send more than the kernel holds before either of them receives. */
#define MESSAGES	40
#define LARGE		100000

static int talk(void *arg)
{
	struct ferry_stream *s = ferry_stream_open(*(int *)arg,
						   2 * MESSAGES * LARGE);
	char *buf = malloc(LARGE);
	const void *got;
	unsigned int i;
	size_t len;

	for (i = 0; i < MESSAGES; i++) {
		stream_fill(i, 0, buf, LARGE);
		if (ferry_stream_put_message(s, buf, LARGE - i) ||
		    ferry_stream_flush(s))
			return 1;
	}
	for (i = 0; i < MESSAGES; i++) {
		if (ferry_stream_get_message(s, &got, &len) != 1 ||
		    len != LARGE - i || stream_check(i, 0, got, len) >= 0)
			return 2;
	}
	free(buf);
	if (ferry_stream_finish(s, SOON_MS))
		return 3;
	return 0;
}

TEST_F(stream, two_that_only_send_do_not_wait_for_each_other)
{
	int fd[2], i;
	pid_t peer;

	connected_pair(V6, self->proto, fd);
	for (i = 0; i < 2; i++)
		set_int(fd[i], SOL_SOCKET, SO_SNDBUF, 20000);
	peer = spawn(talk, &fd[0]);
	close(fd[0]);
	EXPECT_EQ(0, talk(&fd[1]));
	EXPECT_EQ(0, reap(peer, SOON_MS));
}

TEST_F(stream, all_of_a_frame_is_put_or_nothing)
{
	struct ferry_stream *s;
	char text[50], buf[LIMIT];
	unsigned int n = 0, i;
	struct ferry_wants wants;
	size_t len;
	int fd[2];

	memset(text, 'x', sizeof(text));
	connected_pair(V4, self->proto, fd);
	set_nonblocking(fd[0], true);
	set_nonblocking(fd[1], true);
	s = ferry_stream_open(fd[0], LIMIT);
	while (!put(s, MESSAGE, &n, sizeof(n)) && !put(s, LINE, text, n % 50))
		n++;
	/* The message, the line, or neither has had room. */
	EXPECT_EQ(EAGAIN, errno);
	ferry_stream_wants(s, &wants);
	EXPECT_EQ(POLLIN | POLLOUT, wants.events);
	EXPECT_EQ(fd[0], wants.fd);
	EXPECT_EQ(-1, wants.deadline);

	ferry_stream_release(self->s);
	close(self->fd[1]);
	self->s = ferry_stream_open(fd[1], LIMIT);
	for (i = 0; i < n; i++) {
		if (i % 10 == 0)
			ferry_stream_flush(s);
		ASSERT_EQ(1, await(self->s, MESSAGE, buf, &len));
		ASSERT_EQ(0, memcmp(&i, buf, len));
		ASSERT_EQ(1, await(self->s, LINE, buf, &len));
		ASSERT_EQ(i % 50, len);
	}
	EXPECT_EQ(0, ferry_stream_flush(s));
	ferry_stream_close(s);
}

TEST_F(stream, the_last_words_are_heard_of_one_that_listens_no_more)
{
	char buf[LIMIT];
	size_t len;
	int i;

	ASSERT_EQ(4, send(self->fd[0], "bye\n", 4, 0));
	close(self->fd[0]);
	ASSERT_NE(0, wait_for(self->fd[1], POLLRDHUP, SOON_MS));
	/* The first of them is answered with a reset. */
	for (i = 0; i < 1000 && !put(self->s, LINE, "hello", 5); i++) {
		if (ferry_stream_flush(self->s))
			break;
		wait_for(self->fd[1], POLLHUP, 10);
	}
	EXPECT_EQ(-1, ferry_stream_flush(self->s));
	EXPECT_EQ(EPIPE, errno);
	EXPECT_EQ(1, get(self->s, LINE, buf, &len));
	EXPECT_EQ(3, len);
	self->fd[0] = -1;
}

/*
 * Two streams in one thread, for that long; the errno that the first of them
 * ends with.
 */
static int drive(struct ferry_stream *s, struct ferry_stream *other, int ms)
{
	long long end = ferry_now() + ms;
	struct ferry_wants wants[2];
	char buf[LIMIT];
	size_t len;
	int err = EAGAIN;

	while (ferry_now() < end) {
		struct pollfd p[2] = { { .fd = -1 }, { .fd = -1 } };
		int wait = 1000;
		int i;

		/* First, so that what holds up both is not taken for death. */
		if (other && (get(other, MESSAGE, buf, &len) >= 0 ||
			      errno != EAGAIN))
			return -errno;
		if (get(s, MESSAGE, buf, &len) >= 0)
			return 0;
		err = errno;
		if (err != EAGAIN)
			return err;
		for (i = 0; i < (other ? 2 : 1); i++) {
			ferry_stream_wants(i ? other : s, &wants[i]);
			p[i].fd = wants[i].fd;
			p[i].events = wants[i].events;
			if (wants[i].deadline < 0)
				return -1;
			if (ferry_timeout(&wants[i]) < wait)
				wait = ferry_timeout(&wants[i]);
		}
		poll(p, 2, wait);
	}
	return err;
}

TEST_F(stream, the_peer_is_dead_when_it_says_nothing)
{
	int every = 30 * slowness(), dead = 200 * slowness();
	struct ferry_stream *peer;

	set_nonblocking(self->fd[0], true);
	peer = ferry_stream_open(self->fd[0], LIMIT);
	ASSERT_EQ(0, ferry_stream_heartbeat(self->s, every, dead));
	ASSERT_EQ(0, ferry_stream_heartbeat(peer, every, dead));
	EXPECT_EQ(EAGAIN, drive(self->s, peer, 2 * dead));
	/* Now the peer does nothing any more. */
	EXPECT_EQ(ETIMEDOUT, drive(self->s, NULL, 10 * dead));
	/* And there it stays. */
	EXPECT_EQ(ETIMEDOUT, drive(self->s, NULL, 10 * dead));
	ferry_stream_close(peer);
	self->fd[0] = -1;
}

TEST_F(stream, who_has_slept_does_not_take_the_others_for_dead)
{
	int every = 30 * slowness(), dead = 200 * slowness();
	struct ferry_stream *peer;

	set_nonblocking(self->fd[0], true);
	peer = ferry_stream_open(self->fd[0], LIMIT);
	ASSERT_EQ(0, ferry_stream_heartbeat(self->s, every, dead));
	ASSERT_EQ(0, ferry_stream_heartbeat(peer, every, 100 * dead));
	EXPECT_EQ(EAGAIN, drive(peer, NULL, 2 * dead));
	EXPECT_EQ(EAGAIN, drive(self->s, peer, dead / 2));
	ferry_stream_close(peer);
	self->fd[0] = -1;
}

TEST_F(stream, one_that_waits_gives_signs_of_life_and_looks_for_them)
{
	int every = 30 * slowness(), dead = 200 * slowness();
	size_t len, n;
	char buf[LIMIT];

	set_nonblocking(self->fd[1], false);
	ASSERT_EQ(0, ferry_stream_heartbeat(self->s, every, dead));
	EXPECT_EQ(-1, get(self->s, MESSAGE, buf, &len));
	EXPECT_EQ(ETIMEDOUT, errno);
	n = recv(self->fd[0], buf, sizeof(buf), 0);
	EXPECT_LE(4, n);
	EXPECT_EQ(0, memcmp("\377\377\377\377", buf, 4));
	EXPECT_EQ(-1, get(self->s, LINE, buf, &len));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ferry_stream_heartbeat(self->s, 10, 10));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(stream, signs_of_life_are_no_messages)
{
	char buf[4];
	size_t len;

	send(self->fd[1], "\377\377\377\377\377\377\377\377\0\0\0\1x", 13, 0);
	EXPECT_EQ(1, ferry_recv_message(self->fd[0], buf, sizeof(buf), &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ('x', buf[0]);
}

TEST_F(stream, finish_sends_what_waits)
{
	struct ferry_stream *s;
	char text[LIMIT], buf[LIMIT];
	size_t len;
	int i, n;

	memset(text, 'x', sizeof(text));
	s = ferry_stream_open(self->fd[0], LIMIT);
	for (n = 0; n < 100; n++)
		ASSERT_EQ(0, put(s, LINE, text, n % LIMIT));
	EXPECT_EQ(0, ferry_stream_finish(s, SOON_MS));
	for (i = 0; i < n; i++) {
		ASSERT_EQ(1, await(self->s, LINE, buf, &len));
		EXPECT_EQ(i % LIMIT, len);
	}
	EXPECT_EQ(0, await(self->s, LINE, buf, &len));
	self->fd[0] = -1;
}

TEST_F(stream, finish_says_what_it_could_not_send)
{
	struct ferry_stream *s;
	char text[LIMIT] = "";

	set_nonblocking(self->fd[0], true);
	s = ferry_stream_open(self->fd[0], LIMIT);
	while (!put(s, BYTES, text, LIMIT))
		;
	EXPECT_EQ(-1, ferry_stream_finish(s, 100));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_EQ(-1, close(self->fd[0]));
}

TEST(signs_of_life_have_their_times)
{
	struct heartbeat beat;

	heartbeat_start(&beat, 10, 30, 1000);
	EXPECT_FALSE(heartbeat_due(&beat, 1009));
	EXPECT_TRUE(heartbeat_due(&beat, 1010));
	EXPECT_FALSE(heartbeat_dead(&beat, 1029));
	EXPECT_TRUE(heartbeat_dead(&beat, 1030));
	EXPECT_EQ(1010, heartbeat_deadline(&beat, false));
	EXPECT_EQ(1030, heartbeat_deadline(&beat, true));
	beat.sent = 1025;
	EXPECT_EQ(1030, heartbeat_deadline(&beat, false));
	heartbeat_start(&beat, 0, 0, 1000);
	EXPECT_FALSE(heartbeat_due(&beat, 1 << 30));
	EXPECT_FALSE(heartbeat_dead(&beat, 1 << 30));
	EXPECT_EQ(-1, heartbeat_deadline(&beat, false));
}

TEST_HARNESS_MAIN
