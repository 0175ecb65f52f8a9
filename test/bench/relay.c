/*
 * The yardstick: a CONNECT relay in C, one thread, epoll, one buffer of 256 KiB per direction while bytes wait.
 * It vets nothing, understands IPv4 addresses only and keeps half-close. Prints its port as one line of JSON.
 *
 *   relay ADDRESS
 */
#include "wire.h"
#include <sys/epoll.h>

#define BUFFER (256 * 1024)
struct tunnel;
struct end {
  struct tunnel *tunnel;
  struct end *peer;
  int fd, at, length, ended;
  uint8_t *pending; /* read from this end, not yet written to the peer */
};
struct tunnel {
  struct end client, upstream;
  int head_length, connecting, dead;
  char head[4096];
  struct tunnel *next_dead;
};

static int epfd;
static uint8_t shared[BUFFER];
static struct tunnel *dead_list;

static void watch(struct end *e, int op) {
  struct tunnel *t = e->tunnel;
  uint32_t events = 0;
  if (!e->pending && !e->ended && !(t->connecting && e == &t->client)) events |= EPOLLIN;
  if ((e->peer && e->peer->pending) || (t->connecting && e == &t->upstream)) events |= EPOLLOUT;
  struct epoll_event event = { .events = events, .data.ptr = e };
  epoll_ctl(epfd, op, e->fd, &event);
}

static void bury(struct tunnel *t) {
  if (t->dead) return;
  t->dead = 1;
  close(t->client.fd);
  if (t->upstream.fd >= 0) close(t->upstream.fd);
  free(t->client.pending);
  free(t->upstream.pending);
  t->next_dead = dead_list;
  dead_list = t;
}

static void finish(struct end *from) {
  from->ended = 1;
  shutdown(from->peer->fd, SHUT_WR);
  if (from->peer->ended && !from->peer->pending) bury(from->tunnel);
  else watch(from, EPOLL_CTL_MOD);
}

static void keep(struct end *from, const uint8_t *rest, int length) {
  from->pending = malloc(BUFFER);
  memcpy(from->pending, rest, (size_t)length);
  from->at = 0;
  from->length = length;
  watch(from, EPOLL_CTL_MOD);
  watch(from->peer, EPOLL_CTL_MOD);
}

static void pump(struct end *from) {
  for (int turn = 0; turn < 4; turn++) {
    ssize_t n = read(from->fd, shared, BUFFER);
    if (n == 0) return finish(from);
    if (n < 0) {
      if (errno != EAGAIN) bury(from->tunnel);
      return;
    }
    ssize_t sent = send(from->peer->fd, shared, (size_t)n, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return bury(from->tunnel);
    if (sent < 0) sent = 0;
    if (sent < n) return keep(from, shared + sent, (int)(n - sent));
    if (n < BUFFER) return;
  }
}

static void flush(struct end *from) {
  ssize_t n = send(from->peer->fd, from->pending + from->at, (size_t)(from->length - from->at), MSG_NOSIGNAL);
  if (n < 0) {
    if (errno != EAGAIN) bury(from->tunnel);
    return;
  }
  from->at += (int)n;
  if (from->at < from->length) return;
  free(from->pending);
  from->pending = NULL;
  watch(from, EPOLL_CTL_MOD);
  watch(from->peer, EPOLL_CTL_MOD);
}

static void dial(struct tunnel *t) {
  char text[64];
  int port;
  if (sscanf(t->head, "CONNECT %63[^:]:%d ", text, &port) != 2) return bury(t);
  struct sockaddr_in to = address_of(text, port);
  t->upstream = (struct end){ .tunnel = t, .peer = &t->client, .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) };
  t->client.peer = &t->upstream;
  no_delay(t->upstream.fd);
  t->connecting = 1;
  if (connect(t->upstream.fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) return bury(t);
  watch(&t->client, EPOLL_CTL_MOD);
  watch(&t->upstream, EPOLL_CTL_ADD);
}

static void read_head(struct tunnel *t) {
  ssize_t n = recv(t->client.fd, t->head + t->head_length, sizeof t->head - 1 - (size_t)t->head_length, 0);
  if (n <= 0) return bury(t);
  t->head_length += (int)n;
  t->head[t->head_length] = 0;
  if (strstr(t->head, "\r\n\r\n")) dial(t);
}

static void connected(struct tunnel *t) {
  int error = 0;
  getsockopt(t->upstream.fd, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){ sizeof error });
  if (error) return bury(t);
  t->connecting = 0;
  const char *answer = "HTTP/1.1 200 Connection established\r\n\r\n";
  if (send(t->client.fd, answer, strlen(answer), MSG_NOSIGNAL) < 0) return bury(t);
  watch(&t->client, EPOLL_CTL_MOD);
  watch(&t->upstream, EPOLL_CTL_MOD);
}

static void handle(struct end *e, uint32_t events) {
  struct tunnel *t = e->tunnel;
  if (t->dead) return;
  if (t->upstream.fd < 0) return read_head(t);
  if (t->connecting) {
    if (e == &t->upstream) connected(t);
    else if (events & (EPOLLERR | EPOLLHUP)) bury(t);
    return;
  }
  if (events & EPOLLOUT && e->peer->pending) flush(e->peer);
  if (!t->dead && events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !e->pending && !e->ended) pump(e);
  else if (!t->dead && events & EPOLLERR) bury(t);
}

static void accept_one(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (fd < 0) return;
  no_delay(fd);
  struct tunnel *t = calloc(1, sizeof *t);
  t->client = (struct end){ .tunnel = t, .fd = fd };
  t->upstream.fd = -1;
  watch(&t->client, EPOLL_CTL_ADD);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  int port;
  int listener = listen_on(argv[1], &port);
  epfd = epoll_create1(0);
  struct epoll_event listening = { .events = EPOLLIN, .data.ptr = NULL };
  epoll_ctl(epfd, EPOLL_CTL_ADD, listener, &listening);
  printf("{\"port\":%d}\n", port);
  fflush(stdout);
  for (;;) {
    struct epoll_event events[256];
    int n = epoll_wait(epfd, events, 256, -1);
    for (int i = 0; i < n; i++) {
      if (events[i].data.ptr) handle(events[i].data.ptr, events[i].events);
      else accept_one(listener);
    }
    for (struct tunnel *t = dead_list, *next; t; t = next) next = t->next_dead, free(t);
    dead_list = NULL;
  }
}
