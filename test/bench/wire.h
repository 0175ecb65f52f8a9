/* What the C programs of the bench share: the byte pattern, numbers on the wire, sockets. */
#ifndef WIRE_H
#define WIRE_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A prime, so that no shift by a buffer size goes unseen. */
#define PERIOD 1048573u
static uint8_t pattern[PERIOD];

static inline void fill_pattern(void) {
  uint64_t x = 88172645463325252ull;
  for (uint32_t i = 0; i < PERIOD; i++) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    pattern[i] = (uint8_t)(x >> 32);
  }
}

/* How many bytes of a piece that begins at offset `at` of the stream are what they should be. */
static inline uint64_t matching(const uint8_t *piece, size_t length, uint64_t at) {
  uint64_t right = 0;
  for (size_t i = 0; i < length; i++) right += piece[i] == pattern[(at + i) % PERIOD];
  return right;
}

static inline uint64_t get64(const uint8_t *p) {
  uint64_t value = 0;
  for (int i = 0; i < 8; i++) value = value << 8 | p[i];
  return value;
}

static inline void put64(uint8_t *p, uint64_t value) {
  for (int i = 7; i >= 0; i--, value >>= 8) p[i] = (uint8_t)value;
}

static inline void no_delay(int fd) {
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
}

static inline void fail(const char *what) {
  perror(what);
  exit(1);
}

static inline struct sockaddr_in address_of(const char *text, int port) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
  if (inet_pton(AF_INET, text, &address.sin_addr) != 1) fail(text);
  return address;
}

static inline int bound(int type, const char *text, int *port) {
  int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = address_of(text, *port);
  socklen_t length = sizeof address;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
  if (bind(fd, (struct sockaddr *)&address, length) < 0) fail("bind");
  getsockname(fd, (struct sockaddr *)&address, &length);
  *port = ntohs(address.sin_port);
  return fd;
}

static inline int listen_on(const char *text, int *port) {
  *port = 0;
  int fd = bound(SOCK_STREAM, text, port);
  if (listen(fd, 4096) < 0) fail("listen");
  return fd;
}

static inline int udp_on(const char *text, int *port) { return bound(SOCK_DGRAM, text, port); }
#endif
