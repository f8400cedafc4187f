//! A path is found without allocation, in every form that it may have.
#![cfg(feature = "shipped")]
#![allow(unsafe_code, reason = "an allocator that counts is the measurement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use drover_datamodel::shipped::model;

/// The system's allocator with a count of the calls of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(action: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    action();
    ALLOCATIONS.with(Cell::get) - before
}

#[test]
fn a_lookup_allocates_nothing() {
    let device = model("Device:2.19").expect("it is shipped");
    let voice = model("VoiceService:2.0").expect("it is shipped");
    let counted = allocations(|| drop(vec![1_u8; 100]));
    assert_eq!(counted, 1, "the allocator counts");
    let found = |schema: &drover_datamodel::Schema, path: &str| {
        let mut is_there = false;
        let count = allocations(|| is_there = schema.find(path).is_some());
        assert_eq!(count, 0, "{path}");
        is_there
    };
    for path in [
        "Device.",
        "Device.WiFi.Radio.",
        "Device.WiFi.Radio.17.Stats.BytesSent",
        "Device.WiFi.Radio.{i}.Stats.BytesSent",
        "Device.WiFi.Radio.*.Stats.BytesSent",
        "Device.WiFi.Radio.[cpe-radio-1].Stats.BytesSent",
        "Device.WiFi.Radio.17",
    ] {
        assert!(found(&device, path), "{path}");
    }
    assert!(found(&voice, "Device.Services.VoiceService.1.CallControl.Line.2.Enable"));
    assert!(!found(&device, "Device.WiFi.Radio.17.NoSuchParameter"));
}
