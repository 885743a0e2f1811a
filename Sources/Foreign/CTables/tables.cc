// RocksDB merges the tables of a column family into one iterator, and one block of one table that
// cannot be read stops it everywhere that block's turn would come, however intact the others are.
// Its C API can neither leave a table out nor read one by itself; this file does both.

#include "tables.h"

#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// As RocksDB's own c.cc begins them; the C API takes them in no other form.
struct rocksdb_t {
  rocksdb::DB *rep;
};
struct rocksdb_readoptions_t {
  rocksdb::ReadOptions rep;
};

struct ctables_list {
  struct File {
    rocksdb::LiveFileMetaData data;
    std::string path;
  };
  std::vector<File> files;
};

struct ctables_reader {
  rocksdb::SstFileReader table;
  size_t prefix;
  // The second one asks the filter first.
  std::unique_ptr<rocksdb::Iterator> all;
  std::unique_ptr<rocksdb::Iterator> filtered;

  ctables_reader(const rocksdb::Options &options, size_t prefix)
      : table(options), prefix(prefix) {}

  // RocksDB's iterators do not seek well after an error: one that goes back to the block where it
  // was before takes the block that it could not read for that one. So each error ends one.
  void Renew() {
    rocksdb::ReadOptions options;
    options.verify_checksums = true;
    options.fill_cache = false;
    options.total_order_seek = true;
    all.reset(table.NewIterator(options));
    options.total_order_seek = false;
    options.prefix_same_as_start = true;
    filtered.reset(table.NewIterator(options));
  }
};

namespace {

char *Copy(const rocksdb::Status &status) { return strdup(status.ToString().c_str()); }

rocksdb::Options TableOptions(size_t prefix) {
  rocksdb::BlockBasedTableOptions table;
  // Nothing is kept of a table with damage: what can be read of it may change with the next read.
  table.no_block_cache = true;
  table.whole_key_filtering = false;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(prefix));
  return options;
}

}  // namespace

extern "C" {

ctables_list *ctables_list_live(rocksdb_t *database, const char *family) {
  std::vector<rocksdb::LiveFileMetaData> all;
  database->rep->GetLiveFilesMetaData(&all);
  auto *list = new ctables_list;
  for (auto &file : all) {
    if (file.column_family_name != family) continue;
    std::string path = file.directory + "/" + file.relative_filename;
    list->files.push_back({std::move(file), std::move(path)});
  }
  return list;
}

size_t ctables_list_count(const ctables_list *list) { return list->files.size(); }

ctables_file ctables_list_at(const ctables_list *list, size_t index) {
  const ctables_list::File &file = list->files[index];
  return {file.data.file_number,        file.data.smallest_seqno,
          file.data.largest_seqno,      file.data.smallestkey.data(),
          file.data.smallestkey.size(), file.data.largestkey.data(),
          file.data.largestkey.size(),  file.path.c_str()};
}

void ctables_list_destroy(ctables_list *list) { delete list; }

void ctables_choose(rocksdb_readoptions_t *options, const uint64_t *numbers, size_t count,
                    int admits) {
  std::vector<uint64_t> chosen(numbers, numbers + count);
  std::sort(chosen.begin(), chosen.end());
  options->rep.table_filter = [chosen, admits](const rocksdb::TableProperties &table) {
    return std::binary_search(chosen.begin(), chosen.end(), table.orig_file_number) ==
           (admits != 0);
  };
}

ctables_reader *ctables_open(const char *path, size_t prefix, char **error) {
  auto reader = std::make_unique<ctables_reader>(TableOptions(prefix), prefix);
  rocksdb::Status status = reader->table.Open(path);
  if (!status.ok()) {
    *error = Copy(status);
    return nullptr;
  }
  reader->Renew();
  return reader.release();
}

void ctables_close(ctables_reader *reader) { delete reader; }

int ctables_seek(ctables_reader *reader, const char *key, size_t count, int backwards,
                 char **error) {
  rocksdb::Slice target(key, count);
  if (backwards != 0) {
    reader->all->SeekForPrev(target);
  } else {
    reader->all->Seek(target);
  }
  if (reader->all->Valid()) return 1;
  rocksdb::Status status = reader->all->status();
  if (!status.ok()) {
    *error = Copy(status);
    reader->Renew();
  }
  return 0;
}

int ctables_may_hold(ctables_reader *reader, const char *key, size_t count) {
  reader->filtered->Seek(rocksdb::Slice(key, count));
  if (!reader->filtered->Valid()) {
    if (reader->filtered->status().ok()) return 0;
    reader->Renew();
    return 1;
  }
  rocksdb::Slice prefix(key, std::min(count, reader->prefix));
  return reader->filtered->key().starts_with(prefix) ? 1 : 0;
}

const char *ctables_key(const ctables_reader *reader, size_t *count) {
  rocksdb::Slice key = reader->all->key();
  *count = key.size();
  return key.data();
}

const char *ctables_value(const ctables_reader *reader, size_t *count) {
  rocksdb::Slice value = reader->all->value();
  *count = value.size();
  return value.data();
}

}  // extern "C"
