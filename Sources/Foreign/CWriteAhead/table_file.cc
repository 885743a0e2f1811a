// A memory table that is full becomes a table on disk: a quarter of a second of one core, for
// compression, every two seconds under full load. All of that at once takes the core from those who
// answer, and whoever publishes meanwhile waits for milliseconds. So the work is spread over half of
// the time that the next memory table takes to fill: behind each block of the table, its writer
// waits until the log has grown in proportion. Where the log hardly grows, nobody needs the core, and
// nothing waits.

#include "table_file.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

namespace {

using rocksdb::Env;
using rocksdb::FSWritableFile;
using rocksdb::FSWritableFileOwnerWrapper;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// The log's growth over which a table is spread: half of a memory table.
constexpr uint64_t kSpread = 32 << 20;
// However long the table gets: with three quarters of the next memory table full it waits no more.
constexpr uint64_t kMost = 48 << 20;
// How often the log is looked at, and after how many looks it is at rest, if it has not grown by
// kCalm in any of them: 2 MB/s, a tenth of what leaves no core free. Its disk may be slow for a
// moment.
constexpr std::chrono::milliseconds kLook{4};
constexpr uint64_t kCalm = 8 << 10;
constexpr int kPatience = 5;
// A log that grows by so much from one look to the next fills a memory table in half a second, which
// is little more than its table takes: then there is no time to spread that over.
constexpr uint64_t kRush = 512 << 10;
// So much is written at once where nothing is to be waited for.
constexpr uint64_t kPiece = 8 << 20;
// A table that does not get longer waits for nothing.
constexpr uint64_t kSmall = 256 << 10;
// Shorter tables say nothing of how long the next one gets.
constexpr uint64_t kShort = 1 << 20;

// Of all logs of the process, in bytes.
std::atomic<uint64_t> logged{0};
// The length of a table, as the last ones were: from a fifth of its memory table to all of it.
std::atomic<uint64_t> usual{20 << 20};

class TableFile : public FSWritableFileOwnerWrapper {
 public:
  explicit TableFile(std::unique_ptr<FSWritableFile> &&file)
      : FSWritableFileOwnerWrapper(std::move(file)), start_(logged) {}

  // RocksDB calls this with every block that it puts into its own buffer. It writes that one when it
  // is full, 1 MiB at a time, which is far too seldom.
  void PrepareWrite(size_t offset, size_t length, const IOOptions &options,
                    IODebugContext *dbg) override {
    written_ = offset + length;
    if (IsPaced() && written_ >= hurry_) Wait();
    FSWritableFileOwnerWrapper::PrepareWrite(offset, length, options, dbg);
  }

  IOStatus Close(const IOOptions &options, IODebugContext *dbg) override {
    if (IsPaced() && written_ > kShort) {
      // A short one among long ones does not hurry those that follow.
      uint64_t before = usual;
      usual = std::max(written_, before - before / 8);
    }
    return FSWritableFileOwnerWrapper::Close(options, dbg);
  }

 private:
  // What a memory table becomes is written at high priority. Tables made of others are written at a
  // low one, and kept to RocksDB's own limit.
  bool IsPaced() { return GetIOPriority() == Env::IO_HIGH; }

  void Wait() {
    uint64_t goal = start_ + std::min(kMost, written_ * kSpread / usual);
    uint64_t seen = logged;
    int looks = 0;
    while (seen < goal) {
      std::this_thread::sleep_for(kLook);
      uint64_t grown = logged - seen;
      looks = grown < kCalm ? looks + 1 : 0;
      if (looks == kPatience || grown >= kRush) {
        hurry_ = written_ + kPiece;
        return;
      }
      if (grown > 0) StepBack();
      seen += grown;
    }
  }

  // When this thread wakes up, it does not take the core from the one that is running. Where that is
  // not allowed, it does. The log moves, so that this is not the thread that opens the store.
  static void StepBack() {
    static thread_local bool isDone = false;
    if (isDone) return;
    isDone = true;
    sched_param none{};
    (void)sched_setscheduler(0, SCHED_BATCH, &none);
  }

  // `logged` when the table was begun.
  const uint64_t start_;
  uint64_t written_ = 0;
  // Up to so many bytes nothing waits.
  uint64_t hurry_ = kSmall;
};

}  // namespace

void cwriteahead::CountLogged(uint64_t bytes) { logged += bytes; }

std::unique_ptr<FSWritableFile> cwriteahead::PaceTable(std::unique_ptr<FSWritableFile> &&file) {
  return std::make_unique<TableFile>(std::move(file));
}
