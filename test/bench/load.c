/*
 * The load generator of the bench: blocking sockets, a thread per connection. Prints one line of JSON.
 *
 *   load OP PROXY:PORT|- TARGET:PORT COUNT CONNECTIONS [SOURCE]
 *
 * Without a proxy ("-") it speaks to TARGET itself. COUNT is per connection. SOURCE: the address that the first of them
 * connects from; each of the others has the next one, as clients of their own.
 *   down up  COUNT bytes through one tunnel each             setup    COUNT tunnels: CONNECT, one round trip, close
 *   refused  COUNT refused CONNECT, read to the end          get      COUNT GET of 1 KiB on a connection kept open
 *   idle     COUNT tunnels, kept until standard input ends   exact    COUNT bytes each way, pattern and half-close
 *   move     as idle, and each makes a round trip a second   flood    COUNT refused CONNECT a second, until then
 */
#include "wire.h"
#include <pthread.h>
#include <time.h>

static const char *op;
static int proxied;
static struct sockaddr_in to, source;
static char target[300];
static uint64_t count;
static pthread_barrier_t start_line;
static double started;

struct worker {
  pthread_t thread;
  struct sockaddr_in source;
  uint64_t units, errors;
  uint32_t *micros;
  int *tunnels;
  char note[100];
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_socket(const struct worker *w) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  no_delay(fd);
  if (w->source.sin_family == AF_INET) {
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
    if (bind(fd, (struct sockaddr *)&w->source, sizeof w->source) < 0) fail("bind");
  }
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_sec = 20 }, sizeof(struct timeval));
  if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) return fd;
  close(fd);
  return -1;
}

static int send_all(int fd, const void *bytes, size_t length) {
  for (const char *p = bytes; length;) {
    ssize_t n = send(fd, p, length, MSG_NOSIGNAL);
    if (n <= 0) return -1;
    p += n, length -= (size_t)n;
  }
  return 0;
}

/* Reads a head up to its empty line; the length read so far (maybe more than the head), -1 at an end before it. */
static int read_head(int fd, char *in, int size) {
  int have = 0;
  while (have < size - 1) {
    ssize_t n = recv(fd, in + have, (size_t)(size - 1 - have), 0);
    if (n <= 0) return -1;
    have += (int)n;
    in[have] = 0;
    if (strstr(in, "\r\n\r\n")) return have;
  }
  return -1;
}

static int send_connect(int fd) {
  char out[700];
  int n = snprintf(out, sizeof out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, target);
  return send_all(fd, out, (size_t)n);
}

static int open_tunnel(const struct worker *w) {
  char in[4096];
  int fd = open_socket(w);
  if (fd < 0 || !proxied) return fd;
  if (send_connect(fd) == 0 && read_head(fd, in, sizeof in) > 0 && strncmp(in + 8, " 200", 4) == 0) return fd;
  close(fd);
  return -1;
}

static int command(int fd, char letter, uint64_t number) {
  uint8_t out[9] = { (uint8_t)letter };
  put64(out + 1, number);
  return send_all(fd, out, 9);
}

static int take(int fd, uint8_t *bytes, size_t length) {
  return recv(fd, bytes, length, MSG_WAITALL) == (ssize_t)length ? 0 : -1;
}

static int download(int fd, uint64_t length) {
  if (command(fd, 'D', length) < 0) return -1;
  while (length) {
    ssize_t n = recv(fd, NULL, length < 1 << 20 ? length : 1 << 20, MSG_TRUNC);
    if (n <= 0) return -1;
    length -= (uint64_t)n;
  }
  return 0;
}

static int send_pattern(int fd, uint64_t length) {
  for (uint64_t at = 0; at < length;) {
    uint64_t offset = at % PERIOD, chunk = PERIOD - offset;
    if (chunk > length - at) chunk = length - at;
    if (chunk > 256 * 1024) chunk = 256 * 1024;
    if (send_all(fd, pattern + offset, chunk) < 0) return -1;
    at += chunk;
  }
  return 0;
}

static int upload(int fd, uint64_t length) {
  uint8_t answer;
  if (command(fd, 'U', length) < 0 || send_pattern(fd, length) < 0) return -1;
  return take(fd, &answer, 1);
}

static int set_up(const struct worker *w) {
  uint8_t answer;
  int fd = open_tunnel(w);
  if (fd < 0) return -1;
  int good = command(fd, 'P', 0) == 0 && take(fd, &answer, 1) == 0 ? 0 : -1;
  close(fd);
  return good;
}

static int be_refused(const struct worker *w) {
  char in[16384];
  int fd = open_socket(w);
  if (fd < 0) return -1;
  int have = send_connect(fd) == 0 ? read_head(fd, in, sizeof in) : -1;
  int good = have > 0 && in[9] != '2' ? 0 : -1;
  /* Up to the end of the content, where its length is known: some keep the connection open. */
  char *field = good == 0 ? strcasestr(in, "\r\ncontent-length:") : NULL;
  long rest = field ? atol(field + 17) - (have - (strstr(in, "\r\n\r\n") + 4 - in)) : 1 << 30;
  for (ssize_t n; good == 0 && rest > 0 && (n = recv(fd, in, sizeof in, 0)) > 0;) rest -= n;
  close(fd);
  return good;
}

/* One response with Content-Length 1024 or chunked; 1: the connection stays open, 0: it does not, -1: failed. */
static int get(int fd, const char *request, size_t length) {
  char in[8192];
  if (send_all(fd, request, length) < 0) return -1;
  int have = read_head(fd, in, sizeof in);
  if (have < 0 || in[9] != '2') return -1;
  char *content = strstr(in, "\r\n\r\n") + 4;
  int chunked = strcasestr(in, "\r\ntransfer-encoding: chunked\r\n") && strcasestr(in, "\r\ntransfer-encoding: chunked\r\n") < content;
  char *close_field = strcasestr(in, "\r\nconnection: close\r\n");
  int closing = (close_field && close_field < content) || strncmp(in, "HTTP/1.0", 8) == 0;
  for (;;) {
    int got = have - (int)(content - in);
    if (chunked ? got >= 5 && memcmp(in + have - 5, "0\r\n\r\n", 5) == 0 : got >= 1024) break;
    ssize_t n = recv(fd, in + have, sizeof in - (size_t)have, 0);
    if (n <= 0) return -1;
    have += (int)n;
  }
  return !closing;
}

static void get_many(struct worker *w) {
  char request[1400];
  int fd = -1, kept = 0, length = proxied
    ? snprintf(request, sizeof request, "GET http://%s/ HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n", target, target)
    : snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n", target);
  for (uint64_t i = 0; i < count; i++) {
    double from = now();
    if (fd < 0) fd = open_socket(w);
    int went = fd < 0 ? -1 : get(fd, request, (size_t)length);
    if (went < 0 && kept) {
      close(fd);
      went = (fd = open_socket(w)) < 0 ? -1 : get(fd, request, (size_t)length);
    }
    kept = went == 1;
    w->micros[i] = (uint32_t)((now() - from) * 1e6);
    if (went < 0) w->errors++;
    else w->units++;
    if (went == 1) continue;
    if (fd >= 0) close(fd);
    fd = -1;
  }
}

/* Both ways of half-close: the client ends first and still gets the answer; the origin ends first and still reads. */
static void exact(struct worker *w) {
  uint8_t answer[8], *piece = malloc(1 << 18);
  int fd = open_tunnel(w);
  if (fd < 0 || command(fd, 'H', 0) < 0 || send_pattern(fd, count) < 0) goto failed;
  shutdown(fd, SHUT_WR);
  if (take(fd, answer, 8) < 0) snprintf(w->note, sizeof w->note, "client half-close lost; "), w->errors++;
  else if (get64(answer) != count) snprintf(w->note, sizeof w->note, "upload differs; "), w->errors++;
  close(fd);
  fd = open_tunnel(w);
  if (fd < 0 || command(fd, 'S', count) < 0) goto failed;
  uint64_t at = 0, right = 0;
  for (ssize_t n; (n = recv(fd, piece, 1 << 18, 0)) > 0; at += (uint64_t)n) right += matching(piece, (size_t)n, at);
  if (right != count || at != count) strcat(w->note, "download differs; "), w->errors++;
  int sent = send_pattern(fd, count);
  shutdown(fd, SHUT_WR);
  while (recv(fd, piece, 1 << 18, 0) > 0) {}
  close(fd);
  uint64_t arrived = 0;
  for (int tries = 0; tries < 50 && arrived != count; tries++, usleep(20000)) {
    if ((fd = open_tunnel(w)) < 0 || command(fd, 'Q', 0) < 0 || take(fd, answer, 8) < 0) goto failed;
    close(fd);
    arrived = get64(answer);
  }
  if (sent < 0 || arrived != count) strcat(w->note, "origin half-close lost; "), w->errors++;
  w->units = 1;
  return;
failed:
  strcat(w->note, "no tunnel");
  w->errors++;
}

static void idle(struct worker *w) {
  uint8_t answer;
  for (uint64_t i = 0; i < count; i++) {
    int fd = open_tunnel(w);
    if (fd >= 0 && command(fd, 'P', 0) == 0 && take(fd, &answer, 1) == 0) w->units++;
    else w->errors++;
  }
}

/* Gives the start of the next of `rate` acts a second; late ones are not made up for. */
static void pace(double *next, uint64_t rate) {
  double wait = (*next += 1.0 / (double)rate) - now();
  if (wait > 0) nanosleep(&(struct timespec){ .tv_sec = (time_t)wait, .tv_nsec = (long)((wait - (double)(time_t)wait) * 1e9) }, NULL);
  else *next = now();
}

/* Both go on in the background, until the program ends. */
static void *move_on(void *argument) {
  struct worker *w = argument;
  uint8_t answer;
  double next = now();
  for (uint64_t i = 0; w->units; i = (i + 1) % w->units, pace(&next, w->units))
    if (command(w->tunnels[i], 'P', 0) < 0 || take(w->tunnels[i], &answer, 1) < 0) w->errors++;
  return NULL;
}

static void *flood_on(void *argument) {
  struct worker *w = argument;
  for (double next = now();; pace(&next, count))
    if (be_refused(w) < 0) w->errors++;
  return NULL;
}

static void move(struct worker *w) {
  uint8_t answer;
  w->tunnels = calloc(count, sizeof *w->tunnels);
  for (uint64_t i = 0; i < count; i++) {
    int fd = open_tunnel(w);
    if (fd >= 0 && command(fd, 'P', 0) == 0 && take(fd, &answer, 1) == 0) w->tunnels[w->units++] = fd;
    else w->errors++;
  }
  pthread_create(&(pthread_t){ 0 }, NULL, move_on, w);
}

static void flood(struct worker *w) {
  w->units = count;
  pthread_create(&(pthread_t){ 0 }, NULL, flood_on, w);
}

static void repeat(struct worker *w, int (*act)(const struct worker *)) {
  for (uint64_t i = 0; i < count; i++) {
    double from = now();
    if (act(w) < 0) w->errors++;
    else w->units++;
    w->micros[i] = (uint32_t)((now() - from) * 1e6);
  }
}

static void *work(void *argument) {
  struct worker *w = argument;
  int bulk = !strcmp(op, "down") ? 1 : !strcmp(op, "up") ? 2 : 0;
  int fd = bulk ? open_tunnel(w) : -1;
  pthread_barrier_wait(&start_line);
  started = now();
  if (bulk) {
    if (fd >= 0 && (bulk == 1 ? download : upload)(fd, count) == 0) w->units = count;
    else w->errors++;
    if (fd >= 0) close(fd);
  } else if (!strcmp(op, "get")) get_many(w);
  else if (!strcmp(op, "exact")) exact(w);
  else if (!strcmp(op, "idle")) idle(w);
  else if (!strcmp(op, "move")) move(w);
  else if (!strcmp(op, "flood")) flood(w);
  else repeat(w, !strcmp(op, "setup") ? set_up : be_refused);
  return NULL;
}

static int ascending(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static void parse_endpoint(const char *text) {
  char host[256];
  int port;
  if (sscanf(text, "%255[^:]:%d", host, &port) != 2) exit(2);
  to = address_of(host, port);
}

int main(int argc, char **argv) {
  if (argc < 6) return 2;
  if (argc > 6) source = address_of(argv[6], 0);
  op = argv[1];
  proxied = strcmp(argv[2], "-") != 0;
  snprintf(target, sizeof target, "%s", argv[3]);
  parse_endpoint(proxied ? argv[2] : argv[3]);
  count = strtoull(argv[4], NULL, 10);
  int threads = atoi(argv[5]);
  int timed = !strcmp(op, "setup") || !strcmp(op, "refused") || !strcmp(op, "get");
  fill_pattern();
  pthread_barrier_init(&start_line, NULL, (unsigned)threads);
  struct worker *workers = calloc((size_t)threads, sizeof *workers);
  uint32_t *micros = calloc(timed ? (size_t)threads * count : 1, sizeof *micros);
  for (int i = 0; i < threads; i++) {
    workers[i].source = source;
    workers[i].source.sin_addr.s_addr = htonl(ntohl(source.sin_addr.s_addr) + (uint32_t)i);
    workers[i].micros = micros + (timed ? (uint64_t)i * count : 0);
    pthread_create(&workers[i].thread, NULL, work, &workers[i]);
  }
  uint64_t units = 0, errors = 0;
  char note[100] = "";
  for (int i = 0; i < threads; i++) {
    pthread_join(workers[i].thread, NULL);
    units += workers[i].units, errors += workers[i].errors;
    if (workers[i].note[0]) memcpy(note, workers[i].note, sizeof note);
  }
  double seconds = now() - started;
  size_t samples = timed ? (size_t)threads * count : 1;
  qsort(micros, samples, sizeof *micros, ascending);
  printf("{\"units\":%llu,\"errors\":%llu,\"seconds\":%.6f,\"p50\":%u,\"p99\":%u,\"note\":\"%s\"}\n", (unsigned long long)units,
    (unsigned long long)errors, seconds, micros[samples / 2], micros[samples * 99 / 100], note);
  fflush(stdout);
  if (!strcmp(op, "idle") || !strcmp(op, "move") || !strcmp(op, "flood")) while (getchar() != EOF) {}
  return 0;
}
