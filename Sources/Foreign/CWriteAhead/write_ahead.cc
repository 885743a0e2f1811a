// RocksDB's C API has no way to say how a write-ahead log is written or how it goes, so this file
// does. Logs are written by `log_file.h`, what memory tables become by `table_file.h`.
//
// A log that goes is given back to its volume bit by bit. A volume that tells its device of freed
// blocks (`mount -o discard`) does so while it closes a transaction of its journal, and a sync of the
// log waits for that: logs go four or five at once, of 64 MiB each.

#include "write_ahead.h"

#include <fcntl.h>
#include <pthread.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "log_file.h"
#include "table_file.h"

// As in RocksDB's own c.cc; the C API takes an environment in no other form.
struct rocksdb_env_t {
  rocksdb::Env *rep;
  bool is_default;
};

namespace {

using cwriteahead::Progress;
using rocksdb::FileOptions;
using rocksdb::FileSystem;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// RocksDB's diary. What cannot be written into it is left out: a second write after one that failed
// aborts the process where RocksDB was built with its assertions, as Debian's is, and a full volume
// must not do that.
class Diary : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  explicit Diary(std::unique_ptr<FSWritableFile> &&file)
      : FSWritableFileOwnerWrapper(std::move(file)) {}

  IOStatus Append(const Slice &data, const IOOptions &options, IODebugContext *dbg) override {
    return Forgiven(FSWritableFileOwnerWrapper::Append(data, options, dbg));
  }

  IOStatus Append(const Slice &data, const IOOptions &options,
                  const rocksdb::DataVerificationInfo &info, IODebugContext *dbg) override {
    return Forgiven(FSWritableFileOwnerWrapper::Append(data, options, info, dbg));
  }

  IOStatus Flush(const IOOptions &options, IODebugContext *dbg) override {
    return Forgiven(FSWritableFileOwnerWrapper::Flush(options, dbg));
  }

  IOStatus Close(const IOOptions &options, IODebugContext *dbg) override {
    return Forgiven(FSWritableFileOwnerWrapper::Close(options, dbg));
  }

 private:
  static IOStatus Forgiven(const IOStatus &status) {
    status.PermitUncheckedError();
    return IOStatus::OK();
  }
};

// Shortens files that have no name any more until nothing is left of them. What it has not come to
// when the process ends, the kernel gives back at once.
class Reclaimer {
 public:
  // For the life of the process, so that its thread never outlives it.
  static Reclaimer &Only() {
    static Reclaimer *only = new Reclaimer;
    return *only;
  }

  // Takes over a descriptor of a file that was removed. With too many of them it is closed, and the
  // file gone, at once.
  void Take(int fd) {
    std::lock_guard<std::mutex> guard(lock_);
    if (files_.size() >= kMost) {
      close(fd);
      return;
    }
    files_.push_back(fd);
    arrived_.notify_one();
  }

 private:
  // Descriptors held at most.
  static constexpr size_t kMost = 16;
  // So much at a time, with a pause behind it: 100 MiB/s, four times what is logged under full load.
  static constexpr off_t kPiece = 1 << 20;
  static constexpr std::chrono::milliseconds kPause{10};

  Reclaimer() {
    std::thread([this] { Run(); }).detach();
  }

  void Run() {
    pthread_setname_np(pthread_self(), "reclaimer");
    for (;;) {
      std::unique_lock<std::mutex> guard(lock_);
      arrived_.wait(guard, [this] { return !files_.empty(); });
      int fd = files_.front();
      guard.unlock();
      struct stat facts;
      off_t size = fstat(fd, &facts) == 0 ? facts.st_size : 0;
      while (size > kPiece) {
        size -= kPiece;
        if (ftruncate(fd, size) != 0) break;
        std::this_thread::sleep_for(kPause);
      }
      close(fd);
      guard.lock();
      files_.pop_front();
    }
  }

  std::mutex lock_;
  std::condition_variable arrived_;
  std::deque<int> files_;
};

class WriteAheadFileSystem : public rocksdb::FileSystemWrapper {
 public:
  explicit WriteAheadFileSystem(std::chrono::milliseconds patience)
      : FileSystemWrapper(FileSystem::Default()), patience_(patience) {}

  const char *Name() const override { return "JodrellWriteAhead"; }

  IOStatus NewWritableFile(const std::string &name, const FileOptions &options,
                           std::unique_ptr<FSWritableFile> *file, IODebugContext *dbg) override {
    IOStatus status = FileSystemWrapper::NewWritableFile(name, options, file, dbg);
    if (!status.ok()) return status;
    if (EndsWith(name, "/LOG")) file->reset(new Diary(std::move(*file)));
    if (EndsWith(name, ".sst")) *file = cwriteahead::PaceTable(std::move(*file), ProgressIn(name), patience_);
    if (!EndsWith(name, ".log")) return status;
    std::unique_ptr<FSWritableFile> log = cwriteahead::OpenLog(name, ProgressIn(name));
    // RocksDB's own way of writing it is as good, only slower.
    if (log != nullptr) *file = std::move(log);
    return status;
  }

  // The name of a log or a table goes at once, its blocks later. Not those of a file with another
  // name: whoever gave it that one wants its bytes.
  IOStatus DeleteFile(const std::string &name, const IOOptions &options,
                      IODebugContext *dbg) override {
    struct stat facts;
    int fd = -1;
    if ((EndsWith(name, ".log") || EndsWith(name, ".sst")) && stat(name.c_str(), &facts) == 0 &&
        facts.st_size >= kSlowly && facts.st_nlink == 1) {
      fd = open(name.c_str(), O_WRONLY | O_CLOEXEC);
    }
    IOStatus status = FileSystemWrapper::DeleteFile(name, options, dbg);
    if (fd < 0) return status;
    if (status.ok()) {
      Reclaimer::Only().Take(fd);
    } else {
      close(fd);
    }
    return status;
  }

  // The diary over a file of this file system; the wrapped one would open a file of its own.
  IOStatus NewLogger(const std::string &name, const IOOptions &options,
                     std::shared_ptr<rocksdb::Logger> *result, IODebugContext *dbg) override {
    return FileSystem::NewLogger(name, options, result, dbg);
  }

 private:
  // Smaller files go as a whole.
  static constexpr off_t kSlowly = 4 << 20;

  // Of the directory of the file with this name. It is kept by its open files.
  std::shared_ptr<Progress> ProgressIn(const std::string &name) {
    std::string directory = name.substr(0, name.rfind('/'));
    std::lock_guard<std::mutex> guard(lock_);
    std::shared_ptr<Progress> known = progress_[directory].lock();
    if (known != nullptr) return known;
    for (auto next = progress_.begin(); next != progress_.end();) {
      next = next->second.expired() ? progress_.erase(next) : std::next(next);
    }
    std::shared_ptr<Progress> made = std::make_shared<Progress>();
    progress_[directory] = made;
    return made;
  }

  static bool EndsWith(const std::string &name, const std::string &end) {
    return name.size() > end.size() &&
           name.compare(name.size() - end.size(), end.size(), end) == 0;
  }

  const std::chrono::milliseconds patience_;
  std::mutex lock_;
  std::map<std::string, std::weak_ptr<Progress>> progress_;
};

}  // namespace

extern "C" rocksdb_env_t *cwriteahead_env(unsigned patience) {
  static std::mutex lock;
  static std::map<unsigned, rocksdb_env_t> environments;
  std::lock_guard<std::mutex> guard(lock);
  rocksdb_env_t &environment = environments[patience];
  if (environment.rep == nullptr) {
    auto files = std::make_shared<WriteAheadFileSystem>(std::chrono::milliseconds(patience));
    environment.rep = rocksdb::NewCompositeEnv(files).release();
  }
  return &environment;
}
