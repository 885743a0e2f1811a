// RocksDB's memory tables take their memory in blocks of 1 MiB (`arena_block_size`), by `new char[]`. An
// allocator maps such a block by itself and gives it back to the kernel when it is freed, so that each
// of its pages is a fault when it is written first: 16,384 faults for each memory table, 4 % of what
// single publishes cost. An allocator that keeps such blocks has them among its others, where they
// leave holes. So blocks of this size are kept here when they are freed and used again, up to those of
// a memory table. For that the array forms of `new` and `delete` are replaced, as a program may do
// (C++17 [replacement.functions]); other sizes get and leave their memory as before.

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <type_traits>

#include "write_ahead.h"

namespace {

constexpr size_t kBlock = CWRITEAHEAD_BLOCK_BYTES;
constexpr size_t kPage = 4096;
// Blocks that are kept: those of a memory table of 64 MiB, which may go over that by a few, and of the
// small ones beside it.
constexpr size_t kKept = 72;

class Blocks {
 public:
  // Null when there is none. Any thread.
  void *Take() {
    std::lock_guard<std::mutex> guard(lock_);
    return kept_ > 0 ? blocks_[--kept_] : nullptr;
  }

  // Keeps a block that nobody uses any more; false with enough of them. When the kernel is short of
  // memory it takes what is in there. Any thread.
  bool Keep(void *block) {
    if (Count() == kKept) return false;
    // Whole pages, without the one that the allocator's note on the block is in. Before the lock, for
    // which the committer may wait; and as with `free`, nobody finds another `errno`.
    uintptr_t start = (reinterpret_cast<uintptr_t>(block) + kPage - 1) / kPage * kPage;
    uintptr_t end = (reinterpret_cast<uintptr_t>(block) + kBlock) / kPage * kPage;
    int error = errno;
    madvise(reinterpret_cast<void *>(start), end - start, MADV_FREE);
    errno = error;
    std::lock_guard<std::mutex> guard(lock_);
    if (kept_ == kKept) return false;
    // Freed twice: it would have two owners.
    if (std::find(blocks_, blocks_ + kept_, block) != blocks_ + kept_) abort();
    blocks_[kept_++] = block;
    return true;
  }

  // Any thread.
  size_t Count() {
    std::lock_guard<std::mutex> guard(lock_);
    return kept_;
  }

 private:
  std::mutex lock_;
  void *blocks_[kKept] = {};
  size_t kept_ = 0;
};

// All zeros at first and never destroyed: there may be blocks before `main` and after it.
Blocks blocks;
static_assert(std::is_trivially_destructible_v<Blocks>);

// Whether a block from the allocator is one that a request for `kBlock` gets: of that size, rounded up
// to whole pages.
bool IsBlock(void *block) {
  size_t size = block != nullptr ? malloc_usable_size(block) : 0;
  return size >= kBlock && size < kBlock + kPage;
}

}  // namespace

// A linker shows these to the libraries that want them, which makes them the process's own.
void *operator new[](size_t size) {
  void *block = size == kBlock ? blocks.Take() : nullptr;
  return block != nullptr ? block : operator new(size);
}

void operator delete[](void *block) noexcept {
  if (!IsBlock(block) || !blocks.Keep(block)) operator delete(block);
}

void operator delete[](void *block, size_t) noexcept { operator delete[](block); }

extern "C" size_t cwriteahead_spare_bytes(void) { return blocks.Count() * kBlock; }
