#!/usr/bin/env node
/**
 * A bare MCP server without any SDK that records every message whole and behaves by a script, for
 * comparing what goes in on one side of the proxy with what comes out on the other.
 *
 *   node recording-backend.mjs stdio [--script FILE] [--record FILE]
 *   node recording-backend.mjs http  [--port 0] [--token T] [--sse-answers] [--no-stream]   /mcp
 *   node recording-backend.mjs sse   [--port 0] [--token T]                                 /sse
 *
 * http and sse print their URL as the first line of stdout and end on SIGTERM, or when stdin ends if
 * `--with-stdin` is given; stdio ends with stdin. `http` answers a request as JSON, or as an event
 * stream with `--sse-answers` or when something else has to be sent before the answer; with
 * `--no-stream` its GET is refused (405). `--token T` demands `Authorization: Bearer T`.
 *
 * The record (JSON lines; `{pid}` in the name of its file is filled in; `t` = ms since start,
 * `session` with http and sse):
 *   {"t","dir":"in","message","session","headers"}   {"t","dir":"out","message","session"}
 *   {"t","dir":"in","raw"}                           a line or body that was not JSON
 *   {"t","event":"start","pid","cwd","env"}   {"t","event":"end","reason"}
 *   {"t","event":"http","method","url","headers"}   every HTTP request, as it arrives
 *   {"t","event":"refused","method","url","status"}  and its refusal
 *   {"t","event":"cancelled","id"}   a running request was cancelled; it is never answered
 *   {"t","event":"replied","id","reply"}   the client's answer to a request of a step
 *
 * The script (JSON; all keys optional):
 *   initialize  members laid over the answer to `initialize` (capabilities, instructions, _meta, …)
 *   tools       the tools of tools/list, passed on as they are; default: one `echo`
 *   lists       { list method: [ items ] }  any other list, such as resources/list or tasks/list
 *   pageSize    items in a page of each list; default: all in one
 *   calls       { tool name: SCENE }      how tools/call of that tool goes; "arguments" in the place
 *                                         of a scene: the call's own arguments are the scene
 *   methods     { method: SCENE }         how any other request goes (also initialize, tools/list)
 *   after       [ STEP ]                  played once notifications/initialized has arrived
 *   delays      { method: [ MS ] }        http, sse: how long the first, second, … message of a method
 *                                         is on its way; those sent after it may overtake it
 * SCENE, or a list of scenes for the first, second, … time (the last one repeats):
 *   steps       [ STEP ]  played before the answer
 *   result | error        the answer, verbatim. Without either a call answers with its `message`
 *                         argument as text or, when its steps sent requests, with structuredContent
 *                         { arguments, replies: [ { result } | { error } ] }
 *   never       true: no answer ever
 *   afterwards  [ STEP ]  played after the answer
 * STEP, one of:
 *   { "wait": MS }                     { "progress": { "progress": 1, … } }  only with a progressToken
 *   { "notify": { "method", "params" } }           { "request": { "method", "params" } }  awaited
 *   { "request": { …, "cancel": { "after": MS, "params": { … } } } }  withdrawn if not answered by then
 *   { "together": [ STEP ] }  at the same time
 *   { "setList": { "method", "items" } } and, for tools/list, { "setTools": [ … ] }  from now on (add a
 *                     notify of notifications/…/list_changed)
 *   { "raw": "text" }  stdio: a line as it is      { "exit": CODE }
 */
import { readFileSync } from 'node:fs';
import { option } from './lines.js';
import { serveHttp } from './recording/http.mjs';
import { createRecorder } from './recording/recorder.mjs';
import { serveSse } from './recording/sse.mjs';
import { serveStdio } from './recording/stdio.mjs';

const [mode, ...argv] = process.argv.slice(2);
const scriptFile = option(argv, 'script');
const script = scriptFile ? JSON.parse(readFileSync(scriptFile, 'utf8')) : {};
const recordFile = option(argv, 'record');
const recorder = createRecorder(recordFile?.replace('{pid}', process.pid));

const modes = { stdio: serveStdio, http: serveHttp, sse: serveSse };
const serve = modes[mode];
if (serve === undefined) {
  process.stderr.write(`recording-backend: the mode is one of ${Object.keys(modes).join(', ')}\n`);
  process.exit(2);
}

recorder.event('start', { pid: process.pid, cwd: process.cwd(), env: process.env });
const end = (reason) => {
  recorder.event('end', { reason });
  process.exit(0);
};
process.on('SIGTERM', () => end('SIGTERM'));
serve({
  script,
  recorder,
  end,
  port: Number(option(argv, 'port', 0)),
  token: option(argv, 'token'),
  sseAnswers: option(argv, 'sse-answers', false),
  stream: !option(argv, 'no-stream', false),
});
if (mode !== 'stdio' && option(argv, 'with-stdin')) {
  process.stdin.resume().on('end', () => end('stdin ended'));
}
