// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices and VRFs: which listener takes what comes in on a device that is part
 * of a VRF, who may have a port there, and whom connect() reaches.  TCP's
 * answers and Ferry's.
 *
 * Host 1's end of the link is in the VRF "red".  On a kernel without VRFs red
 * is a device with nothing behind it; the answers are others then, and must be
 * the same, too.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktest.h"
#include "lib.h"

#define PORT 7000

FIXTURE(vrf) {
	struct hosts hosts;
	struct transcript log[2];
	bool vrf;	/* the kernel has it */
};

FIXTURE_VARIANT(vrf) {
	enum family fam;
};

FIXTURE_VARIANT_ADD(vrf, v4) { .fam = V4 };
FIXTURE_VARIANT_ADD(vrf, v6) { .fam = V6 };

FIXTURE_SETUP(vrf)
{
	hosts_make(&self->hosts, 1500);
	hosts_enter(&self->hosts, 1);
	self->vrf = !access("/proc/sys/net/ipv4/tcp_l3mdev_accept", F_OK);
	if (self->vrf) {
		/* A device that comes under a master loses its addresses. */
		run_batch("ip", "link add red type vrf table 10\n"
			  "link set red up\n"
			  "link set " LINK " master red\n"
			  "address replace fd00::2/64 dev " LINK " nodad\n"
			  "neigh replace 10.0.0.1 dev " LINK
			  " lladdr 02:00:00:00:00:01 nud permanent\n"
			  "neigh replace fd00::1 dev " LINK
			  " lladdr 02:00:00:00:00:01 nud permanent\n");
	} else {
		run_batch("ip", "link add red type dummy\n"
			  "link set red up\n");
	}
}

FIXTURE_TEARDOWN(vrf)
{
}

static const char * const devices[] = { "", "red", LINK, "lo" };

static void bind_to_device(int fd, const char *device)
{
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device,
		       strlen(device) + 1))
		die("SO_BINDTODEVICE %s", device);
}

static const char *device_of(int fd)
{
	static char name[IFNAMSIZ];
	socklen_t len = sizeof(name);

	if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len))
		die("SO_BINDTODEVICE");
	return len ? name : "none";
}

/* A socket on @device with @port at any address, or -1. */
static int claim(enum family fam, int proto, const char *device, bool reuse,
		 __u16 port)
{
	struct addr a = any(fam, port);
	int fd = open_socket(fam, proto), err;

	bind_to_device(fd, device);
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, reuse);
	if (!bind(fd, &a.sa, a.len))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/* Who of @l[] gets a connection from host 0, and where does it stand? */
static void who_gets_it(const struct hosts *h, struct transcript *t,
			enum family fam, int proto, const int *l)
{
	struct addr to = host_addr(1, fam, PORT);
	struct pollfd p[2];
	int i, fd, other;

	hosts_enter(h, 0);
	fd = dial(&to, proto);
	hosts_enter(h, 1);
	note_ret(t, "   connect", fd < 0 ? -1 : 0);
	if (fd < 0)
		return;
	for (i = 0; i < 2; i++)
		p[i] = (struct pollfd){ .fd = l[i], .events = POLLIN };
	if (poll(p, 2, SOON_MS) != 1)
		die("no listener has it");
	i = !p[0].revents;
	other = accept(l[i], NULL, NULL);
	note(t, "   listener %d, on %s", i, device_of(other));
	/* Both ways, so that it is found again. */
	if (!exchange(fd, other, 1000, SOON_MS))
		die("nothing moves");
	close(fd);
	close(other);
}

static void compete(const struct hosts *h, struct transcript *t,
		    enum family fam, int proto)
{
	unsigned int a, b;

	for (a = 0; a < ARRAY_SIZE(devices); a++)
	for (b = 0; b <= ARRAY_SIZE(devices); b++) {
		int l[2] = { -1, -1 };

		l[0] = claim(fam, proto, devices[a], true, PORT);
		if (l[0] < 0 || listen(l[0], 4))
			die("listener");
		note(t, "'%s' and '%s'", devices[a],
		     b < ARRAY_SIZE(devices) ? devices[b] : "nobody");
		if (b < ARRAY_SIZE(devices)) {
			l[1] = claim(fam, proto, devices[b], true, PORT);
			note(t, "   bind %s", l[1] < 0 ? errno_name(errno) :
							 "ok");
			if (l[1] >= 0)
				note_ret(t, "   listen", listen(l[1], 4));
		}
		who_gets_it(h, t, fam, proto, l);
		close(l[0]);
		if (l[1] >= 0)
			close(l[1]);
	}
}

TEST_F(vrf, listeners_by_device)
{
	int i, accepts;

	for (accepts = 0; accepts <= self->vrf; accepts++) {
		hosts_enter(&self->hosts, 1);
		if (self->vrf)
			set_sysctls("l3mdev_accept", accepts ? "1" : "0");
		for (i = 0; i < 2; i++) {
			note(&self->log[i], "l3mdev_accept %d", accepts);
			compete(&self->hosts, &self->log[i], variant->fam,
				proto_of(i));
		}
	}
	EXPECT_NE(NULL, strstr(self->log[1].text, "listener 0, on " LINK));
	if (self->vrf) {
		EXPECT_NE(NULL, strstr(self->log[1].text,
				       "listener 0, on red"));
		EXPECT_NE(NULL, strstr(self->log[1].text,
				       "'' and 'nobody'\n   connect: -1 ECONNREFUSED"));
	}
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* Ports belong to the domain of the device. */
TEST_F(vrf, ports_by_device)
{
	unsigned int a, b;
	int i, reuse, accepts;

	for (accepts = 0; accepts <= self->vrf; accepts++) {
		if (self->vrf)
			set_sysctls("l3mdev_accept", accepts ? "1" : "0");
		for (i = 0; i < 2; i++)
		for (a = 0; a < ARRAY_SIZE(devices); a++)
		for (b = 0; b < ARRAY_SIZE(devices); b++)
		for (reuse = 0; reuse < 2; reuse++) {
			int first = claim(variant->fam, proto_of(i),
					  devices[a], reuse, PORT), second;

			if (first < 0)
				die("bind");
			second = claim(variant->fam, proto_of(i), devices[b],
				       reuse, PORT);
			note(&self->log[i], "%d %d '%s' '%s': %s", accepts,
			     reuse, devices[a], devices[b],
			     second < 0 ? errno_name(errno) : "ok");
			close(first);
			if (second >= 0)
				close(second);
		}
	}
	EXPECT_NE(NULL, strstr(self->log[1].text, "0 0 '' '': EADDRINUSE"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* Out of the VRF goes only who is bound to it. */
TEST_F(vrf, connect_by_device)
{
	unsigned int a;
	int i;

	for (i = 0; i < 2; i++) {
		struct addr at = host_addr(0, variant->fam, PORT);
		int l, fd, other;

		hosts_enter(&self->hosts, 0);
		l = listen_at(&at, proto_of(i), 10);
		hosts_enter(&self->hosts, 1);
		/* There is no way by lo. */
		for (a = 0; a < ARRAY_SIZE(devices) - 1; a++) {
			fd = open_socket(variant->fam, proto_of(i));
			bind_to_device(fd, devices[a]);
			set_nonblocking(fd, true);
			note(&self->log[i], "'%s'", devices[a]);
			if (connect(fd, &at.sa, at.len) &&
			    errno != EINPROGRESS) {
				note(&self->log[i], "   %s",
				     errno_name(errno));
				close(fd);
				continue;
			}
			if (!self->vrf && !strcmp(devices[a], "red")) {
				/* It leads nowhere. */
				close(fd);
				continue;
			}
			other = accept_one(l);
			set_nonblocking(fd, false);
			if (!exchange(fd, other, 1000, SOON_MS))
				die("nothing moves");
			note(&self->log[i], "   connected");
			close(fd);
			close(other);
		}
		close(l);
	}
	EXPECT_NE(NULL, strstr(self->log[1].text, "connected"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

/* Two connections between the same ports, on devices or on none. */
TEST_F(vrf, same_ports_by_device)
{
	static const char * const two[] = { "", LINK };
	int i, a, b;

	hosts_enter(&self->hosts, 0);
	for (i = 0; i < 2; i++)
	for (a = 0; a < 2; a++)
	for (b = 0; b < 2; b++) {
		/* A port where nobody answers keeps it in SYN_SENT. */
		struct addr to = addr_of(variant->fam == V4 ? "10.0.0.77" :
							      "fd00::77", PORT);
		int fd[2], k;

		for (k = 0; k < 2; k++) {
			fd[k] = claim(variant->fam, proto_of(i),
				      two[k ? b : a], true, 30000);
			if (fd[k] < 0)
				die("bind");
			set_nonblocking(fd[k], true);
			note(&self->log[i], "'%s' '%s' %d: %s", two[a], two[b],
			     k, connect(fd[k], &to.sa, to.len) ?
				     errno_name(errno) : "ok");
		}
		close(fd[0]);
		close(fd[1]);
	}
	EXPECT_NE(NULL, strstr(self->log[1].text, "EADDRNOTAVAIL"));
	EXPECT_TRUE(same_transcript(&self->log[0], &self->log[1]));
}

TEST_HARNESS_MAIN
