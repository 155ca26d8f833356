#!/usr/bin/env node
'use strict';

// The version is told without loading the program: as CommonJS this starts in no time.
if (process.argv.length === 3 && process.argv[2] === '--version') {
  process.stdout.write(`${require('../package.json').version}\n`);
} else {
  require('../dist/main.cjs');
}
