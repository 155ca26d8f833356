/** The prompts of the conformance backend, and the completion of their arguments. */
import { embedded, image, text } from './content.mjs';

const fromUser = (...contents) => contents.map((content) => ({ role: 'user', content }));

const required = (name, description) => ({ name, description, required: true });

/** Each with its member of `prompts/list` and its messages for given arguments. */
export const prompts = [
  {
    definition: { name: 'test_simple_prompt', description: 'A prompt without arguments' },
    messages: () => fromUser(text('This is a simple prompt for testing.')),
  },
  {
    definition: {
      name: 'test_prompt_with_arguments',
      description: 'A prompt that shows its arguments',
      arguments: [required('arg1', 'The first argument'), required('arg2', 'The second argument')],
    },
    messages: ({ arg1, arg2 }) =>
      fromUser(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  },
  {
    definition: {
      name: 'test_prompt_with_embedded_resource',
      description: 'A prompt with a resource in it',
      arguments: [required('resourceUri', 'The URI of the resource')],
    },
    messages: ({ resourceUri }) =>
      fromUser(
        embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
        text('Please process the embedded resource above.'),
      ),
  },
  {
    definition: { name: 'test_prompt_with_image', description: 'A prompt with an image in it' },
    messages: () => fromUser(image(), text('Please analyze the image above.')),
  },
];

const KNOWN_WORDS = ['paris', 'park', 'party', 'test', 'testing'];

/** Values that begin as the argument does; none for what takes no arguments. */
export function completions(ref, { value }) {
  const prompt = prompts.find(({ definition }) => definition.name === ref.name);
  const completable = ref.type === 'ref/resource' || prompt?.definition.arguments !== undefined;
  return completable ? KNOWN_WORDS.filter((word) => word.startsWith(value)) : [];
}
