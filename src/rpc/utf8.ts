import { isAscii, isUtf8 } from 'node:buffer';

/** A text, and whether its bytes were UTF-8: what is not has been replaced, so that it reads well and says something else. */
export interface DecodedText {
  text: string;
  isWhole: boolean;
}

/** The text that bytes are in UTF-8. Never throws. */
export function decodeUtf8(bytes: Buffer): DecodedText {
  // Most messages are ASCII, and a large one is decoded in a third of the time as such.
  const ascii = isAscii(bytes);
  return { text: bytes.toString(ascii ? 'latin1' : 'utf8'), isWhole: ascii || isUtf8(bytes) };
}
