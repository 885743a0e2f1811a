// A memory table's file, written no faster than the log needs it.

#ifndef CWRITEAHEAD_TABLE_FILE_H
#define CWRITEAHEAD_TABLE_FILE_H

#include <rocksdb/file_system.h>

#include <cstdint>
#include <memory>

namespace cwriteahead {

// So many bytes more went into a log. Any thread.
void CountLogged(uint64_t bytes);

// Takes over a table's file that has just been made.
std::unique_ptr<rocksdb::FSWritableFile> PaceTable(std::unique_ptr<rocksdb::FSWritableFile> &&file);

}  // namespace cwriteahead

#endif
