// The entry points by which programs open files, for a library preloaded before the C library:
// included once, behind the `open_at` that they all come to.

#pragma once

#include <fcntl.h>
#include <stdarg.h>

static int open_at(const char *path, int flags, mode_t mode);

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_at(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return open_at(path, flags, mode);
}
