// The kernel interfaces that the Glibc module map leaves out.
#pragma once
#include <malloc.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>

// Declared here because the headers hide them without _GNU_SOURCE, and a module that defined it would
// see other layouts of the same types than the Glibc module does.
extern int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict length, int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);
extern long syscall(long number, ...);

// What glibc's recv and send ask of the kernel, without what they do around it so that a thread can be
// cancelled there: two atomic operations for each call. Outcome and errno are theirs.
static inline ssize_t linux_receive(int fd, void *room, size_t count, int flags) {
  return syscall(SYS_recvfrom, fd, room, count, flags, (void *)0, (void *)0);
}

static inline ssize_t linux_send(int fd, const void *bytes, size_t count, int flags) {
  return syscall(SYS_sendto, fd, bytes, count, flags, (void *)0, (size_t)0);
}
