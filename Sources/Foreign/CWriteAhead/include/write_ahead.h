#pragma once
#include <rocksdb/c.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The file system of the process with one difference: write-ahead logs are extended with zeros
/// before they are written, so that a sync finds only data to write and no new file length.
/// Lives as long as the process; never destroy it.
rocksdb_env_t *cwriteahead_env(void);

#ifdef __cplusplus
}
#endif
