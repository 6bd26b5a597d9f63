// What stands between the engine and @huggingface/jinja: it keeps parsed
// templates, and gives them the functions that Python's libraries give them.
// The library's own strftime_now is not used, because it knows seven
// directives and needs Intl, which the engine has not.
(function (jinja, strftime) {
  "use strict";
  var keep = 8;
  var limit = 100000;
  var parsed = new Map();

  function template(source) {
    var t = parsed.get(source);
    if (t === undefined) {
      t = new jinja.Template(source);
      if (parsed.size >= keep) {
        parsed.delete(parsed.keys().next().value);
      }
    } else {
      parsed.delete(source);
    }
    parsed.set(source, t);
    return t;
  }

  function raise(message) {
    var e = new Error(String(message));
    e.raised = true;
    throw e;
  }

  // range as Python's, but of a bounded size: it makes an array.
  function range(start, stop, step) {
    if (stop === undefined) {
      stop = start;
      start = 0;
    }
    if (step === undefined) {
      step = 1;
    }
    if (step === 0) {
      throw new Error("range() step must not be zero");
    }
    if ((stop - start) / step > limit) {
      throw new Error("range() is too long");
    }
    var result = [];
    for (var i = start; step > 0 ? i < stop : i > stop; i += step) {
      result.push(i);
    }
    return result;
  }

  // Template.render is not used: it sets functions that cannot be set again.
  return function (source, variables) {
    var env = new jinja.Environment();
    env.set("false", false);
    env.set("False", false);
    env.set("true", true);
    env.set("True", true);
    env.set("none", null);
    env.set("None", null);
    env.set("range", range);
    env.set("raise_exception", raise);
    env.set("strftime_now", strftime);
    var items = JSON.parse(variables);
    for (var key in items) {
      env.set(key, items[key]);
    }
    return new jinja.Interpreter(env).run(template(source).parsed).value;
  };
})
