// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket options at level SOL_FERRY and its alias, SOL_TCP: lengths as TCP
 * handles them, the defaults of all that there are, ENOPROTOOPT for all that there are not,
 * and TCP_INFO's numbers beside TCP's after the same exchange.
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

/* What is in the table of Documentation/sockets.md as working. */
static const struct {
	int number;
	const char *name;
} options[] = {
	{ TCP_NODELAY, "NODELAY" },
	{ TCP_MAXSEG, "MAXSEG" },
	{ TCP_CORK, "CORK" },
	{ TCP_KEEPIDLE, "KEEPIDLE" },
	{ TCP_KEEPINTVL, "KEEPINTVL" },
	{ TCP_KEEPCNT, "KEEPCNT" },
	{ TCP_SYNCNT, "SYNCNT" },
	{ TCP_LINGER2, "LINGER2" },
	{ TCP_WINDOW_CLAMP, "WINDOW_CLAMP" },
	{ TCP_USER_TIMEOUT, "USER_TIMEOUT" },
	{ TCP_DEFER_ACCEPT, "DEFER_ACCEPT" },
	{ TCP_QUICKACK, "QUICKACK" },
	{ TCP_THIN_LINEAR_TIMEOUTS, "THIN_LINEAR_TIMEOUTS" },
	{ TCP_THIN_DUPACK, "THIN_DUPACK" },
	{ TCP_NOTSENT_LOWAT, "NOTSENT_LOWAT" },
	{ TCP_INQ, "INQ" },
};

TEST(defaults)
{
	struct transcript log[2] = { 0 };
	int i, fd;

	for (i = 0; i < 2; i++) {
		fd = open_socket(V4, proto_of(i));
		for (size_t j = 0; j < ARRAY_SIZE(options); j++)
			note(&log[i], "%s %d", options[j].name,
			     get_int(fd, IPPROTO_TCP, options[j].number));
		close(fd);
	}
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

static void note_lengths(struct transcript *t, int fd, int option,
			 const char *name)
{
	static const int lengths[] = { -1, 0, 1, 2, 3, 4, 5, 8, 16, 100, 1000 };
	char buf[1000];

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		socklen_t len = lengths[i];

		note(t, "get %s, %d", name, lengths[i]);
		note_ret(t, "", getsockopt(fd, IPPROTO_TCP, option, buf, &len));
		/* struct tcp_info grows with the kernel, Ferry's does not. */
		if (option == TCP_INFO && (int)len > 200)
			len = 200;
		note(t, "   %d bytes", (int)len);
	}
}

/* Only so many bytes are filled as there is room for, and no more. */
TEST(lengths_of_getsockopt)
{
	struct transcript log[2] = { 0 };
	int i, fd;

	for (i = 0; i < 2; i++) {
		fd = open_socket(V4, proto_of(i));
		if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4))
			die("reno");
		note_lengths(&log[i], fd, TCP_NODELAY, "NODELAY");
		note_lengths(&log[i], fd, TCP_KEEPIDLE, "KEEPIDLE");
		note_lengths(&log[i], fd, TCP_CONGESTION, "CONGESTION");
		note_lengths(&log[i], fd, TCP_INFO, "INFO");
		note_lengths(&log[i], fd, TCP_CC_INFO, "CC_INFO");
		close(fd);
	}
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

TEST(lengths_of_setsockopt)
{
	struct transcript log[2] = { 0 };
	int value[2] = { 1, 1 };
	int i, fd, len;

	for (i = 0; i < 2; i++) {
		fd = open_socket(V4, proto_of(i));
		for (len = 0; len <= 8; len++) {
			note(&log[i], "length %d", len);
			note_ret(&log[i], "NODELAY",
				 setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, value,
					    len));
			note_ret(&log[i], "CONGESTION",
				 setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION,
					    "reno\0xx", len));
		}
		note_ret(&log[i], "bad address",
			 setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, (void *)8, 4));
		note_ret(&log[i], "bad address",
			 setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, (void *)8,
				    4));
		close(fd);
	}
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

TEST(unknown_options)
{
	struct transcript log[2] = { 0 };
	int i, fd, value = 1;

	for (i = 0; i < 2; i++) {
		socklen_t len = sizeof(value);

		fd = open_socket(V4, proto_of(i));
		note_ret(&log[i], "get",
			 getsockopt(fd, IPPROTO_TCP, 999, &value, &len));
		note_ret(&log[i], "set",
			 setsockopt(fd, IPPROTO_TCP, 999, &value, sizeof(value)));
		note_ret(&log[i], "set what can only be read",
			 setsockopt(fd, IPPROTO_TCP, TCP_INFO, &value,
				    sizeof(value)));
		close(fd);
	}
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

struct clock_of {
	int fd;
	int since;
};

static bool has_moved(void *arg)
{
	struct clock_of *c = arg;

	return get_int(c->fd, IPPROTO_TCP, TCP_TIMESTAMP) - c->since >= 20;
}

/* Milliseconds from a beginning that nobody knows. */
static void clocks(struct transcript *t, int proto)
{
	socklen_t len;
	int fd[2], value, i;
	struct clock_of c;
	long long start;

	connected_pair(V4, proto, fd);
	for (i = 0; i < 6; i++) {
		len = i;
		note_ret(t, "get", getsockopt(fd[0], IPPROTO_TCP, TCP_TIMESTAMP,
					      &value, &len));
		note(t, "   length %d", len);
	}
	c.fd = fd[0];
	start = now_ms();
	c.since = get_int(fd[0], IPPROTO_TCP, TCP_TIMESTAMP);
	note(t, "moves %d", wait_until(has_moved, &c, SOON_MS));
	value = get_int(fd[0], IPPROTO_TCP, TCP_TIMESTAMP) - c.since;
	/* Two clocks that may each be a tick behind. */
	note(t, "with the time %d", value <= now_ms() - start + 20);
	note_ret(t, "set", setsockopt(fd[0], IPPROTO_TCP, TCP_TIMESTAMP, &value,
				      sizeof(value)));
	close(fd[0]);
	close(fd[1]);
}

TEST(clock_of_time_stamps)
{
	EXPECT_TRUE(same_play(clocks, "set: -1 EPERM"));
}

/* What the kernel tells of any socket, where it asks the protocol. */
static void of_any_socket(struct transcript *t, int proto)
{
	__u32 mem[SK_MEMINFO_VARS + 1];
	struct addr at = loopback(V4, 0), name, peer;
	int l = listen_at(&at, proto, 1), fd[2], i;
	socklen_t len;

	name.len = sizeof(name.v6);
	note_ret(t, "SO_PEERNAME", getsockopt(l, SOL_SOCKET, SO_PEERNAME,
					      &name.v6, &name.len));
	connected_pair(V4, proto, fd);
	for (i = 0; i <= (int)sizeof(name.v4) + 8; i += 8) {
		name.len = i;
		note_ret(t, "SO_PEERNAME", getsockopt(fd[1], SOL_SOCKET,
						      SO_PEERNAME, &name.v4,
						      &name.len));
		note(t, "   length %d", name.len);
	}
	peer = remote_addr(fd[1]);
	note(t, "the same %d", !memcmp(&name.v4, &peer.v4, sizeof(peer.v4)));
	if (send(fd[0], mem, sizeof(mem), 0) != sizeof(mem))
		die("send");
	wait_for(fd[1], POLLIN, SOON_MS);
	for (i = 0; i <= (int)sizeof(mem); i += 9) {
		len = i;
		note_ret(t, "SO_MEMINFO", getsockopt(fd[1], SOL_SOCKET,
						     SO_MEMINFO, mem, &len));
		note(t, "   length %d", len);
	}
	note(t, "received %d, its limit %d", mem[SK_MEMINFO_RMEM_ALLOC] > 0,
	     (int)mem[SK_MEMINFO_RCVBUF] ==
	     get_int(fd[1], SOL_SOCKET, SO_RCVBUF));
	note(t, "sent %d, its limit %d, queued %d", mem[SK_MEMINFO_WMEM_ALLOC],
	     (int)mem[SK_MEMINFO_SNDBUF] ==
	     get_int(fd[1], SOL_SOCKET, SO_SNDBUF), mem[SK_MEMINFO_WMEM_QUEUED]);
	note(t, "options %d, backlog %d, drops %d", mem[SK_MEMINFO_OPTMEM],
	     mem[SK_MEMINFO_BACKLOG], mem[SK_MEMINFO_DROPS]);
	close(fd[0]);
	close(fd[1]);
	close(l);
}

TEST(memory_and_name_of_the_peer)
{
	EXPECT_TRUE(same_play(of_any_socket, "received 1, its limit 1"));
}

/* Room for twice the first window, before anything was sent. */
static void first_buffer(struct transcript *t, int proto)
{
	int fd[2], i;

	connected_pair(V4, proto, fd);
	for (i = 0; i < 2; i++) {
		note(t, "twice ten segments: %d",
		     get_int(fd[i], SOL_SOCKET, SO_SNDBUF) >=
		     20 * (int)segment_size(fd[i]));
		close(fd[i]);
	}
}

TEST(send_buffer_of_a_new_connection)
{
	EXPECT_TRUE(same_play(first_buffer, "segments: 1"));
}

static bool all_acknowledged(void *fd)
{
	return queue_out(*(int *)fd) == 0;
}

/* A request, an answer, and a listener with one that waits. */
static void numbers(struct transcript *t, int proto)
{
	struct addr at = loopback(V4, 0);
	int listener = listen_at(&at, proto, 7), fd[2], spare, i;
	struct tcp_info info;
	socklen_t len;
	char data[1000] = "";

	fd[0] = dial(&at, proto);
	fd[1] = accept_one(listener);
	spare = dial(&at, proto);
	wait_for(listener, POLLIN, SOON_MS);
	for (i = 0; i < 3; i++) {
		if (send(fd[0], data, sizeof(data), 0) != sizeof(data) ||
		    recv(fd[1], data, sizeof(data), MSG_WAITALL) !=
			    sizeof(data) ||
		    send(fd[1], data, 400, 0) != 400 ||
		    recv(fd[0], data, 400, MSG_WAITALL) != 400)
			die("exchange");
	}
	for (i = 0; i < 2; i++)
		if (!wait_until(all_acknowledged, &fd[i], SOON_MS))
			die("not acknowledged");
	for (i = 0; i < 2; i++) {
		len = sizeof(info);
		memset(&info, 0, sizeof(info));
		if (getsockopt(fd[i], IPPROTO_TCP, TCP_INFO, &info, &len))
			die("TCP_INFO");
		note(t, "%s: state %d ca_state %d options %x wscale %d",
		     i ? "server" : "client", info.tcpi_state,
		     info.tcpi_ca_state, info.tcpi_options,
		     info.tcpi_snd_wscale == info.tcpi_rcv_wscale);
		note(t, "   retransmits %d probes %d backoff %d",
		     info.tcpi_retransmits, info.tcpi_probes,
		     info.tcpi_backoff);
		note(t, "   unacked %u sacked %u lost %u retrans %u fackets %u total_retrans %u",
		     info.tcpi_unacked, info.tcpi_sacked, info.tcpi_lost,
		     info.tcpi_retrans, info.tcpi_fackets,
		     info.tcpi_total_retrans);
		note(t, "   pmtu %u advmss %u reordering %u ssthresh %u cwnd at least 10: %d",
		     info.tcpi_pmtu, info.tcpi_advmss, info.tcpi_reordering,
		     info.tcpi_snd_ssthresh, info.tcpi_snd_cwnd >= 10);
		note(t, "   bytes acked %llu received %llu sent %llu retrans %llu notsent %u",
		     info.tcpi_bytes_acked, info.tcpi_bytes_received,
		     info.tcpi_bytes_sent, info.tcpi_bytes_retrans,
		     info.tcpi_notsent_bytes);
		note(t, "   data segments in %u out %u; out of order %u, dsack %u",
		     info.tcpi_data_segs_in, info.tcpi_data_segs_out,
		     info.tcpi_rcv_ooopack, info.tcpi_dsack_dups);
		note(t, "   max pacing rate %llx",
		     info.tcpi_max_pacing_rate);
		/* Microseconds, and milliseconds ago. */
		note(t, "   rtt %d rttvar %d min %d rto %d ato %d",
		     info.tcpi_rtt > 0 && info.tcpi_rtt < 5000000,
		     info.tcpi_rttvar > 0 && info.tcpi_rttvar < 5000000,
		     info.tcpi_min_rtt > 0 &&
			     info.tcpi_min_rtt <= info.tcpi_rtt * 4,
		     info.tcpi_rto >= 200000 && info.tcpi_rto < 120000000,
		     info.tcpi_ato > 0 && info.tcpi_ato <= 200000);
		note(t, "   last sent %d, received %d, ack %d",
		     info.tcpi_last_data_sent < 60000,
		     info.tcpi_last_data_recv < 60000,
		     info.tcpi_last_ack_recv < 60000);
		note(t, "   windows %d %d; mss %d %d", info.tcpi_snd_wnd > 1000,
		     info.tcpi_rcv_ssthresh > 1000, info.tcpi_snd_mss > 1000,
		     info.tcpi_rcv_mss > 0);
	}
	len = sizeof(info);
	if (getsockopt(listener, IPPROTO_TCP, TCP_INFO, &info, &len))
		die("TCP_INFO");
	note(t, "listener: state %d unacked %u sacked %u cwnd %u reordering %u options %x rto %u",
	     info.tcpi_state, info.tcpi_unacked, info.tcpi_sacked,
	     info.tcpi_snd_cwnd, info.tcpi_reordering, info.tcpi_options,
	     info.tcpi_rto);
	close(fd[0]);
	close(fd[1]);
	close(spare);
	close(listener);
}

TEST(numbers_of_tcp_info)
{
	struct transcript log[2] = { 0 };
	int i;

	for (i = 0; i < 2; i++)
		numbers(&log[i], proto_of(i));
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

/* At level SOL_FERRY there is more; the front is the same. */
TEST(ferry_info)
{
	struct ferry_info ours = { 0 };
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(ours);
	struct addr at = loopback(V4, 0);
	int listener, fd[2];

	if (ferry() == IPPROTO_TCP)
		SKIP(return, "this is TCP");
	listener = listen_at(&at, ferry(), 7);
	ASSERT_EQ(0, getsockopt(listener, SOL_FERRY, FERRY_INFO, &ours, &len));
	EXPECT_EQ(sizeof(ours), len);
	EXPECT_EQ(10, ours.state);
	EXPECT_LT(0, ours.max_half_open);
	connected_pair(V4, ferry(), fd);
	if (send(fd[0], "12345", 5, 0) != 5)
		die("send");
	wait_for(fd[1], POLLIN, SOON_MS);
	len = sizeof(ours);
	ASSERT_EQ(0, getsockopt(fd[1], SOL_FERRY, FERRY_INFO, &ours, &len));
	EXPECT_EQ(5, ours.rcv_queued);
	EXPECT_EQ(5, ours.bytes_received);
	len = sizeof(info);
	ASSERT_EQ(0, getsockopt(fd[1], IPPROTO_TCP, TCP_INFO, &info, &len));
	EXPECT_GE(sizeof(ours), len);
	EXPECT_EQ(ours.snd_mss, info.tcpi_snd_mss);
	EXPECT_EQ(ours.bytes_received, info.tcpi_bytes_received);
	EXPECT_EQ(ours.snd_wnd, info.tcpi_snd_wnd);
	EXPECT_TRUE(ours.snd_wscale == info.tcpi_snd_wscale);
}

/* What a connection that is accepted has of its SYN's mark. */
TEST(mark_of_the_syn)
{
	struct transcript log[2] = { 0 };
	int i, accept_mark, own;

	own_namespace();
	for (i = 0; i < 2; i++)
	for (accept_mark = 0; accept_mark < 2; accept_mark++)
	for (own = 0; own < 2; own++) {
		int proto = proto_of(i), l, fd, other;
		struct addr at = loopback(V4, 0);

		set_sysctl(proto, "fwmark_accept", accept_mark ? "1" : "0");
		l = listen_at(&at, proto, 1);
		if (own)
			set_int(l, SOL_SOCKET, SO_MARK, 7);
		fd = open_socket(V4, proto);
		set_int(fd, SOL_SOCKET, SO_MARK, 42);
		ASSERT_EQ(0, connect(fd, &at.sa, at.len));
		other = accept_one(l);
		note(&log[i], "%d %d: %d", accept_mark, own,
		     get_int(other, SOL_SOCKET, SO_MARK));
		close(other);
		close(fd);
		close(l);
	}
	EXPECT_NE(NULL, strstr(log[1].text, "1 0: 42"));
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

static void note_counts(struct transcript *t, const char *what, int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		die("TCP_INFO");
	note(t, "%s: bytes acked %llu received %llu sent %llu retrans %llu",
	     what, info.tcpi_bytes_acked, info.tcpi_bytes_received,
	     info.tcpi_bytes_sent, info.tcpi_bytes_retrans);
	note(t, "   data segments in %u out %u; retransmits %u",
	     info.tcpi_data_segs_in, info.tcpi_data_segs_out,
	     info.tcpi_total_retrans);
	note(t, "   a full segment has more than 800 bytes: %d",
	     info.tcpi_snd_mss > 800);
}

/* What connect(AF_UNSPEC) takes back, and what it leaves. */
static void undone(struct transcript *t, int proto)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct addr at = loopback(V4, 0), mine;
	int l = listen_at(&at, proto, 3), fd = open_socket(V4, proto), peer;
	char data[3000] = "";
	unsigned int k;

	for (k = 0; k < ARRAY_SIZE(options); k++)
		if (options[k].number != TCP_MAXSEG &&
		    options[k].number != TCP_CORK)
			set_int(fd, IPPROTO_TCP, options[k].number, 1);
	set_int(fd, IPPROTO_TCP, TCP_MAXSEG, 700);
	set_int(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, 5000);
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, SOON_MS);
	if (connect(fd, &at.sa, at.len))
		die("connect");
	peer = accept_one(l);
	if (send(fd, data, sizeof(data), 0) != sizeof(data) ||
	    recv(peer, data, sizeof(data), MSG_WAITALL) != sizeof(data) ||
	    send(peer, data, 1000, 0) != 1000 ||
	    recv(fd, data, 1000, MSG_WAITALL) != 1000 ||
	    !wait_until(all_acknowledged, &peer, SOON_MS))
		die("exchange");
	if (connect(fd, &none, sizeof(none)))
		die("AF_UNSPEC");
	close(peer);
	for (k = 0; k < ARRAY_SIZE(options); k++)
		if (options[k].number != TCP_MAXSEG)
			note(t, "%s %d", options[k].name,
			     get_int(fd, IPPROTO_TCP, options[k].number));
	if (connect(fd, &at.sa, at.len))
		die("connect");
	peer = accept_one(l);
	note_counts(t, "connected again", fd);
	note_counts(t, "its peer", peer);
	close(peer);
	close(l);
	if (connect(fd, &none, sizeof(none)))
		die("AF_UNSPEC");
	set_int(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 0);
	if (listen(fd, 3))
		die("listen");
	mine = local_addr(fd);
	mine.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l = dial(&mine, proto);
	peer = accept_one(fd);
	note_counts(t, "accepted", peer);
	close(peer);
	close(fd);
	close(l);
}

TEST(what_connect_to_nobody_takes_back)
{
	struct transcript log[2] = { 0 };
	int i;

	for (i = 0; i < 2; i++)
		undone(&log[i], proto_of(i));
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
	EXPECT_NE(NULL, strstr(log[0].text, "WINDOW_CLAMP 0\n"));
	EXPECT_NE(NULL, strstr(log[0].text, "more than 800 bytes: 1"));
}

TEST_HARNESS_MAIN
