// A sync of a file that has grown writes its data, its inode and sometimes an extent block; one of a
// file that keeps its length writes the data alone. RocksDB's preallocation reserves blocks but not
// length, so zeros are written ahead of the log, in the write that would lengthen it. The log's
// reader takes zeros for its end.
//
// And the bytes go past the page cache (O_DIRECT), where the file system lets them: nobody reads a
// log but the next opening, and a sync then has no pages to look for, to mark and to wait for. Writes
// are of whole blocks. The last one is begun again by the next write, with what it held before it, as
// the page cache does it, too: what has been synced is written once more and never changed.
//
// And a log that found no space is told of as any other failed write. RocksDB would otherwise write
// its tables as soon as there is space again, one column family after the other and without the
// batch whose log record failed; that record may be whole all the same, and the next replay would
// apply it to those column families only whose table was not written yet.

#include "log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace {

using cwriteahead::Progress;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// What direct writes are whole multiples of: no device of today wants more.
constexpr size_t kBlock = 4096;
// The file grows by so much at a time: by one write in a dozen commits under load.
constexpr size_t kStep = 256 << 10;
// From here on a write gains nothing from zeros: its data outweighs the inode.
constexpr size_t kLarge = 64 << 10;

constexpr size_t BlocksFor(size_t bytes) { return (bytes + kBlock - 1) / kBlock * kBlock; }

class LogFile : public FSWritableFile {
 public:
  // Takes over the descriptor and the buffer, which has room for kStep bytes.
  LogFile(const std::string &name, int fd, char *buffer, std::shared_ptr<Progress> &&progress)
      : name_(name), fd_(fd), buffer_(buffer), progress_(std::move(progress)) {}

  ~LogFile() override {
    CloseOwn();
    free(buffer_);
  }

  using FSWritableFile::Append;

  IOStatus Append(const Slice &data, const IOOptions &, IODebugContext *) override {
    const char *next = data.data();
    size_t left = data.size();
    while (left > 0) {
      size_t piece = std::min(left, kStep - held_);
      memcpy(buffer_ + held_, next, piece);
      size_t filled = held_ + piece;
      size_t count = BlocksFor(filled);
      if (start_ + count > length_ && data.size() < kLarge) count = kStep;
      FillWithZeros(filled, count);
      IOStatus status = Write(count);
      if (!status.ok() && count > BlocksFor(filled) && (error_ == ENOSPC || error_ == EDQUOT)) {
        // On a volume that is full the data may find the place that the zeros do not.
        status.PermitUncheckedError();
        count = BlocksFor(filled);
        status = Write(count);
      }
      if (!status.ok()) return status;
      length_ = std::max(length_, start_ + count);
      size_t whole = filled / kBlock * kBlock;
      held_ = filled - whole;
      memmove(buffer_, buffer_ + whole, held_);
      start_ += whole;
      next += piece;
      left -= piece;
    }
    progress_->logged += data.size();
    return IOStatus::OK();
  }

  // Every append has been written.
  IOStatus Flush(const IOOptions &, IODebugContext *) override { return IOStatus::OK(); }

  IOStatus Sync(const IOOptions &, IODebugContext *) override {
    return fdatasync(fd_) == 0 ? IOStatus::OK() : Failure("fdatasync");
  }

  bool IsSyncThreadSafe() const override { return true; }

  uint64_t GetFileSize(const IOOptions &, IODebugContext *) override { return start_ + held_; }

  IOStatus Allocate(uint64_t offset, uint64_t count, const IOOptions &, IODebugContext *) override {
    int done = fallocate(
        fd_, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(count));
    return done == 0 ? IOStatus::OK() : Failure("fallocate");
  }

  // The file ends where its data ends. Without success it ends in zeros, which do no harm.
  IOStatus Close(const IOOptions &, IODebugContext *) override {
    int cut = fd_ >= 0 ? ftruncate(fd_, static_cast<off_t>(start_ + held_)) : 0;
    (void)cut;
    CloseOwn();
    return IOStatus::OK();
  }

 private:
  // Writes the buffer's first `count` bytes, whole blocks, to where the first of them belongs.
  IOStatus Write(size_t count) {
    size_t done = 0;
    while (done < count) {
      ssize_t written =
          pwrite(fd_, buffer_ + done, count - done, static_cast<off_t>(start_ + done));
      if (written > 0) {
        done += static_cast<size_t>(written);
      } else if (written == 0 || (errno != EINTR && !(errno == EINVAL && GoThroughCache()))) {
        return Failure("pwrite");
      }
    }
    return IOStatus::OK();
  }

  // Makes the buffer's bytes from `start` to `end` zeros. Nearly all of a step are so already: the
  // log's own bytes had reached no further.
  void FillWithZeros(size_t start, size_t end) {
    used_ = std::max(used_, start);
    memset(buffer_ + start, 0, std::min(end, used_) - start);
    if (end >= used_) used_ = start;
  }

  // The file system wants something else of direct writes, or one of them broke off within a block.
  // False where it was not that.
  bool GoThroughCache() {
    int flags = fcntl(fd_, F_GETFL);
    return flags >= 0 && (flags & O_DIRECT) != 0 && fcntl(fd_, F_SETFL, flags & ~O_DIRECT) == 0;
  }

  // No failure for want of space as RocksDB knows it, which it would recover from by itself.
  IOStatus Failure(const char *call) {
    error_ = errno;
    return IOStatus::IOError(std::string("While ") + call + ": " + name_, strerror(error_));
  }

  void CloseOwn() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  const std::string name_;
  int fd_;
  // What the last failed call left in errno.
  int error_ = 0;
  // Holds the log's last block as far as it is filled.
  char *const buffer_;
  // Up to where the buffer may hold other bytes than zeros.
  size_t used_ = kStep;
  const std::shared_ptr<Progress> progress_;
  // Where the buffer's bytes belong in the file: a multiple of kBlock.
  uint64_t start_ = 0;
  // The bytes of the log in the buffer: below kBlock between two appends.
  size_t held_ = 0;
  // The file's length, zeros included.
  uint64_t length_ = 0;
};

}  // namespace

std::unique_ptr<FSWritableFile> cwriteahead::OpenLog(const std::string &name,
                                                     std::shared_ptr<Progress> progress) {
  int fd = open(name.c_str(), O_WRONLY | O_CLOEXEC | O_DIRECT);
  if (fd < 0) fd = open(name.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void *buffer = nullptr;
  if (posix_memalign(&buffer, kBlock, kStep) != 0) {
    close(fd);
    return nullptr;
  }
  return std::make_unique<LogFile>(name, fd, static_cast<char *>(buffer), std::move(progress));
}
