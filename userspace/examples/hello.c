// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The ten lines of C that open a Ferry connection.  The one thing that differs
 * from TCP is the last argument of socket().  Start "echo 7777" first.
 */
#include <arpa/inet.h>
#include <linux/ferry.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(7777),
	};
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_FERRY);
	char answer[6] = "";

	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return perror("ferry"), 1;
	send(fd, "hello", 5, 0);
	recv(fd, answer, 5, MSG_WAITALL);
	return puts(answer) < 0;
}
