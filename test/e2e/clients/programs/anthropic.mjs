import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ apiKey: 'a', baseURL: process.argv[2], maxRetries: 0 });
const request = { model: 'a', max_tokens: 9, messages: [{ role: 'user', content: 'a question' }] };
const whole = await client.messages.create(request);
console.log(whole.content[0].text);
const stream = client.messages.stream(request);
stream.on('text', (text) => console.log(text));
await stream.finalMessage();
