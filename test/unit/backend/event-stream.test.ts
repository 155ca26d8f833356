import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { readEvents, type ServerEvent } from '../../../src/backend/event-stream.ts';

interface Read {
  events: ServerEvent[];
  retries: number[];
  chunks: number;
}

async function read(chunks: Buffer[], limit?: number): Promise<Read> {
  const seen: Read = { events: [], retries: [], chunks: 0 };
  await readEvents(
    Readable.from(chunks, { objectMode: true }),
    {
      onEvent: ({ data, event, id }) => {
        seen.events.push({ data, ...(event && { event }), ...(id !== undefined && { id }) });
      },
      onRetry: (milliseconds) => seen.retries.push(milliseconds),
      onBytes: () => {
        seen.chunks += 1;
      },
    },
    limit,
  );
  return seen;
}

const TEXT = [
  '\uFEFFid: 1\nretry: 250\ndata: \n\n',
  ': a comment\n',
  'event: message\nid: ü-2\ndata: {"text":"Grüße, 世界 🌍"}\n\n',
  'data: one\ndata: two\n\n',
  'unknown: field\r\ndata: crlf\r\n\r\n',
  'data: not complete',
].join('');

const EVENTS: ServerEvent[] = [
  { id: '1', data: '' },
  { event: 'message', id: 'ü-2', data: '{"text":"Grüße, 世界 🌍"}' },
  { data: 'one\ntwo' },
  { data: 'crlf' },
];

describe('readEvents', () => {
  const bytes = Buffer.from(TEXT);

  test('reads a stream in one piece, and drops an event that is not complete', async () => {
    const { events, retries } = await read([bytes]);
    expect(events).toEqual(EVENTS);
    expect(retries).toEqual([250]);
  });

  test('reads the same whichever byte the chunks are cut at', async () => {
    for (let cut = 1; cut < bytes.length; cut++) {
      const { events } = await read([bytes.subarray(0, cut), bytes.subarray(cut)]);
      expect(events, `cut at byte ${cut}`).toEqual(EVENTS);
    }
  });

  test('reads the same byte by byte, and reports each arrival', async () => {
    const { events, chunks } = await read([...bytes].map((byte) => Buffer.from([byte])));
    expect(events).toEqual(EVENTS);
    expect(chunks).toBe(bytes.length);
  });

  test('takes an event of the limit, and refuses one of a byte more', async () => {
    const event = (size: number) => Buffer.from(`data: ${'x'.repeat(size)}\n\n`);
    const { events } = await read([event(1000), event(1000)], 1000);
    expect(events).toHaveLength(2);
    await expect(read([event(1001)], 1000)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  });

  test('counts bytes, not characters', async () => {
    const event = Buffer.from(`data: ${'世'.repeat(400)}\n\n`);
    await expect(read([event], 1000)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  });

  test('refuses an event without end before it is in memory', async () => {
    let produced = 0;
    const endless = new Readable({
      read() {
        produced += 1;
        this.push(Buffer.from('data: more\n'));
      },
    });
    const reading = readEvents(endless, { onEvent: () => {} }, 10_000);
    await expect(reading).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    expect(endless.destroyed).toBe(true);
    expect(produced).toBeLessThan(20_000);
  });

  test('ends with what a handler throws, and destroys the stream', async () => {
    const body = Readable.from([Buffer.from('data: x\n\n'), Buffer.from('data: y\n\n')]);
    const fault = new Error('handler');
    let calls = 0;
    const reading = readEvents(body, {
      onEvent: () => {
        calls += 1;
        throw fault;
      },
    });
    await expect(reading).rejects.toBe(fault);
    expect(calls).toBe(1);
    expect(body.destroyed).toBe(true);
  });

  test('rejects when the stream failed or was destroyed, also before anybody listened', async () => {
    const failed = new Readable({ read() {} });
    failed.on('error', () => {});
    failed.destroy(new Error('cut'));
    await expect(readEvents(failed, { onEvent: () => {} })).rejects.toThrow('cut');
    const open = new Readable({ read() {} });
    const reading = readEvents(open, { onEvent: () => {} });
    open.destroy();
    await expect(reading).rejects.toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' });
  });
});
