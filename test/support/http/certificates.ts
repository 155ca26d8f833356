import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A private certificate authority, and a certificate of it for `backend.test` and 127.0.0.1. */
export interface Certificates {
  /** The file with the certificate of the authority, for `NODE_EXTRA_CA_CERTS`. */
  authorityFile: string;
  key: string;
  cert: string;
}

/** Makes both with openssl, in a folder that goes with the test. `days` -1: expired. */
export function makeCertificates(names = 'DNS:backend.test,IP:127.0.0.1', days = 2): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-master-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const openssl = (command: string) =>
    execFileSync('openssl', command.split(' '), { cwd: folder, stdio: 'pipe' });
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  openssl(`req -x509 ${key} -keyout ca.key -out ca.pem -days 2 -subj /CN=Test`);
  openssl(`req ${key} -keyout server.key -out server.csr -subj /CN=server`);
  writeFileSync(join(folder, 'names'), `subjectAltName=${names}`);
  openssl(
    `x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days ${days} -extfile names -out server.pem`,
  );
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  return {
    authorityFile: join(folder, 'ca.pem'),
    key: read('server.key'),
    cert: read('server.pem'),
  };
}
