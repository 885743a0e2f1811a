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

using cwriteahead::Progress;
using rocksdb::Env;
using rocksdb::FSWritableFile;
using rocksdb::FSWritableFileOwnerWrapper;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using Clock = std::chrono::steady_clock;

// The log's growth over which a table is spread: half of a memory table.
constexpr uint64_t kSpread = 32 << 20;
// However long the table gets: with three quarters of the next memory table full it waits no more.
constexpr uint64_t kMost = 48 << 20;
// How often the log is looked at. Where both cores are busy a look may come much later.
constexpr std::chrono::milliseconds kLook{4};
// A log that has not grown by so much at any look for a while is at rest: 2 MB/s are a tenth of what
// leaves no core free. Its disk may be slow for a moment.
constexpr uint64_t kCalm = 8 << 10;
// A log that grows by so many bytes in a second fills a memory table in half a second, which is
// little more than its table takes: then there is no time to spread that over.
constexpr uint64_t kRush = 128 << 20;
// So much is written at once where nothing is to be waited for.
constexpr uint64_t kPiece = 8 << 20;
// A table that does not get longer waits for nothing.
constexpr uint64_t kSmall = 256 << 10;
// Shorter tables say nothing of how long the next one gets.
constexpr uint64_t kShort = 1 << 20;

class TableFile : public FSWritableFileOwnerWrapper {
 public:
  TableFile(std::unique_ptr<FSWritableFile> &&file, std::shared_ptr<Progress> &&progress,
            std::chrono::milliseconds patience)
      : FSWritableFileOwnerWrapper(std::move(file)),
        progress_(std::move(progress)),
        patience_(patience / kLook),
        start_(progress_->logged) {}

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
      uint64_t before = progress_->usual;
      progress_->usual = std::max(written_, before - before / 8);
    }
    return FSWritableFileOwnerWrapper::Close(options, dbg);
  }

 private:
  // What a memory table becomes is written at high priority. Tables made of others are written at a
  // low one, and kept to RocksDB's own limit.
  bool IsPaced() { return GetIOPriority() == Env::IO_HIGH; }

  void Wait() {
    uint64_t goal = start_ + std::min(kMost, written_ * kSpread / progress_->usual);
    uint64_t seen = progress_->logged;
    Clock::time_point then = Clock::now();
    int looks = 0;
    while (seen < goal) {
      std::this_thread::sleep_for(kLook);
      uint64_t grown = progress_->logged - seen;
      std::chrono::duration<double> passed = Clock::now() - then;
      looks = grown < kCalm ? looks + 1 : 0;
      if (looks == patience_ || static_cast<double>(grown) >= kRush * passed.count()) {
        hurry_ = written_ + kPiece;
        return;
      }
      if (grown > 0) StepBack();
      seen += grown;
      then += std::chrono::duration_cast<Clock::duration>(passed);
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

  const std::shared_ptr<Progress> progress_;
  // In looks.
  const int64_t patience_;
  // What was logged when the table was begun.
  const uint64_t start_;
  uint64_t written_ = 0;
  // Up to so many bytes nothing waits.
  uint64_t hurry_ = kSmall;
};

}  // namespace

std::unique_ptr<FSWritableFile> cwriteahead::PaceTable(std::unique_ptr<FSWritableFile> &&file,
                                                       std::shared_ptr<Progress> progress,
                                                       std::chrono::milliseconds patience) {
  return std::make_unique<TableFile>(std::move(file), std::move(progress), patience);
}
