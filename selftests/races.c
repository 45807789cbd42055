// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that change under somebody's eyes: one that waits for accept() while
 * its timers run, a listener that has become a client when accept() wakes up, and
 * connections that end while sock_diag lists them.  What is returned hardly
 * matters; the kernel must survive it, and whoever runs this reads its log.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"
#include "wire.h"

/* ------------------------------------------------------------------ */
/* A child in the accept queue whose FIN nobody acknowledges */

#define CLIENTS	3

static void open_by_hand(struct wire *w, __u16 from, __u16 to)
{
	struct segment s = { .from = from, .to = to, .seq = 100, .flags = SYN,
			     .window = 65535 };
	struct segment answer;

	add_mss(&s, 1460);
	wire_send(w, &s);
	do {
		wire_await(w, &answer);
	} while (answer.to != from || !(answer.flags & SYN));
	s.options_len = 0;
	s.flags = ACK;
	s.seq = 101;
	s.ack = answer.seq + 1;
	wire_send(w, &s);
}

/*
 * A socket that is shut down before it listens makes children that are, too: each
 * sends a FIN from the queue.  By the third time the path is suspected of
 * swallowing what is large, see mtu_probing.
 */
static void wait_in_queue(struct transcript *t, int proto)
{
	struct addr at = addr_of("192.0.2.1", 7000);
	int l, fins[CLIENTS] = {}, resets = 0, i;
	struct segment s;
	struct wire w;

	wire_open(&w, V4, proto);
	set_sysctl(proto, "mtu_probing", "1");
	set_sysctl(proto, "retries1", "1");
	l = open_socket(V4, proto);
	shutdown(l, SHUT_WR);
	note_ret(t, "bind", bind(l, &at.sa, at.len));
	note_ret(t, "listen", listen(l, CLIENTS));
	for (i = 0; i < CLIENTS; i++)
		open_by_hand(&w, 5000 + i, 7000);
	while (fins[CLIENTS - 1] < 4) {
		wire_await(&w, &s);
		if (s.flags & FIN)
			fins[s.to - 5000]++;
	}
	close(accept_one(l));
	close(l);
	while (resets < CLIENTS - 1) {
		wire_await(&w, &s);
		resets += !!(s.flags & RST);
	}
	note(t, "resets %d", resets);
	wire_close(&w);
}

TEST(timers_of_who_waits_for_accept)
{
	EXPECT_TRUE(same_play(wait_in_queue, "resets 2"));
}

/* ------------------------------------------------------------------ */
/* A listener that is a client when its accept() wakes up */

struct acceptor {
	pthread_t thread;
	int listener;
	int tid;
	int err;
};

static void stay_on_one_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

/* Of low rank: it wakes up when the other has done it all. */
static void *accept_slowly(void *arg)
{
	struct sched_param none = {};
	struct acceptor *a = arg;

	stay_on_one_processor();
	if (sched_setscheduler(0, SCHED_IDLE, &none))
		die("sched_setscheduler");
	__atomic_store_n(&a->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	a->err = accept(a->listener, NULL, NULL) < 0 ? errno : 0;
	return NULL;
}

static bool sleeps(void *arg)
{
	struct acceptor *a = arg;
	char path[40], text[200];
	int tid = __atomic_load_n(&a->tid, __ATOMIC_ACQUIRE);
	const char *end;

	if (!tid)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	if (!read_file(path, text, sizeof(text)))
		return false;
	end = strrchr(text, ')');
	return end && end[2] == 'S';
}

static void change_sides(struct transcript *t, int proto)
{
	struct addr server = loopback(V4, 0);
	int l = listen_at(&server, proto, 100), i;

	for (i = 0; i < 5; i++) {
		struct addr at = loopback(V4, 0);
		struct acceptor a = { .listener = listen_at(&at, proto, 5) };

		if (pthread_create(&a.thread, NULL, accept_slowly, &a))
			die("pthread_create");
		if (!wait_until(sleeps, &a, SOON_MS))
			die("accept() does not sleep");
		note_ret(t, "shutdown", shutdown(a.listener, SHUT_RDWR));
		note_ret(t, "connect", connect(a.listener, &server.sa,
					       server.len));
		if (pthread_join(a.thread, NULL))
			die("pthread_join");
		note(t, "accept: %s", errno_name(a.err));
		close(a.listener);
		close(accept_one(l));
	}
	close(l);
}

TEST(accept_of_what_has_become_a_client)
{
	own_namespace();
	set_sysctls("mtu_probing", "2");
	stay_on_one_processor();
	EXPECT_TRUE(same_play(change_sides, "accept: EINVAL"));
}

/* ------------------------------------------------------------------ */
/* Connections that end while they are listed */

#define CHURNERS	3
#define CONNECTIONS	(600 / slowness())

/* One dump with all that there is to tell; how many sockets there were. */
static int list_all(int nl, int proto)
{
	static char answer[1 << 16];
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 req;
	} ask = {
		.head = {
			.nlmsg_len = sizeof(ask),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.req = {
			.sdiag_family = AF_INET, .sdiag_protocol = proto,
			.idiag_ext = 0xff, .idiag_states = ~0U,
		},
	};
	int sockets = 0;

	if (send(nl, &ask, sizeof(ask), 0) != sizeof(ask))
		die("send");
	for (;;) {
		struct nlmsghdr *h = (struct nlmsghdr *)answer;
		int len = recv(nl, answer, sizeof(answer), 0);

		if (len <= 0)
			die("recv");
		for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return sockets;
			if (h->nlmsg_type == NLMSG_ERROR)
				die("sock_diag refuses");
			sockets++;
		}
	}
}

static int looker(void *arg)
{
	int nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);

	if (nl < 0)
		die("socket");
	for (;;)
		list_all(nl, *(int *)arg);
}

/* Connections that are accepted or not, and end one way or another. */
static int churner(void *arg)
{
	static char data[1 << 16];
	int proto = *(int *)arg, i, l, fd, other;
	struct addr at = loopback(V4, 0);

	l = listen_at(&at, proto, 8);
	for (i = 0; i < CONNECTIONS; i++) {
		fd = dial(&at, proto);
		if (fd < 0)
			die("connect");
		if (send(fd, data, sizeof(data), MSG_DONTWAIT) < 0)
			die("send");
		if (i % 2) {
			other = accept_one(l);
			abort_connection(i % 4 == 1 ? fd : other);
			close(i % 4 == 1 ? other : fd);
		} else {
			/* Nobody takes it. */
			close(l);
			close(fd);
			at = loopback(V4, 0);
			l = listen_at(&at, proto, 8);
		}
	}
	close(l);
	return 0;
}

TEST(connections_that_end_while_they_are_listed)
{
	int proto = ferry(), i;
	pid_t churners[CHURNERS];

	own_namespace();
	for (i = 0; i < 2; i++)
		spawn(looker, &proto);
	for (i = 0; i < CHURNERS; i++)
		churners[i] = spawn(churner, &proto);
	for (i = 0; i < CHURNERS; i++)
		EXPECT_EQ(0, reap(churners[i], 20 * SOON_MS));
}

TEST_HARNESS_MAIN
