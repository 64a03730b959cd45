//! What the operating system says about processes: CPU time and memory. Of others on Linux only; elsewhere nothing
//! is known.

use std::fs;

/// Seconds of CPU that all threads of a process have had since it began.
///
/// The scheduler's own counts are in nanoseconds but forget threads that have ended; those of `stat` are in
/// hundredths of a second and forget nothing. So this is for differences while threads neither come nor go.
pub(super) fn cpu_seconds(pid: u32) -> Option<f64> {
    of_threads(pid).or_else(|| of_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
}

fn of_threads(pid: u32) -> Option<f64> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        // a thread that ends meanwhile
        let Ok(text) = fs::read_to_string(thread.ok()?.path().join("schedstat")) else {
            continue;
        };
        nanos += text.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    // kernels without that statistic have zeros
    (nanos > 0).then(|| nanos as f64 / 1e9)
}

/// `utime` and `stime`, behind a name that may hold anything.
fn of_stat(stat: &str) -> Option<f64> {
    /// What Linux counts in towards programs, whatever it does inside.
    const TICKS_PER_SECOND: f64 = 100.0;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let mut ticks = || times.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) as f64 / TICKS_PER_SECOND)
}

/// The same of this process, whatever threads come and go.
pub(super) fn own_cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Bytes of memory that a process occupies.
pub(super) fn rss(pid: u32) -> Option<u64> {
    of_status(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn of_status(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_is_read_past() {
        let stat = "7 (a) b (c)) S 1 1 1 0 -1 4194560 100 0 0 0 250 50 0 0 20 0";
        assert_eq!(of_stat(stat), Some(3.0));
        assert_eq!(of_stat("7"), None);
    }

    #[test]
    fn memory_is_in_bytes() {
        assert_eq!(of_status("Name:\tx\nVmRSS:\t   12 kB\n"), Some(12_288));
        assert_eq!(of_status(""), None);
    }
}
