import OpenAI from 'openai';

const client = new OpenAI({ apiKey: 'a', baseURL: `${process.argv[2]}v1`, maxRetries: 0 });
const messages = [{ role: 'user', content: 'a question' }];
const whole = await client.chat.completions.create({ model: 'a', messages });
console.log(whole.choices[0].message.content);
const stream = await client.chat.completions.create({ model: 'a', messages, stream: true });
for await (const { choices } of stream) console.log(choices[0].delta.content);
