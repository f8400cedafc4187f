// What a script finds when it starts. Evaluated in the fresh context of each run, before the script.
//
// A script can change every built-in object, so nothing here relies on one after this file has run:
// functions are taken beforehand, and lists that must not be intercepted have no prototype.
// A native function answers `null` when the run is over, and `halt` then waits to be interrupted:
// no `catch` or `finally` of the script sees that.
0, function (native, limits, now, args) {
  const ErrorType = Error, TypeErrorType = TypeError, RangeErrorType = RangeError;
  const RealDate = Date, global = globalThis;
  const unbound = Function.prototype.call;
  const wellFormed = unbound.bind(String.prototype.toWellFormed);
  const cut = unbound.bind(String.prototype.slice);
  const milliseconds = unbound.bind(Date.prototype.getTime);
  const textOfAny = String;
  const { isArray } = Array;
  const { isFinite } = Number;
  const { keys, defineProperty } = Object;
  const { construct } = Reflect;
  const { trunc } = Math;
  const {
    commit: nativeCommit, declare: nativeDeclare, clear: nativeClear, matches: nativeMatches,
    attribute: nativeAttribute, ext: nativeExt, log: nativeLog, random: nativeRandom,
    seed: nativeSeed, interval: nativeInterval, scheduled: nativeScheduled, room: nativeRoom,
  } = native;

  // As GenieACS does it, if that is asked for: a script can catch where it stops.
  const stopped = { name: "drover:commit" };
  let isStopped = false;
  const halt = () => {
    while (!limits.catchesCommit);
    if (isStopped) {
      throw new ErrorType("Declare function should not be called from within a try/catch block");
    }
    isStopped = true;
    throw stopped;
  };
  const live = (answer) => {
    if (answer === null) halt();
    return answer;
  };
  // What a native function refuses comes as a text.
  const accepted = (answer) => {
    if (typeof live(answer) === "string") throw new ErrorType(answer);
    return answer;
  };
  const bounded = (text, max, what) => {
    if (text.length > max) throw new RangeErrorType(`${what} is longer than ${max} characters`);
    return wellFormed(text);
  };
  const nothing = { __proto__: null };

  let isDirty = false;
  let revision = 0;
  const pay = (isExplicit) => {
    live(nativeCommit(isExplicit));
    isDirty = false;
    ++revision;
  };
  const commit = () => pay(true);

  // Plain data as a flat list of kind and content, which the other side can read without running
  // any code of the script. Functions and symbols are left out, as in JSON.
  const NULL = 0, BOOLEAN = 1, NUMBER = 2, TEXT = 3, DATE = 4;
  const LIST = 5, OBJECT = 6, END = 7, KEY = 8;
  const flat = (root, what) => {
    const out = { __proto__: null, length: 0 };
    let characters = 0;
    const put = (kind, content) => {
      if (out.length >= 2 * limits.dataNodes) {
        throw new RangeErrorType(`${what} has more than ${limits.dataNodes} members`);
      }
      out[out.length++] = kind;
      out[out.length++] = content;
    };
    const putText = (kind, text) => {
      characters += text.length;
      if (characters > limits.dataCharacters) {
        throw new RangeErrorType(`${what} is longer than ${limits.dataCharacters} characters`);
      }
      put(kind, wellFormed(text));
    };
    const dateOf = (value) => {
      try {
        return milliseconds(value);
      } catch {
        return undefined;
      }
    };
    const walk = (value, depth) => {
      switch (typeof value) {
        case "boolean": return put(BOOLEAN, value);
        case "number": return put(NUMBER, value);
        case "string": return putText(TEXT, value);
        case "bigint": return putText(TEXT, `${value}`);
        case "object": break;
        default: return put(NULL);
      }
      if (value === null) return put(NULL);
      if (depth >= limits.dataDepth) {
        throw new RangeErrorType(`${what} is nested more than ${limits.dataDepth} deep`);
      }
      if (isArray(value)) {
        put(LIST);
        const { length } = value;
        for (let i = 0; i < length; ++i) walk(value[i], depth + 1);
        return put(END);
      }
      const date = dateOf(value);
      if (date !== undefined) return put(DATE, date);
      put(OBJECT);
      const names = keys(value);
      for (let i = 0; i < names.length; ++i) {
        const member = value[names[i]];
        const type = typeof member;
        if (type === "undefined" || type === "function" || type === "symbol") continue;
        putText(KEY, names[i]);
        walk(member, depth + 1);
      }
      put(END);
    };
    if (root !== undefined) walk(root, 0);
    return out;
  };

  const NAMES = ["object", "writable", "value", "notification", "accessList"];
  let read, refreshed;
  class Wrapper {
    #handle;
    #mask;
    #path;
    #paths = nothing;
    #seen = -1;
    #cache = nothing;
    constructor(handle, mask, path) {
      this.#handle = handle;
      this.#mask = mask;
      this.#path = path;
    }
    static {
      // The first path that matches, after a commit of what is not yet.
      refreshed = (it) => {
        if (isDirty) pay(false);
        if (it.#seen !== revision) {
          if (it.#path === undefined && it.#handle >= 0) {
            it.#paths = live(nativeMatches(it.#handle));
          }
          it.#seen = revision;
          it.#cache = { __proto__: null };
        }
        if (it.#path !== undefined) return it.#path;
        return it.#paths.length > 0 ? it.#paths[0] : undefined;
      };
      read = (it, index) => {
        const path = refreshed(it);
        if (path === undefined) return undefined;
        if (!(index in it.#cache)) it.#cache[index] = live(nativeAttribute(path, index));
        return it.#cache[index];
      };
    }
    get path() {
      return refreshed(this);
    }
    get size() {
      if (refreshed(this) === undefined) return undefined;
      return this.#path === undefined ? this.#paths.length : 1;
    }
    [Symbol.iterator]() {
      const first = refreshed(this);
      const isOne = this.#path !== undefined;
      const length = first === undefined ? 0 : isOne ? 1 : this.#paths.length;
      return items(this.#handle, this.#mask, isOne ? { 0: first } : this.#paths, length);
    }
  }
  function* items(handle, mask, paths, length) {
    for (let i = 0; i < length; ++i) yield new shapes[mask](handle, mask, paths[i]);
  }
  delete Wrapper.prototype.constructor;

  // A class for each set of attributes: another attribute is simply not there.
  const shapes = { __proto__: null };
  const shape = (mask) => {
    if (shapes[mask] === undefined) {
      const Shape = class extends Wrapper {
        constructor(handle, mask, path) {
          super(handle, mask, path);
        }
      };
      for (let i = 0; i < 5; ++i) {
        if ((mask >> i) & 1) {
          const get = function () { return read(this, i); };
          defineProperty(Shape.prototype, NAMES[i], { __proto__: null, get, configurable: true });
        }
      }
      delete Shape.prototype.constructor;
      shapes[mask] = Shape;
    }
    return shapes[mask];
  };

  // A time that is no number, or below 1, asks for nothing; the undefined ones never do.
  const time = (value) => {
    const number = value === undefined ? 0 : +value;
    return number >= 1 ? number : 0;
  };
  const scalar = (value) => {
    if (value === undefined || value === null) return undefined;
    if (typeof value === "boolean" || typeof value === "number") return value;
    if (typeof value === "object") {
      try {
        return milliseconds(value);
      } catch {
        // No date.
      }
    }
    return bounded(`${value}`, limits.valueCharacters, "A value");
  };
  const instances = (value) => {
    const number = +value;
    return number >= 0 ? trunc(number) : undefined;
  };
  const texts = (list) => {
    if (list === undefined || list === null) return undefined;
    const out = { __proto__: null, length: 0 };
    const source = isArray(list) ? list : { 0: list, length: 1 };
    if (source.length > limits.listItems) {
      throw new RangeErrorType(`A list has more than ${limits.listItems} items`);
    }
    for (let i = 0; i < source.length; ++i) {
      out[out.length++] = bounded(`${source[i]}`, limits.nameCharacters, "An item of a list");
    }
    return out;
  };

  const pathText = (path) => {
    if (typeof path !== "string" || path.length > limits.pathCharacters) {
      throw new ErrorType("Invalid parameter path");
    }
    return wellFormed(path);
  };

  const declare = (path, timestamps, values) => {
    path = pathText(path);
    const asked = timestamps ?? nothing;
    const set = values ?? nothing;
    const pathTime = time(asked.path);
    const object = time(asked.object);
    const writable = time(asked.writable);
    const valueTime = time(asked.value);
    const notificationTime = time(asked.notification);
    const accessListTime = time(asked.accessList);

    let value = set.value;
    let type;
    if (isArray(value)) {
      type = value.length > 1 ? value[1] : undefined;
      value = value.length > 0 ? value[0] : undefined;
    }
    value = scalar(value);
    if (type !== undefined && type !== null) {
      type = bounded(`${type}`, limits.nameCharacters, "A type");
    } else {
      type = undefined;
    }
    let notification = set.notification;
    if (notification !== undefined && notification !== null) {
      notification = +notification;
      notification = isFinite(notification) ? trunc(notification) : undefined;
    } else {
      notification = undefined;
    }
    const accessList = texts(set.accessList);
    let least = set.path;
    let most = least;
    if (isArray(least)) {
      most = least.length > 1 ? least[1] : least[0];
      least = least[0];
    }
    least = least === undefined || least === null ? undefined : instances(least);
    most = most === undefined || most === null ? least : instances(most);

    const mask = (object ? 1 : 0) | (writable ? 2 : 0)
      | (valueTime || value !== undefined ? 4 : 0)
      | (notificationTime || notification !== undefined ? 8 : 0)
      | (accessListTime || accessList !== undefined ? 16 : 0);
    if (path === "") return new (shape(mask))(-1, mask);
    const handle = accepted(nativeDeclare(
      path, pathTime, object, writable, valueTime, notificationTime, accessListTime,
      value, type, notification, accessList, least, most,
    ));
    isDirty = true;
    return new (shape(mask))(handle, mask);
  };

  const clear = (path, timestamp, attributes) => {
    path = pathText(path);
    const asked = attributes ?? nothing;
    accepted(nativeClear(
      path, time(timestamp), time(asked.object), time(asked.writable), time(asked.value),
      time(asked.notification), time(asked.accessList),
    ));
    isDirty = true;
  };

  const ext = (...values) => {
    if (values.length > limits.extArguments) {
      throw new RangeErrorType(`ext has more than ${limits.extArguments} arguments`);
    }
    const out = { __proto__: null, length: 0 };
    let characters = 0;
    for (let i = 0; i < values.length; ++i) {
      const text = `${values[i]}`;
      characters += text.length;
      bounded(text, limits.extCharacters - characters + text.length, "What ext is given");
      out[out.length++] = wellFormed(text);
    }
    const answer = live(nativeExt(out));
    return answer.value;
  };

  const log = (message, meta) => {
    const text = bounded(`${message}`, limits.logCharacters, "A message of log");
    const details = meta === undefined || meta === null ? undefined : meta;
    const answer = nativeLog(text, flat(details, "The second argument of log"));
    if (!isStopped) accepted(answer);
  };

  // The seed of another generator, folded as seedrandom does it.
  const seedText = (value, depth) => {
    let text;
    if (depth > 0 && typeof value === "object" && value !== null) {
      for (const key in value) {
        const member = seedText(value[key], depth - 1);
        text = text === undefined ? member : `${text},${member}`;
      }
    }
    return text ?? (typeof value === "string" ? value : `${value}\0`);
  };
  const random = () => live(nativeRandom());
  const seed = (value) => {
    live(nativeSeed(wellFormed(seedText(value, 3))));
  };
  defineProperty(random, "seed", { __proto__: null, value: seed, writable: true });
  defineProperty(Math, "random", { __proto__: null, value: random, writable: true });

  const currentTime = (schedule, variance) => {
    if (schedule === undefined || schedule === null) return now;
    const shift = variance === undefined || variance === null ? undefined : +variance;
    if (typeof schedule === "number") return accepted(nativeInterval(schedule, shift));
    const text = bounded(`${schedule}`, limits.nameCharacters, "A schedule");
    return accepted(nativeScheduled(text, shift));
  };
  const DateShim = function Date() {
    if (new.target === undefined) {
      throw new TypeErrorType("Class constructor Date cannot be invoked without 'new'");
    }
    return construct(RealDate, arguments.length === 0 ? [now] : arguments, new.target);
  };
  const hidden = (object, name, value) => {
    defineProperty(object, name, { __proto__: null, value, writable: true, configurable: true });
  };
  defineProperty(DateShim, "prototype", {
    __proto__: null, value: RealDate.prototype, writable: false,
  });
  hidden(DateShim, "now", currentTime);
  hidden(DateShim, "parse", RealDate.parse);
  hidden(DateShim, "UTC", RealDate.UTC);
  hidden(RealDate.prototype, "constructor", DateShim);
  hidden(global, "Date", DateShim);

  // The interpreter's compiler must not run out of memory, so there has to be plenty of it when text
  // becomes code. `eval` sees only globals thereby, as if it had been called by another name.
  const Room = ArrayBuffer;
  const compiled = (texts, compile) => {
    let characters = 0;
    for (let i = 0; i < texts.length; ++i) characters += texts[i].length;
    if (characters > limits.evalCharacters) {
      throw new RangeErrorType(`Code is longer than ${limits.evalCharacters} characters`);
    }
    const bytes = 65536 + 512 * characters;
    new Room(bytes);
    // Until the interpreter stops the run.
    if (!nativeRoom(bytes)) for (;;);
    return compile();
  };
  const evaluate = eval;
  const evalShim = (text) => {
    return typeof text === "string" ? compiled([text], () => evaluate(text)) : text;
  };
  hidden(evalShim, "name", "eval");
  hidden(global, "eval", evalShim);
  const kinds = [
    function () {}, function* () {}, async function () {}, async function* () {},
  ];
  for (const kind of kinds) {
    const { prototype } = kind.constructor;
    const Real = kind.constructor;
    const Shim = function (...texts) {
      for (let i = 0; i < texts.length; ++i) texts[i] = `${texts[i]}`;
      return compiled(texts, () => construct(Real, texts, new.target ?? Shim));
    };
    defineProperty(Shim, "name", { __proto__: null, value: Real.name });
    defineProperty(Shim, "prototype", { __proto__: null, value: prototype, writable: false });
    hidden(prototype, "constructor", Shim);
    if (Real === Function) hidden(global, "Function", Shim);
  }

  const console = {};
  const silent = () => {};
  for (const name of ["log", "info", "warn", "error", "debug", "trace", "dir", "table"]) {
    console[name] = silent;
  }
  for (const name of ["queueMicrotask", "SharedArrayBuffer", "Atomics", "navigator"]) {
    delete global[name];
  }
  hidden(global, "console", console);
  hidden(global, "args", args);
  hidden(global, "declare", declare);
  hidden(global, "clear", clear);
  hidden(global, "commit", commit);
  hidden(global, "ext", ext);
  hidden(global, "log", log);

  // What was thrown, as the texts of a fault: an error has a name that is not empty. Each member may
  // be a getter that throws, or anything else but a text.
  const member = (value, name) => {
    try {
      return value[name];
    } catch {
      return undefined;
    }
  };
  const textOf = (value) => {
    try {
      return textOfAny(value);
    } catch {
      return "What the script threw cannot be read";
    }
  };
  const thrown = (value) => {
    const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
    const short = (text, max) => {
      return typeof text === "string" ? wellFormed(cut(text, 0, max)) : undefined;
    };
    const source = isObject ? value : nothing;
    const name = short(member(source, "name"), limits.nameCharacters) || undefined;
    const told = member(source, "message");
    const isTold = told !== undefined && told !== null && (told !== "" || name !== undefined);
    const isEmpty = isTold && told === "";
    const text = textOf(isTold ? told : value) || (isEmpty ? "" : "The script threw an empty text");
    return {
      __proto__: null,
      name,
      message: short(text, limits.faultCharacters),
      stack: short(member(source, "stack"), limits.faultCharacters * 4),
    };
  };
  const returned = (value) => flat(value, "What the script returns");
  return { __proto__: null, returned, thrown };
}
