// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring, by its system calls alone: what is asked for through a ring does
 * the same over TCP and over Ferry, whether it can be done at once or has to
 * wait.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define ENTRIES 8

struct ring {
	int fd;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	unsigned int *sq_tail, *sq_mask, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
};

static void *map(int fd, size_t size, off_t what)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, fd, what);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void make_ring(struct ring *r)
{
	struct io_uring_params p = { 0 };
	char *sq, *cq;

	r->fd = syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (r->fd < 0)
		die("io_uring_setup");
	sq = map(r->fd, p.sq_off.array + p.sq_entries * sizeof(int),
		 IORING_OFF_SQ_RING);
	cq = map(r->fd, p.cq_off.cqes + p.cq_entries * sizeof(*r->cqes),
		 IORING_OFF_CQ_RING);
	r->sqes = map(r->fd, p.sq_entries * sizeof(*r->sqes), IORING_OFF_SQES);
	r->sq_tail = (unsigned int *)(sq + p.sq_off.tail);
	r->sq_mask = (unsigned int *)(sq + p.sq_off.ring_mask);
	r->sq_array = (unsigned int *)(sq + p.sq_off.array);
	r->cq_head = (unsigned int *)(cq + p.cq_off.head);
	r->cq_tail = (unsigned int *)(cq + p.cq_off.tail);
	r->cq_mask = (unsigned int *)(cq + p.cq_off.ring_mask);
	r->cqes = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
}

/* The next question, empty but for this. */
static struct io_uring_sqe *question(struct ring *r, int op, int fd, int tag)
{
	unsigned int i = *r->sq_tail & *r->sq_mask;
	struct io_uring_sqe *sqe = &r->sqes[i];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = op;
	sqe->fd = fd;
	sqe->user_data = tag;
	r->sq_array[i] = i;
	return sqe;
}

/* Ask it; it may be done before this returns, or later. */
static void submit(struct ring *r)
{
	__atomic_store_n(r->sq_tail, *r->sq_tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, r->fd, 1, 0, 0, NULL, 0) != 1)
		die("io_uring_enter");
}

static void ask(struct ring *r, int op, int fd, const void *addr,
		unsigned int len, __u64 off, unsigned int flags, int tag)
{
	struct io_uring_sqe *sqe = question(r, op, fd, tag);

	sqe->addr = (uintptr_t)addr;
	sqe->len = len;
	sqe->off = off;
	sqe->msg_flags = flags;
	submit(r);
}

/* Wait for the next answer; its tag. */
static int answer(struct ring *r, int *res, unsigned int *flags)
{
	unsigned int head = *r->cq_head;
	struct io_uring_cqe *cqe;
	int tag;

	while (head == __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE))
		if (syscall(SYS_io_uring_enter, r->fd, 0, 1,
			    IORING_ENTER_GETEVENTS, NULL, 0) < 0 &&
		    errno != EINTR)
			die("io_uring_enter");
	cqe = &r->cqes[head & *r->cq_mask];
	tag = cqe->user_data;
	*res = cqe->res;
	*flags = cqe->flags;
	__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
	return tag;
}

static int note_answer(struct ring *r, struct transcript *t, const char *what)
{
	unsigned int flags;
	int res, tag = answer(r, &res, &flags);
	bool is_fd = !strcmp(what, "accept") && res >= 0;

	note(t, "%s: %d, tag %d, more %d, notification %d", what,
	     is_fd ? 0 : res, tag, !!(flags & IORING_CQE_F_MORE),
	     !!(flags & IORING_CQE_F_NOTIF));
	return res;
}

/* One of two that may come in any order. */
static void note_either(struct ring *r, struct transcript *t)
{
	unsigned int flags;
	int res;

	answer(r, &res, &flags);
	note(t, "one of two: %d", res);
}

static void by_ring(struct transcript *t, int proto)
{
	struct addr at = loopback(V4, 0);
	int l = listen_at(&at, proto, 3), fd[2];
	static char big[100000], back[100000];
	char buf[16];
	struct ring r;
	int i;

	make_ring(&r);
	/* Each has to wait for what comes after it. */
	ask(&r, IORING_OP_ACCEPT, l, NULL, 0, 0, 0, 1);
	fd[0] = open_socket(V4, proto);
	ask(&r, IORING_OP_CONNECT, fd[0], &at.sa, 0, at.len, 0, 2);
	fd[1] = -1;
	for (i = 0; i < 2; i++) {
		unsigned int flags;
		int res, tag = answer(&r, &res, &flags);

		if (tag == 1)
			fd[1] = res;
		else
			note(t, "connect: %d", res);
	}
	note(t, "accepted %d", fd[1] >= 0);
	ask(&r, IORING_OP_RECV, fd[1], buf, sizeof(buf), 0, 0, 3);
	ask(&r, IORING_OP_SEND, fd[0], "hello", 5, 0, 0, 4);
	for (i = 0; i < 2; i++) {
		unsigned int flags;
		int res, tag = answer(&r, &res, &flags);

		note(t, "%s %d", tag == 3 || tag == 4 ? "moved" : "?", res);
	}
	note(t, "%.5s", buf);
	/* Level-triggered, and for what is there already. */
	ask(&r, IORING_OP_POLL_ADD, fd[1], NULL, 0, 0, POLLOUT, 5);
	note_answer(&r, t, "poll");
	ask(&r, IORING_OP_POLL_ADD, fd[1], NULL, 0, 0, POLLIN | POLLRDHUP, 6);
	if (send(fd[0], "x", 1, 0) != 1)
		die("send");
	note_answer(&r, t, "poll later");
	ask(&r, IORING_OP_RECV, fd[1], buf, sizeof(buf), 0, MSG_PEEK, 7);
	note_answer(&r, t, "peek");
	ask(&r, IORING_OP_RECV, fd[1], buf, sizeof(buf), 0, 0, 8);
	note_answer(&r, t, "recv");
	ask(&r, IORING_OP_RECV, fd[1], buf, sizeof(buf), 0, MSG_DONTWAIT, 9);
	note_answer(&r, t, "recv without waiting");
	/* What is sent from where it is: done, and then the memory is free. */
	memset(big, 'b', sizeof(big));
	ask(&r, IORING_OP_SEND_ZC, fd[0], big, 20000, 0, 0, 10);
	note_answer(&r, t, "send_zc");
	note_ret(t, "arrives", recv(fd[1], back, 20000, MSG_WAITALL));
	note(t, "equal %d", !memcmp(big, back, 20000));
	note_answer(&r, t, "memory is free");
	/* All of it or an error: the ring itself goes on after a part. */
	ask(&r, IORING_OP_RECV, fd[1], back, sizeof(back), 0, MSG_WAITALL, 11);
	ask(&r, IORING_OP_SEND, fd[0], big, sizeof(big), 0, MSG_WAITALL, 12);
	note_either(&r, t);
	note_either(&r, t);
	note(t, "equal %d", !memcmp(big, back, sizeof(big)));
	ask(&r, IORING_OP_RECV, fd[1], buf, sizeof(buf), 0, 0, 13);
	ask(&r, IORING_OP_SHUTDOWN, fd[0], NULL, SHUT_WR, 0, 0, 14);
	note_either(&r, t);
	note_either(&r, t);
	ask(&r, IORING_OP_SEND, fd[0], "x", 1, 0, MSG_NOSIGNAL, 15);
	note_answer(&r, t, "after shutdown");
	ask(&r, IORING_OP_SEND, fd[1], (void *)8, 10, 0, 0, 16);
	note_answer(&r, t, "from nowhere");
	/* A ring that goes while something waits in it lets go of the socket. */
	ask(&r, IORING_OP_RECV, fd[0], buf, sizeof(buf), 0, 0, 17);
	close(r.fd);
	close(fd[0]);
	close(fd[1]);
	close(l);
}

TEST(io_uring)
{
	struct transcript log[2] = { 0 };

	by_ring(&log[0], IPPROTO_TCP);
	by_ring(&log[1], ferry());
	EXPECT_TRUE(strstr(log[0].text, "memory is free: 0, tag 10"));
	EXPECT_TRUE(same_transcript(&log[0], &log[1]));
}

static void note_more(struct ring *r, struct transcript *t, const char *what)
{
	unsigned int flags;
	int res;

	answer(r, &res, &flags);
	note(t, "%s: %d, there is more %d", what, res < 0 ? res : 0,
	     !!(flags & IORING_CQE_F_SOCK_NONEMPTY));
	if (!strcmp(what, "accept") && res >= 0)
		close(res);
}

/* An answer says if the next one would come at once. */
static void what_is_left(struct transcript *t, int proto)
{
	struct addr at = loopback(V4, 0);
	int l = listen_at(&at, proto, 3), fd[3], i;
	struct ring r;
	char buf[16];

	make_ring(&r);
	for (i = 0; i < 2; i++) {
		fd[i] = dial(&at, proto);
		wait_for(l, POLLIN, SOON_MS);
	}
	for (i = 0; i < 2; i++) {
		ask(&r, IORING_OP_ACCEPT, l, NULL, 0, 0, 0, 1);
		note_more(&r, t, "accept");
		close(fd[i]);
	}
	connected_pair(V4, proto, fd);
	if (send(fd[0], "0123456789", 10, 0) != 10)
		die("send");
	wait_for(fd[1], POLLIN, SOON_MS);
	for (i = 0; i < 3; i++) {
		if (i == 2 && shutdown(fd[0], SHUT_WR))
			die("shutdown");
		if (i == 2)
			wait_for(fd[1], POLLRDHUP, SOON_MS);
		ask(&r, IORING_OP_RECV, fd[1], buf, 4, 0, 0, 2);
		note_more(&r, t, "recv");
	}
	ask(&r, IORING_OP_RECV, fd[1], buf, 4, 0, 0, 3);
	note_more(&r, t, "the end");
	close(r.fd);
	close(fd[0]);
	close(fd[1]);
	close(l);
}

TEST(answers_say_what_is_left)
{
	EXPECT_TRUE(same_play(what_is_left, "recv: 0, there is more 1"));
}

/* To be answered as often as there is something to say. */
static void ask_once(struct ring *r, int op, int fd, int tag)
{
	struct io_uring_sqe *sqe = question(r, op, fd, tag);

	if (op == IORING_OP_ACCEPT) {
		sqe->ioprio = IORING_ACCEPT_MULTISHOT;
	} else {
		sqe->ioprio = IORING_RECV_MULTISHOT;
		sqe->flags = IOSQE_BUFFER_SELECT;
	}
	submit(r);
}

#define BUFFERS		3
#define BUFFER_SIZE	16

/* One question, answered by each connection, and by each arrival of data. */
static void again_and_again(struct transcript *t, int proto)
{
	static char memory[BUFFERS][BUFFER_SIZE];
	struct addr at = loopback(V4, 0);
	int l = listen_at(&at, proto, 3), fd[3], other, i;
	struct ring r;

	make_ring(&r);
	ask_once(&r, IORING_OP_ACCEPT, l, 1);
	other = -1;
	for (i = 0; i < 3; i++) {
		fd[i] = dial(&at, proto);
		if (other >= 0)
			close(other);
		other = note_answer(&r, t, "accept");
	}
	ask(&r, IORING_OP_PROVIDE_BUFFERS, BUFFERS, memory, BUFFER_SIZE, 0, 0,
	    2);
	note_answer(&r, t, "buffers");
	ask_once(&r, IORING_OP_RECV, other, 3);
	for (i = 0; i < BUFFERS; i++) {
		note_ret(t, "send", send(fd[2], "some text", 9, 0));
		note_answer(&r, t, "recv");
	}
	/* The buffers are used up, which ends the question. */
	note_ret(t, "send", send(fd[2], "more text", 9, 0));
	note_answer(&r, t, "no buffer");
	ask(&r, IORING_OP_PROVIDE_BUFFERS, BUFFERS, memory, BUFFER_SIZE, 0, 0,
	    4);
	note_answer(&r, t, "buffers");
	ask_once(&r, IORING_OP_RECV, other, 5);
	note_answer(&r, t, "recv");
	shutdown(fd[2], SHUT_WR);
	note_answer(&r, t, "the end");
	note(t, "%.9s", memory[0]);
	close(r.fd);
	close(other);
	for (i = 0; i < 3; i++)
		close(fd[i]);
	close(l);
}

TEST(one_question_many_answers)
{
	EXPECT_TRUE(same_play(again_and_again, "the end: 0"));
}

TEST_HARNESS_MAIN
