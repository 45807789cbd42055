// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every user tries first: a server that sends back what it gets, reached
 * over IPv4, over IPv6, and over IPv6 with a mapped IPv4 address, by its own
 * kind and through the bridge by the other; and one listener for both families.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "ktest.h"
#include "lib.h"

/* Echo until the client has shut its side down, then close ours. */
static int echo_server(void *arg)
{
	int l = *(int *)arg;
	int fd = accept_one(l);
	char buf[4096];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (send(fd, buf, n, 0) != n)
			return 1;
	return n ? 2 : 0;
}

FIXTURE(echo) {
	struct hosts hosts;
	struct addr at;
	int listener;
};

FIXTURE_VARIANT(echo) {
	enum ends ends;
	enum family fam;
};

FIXTURE_VARIANT_ADD(echo, tcp_v4) { .ends = TCP_TO_TCP, .fam = V4 };
FIXTURE_VARIANT_ADD(echo, tcp_v6) { .ends = TCP_TO_TCP, .fam = V6 };
FIXTURE_VARIANT_ADD(echo, tcp_mapped) { .ends = TCP_TO_TCP, .fam = MAPPED };
FIXTURE_VARIANT_ADD(echo, ferry_v4) { .ends = FERRY_TO_FERRY, .fam = V4 };
FIXTURE_VARIANT_ADD(echo, ferry_v6) { .ends = FERRY_TO_FERRY, .fam = V6 };
FIXTURE_VARIANT_ADD(echo, ferry_mapped) {
	.ends = FERRY_TO_FERRY, .fam = MAPPED,
};

FIXTURE_VARIANT_ADD(echo, ferry_to_tcp_v4) { .ends = FERRY_TO_TCP, .fam = V4 };
FIXTURE_VARIANT_ADD(echo, ferry_to_tcp_v6) { .ends = FERRY_TO_TCP, .fam = V6 };
FIXTURE_VARIANT_ADD(echo, ferry_to_tcp_mapped) {
	.ends = FERRY_TO_TCP, .fam = MAPPED,
};

FIXTURE_VARIANT_ADD(echo, tcp_to_ferry_v4) { .ends = TCP_TO_FERRY, .fam = V4 };
FIXTURE_VARIANT_ADD(echo, tcp_to_ferry_v6) { .ends = TCP_TO_FERRY, .fam = V6 };
FIXTURE_VARIANT_ADD(echo, tcp_to_ferry_mapped) {
	.ends = TCP_TO_FERRY, .fam = MAPPED,
};

/* One protocol alone speaks to itself; two need a link to be bridged. */
FIXTURE_SETUP(echo)
{
	if (!ends_differ(variant->ends)) {
		own_namespace();
		self->at = loopback(variant->fam, 0);
	} else if (!hosts_make_for(&self->hosts, 1500, variant->ends)) {
		SKIP(return, "no ferry command here");
	} else {
		self->at = host_addr(1, variant->fam, 0);
		hosts_enter(&self->hosts, 1);
	}
	self->listener = listen_at(&self->at, ends_proto(variant->ends, 1), 1);
	if (ends_differ(variant->ends))
		hosts_enter(&self->hosts, 0);
}

FIXTURE_TEARDOWN(echo)
{
}

TEST_F(echo, what_is_sent_comes_back)
{
	static const size_t sizes[] = { 1, 2, 1000, 1460, 4096, 60000 };
	pid_t server = spawn(echo_server, &self->listener);
	__u64 pos = 0;
	unsigned int i;
	char c;
	int fd;

	fd = dial(&self->at, ends_proto(variant->ends, 0));
	ASSERT_LE(0, fd)
		TH_LOG("connect to %s: %s", addr_text(&self->at),
		       errno_name(errno));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_TRUE(send_stream(fd, 1, pos, sizes[i]));
		ASSERT_TRUE(recv_stream(fd, 1, pos, sizes[i]));
		pos += sizes[i];
	}
	ASSERT_EQ(0, shutdown(fd, SHUT_WR));
	ASSERT_NE(0, wait_for(fd, POLLIN, SOON_MS));
	ASSERT_EQ(0, recv(fd, &c, 1, 0));
	ASSERT_EQ(0, reap(server, SOON_MS));
}

TEST_F(echo, both_ends_agree_on_the_addresses)
{
	struct addr *at = &self->at;
	struct addr name;
	struct addr accepted = { .len = sizeof(accepted.v6) };
	int fd = dial(at, ends_proto(variant->ends, 0));
	int peer;

	ASSERT_LE(0, fd);
	ASSERT_NE(0, wait_for(self->listener, POLLIN, SOON_MS));
	peer = accept(self->listener, &accepted.sa, &accepted.len);
	ASSERT_LE(0, peer);

	name = remote_addr(fd);
	EXPECT_STREQ(addr_text(at), addr_text(&name));
	name = local_addr(peer);
	EXPECT_STREQ(addr_text(at), addr_text(&name));
	name = local_addr(fd);
	EXPECT_NE(0, port_of(&name));
	EXPECT_STREQ(addr_text(&name), addr_text(&accepted));
	name = remote_addr(peer);
	EXPECT_STREQ(addr_text(&accepted), addr_text(&name));
	EXPECT_EQ(at->len, accepted.len);
}

FIXTURE(dual_stack) {
	int proto;
};

FIXTURE_VARIANT(dual_stack) {
	bool ferry;
};

FIXTURE_VARIANT_ADD(dual_stack, tcp) { .ferry = false };
FIXTURE_VARIANT_ADD(dual_stack, ferry) { .ferry = true };

FIXTURE_SETUP(dual_stack)
{
	self->proto = proto_of(variant->ferry);
	own_namespace();
}

FIXTURE_TEARDOWN(dual_stack)
{
}

TEST_F(dual_stack, one_listener_serves_both_families)
{
	static const enum family families[] = { V4, V6, MAPPED };
	struct addr at = any(V6, 0);
	int l = listen_at(&at, self->proto, 8);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(families); i++) {
		struct addr to = loopback(families[i], port_of(&at));
		struct addr from;
		int fd = dial(&to, self->proto);
		int peer;

		ASSERT_LE(0, fd)
			TH_LOG("connect to %s: %s", addr_text(&to),
			       errno_name(errno));
		peer = accept_one(l);
		from = remote_addr(peer);
		ASSERT_EQ(AF_INET6, from.sa.sa_family);
		EXPECT_EQ(families[i] != V6,
			  !!IN6_IS_ADDR_V4MAPPED(&from.v6.sin6_addr))
			TH_LOG("%s came as %s", addr_text(&to),
			       addr_text(&from));
		ASSERT_TRUE(exchange(fd, peer, 20000, SOON_MS));
		close(fd);
		close(peer);
	}
}

TEST_F(dual_stack, v6only_listener_refuses_v4)
{
	struct addr at = any(V6, 0);
	struct addr v4;
	int l = open_socket(V6, self->proto);

	set_int(l, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	ASSERT_EQ(0, bind(l, &at.sa, at.len));
	ASSERT_EQ(0, listen(l, 1));
	at = local_addr(l);

	v4 = loopback(V4, port_of(&at));
	ASSERT_EQ(-1, dial(&v4, self->proto));
	EXPECT_STREQ("ECONNREFUSED", errno_name(errno));

	at = loopback(V6, port_of(&at));
	EXPECT_LE(0, dial(&at, self->proto));
}

TEST_F(dual_stack, v6only_and_v4_share_a_port)
{
	struct addr v6 = any(V6, 0);
	struct addr v4;
	int six = open_socket(V6, self->proto);
	int four;

	set_int(six, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	ASSERT_EQ(0, bind(six, &v6.sa, v6.len));
	ASSERT_EQ(0, listen(six, 1));
	v6 = local_addr(six);
	v4 = any(V4, port_of(&v6));
	four = open_socket(V4, self->proto);
	ASSERT_EQ(0, bind(four, &v4.sa, v4.len));
	ASSERT_EQ(0, listen(four, 1));

	v4 = loopback(V4, port_of(&v6));
	v6 = loopback(V6, port_of(&v6));
	ASSERT_LE(0, dial(&v4, self->proto));
	ASSERT_LE(0, dial(&v6, self->proto));
	EXPECT_LE(0, accept_one(four));
	EXPECT_LE(0, accept_one(six));
}

TEST_F(dual_stack, a_dual_stack_listener_owns_the_v4_port)
{
	struct addr v6 = any(V6, 0);
	struct addr v4;
	int six = open_socket(V6, self->proto);
	int four = open_socket(V4, self->proto);

	ASSERT_EQ(0, bind(six, &v6.sa, v6.len));
	ASSERT_EQ(0, listen(six, 1));
	v6 = local_addr(six);
	v4 = any(V4, port_of(&v6));
	ASSERT_EQ(-1, bind(four, &v4.sa, v4.len));
	EXPECT_STREQ("EADDRINUSE", errno_name(errno));
}

TEST_HARNESS_MAIN
