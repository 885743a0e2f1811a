private import CLinux

/// The memory allocator of the process.
public enum Allocator {
  /// Blocks of at least so many bytes are mapped by themselves from now on, and given back to the
  /// kernel as a whole when they are freed (mallopt(3), `M_MMAP_THRESHOLD`). Without it the
  /// allocator raises the bound with each such block that is freed, up to 32 MiB. Before there are
  /// threads.
  public static func mapBlocks(from bytes: Int32) { _ = mallopt(M_MMAP_THRESHOLD, bytes) }

  /// What is free at the end of an arena is given back to the kernel only above so many bytes
  /// (`M_TRIM_THRESHOLD`; 128 KiB without it): what each turn of a loop takes and frees, bodies of
  /// batches or frames of streams, would be mapped anew in each. Before there are threads.
  public static func keepFree(_ bytes: Int32) { _ = mallopt(M_TRIM_THRESHOLD, bytes) }
}
