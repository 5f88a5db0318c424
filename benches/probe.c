/*
 * Latencies and connections, the same program on every side of a comparison.
 *
 *     probe serve PORT                        echoes until it is killed
 *     probe connect HOST PORT COUNT           µs of a connect, median
 *     probe turn HOST PORT COUNT              µs of a byte there and back, median
 *     probe rate HOST PORT SECONDS THREADS    connect, a byte, close: a second
 *     probe hold HOST PORT COUNT              idle connections until input ends
 *
 * HOST is an IPv4 address. Connections are ended by a reset, lest ports run out.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in server;
static volatile int stop;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void show_median(double *values, int count)
{
    qsort(values, count, sizeof *values, ascending);
    printf("%.1f\n", values[count / 2]);
}

/* -1 if it cannot. */
static int connected(void)
{
    int one = 1, peer = socket(AF_INET, SOCK_STREAM, 0);
    struct linger reset = { 1, 0 };
    if (peer < 0)
        return -1;
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (connect(peer, (struct sockaddr *)&server, sizeof server) == 0)
        return peer;
    close(peer);
    return -1;
}

static int turn(int peer)
{
    char byte = 'x';
    return write(peer, &byte, 1) == 1 && read(peer, &byte, 1) == 1;
}

static void serve(void)
{
    int one = 1, queue = epoll_create1(0);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = listener }, ready[256];
    char buffer[4096];
    server.sin_addr.s_addr = INADDR_ANY;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&server, sizeof server) || listen(listener, 4096))
        err(1, "listen");
    epoll_ctl(queue, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(queue, ready, 256, -1);
        for (int i = 0; i < count; i++) {
            int peer = ready[i].data.fd;
            if (peer == listener) {
                while ((event.data.fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
                    setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    epoll_ctl(queue, EPOLL_CTL_ADD, event.data.fd, &event);
                }
                continue;
            }
            ssize_t length = read(peer, buffer, sizeof buffer);
            if (length > 0 && write(peer, buffer, length) == length)
                continue;
            if (length >= 0 || errno != EAGAIN)
                close(peer);
        }
    }
}

static void measure_connects(int count)
{
    double *values = calloc(count, sizeof *values);
    for (int i = 0; i < count; i++) {
        double start = now();
        int peer = connected();
        if (peer < 0)
            err(1, "connect");
        values[i] = now() - start;
        close(peer);
        usleep(200); /* The far side cleans up behind us. */
    }
    show_median(values, count);
}

static void measure_turns(int count)
{
    double *values = calloc(count, sizeof *values);
    int peer = connected();
    for (int i = 0; i < count; i++) {
        double start = now();
        if (!turn(peer))
            err(1, "turn");
        values[i] = now() - start;
    }
    show_median(values, count);
}

static void *connect_on(void *unused)
{
    long done = 0;
    (void)unused;
    while (!stop) {
        int peer = connected();
        if (peer < 0)
            continue;
        done += turn(peer);
        close(peer);
    }
    return (void *)done;
}

static void measure_rate(int seconds, int count)
{
    pthread_t threads[64];
    long all = 0;
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], 0, connect_on, 0);
    sleep(seconds);
    stop = 1;
    for (int i = 0; i < count; i++) {
        void *done;
        pthread_join(threads[i], &done);
        all += (long)done;
    }
    printf("%.0f\n", (double)all / seconds);
}

static void hold(int count)
{
    char byte;
    for (int i = 0; i < count; i++) {
        int peer = connected();
        if (peer < 0 || !turn(peer))
            err(1, "connection %d", i);
    }
    printf("open\n");
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        ;
}

int main(int count, char **args)
{
    struct rlimit files;
    const char *what = count > 2 ? args[1] : "";
    int serves = !strcmp(what, "serve");
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    server.sin_family = AF_INET;
    if (!serves && (count < 5 || inet_pton(AF_INET, args[2], &server.sin_addr) != 1))
        errx(2, "see the head of probe.c");
    server.sin_port = htons(atoi(args[serves ? 2 : 3]));
    if (serves)
        serve();
    else if (!strcmp(what, "connect"))
        measure_connects(atoi(args[4]));
    else if (!strcmp(what, "turn"))
        measure_turns(atoi(args[4]));
    else if (!strcmp(what, "rate") && count > 5 && atoi(args[5]) <= 64)
        measure_rate(atoi(args[4]), atoi(args[5]));
    else if (!strcmp(what, "hold"))
        hold(atoi(args[4]));
    else
        errx(2, "see the head of probe.c");
    return 0;
}
