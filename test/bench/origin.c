/*
 * The origin of the bench: one thread, epoll. Prints its ports as one line of JSON, ends when standard input ends.
 *
 *   origin ADDRESS [DNS_PORT]
 *
 * Stream port, per connection commands of 9 bytes (letter, 64-bit big-endian count), any number in a row:
 *   D n  sends n bytes of the pattern          U n  reads n bytes, answers 'K'          P  answers 'K'
 *   H    reads until the end of the stream, then answers the count of pattern bytes that were right (8 bytes) and ends
 *   S n  sends n bytes of the pattern, half-closes, and reads until the end; Q (another connection) answers its count
 * HTTP port: every request head is answered with 1 KiB. DNS (UDP): every A query is answered with ADDRESS.
 */
#include "wire.h"
#include <sys/epoll.h>

enum kind { LISTEN_STREAM, LISTEN_HTTP, DNS, STDIN, STREAM, HTTP };
enum state { COMMAND, SEND, SINK, CHECK, SEND_THEN_CHECK, ANSWER_THEN_END, DONE };
struct conn {
  enum kind kind;
  enum state state;
  int fd, have;
  uint8_t head[9];
  uint64_t left, right, at;
  char *answer;
  int answer_length, answer_at, matched;
};

static int epfd;
static struct in_addr own;
static uint64_t last_half_close;
static uint8_t sink_buffer[1 << 20];
static char page[2048];
static int page_length;

static void watch(struct conn *c, uint32_t events, int op) {
  struct epoll_event event = { .events = events, .data.ptr = c };
  epoll_ctl(epfd, op, c->fd, &event);
}

static struct conn *add(int fd, enum kind kind) {
  struct conn *c = calloc(1, sizeof *c);
  c->fd = fd;
  c->kind = kind;
  watch(c, EPOLLIN, EPOLL_CTL_ADD);
  return c;
}

static void drop(struct conn *c) {
  close(c->fd);
  free(c->answer);
  free(c);
}

static void accept_all(struct conn *c) {
  int fd;
  while ((fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    no_delay(fd);
    add(fd, c->kind == LISTEN_STREAM ? STREAM : HTTP);
  }
}

static void answer_dns(int fd) {
  uint8_t q[512], out[1024];
  struct sockaddr_in from;
  socklen_t length = sizeof from;
  ssize_t n = recvfrom(fd, q, sizeof q, 0, (struct sockaddr *)&from, &length);
  if (n < 17) return;
  ssize_t end = 12;
  while (end < n && q[end]) end += q[end] + 1;
  end += 5;
  if (end > n) return;
  int is_a = q[end - 3] == 1;
  memcpy(out, q, (size_t)end);
  out[2] = 0x85;
  out[3] = 0x80;
  memcpy(out + 4, (uint8_t[]){ 0, 1, 0, (uint8_t)is_a, 0, 0, 0, 0 }, 8);
  if (is_a) {
    memcpy(out + end, (uint8_t[]){ 0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4 }, 12);
    memcpy(out + end + 12, &own, 4);
    end += 16;
  }
  sendto(fd, out, (size_t)end, 0, (struct sockaddr *)&from, length);
}

/* 1: go on, 0: would block, -1: gone. */
static int push_pattern(struct conn *c) {
  while (c->left) {
    uint64_t offset = c->at % PERIOD, chunk = PERIOD - offset;
    if (chunk > c->left) chunk = c->left;
    ssize_t n = send(c->fd, pattern + offset, chunk, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN ? 0 : -1;
    c->at += (uint64_t)n;
    c->left -= (uint64_t)n;
  }
  return 1;
}

static int read_command(struct conn *c) {
  ssize_t n = recv(c->fd, c->head + c->have, (size_t)(9 - c->have), 0);
  if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
  c->have += (int)n;
  if (c->have < 9) return 0;
  c->have = 0;
  c->left = get64(c->head + 1);
  c->at = c->right = 0;
  uint8_t answer[8];
  switch (c->head[0]) {
    case 'D': c->state = SEND; return 1;
    case 'U': c->state = SINK; return 1;
    case 'H': c->state = CHECK; return 1;
    case 'S': c->state = SEND_THEN_CHECK; return 1;
    case 'P': return send(c->fd, "K", 1, MSG_NOSIGNAL) == 1 ? 1 : -1;
    case 'Q': put64(answer, last_half_close); return send(c->fd, answer, 8, MSG_NOSIGNAL) == 8 ? 1 : -1;
    default: return -1;
  }
}

static int sink(struct conn *c) {
  while (c->left) {
    size_t want = c->left < sizeof sink_buffer ? c->left : sizeof sink_buffer;
    ssize_t n = recv(c->fd, sink_buffer, want, MSG_TRUNC);
    if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
    c->left -= (uint64_t)n;
  }
  c->state = COMMAND;
  return send(c->fd, "K", 1, MSG_NOSIGNAL) == 1 ? 1 : -1;
}

static int check(struct conn *c) {
  for (;;) {
    ssize_t n = recv(c->fd, sink_buffer, sizeof sink_buffer, 0);
    if (n < 0) return errno == EAGAIN ? 0 : -1;
    if (n == 0) break;
    c->right += matching(sink_buffer, (size_t)n, c->at);
    c->at += (uint64_t)n;
  }
  uint8_t answer[8];
  put64(answer, c->right);
  if (c->head[0] == 'S') last_half_close = c->right;
  else if (send(c->fd, answer, 8, MSG_NOSIGNAL) != 8) return -1;
  return -1;
}

static int step(struct conn *c) {
  int went;
  switch (c->state) {
    case COMMAND: return read_command(c);
    case SINK: return sink(c);
    case CHECK: return check(c);
    case SEND:
      if ((went = push_pattern(c)) == 1) c->state = COMMAND;
      break;
    case SEND_THEN_CHECK:
      if ((went = push_pattern(c)) != 1) break;
      shutdown(c->fd, SHUT_WR);
      c->state = CHECK;
      c->at = 0;
      break;
    default: return -1;
  }
  if (went == 1) watch(c, EPOLLIN, EPOLL_CTL_MOD);
  if (went == 0) watch(c, EPOLLOUT, EPOLL_CTL_MOD);
  return went;
}

/* Counts request heads by their empty lines; requests of the bench have no content. */
static int serve_page(struct conn *c) {
  char *in = (char *)sink_buffer;
  ssize_t n = recv(c->fd, in, 65536, 0);
  if (n <= 0) return n < 0 && errno == EAGAIN ? 0 : -1;
  for (ssize_t i = 0; i < n; i++) {
    c->matched = in[i] == "\r\n\r\n"[c->matched] ? c->matched + 1 : in[i] == '\r';
    if (c->matched < 4) continue;
    c->matched = 0;
    if (send(c->fd, page, (size_t)page_length, MSG_NOSIGNAL) != page_length) return -1;
  }
  return 0;
}

static void handle(struct conn *c) {
  int went = 1;
  switch (c->kind) {
    case STDIN: exit(0);
    case DNS: answer_dns(c->fd); return;
    case LISTEN_STREAM:
    case LISTEN_HTTP: accept_all(c); return;
    case HTTP: went = serve_page(c); break;
    case STREAM:
      while (went == 1) went = step(c);
  }
  if (went < 0) drop(c);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  inet_pton(AF_INET, argv[1], &own);
  fill_pattern();
  memset(sink_buffer, 'x', 1024);
  page_length = snprintf(page, sizeof page,
    "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: text/plain\r\n"
    "Cache-Control: no-store\r\nContent-Length: 1024\r\n\r\n%.1024s", (char *)sink_buffer);
  epfd = epoll_create1(0);
  int stream_port, http_port, dns_port = argc > 2 ? atoi(argv[2]) : 0;
  add(listen_on(argv[1], &stream_port), LISTEN_STREAM);
  add(listen_on(argv[1], &http_port), LISTEN_HTTP);
  add(udp_on(argv[1], &dns_port), DNS);
  add(0, STDIN);
  printf("{\"stream\":%d,\"http\":%d,\"dns\":%d}\n", stream_port, http_port, dns_port);
  fflush(stdout);
  for (;;) {
    struct epoll_event events[256];
    int n = epoll_wait(epfd, events, 256, -1);
    for (int i = 0; i < n; i++) handle(events[i].data.ptr);
  }
}
