#!/usr/bin/env node
/**
 * The floor of any Node.js stdio proxy: forwards bytes to one child and back, and reads none.
 *   node pipe.mjs COMMAND ARGS…
 */
import { spawn } from 'node:child_process';

const [command = '', ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
process.stdin.pipe(child.stdin);
child.stdout.pipe(process.stdout);
child.on('exit', (code) => process.exit(code ?? 1));
