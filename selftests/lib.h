/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the selftests share: sockets by protocol and family, hosts joined by a
 * lossy link, byte streams that check themselves, waits with a deadline, and
 * transcripts that put TCP and Ferry side by side.
 *
 * TCP is the oracle.  A scenario is a function of the protocol that writes
 * what it saw into a transcript; it runs once over TCP and once over Ferry,
 * and the two transcripts must be equal.  So that a scenario cannot pass by
 * failing the same way twice, it also asserts the few facts it is about.
 *
 * Set-up that fails ends the process with a message: nothing after it would
 * mean anything.
 */
#ifndef FERRY_SELFTESTS_LIB_H
#define FERRY_SELFTESTS_LIB_H

#include <linux/ferry.h>
#include <linux/types.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifndef __printf
#define __printf(a, b) __attribute((__format__(__printf__, a, b)))
#endif
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

/* ------------------------------------------------------------------ */
/* Who speaks, and how */

enum family {
	V4,
	V6,
	MAPPED,		/* an AF_INET6 socket with an IPv4-mapped address */
};

/*
 * The protocol number that the tests call Ferry.  FERRY_PROTOCOL=6 in the
 * environment turns every test into TCP against TCP, which is how the tests
 * themselves are tested on a kernel without Ferry.
 */
int ferry(void);
/* What is done over both is done over TCP first: 0 is TCP, 1 is Ferry. */
int proto_of(int which);

const char *proto_name(int proto);

struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t len;
};

/* The loopback address as @fam sees it. */
struct addr loopback(enum family fam, __u16 port);
/* The wildcard address as @fam sees it. */
struct addr any(enum family fam, __u16 port);
/* @text is an IPv4 or IPv6 address in the usual notation. */
struct addr addr_of(const char *text, __u16 port);
__u16 port_of(const struct addr *a);
const char *addr_text(const struct addr *a);
struct addr local_addr(int fd);
struct addr remote_addr(int fd);

/* A socket for @fam; ends the test if the kernel has no such protocol. */
int open_socket(enum family fam, int proto);
int open_socket_for(const struct addr *a, int proto);

/* A listener at @at, and at *@at the address that it got. */
int listen_at(struct addr *at, int proto, int backlog);
/* A blocking connect; -1 and errno like connect(). */
int dial(const struct addr *to, int proto);
/* Accept with a deadline. */
int accept_one(int listener);
/* fd[0] has connected to fd[1] over loopback. */
void connected_pair(enum family fam, int proto, int fd[2]);

/* Close it with a RST: nothing is left that would be sent again. */
void abort_connection(int fd);

void set_nonblocking(int fd, bool on);
void set_int(int fd, int level, int option, int value);
int get_int(int fd, int level, int option);
/* TCP_INFO into a struct tcp_info, of whichever header; zeros beyond its end. */
void read_tcp_info(int fd, void *info, socklen_t size);
/* The MSS that it sends with, bytes. */
unsigned int segment_size(int fd);
int queue_in(int fd);
int queue_out(int fd);

/* A number that whoever runs the tests may choose. */
unsigned long from_environment(const char *name, unsigned long otherwise);

/* ------------------------------------------------------------------ */
/* Time */

/* Every deadline is this many times longer than on a fast machine. */
int slowness(void);
/* The clock that no one sets. */
long long now_ns(void);
long long now_us(void);
long long now_ms(void);
double now_s(void);
/*
 * The clock of the kernel's own timers.  When a machine stands still its ticks
 * are late, and then many come at once; so the least that a timer takes is told
 * by this clock alone.
 */
long long ticked_ms(void);

/* How long an event that must come may take. */
#define SOON_MS (10000 * slowness())

#define EVERY_EVENT (POLLIN | POLLPRI | POLLOUT | POLLRDHUP)

/* Wait until poll() reports one of @events; returns revents, 0 if too late. */
short wait_for(int fd, short events, int timeout_ms);
/* Wait until poll() reports all of @events; returns the last mask seen. */
short wait_for_all(int fd, short events, int timeout_ms);
/* Wait for @check to hold, looking again at every clock tick. */
bool wait_until(bool (*check)(void *arg), void *arg, int timeout_ms);

/* ------------------------------------------------------------------ */
/* Byte streams: stream.c */

/*
 * Byte n of stream s is the same whoever computes it, so a receiver needs no
 * copy of what was sent.
 */
void stream_fill(__u64 stream, __u64 pos, void *buf, size_t len);
/* Offset of the first wrong byte in @buf, or -1 when all are right. */
ssize_t stream_check(__u64 stream, __u64 pos, const void *buf,
		     size_t len);

/* Blocking: send or receive and verify @len bytes; false says why. */
bool send_stream(int fd, __u64 stream, __u64 pos, __u64 len);
bool recv_stream(int fd, __u64 stream, __u64 pos, __u64 len);

/*
 * Move @bytes each way between two connected sockets at once, verify all of
 * them, shut both directions down and see both ends.  False when a byte is
 * wrong or nothing moves for @stall_ms.
 */
bool exchange(int a, int b, __u64 bytes, int stall_ms);
/*
 * Send stream 1 from one to the other, as much as goes, until @until bytes have
 * been received; so there is always more on its way.  @sent and @got count on.
 * False when nothing moves for @stall_ms.
 */
bool pump(int from, int to, __u64 *sent, __u64 *got, __u64 until, int stall_ms);

/* ------------------------------------------------------------------ */
/* Programs and children: process.c */

/*
 * Where a program of the system is, or NULL.  The shells of small systems bring
 * an ip and a tc that know no netem; those do not count.
 */
const char *find_tool(const char *name);
/* Run such a program. */
void run(const char *fmt, ...) __printf(1, 2);
/* Its exit status; -1 for a signal. */
int run_status(const char *fmt, ...) __printf(1, 2);
/*
 * Many lines of commands for one ip or tc.  On the debug kernel starting it
 * takes a second, and what a line does next to nothing.
 */
void run_batch(const char *tool, const char *lines, ...) __printf(2, 3);
/* What a shell prints for @command; good until the next call. */
const char *said(const char *command);

/* A child that dies with its parent; exits with what @body returns. */
pid_t spawn(int (*body)(void *arg), void *arg);
/* Wait for a child; its exit status, or -1 for a signal or a missed deadline. */
int reap(pid_t pid, int timeout_ms);

/* ------------------------------------------------------------------ */
/* What the kernel tells, and is told: kernel.c */

void write_file(const char *path, const char *text);
bool read_file(const char *path, char *buf, size_t size);

/* A setting of @proto in this namespace, by its name without TCP's "tcp_". */
void set_sysctl(int proto, const char *name, const char *value);
/* The same of TCP and Ferry. */
void set_sysctls(const char *name, const char *value);

struct bpf_insn;
/* A BPF program of @type, for @where if its type asks for that; its descriptor. */
int load_program(int type, int where, const struct bpf_insn *code, int len);

/*
 * A counter of this namespace by Ferry's name for it: of /proc/net/ferry_stat,
 * or of TCP's in /proc/net/netstat, where some begin with TCP.
 */
unsigned long counter(int proto, const char *name);
/*
 * How many segments a connection has sent again, and how many of them had not
 * arrived before: the peer reports the others (RFC 2883).
 */
unsigned int retransmitted(int fd);
unsigned int lost_segments(int fd);
/* Full sockets of this namespace, listeners included. */
int sockets_in_use(enum family fam, int proto);
/* What the queues of all sockets of a protocol take, in every namespace. */
long pages_in_use(int proto);

/* Load ferry.ko with these parameters; the status is that of the call. */
int load_ferry(const char *parameters);
/* Unload a module, unless it is in use; likewise. */
int unload_module(const char *name);
/* The same until it is gone; for wait_until(). */
bool module_unloaded(void *name);
/*
 * Unload ferry.ko, after what is built on it (congestion control that an
 * earlier test has had loaded); for wait_until().
 */
bool ferry_unloaded(void *arg);

/* ------------------------------------------------------------------ */
/* Hosts and links: hosts.c */

/*
 * Wait until an address that was just added is in use, which for IPv6 the
 * kernel sees to after the call that added it has returned.
 */
void await_address(const char *text);

/* Leave for a network namespace of our own, with lo up. */
void own_namespace(void);
/* Only the latter, where one is in such a namespace already. */
void loopback_up(void);

/*
 * Two network namespaces joined by a veth pair: host 0 is 10.0.0.1 and
 * fd00::1, host 1 is 10.0.0.2 and fd00::2.  They go when the last descriptor,
 * socket and process in them has gone.
 */
struct hosts {
	int ns[2];
};

#define LINK "ferry0"

void hosts_make(struct hosts *h, int mtu);
/* From here on this process makes its sockets on host @which. */
void hosts_enter(const struct hosts *h, int which);
/* Give the link these netem parameters, in both directions. */
void hosts_netem(const struct hosts *h, const char *fmt, ...) __printf(2, 3);
struct addr host_addr(int which, enum family fam, __u16 port);
/* fd[0] on host 0 has connected to fd[1] on host 1. */
void hosts_connect(const struct hosts *h, enum family fam, int proto,
		   int fd[2]);

/*
 * From here on Ferry's packets leave host @which as TCP, and what comes there
 * as TCP is Ferry's, whatever the port: the work of `ferry bridge`.
 */
void hosts_bridge(const struct hosts *h, int which);
/* Whether the command is there to do so. */
bool can_bridge(void);

/* Who dials whom; in the last two the bridge is at the end that is Ferry's. */
enum ends {
	TCP_TO_TCP,
	FERRY_TO_FERRY,
	FERRY_TO_TCP,
	TCP_TO_FERRY,
};

/* The protocol of that end: of who dials, 0, or who listens, 1. */
int ends_proto(enum ends ends, int which);
bool ends_differ(enum ends ends);
const char *ends_name(enum ends ends);
/* hosts_make() with the bridge, if it takes one; false without the command. */
bool hosts_make_for(struct hosts *h, int mtu, enum ends ends);
/* Like hosts_connect(), between such hosts. */
void hosts_connect_ends(const struct hosts *h, enum family fam, enum ends ends,
			int fd[2]);

/* ------------------------------------------------------------------ */
/* Transcripts: transcript.c */

struct transcript {
	char *text;
	size_t len;
};

void note(struct transcript *t, const char *fmt, ...) __printf(2, 3);
/* What a call returned, with errno's name when it failed. */
void note_ret(struct transcript *t, const char *what, long long ret);
/* The poll mask, once it has all of @awaited or the deadline has passed. */
void note_poll(struct transcript *t, const char *what, int fd, short awaited);
/* SO_ERROR, which reading clears. */
void note_so_error(struct transcript *t, int fd);
/* A connect() that does not wait, and what comes of it in time. */
void note_opens(struct transcript *t, int fd, const struct addr *at);
const char *errno_name(int err);
const char *poll_name(short mask);

/* Print both where they part, and say whether they are the same. */
bool same_transcript(const struct transcript *tcp,
		     const struct transcript *ferry);

/* What a scenario says of a protocol. */
typedef void (*scenario)(struct transcript *t, int proto);

/* True if TCP and Ferry say the same, and TCP's says @fact. */
bool same_play(scenario run_it, const char *fact);

/* Say what went wrong and end this process as a failed test. */
#define die(fmt, ...) \
	do_die("%s:%d: " fmt, __FILE__, __LINE__, ##__VA_ARGS__)
noreturn void do_die(const char *fmt, ...) __printf(1, 2);

#endif /* FERRY_SELFTESTS_LIB_H */
