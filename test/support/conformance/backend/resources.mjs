/** The resources of the conformance backend. */
import { PNG } from './content.mjs';

const TEMPLATE = /^test:\/\/template\/([^/]+)\/data$/;

const CONTENTS = {
  'test://static-text': { mimeType: 'text/plain', text: 'A text that never changes.' },
  'test://static-binary': { mimeType: 'image/png', blob: PNG },
  'test://watched-resource': { mimeType: 'text/plain', text: 'A text to subscribe to.' },
};

/** The members of `resources/list`. */
export const resources = [
  {
    uri: 'test://static-text',
    name: 'static-text',
    description: 'Text',
    mimeType: 'text/plain',
  },
  {
    uri: 'test://static-binary',
    name: 'static-binary',
    description: 'An image',
    mimeType: 'image/png',
  },
  {
    uri: 'test://watched-resource',
    name: 'watched-resource',
    description: 'A resource that can be subscribed to',
    mimeType: 'text/plain',
  },
];

/** The members of `resources/templates/list`. */
export const resourceTemplates = [
  {
    uriTemplate: 'test://template/{id}/data',
    name: 'template',
    description: 'Data of an id',
    mimeType: 'application/json',
  },
];

/** The content of a resource, undefined where there is none of this URI. */
export function readResource(uri) {
  if (Object.hasOwn(CONTENTS, uri)) return { uri, ...CONTENTS[uri] };
  const [, id] = TEMPLATE.exec(uri) ?? [];
  if (id === undefined) return undefined;
  const data = { id, templateTest: true, data: `Data for ID: ${id}` };
  return { uri, mimeType: 'application/json', text: JSON.stringify(data) };
}
