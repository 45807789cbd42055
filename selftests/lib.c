// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the selftests share; lib.h says what each function is for.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib.h"

void do_die(const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "# ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (errno %s)\n", errno_name(err));
	_exit(1);
}

/* ------------------------------------------------------------------ */
/* Who speaks, and how */

int ferry(void)
{
	const char *s = getenv("FERRY_PROTOCOL");

	return s && *s ? atoi(s) : IPPROTO_FERRY;
}

const char *proto_name(int proto)
{
	return proto == IPPROTO_TCP ? "TCP" : "Ferry";
}

struct addr addr_of(const char *text, __u16 port)
{
	struct addr a = { 0 };

	if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons(port);
		a.len = sizeof(a.v4);
	} else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1) {
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons(port);
		a.len = sizeof(a.v6);
	} else {
		die("not an address: %s", text);
	}
	return a;
}

struct addr loopback(enum family fam, __u16 port)
{
	switch (fam) {
	case V4:
		return addr_of("127.0.0.1", port);
	case V6:
		return addr_of("::1", port);
	default:
		return addr_of("::ffff:127.0.0.1", port);
	}
}

struct addr any(enum family fam, __u16 port)
{
	return addr_of(fam == V4 ? "0.0.0.0" : "::", port);
}

__u16 port_of(const struct addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET ? a->v4.sin_port :
						  a->v6.sin6_port);
}

const char *addr_text(const struct addr *a)
{
	static char text[4][80];
	static unsigned int turn;
	char ip[INET6_ADDRSTRLEN];
	char *s = text[turn++ % 4];

	if (a->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->v4.sin_addr, ip, sizeof(ip));
		snprintf(s, sizeof(text[0]), "%s:%u", ip, port_of(a));
	} else if (a->sa.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &a->v6.sin6_addr, ip, sizeof(ip));
		snprintf(s, sizeof(text[0]), "[%s]:%u", ip, port_of(a));
	} else {
		snprintf(s, sizeof(text[0]), "family %d", a->sa.sa_family);
	}
	return s;
}

struct addr local_addr(int fd)
{
	struct addr a = { .len = sizeof(a.v6) };

	if (getsockname(fd, &a.sa, &a.len))
		die("getsockname");
	return a;
}

struct addr remote_addr(int fd)
{
	struct addr a = { .len = sizeof(a.v6) };

	if (getpeername(fd, &a.sa, &a.len))
		die("getpeername");
	return a;
}

static int open_domain(int domain, int proto)
{
	int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, proto);

	if (fd < 0)
		die("socket(%s, SOCK_STREAM, %d)",
		    domain == AF_INET ? "AF_INET" : "AF_INET6", proto);
	return fd;
}

int open_socket(enum family fam, int proto)
{
	return open_domain(fam == V4 ? AF_INET : AF_INET6, proto);
}

int open_socket_for(const struct addr *a, int proto)
{
	return open_domain(a->sa.sa_family, proto);
}

int listen_at(struct addr *at, int proto, int backlog)
{
	int fd = open_socket_for(at, proto);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, &at->sa, at->len))
		die("%s: bind to %s", proto_name(proto), addr_text(at));
	if (listen(fd, backlog))
		die("%s: listen at %s", proto_name(proto), addr_text(at));
	*at = local_addr(fd);
	return fd;
}

int dial(const struct addr *to, int proto)
{
	int fd = open_socket_for(to, proto);

	if (!connect(fd, &to->sa, to->len))
		return fd;
	int err = errno;

	close(fd);
	errno = err;
	return -1;
}

int accept_one(int listener)
{
	int fd;

	if (!wait_for(listener, POLLIN, SOON_MS))
		die("nobody came to be accepted");
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		die("accept");
	return fd;
}

void connected_pair(enum family fam, int proto, int fd[2])
{
	struct addr at = loopback(fam, 0);
	int l = listen_at(&at, proto, 1);

	fd[0] = dial(&at, proto);
	if (fd[0] < 0)
		die("%s: connect to %s", proto_name(proto), addr_text(&at));
	fd[1] = accept_one(l);
	close(l);
}

void set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (fcntl(fd, F_SETFL, flags))
		die("fcntl");
}

void set_int(int fd, int level, int option, int value)
{
	if (setsockopt(fd, level, option, &value, sizeof(value)))
		die("setsockopt(%d, %d) to %d", level, option, value);
}

int get_int(int fd, int level, int option)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, option, &value, &len))
		die("getsockopt(%d, %d)", level, option);
	return value;
}

int queue_in(int fd)
{
	int n = -1;

	if (ioctl(fd, SIOCINQ, &n))
		die("SIOCINQ");
	return n;
}

int queue_out(int fd)
{
	int n = -1;

	if (ioctl(fd, SIOCOUTQ, &n))
		die("SIOCOUTQ");
	return n;
}

/* ------------------------------------------------------------------ */
/* Time */

unsigned long from_environment(const char *name, unsigned long otherwise)
{
	const char *s = getenv(name);

	return s && *s ? strtoul(s, NULL, 0) : otherwise;
}

int slowness(void)
{
	int n = from_environment("FERRY_SLOW", 1);

	return n > 0 ? n : 1;
}

long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

short wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	long long deadline = now_ms() + timeout_ms;

	for (;;) {
		long long left = deadline - now_ms();
		int n = poll(&p, 1, left > 0 ? left : 0);

		if (n > 0)
			return p.revents;
		if (n == 0)
			return 0;
		if (errno != EINTR)
			die("poll");
	}
}

static void tick(void)
{
	struct timespec ts = { .tv_nsec = 4000000 };

	nanosleep(&ts, NULL);
}

#define EVERY_EVENT (POLLIN | POLLPRI | POLLOUT | POLLRDHUP)

short wait_for_all(int fd, short events, int timeout_ms)
{
	long long deadline = now_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = EVERY_EVENT };

	/*
	 * poll() wakes for any event, so one that is already there would turn
	 * the wait for another into a busy loop.
	 */
	for (;;) {
		if (poll(&p, 1, 0) < 0)
			die("poll");
		if ((p.revents & events) == events || now_ms() >= deadline)
			return p.revents;
		tick();
	}
}

bool wait_until(bool (*check)(void *arg), void *arg, int timeout_ms)
{
	long long deadline = now_ms() + timeout_ms;

	for (;;) {
		if (check(arg))
			return true;
		if (now_ms() >= deadline)
			return false;
		tick();
	}
}

bool ferry_unloaded(void *arg)
{
	DIR *holders = opendir("/sys/module/ferry/holders");
	struct dirent *entry;

	(void)arg;
	while (holders && (entry = readdir(holders)))
		syscall(SYS_delete_module, entry->d_name, O_NONBLOCK);
	if (holders)
		closedir(holders);
	return !syscall(SYS_delete_module, "ferry", O_NONBLOCK);
}

/* ------------------------------------------------------------------ */
/* Byte streams */

static __u64 stream_word(__u64 stream, __u64 index)
{
	__u64 z = (stream << 48) + (index + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

void stream_fill(__u64 stream, __u64 pos, void *buf, size_t len)
{
	unsigned char *p = buf;

	while (len) {
		__u64 word = stream_word(stream, pos / 8);
		size_t skip = pos % 8;
		size_t n = 8 - skip < len ? 8 - skip : len;

		memcpy(p, (unsigned char *)&word + skip, n);
		p += n;
		pos += n;
		len -= n;
	}
}

ssize_t stream_check(__u64 stream, __u64 pos, const void *buf,
		     size_t len)
{
	const unsigned char *p = buf;
	size_t done = 0;

	while (done < len) {
		__u64 word = stream_word(stream, (pos + done) / 8);
		size_t skip = (pos + done) % 8;
		size_t n = 8 - skip < len - done ? 8 - skip : len - done;
		unsigned char *w = (unsigned char *)&word + skip;

		if (memcmp(p + done, w, n)) {
			while (p[done] == *w) {
				done++;
				w++;
			}
			return done;
		}
		done += n;
	}
	return -1;
}

#define CHUNK 65536

static bool wrong_byte(__u64 stream, __u64 pos, const unsigned char *buf,
		       size_t len)
{
	ssize_t bad = stream_check(stream, pos, buf, len);
	unsigned char want;

	if (bad < 0)
		return false;
	stream_fill(stream, pos + bad, &want, 1);
	fprintf(stderr,
		"# stream %llu: byte %llu is 0x%02x and should be 0x%02x\n",
		(unsigned long long)stream, (unsigned long long)pos + bad,
		buf[bad], want);
	return true;
}

bool send_stream(int fd, __u64 stream, __u64 pos, __u64 len)
{
	unsigned char buf[CHUNK];

	while (len) {
		size_t n = len < CHUNK ? len : CHUNK;
		ssize_t sent;

		stream_fill(stream, pos, buf, n);
		sent = send(fd, buf, n, MSG_NOSIGNAL);
		if (sent <= 0) {
			fprintf(stderr,
				"# send at byte %llu: %zd, errno %s\n",
				(unsigned long long)pos, sent,
				errno_name(errno));
			return false;
		}
		pos += sent;
		len -= sent;
	}
	return true;
}

bool recv_stream(int fd, __u64 stream, __u64 pos, __u64 len)
{
	unsigned char buf[CHUNK];

	while (len) {
		ssize_t n;

		if (!wait_for(fd, POLLIN, 6 * SOON_MS)) {
			fprintf(stderr, "# no byte %llu in time\n",
				(unsigned long long)pos);
			return false;
		}
		n = recv(fd, buf, len < CHUNK ? len : CHUNK, 0);
		if (n <= 0) {
			fprintf(stderr, "# recv at byte %llu: %zd, errno %s\n",
				(unsigned long long)pos, n,
				n ? errno_name(errno) : "none");
			return false;
		}
		if (wrong_byte(stream, pos, buf, n))
			return false;
		pos += n;
		len -= n;
	}
	return true;
}

struct end {
	int fd;
	__u64 sends;		/* which stream */
	__u64 gets;
	__u64 sent;
	__u64 got;
	bool saw_end;
};

static bool end_send(struct end *e, __u64 bytes)
{
	unsigned char buf[CHUNK];
	__u64 left = bytes - e->sent;
	size_t n = left < CHUNK ? left : CHUNK;
	ssize_t sent;

	stream_fill(e->sends, e->sent, buf, n);
	sent = send(e->fd, buf, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		return errno == EAGAIN;
	e->sent += sent;
	if (e->sent == bytes && shutdown(e->fd, SHUT_WR))
		return false;
	return true;
}

static bool end_recv(struct end *e, __u64 bytes)
{
	unsigned char buf[CHUNK];
	ssize_t n = recv(e->fd, buf, CHUNK, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN;
	if (n == 0) {
		e->saw_end = true;
		if (e->got == bytes)
			return true;
		errno = ENODATA;
		return false;
	}
	if (wrong_byte(e->gets, e->got, buf, n)) {
		errno = EBADMSG;
		return false;
	}
	e->got += n;
	if (e->got <= bytes)
		return true;
	errno = EOVERFLOW;
	return false;
}

bool exchange(int a, int b, __u64 bytes, int stall_ms)
{
	struct end e[2] = {
		{ .fd = a, .sends = 1, .gets = 2 },
		{ .fd = b, .sends = 2, .gets = 1 },
	};
	struct pollfd p[2];
	const char *why = "nothing moved for too long";
	int i;

	while (!e[0].saw_end || !e[1].saw_end) {
		errno = ETIMEDOUT;
		for (i = 0; i < 2; i++) {
			p[i].fd = e[i].saw_end && e[i].sent == bytes ? -1 :
								       e[i].fd;
			p[i].events = e[i].saw_end ? 0 : POLLIN;
			if (e[i].sent < bytes)
				p[i].events |= POLLOUT;
		}
		if (poll(p, 2, stall_ms) <= 0)
			goto failed;
		for (i = 0; i < 2; i++) {
			if (p[i].revents & (POLLIN | POLLERR) &&
			    !end_recv(&e[i], bytes)) {
				why = "receive";
				goto failed;
			}
			if (p[i].revents & POLLOUT && e[i].sent < bytes &&
			    !end_send(&e[i], bytes)) {
				why = "send";
				goto failed;
			}
		}
	}
	return true;
failed:
	fprintf(stderr, "# %s: errno %s\n", why, errno_name(errno));
	for (i = 0; i < 2; i++)
		fprintf(stderr,
			"# end %d: sent %llu of %llu, received %llu%s\n", i,
			(unsigned long long)e[i].sent,
			(unsigned long long)bytes,
			(unsigned long long)e[i].got,
			e[i].saw_end ? ", saw the end" : "");
	return false;
}

/* ------------------------------------------------------------------ */
/* Hosts and links */

/* The shells of small systems bring an ip and a tc that know no netem. */
static const char *find_tool(const char *name)
{
	static const char * const dirs[] = {
		"/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/bin",
	};
	static char path[64];
	char target[256];
	unsigned int i;
	ssize_t n;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (access(path, X_OK))
			continue;
		n = readlink(path, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = 0;
			if (strstr(target, "busybox"))
				continue;
		}
		return path;
	}
	return NULL;
}

static int vrun(const char *fmt, va_list ap)
{
	const char *program;
	char command[1024];
	char *argv[64];
	char *save = NULL;
	char *word;
	int argc = 0;
	pid_t pid;
	int status;

	vsnprintf(command, sizeof(command), fmt, ap);
	for (word = strtok_r(command, " ", &save); word && argc < 63;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	program = find_tool(argv[0]);
	if (!program)
		die("no %s on this system", argv[0]);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		execv(program, argv);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int run_status(const char *fmt, ...)
{
	va_list ap;
	int status;

	va_start(ap, fmt);
	status = vrun(fmt, ap);
	va_end(ap);
	return status;
}

void run(const char *fmt, ...)
{
	char command[1024];
	va_list ap;
	int status;

	va_start(ap, fmt);
	status = vrun(fmt, ap);
	va_end(ap);
	if (!status)
		return;
	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	die("exit status %d: %s", status, command);
}

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("write '%s' to %s", text, path);
	close(fd);
}

void set_sysctl(int proto, const char *name, const char *value)
{
	char path[100];

	snprintf(path, sizeof(path), "/proc/sys/net/%s%s",
		 proto == IPPROTO_TCP ? "ipv4/tcp_" : "ferry/", name);
	write_file(path, value);
}

void set_sysctls(const char *name, const char *value)
{
	set_sysctl(IPPROTO_TCP, name, value);
	if (ferry() != IPPROTO_TCP)
		set_sysctl(ferry(), name, value);
}

bool read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return false;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	buf[len] = 0;
	close(fd);
	return true;
}

/* The word behind @name in lines of names and numbers in turn. */
static bool netstat_value(char *names, const char *name, unsigned long *value)
{
	char *numbers = strchr(names, '\n'), *n, *v, *next_n, *next_v;

	while (numbers) {
		*numbers++ = 0;
		v = numbers;
		numbers = strchr(v, '\n');
		if (numbers)
			*numbers++ = 0;
		n = strtok_r(names, " ", &next_n);
		v = strtok_r(v, " ", &next_v);
		while (n && v) {
			if (!strcmp(n, name)) {
				*value = strtoul(v, NULL, 10);
				return true;
			}
			n = strtok_r(NULL, " ", &next_n);
			v = strtok_r(NULL, " ", &next_v);
		}
		names = numbers;
		numbers = names ? strchr(names, '\n') : NULL;
	}
	return false;
}

unsigned long counter(int proto, const char *name)
{
	static char text[1 << 16];
	char line[64];
	unsigned long value;
	const char *p;

	if (proto != IPPROTO_TCP) {
		if (!read_file("/proc/net/ferry_stat", text, sizeof(text)))
			die("/proc/net/ferry_stat");
		snprintf(line, sizeof(line), "%s ", name);
		p = strstr(text, line);
		if (!p || (p > text && p[-1] != '\n'))
			die("there is no '%s'", name);
		return strtoul(p + strlen(line), NULL, 10);
	}
	snprintf(line, sizeof(line), "TCP%s", name);
	if (!read_file("/proc/net/netstat", text, sizeof(text)))
		die("/proc/net/netstat");
	if (netstat_value(text, name, &value))
		return value;
	read_file("/proc/net/netstat", text, sizeof(text));
	if (!netstat_value(text, line, &value))
		die("there is no '%s'", name);
	return value;
}

void own_namespace(void)
{
	if (unshare(CLONE_NEWNET))
		die("unshare(CLONE_NEWNET)");
	run("ip link set lo up");
}

/* A datagram to oneself comes back once the address has its local route. */
static bool reaches_itself(void *arg)
{
	struct addr *a = arg;
	int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct addr name;
	bool ok = false;
	char c;

	if (fd < 0)
		die("UDP socket");
	if (!bind(fd, &a->sa, a->len)) {
		name = local_addr(fd);
		ok = sendto(fd, "x", 1, 0, &name.sa, name.len) == 1 &&
		     wait_for(fd, POLLIN, 20) && recv(fd, &c, 1, 0) == 1;
	}
	close(fd);
	return ok;
}

/* A protocol's line in /proc/net/protocols. */
static void protocol_use(enum family fam, int proto, int *sockets, long *pages)
{
	const char *name = proto == IPPROTO_TCP ? "TCP" : "FERRY";
	char text[8192], line[32];
	const char *p;

	if (!read_file("/proc/net/protocols", text, sizeof(text)))
		die("/proc/net/protocols");
	snprintf(line, sizeof(line), "\n%s%s ", name, fam == V4 ? "" : "v6");
	p = strstr(text, line);
	if (!p || sscanf(p + strlen(line), "%*d %d %ld", sockets, pages) != 2)
		die("no %s in /proc/net/protocols", line + 1);
}

int sockets_in_use(enum family fam, int proto)
{
	long pages;
	int n;

	protocol_use(fam, proto, &n, &pages);
	return n;
}

long pages_in_use(int proto)
{
	long pages;
	int n;

	protocol_use(V4, proto, &n, &pages);
	return pages;
}

void await_address(const char *text)
{
	struct addr a = addr_of(text, 0);

	if (!wait_until(reaches_itself, &a, SOON_MS))
		die("%s does not become usable", text);
}

static int this_namespace(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY);

	if (fd < 0)
		die("open /proc/self/ns/net");
	return fd;
}

void hosts_enter(const struct hosts *h, int which)
{
	if (setns(h->ns[which], CLONE_NEWNET))
		die("setns to host %d", which);
}

void hosts_make(struct hosts *h, int mtu)
{
	int i;

	own_namespace();
	h->ns[0] = this_namespace();
	own_namespace();
	h->ns[1] = this_namespace();

	hosts_enter(h, 0);
	run("ip link add name " LINK " mtu %d type veth peer name " LINK
	    " mtu %d netns /proc/%d/fd/%d", mtu, mtu, getpid(), h->ns[1]);
	for (i = 0; i < 2; i++) {
		hosts_enter(h, i);
		run("ip link set " LINK " address 02:00:00:00:00:%02x", i + 1);
		run("ip address add 10.0.0.%d/24 dev " LINK, i + 1);
		run("ip address add fd00::%d/64 dev " LINK " nodad", i + 1);
		run("ip link set " LINK " up");
		/* A bad link must not keep the hosts from finding each other. */
		run("ip neigh replace 10.0.0.%d dev " LINK
		    " lladdr 02:00:00:00:00:%02x nud permanent", 2 - i, 2 - i);
		run("ip neigh replace fd00::%d dev " LINK
		    " lladdr 02:00:00:00:00:%02x nud permanent", 2 - i, 2 - i);
	}
	for (i = 0; i < 2; i++) {
		hosts_enter(h, i);
		await_address(i ? "fd00::2" : "fd00::1");
	}
	hosts_enter(h, 0);
}

void hosts_netem(const struct hosts *h, const char *fmt, ...)
{
	char parameters[512];
	va_list ap;
	int i;

	va_start(ap, fmt);
	vsnprintf(parameters, sizeof(parameters), fmt, ap);
	va_end(ap);
	for (i = 0; i < 2; i++) {
		hosts_enter(h, i);
		run("tc qdisc replace dev " LINK " root netem %s", parameters);
	}
	hosts_enter(h, 0);
}

struct addr host_addr(int which, enum family fam, __u16 port)
{
	char text[40];

	snprintf(text, sizeof(text), "%s%d",
		 fam == V4 ? "10.0.0." :
		 fam == V6 ? "fd00::" : "::ffff:10.0.0.", which + 1);
	return addr_of(text, port);
}

bool can_bridge(void)
{
	return find_tool("ferry");
}

void hosts_bridge(const struct hosts *h, int which)
{
	hosts_enter(h, which);
	run("ferry bridge add " LINK " --listen all");
	hosts_enter(h, 0);
}

int ends_proto(enum ends ends, int which)
{
	enum ends ferrys = which ? TCP_TO_FERRY : FERRY_TO_TCP;

	return ends == FERRY_TO_FERRY || ends == ferrys ? ferry() : IPPROTO_TCP;
}

bool ends_differ(enum ends ends)
{
	return ends_proto(ends, 0) != ends_proto(ends, 1);
}

const char *ends_name(enum ends ends)
{
	static const char * const names[] = {
		"TCP", "Ferry", "Ferry to TCP", "TCP to Ferry",
	};

	return names[ends];
}

void hosts_connect_ends(const struct hosts *h, enum family fam, enum ends ends,
			int fd[2])
{
	struct addr at = host_addr(1, fam, 0);
	int l;

	hosts_enter(h, 1);
	l = listen_at(&at, ends_proto(ends, 1), 8);
	hosts_enter(h, 0);
	fd[0] = dial(&at, ends_proto(ends, 0));
	if (fd[0] < 0)
		die("%s: connect to %s", ends_name(ends), addr_text(&at));
	fd[1] = accept_one(l);
	close(l);
}

void hosts_connect(const struct hosts *h, enum family fam, int proto,
		   int fd[2])
{
	hosts_connect_ends(h, fam, proto == IPPROTO_TCP ? TCP_TO_TCP :
							  FERRY_TO_FERRY, fd);
}

pid_t spawn(int (*body)(void *arg), void *arg)
{
	pid_t parent = getpid();
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	_exit(body(arg));
}

struct reaping {
	pid_t pid;
	int status;
};

static bool reaped(void *arg)
{
	struct reaping *r = arg;

	return waitpid(r->pid, &r->status, WNOHANG) == r->pid;
}

int reap(pid_t pid, int timeout_ms)
{
	struct reaping r = { .pid = pid };

	if (!wait_until(reaped, &r, timeout_ms)) {
		fprintf(stderr, "# child %d did not end in time\n", pid);
		kill(pid, SIGKILL);
		waitpid(pid, &r.status, 0);
		return -1;
	}
	return WIFEXITED(r.status) ? WEXITSTATUS(r.status) : -1;
}

/* ------------------------------------------------------------------ */
/* Transcripts */

const char *errno_name(int err)
{
	const char *s = strerrorname_np(err);

	return !err ? "none" : s ? s : "unknown";
}

const char *poll_name(short mask)
{
	static const struct {
		short bit;
		const char *name;
	} names[] = {
		{ POLLIN, "IN" },	{ POLLPRI, "PRI" },
		{ POLLOUT, "OUT" },	{ POLLERR, "ERR" },
		{ POLLHUP, "HUP" },	{ POLLNVAL, "NVAL" },
		{ POLLRDNORM, "RDNORM" }, { POLLRDBAND, "RDBAND" },
		{ POLLWRNORM, "WRNORM" }, { POLLWRBAND, "WRBAND" },
		{ POLLRDHUP, "RDHUP" },
	};
	static char text[4][96];
	static unsigned int turn;
	char *s = text[turn++ % 4];
	unsigned int i;

	s[0] = 0;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(mask & names[i].bit))
			continue;
		if (s[0])
			strcat(s, "|");
		strcat(s, names[i].name);
	}
	return s[0] ? s : "0";
}

void note(struct transcript *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	t->text = realloc(t->text, t->len + n + 1);
	if (!t->text)
		die("out of memory");
	memcpy(t->text + t->len, line, n);
	t->len += n;
	t->text[t->len] = 0;
}

void note_ret(struct transcript *t, const char *what, long long ret)
{
	if (ret < 0)
		note(t, "%s: %lld %s", what, ret, errno_name(errno));
	else
		note(t, "%s: %lld", what, ret);
}

void note_poll(struct transcript *t, const char *what, int fd, short awaited)
{
	struct pollfd p = {
		.fd = fd,
		.events = EVERY_EVENT | POLLRDNORM | POLLRDBAND | POLLWRNORM |
			  POLLWRBAND,
	};

	wait_for_all(fd, awaited, SOON_MS);
	if (poll(&p, 1, 0) < 0)
		die("poll");
	note(t, "poll %s: %s", what, poll_name(p.revents));
}

void note_so_error(struct transcript *t, int fd)
{
	note(t, "SO_ERROR: %s", errno_name(get_int(fd, SOL_SOCKET, SO_ERROR)));
}

static const char *line_at(const char *text, char *line, size_t size)
{
	const char *end = strchrnul(text, '\n');
	size_t n = end - text;

	if (n >= size)
		n = size - 1;
	memcpy(line, text, n);
	line[n] = 0;
	return *end ? end + 1 : end;
}

bool same_transcript(const struct transcript *tcp,
		     const struct transcript *ferry)
{
	const char *a = tcp->text ? tcp->text : "";
	const char *b = ferry->text ? ferry->text : "";
	char was[512];
	char is[512];

	if (!strcmp(a, b))
		return true;
	fprintf(stderr, "# TCP and Ferry differ:\n");
	while (*a || *b) {
		a = line_at(a, was, sizeof(was));
		b = line_at(b, is, sizeof(is));
		if (!strcmp(was, is))
			fprintf(stderr, "#   both   %s\n", was);
		else
			fprintf(stderr, "#   TCP    %s\n#   Ferry  %s\n", was,
				is);
	}
	return false;
}
