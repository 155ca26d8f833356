// Asks for the URL in argv[2] with our HTTP client, in a process with an environment of its own,
// and prints the status, or the code of the error. argv[3] is where the client was bundled to,
// argv[4] the method.
const { createHttpClient } = await import(process.argv[3]);
const log = { debug: () => {} };
const client = createHttpClient({ env: process.env, log });
const headers = { Authorization: 'Bearer the-token', Cookie: 'a=b', 'X-API-Key': 'the-key' };
try {
  const url = new URL(process.argv[2]);
  const { status, body } = await client.request({ url, method: process.argv[4], headers });
  body.resume();
  console.log(status);
} catch (error) {
  console.log(error.code);
}
client.close();
