// Stands in for a service of the stack: it answers with its name.
import { createServer } from 'node:http';

const { SERVICE_NAME = 'service', SERVICE_PORT = '8080' } = process.env;

createServer((_request, response) => response.end(`${SERVICE_NAME} was reached\n`)).listen(Number(SERVICE_PORT));
process.on('SIGTERM', () => process.exit(0));
