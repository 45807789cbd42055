// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/net/ferry and ferry6: the same program on TCP and on Ferry gets the
 * same columns in /proc/net/tcp and in /proc/net/ferry, in each state.
 *
 * A column is compared as it is, or, where it is a time that runs, a number
 * of this run or the address of the socket, by what must hold of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"
#include "wire.h"

/* A line of the file, by /proc/net/tcp's names. */
struct line {
	char local[40], remote[40];
	unsigned int state, tx, rx, timer, retransmits, uid;
	unsigned long when, inode;
	int probes, refs;
	long rto, ato, quick, cwnd, ssthresh;
	int columns;
	size_t length;
};

static const char *path_of(enum family fam, int proto)
{
	if (proto == IPPROTO_TCP)
		return fam == V4 ? "/proc/net/tcp" : "/proc/net/tcp6";
	return fam == V4 ? "/proc/net/ferry" : "/proc/net/ferry6";
}

static FILE *open_list(enum family fam, int proto)
{
	FILE *f = fopen(path_of(fam, proto), "r");

	if (!f)
		die("%s", path_of(fam, proto));
	return f;
}

static bool parse_line(const char *text, struct line *l)
{
	char sk[40];

	memset(l, 0, sizeof(*l));
	l->length = strcspn(text, "\n");
	l->columns = sscanf(text,
			    "%*d: %39s %39s %x %x:%x %x:%lx %x %u %d %lu %d %39s %ld %ld %ld %ld %ld",
			    l->local, l->remote, &l->state, &l->tx, &l->rx,
			    &l->timer, &l->when, &l->retransmits, &l->uid,
			    &l->probes, &l->inode, &l->refs, sk, &l->rto,
			    &l->ato, &l->quick, &l->cwnd, &l->ssthresh);
	return l->columns >= 13;
}

/* The line with these ports in it; 0 is any. */
static bool find_line(enum family fam, int proto, __u16 local, __u16 remote,
		      struct line *l)
{
	FILE *f = open_list(fam, proto);
	char text[400], mine[8], theirs[8];
	bool found = false;

	snprintf(mine, sizeof(mine), ":%04X", local);
	snprintf(theirs, sizeof(theirs), ":%04X", remote);
	while (!found && fgets(text, sizeof(text), f)) {
		found = parse_line(text, l) && strstr(l->local, mine) &&
			strstr(l->remote, theirs);
	}
	fclose(f);
	return found;
}

static unsigned long inode_of(int fd)
{
	struct stat s;

	if (fstat(fd, &s))
		die("fstat");
	return s.st_ino;
}

/* Addresses without ports, which differ from run to run. */
static const char *without_port(char *addr)
{
	*strchr(addr, ':') = 0;
	return addr;
}

static void note_line(struct transcript *t, const char *what, enum family fam,
		      int proto, __u16 local, __u16 remote, int fd)
{
	struct line l;

	if (!find_line(fam, proto, local, remote, &l)) {
		note(t, "%s: no line", what);
		return;
	}
	note(t, "%s: %s %s st %02X tx %u rx %u retrnsmt %u uid %u timeout %d, %d columns, %zu long",
	     what, without_port(l.local), without_port(l.remote), l.state,
	     l.tx, l.rx, l.retransmits, l.uid, l.probes, l.columns,
	     fam == V4 ? l.length : 0);
	/* To the next minute: a slow machine may take some of its seconds. */
	note(t, "   timer %u, in %lu min; inode of the descriptor: %d",
	     l.timer, (l.when + 5999) / 6000,
	     fd < 0 ? l.inode == 0 : l.inode == inode_of(fd));
	/* Who else holds one is each protocol's own affair. */
	if (l.state == TCP_ESTABLISHED)
		note(t, "   references: %d", l.refs);
	if (l.columns > 13)
		note(t, "   cwnd %ld ssthresh %ld", l.cwnd, l.ssthresh);
}

FIXTURE(proc) {
	struct transcript log[2];
};

FIXTURE_VARIANT(proc) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(proc, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(proc, v6) { .fam = V6 };
FIXTURE_VARIANT_ADD(proc, mapped) { .fam = MAPPED };

FIXTURE_SETUP(proc)
{
}

FIXTURE_TEARDOWN(proc)
{
}

static void read_text(const char *path, char *buf, size_t size)
{
	if (!read_file(path, buf, size))
		die("%s", path);
}

TEST_F(proc, header_is_tcps)
{
	char text[2][2][400];
	int i;

	own_namespace();
	for (i = 0; i < 2; i++) {
		read_text(path_of(variant->fam, proto_of(i)), text[i][0],
			  sizeof(text[i][0]));
		*strchrnul(text[i][0], '\n') = 0;
	}
	EXPECT_STREQ(text[0][0], text[1][0]);
}

static bool queue_is(void *arg)
{
	int *a = arg;

	return queue_in(a[0]) == a[1];
}

/* Listener, both ends of a connection with data that nobody reads. */
static void connection(struct transcript *t, enum family fam, int proto)
{
	struct addr at = loopback(fam, 0), a;
	int listener, client, server, wait[2];
	char data[1000] = "";
	__u16 port, mine;

	own_namespace();
	listener = listen_at(&at, proto, 16);
	port = port_of(&at);
	note_line(t, "listener", fam, proto, port, 0, listener);
	client = dial(&at, proto);
	wait_for(listener, POLLIN, SOON_MS);
	note_line(t, "listener, one waits", fam, proto, port, 0, listener);
	server = accept_one(listener);
	note_line(t, "listener, none waits", fam, proto, port, 0, listener);
	a = local_addr(client);
	mine = port_of(&a);
	if (send(client, data, sizeof(data), 0) != sizeof(data))
		die("send");
	wait[0] = server;
	wait[1] = sizeof(data);
	if (!wait_until(queue_is, wait, SOON_MS))
		die("data did not arrive");
	note_line(t, "receiver", fam, proto, port, mine, server);
	if (recv(server, data, 400, 0) != 400)
		die("recv");
	note_line(t, "receiver, after some", fam, proto, port, mine, server);
	set_int(server, SOL_SOCKET, SO_KEEPALIVE, 1);
	note_line(t, "with keep-alive", fam, proto, port, mine, server);
	close(client);
	close(server);
	close(listener);
}

TEST_F(proc, columns_of_a_connection)
{
	int i;

	for (i = 0; i < 2; i++)
		connection(&self->log[i], variant->fam, proto_of(i));
	EXPECT_NE(NULL, strstr(self->log[1].text, "rx 1000"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

static bool in_time_wait(void *arg)
{
	__u16 *port = arg;
	struct line l;

	return find_line(port[2], proto_of(port[3]), port[0], port[1], &l) &&
	       l.state == 6;
}

TEST_F(proc, time_wait)
{
	int i;

	for (i = 0; i < 2; i++) {
		int fd[2];
		__u16 key[4] = { [2] = variant->fam, [3] = i };
		struct addr a;

		own_namespace();
		connected_pair(variant->fam, proto_of(i), fd);
		a = local_addr(fd[0]);
		key[0] = port_of(&a);
		a = remote_addr(fd[0]);
		key[1] = port_of(&a);
		close(fd[0]);
		close(fd[1]);
		ASSERT_TRUE(wait_until(in_time_wait, key, SOON_MS));
		note_line(&self->log[i], "client", variant->fam, proto_of(i),
			  key[0], key[1], -1);
	}
	EXPECT_NE(NULL, strstr(self->log[1].text, "timer 3, in 1 min"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/*
 * The peer is the test itself and does not answer as a stack would.  A request
 * is of its packets' family, so a mapped listener has those of IPv4.
 */
TEST_F(proc, half_open)
{
	int i;

	if (variant->fam == MAPPED)
		return;
	for (i = 0; i < 2; i++) {
		struct segment s = { .from = 40000, .seq = 1000, .flags = SYN,
				     .window = 60000 };
		struct transcript *t = &self->log[i];
		int listener, fd;
		struct wire w;
		struct addr a;

		wire_open(&w, variant->fam, proto_of(i));
		a = w.ours;
		listener = listen_at(&a, w.proto, 16);
		s.to = port_of(&a);
		wire_send(&w, &s);
		wire_await(&w, &s);
		note_line(t, "half-open", variant->fam, w.proto, port_of(&a),
			  40000, -1);

		fd = open_socket(variant->fam, w.proto);
		set_nonblocking(fd, true);
		w.peer = addr_of(variant->fam == V4 ? "192.0.2.2" :
						      "2001:db8::2", 50000);
		if (connect(fd, &w.peer.sa, w.peer.len) == 0 ||
		    errno != EINPROGRESS)
			die("connect to nobody");
		a = local_addr(fd);
		note_line(t, "SYN_SENT", variant->fam, w.proto, port_of(&a),
			  50000, fd);
		close(fd);
		close(listener);
		wire_close(&w);
	}
	EXPECT_NE(NULL, strstr(self->log[1].text, "st 03"));
	EXPECT_NE(NULL, strstr(self->log[1].text, "st 02"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

struct queue {
	enum family fam;
	int proto;
	__u16 port;
	unsigned int tx;
};

static bool waits_in_queue(void *arg)
{
	struct queue *q = arg;
	struct line l;

	return find_line(q->fam, q->proto, q->port, 40000, &l) &&
	       l.tx == q->tx && l.timer == 1;
}

/* What was written counts until it is acknowledged, whether it was sent or not. */
TEST_F(proc, queue_of_a_sender)
{
	int i;

	if (variant->fam == MAPPED)
		return;
	for (i = 0; i < 2; i++) {
		struct queue q = { .fam = variant->fam, .proto = proto_of(i) };
		struct segment s = { .from = 40000, .seq = 1000, .flags = SYN,
				     .window = 1000 };
		struct segment r;
		int listener, fd;
		struct wire w;
		struct addr a;

		wire_open(&w, q.fam, q.proto);
		a = w.ours;
		listener = listen_at(&a, q.proto, 16);
		q.port = port_of(&a);
		s.to = q.port;
		wire_send(&w, &s);
		wire_await(&w, &r);
		s.flags = ACK;
		s.seq++;
		s.ack = r.seq + 1;
		wire_send(&w, &s);
		fd = accept_one(listener);
		ASSERT_TRUE(send_stream(fd, 1, 0, 5000));
		q.tx = 5000;
		EXPECT_TRUE(wait_until(waits_in_queue, &q, SOON_MS))
			TH_LOG("%s", proto_name(q.proto));
		s.ack += 100;
		wire_send(&w, &s);
		q.tx = 4900;
		EXPECT_TRUE(wait_until(waits_in_queue, &q, SOON_MS))
			TH_LOG("%s", proto_name(q.proto));
		abort_connection(fd);
		close(listener);
		wire_close(&w);
	}
}

TEST_F(proc, each_namespace_sees_its_own)
{
	struct addr at = loopback(variant->fam, 0);
	struct line l;
	int fd;

	own_namespace();
	fd = listen_at(&at, ferry(), 16);
	EXPECT_TRUE(find_line(variant->fam, ferry(), port_of(&at), 0, &l));
	own_namespace();
	EXPECT_FALSE(find_line(variant->fam, ferry(), port_of(&at), 0, &l));
	close(fd);
}

/* A reader with a small buffer stops in the middle again and again. */
TEST_F(proc, all_of_many_once)
{
	enum { MANY = 300 };
	static unsigned char listens[65536];
	static char text[100000];
	int fd[MANY], i, file, lines = 0;
	size_t len = 0;
	struct line l;
	ssize_t n;
	char *p;

	own_namespace();
	for (i = 0; i < MANY; i++) {
		struct addr at = loopback(variant->fam, 0);

		fd[i] = listen_at(&at, ferry(), 1);
		listens[port_of(&at)] = 1;
	}
	file = open(path_of(variant->fam, ferry()), O_RDONLY);
	ASSERT_LE(0, file);
	while ((n = read(file, text + len, 100)) > 0)
		len += n;
	ASSERT_LT(len, sizeof(text) - 100);
	for (p = text; *p; p = strchr(p, '\n') + 1) {
		if (!parse_line(p, &l))
			continue;
		EXPECT_EQ(1, listens[strtol(strchr(l.local, ':') + 1, NULL,
					    16)]++);
		lines++;
	}
	EXPECT_EQ(MANY, lines);
	for (i = 0; i < MANY; i++)
		close(fd[i]);
	close(file);
}

TEST_HARNESS_MAIN
