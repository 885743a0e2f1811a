// A memory table's file, written no faster than the log needs it.

#ifndef CWRITEAHEAD_TABLE_FILE_H
#define CWRITEAHEAD_TABLE_FILE_H

#include <rocksdb/file_system.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace cwriteahead {

// What the files of one directory, a database's, tell each other. Any thread.
struct Progress {
  // Bytes put into its logs.
  std::atomic<uint64_t> logged{0};
  // The length of a table, as the last ones were: from a fifth of its memory table to all of it.
  std::atomic<uint64_t> usual{20 << 20};
};

// Takes over a table's file that has just been made. When its logs have stood still for about
// `patience`, it is written to its end.
std::unique_ptr<rocksdb::FSWritableFile> PaceTable(std::unique_ptr<rocksdb::FSWritableFile> &&file,
                                                   std::shared_ptr<Progress> progress,
                                                   std::chrono::milliseconds patience);

}  // namespace cwriteahead

#endif
