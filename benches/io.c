/*
 * What a directory can do, the same program on every side of a comparison.
 *
 *     io DIRECTORY MEGABYTES FILES
 *
 * A line for each: what it is, a tab, how much of it a second.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, PAGE = 4096, PAGES_TOUCHED = 20000 };

static char block[BLOCK];
static unsigned long state = 88172645463325252UL;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void show(const char *what, double count, double begun)
{
    printf("%s\t%.0f\n", what, count / (now() - begun));
}

/* Marsaglia's xorshift: the same places in each run. */
static unsigned long next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static void stream(int megabytes)
{
    int fd = open("large", O_RDWR | O_CREAT | O_TRUNC, 0644);
    double begun = now();
    if (fd < 0)
        err(1, "large");
    for (int i = 0; i < megabytes; i++)
        if (write(fd, block, BLOCK) != BLOCK)
            err(1, "write");
    if (fsync(fd) != 0)
        err(1, "fsync");
    show("write, MB", megabytes, begun);
    begun = now();
    for (int i = 0; i < megabytes; i++)
        if (pread(fd, block, BLOCK, (off_t)i * BLOCK) != BLOCK)
            err(1, "pread");
    show("read, MB", megabytes, begun);
    off_t pages = (off_t)megabytes * (BLOCK / PAGE);
    begun = now();
    for (int i = 0; i < PAGES_TOUCHED; i++)
        if (pwrite(fd, block, PAGE, (off_t)(next() % pages) * PAGE) != PAGE)
            err(1, "pwrite");
    show("write, 4 KiB anywhere", PAGES_TOUCHED, begun);
    begun = now();
    for (int i = 0; i < PAGES_TOUCHED; i++)
        if (pread(fd, block, PAGE, (off_t)(next() % pages) * PAGE) != PAGE)
            err(1, "pread");
    show("read, 4 KiB anywhere", PAGES_TOUCHED, begun);
    close(fd);
    unlink("large");
}

static void small_files(int count)
{
    char name[32];
    struct stat found;
    double begun = now();
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "small%d", i);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
        if (fd < 0 || write(fd, block, 100) != 100)
            err(1, "%s", name);
        close(fd);
    }
    show("create, files", count, begun);
    begun = now();
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "small%d", i);
        if (stat(name, &found) != 0)
            err(1, "%s", name);
    }
    show("stat, files", count, begun);
    begun = now();
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "small%d", i);
        if (unlink(name) != 0)
            err(1, "%s", name);
    }
    show("unlink, files", count, begun);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        errx(2, "usage: io DIRECTORY MEGABYTES FILES");
    if (chdir(argv[1]) != 0)
        err(1, "%s", argv[1]);
    memset(block, 'x', sizeof block);
    stream(atoi(argv[2]));
    small_files(atoi(argv[3]));
    return 0;
}
