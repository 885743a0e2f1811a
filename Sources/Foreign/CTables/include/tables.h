#pragma once
#include <rocksdb/c.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// One table of a column family, as the manifest tells of it. The pointers live as long as the list.
typedef struct {
  uint64_t number;
  /// RocksDB's sequence numbers of the oldest and the newest change in it.
  uint64_t oldest;
  uint64_t newest;
  const char *first_key;
  size_t first_count;
  const char *last_key;
  size_t last_count;
  const char *path;
} ctables_file;

typedef struct ctables_list ctables_list;

/// The tables that a column family has now. Any thread; destroyed once.
ctables_list *ctables_list_live(rocksdb_t *database, const char *family);
size_t ctables_list_count(const ctables_list *list);
ctables_file ctables_list_at(const ctables_list *list, size_t index);
void ctables_list_destroy(ctables_list *list);

/// Iterators made with these options look into the tables of these numbers only (`admits` 1), or
/// into all others (0); into the memory tables always.
void ctables_choose(rocksdb_readoptions_t *options, const uint64_t *numbers, size_t count,
                    int admits);

/// One table opened by itself, and an iterator over it. One thread at a time; closed once.
typedef struct ctables_reader ctables_reader;

/// Keys' first `prefix` bytes are what the table's filter knows them by. NULL with an error, which
/// the caller frees like every error of RocksDB's C API.
ctables_reader *ctables_open(const char *path, size_t prefix, char **error);
void ctables_close(ctables_reader *reader);

/// Moves to the first entry at or after `key`, or `backwards` to the last at or before it. 1 when
/// there is one, 0 when there is none or with an error.
int ctables_seek(ctables_reader *reader, const char *key, size_t count, int backwards,
                 char **error);

/// Whether an entry may lie at or after `key` that begins with the same bytes as it, as far as the
/// filter and the blocks that can be read tell: 0 means that there is none.
int ctables_may_hold(ctables_reader *reader, const char *key, size_t count);

/// Key and value where the last seek moved to; they live until the next seek.
const char *ctables_key(const ctables_reader *reader, size_t *count);
const char *ctables_value(const ctables_reader *reader, size_t *count);

#ifdef __cplusplus
}
#endif
