/** A JSON value as an event of a stream, with an id where the stream can be resumed from there. */
export const event = (value: object, id?: string) =>
  `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(value)}\n\n`;

/** A notification with a number. */
export const note = (n: number) => {
  return { jsonrpc: '2.0', method: 'notifications/message', params: { n } };
};
