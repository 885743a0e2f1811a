#pragma once
#include <rocksdb/c.h>
#include <sys/prctl.h>

/// Names the calling thread (at most 15 bytes): `pthread_setname_np` and the variadic `prctl` are not
/// visible to Swift.
static inline void crocksdb_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
