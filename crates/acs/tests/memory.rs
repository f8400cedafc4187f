//! The memory of the server, in a process of its own where nothing else allocates.

#[path = "acs/harness.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod harness;

use harness::{TestServer, inform};

const MEBIBYTE: usize = 1 << 20;

/// Mebibytes that a few bodies at their limit may cost, however many come.
const GROWTH_MAX: usize = 40;

/// What the process has of physical memory, and the most it ever had, in mebibytes.
fn memory() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let read = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        let kibibytes: usize = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kibibytes / 1024
    };
    (read("VmRSS:"), read("VmHWM:"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_leave_no_trace() {
    let server = TestServer::start().await;
    server.assert_alive().await;
    let chunk = vec![b'x'; MEBIBYTE];
    let (before, _) = memory();
    for _ in 0..3 {
        // With its length told, it is refused before it is read.
        let mut device = server.device().await;
        device.send(harness::post_head(100 * MEBIBYTE, &[])).await;
        for _ in 0..100 {
            if !device.try_send(&chunk).await {
                break;
            }
        }
        assert_eq!(device.response().await.status, 413);
        // In chunks, it is refused at its first byte, or at the limit when that is a `<`.
        for (start, status) in [("x", 400), ("<", 413)] {
            let mut device = server.device().await;
            let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            device.send(format!("{head}1\r\n{start}\r\n")).await;
            for _ in 0..100 {
                let size = format!("{MEBIBYTE:x}\r\n");
                let sent = device.try_send(size.as_bytes()).await
                    && device.try_send(&chunk).await
                    && device.try_send(b"\r\n").await;
                if !sent {
                    break;
                }
            }
            assert_eq!(device.response().await.status, status);
        }
    }
    let mut device = server.device().await;
    assert_eq!(device.post(&inform("after"), &[]).await.status, 200);
    let (_, most) = memory();
    // 900 MiB were sent. What remains afterwards is no more than the peak, and how much of that the
    // allocator keeps for the next buffer is its own affair.
    assert!(most < before + GROWTH_MAX, "{most} MiB at the most, {before} MiB before");
}
