//! The one setting of the process that Rust has no safe call for, apart from the
//! programs so that they forbid unsafe code.

/// From this size on glibc takes memory of the system and gives it back when it is freed;
/// and what is free at the end of its own goes back from this size on, in bytes. Above a
/// page of a hundred records, whose memory is worth keeping.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 4 << 20;

/// Bounds what the allocator keeps of memory that was given back, in each of the parts
/// that it has for threads. To be called by a program, first thing.
///
/// Left to itself glibc raises its bounds to twice the greatest block that was freed, up
/// to 64 MiB, and by then keeps that much for each thread: records of some megabytes took
/// three times the memory that was in use (`mallopt(3)`, `M_MMAP_THRESHOLD`). Other
/// allocators are left alone.
///
/// It also has no more parts than threads can run at once, two at least: with the eight
/// for each core of glibc, what one thread has given back is of no use to the next, a
/// run of 3,000 issues takes half as much memory again, and 2 % more time for pages that
/// are touched first.
pub fn keep_little() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let parts = libc::c_int::try_from(cores.max(2)).unwrap_or(libc::c_int::MAX);
        for (bound, value) in [
            (libc::M_MMAP_THRESHOLD, KEPT),
            (libc::M_TRIM_THRESHOLD, KEPT),
            (libc::M_ARENA_MAX, parts),
        ] {
            #[allow(unsafe_code)]
            // SAFETY: `mallopt` takes two numbers, locks what it changes, and has no effect
            // on memory that is in use. A bound that it does not accept stays as it was.
            unsafe {
                libc::mallopt(bound, value);
            }
        }
    }
}
