/**
 * For `node --require`: notes what a process loads. At its end, `$LOAD_HOOK.json` is { loaded, kept }: the
 * files of the program and the modules of Node.js, and those files that V8 had been given in compiled form.
 * What was loaded at the first output to stdout is in `$LOAD_HOOK.first.json`.
 */
const { writeFileSync } = require('node:fs');
const Module = require('node:module');
const vm = require('node:vm');

const loaded = new Set();
const kept = new Set();

const { _load, _resolveFilename } = Module;
Module._load = function (name, parent, ...rest) {
  loaded.add(_resolveFilename(name, parent));
  return _load.call(this, name, parent, ...rest);
};

vm.Script = class extends vm.Script {
  constructor(source, options) {
    super(source, options);
    loaded.add(options.filename);
    if (this.cachedDataRejected === false) kept.add(options.filename);
  }
};

const write = (name) => {
  const found = { loaded: [...loaded], kept: [...kept] };
  writeFileSync(`${process.env.LOAD_HOOK}${name}.json`, JSON.stringify(found));
};
process.on('exit', () => write(''));

if (process.env.LOAD_HOOK_FIRST) {
  const { write: writeOut } = process.stdout;
  process.stdout.write = (...output) => {
    process.stdout.write = writeOut;
    write('.first');
    return writeOut.apply(process.stdout, output);
  };
}
