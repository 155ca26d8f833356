import { describe, expect, it } from 'vitest';
import { ChallengeRecords } from '../../../../src/oauth/store/challenge-records.ts';
import { memoryFiles } from '../../../support/memory-stores.ts';

const WIDER = { error: 'insufficient_scope', scopes: ['write'] };
const PLAIN = { error: 'invalid_token' };

/** Records over files that take longer to be written than to be removed, as on a disk. */
function slowly() {
  const files = memoryFiles();
  const { write } = files;
  const written: string[] = [];
  const warnings: string[] = [];
  let failure: Error | undefined;
  files.write = async (...args) => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (failure !== undefined) throw failure;
    written.push(args[2]);
    await write(...args);
  };
  const open = () => new ChallengeRecords(files, (message) => void warnings.push(message));
  const fail = (error: Error | undefined) => {
    failure = error;
  };
  return { files, written, warnings, fail, open, records: open() };
}

describe('ChallengeRecords', () => {
  it('forgets a demand that is met while it is being written', async () => {
    const { records, files, open } = slowly();
    records.note('x', PLAIN);
    records.clearMet('x');
    expect(records.has('x')).toBe(false);
    expect(records.get('x')).toBeUndefined();
    await records.flush();
    expect(open().has('x')).toBe(false);
    expect([...files.texts.keys()]).toEqual([]);
  });

  it('forgets a demand for a new login while it is being written', async () => {
    const { records, open } = slowly();
    records.note('x', WIDER);
    await records.clear('x', ['read']);
    expect(records.has('x')).toBe(false);
    await records.flush();
    expect(open().has('x')).toBe(false);
  });

  it('keeps a demand that comes after the one before was met', async () => {
    const { records, open } = slowly();
    records.note('x', PLAIN);
    records.clearMet('x');
    records.note('x', PLAIN);
    expect(records.get('x')).toEqual(PLAIN);
    await records.flush();
    expect(open().get('x')).toEqual(PLAIN);
    records.clearMet('x');
    records.note('x', WIDER);
    records.clearMet('x');
    await records.flush();
    expect(open().get('x')).toEqual(WIDER);
  });

  it('counts the logins for one demand that come at once, one after the other', async () => {
    const { records } = slowly();
    for (const _again of [1, 2, 3]) {
      records.note('x', WIDER);
      await records.clear('x', ['read']);
    }
    records.note('x', WIDER);
    expect(records.inVain('x', ['read'])).toBe('refused');
    await records.flush();
  });

  it('writes no more than the last of the demands that wait for the disk', async () => {
    const { records, written, open } = slowly();
    for (let at = 0; at < 100; at++) records.note('x', { ...PLAIN, errorDescription: `no. ${at}` });
    await records.flush();
    expect(written).toHaveLength(2);
    expect(open().get('x')).toEqual({ ...PLAIN, errorDescription: 'no. 99' });
  });

  it('does not let one server wait for the other', async () => {
    const { records, files } = slowly();
    records.note('x', PLAIN);
    files.texts.set('challenges/y', JSON.stringify({ version: 1, challenge: PLAIN }));
    records.clearMet('y');
    expect(files.texts.has('challenges/y')).toBe(false);
    await records.flush();
    expect(files.texts.has('challenges/x')).toBe(true);
  });

  it('goes on after a write that failed, and tells of it', async () => {
    const { records, fail, warnings, open } = slowly();
    fail(new Error('the disk is full'));
    records.note('x', PLAIN);
    await records.flush();
    expect(warnings).toEqual([expect.stringContaining('the disk is full')]);
    expect(records.has('x')).toBe(false);
    fail(undefined);
    records.note('x', PLAIN);
    await records.flush();
    expect(open().get('x')).toEqual(PLAIN);
  });

  it('tells the login when the demand before it can not be forgotten', async () => {
    const { records, files } = slowly();
    records.note('x', PLAIN);
    files.remove = async () => {
      throw new Error('read-only');
    };
    await expect(records.clear('x', ['read'])).rejects.toThrow('read-only');
    expect(records.get('x')).toEqual(PLAIN);
  });
});
