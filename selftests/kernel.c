// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel tells besides sockets, and is told: settings, counters,
 * modules.  lib.h says what each function is for.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib.h"

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("write '%s' to %s", text, path);
	close(fd);
}

int load_program(int type, int where, const struct bpf_insn *code, int len)
{
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = where,
		.insns = (uintptr_t)code,
		.insn_cnt = len,
		.license = (uintptr_t)"GPL",
	};
	int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (fd < 0)
		die("BPF_PROG_LOAD");
	return fd;
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

unsigned int retransmitted(int fd)
{
	struct tcp_info info;

	read_tcp_info(fd, &info, sizeof(info));
	return info.tcpi_total_retrans;
}

unsigned int lost_segments(int fd)
{
	struct tcp_info info;

	read_tcp_info(fd, &info, sizeof(info));
	return info.tcpi_total_retrans > info.tcpi_dsack_dups ?
		       info.tcpi_total_retrans - info.tcpi_dsack_dups : 0;
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

int load_ferry(const char *parameters)
{
	int fd = open("/ferry/ferry.ko", O_RDONLY | O_CLOEXEC);
	int ret, err;

	if (fd < 0)
		die("open /ferry/ferry.ko");
	ret = syscall(SYS_finit_module, fd, parameters, 0);
	err = errno;
	close(fd);
	errno = err;
	return ret;
}

int unload_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK);
}

bool module_unloaded(void *name)
{
	return !unload_module(name) || errno == ENOENT;
}

bool ferry_unloaded(void *arg)
{
	DIR *holders = opendir("/sys/module/ferry/holders");
	struct dirent *entry;

	(void)arg;
	while (holders && (entry = readdir(holders)))
		unload_module(entry->d_name);
	if (holders)
		closedir(holders);
	return !unload_module("ferry");
}
