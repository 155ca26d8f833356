import { hash, randomInt } from 'node:crypto';
import { DamagedItem } from './failure.ts';
import type { Items } from './items.ts';

/**
 * Values of any size over items of a limited one. A value that fits is an item; a longer one is cut
 * into parts, which lie in one of a few slots, and the item under the account itself, the head, says
 * which slot. A writer fills another slot, switches the head, and empties the old slot: whoever
 * reads meanwhile gets the old or the new value. The slots are few so that a delete can empty all of
 * them, also those that a killed writer has left behind.
 */
export interface ValueStore {
  items: Items;
  /** Bytes that an item can hold; undefined = any number. */
  limit: number | undefined;
  /** Waits a little, for another process to go on. */
  pause(): Promise<void>;
}

/** What the item of a value in parts says, after {@link MARK}. */
interface Head {
  slot: number;
  count: number;
  /** Of the whole value: tells parts of two writers from each other. */
  sha256: string;
}

/** A short value that happens to begin like this is cut into parts as well. */
const MARK = 'mcp-master:parts:1:';

const SLOTS = 16;
const MAX_PARTS = 10_000;

/** How often a value is looked at that another process keeps changing. */
const READ_TRIES = 20;

/** How often a value is written whose parts another writer has touched. */
const WRITE_TRIES = 10;

/** The value of an account; undefined when there is none. Throws {@link DamagedItem}. */
export async function readValue(store: ValueStore, account: string): Promise<string | undefined> {
  for (let tries = 1; ; tries++) {
    const bytes = await store.items.get(account);
    if (bytes === undefined) return undefined;
    const head = parseHead(bytes);
    const whole = head === undefined ? bytes : await join(store.items, account, head);
    if (whole !== undefined) return decode(whole);
    if (tries === READ_TRIES) throw new DamagedItem('parts of it are missing or wrong');
    await store.pause();
  }
}

/**
 * Replaces the value as a whole, and makes sure that the keychain has kept it. Two writers at the
 * same time don't mix their values: the one whose parts the other has touched writes once more.
 */
export async function writeValue(store: ValueStore, account: string, value: string): Promise<void> {
  const bytes = Buffer.from(value);
  for (let tries = 0; tries < WRITE_TRIES; tries++) {
    if (await writeOnce(store, account, bytes)) return;
    await store.pause();
  }
  throw new Error('the keychain took a value without keeping it');
}

/** Resolves with whether the value, or that of a later writer, is there and whole. */
async function writeOnce(store: ValueStore, account: string, bytes: Buffer): Promise<boolean> {
  const { items, limit = Number.POSITIVE_INFINITY } = store;
  const before = await items.get(account);
  const old = before && headOrNone(before);
  const fits = bytes.length <= limit && !isMarked(bytes);
  const head = fits ? undefined : await fillSlot(items, account, bytes, limit, old?.slot);
  const isWhole = async () =>
    head === undefined || (await join(items, account, head)) !== undefined;
  const giveUp = async () => {
    // Another writer's parts may now lie before ours, which then would not be found any more.
    if (head !== undefined) await removeParts(items, account, head.slot, head.count);
    return false;
  };
  if (!(await isWhole())) return giveUp();
  const item = head === undefined ? bytes : Buffer.from(MARK + JSON.stringify(head));
  await items.set(account, item);
  const after = await items.get(account);
  if (after === undefined) return giveUp();
  const lost = item.equals(after) ? !(await isWhole()) : sameBytes(before, after);
  if (lost) return giveUp();
  if (old !== undefined && headOrNone(after)?.slot !== old.slot) {
    await emptySlot(items, account, old.slot);
  }
  return true;
}

/** Whether there was one. */
export async function deleteValue({ items, limit }: ValueStore, account: string): Promise<boolean> {
  const bytes = await items.get(account);
  const inParts = limit !== undefined || (bytes !== undefined && isMarked(bytes));
  // The head first: a reader then finds nothing, not a value with a hole.
  const deleted = await items.remove(account);
  for (let slot = 0; inParts && slot < SLOTS; slot++) await emptySlot(items, account, slot);
  return deleted;
}

/** Writes the parts into a slot that is not in use, and gives the head that points to them. */
async function fillSlot(
  items: Items,
  account: string,
  bytes: Buffer,
  limit: number,
  used: number | undefined,
): Promise<Head> {
  const size = Math.min(limit, bytes.length);
  const count = Math.ceil(bytes.length / size);
  if (count > MAX_PARTS) throw new Error(`a value of ${bytes.length} bytes is too large`);
  const slot = await freeSlot(items, account, used);
  for (let index = 0; index < count; index++) {
    const part = bytes.subarray(index * size, (index + 1) * size);
    await items.set(partAccount(account, slot, index), part);
  }
  return { slot, count, sha256: sha256(bytes) };
}

/** At random, so that two writers at the same time hardly meet; empty, if there is such a one. */
async function freeSlot(items: Items, account: string, used: number | undefined): Promise<number> {
  const first = randomInt(SLOTS);
  const slots = Array.from({ length: SLOTS }, (_, index) => (first + index) % SLOTS).filter(
    (slot) => slot !== used,
  );
  for (const slot of slots) {
    if ((await items.get(partAccount(account, slot, 0))) === undefined) return slot;
  }
  return slots[0] ?? 0;
}

async function emptySlot(items: Items, account: string, slot: number): Promise<void> {
  let count = 0;
  while ((await items.get(partAccount(account, slot, count))) !== undefined && count < MAX_PARTS) {
    count += 1;
  }
  await removeParts(items, account, slot, count);
}

/** From the last part to the first, so that those left by a writer killed here are found again. */
async function removeParts(
  items: Items,
  account: string,
  slot: number,
  count: number,
): Promise<void> {
  for (let index = count - 1; index >= 0; index--) {
    await items.remove(partAccount(account, slot, index));
  }
}

/** Undefined when a part is missing or another writer's. */
async function join(items: Items, account: string, head: Head): Promise<Buffer | undefined> {
  const parts: Uint8Array[] = [];
  for (let index = 0; index < head.count; index++) {
    const part = await items.get(partAccount(account, head.slot, index));
    if (part === undefined) return undefined;
    parts.push(part);
  }
  const whole = Buffer.concat(parts);
  return sha256(whole) === head.sha256 ? whole : undefined;
}

function partAccount(account: string, slot: number, index: number): string {
  return `${account}#${slot}.${index}`;
}

function isMarked(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, MARK.length)).toString('latin1') === MARK;
}

/** Undefined when the item is a value itself. */
function parseHead(bytes: Uint8Array): Head | undefined {
  if (!isMarked(bytes)) return undefined;
  const head = headOrNone(bytes);
  if (head === undefined) throw new DamagedItem('what it says of its parts is not understood');
  return head;
}

/** As {@link parseHead}, for a writer, who does not care for what it replaces. */
function headOrNone(bytes: Uint8Array): Head | undefined {
  if (!isMarked(bytes)) return undefined;
  try {
    const head = JSON.parse(Buffer.from(bytes.subarray(MARK.length)).toString()) as Partial<Head>;
    const { slot = -1, count = 0, sha256 } = head;
    const valid = isBetween(slot, 0, SLOTS - 1) && isBetween(count, 1, MAX_PARTS);
    return valid && typeof sha256 === 'string' ? { slot, count, sha256 } : undefined;
  } catch {
    return undefined;
  }
}

function isBetween(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new DamagedItem('it is not UTF-8 text');
  }
}

function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes);
}

function sameBytes(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one !== undefined && Buffer.from(one).equals(other);
}
