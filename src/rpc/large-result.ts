import {
  isObject,
  type JsonObject,
  type JsonValue,
  type Message,
  type RequestId,
  type ResponseMessage,
} from './message.ts';
import { decodeUtf8 } from './utf8.ts';

/** From this many bytes on, a message is large: to copy it, or to write it anew, takes milliseconds. */
export const LARGE = 64 * 1024;

const CARRIAGE_RETURN = 0x0d;
const LINE_BREAK = 0x0a;
const END = Buffer.from('}\n');

/** What stands before a result and behind it, in the orders in which servers write a response. */
const ID = String.raw`"id"[ \t]*:[ \t]*(0|[1-9]\d{0,14}|"[ !#-[\]-~]{1,200}")`;
const VERSION = String.raw`"jsonrpc"[ \t]*:[ \t]*"2\.0"`;
const COMMA = String.raw`[ \t]*,[ \t]*`;
const BOTH = `(?:${VERSION}${COMMA}${ID}|${ID}${COMMA}${VERSION})`;
const RESULT = String.raw`"result"[ \t]*:`;
const BEFORE = new RegExp(String.raw`^\{[ \t]*(?:${BOTH}${COMMA})?${RESULT}`);
const BEHIND = new RegExp(String.raw`${COMMA}${BOTH}[ \t]*\}$`);
const CLOSE = /\}$/;
/** What stands around a result is shorter than this. */
const FRAME = 512;

/** How deep a result may be: deeper ones are left to whoever finds out whether they can be written anew. */
const DEEPEST = 500;

type ResultMessage = Extract<Message | ResponseMessage, { result: JsonObject }>;

/**
 * The JSON of large results, as it was read or has been written. Nothing here changes a result in its place: what
 * answers with another one makes a new object.
 */
const sources = new WeakMap<JsonObject, Buffer>();

/**
 * A response whose result is large, from its line; {@link lineOf} then passes the result on as it came, the digits of
 * its numbers and repeated members included. Undefined for all others, also for those that are written in an unusual way.
 */
export function readLargeResult(bytes: Buffer): ResponseMessage | undefined {
  if (bytes.length < LARGE) return undefined;
  const line = bytes.at(-1) === CARRIAGE_RETURN ? bytes.subarray(0, -1) : bytes;
  const before = BEFORE.exec(line.toString('latin1', 0, FRAME));
  const idBefore = before?.[1] ?? before?.[2];
  const behind = (idBefore === undefined ? BEHIND : CLOSE).exec(
    line.toString('latin1', line.length - FRAME),
  );
  const id = idBefore ?? behind?.[1] ?? behind?.[2];
  if (!before || !behind || id === undefined) return undefined;
  const source = line.subarray(before[0].length, line.length - behind[0].length);
  const result = parseResult(source);
  if (result === undefined) return undefined;
  sources.set(result, source);
  return { jsonrpc: '2.0', id: JSON.parse(id) as RequestId, result };
}

/** Parsed by itself, the result proves that it is one value: nothing in it can pass for another `id`. */
function parseResult(source: Buffer): JsonObject | undefined {
  // Some readers take a carriage return for the end of a line: theirs would be cut in two.
  if (source.includes(CARRIAGE_RETURN)) return undefined;
  const { text, isWhole } = decodeUtf8(source);
  try {
    const value: unknown = JSON.parse(text);
    return isWhole && isObject(value) && isWithin(value, DEEPEST) ? value : undefined;
  } catch {
    // Whoever reads the whole line says what is wrong with it.
    return undefined;
  }
}

/** Whether a value has no more than so many levels. */
function isWithin(value: JsonValue | undefined, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  return Object.values(value).every((inner) => isWithin(inner, levels - 1));
}

/** The line of a message, with its line break, if that is large; else its JSON alone. */
export function lineOf(message: Message | ResponseMessage): Buffer | string {
  if ('result' in message) {
    const source = sources.get(message.result);
    if (source !== undefined) return Buffer.concat([Buffer.from(startOf(message)), source, END]);
  }
  const text = JSON.stringify(message);
  if (text.length < LARGE) return text;
  const line = encode(text);
  if ('result' in message) keepSource(message, text, line);
  return line;
}

/** For whoever answers with the same result again. */
function keepSource(message: ResultMessage, text: string, line: Buffer): void {
  const start = startOf(message);
  if (!text.startsWith(start)) return;
  sources.set(message.result, line.subarray(Buffer.byteLength(start), line.length - END.length));
}

/** What stands before the result. */
function startOf(message: ResultMessage): string {
  return `${JSON.stringify({ ...message, result: undefined }).slice(0, -1)},"result":`;
}

function encode(text: string): Buffer {
  const size = Buffer.byteLength(text);
  const line = Buffer.allocUnsafe(size + 1);
  // One byte for each character: then it is ASCII, which is copied in a tenth of the time.
  line.write(text, size === text.length ? 'latin1' : 'utf8');
  line[size] = LINE_BREAK;
  return line;
}
