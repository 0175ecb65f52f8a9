// `serve`: says its port, and greets; else a client of the given targets.
import grpc from '@grpc/grpc-js';

const raw = { serialize: (text) => Buffer.from(text), deserialize: String };
const method = (name, responseStream) => ({
  path: `/egress.Greeter/${name}`,
  ...{ requestStream: false, responseStream },
  ...{ requestSerialize: raw.serialize, requestDeserialize: raw.deserialize },
  ...{ responseSerialize: raw.serialize, responseDeserialize: raw.deserialize },
});
const service = { Greet: method('Greet', false), Stream: method('Stream', true) };

const [first, ...others] = process.argv.slice(2);
if (first === 'serve') serve();
else for (const target of [first, ...others]) await ask(target);

function serve() {
  const server = new grpc.Server();
  server.addService(service, {
    Greet: (_call, answer) => answer(null, 'hello'),
    Stream(call) {
      for (const word of ['hello', 'again']) call.write(word);
      call.end();
    },
  });
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => console.log(port));
}

async function ask(target) {
  const client = new grpc.Client(target, grpc.credentials.createInsecure());
  const { path } = service.Greet;
  const greeting = await new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, raw.serialize, raw.deserialize, 'a question', (error, answer) =>
      error === null ? resolve(answer) : reject(error),
    );
  });
  console.log(greeting);
  const stream = client.makeServerStreamRequest(service.Stream.path, raw.serialize, raw.deserialize, 'a question');
  for await (const word of stream) console.log(word);
  client.close();
}
