import type { StrategiesDeps } from '../../src/auth/strategies.ts';
import { memoryLog } from './memory-log.ts';

/** The master neither has a token nor can log in, and the environment is empty. */
export function noMaster(): StrategiesDeps {
  return {
    ...{ masterToken: '', masterOauth: undefined, lookup: () => undefined },
    ...{ hasSecret: () => false, secret: () => undefined, log: memoryLog().log },
  };
}
