// SPDX-License-Identifier: GPL-2.0-only
/*
 * libferry's connecting: the race between addresses (RFC 8305), time-outs, and
 * connecting again; over TCP and over Ferry.
 *
 * The test itself is the resolver: it says which addresses a name has, in which
 * order, and when.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inside.h"
#include "ktest.h"
#include "lib.h"

#define ADDRESSES	4

/* What the resolver says. */
static struct {
	bool answers;
	int error;
	struct addrinfo list[ADDRESSES];
	struct addr addr[ADDRESSES];
	int n;
} name;

struct lookup {
	int fd;
};

int resolve(const char *host, const char *port, int flags,
	    struct addrinfo **list)
{
	(void)host;
	(void)port;
	(void)flags;
	(void)list;
	errno = ENOENT;
	return -1;
}

struct lookup *lookup_start(const char *host, const char *port)
{
	struct lookup *l = malloc(sizeof(*l));

	(void)host;
	(void)port;
	l->fd = eventfd(name.answers, EFD_CLOEXEC);
	return l;
}

int lookup_fd(const struct lookup *l)
{
	return l->fd;
}

int lookup_result(const struct lookup *l, struct addrinfo **list)
{
	(void)l;
	if (!name.answers || name.error) {
		errno = name.answers ? name.error : EINPROGRESS;
		return -1;
	}
	*list = name.list;
	return 0;
}

void lookup_drop(struct lookup *l)
{
	if (l)
		close(l->fd);
	free(l);
}

static void name_has(struct addr a)
{
	struct addrinfo *info = &name.list[name.n];

	name.addr[name.n] = a;
	info->ai_family = a.sa.sa_family;
	info->ai_addr = &name.addr[name.n].sa;
	info->ai_addrlen = a.len;
	info->ai_next = NULL;
	if (name.n++)
		info[-1].ai_next = info;
	name.answers = true;
}

/* An address at which somebody listens. */
static int healthy(enum family fam, int proto)
{
	struct addr at = loopback(fam, 0);
	int listener = listen_at(&at, proto, 8);

	name_has(at);
	return listener;
}

/* One at which nobody does. */
static void refusing(enum family fam, int proto)
{
	struct addr at = loopback(fam, 0);
	int fd = listen_at(&at, proto, 8);

	close(fd);
	name_has(at);
}

/* One that does not answer: a listener with no room. */
static int silent(enum family fam, int proto)
{
	struct addr at = loopback(fam, 0);
	int listener = listen_at(&at, proto, 0);
	int fd, i;

	for (i = 0; i < 8; i++) {
		fd = open_socket(fam, proto);
		set_nonblocking(fd, true);
		connect(fd, &at.sa, at.len);
		if (!wait_for(fd, POLLOUT, 50 * slowness())) {
			name_has(at);
			return listener;
		}
	}
	die("a listener has room without end");
}

static int descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

FIXTURE(dial) {
	int proto;
};

FIXTURE_VARIANT(dial) {
	bool ferry;
};

FIXTURE_VARIANT_ADD(dial, tcp) { .ferry = false };
FIXTURE_VARIANT_ADD(dial, ferry) { .ferry = true };

FIXTURE_SETUP(dial)
{
	self->proto = proto_of(variant->ferry);
	own_namespace();
}

FIXTURE_TEARDOWN(dial)
{
}

/* Connect, and leave nothing behind but the connection; its peer's family. */
static int connects(int proto, int timeout_ms)
{
	int before = descriptors();
	int fd = ferry_connect_protocol("name", "port", timeout_ms, proto);
	struct addr a;
	char c;

	if (descriptors() != (fd < 0 ? before : before + 1))
		die("descriptors are left behind");
	if (fd < 0)
		return -1;
	if (fcntl(fd, F_GETFL) & O_NONBLOCK)
		die("the socket is not blocking");
	if (recv(fd, &c, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
		die("not connected");
	a = remote_addr(fd);
	close(fd);
	return a.sa.sa_family;
}

TEST_F(dial, the_first_address_is_taken_if_it_answers)
{
	int other;

	healthy(V6, self->proto);
	other = healthy(V4, self->proto);
	EXPECT_EQ(AF_INET6, connects(self->proto, SOON_MS));
	EXPECT_EQ(0, wait_for(other, POLLIN, 0));
}

TEST_F(dial, a_refusal_is_followed_by_the_next_at_once)
{
	long long since = ferry_now();

	refusing(V6, self->proto);
	refusing(V6, self->proto);
	refusing(V4, self->proto);
	healthy(V4, self->proto);
	EXPECT_EQ(AF_INET, connects(self->proto, SOON_MS));
	EXPECT_GT(200 * slowness(), ferry_now() - since);
}

TEST_F(dial, silence_costs_a_quarter_of_a_second)
{
	long long since;

	silent(V6, self->proto);
	healthy(V4, self->proto);
	since = ferry_now();
	EXPECT_EQ(AF_INET, connects(self->proto, SOON_MS));
	EXPECT_LE(250, ferry_now() - since);
	EXPECT_GT(250 + 200 * slowness(), ferry_now() - since);
}

TEST_F(dial, the_families_take_turns)
{
	/* In the resolver's order the third would have come before. */
	silent(V4, self->proto);
	healthy(V4, self->proto);
	healthy(V6, self->proto);
	EXPECT_EQ(AF_INET6, connects(self->proto, SOON_MS));
}

TEST_F(dial, without_another_family_the_same_has_its_turn)
{
	refusing(V4, self->proto);
	refusing(V4, self->proto);
	healthy(V4, self->proto);
	EXPECT_EQ(AF_INET, connects(self->proto, SOON_MS));
}

TEST_F(dial, one_that_was_late_still_wins)
{
	struct addr at = loopback(V6, 0);
	int listener = listen_at(&at, self->proto, 0);
	int fd = dial(&at, self->proto), end;
	struct ferry_wants wants;
	struct ferry_dial *d;
	int before;

	name_has(at);
	silent(V4, self->proto);
	before = descriptors();
	d = ferry_dial_new("name", "port", SOON_MS, self->proto);
	/* Until both are on their way. */
	do {
		ASSERT_EQ(-1, ferry_dial_step(d));
		ASSERT_EQ(EINPROGRESS, errno);
		ferry_dial_wants(d, &wants);
		ASSERT_EQ(POLLIN, wants.events);
	} while (ferry_timeout(&wants) < 1000 && !ferry_await(&wants));
	/* Room comes, and the SYN again that was not answered. */
	close(accept_one(listener));
	close(fd);
	while ((end = ferry_dial_step(d)) < 0 && errno == EINPROGRESS) {
		ferry_dial_wants(d, &wants);
		ASSERT_EQ(0, ferry_await(&wants));
	}
	ASSERT_LE(0, end);
	EXPECT_EQ(AF_INET6, remote_addr(end).sa.sa_family);
	/* The rival is closed: left are the winner, less what was closed above,
	 * the epoll set, and the look-up.
	 */
	EXPECT_EQ(before + 2, descriptors());
	EXPECT_EQ(-1, ferry_dial_step(d));
	EXPECT_EQ(EINVAL, errno);
	ferry_dial_free(d);
	close(end);
}

TEST_F(dial, the_last_failure_is_told)
{
	refusing(V6, self->proto);
	refusing(V4, self->proto);
	EXPECT_EQ(-1, connects(self->proto, SOON_MS));
	EXPECT_EQ(ECONNREFUSED, errno);
}

TEST_F(dial, a_refusal_may_come_late)
{
	struct ferry_wants wants;
	struct ferry_dial *d;
	int listener;

	listener = silent(V6, self->proto);
	d = ferry_dial_new("name", "port", SOON_MS, self->proto);
	ASSERT_EQ(-1, ferry_dial_step(d));
	ASSERT_EQ(EINPROGRESS, errno);
	/* The SYN that was not answered is sent again. */
	close(listener);
	while (ferry_dial_step(d) < 0 && errno == EINPROGRESS) {
		ferry_dial_wants(d, &wants);
		ASSERT_EQ(0, ferry_await(&wants));
	}
	EXPECT_EQ(ECONNREFUSED, errno);
	ferry_dial_free(d);
}

TEST_F(dial, silence_ends_with_the_time_out)
{
	long long since;

	silent(V6, self->proto);
	silent(V4, self->proto);
	since = ferry_now();
	EXPECT_EQ(-1, connects(self->proto, 400));
	EXPECT_EQ(ETIMEDOUT, errno);
	EXPECT_LE(400, ferry_now() - since);
}

TEST_F(dial, the_time_out_is_for_looking_up_the_name_too)
{
	EXPECT_EQ(-1, connects(self->proto, 100));
	EXPECT_EQ(ETIMEDOUT, errno);
	name.error = ENOENT;
	name.answers = true;
	EXPECT_EQ(-1, connects(self->proto, SOON_MS));
	EXPECT_EQ(ENOENT, errno);
}

TEST_F(dial, one_that_is_freed_leaves_nothing_behind)
{
	struct ferry_dial *d;
	int before;

	silent(V6, self->proto);
	silent(V4, self->proto);
	before = descriptors();
	d = ferry_dial_new("name", "port", -1, self->proto);
	EXPECT_EQ(-1, ferry_dial_step(d));
	EXPECT_EQ(EINPROGRESS, errno);
	EXPECT_LT(before, descriptors());
	ferry_dial_free(d);
	EXPECT_EQ(before, descriptors());
}

TEST_F(dial, a_protocol_that_there_is_not)
{
	healthy(V4, self->proto);
	EXPECT_EQ(-1, connects(252, SOON_MS));
	EXPECT_EQ(EPROTONOSUPPORT, errno);
}

/* ------------------------------------------------------------------ */

static int next_connection(struct ferry_reconnect *r)
{
	struct ferry_wants wants;
	int fd;

	while ((fd = ferry_reconnect_step(r)) < 0 && errno == EINPROGRESS) {
		ferry_reconnect_wants(r, &wants);
		ferry_await(&wants);
	}
	return fd;
}

/* What was put off must have been put off for so long, by chance half of it. */
static bool put_off(struct ferry_reconnect *r, long long since, int pause)
{
	struct ferry_wants wants;

	ferry_reconnect_wants(r, &wants);
	return wants.fd < 0 && wants.deadline >= since + pause / 2 &&
	       wants.deadline <= ferry_now() + pause;
}

TEST_F(dial, a_connection_that_is_lost_is_made_again)
{
	const struct ferry_backoff quick = { 20, 400 * slowness(), 1000 };
	/* The fourth is one that lasts. */
	static const int pause[] = { 20, 40, 80, 20, 40 };
	struct ferry_reconnect *r;
	struct ferry_wants wants;
	int i, fd, listener;
	long long since;

	listener = healthy(V4, self->proto);
	r = ferry_reconnect_new("name", "port", self->proto, &quick);
	for (i = 0; i < (int)ARRAY_SIZE(pause); i++) {
		fd = next_connection(r);
		ASSERT_LE(0, fd);
		EXPECT_EQ(-1, ferry_reconnect_step(r));
		EXPECT_EQ(EISCONN, errno);
		ferry_reconnect_wants(r, &wants);
		EXPECT_EQ(-1, wants.fd);
		EXPECT_EQ(-1, wants.deadline);
		if (i == 3)
			poll(NULL, 0, quick.most_ms + 10);
		close(fd);
		close(accept_one(listener));
		since = ferry_now();
		ferry_reconnect_lost(r);
		EXPECT_TRUE(put_off(r, since, pause[i]));
		ferry_reconnect_lost(r);
		EXPECT_TRUE(put_off(r, since, pause[i]));
	}
	EXPECT_EQ(0, ferry_reconnect_error(r));
	ferry_reconnect_free(r);
}

TEST_F(dial, attempts_go_on_until_the_peer_is_there)
{
	static const struct ferry_backoff quick = { 10, 40, 1000 };
	struct ferry_reconnect *r;
	struct ferry_wants wants;
	int fd, failures = 0;

	refusing(V6, self->proto);
	r = ferry_reconnect_new("name", "port", self->proto, &quick);
	for (;;) {
		fd = ferry_reconnect_step(r);
		if (fd >= 0 || errno != EINPROGRESS)
			break;
		ferry_reconnect_wants(r, &wants);
		if (wants.fd < 0 && ++failures == 5) {
			EXPECT_EQ(ECONNREFUSED, ferry_reconnect_error(r));
			healthy(V6, self->proto);
		}
		ferry_await(&wants);
	}
	EXPECT_LE(0, fd);
	close(fd);
	ferry_reconnect_free(r);
}

TEST(pauses_double_up_to_a_most_and_leave_something_to_chance)
{
	static const struct ferry_backoff b = { 500, 60000, 0 };
	static const struct ferry_backoff huge = { 0x7fffffff, 0x7fffffff, 0 };
	static const int full[] = { 500, 1000, 2000, 4000, 8000, 16000, 32000,
				    60000, 60000, 60000 };
	unsigned int i, r;

	for (i = 0; i < ARRAY_SIZE(full); i++) {
		EXPECT_EQ(full[i], backoff_delay(&b, i, 0));
		EXPECT_EQ(full[i] / 2, backoff_delay(&b, i, full[i] / 2));
		for (r = 0; r < 100000; r += 37) {
			EXPECT_LE(full[i] / 2, backoff_delay(&b, i, r));
			EXPECT_GE(full[i], backoff_delay(&b, i, r));
		}
	}
	EXPECT_EQ(60000, backoff_delay(&b, 0xffffffff, 0));
	EXPECT_EQ(0x7fffffff, backoff_delay(&huge, 40, 0));
}

TEST_HARNESS_MAIN
