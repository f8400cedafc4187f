// Built-in functions that could work for seconds at a call. For the interpreter one call is one
// step, whatever it does, and it looks at the clock every 10,000 steps only. So these functions
// first say how much work they make: about one unit for each character or element. One call may
// make so much and no more, and after a certain sum the clock is looked at.
//
// Evaluated after the prelude and before the script, which cannot reach what is replaced here.
0, function (native, limits) {
  "use strict";
  const RangeErrorType = RangeError, TypeErrorType = TypeError;
  const { apply } = Reflect;
  const { isArray } = Array;
  const { defineProperty, getOwnPropertyDescriptor } = Object;
  const { spend, isProxy } = native;
  const { callUnits, checkUnits, arrayLength } = limits;
  const { isConcatSpreadable, match } = Symbol;
  const { parse, stringify } = JSON;
  const texts = String.prototype, lists = Array.prototype;
  const { includes } = texts;
  const { map } = lists;

  let sum = 0;
  const charge = (units) => {
    if (units > callUnits) throw new RangeErrorType("This is too much work for one call");
    // Not if it is no number.
    if (units > 0) sum += units;
    if (sum >= checkUnits) {
      const isOver = spend(sum);
      sum = 0;
      // Until the interpreter stops the run.
      if (isOver) for (;;);
    }
  };

  // Puts functions in the place of others; their names are those of the members.
  const descriptor = { __proto__: null, value: 0, configurable: true };
  const replace = (object, shims) => {
    for (const name in shims) {
      descriptor.value = object[name].length;
      defineProperty(shims[name], "length", descriptor);
      object[name] = shims[name];
    }
  };
  // Puts `before` in front of methods: it says what `this` is.
  const guard = (object, names, before) => {
    const shims = { __proto__: null };
    for (const name of names) {
      const real = object[name];
      shims[name] = {
        [name](...args) {
          return apply(real, before(this, args, name), args);
        },
      }[name];
    }
    replace(object, shims);
  };

  const isObject = (it) => (typeof it === "object" && it !== null) || typeof it === "function";
  const textOf = (it) => (typeof it === "string" || it === undefined || it === null ? it : `${it}`);
  const size = (it) => (typeof it === "string" ? it.length : 0);

  const linear = (it, args) => {
    const text = textOf(it);
    charge(size(text) + (args.length > 0 ? size(args[0]) : 0));
    return text;
  };
  guard(texts, [
    "slice", "substring", "substr", "concat", "startsWith", "endsWith", "trim", "trimStart",
    "trimEnd", "isWellFormed", "toWellFormed",
  ], linear);
  guard(texts, [
    "toUpperCase", "toLowerCase", "toLocaleUpperCase", "toLocaleLowerCase", "normalize",
    "localeCompare",
  ], (it) => {
    const text = textOf(it);
    charge(size(text) * 16);
    return text;
  });
  guard(texts, ["repeat", "padStart", "padEnd"], (it, args, name) => {
    const text = textOf(it);
    const count = args.length > 0 && args[0] > 0 ? args[0] : 0;
    const length = typeof count === "number" ? count * (name === "repeat" ? size(text) : 1) : 0;
    // What does not fit into the memory is refused anyway.
    charge(length < checkUnits ? length : checkUnits);
    return text;
  });
  // At worst, the searched text is compared at each place.
  const search = (text, part) => {
    const places = size(text) - size(part) + 1;
    charge(size(text) + (places > 0 ? places * size(part) : 0));
    return text;
  };
  guard(texts, ["indexOf", "lastIndexOf", "includes"], (it, args, name) => {
    if (args.length > 0 && isObject(args[0])) {
      if (name === "includes" && args[0][match]) throw new TypeErrorType("regexp not supported");
      args[0] = `${args[0]}`;
    }
    return search(textOf(it), args.length > 0 ? args[0] : undefined);
  });
  const withPattern = (name, symbol) => {
    const real = texts[name];
    return {
      [name](pattern, other) {
        if (this !== undefined && this !== null && isObject(pattern)) {
          // A regular expression looks at the clock itself.
          const method = pattern[symbol];
          if (method !== undefined && method !== null) {
            if (name === "replaceAll" && pattern[match] && !apply(includes, pattern.flags, ["g"])) {
              throw new TypeErrorType("regexp must have the 'g' flag");
            }
            return apply(method, pattern, [this, other]);
          }
          pattern = `${pattern}`;
        }
        return apply(real, search(textOf(this), pattern), [pattern, other]);
      },
    }[name];
  };
  replace(texts, {
    __proto__: null,
    split: withPattern("split", Symbol.split),
    replace: withPattern("replace", Symbol.replace),
    replaceAll: withPattern("replaceAll", Symbol.replace),
  });

  // Lists. A proxy or a getter could give another length when it is asked again.
  const typed = Object.getPrototypeOf(Uint8Array.prototype);
  const typedLength = getOwnPropertyDescriptor(typed, "length").get;
  const lengthOf = (it) => {
    if (!isObject(it)) return size(it);
    if (!isProxy(it)) {
      if (isArray(it)) return it.length;
      const own = getOwnPropertyDescriptor(it, "length");
      if (own === undefined && !("length" in it)) return 0;
      if (own !== undefined && typeof own.value === "number") return own.value > 0 ? own.value : 0;
      try {
        return apply(typedLength, it, []);
      } catch {
        // No typed array.
      }
    }
    throw new TypeErrorType("This works on lists with a length of their own only");
  };
  const bounded = (it) => {
    const length = lengthOf(it);
    if (length > arrayLength) {
      throw new RangeErrorType(`A list has more than ${arrayLength} elements`);
    }
    return length;
  };
  const list = (weight) => (it) => {
    charge(bounded(it) * weight);
    return it;
  };
  const walked = list(1), copied = list(8), written = list(32);
  guard(lists, ["splice", "shift", "unshift", "copyWithin"], walked);
  guard(lists, ["slice", "reverse", "toReversed", "toSpliced", "with"], copied);
  guard(lists, ["join", "toLocaleString"], written);
  guard(typed, ["join", "toLocaleString"], written);
  guard(typed, ["sort", "toSorted"], copied);
  guard(typed, [
    "fill", "indexOf", "lastIndexOf", "includes", "reverse", "toReversed", "slice", "set", "with",
    "copyWithin",
  ], (it, args, name) => {
    charge((name === "set" && args.length > 0 ? bounded(args[0]) : lengthOf(it)) / 4);
    return it;
  });
  guard(lists, ["concat"], (it, args) => {
    let length = isArray(it) ? bounded(it) : 0;
    for (let i = 0; i < args.length; ++i) {
      const other = args[i];
      if (isObject(other) && (isArray(other) || isProxy(other) || isConcatSpreadable in other)) {
        length += bounded(other);
      }
    }
    charge(length * 8);
    return it;
  });
  // These look at the clock themselves, but not often enough when they compare long texts.
  guard(lists, ["indexOf", "lastIndexOf", "includes", "fill"], (it, args) => {
    const length = isArray(it) && it.length <= arrayLength ? it.length : 0;
    charge(length * (1 + (args.length > 0 ? size(args[0]) : 0) / 8));
    return it;
  });
  const byText = (a, b) => {
    const x = `${a}`, y = `${b}`;
    charge(1 + (x.length < y.length ? x : y).length / 8);
    return x < y ? -1 : x > y ? 1 : 0;
  };
  const { sort, toSorted } = lists;
  const flatten = (out, items, depth) => {
    const length = bounded(items);
    charge(length);
    for (let i = 0; i < length; ++i) {
      if (!(i in items)) continue;
      const value = items[i];
      if (depth >= 1 && isArray(value)) {
        flatten(out, value, depth - 1);
      } else {
        const own = { __proto__: null, value, writable: true, enumerable: true, configurable: true };
        defineProperty(out, out.length, own);
      }
    }
    return out;
  };
  replace(lists, {
    __proto__: null,
    sort(compare) {
      return apply(sort, walked(this), [compare === undefined ? byText : compare]);
    },
    toSorted(compare) {
      return apply(toSorted, walked(this), [compare === undefined ? byText : compare]);
    },
    flat(depth) {
      return flatten([], this, depth === undefined ? 1 : +depth);
    },
    flatMap(callback, thisArgument) {
      return flatten([], apply(map, walked(this), [callback, thisArgument]), 1);
    },
  });

  // Keys that are long texts are read to their end.
  for (const { prototype } of [Map, Set]) {
    guard(prototype, ["get", "has", "set", "add", "delete"].filter((name) => name in prototype),
      (it, args) => {
        if (args.length > 0) charge(size(args[0]));
        return it;
      });
  }
  replace(String, {
    __proto__: null,
    raw(template, ...values) {
      const { raw } = template;
      const length = bounded(raw);
      let out = "";
      for (let i = 0; i < length; ++i) {
        out += `${raw[i]}`;
        if (i + 1 < length && i < values.length) out += `${values[i]}`;
      }
      return out;
    },
  });
  // What a replacer gives is looked at before its members are.
  const checked = (replacer) => function (key, value) {
    if (typeof replacer === "function") value = apply(replacer, this, [key, value]);
    charge(typeof value === "object" && isArray(value) ? bounded(value) : 8 + size(value));
    return value;
  };
  replace(JSON, {
    __proto__: null,
    stringify(value, replacer, space) {
      if (typeof replacer === "function" || !isArray(replacer)) {
        return stringify(value, checked(replacer), space);
      }
      bounded(replacer);
      const text = stringify(value, checked());
      return text === undefined ? text : stringify(parse(text), replacer, space);
    },
    parse(text, reviver) {
      text = `${text}`;
      charge(text.length * 16);
      return parse(text, reviver);
    },
  });
}
