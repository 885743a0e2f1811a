// A write-ahead log's file, as RocksDB writes one: appended to and synced by one thread at a time.

#ifndef CWRITEAHEAD_LOG_FILE_H
#define CWRITEAHEAD_LOG_FILE_H

#include <rocksdb/file_system.h>

#include <memory>
#include <string>

#include "table_file.h"

namespace cwriteahead {

// Takes over a log that has just been made and is empty, and counts what is put into it; null where
// it cannot be opened again.
std::unique_ptr<rocksdb::FSWritableFile> OpenLog(const std::string &name,
                                                 std::shared_ptr<Progress> progress);

}  // namespace cwriteahead

#endif
