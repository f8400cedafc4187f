//! A runtime that is looked at while it takes memory.

#![allow(unsafe_code, reason = "an allocator deals in pointers")]

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;
use std::ptr;
use std::rc::Rc;

use rquickjs::Runtime;
use rquickjs::allocator::{Allocator, RustAllocator};

/// How much is taken until it is looked at the runtime: about a fifth of a millisecond's work.
const LOOK_BYTES: usize = 1024 * 1024;
/// What a runtime gets that ends, whatever its limit: enough to throw what ends it.
const LAST_BYTES: usize = 64 * 1024;
/// No single piece is larger, whatever the limit.
const PIECE_BYTES_MAX: usize = isize::MAX as usize / 4;

/// Gives a runtime its memory: so much at a time, and after each mebibyte that it takes (whether
/// or not it gives it back) it is looked at. The interpreter's own handler is asked every so many
/// steps only, and one step may copy an object of a hundred thousand members.
///
/// Small pieces come from larger ones that the interpreter keeps, and count as those.
#[derive(Default)]
pub struct Meter {
    used: Cell<usize>,
    /// Unless there is none.
    limit: Cell<Option<usize>>,
    /// Bytes until the next look.
    left: Cell<usize>,
    may_go_on: RefCell<Option<Box<dyn Fn() -> bool>>>,
    state: Cell<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// What is within the limit is given.
    #[default]
    Giving,
    /// Nothing is given, until the interpreter asks its handler.
    Refusing,
    /// What ends the work is given.
    Ending,
}

impl Meter {
    /// A runtime that gets its memory so. A meter has one at a time.
    ///
    /// # Errors
    /// [`rquickjs::Error::Allocation`] when there is no memory for it.
    pub fn runtime(self: &Rc<Self>) -> rquickjs::Result<Runtime> {
        Runtime::new_with_alloc(Metered::new(Rc::clone(self)))
    }

    /// From now on the runtime has so many bytes at a time, and is looked at. Once `may_go_on` has
    /// said no, it gets nothing more until [`end`](Self::end) or [`stop`](Self::stop). It is called
    /// in the middle of the runtime's work, and must not use it.
    pub fn start(&self, limit: usize, may_go_on: impl Fn() -> bool + 'static) {
        self.limit.set(Some(limit));
        self.left.set(LOOK_BYTES);
        self.state.set(State::Giving);
        self.may_go_on.replace(Some(Box::new(may_go_on)));
    }

    /// Looks no more: the runtime gets what it wants.
    pub fn stop(&self) {
        self.limit.set(None);
        self.may_go_on.replace(None);
        self.state.set(State::Giving);
    }

    /// Bytes that the runtime has.
    pub fn used(&self) -> usize {
        self.used.get()
    }

    /// Raises the limit, for what is to be done after the runtime's work.
    pub fn raise(&self, bytes: usize) {
        self.limit.set(self.limit.get().map(|limit| limit.saturating_add(bytes)));
    }

    /// The interpreter's handler says that it shall stop: it gets what it needs to throw an error
    /// that cannot be caught, whatever the limit. Without that, it would throw one that can.
    pub fn end(&self) {
        self.state.set(State::Ending);
    }

    /// Looks at once, and then not before so many bytes are taken: for work that must not fail.
    /// Returns whether the runtime may go on.
    pub fn grant(&self, bytes: usize) -> bool {
        let may_go_on = self.looks();
        self.left.set(self.left.get().max(bytes));
        may_go_on
    }

    fn looks(&self) -> bool {
        let may_go_on = self.may_go_on.borrow();
        if may_go_on.as_ref().is_some_and(|may_go_on| !may_go_on()) {
            self.state.set(State::Refusing);
        }
        self.left.set(LOOK_BYTES);
        self.state.get() == State::Giving
    }

    /// Whether the runtime gets so much in the place of what it gives back.
    fn gives(&self, bytes: usize, back: usize) -> bool {
        match self.state.get() {
            _ if bytes > PIECE_BYTES_MAX => return false,
            State::Giving => {}
            State::Refusing => return false,
            State::Ending => return bytes <= LAST_BYTES,
        }
        let used = self.used.get().saturating_sub(back).saturating_add(bytes);
        if self.limit.get().is_some_and(|limit| used > limit) {
            return false;
        }
        let Some(left) = self.left.get().checked_sub(bytes) else { return self.looks() };
        self.left.set(left);
        true
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("used", &self.used).finish_non_exhaustive()
    }
}

struct Metered {
    meter: Rc<Meter>,
    /// What the runtime has.
    pieces: HashSet<*mut u8>,
}

impl Metered {
    fn new(meter: Rc<Meter>) -> Self {
        Self { meter, pieces: HashSet::new() }
    }

    /// Takes that the runtime has this piece now, if it is one.
    fn given(&mut self, piece: *mut u8) -> *mut u8 {
        if !piece.is_null() {
            self.pieces.insert(piece);
            // SAFETY: It has just been allocated by `RustAllocator`.
            let size = unsafe { RustAllocator::usable_size(piece) };
            self.meter.used.set(self.meter.used.get().saturating_add(size));
        }
        piece
    }

    /// Takes that the runtime has this piece no more.
    ///
    /// # Safety
    /// It must be one of `RustAllocator`.
    unsafe fn back(&mut self, piece: *mut u8) {
        self.pieces.remove(&piece);
        // SAFETY: So the caller says.
        let size = unsafe { RustAllocator::usable_size(piece) };
        self.meter.used.set(self.meter.used.get().saturating_sub(size));
    }
}

/// A runtime loses some of its objects when it has no memory at a bad moment, and cannot free them
/// (JS_SetPrototypeInternal does not give back the prototype). The memory of those goes with it.
impl Drop for Metered {
    fn drop(&mut self) {
        for piece in std::mem::take(&mut self.pieces) {
            // SAFETY: It is one of `RustAllocator` that was not freed. Its runtime is gone (the
            // bindings drop the allocator after it), so nobody knows of the piece any more.
            unsafe {
                self.back(piece);
                RustAllocator.dealloc(piece);
            }
        }
    }
}

// SAFETY: Each function is that of `RustAllocator`, which keeps the contract. Where this one gives
// nothing, it returns the null pointer that the contract allows, and what was there stays.
unsafe impl Allocator for Metered {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        if !self.meter.gives(size, 0) {
            return ptr::null_mut();
        }
        self.given(RustAllocator.alloc(size))
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        if count.checked_mul(size).is_none_or(|bytes| !self.meter.gives(bytes, 0)) {
            return ptr::null_mut();
        }
        self.given(RustAllocator.calloc(count, size))
    }

    unsafe fn dealloc(&mut self, ptr: *mut u8) {
        // SAFETY: The caller's promise is the same.
        unsafe {
            self.back(ptr);
            RustAllocator.dealloc(ptr);
        }
    }

    unsafe fn realloc(&mut self, ptr: *mut u8, new_size: usize) -> *mut u8 {
        if ptr.is_null() {
            return self.alloc(new_size);
        }
        // SAFETY: The caller's promise is the same, and `ptr` is one of `RustAllocator`. If it
        // cannot be moved, it stays.
        unsafe {
            let size = RustAllocator::usable_size(ptr);
            // To become smaller costs nothing, and must not fail.
            if new_size > size && !self.meter.gives(new_size, size) {
                return ptr::null_mut();
            }
            self.back(ptr);
            let moved = RustAllocator.realloc(ptr, new_size);
            if moved.is_null() {
                self.given(ptr);
            }
            self.given(moved)
        }
    }

    unsafe fn usable_size(ptr: *mut u8) -> usize {
        // SAFETY: The caller's promise is the same.
        unsafe { RustAllocator::usable_size(ptr) }
    }
}

#[cfg(test)]
mod tests {
    use rquickjs::{CatchResultExt, Context, Exception, Function};

    use super::*;

    const MANY: usize = 1 << 30;

    /// A meter that lets a context go on so many times, the context, and how often it looked.
    fn limited(looks: u32) -> (Rc<Meter>, Context, Rc<Cell<u32>>) {
        let meter = Rc::new(Meter::default());
        let context = Context::full(&meter.runtime().unwrap()).unwrap();
        let count = Rc::new(Cell::new(0));
        let own = Rc::clone(&count);
        meter.start(MANY, move || {
            own.set(own.get() + 1);
            own.get() <= looks
        });
        (meter, context, count)
    }

    fn eval(context: &Context, source: &str) -> Result<f64, String> {
        context.with(|ctx| ctx.eval(source).catch(&ctx).map_err(|error| error.to_string()))
    }

    #[test]
    fn memory_that_is_taken_again_and_again_is_counted() {
        let (_meter, context, count) = limited(1_000);
        let copies = "let sum = 0; const all = new Array(1e4).fill(1); \
                      for (let i = 0; i < 100; ++i) sum += [...all].length; sum";
        assert_eq!(eval(&context, copies), Ok(1e6));
        assert!((10..100).contains(&count.get()), "16 MB were copied: {count:?}");
    }

    #[test]
    fn what_may_not_go_on_gets_nothing_more() {
        let (meter, context, count) = limited(50);
        let endless = "const all = new Array(1e5).fill(1); let tries = 0; \
                       for (;;) { try { [...all] } catch { if (++tries > 99) break } } tries";
        assert_eq!(eval(&context, endless), Ok(100.0), "each try fails");
        assert!(count.get() > 50);
        meter.stop();
        let looks = count.get();
        assert_eq!(eval(&context, "[...new Array(1e5)].length"), Ok(1e5));
        assert_eq!(count.get(), looks);
    }

    #[test]
    fn what_is_granted_is_not_looked_at() {
        let (meter, context, count) = limited(2);
        assert!(meter.grant(200 * LOOK_BYTES));
        assert_eq!(eval(&context, "[...new Array(1e6)].length"), Ok(1e6));
        assert_eq!(count.get(), 1, "the look before");
        assert!(meter.grant(0));
        assert!(!meter.grant(LOOK_BYTES), "there were three");
        assert!(!meter.gives(1, 0));
        meter.end();
        assert!(!meter.gives(LAST_BYTES + 1, 0) && meter.gives(LAST_BYTES, 0));
    }

    #[test]
    fn what_is_given_back_can_be_had_again() {
        let meter = Rc::new(Meter::default());
        let context = Context::full(&meter.runtime().unwrap()).unwrap();
        let before = meter.used();
        meter.start(before + 4 * LOOK_BYTES, || true);
        let twenty = "for (let i = 0; i < 20; ++i) new ArrayBuffer(1e6); 1";
        assert_eq!(eval(&context, twenty), Ok(1.0));
        let kept =
            "globalThis.all = []; for (let i = 0; i < 20; ++i) all.push(new ArrayBuffer(1e6))";
        let error = eval(&context, kept).unwrap_err();
        assert!(error.contains("out of memory"), "{error}");
        assert!(eval(&context, "new ArrayBuffer(1e6); 1").is_err());
        meter.raise(LOOK_BYTES);
        assert_eq!(eval(&context, "new ArrayBuffer(1e6); 1"), Ok(1.0));
        assert!(meter.used() > before + 3_000_000, "{meter:?}");
        assert_eq!(eval(&context, "all = null; 1"), Ok(1.0));
        assert!(meter.used() < before + LOOK_BYTES, "{meter:?}");
        drop(context);
        assert_eq!(meter.used(), 0);
    }

    /// The interpreter throws what cannot be caught only if it has memory for it.
    #[test]
    fn what_shall_stop_stops_even_without_any_memory() {
        let meter = Rc::new(Meter::default());
        let runtime = meter.runtime().unwrap();
        let context = Context::full(&runtime).unwrap();
        runtime.set_max_stack_size(1 << 20);
        let (own, polls) = (Rc::clone(&meter), Cell::new(0));
        runtime.set_interrupt_handler(Some(Box::new(move || {
            polls.set(polls.get() + 1);
            if polls.get() > 9 {
                own.end();
            }
            assert!(polls.get() < 99, "it goes on");
            polls.get() > 9
        })));
        meter.start(meter.used() + 4 * LOOK_BYTES, || true);
        let fill = "{ const stop = (depth) => { \
                    for (;;) try { if (depth) stop(depth - 1); for (;;); } catch { } }; \
                    const all = []; for (const bytes of [65536, 4096, 256, 16]) \
                    try { for (;;) all.push(new Uint8Array(bytes)) } catch { } \
                    try { for (let it = null;;) it = {it} } catch { } \
                    stop(DEPTH) }";
        for depth in ["0", "200"] {
            context.with(|ctx| {
                let fill = fill.replace("DEPTH", depth);
                let error = ctx.eval::<(), _>(fill).unwrap_err();
                assert!(error.is_exception());
                let thrown = Exception::from_value(ctx.catch()).expect("an error, and not null");
                assert_eq!(thrown.message().as_deref(), Some("interrupted"));
            });
        }
        meter.stop();
        context.with(|ctx| assert!(ctx.eval::<Function<'_>, _>("(() => {})").is_ok()));
    }

    /// Whatever the interpreter does not free, because it had no memory at a bad moment.
    #[test]
    fn all_memory_is_free_when_the_runtime_is_gone() {
        let scripts = [
            "let it = {}; for (let i = 0; i < 300; ++i) it = {__proto__: it};",
            "let it = null; for (;;) it = [it, () => it]",
            "const all = new Map(); for (let i = 0;; ++i) all.set({i}, [`${i}`])",
            "class A { #x = 1; get x() { return this.#x } } for (let a = [];;) a.push(new A())",
            "const f = async () => { await 0; return f() }; f()",
            "let it = 'ab'; for (;;) it = it.replace(/(a)/g, (all, a) => `${a}${it}`)",
        ];
        for script in scripts {
            for bytes in (0..40_000).step_by(800) {
                let meter = Rc::new(Meter::default());
                let context = Context::full(&meter.runtime().unwrap()).unwrap();
                let source = format!("(() => {{ {script} }})");
                context.with(|ctx| {
                    let function = ctx.eval::<Function<'_>, _>(source).unwrap();
                    meter.start(meter.used() + bytes, || true);
                    let _ = function.call::<_, ()>(());
                    ctx.catch();
                });
                assert!(meter.used() > 0);
                drop(context);
                assert_eq!(meter.used(), 0, "{script} with {bytes} bytes");
            }
        }
    }

    #[test]
    fn nobody_gets_more_than_there_can_be() {
        let meter = Rc::new(Meter::default());
        assert!(!meter.gives(usize::MAX, 0));
        let mut metered = Metered::new(meter);
        assert!(metered.calloc(usize::MAX, 2).is_null());
        assert!(metered.alloc(usize::MAX).is_null());
    }
}
