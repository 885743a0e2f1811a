// Makes the disk misbehave for one process: preloaded before the C library, it looks at every call
// that changes files below one directory and fails, shortens, tears or delays those that a rule
// names.
//
//   JODRELL_FAULT_DIRECTORY   files below it are meant, nothing else
//   JODRELL_FAULT_RULES       a file of rules, read again whenever it changes, so that a test can
//                             arm a fault while the process runs
//
// A rule is one line: CALL NAME WHICH WHAT
//
//   CALL    write (also pwrite, writev, pwritev), sync (fdatasync, fsync), truncate, rename, make
//           (open with O_CREAT, mkdir), or any
//   NAME    a part of the path; - for all
//   WHICH   the number of the matching call since the rules were read, from 1; with a + behind it
//           that one and all later ones
//   WHAT    EIO, ENOSPC, EINTR, EMFILE: the call fails and changes nothing
//           short: half of the bytes are written, and the call says so
//           tear: half of the bytes are written, and the call says EIO
//           a number: the call takes so many milliseconds longer
//
// Each call that a rule caught is told in the file JODRELL_FAULT_RULES.fired, one line each.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { MOST_RULES = 16 };

struct rule {
  char call[16], name[128], what[16];
  long which;
  int onwards;
  long seen;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[MOST_RULES];
static int rule_count;
static struct timespec rules_changed;
static ino_t rules_file;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

// What a call shall do: go on, fail with `error`, or write only half.
struct fate {
  int error, half;
};

static void read_rules(const char *path) {
  struct stat facts;
  if (stat(path, &facts) != 0) {
    rule_count = 0;
    return;
  }
  if (facts.st_ino == rules_file && facts.st_mtim.tv_sec == rules_changed.tv_sec &&
      facts.st_mtim.tv_nsec == rules_changed.tv_nsec)
    return;
  rules_file = facts.st_ino;
  rules_changed = facts.st_mtim;
  rule_count = 0;
  char text[4096];
  int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  long count = syscall(SYS_read, file, text, sizeof text - 1);
  syscall(SYS_close, file);
  if (count < 0) return;
  text[count] = 0;
  char *rest = text, *line;
  while ((line = strsep(&rest, "\n")) && rule_count < MOST_RULES) {
    struct rule *rule = &rules[rule_count];
    char which[24];
    if (sscanf(line, "%15s %127s %23s %15s", rule->call, rule->name, which, rule->what) != 4)
      continue;
    rule->which = atol(which);
    rule->onwards = strchr(which, '+') != NULL;
    rule->seen = 0;
    rule_count++;
  }
}

static void tell(const char *rules_path, const char *call, const char *path, const char *what) {
  char name[PATH_MAX], line[PATH_MAX + 64];
  snprintf(name, sizeof name, "%s.fired", rules_path);
  int size = snprintf(line, sizeof line, "%s %s %s\n", call, path, what);
  int file = (int)syscall(
      SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  syscall(SYS_write, file, line, (size_t)size);
  syscall(SYS_close, file);
}

static struct fate decide(const char *call, const char *path) {
  struct fate fate = {0, 0};
  const char *directory = getenv("JODRELL_FAULT_DIRECTORY");
  const char *rules_path = getenv("JODRELL_FAULT_RULES");
  if (!directory || !rules_path || strncmp(path, directory, strlen(directory)) != 0) return fate;
  long delay = 0;
  int kept = errno;
  pthread_mutex_lock(&lock);
  read_rules(rules_path);
  for (int index = 0; index < rule_count; index++) {
    struct rule *rule = &rules[index];
    if (strcmp(rule->call, "any") != 0 && strcmp(rule->call, call) != 0) continue;
    if (strcmp(rule->name, "-") != 0 && !strstr(path, rule->name)) continue;
    rule->seen++;
    if (rule->seen != rule->which && !(rule->onwards && rule->seen > rule->which)) continue;
    if (strcmp(rule->what, "EIO") == 0) fate.error = EIO;
    else if (strcmp(rule->what, "ENOSPC") == 0) fate.error = ENOSPC;
    else if (strcmp(rule->what, "EINTR") == 0) fate.error = EINTR;
    else if (strcmp(rule->what, "EMFILE") == 0) fate.error = EMFILE;
    else if (strcmp(rule->what, "short") == 0) fate.half = 1;
    else if (strcmp(rule->what, "tear") == 0) fate.half = 1, fate.error = EIO;
    else delay += atol(rule->what);
    tell(rules_path, call, path, rule->what);
  }
  pthread_mutex_unlock(&lock);
  if (delay > 0) {
    struct timespec span = {delay / 1000, delay % 1000 * 1000000};
    while (nanosleep(&span, &span) != 0 && errno == EINTR) {}
  }
  errno = kept;
  return fate;
}

static struct fate decide_open(const char *call, int file) {
  struct fate fate = {0, 0};
  if (!getenv("JODRELL_FAULT_DIRECTORY")) return fate;
  char link[40], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  int kept = errno;
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = kept;
  if (length <= 0 || path[0] != '/') return fate;
  path[length] = 0;
  return decide(call, path);
}

static ssize_t failed(int error) {
  errno = error;
  return -1;
}

ssize_t write(int file, const void *bytes, size_t count) {
  struct fate fate = decide_open("write", file);
  if (fate.error && !fate.half) return failed(fate.error);
  ssize_t written = REAL(write)(file, bytes, fate.half ? (count + 1) / 2 : count);
  return fate.error ? failed(fate.error) : written;
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  struct fate fate = decide_open("write", file);
  if (fate.error && !fate.half) return failed(fate.error);
  ssize_t written = REAL(pwrite)(file, bytes, fate.half ? (count + 1) / 2 : count, offset);
  return fate.error ? failed(fate.error) : written;
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  return pwrite(file, bytes, count, offset);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  struct fate fate = decide_open("write", file);
  if (fate.error && !fate.half) return failed(fate.error);
  ssize_t written = REAL(writev)(file, parts, fate.half ? (count + 1) / 2 : count);
  return fate.error ? failed(fate.error) : written;
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
  struct fate fate = decide_open("write", file);
  if (fate.error && !fate.half) return failed(fate.error);
  ssize_t written = REAL(pwritev)(file, parts, fate.half ? (count + 1) / 2 : count, offset);
  return fate.error ? failed(fate.error) : written;
}

int fdatasync(int file) {
  struct fate fate = decide_open("sync", file);
  return fate.error ? (int)failed(fate.error) : REAL(fdatasync)(file);
}

int fsync(int file) {
  struct fate fate = decide_open("sync", file);
  return fate.error ? (int)failed(fate.error) : REAL(fsync)(file);
}

int ftruncate(int file, off_t size) {
  struct fate fate = decide_open("truncate", file);
  return fate.error ? (int)failed(fate.error) : REAL(ftruncate)(file, size);
}

int rename(const char *from, const char *to) {
  struct fate fate = decide("rename", to);
  return fate.error ? (int)failed(fate.error) : REAL(rename)(from, to);
}

int mkdir(const char *path, mode_t mode) {
  struct fate fate = decide("make", path);
  return fate.error ? (int)failed(fate.error) : REAL(mkdir)(path, mode);
}

static int open_at(const char *path, int flags, mode_t mode) {
  if (flags & O_CREAT) {
    struct fate fate = decide("make", path);
    if (fate.error) return (int)failed(fate.error);
  }
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

#include "opening.h"
