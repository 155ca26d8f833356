/** What tools, prompts and resources of the conformance backend return. */

/** A PNG of one red pixel, base64. */
export const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mP4z8AAAAMBAQD3A0FDAAAAAElFTkSuQmCC';

/** A WAV of four silent samples, base64. */
const WAV = 'UklGRigAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQQAAACAgICA';

/** Content of type text. */
export const text = (value) => ({ type: 'text', text: value });

/** Content of type image. */
export const image = () => ({ type: 'image', data: PNG, mimeType: 'image/png' });

/** Content of type audio. */
export const audio = () => ({ type: 'audio', data: WAV, mimeType: 'audio/wav' });

/** An embedded resource with text. */
export const embedded = (uri, mimeType, value) => ({
  type: 'resource',
  resource: { uri, mimeType, text: value },
});
