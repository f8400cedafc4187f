//! Code that is compiled once and evaluated in many contexts.

#![allow(unsafe_code, reason = "the bindings know no bytecode of scripts, only of modules")]

use std::ffi::CString;
use std::fmt;
use std::slice;
use std::sync::Arc;

use rquickjs::{Ctx, Error, Result, Value, qjs};

/// Compiled code of a script (not of a module). It can be sent to other threads, and belongs to no
/// runtime. There is no way to make one of bytes: those of others could do anything.
#[derive(Clone)]
pub struct Bytecode(Arc<[u8]>);

impl Bytecode {
    /// Compiles a script in strict mode. The name appears in stacks. Without its source,
    /// functions show none when they are made text.
    ///
    /// # Errors
    /// [`Error::Exception`], which the context holds; [`Error::InvalidString`] for a name with a
    /// zero byte.
    pub fn compile(ctx: &Ctx<'_>, name: &str, source: &str, keeps_source: bool) -> Result<Self> {
        let name = CString::new(name)?;
        // The compiler wants a zero behind the text, and is told where that is.
        let text = [source.as_bytes(), &[0]].concat();
        let length = to_size(source.len())?;
        let flags =
            qjs::JS_EVAL_TYPE_GLOBAL | qjs::JS_EVAL_FLAG_STRICT | qjs::JS_EVAL_FLAG_COMPILE_ONLY;
        let mut write = qjs::JS_WRITE_OBJ_BYTECODE;
        if !keeps_source {
            write |= qjs::JS_WRITE_OBJ_STRIP_SOURCE;
        }
        let raw = ctx.as_raw().as_ptr();
        // SAFETY: `raw` is a context that lives and that this thread has locked, as `ctx` shows.
        // The texts end with a zero and outlive the calls. The value is not used after it is freed,
        // and the bytes are copied before they are.
        unsafe {
            let code = qjs::JS_Eval(raw, text.as_ptr().cast(), length, name.as_ptr(), flags as i32);
            if qjs::JS_IsException(code) {
                return Err(Error::Exception);
            }
            let mut size = 0;
            let bytes = qjs::JS_WriteObject(raw, &raw mut size, code, write as i32);
            qjs::JS_FreeValue(raw, code);
            if bytes.is_null() {
                return Err(Error::Exception);
            }
            let copy = usize::try_from(size).map(|size| slice::from_raw_parts(bytes, size).into());
            qjs::js_free(raw, bytes.cast());
            copy.map(Self).map_err(|_| Error::Allocation)
        }
    }

    /// Runs the code in a context, and gives the value of its last statement.
    ///
    /// # Errors
    /// [`Error::Exception`], which the context holds.
    pub fn evaluate<'js>(&self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        let length = to_size(self.0.len())?;
        let raw = ctx.as_raw().as_ptr();
        let flags = qjs::JS_READ_OBJ_BYTECODE;
        // SAFETY: `raw` is a context that lives and that this thread has locked, as `ctx` shows.
        // The bytes are those that the same library has written ([`Self::compile`] is the only
        // maker). `JS_EvalFunction` takes the code over, and its result is owned by the `Value`.
        unsafe {
            let code = qjs::JS_ReadObject(raw, self.0.as_ptr(), length, flags as i32);
            if qjs::JS_IsException(code) {
                return Err(Error::Exception);
            }
            let value = qjs::JS_EvalFunction(raw, code);
            if qjs::JS_IsException(value) {
                return Err(Error::Exception);
            }
            Ok(Value::from_raw(ctx.clone(), value))
        }
    }
}

fn to_size(length: usize) -> Result<qjs::size_t> {
    qjs::size_t::try_from(length).map_err(|_| Error::Allocation)
}

impl fmt::Debug for Bytecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bytecode").field("bytes", &self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use rquickjs::{CatchResultExt, Context, Function, Runtime};

    use super::*;

    fn compile(source: &str, keeps_source: bool) -> std::result::Result<Bytecode, String> {
        let runtime = Runtime::new().unwrap();
        let context = Context::full(&runtime).unwrap();
        context.with(|ctx| {
            let compiled = Bytecode::compile(&ctx, "name.js", source, keeps_source);
            compiled.catch(&ctx).map_err(|error| error.to_string())
        })
    }

    fn evaluate(code: &Bytecode) -> std::result::Result<String, String> {
        let runtime = Runtime::new().unwrap();
        let context = Context::full(&runtime).unwrap();
        context.with(|ctx| {
            let value = code.evaluate(&ctx).catch(&ctx).map_err(|error| error.to_string())?;
            let text: Function<'_> = ctx.eval("String").unwrap();
            text.call((value,)).catch(&ctx).map_err(|error| error.to_string())
        })
    }

    #[test]
    fn code_is_compiled_once_and_runs_in_other_runtimes() {
        let code =
            compile("let sum = 0; for (const it of [1, 2, 3]) sum += it; sum", true).unwrap();
        for _ in 0..3 {
            assert_eq!(evaluate(&code), Ok("6".to_owned()));
        }
        let code = std::thread::spawn(move || evaluate(&code)).join().unwrap();
        assert_eq!(code, Ok("6".to_owned()), "on another thread");
        // Strict, with regular expressions, templates, classes and generators in it.
        let source = "const text = `${/b+/.exec('abbc')[0]}`; class A { static #x = 1; \
                      static get x() { return A.#x } }; function* g() { yield A.x } \
                      text + [...g()] + (function () { return this === undefined })()";
        assert_eq!(evaluate(&compile(source, true).unwrap()), Ok("bb1true".to_owned()));
    }

    #[test]
    fn errors_tell_the_name_and_the_line() {
        let error = compile("\nlet = ;", true).unwrap_err();
        assert!(error.contains("name.js:2"), "{error}");
        let code = compile("\n\nthrow new Error('on purpose')", true).unwrap();
        let error = evaluate(&code).unwrap_err();
        assert!(error.contains("on purpose") && error.contains("name.js:3"), "{error}");
        assert!(compile("'a\0b'", true).is_ok());
        assert!(compile("a\0b", true).is_err());
    }

    #[test]
    fn the_source_is_shown_if_it_is_kept() {
        let source = "(function one() { return 1 })";
        assert_eq!(evaluate(&compile(source, true).unwrap()).unwrap(), source[1..source.len() - 1]);
        let stripped = evaluate(&compile(source, false).unwrap()).unwrap();
        assert!(!stripped.contains("return 1"), "{stripped}");
    }
}
