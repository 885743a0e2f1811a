// Writes down every change that one process makes to the files below one directory, with the bytes,
// in the order in which the kernel carried them out. Preloaded before the C library.
//
//   JODRELL_RECORD_DIRECTORY   files below it are recorded; the directory itself is taken to be
//                              there and durable before the recording begins
//   JODRELL_RECORD_TRACE       the record, added to by each process in turn
//   JODRELL_RECORD_MARKS       a file outside the directory: what is written to it is no change but
//                              a mark, such as "this event has been acknowledged"
//
// One lock is held from before a call until it is written down, so that the order is the kernel's.
// The record is a row of `struct entry`, each followed by its two texts. A descriptor names the file
// that it was opened for until it is closed; `start` closes all of them.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
  START = 1, OPEN, WRITE, PWRITE, TRUNCATE, ALLOCATE, SYNC, CLOSE, RENAME, LINK, UNLINK, MKDIR, RMDIR,
  MARK
};

struct entry {
  int32_t kind, descriptor;
  int64_t number;  // flags of an open, offset of a pwrite, size of a truncation or allocation
  int32_t first_count, second_count;
};

enum { MOST_DESCRIPTORS = 65536 };
enum meaning { FOREIGN, RECORDED, MARKS };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char meanings[MOST_DESCRIPTORS];
static const char *directory, *marks;
static int trace = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void put(const void *bytes, size_t count) {
  const char *next = bytes;
  while (count > 0) {
    long written = syscall(SYS_write, trace, next, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) abort();
    next += written;
    count -= (size_t)written;
  }
}

static void note(
    enum kind kind, int descriptor, int64_t number, const void *first, size_t first_count,
    const void *second, size_t second_count) {
  int kept = errno;
  struct entry entry = {
      kind, descriptor, number, (int32_t)first_count, (int32_t)second_count};
  put(&entry, sizeof entry);
  put(first, first_count);
  put(second, second_count);
  errno = kept;
}

__attribute__((constructor)) static void begin(void) {
  directory = getenv("JODRELL_RECORD_DIRECTORY");
  marks = getenv("JODRELL_RECORD_MARKS");
  const char *path = getenv("JODRELL_RECORD_TRACE");
  if (!directory || !marks || !path) return;
  trace = (int)syscall(
      SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (trace < 0) abort();
  note(START, -1, 0, "", 0, "", 0);
}

static int is_recorded(const char *path) {
  if (trace < 0) return 0;
  size_t count = strlen(directory);
  return strncmp(path, directory, count) == 0 && (path[count] == '/' || path[count] == 0);
}

static enum meaning meaning(int file) {
  return trace >= 0 && file >= 0 && file < MOST_DESCRIPTORS ? meanings[file] : FOREIGN;
}

// A call on a descriptor: carried out and, when it changed something, written down.
#define ON_FILE(file, call, changed, note_it)         \
  do {                                                \
    if (meaning(file) == FOREIGN) return call;        \
    pthread_mutex_lock(&lock);                        \
    __typeof__(call) result = call;                   \
    if (changed) note_it;                             \
    pthread_mutex_unlock(&lock);                      \
    return result;                                    \
  } while (0)

// The same on a path.
#define ON_PATH(path, call, note_it)                  \
  do {                                                \
    if (!is_recorded(path)) return call;              \
    pthread_mutex_lock(&lock);                        \
    int result = call;                                \
    if (result == 0) note_it;                         \
    pthread_mutex_unlock(&lock);                      \
    return result;                                    \
  } while (0)

ssize_t write(int file, const void *bytes, size_t count) {
  ON_FILE(
      file, REAL(write)(file, bytes, count), result > 0,
      note(meaning(file) == MARKS ? MARK : WRITE, file, 0, bytes, (size_t)result, "", 0));
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset) {
  ON_FILE(
      file, REAL(pwrite)(file, bytes, count, offset), result > 0,
      note(PWRITE, file, offset, bytes, (size_t)result, "", 0));
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  return pwrite(file, bytes, count, offset);
}

// Nobody here writes from several places at once; who begins to must teach this file.
ssize_t writev(int file, const struct iovec *parts, int count) {
  if (meaning(file) != FOREIGN) abort();
  return REAL(writev)(file, parts, count);
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
  if (meaning(file) != FOREIGN) abort();
  return REAL(pwritev)(file, parts, count, offset);
}

int ftruncate(int file, off_t size) {
  ON_FILE(
      file, REAL(ftruncate)(file, size), result == 0,
      note(TRUNCATE, file, size, "", 0, "", 0));
}

int fallocate(int file, int mode, off_t offset, off_t count) {
  // Space without size changes no content.
  ON_FILE(
      file, REAL(fallocate)(file, mode, offset, count), result == 0 && mode == 0,
      note(ALLOCATE, file, offset + count, "", 0, "", 0));
}

int posix_fallocate(int file, off_t offset, off_t count) {
  ON_FILE(
      file, REAL(posix_fallocate)(file, offset, count), result == 0,
      note(ALLOCATE, file, offset + count, "", 0, "", 0));
}

int fsync(int file) {
  ON_FILE(file, REAL(fsync)(file), result == 0, note(SYNC, file, 0, "", 0, "", 0));
}

int fdatasync(int file) {
  ON_FILE(file, REAL(fdatasync)(file), result == 0, note(SYNC, file, 0, "", 0, "", 0));
}

int close(int file) {
  if (meaning(file) == FOREIGN) return REAL(close)(file);
  pthread_mutex_lock(&lock);
  note(CLOSE, file, 0, "", 0, "", 0);
  meanings[file] = FOREIGN;
  int result = REAL(close)(file);
  pthread_mutex_unlock(&lock);
  return result;
}

static int open_at(const char *path, int flags, mode_t mode) {
  int is_marks = trace >= 0 && strcmp(path, marks) == 0;
  if (!is_marks && !is_recorded(path))
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  pthread_mutex_lock(&lock);
  int file = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  if (file >= MOST_DESCRIPTORS) abort();
  if (file >= 0) {
    meanings[file] = is_marks ? MARKS : RECORDED;
    if (!is_marks) note(OPEN, file, flags, path, strlen(path), "", 0);
  }
  pthread_mutex_unlock(&lock);
  return file;
}

#include "../Faults/opening.h"

int rename(const char *from, const char *to) {
  ON_PATH(to, REAL(rename)(from, to), note(RENAME, -1, 0, from, strlen(from), to, strlen(to)));
}

int link(const char *from, const char *to) {
  ON_PATH(to, REAL(link)(from, to), note(LINK, -1, 0, from, strlen(from), to, strlen(to)));
}

int unlink(const char *path) {
  ON_PATH(path, REAL(unlink)(path), note(UNLINK, -1, 0, path, strlen(path), "", 0));
}

int mkdir(const char *path, mode_t mode) {
  ON_PATH(path, REAL(mkdir)(path, mode), note(MKDIR, -1, 0, path, strlen(path), "", 0));
}

int rmdir(const char *path) {
  ON_PATH(path, REAL(rmdir)(path), note(RMDIR, -1, 0, path, strlen(path), "", 0));
}
