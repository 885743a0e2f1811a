// Debian builds RocksDB for every x86-64, that is without SSE 4.2, so that it makes the checksums of its
// log and its manifest from tables: 0.6 ns per byte, a third of what the log's thread computes. A
// program's functions come before those of the shared libraries it loads, also for the libraries
// themselves, so RocksDB finds this one in place of its own, whichever it has. Its log file goes on
// to say "Fast CRC32 supported: Not supported on x86". A shared RocksDB whose function has another
// name or other parameters does not find this one, and is as fast as it was built.

#include <isa-l/crc.h>
#include <stddef.h>
#include <stdint.h>

#include <algorithm>

namespace rocksdb {
namespace crc32c {

// The CRC32C (RFC 3720 appendix B.4) of what has the CRC32C `crc` with `count` bytes behind it.
// Declared in RocksDB's util/crc32c.h, which no package installs. Any thread may call. Nothing in the
// program does, so a linker must be told to keep and to show it.
[[gnu::used, gnu::retain, gnu::visibility("default")]]
uint32_t Extend(uint32_t crc, const char *bytes, size_t count) {
  while (count > 0) {
    // ISA-L counts in int, and declares what it only reads without const.
    size_t piece = std::min(count, size_t{1} << 30);
    unsigned char *start = reinterpret_cast<unsigned char *>(const_cast<char *>(bytes));
    crc = ~crc32_iscsi(start, static_cast<int>(piece), ~crc);
    bytes += piece;
    count -= piece;
  }
  return crc;
}

}  // namespace crc32c
}  // namespace rocksdb
