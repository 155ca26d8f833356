/** The tools of the conformance backend that ask the client: sampling and elicitation. */
import { CreateMessageResultSchema, ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { text } from './content.mjs';

/** `[const, title]` as a titled choice of SEP-1330. */
const choices = (...pairs) => pairs.map(([value, title]) => ({ const: value, title }));

const OPTIONS = ['option1', 'option2', 'option3'];

/** SEP-1034: a default for each primitive type. */
const DEFAULTS = {
  type: 'object',
  properties: {
    name: { type: 'string', description: 'Name', default: 'John Doe' },
    age: { type: 'integer', description: 'Age', default: 30 },
    score: { type: 'number', description: 'Score', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', description: 'Verified', default: true },
  },
};

/** SEP-1330: every form of a choice. */
const ENUMS = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: OPTIONS },
    titledSingle: {
      type: 'string',
      oneOf: choices(['value1', 'First'], ['value2', 'Second'], ['value3', 'Third']),
    },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['One', 'Two', 'Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: OPTIONS } },
    titledMulti: {
      type: 'array',
      items: { anyOf: choices(['value1', 'First'], ['value2', 'Second'], ['value3', 'Third']) },
    },
  },
};

const PERSON = {
  type: 'object',
  properties: {
    username: { type: 'string', description: "User's response" },
    email: { type: 'string', description: "User's email address" },
  },
  required: ['username', 'email'],
};

async function sample({ prompt }, { sendRequest }) {
  const messages = [{ role: 'user', content: text(prompt) }];
  const params = { messages, maxTokens: 100 };
  const request = { method: 'sampling/createMessage', params };
  const { content } = await sendRequest(request, CreateMessageResultSchema);
  return [text(`LLM response: ${content.type === 'text' ? content.text : content.type}`)];
}

async function elicit(message, requestedSchema, { sendRequest }) {
  const request = { method: 'elicitation/create', params: { message, requestedSchema } };
  const { action, content } = await sendRequest(request, ElicitResultSchema);
  return `action=${action}, content=${JSON.stringify(content ?? {})}`;
}

const oneText = (name, description) => ({
  type: 'object',
  properties: { [name]: { type: 'string', description } },
  required: [name],
});

const eliciting = (name, description, schema) => ({
  definition: { name, description, inputSchema: { type: 'object', properties: {} } },
  run: async (_args, extra) => [
    text(`Elicitation completed: ${await elicit(description, schema, extra)}`),
  ],
});

/** As `tools` in tools.mjs. */
export const askingTools = [
  {
    definition: {
      name: 'test_sampling',
      description: 'Asks the model of the client',
      inputSchema: oneText('prompt', 'What to ask'),
    },
    run: sample,
  },
  {
    definition: {
      name: 'test_elicitation',
      description: 'Asks the user',
      inputSchema: oneText('message', 'What to say to the user'),
    },
    run: async ({ message }, extra) => [
      text(`User response: ${await elicit(message, PERSON, extra)}`),
    ],
  },
  eliciting('test_elicitation_sep1034_defaults', 'Asks with defaults', DEFAULTS),
  eliciting('test_elicitation_sep1330_enums', 'Asks with choices', ENUMS),
];
