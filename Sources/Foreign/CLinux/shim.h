// The kernel interfaces that the Glibc module map leaves out.
#pragma once
#include <malloc.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

// Declared here because the headers hide them without _GNU_SOURCE, and a module that defined it would
// see other layouts of the same types than the Glibc module does.
extern int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict length, int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);
