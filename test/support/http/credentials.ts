import type { Handler, Received } from './scripted-server.ts';

/** A token that can be renewed, and who asked for that with which headers. */
export function credentials(first = 1) {
  let token = first;
  const asked: Record<string, string>[] = [];
  return {
    asked,
    headers: async () => ({ Authorization: `Bearer ${token}`, 'X-Team': 'core' }),
    onUnauthorized: async (sent: Record<string, string>) => {
      asked.push(sent);
      if (sent['Authorization'] === `Bearer ${token}`) token += 1;
      return true;
    },
  };
}

/** Answers 401. */
export const refuse = (response: Parameters<Handler>[1]) =>
  void response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();

/** Lets in whoever has this token. */
export const wanting =
  (token: number, handle: Handler): Handler =>
  (received, response) => {
    if (received.headers.authorization === `Bearer ${token}`) handle(received, response);
    else refuse(response);
  };

/** What must be the same when a request is sent once more. */
export function sameness({ method, path, body, headers }: Received) {
  const { authorization: _, connection: __, ...rest } = headers;
  return { method, path, body, headers: rest };
}

/** The Authorization headers. */
export const tokens = (received: readonly Received[]) =>
  received.map(({ headers }) => headers.authorization);

/** Resolves when it is let go, with what it is let go with. */
export function gate<T>() {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
