#pragma once
#include <rocksdb/c.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The file system of the process with two differences. Write-ahead logs are extended with zeros
/// before they are written, so that a sync finds only data to write and no new file length. And what
/// a memory table becomes is written no faster than the log beside it grows, until that has stood
/// still for `patience` milliseconds.
/// One for each `patience`, which lives as long as the process; never destroy it.
rocksdb_env_t *cwriteahead_env(unsigned patience);

/// The size of the blocks that are used again: what RocksDB has to ask for (`arena_block_size`).
#define CWRITEAHEAD_BLOCK_BYTES 1048576

/// What blocks of this size are kept for the next memory table of the process, in bytes: 72 MiB at most.
/// What the kernel has taken of them since counts as well.
size_t cwriteahead_spare_bytes(void);

#ifdef __cplusplus
}
#endif
